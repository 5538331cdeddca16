//! Exceptions in a compiled image, with tables that a real assembler made.

use super::*;
use crate::call::{self, Export};
use crate::findings::{self, Finding, Rule};
use crate::image::{self, Image};
use crate::memory::{self, Kind};
use crate::threads::RunEnd;
use crate::{Machine, testing};

const SOURCE: &str = include_str!("tests/guarded.rs");

extern "win64" fn raise_status(code: u32) -> ! {
    raise(code, &[])
}

/// Touches a program's memory for the driver.
extern "win64" fn fill(address: *mut u8) {
    // SAFETY: faults when the memory is not there, which the machine sees.
    unsafe { address.write_volatile(0) };
}

extern "win64" fn note(number: u64) {
    findings::report(Rule::Leak, number, "noted");
}

extern "win64" fn unwind_to(frame: u64, ip: u64, record: *mut ExceptionRecord, value: u64) -> ! {
    // SAFETY: null or the record that a handler was given.
    unwind(frame, ip, unsafe { record.as_mut() }, value)
}

fn resolve(_: &str, name: &str) -> *const () {
    type CHandler =
        unsafe extern "win64" fn(*mut ExceptionRecord, u64, *mut Context, *mut DispatcherContext) -> Disposition;
    let address = match name {
        "ExRaiseStatus" => raise_status as extern "win64" fn(u32) -> ! as *const (),
        "RtlFill" => fill as extern "win64" fn(*mut u8) as *const (),
        "DbgNote" => note as extern "win64" fn(u64) as *const (),
        "RtlUnwindEx" => unwind_to as *const (),
        "__C_specific_handler" => return c_specific_handler as CHandler as *const (),
        other => return call::missing(other),
    };
    let name = ["ExRaiseStatus", "RtlFill", "DbgNote", "RtlUnwindEx"].into_iter().find(|known| *known == name);
    call::thunk(&Export { name: name.unwrap_or_default(), address, max_irql: 2, min_irql: 0 })
}

/// Calls a function of the image that takes one argument, on a simulated thread of a new machine.
struct Guarded {
    image: Image,
    _directory: tempfile::TempDir,
    _machine: Machine,
}

impl Guarded {
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = testing::compile(directory.path(), "guarded", SOURCE)?;
        let bytes = std::fs::read(&path).expect("the image was built");
        let machine = testing::machine();
        let image = image::load(&bytes, &path.to_string_lossy(), &mut resolve).expect("the image loads");
        Some(Self { image, _directory: directory, _machine: machine })
    }

    fn call(&self, name: &str, argument: usize) -> (RunEnd, u64, Vec<Finding>) {
        let address = image::function(&self.image, name).unwrap_or_else(|| panic!("no function {name}"));
        let result = std::rc::Rc::new(std::cell::Cell::new(0));
        let cell = std::rc::Rc::clone(&result);
        let (end, findings) = testing::on_thread(move || {
            // SAFETY: all functions of the source that are called here have this signature.
            let function: extern "win64" fn(usize) -> u64 = unsafe { std::mem::transmute(address) };
            cell.set(call::driver("Guarded", || function(argument)));
        });
        (end, result.get(), findings)
    }
}

const NO_MEMORY: usize = 0x10_0000;

#[test]
fn an_exception_raised_by_the_kernel_is_caught() {
    let Some(guarded) = Guarded::new() else { return };
    assert_eq!(guarded.call("catch_raised", 0xC000_0017), (RunEnd::Done, 0xC000_0017 + 1, Vec::new()));
}

#[test]
fn a_fault_at_a_program_s_address_is_caught() {
    let Some(guarded) = Guarded::new() else { return };
    for function in ["catch_fault", "catch_fault_of_kernel"] {
        assert_eq!(guarded.call(function, NO_MEMORY), (RunEnd::Done, u64::from(ACCESS_VIOLATION) + 1, Vec::new()));
        let block = memory::allocate(Kind::User, 16, 16, 0, "buffer") as usize;
        assert_eq!(guarded.call(function, block), (RunEnd::Done, 0, Vec::new()));
    }
}

#[test]
fn an_overrun_of_a_buffer_is_reported_though_caught() {
    let Some(guarded) = Guarded::new() else { return };
    let block = memory::allocate(Kind::User, 16, 16, 0, "buffer") as usize;
    let (end, _, findings) = guarded.call("catch_fault", block + 16);
    assert_eq!((end, findings.len()), (RunEnd::Done, 1));
    assert_eq!(findings[0].rule, Rule::OutOfBounds);
}

#[test]
fn a_fault_at_a_system_address_is_not_caught() {
    let Some(guarded) = Guarded::new() else { return };
    let block = memory::allocate(Kind::NonPagedPool, 16, 16, 0, "") as usize;
    let (end, _, findings) = guarded.call("catch_fault", block + 16);
    assert_eq!((end, findings[0].rule), (RunEnd::Dead, Rule::OutOfBounds));
}

#[test]
fn frames_between_are_unwound_with_their_termination_handlers() {
    let Some(guarded) = Guarded::new() else { return };
    let (end, result, findings) = guarded.call("catch_through_finally", 0xC000_0001);
    assert_eq!((end, result), (RunEnd::Done, 0xC000_0001 + 1));
    let noted: Vec<&str> = findings.iter().map(|finding| finding.argument.as_str()).collect();
    assert_eq!(noted, ["77"]);
}

#[test]
fn a_filter_that_refuses_leaves_the_exception_to_nobody() {
    let Some(guarded) = Guarded::new() else { return };
    let (end, _, findings) = guarded.call("refuse", 0xC000_0001);
    assert_eq!((end, findings.len()), (RunEnd::Dead, 1));
    assert!(findings[0].text.contains("raises exception C0000001"), "{}", findings[0]);
    assert_eq!(findings[0].function, "ExRaiseStatus");
}

#[test]
fn a_filter_may_mend_and_go_on() {
    let Some(guarded) = Guarded::new() else { return };
    let block = memory::allocate(Kind::User, 16, 16, 0, "buffer") as usize;
    assert_eq!(guarded.call("mend", block), (RunEnd::Done, block as u64, Vec::new()));
}

#[test]
fn a_driver_may_unwind_by_itself() {
    let Some(guarded) = Guarded::new() else { return };
    let (end, result, findings) = guarded.call("unwind_itself", 5);
    assert_eq!((end, result), (RunEnd::Done, 105), "{findings:?}");
}
