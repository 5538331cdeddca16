//! Device start: what the port and the registry say, memory, then the core's start sequence.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use ioctl_dispatch::buffers::SCRATCH_MAX;
use ioctl_dispatch::descriptors::{AdapterDescriptor, DeviceDescriptor, PowerDescriptor};
use ioctl_dispatch::device::Identity;
use ioctl_dispatch::{Dispatcher, Job};
use wdk_sys::{
    DEVICE_REGISTRY_PROPERTY, FILE_READ_ONLY_DEVICE, NTSTATUS, STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_UNSUCCESSFUL, WDFDEVICE, call_unsafe_wdf_function_binding,
};

use crate::device::add::DEVICE_NAME;
use crate::device::{Device, interfaces, poll, settings};
use crate::io::engine::{Buffer, Engine, Work};
use crate::io::platform::query_property;
use crate::km::links::Name;
use crate::km::properties;
use crate::status;
use crate::wdf::memory::Memory;

/// StorageDeviceProperty.
const DEVICE_PROPERTY: u32 = 0;
/// StorageAdapterProperty.
const ADAPTER_PROPERTY: u32 = 1;
/// StorageDevicePowerProperty.
const POWER_PROPERTY: u32 = 12;

/// Longest descriptor that is looked at.
const DESCRIPTOR_ROOM: usize = 0x1000;

/// Scratch memory has to begin at a page.
const PAGE_MASK: usize = 0xFFF;

const _: () = assert!(align_of::<Dispatcher>() <= 16, "pool memory is aligned to 16 bytes");

/// The device starts for the first time. PASSIVE_LEVEL.
pub extern "C" fn self_managed_io_init(device: WDFDEVICE) -> NTSTATUS {
    // SAFETY: the framework calls with a live device of this driver.
    let device = unsafe { Device::of(device) };
    status::of(start(device))
}

#[unsafe(link_section = "PAGE")]
fn start(device: &Device) -> Result<(), NTSTATUS> {
    device.engine.with(|engine| prepare(device, engine))?;
    let completion = device.engine.with(|engine| engine.run_own(device, Work::new(Job::Start, None)));
    if !completion.status.is_success() {
        return Err(status::to_system(completion.status));
    }
    properties::count_drive();
    device.is_counted.store(true, Ordering::Relaxed);
    let known = device.core.with(|dispatcher| (dispatcher.device.is_mmc, dispatcher.device.descriptor.bus_type()));
    let (is_mmc, bus_type) = known.ok_or(STATUS_UNSUCCESSFUL)?;
    if !is_mmc {
        device.own().add_characteristics(FILE_READ_ONLY_DEVICE);
    }
    interfaces::describe(device, bus_type);
    poll::start(device)
}

/// Learns what is needed to begin, and allocates all memory that I/O will need.
// Not inlined: what it needs of the stack is not needed by the commands that follow.
#[inline(never)]
#[unsafe(link_section = "PAGE")]
fn prepare(device: &Device, engine: &mut Engine) -> Result<(), NTSTATUS> {
    let mut features = Memory::allocate(device.object(), SCRATCH_MAX)?;
    let room = features.bytes().get_mut(..DESCRIPTOR_ROOM).ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
    let incomplete = STATUS_DEVICE_CONFIGURATION_ERROR;
    let adapter = AdapterDescriptor::new(descriptor(device, engine, ADAPTER_PROPERTY, room)?).ok_or(incomplete)?;
    let drive = DeviceDescriptor::new(descriptor(device, engine, DEVICE_PROPERTY, room)?).ok_or(incomplete)?;
    let power =
        descriptor(device, engine, POWER_PROPERTY, room).map_or(PowerDescriptor::default(), PowerDescriptor::new);
    let removal_policy = removal_policy(device)?;
    let scratch_length = usize::try_from(adapter.limits().scratch_length()).unwrap_or(SCRATCH_MAX);
    let mut scratch = Memory::allocate(device.object(), scratch_length)?;
    if scratch.start().addr().get() & PAGE_MASK != 0 {
        return Err(STATUS_INSUFFICIENT_RESOURCES);
    }
    let core = Memory::allocate(device.object(), size_of::<Dispatcher>())?;
    let name = Name::numbered(DEVICE_NAME, device.number());
    let identity = Identity {
        number: device.number(),
        device_name: name.units(),
        mounted_interface: interfaces::mounted_link(device),
        removal_policy,
    };
    // SAFETY: any bytes are numbers; scratch memory begins at a page.
    let (_, lists, _) = unsafe { scratch.bytes().align_to_mut::<u16>() };
    let settings = settings::read(device, lists);
    let mut place = place_core(&core);
    // Not under the core's lock: the interface's link may be in paged memory.
    // SAFETY: a dispatcher that nobody else knows yet.
    unsafe { place.as_mut() }.device.set_up(&identity, &settings, adapter, &drive, power);
    device.core.install(place);
    engine.memory = Some(Buffer { scratch, features, _core: core });
    Ok(())
}

/// Makes the dispatcher of a drive that nothing is known of yet.
// Not inlined: it is made on the stack.
#[inline(never)]
#[unsafe(link_section = "PAGE")]
fn place_core(memory: &Memory) -> NonNull<Dispatcher> {
    let place = memory.start().cast::<Dispatcher>();
    // SAFETY: memory of that size and alignment.
    unsafe { place.write(Dispatcher::default()) };
    place
}

/// A descriptor of the port, in `room`.
#[unsafe(link_section = "PAGE")]
fn descriptor<'a>(
    device: &Device,
    engine: &mut Engine,
    property: u32,
    room: &'a mut [u8],
) -> Result<&'a [u8], NTSTATUS> {
    let (status, length) = query_property(device, &mut engine.port, property, room);
    if !status.is_success() {
        return Err(status::to_system(status));
    }
    Ok(usize::try_from(length).ok().and_then(|length| room.get(..length)).unwrap_or(&[]))
}

/// DevicePropertyRemovalPolicy.
#[unsafe(link_section = "PAGE")]
fn removal_policy(device: &Device) -> Result<u32, NTSTATUS> {
    let (mut policy, mut length) = (0_u32, 0);
    // SAFETY: a live device and a buffer of four bytes.
    status::check(unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceQueryProperty,
            device.handle(),
            DEVICE_REGISTRY_PROPERTY::DevicePropertyRemovalPolicy,
            4,
            (&raw mut policy).cast(),
            &raw mut length
        )
    })?;
    if length == 4 { Ok(policy) } else { Err(STATUS_UNSUCCESSFUL) }
}

/// Gives the memory back: from now on there is no device for the core.
pub fn undo(device: &Device, engine: &mut Engine) {
    device.core.remove();
    engine.memory = None;
}
