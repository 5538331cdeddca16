//! A client driver in Rust, for the tests: it binds as an entry stub does and calls the functions of the table.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, DO_DEVICE_INITIALIZING, DRIVER_OBJECT, FILE_OBJECT, IRP, UNICODE_STRING};
use nt_kernel::{Kernel, field, get, io, put, raw};
use nt_machine::findings::{self, Finding, Rule};
use nt_machine::threads::{self, RunEnd};
use nt_machine::{Machine, irql};

use crate::Framework;
use crate::bind::bind_exports;
use crate::client::Globals;
use crate::device::init::InitHandle;
use crate::objects::Handle;
use crate::status;
use crate::structs::*;

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
    let (end, findings) = run(work);
    assert!(matches!(end, RunEnd::Done), "{end:?} {findings:#?}");
    findings
}

/// As [`world`], for a test that ends with a fatal finding.
pub fn fatal(work: impl FnOnce() + 'static) -> Finding {
    let (end, mut findings) = run(work);
    assert!(matches!(end, RunEnd::Dead), "{end:?} {findings:#?}");
    findings.pop().expect("a fatal finding")
}

fn run(work: impl FnOnce() + 'static) -> (RunEnd, Vec<Finding>) {
    let _machine = Machine::new(&nt_machine::Options { seed: 1, trace: false });
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

/// Bind information of a client for a minor version.
pub struct Bind {
    /// What the client passes.
    pub info: WDF_BIND_INFO,
    array: Vec<*const ()>,
    table: Box<*mut *const ()>,
}

impl Bind {
    /// For a version with that many functions.
    pub fn new(minor: u32, count: u32) -> Box<Bind> {
        let component: Vec<u16> = "KmdfLibrary\0".encode_utf16().collect();
        let mut bind = Box::new(Bind {
            info: WDF_BIND_INFO {
                Size: size_of::<WDF_BIND_INFO>() as u32,
                Component: component.leak().as_ptr(),
                Version: WDF_VERSION { Major: 1, Minor: minor, Build: 0 },
                FuncCount: count,
                FuncTable: std::ptr::null_mut(),
                Module: std::ptr::null_mut(),
            },
            array: vec![std::ptr::null(); count as usize],
            table: Box::new(std::ptr::null_mut()),
        });
        bind.info.FuncTable = if count <= 438 { bind.array.as_mut_ptr().cast() } else { (&raw mut *bind.table).cast() };
        bind
    }

    /// Entry of the table that the client got.
    pub fn entry(&self, index: usize) -> *const () {
        if self.table.is_null() { self.array[index] } else { raw::read(self.table.wrapping_add(index)) }
    }
}

type VersionBind =
    extern "win64" fn(*mut DRIVER_OBJECT, *const UNICODE_STRING, *mut WDF_BIND_INFO, *mut Globals) -> i32;
type VersionUnbind = extern "win64" fn(*const UNICODE_STRING, *mut WDF_BIND_INFO, Globals) -> i32;

fn export(name: &str) -> *const () {
    bind_exports(name).expect("an export").address
}

/// Calls `WdfVersionBind`.
pub fn version_bind(
    driver: *mut DRIVER_OBJECT,
    path: *const UNICODE_STRING,
    info: *mut WDF_BIND_INFO,
    globals: *mut Globals,
) -> i32 {
    // SAFETY: the export has this prototype.
    let bind = unsafe { std::mem::transmute::<*const (), VersionBind>(export("WdfVersionBind")) };
    bind(driver, path, info, globals)
}

/// Calls `WdfVersionUnbind`.
pub fn version_unbind(info: *mut WDF_BIND_INFO, globals: Globals) -> i32 {
    // SAFETY: the export has this prototype.
    let unbind = unsafe { std::mem::transmute::<*const (), VersionUnbind>(export("WdfVersionUnbind")) };
    unbind(unicode(SERVICE), info, globals)
}

/// A bound test driver without WDFDRIVER.
pub fn bound() -> Box<Bind> {
    bound_as(15, 444)
}

/// As [`bound`], for another version.
pub fn bound_as(minor: u32, count: u32) -> Box<Bind> {
    let driver = io::create_driver("testclient", SERVICE);
    let mut bind = Bind::new(minor, count);
    let mut globals: Globals = std::ptr::null_mut();
    assert_eq!(version_bind(driver, unicode(SERVICE), &raw mut bind.info, &raw mut globals), status::SUCCESS);
    DRIVER.set(driver);
    GLOBALS.set(globals);
    TABLE.set(if bind.table.is_null() { bind.array.as_mut_ptr() } else { *bind.table });
    bind
}

/// Globals of the bound driver.
pub fn globals() -> Globals {
    GLOBALS.get()
}

/// Driver object of the bound driver.
pub fn driver_object() -> *mut DRIVER_OBJECT {
    DRIVER.get()
}

/// A driver configuration with an AddDevice callback.
pub fn driver_config() -> WDF_DRIVER_CONFIG {
    WDF_DRIVER_CONFIG {
        Size: size_of::<WDF_DRIVER_CONFIG>() as u32,
        EvtDriverDeviceAdd: Some(evt_device_add),
        EvtDriverUnload: None,
        DriverInitFlags: 0,
        DriverPoolTag: 0,
    }
}

unsafe extern "win64" fn evt_device_add(_: Handle, init: *mut c_void) -> i32 {
    let on_add = ON_ADD.with_borrow(Clone::clone).expect("an AddDevice action");
    on_add(InitHandle(init as usize))
}

/// Attributes as their initialiser leaves them.
pub fn attributes() -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: size_of::<WDF_OBJECT_ATTRIBUTES>() as u32,
        EvtCleanupCallback: None,
        EvtDestroyCallback: None,
        ExecutionLevel: 1,
        SynchronizationScope: 1,
        ParentObject: Handle::NULL,
        ContextSizeOverride: 0,
        ContextTypeInfo: std::ptr::null(),
    }
}

/// A context type of that size; each call makes another type.
pub fn context_type(size: usize) -> *const WDF_OBJECT_CONTEXT_TYPE_INFO {
    let info = Box::leak(Box::new(WDF_OBJECT_CONTEXT_TYPE_INFO {
        Size: size_of::<WDF_OBJECT_CONTEXT_TYPE_INFO>() as u32,
        ContextName: c"TEST_CONTEXT".as_ptr().cast(),
        ContextSize: size,
        UniqueType: std::ptr::null(),
        EvtDriverGetUniqueContextType: std::ptr::null(),
    }));
    info.UniqueType = std::ptr::from_ref(info);
    info
}

/// Creates the WDFDRIVER of the bound driver.
pub fn create_driver(config: &WDF_DRIVER_CONFIG, attributes: *const WDF_OBJECT_ATTRIBUTES) -> Result<Handle, i32> {
    let mut driver = Handle::NULL;
    let status: i32 = wdf!(
        WdfDriverCreate,
        driver_object(),
        unicode(SERVICE),
        attributes,
        std::ptr::from_ref(config),
        &raw mut driver
    );
    if status::ok(status) { Ok(driver) } else { Err(status) }
}

/// A bound driver with its WDFDRIVER.
pub fn driver() -> Handle {
    let _ = Box::leak(bound());
    create_driver(&driver_config(), std::ptr::null()).expect("a driver object")
}

extern "win64" fn bus_dispatch(_: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    put!(irp, IoStatus.Status, status::SUCCESS);
    io::complete(irp, 0);
    status::SUCCESS
}

/// A PDO whose driver completes everything with success.
pub fn pdo() -> *mut DEVICE_OBJECT {
    let bus = io::create_driver("testbus", r"\Registry\Machine\System\CurrentControlSet\Services\testbus");
    put!(bus, MajorFunction, [Some(bus_dispatch as _); 28]);
    let pdo = io::create_device(bus, 0, None, 0x22, 0).expect("a PDO");
    put!(pdo, Flags, get!(pdo, Flags) & !DO_DEVICE_INITIALIZING);
    pdo
}

/// Calls the AddDevice routine with a fresh PDO; `on_add` is the driver's callback.
pub fn add_device(on_add: impl Fn(InitHandle) -> i32 + 'static) -> (i32, *mut DEVICE_OBJECT) {
    ON_ADD.with_borrow_mut(|slot| *slot = Some(Rc::new(on_add)));
    let pdo = pdo();
    let add = get!(get!(driver_object(), DriverExtension), AddDevice).expect("an AddDevice routine");
    (add(driver_object(), pdo), pdo)
}

/// Creates a device from an init.
pub fn create_device(init: InitHandle, attributes: *const WDF_OBJECT_ATTRIBUTES) -> Result<Handle, i32> {
    let mut init = init;
    let mut device = Handle::NULL;
    let status: i32 = wdf!(WdfDeviceCreate, &raw mut init, attributes, &raw mut device);
    assert_eq!(init == InitHandle::NULL, status::ok(status));
    if status::ok(status) { Ok(device) } else { Err(status) }
}

/// A driver with one device that `configure` prepares and `setup` completes; gives the WDFDEVICE.
pub fn device_with(configure: impl Fn(InitHandle) + 'static, setup: impl Fn(Handle) + 'static) -> Handle {
    driver();
    let made = Rc::new(Cell::new(Handle::NULL));
    let out = Rc::clone(&made);
    let (status, _) = add_device(move |init| {
        configure(init);
        let device = create_device(init, std::ptr::null()).expect("a device");
        setup(device);
        out.set(device);
        status::SUCCESS
    });
    assert_eq!(status, status::SUCCESS);
    made.get()
}

/// A queue configuration that is not power-managed.
pub fn queue_config(dispatch_type: u32) -> WDF_IO_QUEUE_CONFIG {
    WDF_IO_QUEUE_CONFIG {
        Size: size_of::<WDF_IO_QUEUE_CONFIG>() as u32,
        DispatchType: dispatch_type,
        PowerManaged: 0,
        AllowZeroLengthRequests: 0,
        DefaultQueue: 0,
        EvtIoDefault: None,
        EvtIoRead: None,
        EvtIoWrite: None,
        EvtIoDeviceControl: None,
        EvtIoInternalDeviceControl: None,
        EvtIoStop: None,
        EvtIoResume: None,
        EvtIoCanceledOnQueue: None,
        Settings: if dispatch_type == 2 { u32::MAX } else { 0 },
        Driver: Handle::NULL,
    }
}

/// Creates a queue.
pub fn create_queue(
    device: Handle,
    config: &WDF_IO_QUEUE_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
) -> Result<Handle, i32> {
    let mut queue = Handle::NULL;
    let status: i32 = wdf!(WdfIoQueueCreate, device, std::ptr::from_ref(config), attributes, &raw mut queue);
    if status::ok(status) { Ok(queue) } else { Err(status) }
}

/// An IRP that a test sent to a device.
pub struct Sent {
    /// The IRP, until it is freed.
    pub irp: *mut IRP,
    /// What the dispatch routine returned.
    pub returned: i32,
    done: Rc<Cell<Option<(i32, usize)>>>,
}

extern "win64" fn came_back(_: *mut DEVICE_OBJECT, irp: *mut IRP, context: *mut c_void) -> i32 {
    // SAFETY: the context is the cell that `send` leaked a reference of.
    let done = unsafe { Rc::from_raw(context.cast::<Cell<Option<(i32, usize)>>>()) };
    assert!(done.get().is_none(), "completed twice");
    done.set(Some((get!(irp, IoStatus.Status), get!(irp, IoStatus.Information))));
    status::MORE_PROCESSING_REQUIRED
}

impl Sent {
    /// Status and information, once completed.
    pub fn outcome(&self) -> Option<(i32, usize)> {
        self.done.get()
    }

    /// Status, once completed.
    pub fn status(&self) -> Option<i32> {
        self.done.get().map(|(status, _)| status)
    }

    /// Cancels it.
    pub fn cancel(&self) -> bool {
        io::cancel(self.irp)
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.done.get().is_some() {
            io::free_irp(self.irp);
        }
    }
}

/// Sends an IRP to the top of a device's stack; `fill` sets parameters in the next stack location.
pub fn send(device: Handle, major: u8, fill: impl FnOnce(*mut IRP)) -> Sent {
    let wdm: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetDeviceObject, device);
    send_to(wdm, major, fill)
}

/// As [`send`], to a WDM device.
pub fn send_to(wdm: *mut DEVICE_OBJECT, major: u8, fill: impl FnOnce(*mut IRP)) -> Sent {
    let irp = io::allocate_irp(get!(wdm, StackSize));
    let next = io::next(irp);
    put!(next, MajorFunction, major);
    fill(irp);
    let done = Rc::new(Cell::new(None));
    let context = Rc::into_raw(Rc::clone(&done)).cast_mut().cast();
    io::set_completion(irp, came_back, context, true, true, true);
    let returned = io::call_driver(wdm, irp);
    Sent { irp, returned, done }
}

/// A device control without buffers.
pub fn send_control(device: Handle, code: u32) -> Sent {
    send(device, 0xE, |irp| {
        let next = io::next(irp);
        put!(next, Parameters.DeviceIoControl.IoControlCode, code);
    })
}

/// A read of that many bytes.
pub fn send_read(device: Handle, length: u32) -> Sent {
    send(device, 3, |irp| put!(io::next(irp), Parameters.Read.Length, length))
}

/// A create, cleanup or close of a file object.
pub fn send_file(device: Handle, major: u8, file: *mut FILE_OBJECT) -> Sent {
    send(device, major, |irp| put!(io::next(irp), FileObject, file))
}

/// Memory for a file object; it is never freed.
pub fn file_object() -> *mut FILE_OBJECT {
    let block = Box::leak(Box::new([0_u64; size_of::<FILE_OBJECT>() / 8]));
    let file: *mut FILE_OBJECT = block.as_mut_ptr().cast();
    raw::write(field!(file, Type), 5_i16);
    file
}
