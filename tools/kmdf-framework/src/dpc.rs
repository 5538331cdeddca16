//! Deferred procedure calls.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::sync;
use nt_machine::{call, threads};

use crate::client::{self, Globals};
use crate::fail::{misuse, require, require_irql};
use crate::functions::Function;
use crate::objects::{self, Body, CallbackLock, Handle, Kind, Plan, store};
use crate::running::Running;
use crate::serialise;
use crate::status;
use crate::structs::{self, EvtObject, WDF_DPC_CONFIG, WDF_OBJECT_ATTRIBUTES};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfDpcCreate", create as *const ()),
    ("WdfDpcEnqueue", enqueue as *const ()),
    ("WdfDpcCancel", cancel as *const ()),
    ("WdfDpcGetParentObject", get_parent_object as *const ()),
];

struct Dpc {
    callback: EvtObject,
    lock: Option<Rc<CallbackLock>>,
    /// Number of the enqueue that is waiting to run, if one is: a cancelled one finds another number.
    queued: Cell<Option<u64>>,
    enqueued: Cell<u64>,
    running: Running,
}

impl Body for Dpc {
    fn dispose(&self, _handle: Handle) {
        self.queued.set(None);
        if !self.running.here() {
            threads::block("a deleted DPC's callback", None, &|| self.running.idle());
        }
    }
}

fn of(handle: Handle) -> Rc<Dpc> {
    objects::get(handle, Kind::Dpc, "Dpc")
}

unsafe extern "win64" fn create(
    globals: Globals,
    config: *const WDF_DPC_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    require(config, "Config");
    store(out, "Dpc", || {
        let plan = Plan::check(&client, Kind::Dpc, attributes, Handle::NULL)?;
        let config = structs::read(config).ok_or(status::INFO_LENGTH_MISMATCH)?;
        serialise::device_above(plan.parent)?;
        let lock = serialise::lock_for(plan.parent, config.AutomaticSerialization != 0, false)?;
        let dpc = Dpc {
            callback: config.EvtDpcFunc,
            lock,
            queued: Cell::new(None),
            enqueued: Cell::new(0),
            running: Running::default(),
        };
        objects::create(plan, Rc::new(dpc))
    })
}

unsafe extern "win64" fn enqueue(_: Globals, handle: Handle) -> u8 {
    let dpc = of(handle);
    if dpc.queued.get().is_some() {
        return 0;
    }
    let number = dpc.enqueued.get() + 1;
    dpc.enqueued.set(number);
    dpc.queued.set(Some(number));
    sync::queue_dpc("WDFDPC", Box::new(move || run(&dpc, handle, number)));
    1
}

fn run(dpc: &Dpc, handle: Handle, number: u64) {
    if dpc.queued.get() != Some(number) {
        return;
    }
    dpc.queued.set(None);
    let Some(callback) = dpc.callback else { return };
    dpc.running.during(|| {
        objects::run_locked(dpc.lock.as_ref(), || {
            // SAFETY: the driver gave this address as its EvtDpcFunc; what it does is the driver's.
            call::driver("EvtDpcFunc", || unsafe { callback(handle) });
        });
    });
}

unsafe extern "win64" fn cancel(_: Globals, handle: Handle, wait: u8) -> u8 {
    let dpc = of(handle);
    let was_queued = dpc.queued.take().is_some();
    if wait != 0 {
        require_irql(0, "Wait");
        if dpc.running.here() {
            misuse("Wait", format_args!("DPC {handle} is cancelled with a wait from its own callback"));
        } else {
            threads::block("a cancelled DPC's callback", None, &|| dpc.running.idle());
        }
    }
    u8::from(was_queued)
}

unsafe extern "win64" fn get_parent_object(_: Globals, handle: Handle) -> Handle {
    let _ = of(handle);
    objects::any(handle, "Dpc").parent()
}
