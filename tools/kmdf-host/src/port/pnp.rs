//! PnP and power requests: the drive's device object is the end of both.

use std::cell::Cell;

use nt_kernel::io;
use nt_kernel::layout::{DEVICE_OBJECT, DEVICE_RELATIONS, IRP};
use nt_kernel::pnp::Node;
use nt_kernel::{get, objects, pool, put, raw, status};
use nt_machine::findings::{self, Rule};

use crate::manager::power;

use super::engine::{abandon_all, complete};
use super::srb::srb_status;
use super::with;

/// Minor functions of IRP_MJ_PNP.
pub mod minor {
    #![allow(missing_docs, reason = "names and meanings are the WDK's")]
    pub const START_DEVICE: u8 = 0x00;
    pub const QUERY_REMOVE_DEVICE: u8 = 0x01;
    pub const REMOVE_DEVICE: u8 = 0x02;
    pub const CANCEL_REMOVE_DEVICE: u8 = 0x03;
    pub const STOP_DEVICE: u8 = 0x04;
    pub const QUERY_STOP_DEVICE: u8 = 0x05;
    pub const CANCEL_STOP_DEVICE: u8 = 0x06;
    pub const QUERY_DEVICE_RELATIONS: u8 = 0x07;
    pub const QUERY_CAPABILITIES: u8 = 0x09;
    pub const QUERY_ID: u8 = 0x13;
    pub const QUERY_PNP_DEVICE_STATE: u8 = 0x14;
    pub const DEVICE_USAGE_NOTIFICATION: u8 = 0x16;
    pub const SURPRISE_REMOVAL: u8 = 0x17;
    pub const SET_POWER: u8 = 0x02;
    pub const QUERY_POWER: u8 = 0x03;
}

/// `TargetDeviceRelation`.
const TARGET_DEVICE_RELATION: u32 = 4;
/// Tag of memory that the PnP manager frees.
const TAG: u32 = u32::from_le_bytes(*b"hpnp");

/// The identifiers of the drive: device, hardware, compatible, instance.
const IDS: [&[&str]; 4] = [
    &["SCSI\\CdRomHost____Virtual_Drive___1.00"],
    &["SCSI\\CdRomHost____Virtual_Drive___1.00", "GenCdRom"],
    &["SCSI\\CdRom", "SCSI\\RAW"],
    &["5&0&000000"],
];

/// The device's instance path, and the class and number of its software key.
const INSTANCE: &str = r"SCSI\CdRom&Ven_Host&Prod_Virtual_Drive\5&0&000000";
const DRIVER_KEY: &str = r"{4d36e965-e325-11ce-bfc1-08002be10318}\0000";

/// Properties by number of DEVICE_REGISTRY_PROPERTY: texts, then numbers.
const TEXTS: &[(u32, &str)] = &[
    (0x00, "CD-ROM Drive"),
    (0x05, "CDROM"),
    (0x06, "{4d36e965-e325-11ce-bfc1-08002be10318}"),
    (0x07, DRIVER_KEY),
    (0x0A, "Bus Number 0, Target Id 0, LUN 0"),
    (0x0F, "SCSI"),
];
const NUMBERS: &[(u32, u32)] = &[
    // DevicePropertyBusNumber, DevicePropertyAddress.
    (0x0E, 0),
    (0x10, 0),
    // DevicePropertyInstallState: installed. DevicePropertyRemovalPolicy: orderly removal is expected.
    (0x12, 0),
    (0x13, 2),
];

/// Makes the drive's device node known.
pub fn register(pdo: *mut DEVICE_OBJECT) {
    let text = |text: &str| text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let texts = TEXTS.iter().map(|(property, value)| (*property, text(value)));
    let numbers = NUMBERS.iter().map(|(property, value)| (*property, value.to_le_bytes().to_vec()));
    let node = Node {
        instance: INSTANCE.into(),
        properties: texts.chain(numbers).collect(),
        keyed: Vec::new(),
        driver_key: DRIVER_KEY.into(),
    };
    nt_kernel::pnp::register_node(pdo, node);
}

thread_local! {
    /// Minor functions that have come down to the drive's device object, a bit each.
    static SEEN: Cell<u32> = const { Cell::new(0) };
}

/// Forgets which requests have come down.
pub fn watch() {
    SEEN.set(0);
}

/// Whether a request with this minor function has come down.
pub fn has_seen(minor: u8) -> bool {
    SEEN.get() & 1 << minor != 0
}

/// IRP_MJ_PNP.
pub extern "win64" fn dispatch(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let minor = get!(io::current(irp), MinorFunction);
    SEEN.set(SEEN.get() | 1u32.checked_shl(minor.into()).unwrap_or(0));
    match minor {
        minor::START_DEVICE
        | minor::QUERY_REMOVE_DEVICE
        | minor::CANCEL_REMOVE_DEVICE
        | minor::STOP_DEVICE
        | minor::QUERY_STOP_DEVICE
        | minor::CANCEL_STOP_DEVICE
        | minor::DEVICE_USAGE_NOTIFICATION
        | minor::QUERY_PNP_DEVICE_STATE => keep(irp),
        minor::SURPRISE_REMOVAL => {
            abandon();
            keep(irp)
        }
        minor::REMOVE_DEVICE => {
            removed();
            keep(irp)
        }
        minor::QUERY_CAPABILITIES => {
            capabilities(irp);
            keep(irp)
        }
        minor::QUERY_DEVICE_RELATIONS => relations(device, irp),
        minor::QUERY_ID => id(irp),
        _ => unchanged(irp),
    }
}

/// Succeeds and leaves Information as it came down.
fn keep(irp: *mut IRP) -> i32 {
    complete(irp, status::SUCCESS, get!(irp, IoStatus.Information))
}

/// What the bus driver does not know it completes as it came down.
fn unchanged(irp: *mut IRP) -> i32 {
    let status = get!(irp, IoStatus.Status);
    io::complete(irp, 0);
    status
}

/// The drive is gone: what is queued ends.
fn abandon() {
    let works = with(|port| {
        port.unit.take_away();
        port.queue.take_all()
    });
    abandon_all(works, srb_status::NO_DEVICE, status::DEVICE_DOES_NOT_EXIST);
}

/// The class driver let the device go. It must not leave work or a held queue.
fn removed() {
    let (outstanding, frozen, locked) = with(|port| (port.outstanding(), port.is_frozen(), port.is_locked()));
    if outstanding > 0 {
        findings::report(Rule::PnpOrder, outstanding, "REMOVE_DEVICE reached the port while it still has requests");
    }
    // A drive that is gone leaves nothing to hold.
    let gone = with(|port| port.unit.is_gone());
    for (held, what) in [(frozen, "frozen"), (locked, "locked")] {
        if held && !gone {
            findings::report(Rule::Leak, "queue", format_args!("the device is removed and its queue is still {what}"));
        }
    }
}

/// Fills DEVICE_CAPABILITIES: removable, D3 in all sleeping states.
fn capabilities(irp: *mut IRP) {
    const REMOVABLE: u32 = 1 << 4;
    const STATES: usize = 0x10;
    let structure: *mut u8 = get!(io::current(irp), Parameters.Others.Argument1).cast();
    let bits: *mut u32 = structure.wrapping_add(4).cast();
    raw::write(bits, raw::read(bits) | REMOVABLE);
    let states: *mut u32 = structure.wrapping_add(STATES).cast();
    // SYSTEM_POWER_STATE from PowerSystemUnspecified to PowerSystemShutdown; D0 is 1, D3 is 4.
    for (index, state) in [0_u32, 1, 4, 4, 4, 4, 4].into_iter().enumerate() {
        raw::write(states.wrapping_add(index), state);
    }
}

fn relations(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let kind: u32 = raw::read(nt_kernel::field!(io::current(irp), Parameters.Others.Argument1).cast());
    if kind != TARGET_DEVICE_RELATION {
        return unchanged(irp);
    }
    let list: *mut DEVICE_RELATIONS = pool::allocate(true, size_of::<DEVICE_RELATIONS>(), TAG).cast();
    if list.is_null() {
        return complete(irp, status::INSUFFICIENT_RESOURCES, 0);
    }
    objects::reference(device.cast());
    put!(list, Count, 1);
    put!(list, Objects, [device]);
    complete(irp, status::SUCCESS, list.expose_provenance())
}

/// Gives an identifier, or a list of them with an empty one at its end, in memory that the asker frees.
fn id(irp: *mut IRP) -> i32 {
    let kind: u32 = raw::read(nt_kernel::field!(io::current(irp), Parameters.Others.Argument1).cast());
    let Some(ids) = usize::try_from(kind).ok().and_then(|kind| IDS.get(kind)) else { return unchanged(irp) };
    let mut units: Vec<u16> = ids.iter().flat_map(|id| id.encode_utf16().chain([0])).collect();
    if ids.len() > 1 {
        units.push(0);
    }
    let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    let text = pool::allocate(true, bytes.len(), TAG);
    if text.is_null() {
        return complete(irp, status::INSUFFICIENT_RESOURCES, 0);
    }
    raw::put_bytes(text, &bytes);
    complete(irp, status::SUCCESS, text.expose_provenance())
}

/// IRP_MJ_POWER: the drive follows every state. A change of the system's state is held until the device has followed.
pub extern "win64" fn dispatch_power(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let stack = io::current(irp);
    let of_system = get!(stack, Parameters.Power.Type) == 0;
    match get!(stack, MinorFunction) {
        minor::SET_POWER => match with(|port| port.policy.take()) {
            Some(policy) if of_system => {
                io::mark_pending(irp);
                let state = u32::from(policy.state) + 1;
                let done = Box::new(move |status| {
                    power::judge_device(status);
                    keep(irp);
                });
                nt_kernel::power::request_power(device, minor::SET_POWER, false, state, policy.action, done);
                status::PENDING
            }
            _ => keep(irp),
        },
        minor::QUERY_POWER => keep(irp),
        _ => unchanged(irp),
    }
}
