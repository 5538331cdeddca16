//! Stubs between an imported name and the host's function.
//!
//! Each name gets a stub of its own, which loads its record's address and goes to the common part. That saves the
//! argument registers, calls [`enter`], restores them and jumps to the function: stack arguments, shadow space and
//! return address are the caller's own.

use std::arch::naked_asm;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{DEEPEST, ENTRY, Export, FRAME, Frame, SITE, STACK_USE, Site, StackUse};
use crate::findings::{self, Rule};
use crate::machine::trace;
use crate::memory::{self, PAGE, Protection};
use crate::{irql, threads};

/// What a stub knows of its function. The common part reads the first field.
#[repr(C)]
struct Record {
    target: *const (),
    name: &'static str,
    max_irql: u8,
    min_irql: u8,
}

/// Bytes of a stub: `mov r10, record; mov r11, common; jmp r11`.
const STUB_SIZE: usize = 32;

struct Stubs {
    #[expect(clippy::vec_box, reason = "the stubs hold the records' addresses")]
    records: Vec<Box<Record>>,
    page: usize,
    used: usize,
    /// Stubs of names that are not provided.
    missing: BTreeMap<String, usize>,
}

thread_local! {
    static STUBS: RefCell<Stubs> =
        const { RefCell::new(Stubs { records: Vec::new(), page: 0, used: 0, missing: BTreeMap::new() }) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

pub(crate) fn set_up() {
    super::clear();
    CALLS.set(0);
}

pub(crate) fn tear_down() {
    super::clear();
    STUBS.set(Stubs { records: Vec::new(), page: 0, used: 0, missing: BTreeMap::new() });
}

/// Makes the stub through which a driver calls an export. It lives as long as the machine.
pub fn thunk(export: &Export) -> *const () {
    let Export { name, address, max_irql, min_irql } = *export;
    stub(Record { target: address, name, max_irql, min_irql }) as *const ()
}

/// Makes a stub that ends the run, naming the function that is not provided.
pub fn missing(name: &str) -> *const () {
    if let Some(stub) = STUBS.with_borrow(|stubs| stubs.missing.get(name).copied()) {
        return stub as *const ();
    }
    let target = end_run as extern "win64" fn() as *const ();
    let stub = stub(Record { target, name: intern(name), max_irql: u8::MAX, min_irql: 0 });
    STUBS.with_borrow_mut(|stubs| stubs.missing.insert(name.to_owned(), stub));
    stub as *const ()
}

extern "win64" fn end_run() {
    let name = super::site().function;
    findings::fatal(Rule::Missing, "", format_args!("{name} is not provided"))
}

/// A name for as long as the process lives, kept once.
fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());
    let mut names = NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    names.entry(name.to_owned()).or_insert_with(|| Box::leak(name.into()))
}

fn stub(record: Record) -> usize {
    let (page, used) = STUBS.with_borrow(|stubs| (stubs.page, stubs.used));
    let (page, used) =
        if page == 0 || used + STUB_SIZE > PAGE { (memory::reserve("call stubs", PAGE), 0) } else { (page, used) };
    let record = Box::new(record);
    let mut code = [0xCC_u8; STUB_SIZE];
    code[..2].copy_from_slice(&[0x49, 0xBA]);
    code[2..10].copy_from_slice(&(&raw const *record as u64).to_le_bytes());
    code[10..12].copy_from_slice(&[0x49, 0xBB]);
    code[12..20].copy_from_slice(&(common as *const () as u64).to_le_bytes());
    code[20..23].copy_from_slice(&[0x41, 0xFF, 0xE3]);
    memory::protect_extent(page, PAGE, Protection::ReadWrite);
    // SAFETY: the stub's bytes lie in a page of ours that was just made writable.
    unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), (page + used) as *mut u8, STUB_SIZE) };
    memory::protect_extent(page, PAGE, Protection::ReadExecute);
    STUBS.with_borrow_mut(|stubs| {
        stubs.records.push(record);
        (stubs.page, stubs.used) = (page, used + STUB_SIZE);
    });
    page + used
}

/// The common part of all stubs: r10 has the record. On entry the stack pointer is 8 below a multiple of 16.
#[unsafe(naked)]
extern "win64" fn common() {
    naked_asm!(
        "sub rsp, 0x188",
        "mov [rsp + 0x20], rcx",
        "mov [rsp + 0x28], rdx",
        "mov [rsp + 0x30], r8",
        "mov [rsp + 0x38], r9",
        "movups [rsp + 0x40], xmm0",
        "movups [rsp + 0x50], xmm1",
        "movups [rsp + 0x60], xmm2",
        "movups [rsp + 0x70], xmm3",
        "mov [rsp + 0x80], r10",
        // A `Frame`.
        "mov [rsp + 0x90], rbx",
        "mov [rsp + 0x98], rbp",
        "mov [rsp + 0xA0], rsi",
        "mov [rsp + 0xA8], rdi",
        "mov [rsp + 0xB0], r12",
        "mov [rsp + 0xB8], r13",
        "mov [rsp + 0xC0], r14",
        "mov [rsp + 0xC8], r15",
        "lea rdx, [rsp + 0x190]",
        "mov [rsp + 0xD0], rdx",
        "mov rdx, [rsp + 0x188]",
        "mov [rsp + 0xD8], rdx",
        "movups [rsp + 0xE0], xmm6",
        "movups [rsp + 0xF0], xmm7",
        "movups [rsp + 0x100], xmm8",
        "movups [rsp + 0x110], xmm9",
        "movups [rsp + 0x120], xmm10",
        "movups [rsp + 0x130], xmm11",
        "movups [rsp + 0x140], xmm12",
        "movups [rsp + 0x150], xmm13",
        "movups [rsp + 0x160], xmm14",
        "movups [rsp + 0x170], xmm15",
        "mov rcx, r10",
        "lea rdx, [rsp + 0x90]",
        "call {enter}",
        "mov rcx, [rsp + 0x20]",
        "mov rdx, [rsp + 0x28]",
        "mov r8, [rsp + 0x30]",
        "mov r9, [rsp + 0x38]",
        "movups xmm0, [rsp + 0x40]",
        "movups xmm1, [rsp + 0x50]",
        "movups xmm2, [rsp + 0x60]",
        "movups xmm3, [rsp + 0x70]",
        "mov r10, [rsp + 0x80]",
        "add rsp, 0x188",
        "jmp [r10]",
        enter = sym enter,
    )
}

/// What happens at every call of a kernel function.
extern "win64" fn enter(record: &Record, frame: &Frame) {
    let caller = frame.rip as usize;
    FRAME.set(*frame);
    SITE.set(Site { function: record.name, caller });
    CALLS.set(CALLS.get() + 1);
    let used = ENTRY.get().saturating_sub(frame.rsp as usize);
    if used > DEEPEST.get() {
        note_stack_use(used, record.name);
    }
    trace!("{} from {}", record.name, crate::image::symbolise_return(caller));
    let level = irql::current();
    if level > record.max_irql || level < record.min_irql {
        report_irql(record, level);
    }
    threads::point();
}

#[cold]
fn note_stack_use(bytes: usize, function: &'static str) {
    DEEPEST.set(bytes);
    let callback = super::callback().unwrap_or_default();
    STACK_USE.set(StackUse { bytes, callback, function });
}

#[cold]
fn report_irql(record: &Record, level: u8) {
    let (words, bound) =
        if level > record.max_irql { ("at most", record.max_irql) } else { ("at least", record.min_irql) };
    findings::report(Rule::Irql, "", format_args!("called at IRQL {level}, allowed is {words} {bound}"));
}

/// How many kernel functions the driver has called.
pub fn calls() -> u64 {
    CALLS.get()
}

/// The stack pointer, about.
pub(super) fn stack_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe { std::arch::asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}
