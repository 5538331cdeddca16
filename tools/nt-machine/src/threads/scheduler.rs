//! Who goes on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use corosensei::{Coroutine, CoroutineResult};

use super::stack::{STACK_SIZE, SimulatedStack};
use super::{BUSY, CURRENT, DEAD, STACK, ThreadId, YIELDER, show_main};
use crate::call::{self, Site};
use crate::machine::trace;
use crate::memory::{self, Block, Kind, PAGE};
use crate::{irql, processor, random, time};

/// Why the scheduler lets a thread go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    Run,
    /// Only to say whether what it waits for has come.
    Poll,
}

/// Why a thread gave the processor back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// A scheduling point.
    Point,
    /// It waits.
    Wait,
    /// What it waits for has come.
    Ready,
    /// It ended.
    Done,
    /// A fatal finding: it must never go on.
    Dead,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// What was waited for has come.
    Done,
    /// The clock reached the limit.
    TimeLimit,
    /// Nothing can go on; who waits for what.
    Stuck(Vec<String>),
    /// A fatal finding ended the run.
    Dead,
}

type Fiber = Coroutine<Resume, Pause, (), SimulatedStack>;

struct Thread {
    name: String,
    /// Away while the thread runs.
    fiber: Option<Fiber>,
    stack: usize,
    saved: Saved,
    waits: Option<(String, Option<i64>)>,
    /// Its place in the order of becoming ready.
    turn: u64,
}

/// What belongs to the running thread and is kept here while another runs.
struct Saved {
    irql: u8,
    yielder: *const corosensei::Yielder<Resume, Pause>,
    call: call::Context,
}

#[derive(Default)]
pub(super) struct Scheduler {
    threads: BTreeMap<u32, Thread>,
    next_id: u32,
    turn: u64,
    spare_stacks: Vec<SimulatedStack>,
    /// Chunks of thread objects.
    objects: Vec<usize>,
    random: bool,
}

/// Thread objects in one chunk.
const OBJECTS_IN_CHUNK: usize = 64;

thread_local! {
    static SCHEDULER: RefCell<Scheduler> = RefCell::new(Scheduler::default());
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Works on the scheduler's lists, without calling anything that could switch.
pub(super) fn with<R>(work: impl FnOnce(&mut Scheduler) -> R) -> R {
    SCHEDULER.with_borrow_mut(work)
}

impl Scheduler {
    pub(super) fn has_others() -> bool {
        COUNT.get() > 1
    }

    pub(super) fn name_of(&self, id: u32) -> String {
        self.threads.get(&id).map(|thread| thread.name.clone()).unwrap_or_default()
    }

    pub(super) fn set_wait(&mut self, id: u32, what: &str, deadline: Option<i64>) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waits = Some((what.to_owned(), deadline));
        }
    }

    pub(super) fn end_wait(&mut self, id: u32) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waits = None;
        }
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    fn waiting(&self) -> Vec<String> {
        let waits = self.threads.values().filter_map(|thread| Some((&thread.name, thread.waits.as_ref()?)));
        waits.map(|(name, (what, _))| format!("{name} waits for {what}")).collect()
    }

    fn waiting_calls(&self) -> Vec<Site> {
        let waits = self.threads.values().filter(|thread| thread.waits.is_some());
        waits.map(|thread| thread.saved.call.site()).filter(|site| site.caller != 0).collect()
    }
}

pub(super) fn set_up(random: bool) {
    SCHEDULER.set(Scheduler { random, next_id: 1, ..Scheduler::default() });
    COUNT.set(0);
}

/// Abandons all threads: the frames of a driver on their stacks can not be unwound, so nothing on them is dropped.
pub(super) fn tear_down() {
    let scheduler = SCHEDULER.take();
    COUNT.set(0);
    for mut fiber in scheduler.threads.into_values().filter_map(|thread| thread.fiber) {
        if fiber.started() {
            // SAFETY: the frames are abandoned for good; what they own is leaked, and nothing points into them any
            // more, since the machine ends.
            unsafe { fiber.force_reset() };
        }
    }
}

pub(super) fn spawn(name: &str, irql: u8, body: Box<dyn FnOnce()>) -> ThreadId {
    let spare = with(|scheduler| scheduler.spare_stacks.pop());
    let stack = spare.unwrap_or_else(SimulatedStack::new);
    let start = stack.start();
    memory::name_extent(start, name);
    let fiber = Fiber::with_stack(stack, move |yielder, _| {
        YIELDER.set(yielder);
        BUSY.set(0);
        body();
        call::thread_ends();
    });
    let id = with(|scheduler| {
        let id = scheduler.next_id;
        scheduler.next_id += 1;
        let saved = Saved { irql, yielder: std::ptr::null(), call: call::Context::default() };
        let turn = scheduler.next_turn();
        let thread = Thread { name: name.to_owned(), fiber: Some(fiber), stack: start, saved, waits: None, turn };
        scheduler.threads.insert(id, thread);
        COUNT.set(scheduler.threads.len());
        id
    });
    ThreadId(id)
}

/// The object of a thread: a page in a chunk.
pub(super) fn object(id: u32) -> usize {
    let (chunk, index) = (id as usize / OBJECTS_IN_CHUNK, id as usize % OBJECTS_IN_CHUNK);
    loop {
        if let Some(start) = with(|scheduler| scheduler.objects.get(chunk).copied()) {
            return start + index * PAGE;
        }
        let start = memory::raw("thread objects", OBJECTS_IN_CHUNK * PAGE);
        with(|scheduler| scheduler.objects.push(start));
    }
}

/// What the processor block shows of a thread: its object and the start of its stack.
pub(super) fn shown(id: u32) -> (usize, usize) {
    (object(id), with(|scheduler| scheduler.threads.get(&id).map_or(0, |thread| thread.stack)))
}

pub(super) fn stack_block(address: usize) -> Option<Block> {
    SCHEDULER.with(|scheduler| {
        let scheduler = scheduler.try_borrow().ok()?;
        let mut threads = scheduler.threads.values();
        let thread = threads.find(|thread| (thread.stack - PAGE..thread.stack + STACK_SIZE).contains(&address))?;
        Some(Block {
            address: thread.stack,
            size: STACK_SIZE,
            kind: Kind::Stack,
            tag: 0,
            label: thread.name.clone(),
            allocated_by: Site::default(),
            freed_by: None,
        })
    })
}

/// Lets one thread go on until it gives the processor back.
fn resume(id: u32, why: Resume) -> Pause {
    let taken = with(|scheduler| {
        let thread = scheduler.threads.get_mut(&id)?;
        let saved = std::mem::replace(
            &mut thread.saved,
            Saved { irql: 0, yielder: std::ptr::null(), call: call::Context::default() },
        );
        Some((thread.fiber.take()?, saved, thread.stack))
    });
    let Some((mut fiber, saved, stack)) = taken else { return Pause::Done };
    CURRENT.set(id);
    STACK.set(stack);
    YIELDER.set(saved.yielder);
    let main_call = call::replace(saved.call);
    irql::set(saved.irql);
    processor::set_thread(object(id), stack + STACK_SIZE, stack);
    if why == Resume::Run {
        trace!("goes on");
    }
    let result = fiber.resume(why);
    let saved = Saved { irql: irql::current(), yielder: YIELDER.get(), call: call::replace(main_call) };
    CURRENT.set(0);
    with(|scheduler| match result {
        CoroutineResult::Yield(pause) => {
            let turn = scheduler.next_turn();
            if let Some(thread) = scheduler.threads.get_mut(&id) {
                thread.fiber = Some(fiber);
                thread.saved = saved;
                if why == Resume::Run {
                    thread.turn = turn;
                }
            }
            pause
        }
        CoroutineResult::Return(()) => {
            scheduler.threads.remove(&id);
            scheduler.spare_stacks.push(fiber.into_stack());
            COUNT.set(scheduler.threads.len());
            Pause::Done
        }
    })
}

/// Whether a waiting thread's wait is over.
fn is_ready(id: u32) -> bool {
    let deadline = with(|scheduler| match scheduler.threads.get(&id).map(|thread| &thread.waits) {
        Some(Some((_, deadline))) => Some(*deadline),
        _ => None,
    });
    match deadline {
        None => true,
        Some(deadline) => {
            deadline.is_some_and(|deadline| deadline <= time::now()) || resume(id, Resume::Poll) == Pause::Ready
        }
    }
}

/// The thread that goes on, if any can. Without a seed: threads at DISPATCH_LEVEL before others, then in the order of
/// becoming ready.
fn choose() -> Option<u32> {
    time::fire_due();
    let (mut order, random): (Vec<_>, bool) = with(|scheduler| {
        let keys = scheduler.threads.iter().map(|(&id, thread)| (thread.saved.irql < irql::DISPATCH, thread.turn, id));
        (keys.collect(), scheduler.random)
    });
    if random {
        order.sort_unstable_by_key(|key| key.2);
        let ready: Vec<_> = order.into_iter().filter(|key| !DEAD.get() && is_ready(key.2)).collect();
        let index = random::below(ready.len() as u64);
        ready.get(index as usize).map(|key| key.2)
    } else {
        order.sort_unstable();
        order.into_iter().map(|key| key.2).find(|&id| !DEAD.get() && is_ready(id))
    }
}

/// Lets one thread go on; false when none can.
fn step() -> bool {
    match choose() {
        Some(id) if !DEAD.get() => {
            resume(id, Resume::Run);
            true
        }
        _ => false,
    }
}

/// When something will happen by itself.
fn next_event() -> Option<i64> {
    let deadlines = with(|scheduler| {
        let deadlines = scheduler.threads.values().filter_map(|thread| thread.waits.as_ref()?.1);
        deadlines.min()
    });
    deadlines.into_iter().chain(time::next_due()).min()
}

/// Back in the main context, at its level.
fn back_to_main() {
    irql::set(irql::PASSIVE);
    show_main();
}

/// Lets threads go on until `done` holds, and moves the clock when all of them wait. The limit is a time since boot;
/// with one, waiting for ever ends at the limit. `done` may not change anything.
///
/// # Panics
/// On a simulated thread.
pub fn run(done: &dyn Fn() -> bool, limit: Option<i64>) -> RunEnd {
    assert_eq!(CURRENT.get(), 0, "run() belongs to the main context");
    let end = loop {
        if DEAD.get() {
            break RunEnd::Dead;
        }
        if done() {
            break RunEnd::Done;
        }
        if step() || DEAD.get() {
            continue;
        }
        match (next_event(), limit) {
            (Some(next), limit) if limit.is_none_or(|limit| next <= limit) => time::advance_to(next),
            (_, Some(limit)) => {
                time::advance_to(limit);
                break RunEnd::TimeLimit;
            }
            (_, None) => break RunEnd::Stuck(waiting()),
        }
        trace!("clock moves");
    };
    back_to_main();
    end
}

/// Lets threads go on until each of them waits; the clock stands still.
///
/// # Panics
/// On a simulated thread.
pub fn settle() {
    assert_eq!(CURRENT.get(), 0, "settle() belongs to the main context");
    while !DEAD.get() && step() {}
    back_to_main();
}

/// Who waits for what.
pub fn waiting() -> Vec<String> {
    with(|scheduler| scheduler.waiting())
}

/// The calls of the driver in which threads wait.
pub fn waiting_calls() -> Vec<Site> {
    with(|scheduler| scheduler.waiting_calls())
}
