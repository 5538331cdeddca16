//! The registry as drivers call it.

use core::mem::transmute;

use nt_machine::findings::Rule;

use super::*;
use crate::layout::{HANDLE, OBJECT_ATTRIBUTES, PVOID, RTL_QUERY_REGISTRY_TABLE, UNICODE_STRING};
use crate::testing::{clean, found};
use crate::{export, objects, pool, raw, status};

const KEY: &str = r"\Registry\Machine\System\CurrentControlSet\Services\cdrom\Parameters";

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// An entry that the end of a table is made of.
fn end() -> RTL_QUERY_REGISTRY_TABLE {
    let null = core::ptr::null_mut();
    RTL_QUERY_REGISTRY_TABLE {
        QueryRoutine: null,
        Flags: 0,
        Name: core::ptr::null_mut(),
        EntryContext: null,
        DefaultType: 0,
        DefaultData: null,
        DefaultLength: 0,
    }
}

fn query(path: &str, table: &mut [RTL_QUERY_REGISTRY_TABLE], context: usize) -> i32 {
    type Query = extern "win64" fn(u32, *const u16, *mut RTL_QUERY_REGISTRY_TABLE, usize, PVOID) -> i32;
    let address = export("ntoskrnl.exe", "RtlQueryRegistryValues").unwrap().address;
    // SAFETY: the export has this type.
    let query = unsafe { transmute::<*const (), Query>(address) };
    query(0, wide(path).as_ptr(), table.as_mut_ptr(), context, core::ptr::null_mut())
}

/// DIRECT with TYPECHECK for this type.
fn direct(name: &mut [u16], kind: u32, to: PVOID) -> RTL_QUERY_REGISTRY_TABLE {
    const DIRECT_TYPECHECK: u32 = 0x120;
    RTL_QUERY_REGISTRY_TABLE {
        Flags: DIRECT_TYPECHECK,
        Name: name.as_mut_ptr(),
        EntryContext: to,
        DefaultType: kind << 24,
        ..end()
    }
}

#[test]
fn numbers_are_stored_or_defaulted() {
    clean(|| {
        set(KEY, "There", Value::dword(7)).unwrap();
        let (mut there, mut missing) = (wide("there"), wide("Missing"));
        let (mut a, mut b, mut c) = (1_u32, 2_u32, 3_u32);
        let mut default = 9_u32;
        let mut second = direct(&mut missing, REG_DWORD, (&raw mut b).cast());
        second.DefaultType |= REG_DWORD;
        second.DefaultData = (&raw mut default).cast();
        second.DefaultLength = 4;
        let third = direct(&mut missing, REG_DWORD, (&raw mut c).cast());
        let mut table = [direct(&mut there, REG_DWORD, (&raw mut a).cast()), second, third, end()];
        assert_eq!(query(KEY, &mut table, 0), status::SUCCESS);
        assert_eq!((a, b, c), (7, 9, 3));
        // Required, and of another type.
        const REQUIRED: u32 = 4;
        table[2].Flags |= REQUIRED;
        assert_eq!(query(KEY, &mut table, 0), status::OBJECT_NAME_NOT_FOUND);
        set(KEY, "There", Value::string("7")).unwrap();
        assert_eq!(query(KEY, &mut table, 0), status::OBJECT_TYPE_MISMATCH);
        assert_eq!(query(r"\Registry\Machine\Nowhere", &mut table, 0), status::OBJECT_NAME_NOT_FOUND);
    });
}

#[test]
fn strings_get_a_buffer_or_use_the_one_there_is() {
    clean(|| {
        set(KEY, "Text", Value::string("abc")).unwrap();
        let mut name = wide("Text");
        let mut string = UNICODE_STRING { Length: 0, MaximumLength: 0, Buffer: core::ptr::null_mut() };
        let mut table = [direct(&mut name, REG_SZ, (&raw mut string).cast()), end()];
        assert_eq!(query(KEY, &mut table, 0), status::SUCCESS);
        assert_eq!((crate::rtl::string(&raw const string).as_str(), string.MaximumLength), ("abc", 8));
        string.MaximumLength = 6;
        assert_eq!(query(KEY, &mut table, 0), status::BUFFER_TOO_SMALL);
        pool::free(string.Buffer.cast());
    });
}

#[test]
fn bytes_go_where_the_first_word_says_there_is_room() {
    clean(|| {
        set(KEY, "Bytes", Value::binary(&[1, 2, 3, 4, 5])).unwrap();
        let mut name = wide("Bytes");
        let mut room = [0_u32; 4];
        let to = room.as_mut_ptr();
        let mut table = [direct(&mut name, REG_BINARY, to.cast()), end()];
        raw::write(to, 16);
        assert_eq!(query(KEY, &mut table, 0), status::SUCCESS);
        assert_eq!(raw::bytes(to.cast(), 13), [5, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5]);
        raw::write(to, (-5_i32).cast_unsigned());
        assert_eq!(query(KEY, &mut table, 0), status::SUCCESS);
        assert_eq!(raw::read(to), 0x0403_0201);
        raw::write(to, (-4_i32).cast_unsigned());
        assert_eq!(query(KEY, &mut table, 0), status::BUFFER_TOO_SMALL);
    });
}

#[test]
fn routines_are_called_once_per_string() {
    extern "win64" fn count(
        _name: *const u16,
        kind: u32,
        data: *const u16,
        length: u32,
        all: *mut u32,
        own: usize,
    ) -> i32 {
        assert_eq!((kind, own), (REG_SZ, 5));
        raw::write(all, raw::read(all) * 100 + length * 10 + u32::from(raw::read(data) == 0x62));
        status::SUCCESS
    }
    clean(|| {
        set(KEY, "Strings", Value::strings(&["a", "bc"])).unwrap();
        let mut name = wide("Strings");
        let routine = count as *const () as PVOID;
        let entry = RTL_QUERY_REGISTRY_TABLE {
            QueryRoutine: routine,
            Name: name.as_mut_ptr(),
            EntryContext: 5 as PVOID,
            ..end()
        };
        let mut seen = 0_u32;
        assert_eq!(query(KEY, &mut [entry, end()], &raw mut seen as usize), status::SUCCESS);
        assert_eq!(seen, 40 * 100 + 61);
    });
}

#[test]
fn direct_without_type_check_is_found() {
    found(Rule::BadArgument, "without RTL_QUERY_REGISTRY_TYPECHECK", || {
        set(KEY, "There", Value::dword(7)).unwrap();
        let (mut name, mut number) = (wide("There"), 0_u32);
        let mut entry = direct(&mut name, 0, (&raw mut number).cast());
        entry.Flags = 0x20;
        query(KEY, &mut [entry, end()], 0);
    });
}

/// Opens a key by name and returns its handle.
fn open_handle(path: &str, create: bool) -> Result<HANDLE, i32> {
    let mut units = wide(path);
    let length = (units.len() * 2 - 2) as u16;
    let mut name = UNICODE_STRING { Length: length, MaximumLength: length, Buffer: units.as_mut_ptr() };
    let null = core::ptr::null_mut();
    let mut attributes = OBJECT_ATTRIBUTES {
        Length: 0x30,
        RootDirectory: null,
        ObjectName: &raw mut name,
        Attributes: 0x240,
        SecurityDescriptor: null,
        SecurityQualityOfService: null,
    };
    let mut handle = null;
    let status = if create {
        type Create = extern "win64" fn(*mut HANDLE, u32, *mut OBJECT_ATTRIBUTES, u32, PVOID, u32, *mut u32) -> i32;
        let address = export("ntoskrnl.exe", "ZwCreateKey").unwrap().address;
        // SAFETY: the export has this type.
        let create = unsafe { transmute::<*const (), Create>(address) };
        create(&raw mut handle, 0, &raw mut attributes, 0, null, 0, core::ptr::null_mut())
    } else {
        type Open = extern "win64" fn(*mut HANDLE, u32, *mut OBJECT_ATTRIBUTES) -> i32;
        let address = export("ntoskrnl.exe", "ZwOpenKey").unwrap().address;
        // SAFETY: the export has this type.
        let open = unsafe { transmute::<*const (), Open>(address) };
        open(&raw mut handle, 0, &raw mut attributes)
    };
    if status::success(status) { Ok(handle) } else { Err(status) }
}

#[test]
fn values_are_read_through_handles() {
    type Query = extern "win64" fn(HANDLE, *const UNICODE_STRING, u32, *mut u8, u32, *mut u32) -> i32;
    clean(|| {
        set(KEY, "There", Value::dword(7)).unwrap();
        assert_eq!(open_handle(r"\Registry\Machine\Nowhere\Below", true), Err(status::OBJECT_NAME_NOT_FOUND));
        assert_eq!(open_handle(r"\Registry\Machine\Nowhere", false), Err(status::OBJECT_NAME_NOT_FOUND));
        let handle = open_handle(KEY, false).unwrap();
        let mut units = wide("There");
        let name = UNICODE_STRING { Length: 10, MaximumLength: 10, Buffer: units.as_mut_ptr() };
        let address = export("ntoskrnl.exe", "ZwQueryValueKey").unwrap().address;
        // SAFETY: the export has this type.
        let query = unsafe { transmute::<*const (), Query>(address) };
        let mut room = [0_u8; 64];
        let mut needed = 0;
        let mut ask = |class, length| query(handle, &raw const name, class, room.as_mut_ptr(), length, &raw mut needed);
        assert_eq!(ask(2, 16), status::SUCCESS);
        assert_eq!(ask(2, 15), status::BUFFER_OVERFLOW);
        assert_eq!(ask(2, 11), status::BUFFER_TOO_SMALL);
        assert_eq!((&room[..16], needed), (&[0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0][..], 16));
        assert_eq!(objects::close(handle), status::SUCCESS);
    });
    found(Rule::BadArgument, "is no open handle", || _ = objects::close(0x44 as HANDLE));
    found(Rule::Leak, "is left", || {
        open_handle(SERVICES, false).unwrap();
        crate::check_at_unload();
    });
}
