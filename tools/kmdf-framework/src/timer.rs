//! Timers.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::sync;
use nt_machine::irql::DISPATCH;
use nt_machine::time::{self, TimerId};
use nt_machine::{call, threads};

use crate::client::{self, Globals};
use crate::clock;
use crate::fail::{misuse, require, require_irql};
use crate::functions::Function;
use crate::objects::{self, Body, CallbackLock, Handle, Kind, Level, Plan, store};
use crate::running::Running;
use crate::serialise;
use crate::status;
use crate::structs::{self, EvtObject, WDF_OBJECT_ATTRIBUTES, WDF_TIMER_CONFIG};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfTimerCreate", create as *const ()),
    ("WdfTimerStart", start as *const ()),
    ("WdfTimerStop", stop as *const ()),
    ("WdfTimerGetParentObject", get_parent_object as *const ()),
];

/// 100 ns units in a millisecond.
const MILLISECOND: i64 = 10_000;

struct Timer {
    callback: EvtObject,
    /// In 100 ns units; 0 for a timer that runs once.
    period: i64,
    passive: bool,
    lock: Option<Rc<CallbackLock>>,
    pending: Cell<Option<(u64, TimerId)>>,
    /// Number of the last start.
    starts: Cell<u64>,
    /// Expirations that could not be taken back any more and whose callback has not begun.
    due: Cell<u32>,
    /// Work items on their way to the callback of a passive timer.
    posted: Cell<u32>,
    running: Running,
    /// Threads that wait in a stop: the timer cannot be started then.
    stopping: Cell<u32>,
}

impl Body for Timer {
    fn dispose(&self, _handle: Handle) {
        self.stopping.set(self.stopping.get() + 1);
        self.cancel();
        if !self.running.here() {
            threads::block("a deleted timer's callback", None, &|| self.idle());
        }
    }
}

impl Timer {
    /// Takes the timer out of the queue. False: it is not there, which includes one whose callback is about to begin.
    fn cancel(&self) -> bool {
        let Some((_, id)) = self.pending.take() else { return false };
        let cancelled = time::timer_cancel(id);
        if !cancelled {
            self.due.set(self.due.get() + 1);
        }
        cancelled
    }

    fn idle(&self) -> bool {
        self.running.idle() && self.posted.get() == 0 && self.due.get() == 0
    }
}

fn of(handle: Handle) -> Rc<Timer> {
    objects::get(handle, Kind::Timer, "Timer")
}

fn arm(timer: &Rc<Timer>, handle: Handle, due: i64) {
    let fired = Rc::clone(timer);
    let number = timer.starts.get() + 1;
    timer.starts.set(number);
    let id = time::timer_set(due, DISPATCH, "WDFTIMER", Box::new(move || fire(&fired, handle, number, due)));
    timer.pending.set(Some((number, id)));
}

fn fire(timer: &Rc<Timer>, handle: Handle, number: u64, due: i64) {
    let current = timer.pending.get().is_some_and(|(pending, _)| pending == number);
    if current {
        timer.pending.set(None);
        if timer.period > 0 {
            arm(timer, handle, due + timer.period);
        }
    }
    // The callback counts as begun from here on: nothing else runs before it does.
    let begin = || {
        if !current {
            timer.due.set(timer.due.get() - 1);
        }
    };
    if !timer.passive {
        run(timer, handle, begin);
        return;
    }
    begin();
    // A passive timer that fires again before its work item ran has nothing new to tell.
    if timer.posted.get() > 0 {
        return;
    }
    timer.posted.set(1);
    let posted = Rc::clone(timer);
    sync::queue_work(
        "WDFTIMER",
        Box::new(move || {
            run(&posted, handle, || {});
            posted.posted.set(0);
        }),
    );
}

fn run(timer: &Timer, handle: Handle, begin: impl FnOnce()) {
    timer.running.during(|| {
        begin();
        let Some(callback) = timer.callback else { return };
        objects::run_locked(timer.lock.as_ref(), || {
            // SAFETY: the driver gave this address as its EvtTimerFunc; what it does is the driver's.
            call::driver("EvtTimerFunc", || unsafe { callback(handle) });
        });
    });
}

unsafe extern "win64" fn create(
    globals: Globals,
    config: *const WDF_TIMER_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    require(config, "Config");
    store(out, "Timer", || {
        let mut plan = Plan::check(&client, Kind::Timer, attributes, Handle::NULL)?;
        let config = structs::read(config).ok_or(status::INFO_LENGTH_MISMATCH)?;
        let exclusive = config.TolerableDelay != 0 && config.UseHighResolutionTimer != 0;
        if config.Period > i32::MAX as u32 || exclusive {
            return Err(status::INVALID_PARAMETER);
        }
        serialise::device_above(plan.parent)?;
        let passive = plan.level == Level::Passive;
        if passive && config.Period > 0 {
            return Err(status::NOT_SUPPORTED);
        }
        plan.level = if passive { Level::Passive } else { Level::Dispatch };
        let lock = serialise::lock_for(plan.parent, config.AutomaticSerialization != 0, passive)?;
        let timer = Timer {
            callback: config.EvtTimerFunc,
            period: i64::from(config.Period) * MILLISECOND,
            passive,
            lock,
            pending: Cell::new(None),
            starts: Cell::new(0),
            due: Cell::new(0),
            posted: Cell::new(0),
            running: Running::default(),
            stopping: Cell::new(0),
        };
        objects::create(plan, Rc::new(timer))
    })
}

unsafe extern "win64" fn start(_: Globals, handle: Handle, due: i64) -> u8 {
    let timer = of(handle);
    if timer.stopping.get() > 0 {
        return 0;
    }
    let was_set = timer.cancel();
    arm(&timer, handle, clock::deadline(due));
    u8::from(was_set)
}

unsafe extern "win64" fn stop(_: Globals, handle: Handle, wait: u8) -> u8 {
    let timer = of(handle);
    if wait == 0 {
        return u8::from(timer.cancel());
    }
    require_irql(0, "Wait");
    if timer.running.here() {
        misuse("Wait", format_args!("timer {handle} is stopped with a wait from its own callback"));
        return 0;
    }
    timer.stopping.set(timer.stopping.get() + 1);
    let was_set = timer.cancel();
    threads::block("a stopped timer's callback", None, &|| timer.idle());
    timer.stopping.set(timer.stopping.get() - 1);
    u8::from(was_set)
}

unsafe extern "win64" fn get_parent_object(_: Globals, handle: Handle) -> Handle {
    let _ = of(handle);
    objects::any(handle, "Timer").parent()
}

#[cfg(test)]
mod tests;
