//! Requests on arrival, in their callers' context.

use ioctl_dispatch::arrival::Arrival;
use ioctl_dispatch::ioctl::{ControlCode, Method};
use ioctl_dispatch::{Buffers, Completion, Dispatcher, Environment, Handle, NtStatus, Request as ControlRequest};
use wdk_sys::{IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, WDFDEVICE, WDFREQUEST};

use crate::device::Device;
use crate::device::files::FileContext;
use crate::io::complete::{fail, finish};
use crate::io::request_context::RequestContext;
use crate::io::worker::{file_of, system_buffer};
use crate::io::{effects, forward, own_work, platform, rendezvous};
use crate::km::{address, time};
use crate::status;
use crate::wdf::request::Request;

/// IOCTL_CDROM_RAW_READ.
const RAW_READ: u32 = 0x0002_403E;

/// Sees each read, write and device control before it is queued.
pub extern "C" fn in_caller_context(device: WDFDEVICE, request: WDFREQUEST) {
    // SAFETY: the framework calls with a live device of this driver.
    let device = unsafe { Device::of(device) };
    // SAFETY: the framework gives the request to this driver.
    let request = unsafe { Request::from_raw(request) };
    match u32::from(request.irp().location().major()) {
        IRP_MJ_DEVICE_CONTROL => control(device, request),
        IRP_MJ_INTERNAL_DEVICE_CONTROL => forward::internal(device, request),
        _ => enqueue(device, request),
    }
}

fn enqueue(device: &Device, request: Request) {
    if let Err((request, status)) = request.enqueue(device.handle()) {
        fail(device, request, status::to_core(status));
    }
}

fn control(device: &Device, request: Request) {
    let irp = request.irp();
    if irp.kernel_mode() && irp.location().control().code == own_work::CODE {
        let own = device.own_list.find(irp);
        if !own.is_null() {
            request.context::<RequestContext>().set_own(own);
            return enqueue(device, request);
        }
    }
    let control = describe(&request);
    let file = file_of(&request);
    let arrival = lend(device, &request, &control, file, |dispatcher, handle, environment, buffers| {
        dispatcher.arrive(&control, handle, environment, buffers)
    });
    match arrival {
        None => fail(device, request, NtStatus::DEVICE_NOT_READY),
        Some(Arrival::Complete(completion)) => finish(device, request, completion),
        Some(Arrival::Queue) => {
            request.context::<RequestContext>().set_control(control, false);
            enqueue(device, request);
        }
        Some(Arrival::QueueInCallerThread) => rendezvous::take_turn(device, request, control),
        Some(Arrival::Forward) => forward::unserialized(device, request),
        Some(Arrival::Ask(call)) => {
            let (status, value) = platform::ask_on_arrival(device, call);
            let completion = lend(device, &request, &control, None, |dispatcher, _, environment, buffers| {
                dispatcher.answer(&control, status, value, environment, buffers)
            });
            finish(device, request, completion.unwrap_or(Completion::new(NtStatus::DEVICE_NOT_READY, 0)));
        }
    }
}

/// Calls the core with all that it borrows on arrival, then takes care of its effects. What needs scratch memory is
/// not answered on arrival.
fn lend<R>(
    device: &Device,
    request: &Request,
    control: &ControlRequest,
    file: Option<&FileContext>,
    call: impl FnOnce(&mut Dispatcher, Option<&mut Handle>, &Environment, &mut Buffers<'_>) -> R,
) -> Option<R> {
    let environment = device.environment(request.irp().is_cancelled());
    // SAFETY: this thread holds the request, and nobody else uses its buffer.
    let system = unsafe { system_buffer(request, control) };
    let result = device.core.with(|dispatcher| {
        let mut buffers = Buffers { scratch: &mut [], features: &mut [], system };
        // SAFETY: the core's lock is held.
        let handle = file.map(|file| unsafe { file.handle() });
        call(dispatcher, handle, &environment, &mut buffers)
    });
    effects::drain(device);
    result
}

/// What the core needs to know of a device control.
fn describe(request: &Request) -> ControlRequest {
    let irp = request.irp();
    let location = irp.location();
    let control = location.control();
    let code = ControlCode(control.code);
    let kernel_mode = irp.kernel_mode();
    // File systems hand the input of this one over in another place, and use the usual one for themselves.
    let elsewhere = kernel_mode && control.code == RAW_READ && !control.type3_input.is_null();
    let type3_input = (elsewhere && control.input_length >= 16).then(|| {
        // SAFETY: a kernel caller that sets the pointer promises that it leads to as many bytes as it says; they are
        // read once.
        unsafe { control.type3_input.cast::<[u8; 16]>().read_unaligned() }
    });
    let direct = matches!(code.method(), Method::InDirect | Method::OutDirect);
    ControlRequest {
        code,
        input_length: control.input_length,
        output_length: control.output_length,
        handle: file_of(request).map(FileContext::id),
        kernel_mode,
        wow64: request.is_from_32_bit_process(),
        stack_flags: location.flags(),
        irql: time::irql(),
        system_address: if elsewhere { 0 } else { address(irp.system_buffer()) },
        mdl: if direct { irp.mdl().map(|mdl| mdl.shape()) } else { None },
        type3_input,
    }
}
