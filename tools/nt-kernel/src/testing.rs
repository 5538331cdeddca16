//! What the tests share: a machine and a kernel for one body, and its findings.

use nt_machine::findings::{self, Finding, Rule};
use nt_machine::threads::{self, RunEnd};
use nt_machine::{Machine, Options as MachineOptions};
use std::cell::Cell;
use std::rc::Rc;

use crate::layout::{DEVICE_OBJECT, DRIVER_DISPATCH, DRIVER_OBJECT};
use crate::{Kernel, Options, field, get, io, put, raw};

/// Runs a body on a simulated thread and gives how the run ended, with its findings.
pub(crate) fn run_seeded(seed: u64, body: impl FnOnce() + 'static) -> (RunEnd, Vec<Finding>) {
    let _machine = Machine::new(&MachineOptions { seed, ..MachineOptions::default() });
    let _kernel = Kernel::new(Options::default());
    let done = Rc::new(Cell::new(false));
    let flag = done.clone();
    threads::spawn(
        "test",
        0,
        Box::new(move || {
            body();
            flag.set(true);
        }),
    );
    let end = threads::run(&|| done.get(), None);
    if matches!(end, RunEnd::Done) {
        threads::settle();
    }
    (end, findings::take())
}

/// Runs a body that must end without a finding, with several seeds.
pub(crate) fn clean(body: impl Fn() + Clone + 'static) {
    for seed in 0..4 {
        let (end, findings) = run_seeded(seed, body.clone());
        let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert!(matches!(end, RunEnd::Done), "{end:?} {texts:?}");
        assert!(texts.is_empty(), "{texts:?}");
    }
}

/// Runs a body that must give a finding of this rule with this text.
pub(crate) fn found(rule: Rule, text: &str, body: impl FnOnce() + 'static) {
    let (end, findings) = run_seeded(0, body);
    let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.iter().any(|found| found.rule == rule && found.text.contains(text)), "{end:?} {texts:?}");
}

/// A driver whose major functions all are this one.
pub(crate) fn driver(name: &str, dispatch: DRIVER_DISPATCH) -> *mut DRIVER_OBJECT {
    let driver = io::create_driver(name, &format!(r"{}\{name}", crate::registry::SERVICES));
    for major in 0..28 {
        raw::write(field!(driver, MajorFunction[major]), Some(dispatch));
    }
    driver
}

/// A device of its own driver, on top of another one.
pub(crate) fn device(name: &str, dispatch: DRIVER_DISPATCH, below: Option<*mut DEVICE_OBJECT>) -> *mut DEVICE_OBJECT {
    let device = io::create_device(driver(name, dispatch), 8, None, 0x22, 0).unwrap();
    put!(device, Flags, get!(device, Flags) & !crate::layout::DO_DEVICE_INITIALIZING);
    if let Some(below) = below {
        io::attach(device, below);
    }
    device
}

/// Requests leave no IRP and no MDL behind.
pub(crate) fn nothing_left_of_requests() {
    assert!(io::irp::live().is_empty());
    assert!(crate::mdl::left().is_empty());
}
