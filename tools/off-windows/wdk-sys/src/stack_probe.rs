//! What the compiler calls on entry of a function whose frame is larger than a page, so that the guard page below the
//! stack is touched before anything under it. On x86_64 the kernel has it; on aarch64 the kit's static library does.

/// Touches each page of the frame to come; `x15` holds its size in units of 16 bytes. Only `x16` and `x17` are changed.
///
/// # Safety
/// Called by the compiler's code alone.
// SAFETY: no other symbol of that name exists in a driver.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn __chkstk() {
    core::arch::naked_asm!(
        "sub x16, sp, x15, uxtx #4",
        "and x16, x16, #0xfffffffffffff000",
        "mov x17, sp",
        "and x17, x17, #0xfffffffffffff000",
        "2: cmp x17, x16",
        "b.ls 3f",
        "sub x17, x17, #0x1000",
        "ldr xzr, [x17]",
        "b 2b",
        "3: ret",
    )
}
