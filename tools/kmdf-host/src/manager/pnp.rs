//! The PnP manager.

use drive_formats::requests::Pnp;
use nt_kernel::io::{self, Sent};
use nt_kernel::layout::{DEVICE_OBJECT, DEVICE_RELATIONS, IO_STACK_LOCATION, IRP_MJ_PNP};
use nt_kernel::{field, get, objects, pool, put, raw, status};
use nt_machine::findings::{self, Rule};
use nt_machine::memory::{self, Kind};

use crate::port::{self, minor};

/// `BusRelations`, `TargetDeviceRelation`.
const BUS_RELATIONS: u32 = 0;
const TARGET_DEVICE_RELATION: u32 = 4;

/// PNP_DEVICE_FAILED in the answer to QUERY_PNP_DEVICE_STATE.
pub const PNP_DEVICE_FAILED: usize = 0x04;

/// Bytes of DEVICE_CAPABILITIES.
const CAPABILITIES: usize = 0x40;

/// Sends what `event` stands for.
pub fn play(pdo: *mut DEVICE_OBJECT, event: Pnp) -> Sent {
    match event {
        Pnp::Start => start(pdo),
        Pnp::QueryStop => plain(pdo, minor::QUERY_STOP_DEVICE),
        Pnp::CancelStop => must(pdo, minor::CANCEL_STOP_DEVICE, "CANCEL_STOP_DEVICE"),
        Pnp::Stop => must(pdo, minor::STOP_DEVICE, "STOP_DEVICE"),
        Pnp::QueryRemove => plain(pdo, minor::QUERY_REMOVE_DEVICE),
        Pnp::CancelRemove => must(pdo, minor::CANCEL_REMOVE_DEVICE, "CANCEL_REMOVE_DEVICE"),
        Pnp::Remove => remove(pdo),
        Pnp::SurpriseRemove => must(pdo, minor::SURPRISE_REMOVAL, "SURPRISE_REMOVAL"),
        Pnp::QueryState => plain(pdo, minor::QUERY_PNP_DEVICE_STATE),
        Pnp::QueryCapabilities => capabilities(pdo),
        Pnp::QueryBusRelations => relations(pdo, BUS_RELATIONS),
        Pnp::QueryTargetRelation => relations(pdo, TARGET_DEVICE_RELATION),
        Pnp::Usage { kind, entering } => usage(pdo, kind, entering),
    }
}

/// Whether a device is in another state after this event, if it agreed.
pub fn changes_state(event: Pnp) -> bool {
    use Pnp::{CancelRemove, CancelStop, QueryRemove, QueryStop, Remove, Start, Stop, SurpriseRemove};
    matches!(event, Start | QueryStop | CancelStop | Stop | QueryRemove | CancelRemove | Remove | SurpriseRemove)
}

fn request(pdo: *mut DEVICE_OBJECT, minor: u8, fill: impl FnOnce(*mut IO_STACK_LOCATION)) -> Sent {
    io::send(io::attached_top(pdo), |_, stack| {
        put!(stack, MajorFunction, IRP_MJ_PNP);
        put!(stack, MinorFunction, minor);
        fill(stack);
    })
}

fn plain(pdo: *mut DEVICE_OBJECT, minor: u8) -> Sent {
    request(pdo, minor, |_| {})
}

/// A request that every driver has to pass down when it does not fail it.
fn through(pdo: *mut DEVICE_OBJECT, minor: u8, name: &str) -> Sent {
    port::watch_pnp();
    let outcome = plain(pdo, minor);
    if status::success(outcome.status) && !port::has_seen_pnp(minor) {
        findings::report(Rule::PnpOrder, name, "was completed without being passed down to the bus driver");
    }
    outcome
}

/// A request that no driver may fail.
fn must(pdo: *mut DEVICE_OBJECT, minor: u8, name: &str) -> Sent {
    let outcome = through(pdo, minor, name);
    if !status::success(outcome.status) {
        let status = status::name(outcome.status);
        findings::report(Rule::PnpOrder, name, format_args!("must not fail, and was completed with {status}"));
    }
    outcome
}

/// START_DEVICE, then what the manager asks of a device that has started.
fn start(pdo: *mut DEVICE_OBJECT) -> Sent {
    // A device without resources: both lists are null.
    let started = through(pdo, minor::START_DEVICE, "START_DEVICE");
    if status::success(started.status) {
        capabilities(pdo);
        let state = plain(pdo, minor::QUERY_PNP_DEVICE_STATE);
        if state.information & PNP_DEVICE_FAILED == 0 {
            relations(pdo, BUS_RELATIONS);
        }
    }
    started
}

/// REMOVE_DEVICE; the driver must have let the device go.
fn remove(pdo: *mut DEVICE_OBJECT) -> Sent {
    let outcome = must(pdo, minor::REMOVE_DEVICE, "REMOVE_DEVICE");
    if !get!(pdo, AttachedDevice).is_null() {
        findings::report(Rule::PnpOrder, "REMOVE_DEVICE", "the driver's device is still attached after its removal");
    }
    outcome
}

fn capabilities(pdo: *mut DEVICE_OBJECT) -> Sent {
    let structure = memory::allocate(Kind::Object, CAPABILITIES, 8, 0, "DEVICE_CAPABILITIES");
    raw::fill(structure, 0, CAPABILITIES);
    raw::write(structure.cast::<u16>(), 0x40);
    raw::write(structure.wrapping_add(2).cast::<u16>(), 1);
    // Address and UINumber are unknown.
    raw::write(structure.wrapping_add(8).cast::<u64>(), u64::MAX);
    let outcome = request(pdo, minor::QUERY_CAPABILITIES, |stack| {
        put!(stack, Parameters.Others.Argument1, structure.cast());
    });
    memory::free(structure);
    outcome
}

fn relations(pdo: *mut DEVICE_OBJECT, kind: u32) -> Sent {
    let mut outcome = request(pdo, minor::QUERY_DEVICE_RELATIONS, |stack| {
        raw::write(field!(stack, Parameters.Others.Argument1).cast::<u32>(), kind);
    });
    let list: *mut DEVICE_RELATIONS = core::ptr::with_exposed_provenance_mut(outcome.information);
    if status::success(outcome.status) && !list.is_null() {
        let count = get!(list, Count);
        let objects = field!(list, Objects).cast::<*mut DEVICE_OBJECT>();
        for index in 0..usize::try_from(count).unwrap_or(0) {
            let object = raw::read(objects.wrapping_add(index));
            if kind == TARGET_DEVICE_RELATION && object != pdo {
                findings::report(Rule::PnpOrder, "TargetDeviceRelation", "the device is not the one of the bus driver");
            }
            objects::dereference(object.cast());
        }
        pool::free(list.cast());
        // What the script sees is how many there are, not where.
        outcome.information = usize::try_from(count).unwrap_or(0);
    }
    outcome
}

fn usage(pdo: *mut DEVICE_OBJECT, kind: u32, entering: bool) -> Sent {
    request(pdo, minor::DEVICE_USAGE_NOTIFICATION, |stack| {
        put!(stack, Parameters.UsageNotification.InPath, u8::from(entering));
        put!(stack, Parameters.UsageNotification.Type, kind);
    })
}
