//! What a driver must not leave behind.

use nt_machine::findings::{self, Rule};

use crate::io::irp::{self, Origin};
use crate::{error_log, io, lookaside, mdl, names, objects, pnp, pool, power, sync, system};

/// Reports everything that is left after a driver was unloaded: requests that nobody completed, and what was allocated,
/// referenced, opened, registered, armed or queued and not given back.
pub fn check_at_unload() {
    for (request, origin) in irp::live() {
        match irp::holder(request) {
            Some(holder) => {
                findings::report(Rule::Lost, "Irp", format_args!("a request was never completed by {holder}"))
            }
            None if matches!(origin, Origin::OwnMemory) => {}
            None => leak("an IRP", "is left"),
        }
    }
    for (address, block) in pool::held() {
        let by = nt_machine::memory::lookup(address).map(|block| block.describe()).unwrap_or_default();
        leak(&format!("pool, {block}"), &format!("is left: {by}"));
    }
    for (kind, name, count) in objects::references() {
        leak(&format!("{count} reference(s) to {kind:?} {name}").to_lowercase(), "are left");
    }
    for (device, driver) in io::device_objects() {
        leak(&format!("device object {device} of {driver}"), "is left");
    }
    for (link, target) in names::links() {
        leak(&format!("symbolic link {link} to {target}"), "is left");
    }
    for own in pnp::interfaces().into_iter().filter(|own| own.enabled) {
        leak(&format!("device interface {}", own.name), "is left enabled");
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
    for what in left.concat() {
        leak(&what, "is left");
    }
}

fn leak(what: &str, text: &str) {
    findings::report(Rule::Leak, what, text);
}
