//! Strings, lists, GUIDs, registry and error log records.

use core::ffi::c_void;

use super::{DEVICE_OBJECT, FILE_OBJECT};

pub type NTSTATUS = i32;
pub type PVOID = *mut c_void;
pub type HANDLE = *mut c_void;

layout! {
    LIST_ENTRY(0x10) {
        0x0 Flink: *mut LIST_ENTRY,
        0x8 Blink: *mut LIST_ENTRY,
    }
    SINGLE_LIST_ENTRY(0x8) {
        0x0 Next: *mut SINGLE_LIST_ENTRY,
    }
    UNICODE_STRING(0x10) {
        0x0 Length: u16,
        0x2 MaximumLength: u16,
        0x8 Buffer: *mut u16,
    }
    STRING(0x10) {
        0x0 Length: u16,
        0x2 MaximumLength: u16,
        0x8 Buffer: *mut u8,
    }
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    GUID(0x10) {
        0x0 Data1: u32,
        0x4 Data2: u16,
        0x6 Data3: u16,
        0x8 Data4: [u8; 8],
    }
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    DEVPROPKEY(0x14) {
        0x0 fmtid: GUID,
        0x10 pid: u32,
    }
    OBJECT_ATTRIBUTES(0x30) {
        0x0 Length: u32,
        0x8 RootDirectory: HANDLE,
        0x10 ObjectName: *mut UNICODE_STRING,
        0x18 Attributes: u32,
        0x20 SecurityDescriptor: PVOID,
        0x28 SecurityQualityOfService: PVOID,
    }
    RTL_QUERY_REGISTRY_TABLE(0x38) {
        0x0 QueryRoutine: PVOID,
        0x8 Flags: u32,
        0x10 Name: *mut u16,
        0x18 EntryContext: PVOID,
        0x20 DefaultType: u32,
        0x28 DefaultData: PVOID,
        0x30 DefaultLength: u32,
    }
    RTL_OSVERSIONINFOW(0x114) {
        0x0 dwOSVersionInfoSize: u32,
        0x4 dwMajorVersion: u32,
        0x8 dwMinorVersion: u32,
        0xc dwBuildNumber: u32,
        0x10 dwPlatformId: u32,
        0x14 szCSDVersion: [u16; 128],
    }
    RTL_OSVERSIONINFOEXW(0x11c) {
        0x0 dwOSVersionInfoSize: u32,
        0x4 dwMajorVersion: u32,
        0x8 dwMinorVersion: u32,
        0xc dwBuildNumber: u32,
        0x10 dwPlatformId: u32,
        0x14 szCSDVersion: [u16; 128],
        0x114 wServicePackMajor: u16,
        0x116 wServicePackMinor: u16,
        0x118 wSuiteMask: u16,
        0x11a wProductType: u8,
        0x11b wReserved: u8,
    }
    IO_ERROR_LOG_PACKET(0x30) {
        0x0 MajorFunctionCode: u8,
        0x1 RetryCount: u8,
        0x2 DumpDataSize: u16,
        0x4 NumberOfStrings: u16,
        0x6 StringOffset: u16,
        0x8 EventCategory: u16,
        0xc ErrorCode: NTSTATUS,
        0x10 UniqueErrorValue: u32,
        0x14 FinalStatus: NTSTATUS,
        0x18 SequenceNumber: u32,
        0x1c IoControlCode: u32,
        0x20 DeviceOffset: i64,
        0x28 DumpData: [u32; 1],
    }
    TARGET_DEVICE_CUSTOM_NOTIFICATION(0x28) {
        0x0 Version: u16,
        0x2 Size: u16,
        0x4 Event: GUID,
        0x18 FileObject: *mut FILE_OBJECT,
        0x20 NameBufferOffset: i32,
        0x24 CustomDataBuffer: [u8; 1],
    }
    CONFIGURATION_INFORMATION(0x28) {
        0x0 DiskCount: u32,
        0x4 FloppyCount: u32,
        0x8 CdRomCount: u32,
        0xc TapeCount: u32,
        0x10 ScsiPortCount: u32,
        0x14 SerialCount: u32,
        0x18 ParallelCount: u32,
        0x1c AtDiskPrimaryAddressClaimed: u8,
        0x1d AtDiskSecondaryAddressClaimed: u8,
        0x20 Version: u32,
        0x24 MediumChangerCount: u32,
    }
    DEVICE_RELATIONS(0x10) {
        0x0 Count: u32,
        0x8 Objects: [*mut DEVICE_OBJECT; 1],
    }
}
