//! The descriptors in which a port tells its limits and its drive, as the core reads them.

use drive_host::adapter::{Adapter, device_descriptor};
use ioctl_dispatch::descriptors::{AdapterDescriptor, DeviceDescriptor};

#[test]
fn descriptors_say_what_the_core_reads() {
    let default = AdapterDescriptor::new(&Adapter::default().descriptor()).unwrap().limits();
    assert_eq!((default.aligned, default.unaligned), (0x1_0000, 0xF000), "16 pages of 64 KiB, not 17");
    let adapter = Adapter { alignment_mask: 3, max_transfer: 0x2_0000, max_pages: 9 };
    let limits = AdapterDescriptor::new(&adapter.descriptor()).unwrap().limits();
    assert_eq!((limits.alignment_mask, limits.aligned, limits.unaligned), (3, 0x9000, 0x8000));
    let mut inquiry = vec![0x05, 0x80, 5, 0x32, 31, 0, 0, 0];
    inquiry.extend(b"VENDOR  PRODUCT         1.0");
    let descriptor = DeviceDescriptor::new(&device_descriptor(&inquiry)).unwrap();
    assert!(descriptor.removable());
    assert_eq!(descriptor.identification().as_slice(), b"VENDORPRODUCT1.0");
    assert_eq!((descriptor.bus_type(), descriptor.bytes().len()), (1, 67));
    assert!(DeviceDescriptor::new(&device_descriptor(&[])).is_some());
}
