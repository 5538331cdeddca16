//! Calls of the kernel and of the framework, as a driver in C makes them: nothing is checked on the way.

use core::ptr;

use wdk_sys::{
    _EVENT_TYPE, _KWAIT_REASON, KEVENT, LARGE_INTEGER, NTSTATUS, PVOID, UNICODE_STRING, WDF_OBJECT_ATTRIBUTES,
    WDF_OBJECT_CONTEXT_TYPE_INFO, WDFOBJECT,
};

/// Calls a function of ntoskrnl.exe.
macro_rules! kernel {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: the arguments are what the function wants, but where the caller's sin is that they are not.
        let result = unsafe { wdk_sys::ntddk::$name($($argument),*) };
        $crate::kernel::stay();
        result
    }};
}

/// Calls a function of the framework.
macro_rules! wdf {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: the arguments are what the function wants, but where the caller's sin is that they are not.
        let result = unsafe { wdk_sys::call_unsafe_wdf_function_binding!($name, $($argument),*) };
        $crate::kernel::stay();
        result
    }};
}

/// Keeps the compiler from leaving the caller by a jump to its last call: who called would not be known any more.
#[inline(always)]
pub fn stay() {
    // SAFETY: does nothing.
    unsafe { core::arch::asm!("", options(nomem, nostack, preserves_flags)) };
}

/// The tag of the driver's pool.
pub const TAG: u32 = u32::from_le_bytes(*b"Sin0");

/// Ten milliseconds, relative, in units of 100 ns.
pub const TEN_MILLISECONDS: i64 = -100_000;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    /// Raises the interrupt request level.
    fn KfRaiseIrql(level: u8) -> u8;
    /// Lowers it.
    fn KeLowerIrql(level: u8);
}

/// Stops the system.
#[inline(always)]
pub fn bug_check(line: u64) -> ! {
    // SAFETY: never returns; any level is allowed.
    unsafe { wdk_sys::ntddk::KeBugCheckEx(0xE2, line, 0, 0, 0) }
}

/// Raises the interrupt request level and gives the former one.
#[inline(always)]
pub fn raise(level: u8) -> u8 {
    // SAFETY: any level up to DISPATCH_LEVEL may be raised to.
    let former = unsafe { KfRaiseIrql(level) };
    stay();
    former
}

/// Lowers the interrupt request level to what `raise` gave.
#[inline(always)]
pub fn lower(level: u8) {
    // SAFETY: see the function.
    unsafe { KeLowerIrql(level) };
    stay();
}

/// A pool block; the flags are those of ExAllocatePool2.
#[inline(always)]
pub fn allocate(flags: u64, bytes: usize) -> *mut u8 {
    kernel!(ExAllocatePool2(flags, bytes as u64, TAG)).cast()
}

/// Requests and waits of the kernel itself.
pub const KERNEL_MODE: i8 = 0;

/// Nonpaged pool.
pub const NON_PAGED: u64 = 0x40;
/// Paged pool.
pub const PAGED: u64 = 0x100;

/// Gives a pool block back.
#[inline(always)]
pub fn free(block: *mut u8) {
    kernel!(ExFreePoolWithTag(block.cast(), TAG));
}

/// Reads a byte that may not be there.
#[inline(always)]
pub fn peek(address: *const u8) -> u8 {
    // SAFETY: sound where the address is; else this is the sin.
    unsafe { ptr::read_volatile(core::hint::black_box(address)) }
}

/// Writes a byte that may not be there.
#[inline(always)]
pub fn poke(address: *mut u8, byte: u8) {
    // SAFETY: sound where the address is; else this is the sin.
    unsafe { ptr::write_volatile(core::hint::black_box(address), byte) }
}

/// An event that nobody has set.
pub fn event() -> KEVENT {
    let mut event = KEVENT::default();
    kernel!(KeInitializeEvent(&raw mut event, _EVENT_TYPE::NotificationEvent, 0));
    event
}

/// Waits for an object; without a time-out for ever.
#[inline(always)]
pub fn wait(object: PVOID, timeout: Option<i64>) -> NTSTATUS {
    let mut due = LARGE_INTEGER { QuadPart: timeout.unwrap_or(0) };
    let due = if timeout.is_some() { &raw mut due } else { ptr::null_mut() };
    kernel!(KeWaitForSingleObject(object, _KWAIT_REASON::Executive, KERNEL_MODE, 0, due))
}

/// A counted string over units that end with a zero.
pub fn string(units: &'static [u16]) -> UNICODE_STRING {
    let bytes = (units.len() * 2) as u16;
    UNICODE_STRING { Length: bytes - 2, MaximumLength: bytes, Buffer: units.as_ptr().cast_mut() }
}

/// The UTF-16 units of an ASCII literal, with a terminating zero.
pub const fn wide<const N: usize>(ascii: &[u8]) -> [u16; N] {
    let mut units = [0; N];
    let mut index = 0;
    while index < ascii.len() {
        units[index] = ascii[index] as u16;
        index += 1;
    }
    units
}

/// A counted string from an ASCII literal.
macro_rules! text {
    ($ascii:literal) => {{
        const UNITS: usize = $ascii.len() + 1;
        static TEXT: [u16; UNITS] = $crate::kernel::wide::<UNITS>($ascii.as_bytes());
        $crate::kernel::string(&TEXT)
    }};
}

/// The type of a context.
#[repr(transparent)]
pub struct ContextType(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: never written after the image is loaded.
unsafe impl Sync for ContextType {}

impl ContextType {
    /// Of that size, known by its own address.
    pub const fn new(of: &'static ContextType, name: &'static core::ffi::CStr, size: usize) -> ContextType {
        ContextType(WDF_OBJECT_CONTEXT_TYPE_INFO {
            Size: size_of::<WDF_OBJECT_CONTEXT_TYPE_INFO>() as u32,
            ContextName: name.as_ptr().cast_mut().cast(),
            ContextSize: size,
            UniqueType: &raw const of.0,
            EvtDriverGetUniqueContextType: None,
        })
    }

    /// Its context in an object.
    #[inline(always)]
    pub fn of(&self, object: WDFOBJECT) -> *mut u8 {
        wdf!(WdfObjectGetTypedContextWorker(object, &raw const self.0)).cast()
    }

    /// What a creating function is told of it.
    pub const fn info(&self) -> *const WDF_OBJECT_CONTEXT_TYPE_INFO {
        &raw const self.0
    }
}

/// Attributes with a parent, or with none.
pub fn attributes(parent: WDFOBJECT) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: size_of::<WDF_OBJECT_ATTRIBUTES>() as u32,
        ExecutionLevel: wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
        SynchronizationScope: wdk_sys::_WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
        ParentObject: parent,
        ..WDF_OBJECT_ATTRIBUTES::default()
    }
}
