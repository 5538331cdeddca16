//! Access to the fields of kernel structures that drivers share with the host.
//!
//! Such structures are plain memory: a C driver reads and writes them directly, through pointers of its own, so the host
//! never makes references to them. It reads and writes single fields, by pointer. A pointer that a driver made up faults
//! in here; the machine's fault handler reports it with the export in progress and ends the run.

/// The address of a field: `field!(irp, IoStatus.Information)`.
#[macro_export]
macro_rules! field {
    ($structure:expr, $($field:tt)+) => {{
        let structure = $structure;
        // SAFETY: only the address of a field is computed. Structures of the host lie whole in one block; for the address
        // that a driver made up the computation is plain arithmetic on x86-64, and access to it faults and is reported.
        unsafe { &raw mut (*structure).$($field)+ }
    }};
}

/// Reads a field: `get!(irp, IoStatus.Information)`.
#[macro_export]
macro_rules! get {
    ($structure:expr, $($field:tt)+) => {{
        // In two steps, so that the type is the field's and not what is expected of the result.
        let value = $crate::raw::read($crate::field!($structure, $($field)+));
        value
    }};
}

/// Writes a field: `put!(irp, IoStatus.Information, 0)`.
#[macro_export]
macro_rules! put {
    ($structure:expr, $($field:ident).+, $value:expr) => {
        $crate::raw::write($crate::field!($structure, $($field).+), $value)
    };
}

/// Nothing lies below this address: what a null pointer, or a field behind one, names.
const LOWEST: usize = 0x1_0000;

/// Ends the run at a null pointer, or a field behind one. The processor would find it too, but Rust's own functions
/// take null for a fault of the host.
fn judge<T>(address: *const T) {
    #[cold]
    fn refuse(address: usize) -> ! {
        let text = "a null pointer, or a field behind one, is used";
        nt_machine::findings::fatal(nt_machine::findings::Rule::Crash, format_args!("{address:#x}"), text)
    }
    if address.addr() < LOWEST {
        refuse(address.addr());
    }
}

/// Reads a value at an address that a driver may also know. Alignment is not assumed.
#[must_use]
pub fn read<T: Copy>(address: *const T) -> T {
    judge(address);
    // SAFETY: the types read are plain integers, raw pointers and structures of these, for which every bit pattern is a
    // value. Memory that is not accessible faults, which the machine reports as the driver's fault.
    unsafe { address.read_unaligned() }
}

/// Writes a value at an address that a driver may also know. Alignment is not assumed.
pub fn write<T: Copy>(address: *mut T, value: T) {
    judge(address);
    // SAFETY: as for `read`; nothing else in the host holds a reference to memory shared with drivers.
    unsafe { address.write_unaligned(value) }
}

/// Copies out `length` bytes.
#[must_use]
pub fn bytes(address: *const u8, length: usize) -> Vec<u8> {
    let mut copy = vec![0; length];
    copy_bytes(address, copy.as_mut_ptr(), length);
    copy
}

/// Copies `bytes` in.
pub fn put_bytes(address: *mut u8, bytes: &[u8]) {
    copy_bytes(bytes.as_ptr(), address, bytes.len());
}

/// Sets `length` bytes to `value`.
pub fn fill(address: *mut u8, value: u8, length: usize) {
    if length != 0 {
        judge(address);
        // SAFETY: as for `write`: `length` bytes of plain memory, a fault is reported as the driver's.
        unsafe { address.write_bytes(value, length) }
    }
}

/// Moves bytes; the ranges may overlap.
pub fn copy_bytes(from: *const u8, to: *mut u8, length: usize) {
    if length != 0 {
        judge(from);
        judge(to);
        // SAFETY: as for `read` and `write`; `copy` allows overlapping ranges.
        unsafe { core::ptr::copy(from, to, length) }
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::{IO_STATUS_BLOCK, IRP};

    #[test]
    fn a_field_is_read_where_it_was_written() {
        let mut memory = [0_u64; 0xD0 / 8];
        let irp = memory.as_mut_ptr().cast::<IRP>();
        put!(irp, IoStatus.Information, 0x55);
        put!(irp, StackCount, 3);
        assert_eq!((memory[7], memory[8]), (0x55, 3 << 16));
        let block: IO_STATUS_BLOCK = get!(irp, IoStatus);
        assert_eq!(block.Information, 0x55);
    }

    #[test]
    fn bytes_move_between_overlapping_ranges() {
        let mut memory = *b"abcdef";
        super::copy_bytes(memory.as_ptr(), memory.as_mut_ptr().wrapping_add(2), 4);
        assert_eq!(&memory, b"ababcd");
        super::fill(memory.as_mut_ptr(), b'x', 0);
        super::put_bytes(memory.as_mut_ptr(), b"zz");
        assert_eq!(super::bytes(memory.as_ptr(), 3), b"zza");
    }
}
