//! The processor block that `gs:` points at.

use std::cell::Cell;

use crate::memory;

/// Offsets in the processor control region (KPCR), and in the processor block (KPRCB) inside it.
mod offset {
    /// Stack base of the running thread, where compilers' stack probes look.
    pub const STACK_BASE: usize = 0x08;
    /// Stack limit of the running thread.
    pub const STACK_LIMIT: usize = 0x10;
    /// The region's own address.
    pub const SELF: usize = 0x18;
    /// Address of the current processor block.
    pub const CURRENT_PRCB: usize = 0x20;
    /// Where user mode has its own address.
    pub const TEB_SELF: usize = 0x30;
    /// The level.
    pub const IRQL: usize = 0x50;
    /// The processor block.
    pub const PRCB: usize = 0x180;
    /// The current thread.
    pub const CURRENT_THREAD: usize = 0x188;
}

thread_local! {
    static KPCR: Cell<usize> = const { Cell::new(0) };
}

const ARCH_SET_GS: libc::c_int = 0x1001;

/// Makes the processor region and points `gs:` at it. The processor's number is 0.
pub(crate) fn set_up() {
    let kpcr = memory::raw("processor block", 4096);
    KPCR.set(kpcr);
    store(offset::SELF, kpcr);
    store(offset::TEB_SELF, kpcr);
    store(offset::CURRENT_PRCB, kpcr + offset::PRCB);
    set_gs(kpcr);
}

/// Takes `gs:` away, before the memory goes.
pub(crate) fn tear_down() {
    set_gs(0);
    KPCR.set(0);
}

/// Shows the thread that goes on.
pub(crate) fn set_thread(object: usize, stack_base: usize, stack_limit: usize) {
    store(offset::CURRENT_THREAD, object);
    store(offset::STACK_BASE, stack_base);
    store(offset::STACK_LIMIT, stack_limit);
}

/// Shows the level.
pub(crate) fn set_irql(irql: u8) {
    store(offset::IRQL, usize::from(irql));
}

fn store(offset: usize, value: usize) {
    let kpcr = KPCR.get();
    if kpcr != 0 {
        // SAFETY: the page was mapped writable by `set_up` and stays until `tear_down`; every offset is in it, aligned.
        unsafe { ((kpcr + offset) as *mut usize).write_volatile(value) };
    }
}

fn set_gs(address: usize) {
    // SAFETY: Linux user space leaves gs to the program (thread-local storage is at fs); only driver code uses it.
    let result = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, address) };
    assert_eq!(result, 0, "cannot set the gs base");
}

#[cfg(test)]
mod tests {
    use std::arch::asm;

    use crate::{Machine, Options};

    #[test]
    fn gs_shows_the_region_and_its_block() {
        let machine = Machine::new(&Options::default());
        let (own, prcb, number): (usize, usize, u32);
        // SAFETY: gs points at the machine's processor region.
        unsafe {
            asm!(
                "mov {own}, gs:[0x18]",
                "mov {prcb}, gs:[0x20]",
                "mov {number:e}, gs:[0x184]",
                own = out(reg) own,
                prcb = out(reg) prcb,
                number = out(reg) number,
            );
        }
        assert_eq!(prcb, own + 0x180);
        assert_eq!(number, 0);
        drop(machine);
    }
}
