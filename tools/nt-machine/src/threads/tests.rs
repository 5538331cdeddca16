//! Order, time and ends of simulated threads.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::*;
use crate::time::{SECOND, now};
use crate::{Machine, Options};

fn machine(seed: u64) -> Machine {
    Machine::new(&Options { seed, trace: false })
}

/// Who went on, in order, when three threads pass ten points each.
fn order(seed: u64) -> String {
    let _machine = machine(seed);
    let log = Rc::new(RefCell::new(String::new()));
    for name in ["a", "b", "c"] {
        let log = Rc::clone(&log);
        let body = move || {
            for _ in 0..10 {
                log.borrow_mut().push_str(name);
                point();
            }
        };
        spawn(name, irql::PASSIVE, Box::new(body));
    }
    settle();
    assert_eq!(points(), 30);
    log.take()
}

#[test]
fn the_seed_decides_the_order() {
    assert_eq!(order(0), "aaaaaaaaaabbbbbbbbbbcccccccccc");
    let orders: Vec<String> = (1..10).map(order).collect();
    assert_eq!(orders, (1..10).map(order).collect::<Vec<_>>());
    for (index, order) in orders.iter().enumerate() {
        assert!(!orders[..index].contains(order), "two seeds gave {order}");
    }
}

#[test]
fn the_clock_moves_only_when_all_wait() {
    let _machine = machine(3);
    let start = now();
    let seen = Rc::new(Cell::new((0, 0, 0)));
    let flag = Rc::new(Cell::new(false));
    let (sleeper, waker) = (Rc::clone(&seen), Rc::clone(&flag));
    spawn(
        "sleeper",
        irql::PASSIVE,
        Box::new(move || {
            let asleep = block("nothing", Some(now() + 5 * SECOND), &|| false);
            sleeper.set((i32::from(asleep), now(), sleeper.get().2));
            waker.set(true);
        }),
    );
    let (waiter, awaited) = (Rc::clone(&seen), Rc::clone(&flag));
    spawn(
        "waiter",
        irql::PASSIVE,
        Box::new(move || {
            assert!(block("the sleeper", Some(now() + 60 * SECOND), &|| awaited.get()));
            waiter.set((waiter.get().0, waiter.get().1, now()));
        }),
    );
    spawn("busy", irql::PASSIVE, Box::new(|| (0..100).for_each(|_| point())));
    settle();
    assert_eq!(now(), start);
    assert_eq!(run(&|| seen.get().2 != 0, None), RunEnd::Done);
    assert_eq!(seen.get(), (0, start + 5 * SECOND, start + 5 * SECOND));
}

#[test]
fn timers_run_when_due_at_their_level() {
    let _machine = machine(1);
    let log = Rc::new(RefCell::new(Vec::new()));
    for (delay, level) in [(2, 2), (1, 0), (3, 2)] {
        let log = Rc::clone(&log);
        let action = move || log.borrow_mut().push((now(), irql::current(), current_name()));
        time::timer_set(now() + delay * SECOND, level, "tick", Box::new(action));
    }
    let cancelled = time::timer_set(now(), 0, "never", Box::new(|| unreachable!("cancelled")));
    assert!(time::timer_cancel(cancelled) && !time::timer_cancel(cancelled));
    let start = now();
    assert_eq!(run(&|| false, Some(start + 2 * SECOND)), RunEnd::TimeLimit);
    let tick = |delay: i64, level: u8| (start + delay * SECOND, level, "tick".to_owned());
    assert_eq!(*log.borrow(), [tick(1, 0), tick(2, 2)]);
    assert_eq!(now(), start + 2 * SECOND);
}

#[test]
fn a_run_that_cannot_go_on_says_who_waits() {
    let _machine = machine(0);
    spawn(
        "first",
        irql::PASSIVE,
        Box::new(|| {
            block("an event", None, &|| false);
        }),
    );
    spawn("second", irql::DISPATCH, Box::new(|| spin("a lock", &|| false)));
    let expected = vec!["first waits for an event".to_owned(), "second waits for a lock".to_owned()];
    assert_eq!(run(&|| false, None), RunEnd::Stuck(expected));
    assert!(!findings::any());
}

#[test]
fn waiting_at_dispatch_level_is_a_finding() {
    let _machine = machine(0);
    spawn(
        "dpc",
        irql::DISPATCH,
        Box::new(|| {
            block("an event", Some(now() + 1), &|| false);
        }),
    );
    run(&|| false, Some(now() + SECOND));
    let findings = findings::take();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].rule, findings[0].argument.as_str()), (Rule::Wait, "an event"));
}

#[test]
fn what_was_waited_for_holds_afterwards() {
    // Two threads wait for one token; each must find it present.
    for seed in 0..50 {
        let _machine = machine(seed);
        let tokens = Rc::new(Cell::new(0));
        let taken = Rc::new(Cell::new(0));
        for _ in 0..4 {
            let (tokens, taken) = (Rc::clone(&tokens), Rc::clone(&taken));
            spawn(
                "taker",
                irql::PASSIVE,
                Box::new(move || {
                    assert!(block("a token", None, &|| tokens.get() > 0));
                    assert!(tokens.get() > 0);
                    tokens.set(tokens.get() - 1);
                    taken.set(taken.get() + 1);
                }),
            );
        }
        let giver = Rc::clone(&tokens);
        spawn(
            "giver",
            irql::PASSIVE,
            Box::new(move || {
                for _ in 0..4 {
                    giver.set(giver.get() + 1);
                    point();
                }
            }),
        );
        assert_eq!(run(&|| taken.get() == 4, None), RunEnd::Done);
    }
}

#[test]
fn the_hook_sees_every_point_and_is_not_reentered() {
    let _machine = machine(0);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&seen);
    on_point(Some(Box::new(move |number| {
        hook.borrow_mut().push(number);
        if number == 1 {
            point();
        }
    })));
    spawn("thread", irql::PASSIVE, Box::new(|| (0..3).for_each(|_| point())));
    settle();
    assert_eq!(*seen.borrow(), [1, 3, 4]);
    on_point(None);
    point();
    assert_eq!(seen.borrow().len(), 3);
}

#[test]
fn a_fatal_finding_ends_the_run_for_everyone() {
    let _machine = machine(0);
    let went_on = Rc::new(Cell::new(false));
    let flag = Rc::clone(&went_on);
    spawn(
        "dying",
        irql::PASSIVE,
        Box::new(move || {
            findings::fatal(Rule::BugCheck, "", "the end");
        }),
    );
    spawn("other", irql::PASSIVE, Box::new(move || flag.set(true)));
    assert_eq!(run(&|| false, None), RunEnd::Dead);
    assert_eq!(run(&|| true, None), RunEnd::Dead);
    settle();
    assert!(!went_on.get());
    assert_eq!(findings::take().len(), 1);
}

#[test]
fn the_current_thread_shows_in_gs() {
    let _machine = machine(0);
    let shown = Rc::new(Cell::new(0));
    let cell = Rc::clone(&shown);
    let id = spawn(
        "thread",
        irql::PASSIVE,
        Box::new(move || {
            let object: usize;
            // SAFETY: gs points at the machine's processor region.
            unsafe { std::arch::asm!("mov {}, gs:[0x188]", out(reg) object) };
            cell.set(object);
            assert_eq!(current_name(), "thread");
        }),
    );
    settle();
    assert_eq!(shown.get(), thread_object(id) as usize);
    assert_ne!(thread_object(id), thread_object(ThreadId(0)));
}

#[test]
fn a_used_up_stack_is_named() {
    fn deeper(level: u64) -> u64 {
        let local = std::hint::black_box([level; 64]);
        if level == u64::MAX { 0 } else { deeper(level + 1) + local[3] }
    }
    let _machine = machine(0);
    spawn(
        "deep",
        irql::PASSIVE,
        Box::new(|| {
            std::hint::black_box(deeper(0));
        }),
    );
    assert_eq!(run(&|| false, None), RunEnd::Dead);
    let findings = findings::take();
    assert!(findings[0].text.contains("the stack is used up"), "{}", findings[0]);
}

#[test]
fn the_main_context_can_wait_too() {
    let _machine = machine(0);
    let flag = Rc::new(Cell::new(false));
    let setter = Rc::clone(&flag);
    time::timer_set(now() + SECOND, 0, "setter", Box::new(move || setter.set(true)));
    assert!(block("the setter", None, &|| flag.get()));
    assert!(!block("nothing", Some(now() + SECOND), &|| false));
}

#[test]
fn polling_lets_others_go_on() {
    let _machine = machine(0);
    let flag = Rc::new(Cell::new(false));
    let polled = Rc::clone(&flag);
    spawn(
        "poller",
        irql::PASSIVE,
        Box::new(move || {
            while !polled.get() {
                point();
            }
        }),
    );
    let setter = Rc::clone(&flag);
    spawn("setter", irql::PASSIVE, Box::new(move || setter.set(true)));
    settle();
    assert!(flag.get() && !findings::any());
}

#[test]
fn stalling_lets_timers_come() {
    let _machine = machine(0);
    let flag = Rc::new(Cell::new(false));
    let (polled, setter) = (Rc::clone(&flag), Rc::clone(&flag));
    time::timer_set(now() + SECOND, irql::DISPATCH, "setter", Box::new(move || setter.set(true)));
    spawn(
        "poller",
        irql::PASSIVE,
        Box::new(move || {
            while !polled.get() {
                time::stall(SECOND / 1000);
            }
        }),
    );
    settle();
    assert!(flag.get());
}

#[test]
fn endless_polling_ends_the_run() {
    let _machine = machine(0);
    spawn("poller", irql::PASSIVE, Box::new(|| while threads_go_on() {}));
    assert_eq!(run(&|| false, None), RunEnd::Dead);
    assert_eq!(findings::take()[0].rule, Rule::Stuck);
}

fn threads_go_on() -> bool {
    point();
    true
}
