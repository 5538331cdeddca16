//! What the core wants done without an answer.

use ioctl_dispatch::effect::{Effect, RegistryWrite};
use ioctl_dispatch::request::Irql;
use ioctl_dispatch::{Completion, NtStatus};

use crate::device::Device;
use crate::device::settings;
use crate::io::complete::finish;
use crate::km::{error_log, notification, properties, time};

/// Does what the core has collected. IRQL <= DISPATCH_LEVEL.
pub fn drain(device: &Device) {
    while let Some(effect) = device.core.with(|dispatcher| dispatcher.take_effect()).flatten() {
        apply(device, effect);
    }
}

fn apply(device: &Device, effect: Effect) {
    match effect {
        Effect::Notify(event) => notification::report(device.physical(), event),
        Effect::SetVerifyVolume => device.own().set_verify_volume(),
        Effect::InvalidateBusRelations => properties::invalidate_bus_relations(device.physical()),
        Effect::StartUnit => device.start_unit.send(device),
        Effect::WriteRegistry(write) => write_registry(device, write),
        Effect::Log(record) => error_log::record(device.own(), &record),
        Effect::LogExclusiveLock(name) => error_log::exclusive_lock(device.own(), &name),
        Effect::CompleteParked => {
            while let Some(request) = device.volume_queue().retrieve() {
                finish(device, request, Completion::new(NtStatus::SUCCESS, 0));
            }
        }
        Effect::RestoreSpeed => device.restore_speed.submit(),
        Effect::Poll => device.poll.submit(),
        Effect::SoftEject => device.soft_eject.submit(),
        Effect::DeleteSuggestedLink => {
            if time::irql() == Irql::Passive {
                settings::delete_suggested_link(device);
            }
        }
        // A port that refuses idle power is not told of use either: `platform` refuses it for the port.
        Effect::MarkActive(_) => {}
    }
}

/// Keeps what was learned. The registry may be reached at PASSIVE_LEVEL only, where storage device controls are sent;
/// what a caller at another level sets holds until the device goes.
fn write_registry(device: &Device, write: RegistryWrite) {
    if time::irql() != Irql::Passive {
        return;
    }
    let (key, name, value) = match write {
        RegistryWrite::MmcDetectionState(value) => (settings::CLASSPNP, "MMCDetectionState", value),
        RegistryWrite::UserRemovalPolicy(value) => (settings::CLASSPNP, "UserRemovalPolicy", value),
        RegistryWrite::NonMmc => (settings::CDROM, "NonMmc", 1),
        RegistryWrite::NoTypeOneGetConfig => (settings::CDROM, "NoTypeOneGetConfig", 1),
        RegistryWrite::NonMmcVendorSpecificProfile => (settings::CDROM, "NonMmcVendorSpecificProfile", 1),
    };
    settings::write(device, key, name, value);
}
