//! Events, semaphores and waits.

use super::*;

#[test]
fn events_let_waiters_go_by_their_kind() {
    for (synchronization, expected) in [(true, 1), (false, 3)] {
        clean(move || {
            COUNT.set(0);
            let event = event(synchronization);
            for _ in 0..3 {
                threads::spawn(
                    "waiter",
                    0,
                    Box::new(move || {
                        if wait(event, Some(-50 * MS)) == status::SUCCESS {
                            COUNT.set(COUNT.get() + 1);
                        }
                    }),
                );
            }
            delay(-10 * MS);
            assert_eq!(event_set(event), 0);
            assert_eq!(event_state(event), i32::from(!synchronization));
            delay(-100 * MS);
            assert_eq!(COUNT.get(), expected);
        });
    }
}

#[test]
fn a_waiter_keeps_what_a_pulse_gave_it() {
    clean(|| {
        COUNT.set(0);
        let event = event(false);
        threads::spawn(
            "waiter",
            0,
            Box::new(move || {
                assert_eq!(wait(event, None), status::SUCCESS);
                COUNT.set(1);
            }),
        );
        delay(-10 * MS);
        event_set(event);
        assert_eq!(event_reset(event), 1);
        delay(-10 * MS);
        assert_eq!(COUNT.get(), 1);
    });
}

#[test]
fn a_time_out_takes_its_virtual_time() {
    clean(|| {
        let event = event(true);
        let before = time::now();
        assert_eq!(wait(event, Some(-600_000 * MS)), status::TIMEOUT);
        assert!(time::now() - before >= 600_000 * MS);
        assert_eq!(wait(event, Some(0)), status::TIMEOUT);
        assert_eq!(wait(event, Some(time::system_time() + 5 * MS)), status::TIMEOUT);
    });
}

#[test]
fn several_objects_are_waited_for_together() {
    clean(|| {
        let (one, two) = (event(true), event(true));
        event_set(two);
        let both = [one.cast(), two.cast()];
        assert_eq!(wait_for(&both, true, Some(-MS)), status::TIMEOUT);
        assert_eq!(event_state(two), 1);
        assert_eq!(wait_for(&both, false, None), status::WAIT_1);
        event_set(two);
        event_set(one);
        assert_eq!(wait_for(&both, true, None), status::SUCCESS);
        assert_eq!((event_state(one), event_state(two)), (0, 0));
    });
}

#[test]
fn a_semaphore_counts() {
    clean(|| {
        let semaphore: *mut KSEMAPHORE = block();
        call!("KeInitializeSemaphore", fn(*mut KSEMAPHORE, i32, i32) -> (), semaphore, 1, 2);
        assert_eq!(wait(semaphore, Some(0)), status::SUCCESS);
        assert_eq!(wait(semaphore, Some(0)), status::TIMEOUT);
        assert_eq!(call!("KeReleaseSemaphore", fn(*mut KSEMAPHORE, i32, i32, u8) -> i32, semaphore, 0, 2, 0), 0);
        assert_eq!(wait(semaphore, Some(0)), status::SUCCESS);
        assert_eq!(get!(semaphore, Header.SignalState), 1);
    });
}

#[test]
fn waits_where_none_may_be_are_found() {
    found(Rule::Wait, "a wait at IRQL 2", || {
        let event = event(true);
        let old = irql::raise(DISPATCH);
        wait(event, Some(-MS));
        irql::lower(old);
    });
    clean(|| {
        let event = event(true);
        let old = irql::raise(DISPATCH);
        assert_eq!(wait(event, Some(0)), status::TIMEOUT);
        irql::lower(old);
    });
    let (end, _) = run_seeded(0, || _ = wait(event(true), None));
    assert!(
        matches!(&end, RunEnd::Stuck(who) if who.iter().any(|who| who.contains("a synchronisation event"))),
        "{end:?}"
    );
    found(Rule::BadArgument, "was not initialised as an object to wait for", || {
        let event: *mut KEVENT = block();
        wait(event, None);
    });
}
