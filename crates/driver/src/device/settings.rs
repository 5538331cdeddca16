//! What the registry tells the driver, and what the driver keeps there. PASSIVE_LEVEL.

use ioctl_dispatch::registry::Settings;
use wdk_sys::{KEY_READ, KEY_WRITE, call_unsafe_wdf_function_binding};

use crate::device::Device;
use crate::device::add::DEVICE_NAME;
use crate::km::links::{Name, string_of};
use crate::wdf::driver;
use crate::wdf::registry::{Key, opened};

/// Subkey of the device's key that all class drivers use.
pub const CLASSPNP: &str = "Classpnp";
/// Subkey of the device's key for optical drives.
pub const CDROM: &str = "CdRom";
/// Subkey of the device's key about media-change notification.
const NOTIFICATION: &str = "MediaChangeNotification";

/// PLUGPLAY_REGKEY_DEVICE: what belongs to the piece of hardware.
const HARDWARE_KEY: u32 = 1;
/// PLUGPLAY_REGKEY_DRIVER: what belongs to the driver's instance.
const SOFTWARE_KEY: u32 = 2;

/// Where suggested drive letters lie, by the names of devices.
const DISK: &str = r"\Registry\Machine\System\DISK";

/// Longest value that is a drive letter, in UTF-16 units.
const LINK_ROOM: usize = 10;

#[unsafe(link_section = "PAGE")]
fn device_key(device: &Device, kind: u32, access: u32) -> Option<Key> {
    opened(|attributes, key| {
        // SAFETY: a live device.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfDeviceOpenRegistryKey, device.handle(), kind, access, attributes, key)
        }
    })
}

/// The keys of one device.
struct DeviceKeys<'a> {
    device: &'a Device,
    hardware: Option<Key>,
    software: Option<Key>,
}

impl DeviceKeys<'_> {
    #[unsafe(link_section = "PAGE")]
    fn hardware_value(&self, subkey: &str, name: &str) -> Option<u32> {
        self.hardware.as_ref()?.open(subkey, KEY_READ)?.u32(name)
    }

    /// A value of the hardware key, or else of the software key, where older systems kept it. Such a value moves.
    #[unsafe(link_section = "PAGE")]
    fn value(&self, subkey: &str, name: &str) -> Option<u32> {
        self.hardware_value(subkey, name).or_else(|| {
            let value = self.software.as_ref()?.open(subkey, KEY_READ)?.u32(name)?;
            write(self.device, subkey, name, value);
            Some(value)
        })
    }
}

/// Reads all that is read at device start. `room` takes the lists of devices that must not be polled.
#[unsafe(link_section = "PAGE")]
pub fn read<'a>(device: &Device, room: &'a mut [u16]) -> Settings<'a> {
    let service = Key::service(KEY_READ);
    let parameters = driver::parameters(KEY_READ);
    let nested = parameters.as_ref().and_then(|key| key.open("Parameters", KEY_READ));
    let keys = DeviceKeys {
        device,
        hardware: device_key(device, HARDWARE_KEY, KEY_READ),
        software: device_key(device, SOFTWARE_KEY, KEY_READ),
    };
    let of = |key: &Option<Key>, name| key.as_ref().and_then(|key| key.u32(name));
    let (first, second) = room.split_at_mut(room.len() / 2);
    let list = |key: &Option<Key>, room: &'a mut [u16]| {
        key.as_ref().map_or(&[][..], |key| key.multi_string("AutoRunAlwaysDisable", room))
    };
    Settings {
        timeout_value: of(&parameters, "TimeOutValue"),
        zero_power_enabled: of(&parameters, "ZeroPowerODDEnabled"),
        service_autorun: of(&service, "Autorun"),
        parameters_autorun: of(&parameters, "Autorun"),
        nested_autorun: of(&nested, "Autorun"),
        service_always_disable: list(&service, first),
        parameters_always_disable: list(&parameters, second),
        always_disable_mcn: keys.hardware_value(NOTIFICATION, "AlwaysDisableMCN"),
        always_enable_mcn: keys.hardware_value(NOTIFICATION, "AlwaysEnableMCN"),
        hack_mask: keys.hardware_value(CLASSPNP, "HackMask"),
        mmc_detection_state: keys.value(CLASSPNP, "MMCDetectionState"),
        user_removal_policy: keys.value(CLASSPNP, "UserRemovalPolicy"),
        write_cache_enable_override: keys.value(CLASSPNP, "WriteCacheEnableOverride"),
        non_mmc: keys.value(CDROM, "NonMmc"),
        no_type_one_get_config: keys.value(CDROM, "NoTypeOneGetConfig"),
        non_mmc_vendor_specific_profile: keys.value(CDROM, "NonMmcVendorSpecificProfile"),
    }
}

/// A value of the service's parameters.
#[unsafe(link_section = "PAGE")]
pub fn parameter(name: &str) -> Option<u32> {
    driver::parameters(KEY_READ)?.u32(name)
}

/// Keeps a value in the device's hardware key.
#[unsafe(link_section = "PAGE")]
pub fn write(device: &Device, subkey: &str, name: &str, value: u32) {
    let access = KEY_READ | KEY_WRITE;
    if let Some(key) = device_key(device, HARDWARE_KEY, access).and_then(|key| key.create(subkey, access)) {
        key.set_u32(name, value);
    }
}

#[unsafe(link_section = "PAGE")]
fn disk_key(access: u32) -> Option<Key> {
    let mut units = [0; DISK.len()];
    for (unit, byte) in units.iter_mut().zip(DISK.bytes()) {
        *unit = u16::from(byte);
    }
    Key::open_path(&string_of(&units), access)
}

/// The drive letter that was suggested for this device, packed: its length, its first unit, its second.
#[unsafe(link_section = "PAGE")]
pub fn suggested_link(device: &Device) -> Option<u64> {
    let name = Name::numbered(DEVICE_NAME, device.number());
    let mut room = [0; LINK_ROOM];
    let key = disk_key(KEY_READ)?;
    let value = key.string(&name.string(), &mut room)?;
    let value = value.strip_suffix(&[0]).unwrap_or(value);
    let unit = |index: usize| u64::from(value.get(index).copied().unwrap_or(0));
    let length = u64::try_from(value.len()).unwrap_or(0);
    Some((length << 32) | (unit(0) << 16) | unit(1))
}

/// The drive letter has been given away.
#[unsafe(link_section = "PAGE")]
pub fn delete_suggested_link(device: &Device) {
    if let Some(key) = disk_key(KEY_READ | KEY_WRITE) {
        key.remove(&Name::numbered(DEVICE_NAME, device.number()).string());
    }
}
