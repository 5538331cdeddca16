//! Event tracing and WMI: accepted, counted, not delivered to anybody.

use std::cell::{Cell, RefCell};

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, HIGH, PASSIVE};

use crate::exports::function;
use crate::layout::{DEVICE_OBJECT, GUID, NTSTATUS, PVOID};
use crate::ledger::Left;
use crate::{raw, status};

thread_local! {
    static PROVIDERS: RefCell<Vec<(u64, GUID)>> = const { RefCell::new(Vec::new()) };
    static NEXT: Cell<u64> = const { Cell::new(1) };
    static WMI: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn reset() {
    PROVIDERS.replace(Vec::new());
    NEXT.set(1);
    WMI.replace(Vec::new());
}

pub(super) fn left() -> Vec<Left> {
    let providers = PROVIDERS.with_borrow(|all| {
        all.iter().map(|(_, id)| format!("registered trace provider {}", crate::pnp::guid_text(id))).collect::<Vec<_>>()
    });
    let wmi = WMI.with_borrow(|all| {
        all.iter().map(|&device| format!("WMI registration of {}", crate::describe(device))).collect::<Vec<_>>()
    });
    [providers, wmi].concat().into_iter().map(Left::of_unknown_origin).collect()
}

extern "win64" fn register(provider: *const GUID, _callback: PVOID, _context: PVOID, handle: *mut u64) -> NTSTATUS {
    let own = NEXT.get();
    NEXT.set(own + 1);
    PROVIDERS.with_borrow_mut(|all| all.push((own, raw::read(provider))));
    raw::write(handle, own);
    status::SUCCESS
}

extern "win64" fn unregister(handle: u64) -> NTSTATUS {
    let known = PROVIDERS.with_borrow_mut(|all| {
        let at = all.iter().position(|(own, _)| *own == handle);
        at.map(|at| all.remove(at)).is_some()
    });
    if !known {
        findings::report(Rule::BadArgument, "RegHandle", "no trace provider is registered with this handle");
        return status::INVALID_HANDLE;
    }
    status::SUCCESS
}

extern "win64" fn write() -> NTSTATUS {
    status::SUCCESS
}

extern "win64" fn enabled() -> u8 {
    0
}

/// Classic tracing: nobody listens, so there is nothing to ask about either.
extern "win64" fn query_trace_information() -> NTSTATUS {
    status::NOT_FOUND
}

extern "win64" fn wmi_registration_control(device: *mut DEVICE_OBJECT, action: u32) -> NTSTATUS {
    const REGISTER: u32 = 1;
    const DEREGISTER: u32 = 2;
    WMI.with_borrow_mut(|all| match action {
        REGISTER => all.push(device as usize),
        DEREGISTER => all.retain(|&own| own != device as usize),
        _ => {}
    });
    status::SUCCESS
}

pub(super) const EXPORTS: &[Export] = &[
    function("EtwRegister", PASSIVE, register as *const ()),
    function("EtwUnregister", PASSIVE, unregister as *const ()),
    function("EtwWrite", HIGH, write as *const ()),
    function("EtwWriteEx", HIGH, write as *const ()),
    function("EtwWriteString", HIGH, write as *const ()),
    function("EtwWriteTransfer", HIGH, write as *const ()),
    function("EtwSetInformation", APC, write as *const ()),
    function("EtwActivityIdControl", HIGH, write as *const ()),
    function("EtwEventEnabled", HIGH, enabled as *const ()),
    function("EtwProviderEnabled", HIGH, enabled as *const ()),
    function("WmiTraceMessage", HIGH, write as *const ()),
    function("WmiTraceMessageVa", HIGH, write as *const ()),
    function("WmiQueryTraceInformation", HIGH, query_trace_information as *const ()),
    function("IoWMIRegistrationControl", APC, wmi_registration_control as *const ()),
];
