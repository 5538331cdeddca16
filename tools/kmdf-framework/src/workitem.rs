//! Work items.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::sync;
use nt_machine::{call, threads};

use crate::client::{self, Globals};
use crate::fail::{misuse, require};
use crate::functions::Function;
use crate::objects::{self, Body, CallbackLock, Handle, Kind, Plan, store};
use crate::running::Running;
use crate::serialise;
use crate::status;
use crate::structs::{self, EvtObject, WDF_OBJECT_ATTRIBUTES, WDF_WORKITEM_CONFIG};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfWorkItemCreate", create as *const ()),
    ("WdfWorkItemEnqueue", enqueue as *const ()),
    ("WdfWorkItemFlush", flush as *const ()),
    ("WdfWorkItemGetParentObject", get_parent_object as *const ()),
];

struct WorkItem {
    callback: EvtObject,
    lock: Option<Rc<CallbackLock>>,
    queued: Cell<bool>,
    running: Running,
}

impl WorkItem {
    fn idle(&self) -> bool {
        !self.queued.get() && self.running.idle()
    }
}

impl Body for WorkItem {
    fn dispose(&self, _handle: Handle) {
        // What is queued still runs: the framework flushes a work item before it deletes it.
        if !self.running.here() {
            threads::block("a deleted work item's callback", None, &|| self.idle());
        }
    }
}

fn of(handle: Handle) -> Rc<WorkItem> {
    objects::get(handle, Kind::WorkItem, "WorkItem")
}

unsafe extern "win64" fn create(
    globals: Globals,
    config: *const WDF_WORKITEM_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    require(config, "Config");
    store(out, "WorkItem", || {
        let config = structs::read(config).ok_or(status::INFO_LENGTH_MISMATCH)?;
        if config.EvtWorkItemFunc.is_none() {
            return Err(status::INVALID_PARAMETER);
        }
        let plan = Plan::check(&client, Kind::WorkItem, attributes, Handle::NULL)?;
        serialise::device_above(plan.parent)?;
        let lock = serialise::lock_for(plan.parent, config.AutomaticSerialization != 0, true)?;
        let item =
            WorkItem { callback: config.EvtWorkItemFunc, lock, queued: Cell::new(false), running: Running::default() };
        objects::create(plan, Rc::new(item))
    })
}

unsafe extern "win64" fn enqueue(_: Globals, handle: Handle) {
    let item = of(handle);
    if item.queued.replace(true) {
        return;
    }
    sync::queue_work("WDFWORKITEM", Box::new(move || run(&item, handle)));
}

fn run(item: &WorkItem, handle: Handle) {
    item.running.during(|| {
        item.queued.set(false);
        let Some(callback) = item.callback else { return };
        objects::run_locked(item.lock.as_ref(), || {
            // SAFETY: the driver gave this address as its EvtWorkItem; what it does is the driver's.
            call::driver("EvtWorkItem", || unsafe { callback(handle) });
        });
    });
}

unsafe extern "win64" fn flush(_: Globals, handle: Handle) {
    let item = of(handle);
    if item.running.here() {
        misuse("WorkItem", format_args!("work item {handle} is flushed from its own callback"));
        return;
    }
    threads::block("a flushed work item's callback", None, &|| item.idle());
}

unsafe extern "win64" fn get_parent_object(_: Globals, handle: Handle) -> Handle {
    let _ = of(handle);
    objects::any(handle, "WorkItem").parent()
}
