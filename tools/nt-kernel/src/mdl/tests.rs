//! Lists over pool and over a program's memory.

use nt_machine::findings::Rule;
use nt_machine::memory::{self, Kind};

use super::*;
use crate::pool;
use crate::testing::{clean, found};

fn user(size: usize) -> *mut u8 {
    memory::allocate_at(Kind::User, size, 0xFF0, "program's buffer")
}

#[test]
fn a_list_describes_its_range() {
    clean(|| {
        let list = allocate(0x1_2FF8 as *mut u8, 0x1010);
        assert_eq!(
            (get!(list, StartVa) as usize, get!(list, ByteOffset), get!(list, ByteCount)),
            (0x1_2000, 0xFF8, 0x1010)
        );
        assert_eq!(usize::from(get!(list, Size).cast_unsigned()), 0x30 + 3 * 8);
        assert_eq!(address(list) as usize, 0x1_2FF8);
        free(list);
    });
    assert_eq!((pages(0xFFF, 2), pages(0, 0x1000), pages(0, 0)), (2, 1, 0));
}

#[test]
fn locked_pages_are_seen_twice() {
    clean(|| {
        let buffer = user(0x20);
        let list = allocate(buffer, 0x20);
        probe_and_lock(list, true, Lock::Write).unwrap();
        assert_eq!(get!(list, MdlFlags), MDL_PAGES_LOCKED | MDL_WRITE_OPERATION);
        let view = map(list);
        assert_eq!((map(list), view as usize % PAGE, view == buffer), (view, 0xFF0, false));
        raw::put_bytes(view, b"through the view");
        assert_eq!(raw::bytes(buffer, 16), b"through the view");
        unlock(list);
        assert_eq!(get!(list, MdlFlags), 0);
        assert!(!memory::access(view as usize, 1, false));
        free(list);
        memory::free(buffer);
    });
}

#[test]
fn a_stack_is_mapped_where_it_is() {
    clean(|| {
        let mut own = [0_u8; 16];
        let list = allocate(own.as_mut_ptr(), 16);
        probe_and_lock(list, false, Lock::Write).unwrap();
        assert_eq!(map(list), own.as_mut_ptr());
        unlock(list);
        assert_eq!((get!(list, MdlFlags), get!(list, MappedSystemVa).is_null()), (0, true));
        free(list);
    });
}

#[test]
fn what_is_not_there_cannot_be_locked() {
    clean(|| {
        let buffer = user(0x20);
        let list = allocate(buffer, 0x21);
        assert_eq!(probe_and_lock(list, true, Lock::Read), Err(status::ACCESS_VIOLATION));
        free(list);
        let block = pool::allocate(false, 8, 1);
        let list = allocate(block, 8);
        assert_eq!(probe_and_lock(list, true, Lock::Read), Err(status::ACCESS_VIOLATION));
        probe_and_lock(list, false, Lock::Read).unwrap();
        unlock(list);
        free(list);
    });
}

#[test]
fn a_part_follows_the_whole() {
    clean(|| {
        let block = pool::allocate(false, 0x3000, 1);
        let list = allocate(block, 0x3000);
        build_nonpaged(list);
        let part = allocate(block, 0x3000);
        build_partial(list, part, block.wrapping_add(0x1234), 0x100);
        assert_eq!(address(part), block.wrapping_add(0x1234));
        assert_eq!(get!(part, MappedSystemVa), block.wrapping_add(0x1234).cast());
        assert_eq!(get!(part, MdlFlags), MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL);
        free(part);
        free(list);
        let buffer = user(0x100);
        let list = allocate(buffer, 0x100);
        probe_and_lock(list, true, Lock::Write).unwrap();
        let part = allocate(buffer, 0x100);
        build_partial(list, part, buffer.wrapping_add(0x10), 0);
        assert_eq!((get!(part, ByteCount), get!(part, MdlFlags)), (0xF0, MDL_PARTIAL));
        let view = map(part);
        raw::write(view, 9);
        assert_eq!(raw::read(buffer.wrapping_add(0x10)), 9);
        // Freeing a part takes the mapping away that was made through it.
        free(part);
        assert!(!memory::access(view as usize, 1, false));
        unlock(list);
        free(list);
        memory::free(buffer);
    });
}

#[test]
fn wrong_use_is_found() {
    found(Rule::BugCheck, "TARGET_MDL_TOO_SMALL", || {
        let block = pool::allocate(false, 0x3000, 1);
        let (list, part) = (allocate(block, 0x3000), allocate(block, 0x10));
        build_nonpaged(list);
        build_partial(list, part, block, 0x2000);
    });
    found(Rule::Leak, "while its pages are locked", || {
        let list = allocate(user(8), 8);
        probe_and_lock(list, true, Lock::Read).unwrap();
        free(list);
    });
    found(Rule::BadArgument, "not locked", || unlock(allocate(user(8), 8)));
    found(Rule::BadArgument, "over a paged pool block", || {
        build_nonpaged(allocate(pool::allocate(true, 8, 1), 8));
    });
    found(Rule::UseAfterFree, "is no MDL", || {
        let list = allocate(user(8), 8);
        free(list);
        free(list);
    });
    found(Rule::Leak, "is left", || {
        _ = allocate(user(8), 8);
        crate::check_at_unload();
    });
}
