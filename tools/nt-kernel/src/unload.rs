//! What a driver must not leave behind.

use nt_machine::findings::{self, Rule};

use crate::io::irp::{self, Origin};
use crate::ledger::Left;
use crate::{error_log, io, lookaside, mdl, names, objects, pnp, pool, power, sync, system};

/// Reports everything that is left after a driver was unloaded: requests that nobody completed, and what was allocated,
/// referenced, opened, registered, armed or queued and not given back.
pub fn check_at_unload() {
    report_lost();
    for (request, origin) in irp::live() {
        match irp::holder(request) {
            Some(_) => {}
            None if matches!(origin, Origin::OwnMemory) => {}
            None => leak(Left { what: "an IRP".into(), site: irp::site(request) }, "is left"),
        }
    }
    for (address, block) in pool::held() {
        let known = nt_machine::memory::lookup(address);
        let site = known.as_ref().map(|block| block.allocated_by).unwrap_or_default();
        let by = known.map(|block| block.describe()).unwrap_or_default();
        leak(Left { what: format!("pool, {block}"), site }, &format!("is left: {by}"));
    }
    for left in objects::references() {
        leak(left, "are left");
    }
    for (device, driver) in io::device_objects() {
        leak(Left::of_unknown_origin(format!("device object {device} of {driver}")), "is left");
    }
    for left in names::left() {
        leak(left, "is left");
    }
    for own in pnp::interfaces().into_iter().filter(|own| own.enabled) {
        leak(Left::of_unknown_origin(format!("device interface {}", own.name)), "is left enabled");
    }
    let left = [
        lookaside::left(),
        mdl::left(),
        objects::handles(),
        sync::left(),
        power::left(),
        error_log::left(),
        system::left(),
    ];
    for left in left.concat() {
        leak(left, "is left");
    }
}

/// Reports the requests that a driver has and does not complete, and tells how many there are.
pub fn report_lost() -> usize {
    let held = irp::live().into_iter().filter_map(|(request, _)| Some((request, irp::holder(request)?)));
    held.map(|(request, holder)| {
        let (what, address) = irp::receiver(request).unwrap_or((holder.clone(), 0));
        findings::report_at(Rule::Lost, &what, "Irp", address, format!("a request was never completed by {holder}"));
    })
    .count()
}

/// Names the call that made what is left.
fn leak(left: Left, text: &str) {
    let Left { what, site } = left;
    let function = if site.function.is_empty() { "DriverUnload" } else { site.function };
    findings::report_at(Rule::Leak, function, what, site.caller, text);
}
