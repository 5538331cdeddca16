//! A client driver in Rust, for the tests: it binds as an entry stub does and calls the functions of the table.

mod bind;
mod client;
mod irps;

pub use bind::*;
pub use client::*;
pub use irps::*;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nt_kernel::layout::{DRIVER_OBJECT, UNICODE_STRING};
use nt_kernel::{Kernel, raw};
use nt_machine::findings::{self, Finding, Rule};
use nt_machine::threads::{self, RunEnd};
use nt_machine::{Machine, irql};

use crate::Framework;
use crate::client::Globals;
use crate::device::init::InitHandle;

/// Registry path of the test driver.
pub const SERVICE: &str = r"\Registry\Machine\System\CurrentControlSet\Services\testclient";

/// What AddDevice does.
type OnAdd = Rc<dyn Fn(InitHandle) -> i32>;

thread_local! {
    static GLOBALS: Cell<Globals> = const { Cell::new(std::ptr::null_mut()) };
    static TABLE: Cell<*mut *const ()> = const { Cell::new(std::ptr::null_mut()) };
    static DRIVER: Cell<*mut DRIVER_OBJECT> = const { Cell::new(std::ptr::null_mut()) };
    static ON_ADD: RefCell<Option<OnAdd>> = const { RefCell::new(None) };
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes what a callback saw.
pub fn log(text: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(text.into()));
}

/// What was noted so far.
pub fn taken() -> Vec<String> {
    LOG.with_borrow_mut(std::mem::take)
}

/// Runs a test on a simulated thread of a fresh machine; gives the findings. The run must not get stuck.
pub fn world(work: impl FnOnce() + 'static) -> Vec<Finding> {
    world_of(1, work)
}

fn world_of(seed: u64, work: impl FnOnce() + 'static) -> Vec<Finding> {
    let (end, findings) = run(seed, work);
    assert!(matches!(end, RunEnd::Done), "{end:?} {findings:#?}");
    findings
}

/// As [`world`], with many orders of the threads; there must be no finding.
pub fn worlds(work: fn()) {
    for seed in 0..40 {
        let findings = world_of(seed, work);
        assert!(findings.is_empty(), "seed {seed}: {findings:#?}");
    }
}

/// As [`world`], for a test that ends with a fatal finding.
pub fn fatal(work: impl FnOnce() + 'static) -> Finding {
    let (end, mut findings) = run(1, work);
    assert!(matches!(end, RunEnd::Dead), "{end:?} {findings:#?}");
    findings.pop().expect("a fatal finding")
}

fn run(seed: u64, work: impl FnOnce() + 'static) -> (RunEnd, Vec<Finding>) {
    let _machine = Machine::new(&nt_machine::Options { seed, trace: false });
    let _kernel = Kernel::new(nt_kernel::Options::default());
    let _framework = Framework::new();
    let _ = taken();
    ON_ADD.with_borrow_mut(|on_add| *on_add = None);
    let done = Rc::new(Cell::new(false));
    let end = Rc::clone(&done);
    threads::spawn(
        "test",
        irql::PASSIVE,
        Box::new(move || {
            work();
            end.set(true);
        }),
    );
    let end = threads::run(&|| done.get(), Some(nt_machine::time::now() + 3600 * 10_000_000));
    (end, findings::take())
}

/// No finding of the run.
pub fn assert_clean(findings: &[Finding]) {
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Rules of the findings, in order.
pub fn rules(findings: &[Finding]) -> Vec<Rule> {
    findings.iter().map(|finding| finding.rule).collect()
}

/// A string as drivers pass it; it is never freed.
pub fn unicode(text: &str) -> *const UNICODE_STRING {
    let units: Vec<u16> = text.encode_utf16().collect();
    let length = (units.len() * 2) as u16;
    let buffer = Box::leak(units.into_boxed_slice()).as_mut_ptr();
    Box::leak(Box::new(UNICODE_STRING { Length: length, MaximumLength: length, Buffer: buffer }))
}

/// The arguments of a call, as a tuple.
pub trait Call<R> {
    /// Calls the function of the table with the client's globals and these arguments.
    fn call(self, name: &str) -> R;
}

fn function(name: &str) -> *const () {
    let row = crate::functions::ROWS.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name}"));
    raw::read(TABLE.get().wrapping_add(row.index))
}

macro_rules! calls {
    ($($($letter:ident)*;)*) => { $(
        impl<R, $($letter),*> Call<R> for ($($letter,)*) {
            #[allow(non_snake_case, reason = "one letter for each type and its value")]
            fn call(self, name: &str) -> R {
                let ($($letter,)*) = self;
                // SAFETY: the table's entry has this calling convention; the test passes what its prototype says.
                let function = unsafe {
                    std::mem::transmute::<*const (), unsafe extern "win64" fn(Globals, $($letter),*) -> R>(function(name))
                };
                // SAFETY: as above.
                unsafe { function(GLOBALS.get(), $($letter),*) }
            }
        }
    )* };
}
calls! { ; A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I; }

/// Calls a function of the table: `wdf!(WdfObjectDelete, handle)`.
macro_rules! wdf {
    ($name:ident $(, $argument:expr)* $(,)?) => { $crate::testing::Call::call(($($argument,)*), stringify!($name)) };
}
pub(crate) use wdf;
