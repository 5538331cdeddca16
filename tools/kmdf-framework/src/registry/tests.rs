//! Keys and values through the functions of the table.

use nt_kernel::layout::UNICODE_STRING;
use nt_kernel::raw;
use nt_kernel::registry::{self, Value};

use crate::objects::Handle;
use crate::status;
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::testing::*;

const NO_ATTRIBUTES: *const WDF_OBJECT_ATTRIBUTES = std::ptr::null();

fn open(parent: Handle, name: &str) -> Result<Handle, i32> {
    let mut key = Handle::NULL;
    let status: i32 = wdf!(WdfRegistryOpenKey, parent, unicode(name), 0x2_0019_u32, NO_ATTRIBUTES, &raw mut key);
    if status::ok(status) { Ok(key) } else { Err(status) }
}

fn ulong(key: Handle, name: &str) -> Result<u32, i32> {
    let mut value = 0_u32;
    let status: i32 = wdf!(WdfRegistryQueryULong, key, unicode(name), &raw mut value);
    if status::ok(status) { Ok(value) } else { Err(status) }
}

#[test]
fn values_are_read_with_the_statuses_of_the_table() {
    assert_clean(&world(|| {
        let driver = driver();
        registry::set(SERVICE, "Number", Value::dword(7)).unwrap();
        registry::set(SERVICE, "Text", Value::string("disc")).unwrap();
        assert_eq!(open(Handle::NULL, r"\Registry\Machine\Nothing"), Err(status::OBJECT_NAME_NOT_FOUND));
        let key = open(Handle::NULL, SERVICE).unwrap();
        assert_eq!(ulong(key, "number"), Ok(7));
        assert_eq!(ulong(key, "Text"), Err(status::OBJECT_TYPE_MISMATCH));
        assert_eq!(ulong(key, "Absent"), Err(status::OBJECT_NAME_NOT_FOUND));
        let (mut bytes, mut length, mut kind) = ([0_u8; 16], 0_u32, 0_u32);
        let mut query = |size: u32| -> i32 {
            wdf!(WdfRegistryQueryValue, key, unicode("Text"), size, bytes.as_mut_ptr(), &raw mut length, &raw mut kind)
        };
        assert_eq!(query(4), status::BUFFER_OVERFLOW);
        assert_eq!(query(16), status::SUCCESS);
        assert_eq!((length, kind, &bytes[..4]), (10, 1, &[b'd', 0, b'i', 0][..]));
        let () = wdf!(WdfRegistryClose, key);
        let () = wdf!(WdfObjectReferenceActual, driver, 0_usize, 0_i32, std::ptr::null::<u8>());
        let () = wdf!(WdfObjectDereferenceActual, driver, 0_usize, 0_i32, std::ptr::null::<u8>());
    }));
}

#[test]
fn the_parameters_key_is_made_only_for_writing() {
    assert_clean(&world(|| {
        let driver = driver();
        registry::open(SERVICE, true).unwrap();
        let mut key = Handle::NULL;
        let mut parameters = |access: u32| -> i32 {
            wdf!(WdfDriverOpenParametersRegistryKey, driver, access, NO_ATTRIBUTES, &raw mut key)
        };
        assert_eq!(parameters(0x2_0019), status::OBJECT_NAME_NOT_FOUND);
        assert_eq!(parameters(0x2_0006), status::SUCCESS);
        let assigned: i32 = wdf!(WdfRegistryAssignULong, key, unicode("Speed"), 48_u32);
        assert_eq!(assigned, status::SUCCESS);
        assert_eq!(registry::query(&format!(r"{SERVICE}\Parameters"), "Speed").unwrap().as_dword(), Some(48));
        let () = wdf!(WdfRegistryClose, key);
    }));
}

#[test]
fn strings_fill_string_objects() {
    assert_clean(&world(|| {
        driver();
        registry::set(SERVICE, "Text", Value::string("disc")).unwrap();
        let key = open(Handle::NULL, SERVICE).unwrap();
        let mut text = Handle::NULL;
        let status: i32 = wdf!(WdfStringCreate, std::ptr::null::<UNICODE_STRING>(), NO_ATTRIBUTES, &raw mut text);
        assert_eq!(status, status::SUCCESS);
        let status: i32 = wdf!(WdfRegistryQueryString, key, unicode("Text"), text);
        assert_eq!(status, status::SUCCESS);
        let mut view = UNICODE_STRING { Length: 0, MaximumLength: 0, Buffer: std::ptr::null_mut() };
        let () = wdf!(WdfStringGetUnicodeString, text, &raw mut view);
        assert_eq!((view.Length, raw::read(view.Buffer), raw::read(view.Buffer.wrapping_add(4))), (8, 0x64, 0));
        let () = wdf!(WdfObjectDelete, text);
        let () = wdf!(WdfRegistryClose, key);
    }));
}
