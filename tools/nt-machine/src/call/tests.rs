//! Thunks and callbacks.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::testing::{machine, on_thread, on_thread_at};
use crate::threads::{self, RunEnd};

fn export(name: &'static str, address: *const (), min_irql: u8, max_irql: u8) -> Export {
    Export { name, address, max_irql, min_irql }
}

extern "win64" fn eight(a: u64, b: u32, c: u16, d: *const u8, e: u64, f: f64, g: u64, h: u8) -> f64 {
    assert_eq!((a, b, c, d as usize, e, g, h), (1 << 40, 2, 3, 4, 5 << 50, 7, 8));
    assert_eq!(site().function, "Eight");
    assert_ne!(site().caller, 0);
    f * 2.0
}

extern "win64" fn floats(a: f64, b: u64, c: f64, d: f32) -> f64 {
    a + b as f64 + c + f64::from(d)
}

#[test]
fn a_thunk_keeps_all_arguments() {
    let _machine = machine();
    type Eight = extern "win64" fn(u64, u32, u16, *const u8, u64, f64, u64, u8) -> f64;
    let stub = thunk(&export("Eight", eight as Eight as *const (), 0, 2));
    // SAFETY: the stub goes on to a function of this signature.
    let stub: Eight = unsafe { std::mem::transmute(stub) };
    assert_eq!(stub(1 << 40, 2, 3, 4 as *const u8, 5 << 50, 1.5, 7, 8), 3.0);
    type Floats = extern "win64" fn(f64, u64, f64, f32) -> f64;
    let stub = thunk(&export("Floats", floats as Floats as *const (), 0, 2));
    // SAFETY: as above.
    let stub: Floats = unsafe { std::mem::transmute(stub) };
    assert_eq!(stub(1.0, 2, 3.0, 4.0), 10.0);
    assert_eq!((calls(), threads::points()), (2, 2));
    assert!(!findings::any());
}

extern "win64" fn nothing() {}

fn stub_of(export: &Export) -> extern "win64" fn() {
    // SAFETY: every export here is a function without arguments.
    unsafe { std::mem::transmute(thunk(export)) }
}

#[test]
fn a_level_that_a_function_does_not_allow_is_a_finding() {
    let _machine = machine();
    let low = stub_of(&export("Low", nothing as *const (), 0, irql::APC));
    let high = stub_of(&export("High", nothing as *const (), irql::DISPATCH, irql::DISPATCH));
    let (_, findings) = on_thread_at(irql::DISPATCH, move || {
        low();
        high();
    });
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].rule, findings[0].function.as_str()), (Rule::Irql, "Low"));
    let (_, findings) = on_thread(move || {
        low();
        high();
    });
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].function, "High");
}

#[test]
fn a_missing_function_ends_the_run_by_name() {
    let _machine = machine();
    let stub = missing("ZwNothing");
    assert_eq!(stub, missing("ZwNothing"));
    // SAFETY: the stub never returns, whatever it is given.
    let stub: extern "win64" fn() = unsafe { std::mem::transmute(stub) };
    let (end, findings) = on_thread(move || driver("Callback", || stub()));
    assert_eq!(end, RunEnd::Dead);
    assert_eq!((findings[0].rule, findings[0].text.as_str()), (Rule::Missing, "ZwNothing is not provided"));
}

#[test]
fn the_site_is_that_of_the_innermost_call() {
    thread_local! {
        static INNER: Cell<Option<extern "win64" fn()>> = const { Cell::new(None) };
    }
    extern "win64" fn outer() {
        let inner = INNER.get().expect("set below");
        driver("Routine", || inner());
        findings::report(Rule::Leak, "x", "said by the outer function");
    }
    let _machine = machine();
    INNER.set(Some(stub_of(&export("Inner", nothing as *const (), 0, 2))));
    let stub = stub_of(&export("Outer", outer as *const (), 0, 2));
    let (_, findings) = on_thread(move || driver("Entry", || stub()));
    assert_eq!(findings[0].function, "Outer");
}

#[test]
fn a_callback_must_leave_level_and_locks_as_they_were() {
    let _machine = machine();
    let (_, findings) = on_thread(|| {
        hold(1, "spin lock");
        driver("Good", || {
            hold(2, "spin lock");
            assert!(release(2));
        });
        driver("Keeps", || hold(3, "spin lock"));
        driver("Raises", || {
            irql::raise(irql::DISPATCH);
        });
        assert_eq!(irql::current(), irql::PASSIVE);
        assert!(release(1) && !release(3));
    });
    let told: Vec<_> = findings.iter().map(|finding| (finding.rule, finding.function.as_str())).collect();
    assert_eq!(told, [(Rule::Lock, "Keeps"), (Rule::Irql, "Raises")]);
}

#[test]
fn a_thread_may_not_end_with_a_lock() {
    let _machine = machine();
    let (_, findings) = on_thread(|| hold(7, "spin lock"));
    assert_eq!((findings[0].rule, findings[0].function.as_str()), (Rule::Lock, "test"));
    assert_eq!(held(), []);
}

#[test]
fn a_fatal_finding_in_nested_callbacks_never_returns() {
    extern "win64" fn fatal() {
        findings::fatal(Rule::BugCheck, "", "deep down");
    }
    let _machine = machine();
    let stub = stub_of(&export("Fatal", fatal as *const (), 0, 2));
    let returned = Rc::new(Cell::new(false));
    let flag = Rc::clone(&returned);
    let (end, findings) = on_thread(move || {
        driver("A", || driver("B", || driver("C", || stub())));
        flag.set(true);
    });
    assert_eq!((end, findings.len(), returned.get()), (RunEnd::Dead, 1, false));
    assert_eq!(findings[0].function, "Fatal");
}

#[inline(never)]
extern "win64" fn deep(leaf: extern "win64" fn()) {
    let local = std::hint::black_box([0_u8; 3000]);
    leaf();
    std::hint::black_box(&local);
}

#[test]
fn the_use_of_the_stack_is_measured() {
    let _machine = machine();
    let stub = stub_of(&export("Leaf", nothing as *const (), 0, 2));
    on_thread(move || driver("Deep", || deep(stub)));
    let used = stack_use();
    assert!((3000..9000).contains(&used.bytes), "{used:?}");
    assert_eq!((used.callback.as_str(), used.function), ("Deep", "Leaf"));
}
