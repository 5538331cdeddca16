//! Memory objects of the framework through the functions of the table.

use nt_kernel::{pool, raw};
use nt_machine::findings::Rule;
use nt_machine::memory as machine;

use crate::objects::Handle;
use crate::status;
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::testing::*;

const NO_ATTRIBUTES: *const WDF_OBJECT_ATTRIBUTES = std::ptr::null();
const NONPAGED: i32 = 0x200;
const PAGED: i32 = 1;

fn lookaside(size: usize, pool_type: i32) -> Result<Handle, i32> {
    let mut list = Handle::NULL;
    let status: i32 = wdf!(
        WdfLookasideListCreate,
        NO_ATTRIBUTES,
        size,
        pool_type,
        NO_ATTRIBUTES,
        u32::from_le_bytes(*b"Test"),
        &raw mut list
    );
    if status::ok(status) { Ok(list) } else { Err(status) }
}

fn memory_of(list: Handle) -> Result<(Handle, *mut u8), i32> {
    let mut memory = Handle::NULL;
    let status: i32 = wdf!(WdfMemoryCreateFromLookaside, list, &raw mut memory);
    let mut size = 0_usize;
    if !status::ok(status) {
        return Err(status);
    }
    let buffer: *mut u8 = wdf!(WdfMemoryGetBuffer, memory, &raw mut size);
    assert_eq!(size, 24);
    Ok((memory, buffer))
}

#[test]
fn a_list_makes_memory_of_its_size_and_lives_as_long_as_that() {
    assert_clean(&world(|| {
        driver();
        assert_eq!(lookaside(0, NONPAGED), Err(status::INVALID_PARAMETER));
        for pool_type in [NONPAGED, PAGED] {
            let list = lookaside(24, pool_type).unwrap();
            let (memory, buffer) = memory_of(list).unwrap();
            raw::fill(buffer, 7, 24);
            let () = wdf!(WdfObjectDelete, list);
            assert!(machine::access(buffer as usize, 24, true));
            let () = wdf!(WdfObjectDelete, memory);
            assert!(!machine::access(buffer as usize, 24, false));
        }
    }));
}

#[test]
fn every_allocation_may_fail() {
    assert_clean(&world(|| {
        driver();
        let list = lookaside(24, NONPAGED).unwrap();
        for nth in 1..=2 {
            pool::set_failure(Some(nth));
            assert_eq!(memory_of(list), Err(status::INSUFFICIENT_RESOURCES));
        }
        pool::set_failure(Some(1));
        assert_eq!(lookaside(24, NONPAGED), Err(status::INSUFFICIENT_RESOURCES));
        pool::set_failure(None);
        let (memory, _) = memory_of(list).unwrap();
        let () = wdf!(WdfObjectDelete, memory);
        let () = wdf!(WdfObjectDelete, list);
    }));
}

#[test]
fn preallocated_memory_is_the_drivers_and_can_be_exchanged() {
    assert_clean(&world(|| {
        driver();
        let (mut first, mut second) = ([1_u8; 8], [2_u8; 4]);
        let mut memory = Handle::NULL;
        let mut preallocated = |size: usize| -> i32 {
            wdf!(WdfMemoryCreatePreallocated, NO_ATTRIBUTES, first.as_mut_ptr(), size, &raw mut memory)
        };
        assert_eq!(preallocated(0), status::INVALID_PARAMETER);
        assert_eq!(preallocated(8), status::SUCCESS);
        let mut out = [0_u8; 8];
        let copied: i32 = wdf!(WdfMemoryCopyToBuffer, memory, 2_usize, out.as_mut_ptr(), 6_usize);
        assert_eq!((copied, out[5]), (status::SUCCESS, 1));
        let assigned: i32 = wdf!(WdfMemoryAssignBuffer, memory, second.as_mut_ptr(), 4_usize);
        assert_eq!(assigned, status::SUCCESS);
        let copied: i32 = wdf!(WdfMemoryCopyToBuffer, memory, 0_usize, out.as_mut_ptr(), 5_usize);
        assert_eq!(copied, status::BUFFER_TOO_SMALL);
        let copied: i32 = wdf!(WdfMemoryCopyFromBuffer, memory, 0_usize, out.as_mut_ptr(), 5_usize);
        assert_eq!(copied, status::INVALID_BUFFER_SIZE);
        let () = wdf!(WdfObjectDelete, memory);
    }));
}

#[test]
fn assigning_a_buffer_to_memory_of_the_framework_ends_the_run() {
    let finding = fatal(|| {
        driver();
        let list = lookaside(24, NONPAGED).unwrap();
        let (memory, buffer) = memory_of(list).unwrap();
        let _: i32 = wdf!(WdfMemoryAssignBuffer, memory, buffer, 4_usize);
    });
    assert_eq!(finding.rule, Rule::BugCheck);
}
