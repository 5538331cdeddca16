//! Interfaces, properties and notifications of a device.

use nt_machine::findings::Rule;

use super::*;
use crate::layout::{DEVICE_OBJECT, DEVPROPKEY, GUID, IRP, TARGET_DEVICE_CUSTOM_NOTIFICATION};
use crate::testing::{clean, device, found};
use crate::{field, io, names, put, raw, status};

const CDROM: GUID =
    GUID { Data1: 0x53F5_6308, Data2: 0xB6BF, Data3: 0x11D0, Data4: [0x94, 0xF2, 0, 0xA0, 0xC9, 0x1E, 0xFB, 0x8B] };

extern "win64" fn nothing(_device: *mut DEVICE_OBJECT, _irp: *mut IRP) -> i32 {
    status::SUCCESS
}

fn pdo() -> *mut DEVICE_OBJECT {
    let pdo = device("bus", nothing, None);
    let instance = r"SCSI\CdRom&Ven_ACME\4&1&0&000000".to_owned();
    let driver_key = r"{4d36e965-e325-11ce-bfc1-08002be10318}\0000".to_owned();
    let properties = vec![(0, vec![b'A', 0, 0, 0])];
    register_node(pdo, Node { instance, driver_key, properties, ..Node::default() });
    pdo
}

fn bytes(guid: &GUID) -> [u8; 16] {
    raw::bytes((&raw const *guid).cast(), 16).try_into().unwrap()
}

#[test]
fn an_interface_is_named_after_device_and_class() {
    clean(|| {
        let pdo = pdo();
        let name = register_interface(pdo, &bytes(&CDROM), None).unwrap();
        assert_eq!(name, r"\??\SCSI#CdRom&Ven_ACME#4&1&0&000000#{53f56308-b6bf-11d0-94f2-00a0c91efb8b}");
        assert_eq!(register_interface(pdo, &bytes(&CDROM), None).as_ref(), Ok(&name));
        assert_eq!(set_interface_state(&name, false), status::OBJECT_NAME_NOT_FOUND);
        assert_eq!(set_interface_state(&name, true), status::SUCCESS);
        assert_eq!(set_interface_state(&name, true), status::OBJECT_NAME_EXISTS);
        assert_eq!(names::links().len(), 1);
        assert_eq!(set_interface_state(&name, false), status::SUCCESS);
        assert!(names::links().is_empty());
        assert_eq!(interfaces().len(), 1);
        assert!(interface_key(&name).unwrap().contains("DeviceClasses"));
    });
    found(Rule::Leak, "is left enabled", || {
        let name = register_interface(pdo(), &bytes(&CDROM), None).unwrap();
        set_interface_state(&name, true);
        crate::check_at_unload();
    });
}

#[test]
fn properties_are_those_of_the_node() {
    clean(|| {
        let pdo = pdo();
        let other = device("other", nothing, None);
        assert_eq!(device_property(pdo, 0), Ok(vec![b'A', 0, 0, 0]));
        assert_eq!(device_property(pdo, 1), Err(status::OBJECT_NAME_NOT_FOUND));
        assert_eq!(device_property(other, 0), Err(status::INVALID_DEVICE_REQUEST));
        let key = DEVPROPKEY { fmtid: CDROM, pid: 4 };
        assert_eq!(device_property_key(pdo, &key), Err(status::OBJECT_NAME_NOT_FOUND));
        set_property_key(pdo, &key, (0x11, vec![0xFF])).unwrap();
        assert_eq!(device_property_key(pdo, &key), Ok((0x11, vec![0xFF])));
        assert!(device_key(pdo, 1).unwrap().ends_with(r"\4&1&0&000000\Device Parameters"));
        assert!(device_key(pdo, 2).unwrap().ends_with(r"\Class\{4d36e965-e325-11ce-bfc1-08002be10318}\0000"));
    });
}

fn notification(size: u16) -> [u64; 6] {
    let mut memory = [0_u64; 6];
    let structure = memory.as_mut_ptr().cast::<TARGET_DEVICE_CUSTOM_NOTIFICATION>();
    put!(structure, Version, 1);
    put!(structure, Size, size);
    put!(structure, Event, CDROM);
    put!(structure, NameBufferOffset, -1);
    raw::put_bytes(field!(structure, CustomDataBuffer).cast(), &[1, 2, 3, 4]);
    memory
}

#[test]
fn events_are_recorded_with_their_data() {
    clean(|| {
        let pdo = pdo();
        let mut structure = notification(0x28);
        assert_eq!(report_change(pdo, structure.as_mut_ptr().cast()), status::SUCCESS);
        assert_eq!(report_change(pdo, notification(0x10).as_mut_ptr().cast()), status::INVALID_DEVICE_REQUEST);
        let told = take_notifications();
        assert_eq!((told.len(), told[0].event, told[0].data.as_slice()), (1, CDROM, &[1, 2, 3, 4][..]));
        assert!(take_notifications().is_empty());
        invalidate(Invalidation::State(pdo));
        assert_eq!(invalidations(), [Invalidation::State(pdo)]);
        assert_eq!(configuration(), configuration());
    });
}

#[test]
fn a_stack_is_taken_apart_before_its_devices_end() {
    clean(|| {
        let pdo = pdo();
        let top = device("class", nothing, Some(pdo));
        io::detach(pdo);
        io::delete_device(top);
        io::delete_device(pdo);
    });
    found(Rule::PnpOrder, "while attached to another", || io::delete_device(device("class", nothing, Some(pdo()))));
    found(Rule::PnpOrder, "with another attached to it", || {
        let pdo = pdo();
        device("class", nothing, Some(pdo));
        io::delete_device(pdo);
    });
}

#[test]
fn references_keep_a_deleted_device() {
    clean(|| {
        let pdo = pdo();
        crate::objects::reference(pdo.cast());
        io::delete_device(pdo);
        assert!(nt_machine::memory::access(pdo as usize, 8, true));
        crate::objects::dereference(pdo.cast());
        assert!(!nt_machine::memory::access(pdo as usize, 8, true));
    });
    found(Rule::BadArgument, "more often than referenced", || _ = crate::objects::dereference(pdo().cast()));
    found(Rule::Leak, "are left", || {
        crate::objects::reference(pdo().cast());
        crate::check_at_unload();
    });
}
