//! IRPs, MDLs, device, driver and file objects.

use super::{GUID, KDPC, KEVENT, LIST_ENTRY, NTSTATUS, PVOID, UNICODE_STRING};

/// A dispatch routine.
pub type DRIVER_DISPATCH = extern "win64" fn(*mut DEVICE_OBJECT, *mut IRP) -> NTSTATUS;
/// A completion routine.
pub type IO_COMPLETION_ROUTINE = extern "win64" fn(*mut DEVICE_OBJECT, *mut IRP, PVOID) -> NTSTATUS;
/// A cancel routine; it is called with the cancel spin lock held.
pub type DRIVER_CANCEL = extern "win64" fn(*mut DEVICE_OBJECT, *mut IRP);
/// `DriverEntry`.
pub type DRIVER_INITIALIZE = extern "win64" fn(*mut DRIVER_OBJECT, *mut UNICODE_STRING) -> NTSTATUS;
/// `AddDevice`.
pub type DRIVER_ADD_DEVICE = extern "win64" fn(*mut DRIVER_OBJECT, *mut DEVICE_OBJECT) -> NTSTATUS;
/// `DriverUnload`.
pub type DRIVER_UNLOAD = extern "win64" fn(*mut DRIVER_OBJECT);

/// `Parameters` of a stack location: one view per group of requests.
#[repr(C)]
#[derive(Clone, Copy)]
pub union PARAMETERS {
    pub Create: PARAMETERS_CREATE,
    /// Read and write.
    pub Read: PARAMETERS_READ,
    pub DeviceIoControl: PARAMETERS_DEVICE_CONTROL,
    pub Power: PARAMETERS_POWER,
    pub QueryInterface: PARAMETERS_QUERY_INTERFACE,
    pub UsageNotification: PARAMETERS_USAGE,
    pub Others: PARAMETERS_OTHERS,
}

layout! {
    PARAMETERS_CREATE(0x20) {
        0x0 SecurityContext: *mut IO_SECURITY_CONTEXT,
        0x8 Options: u32,
        0xc FillOptions: u32,
        0x10 FileAttributes: u16,
        0x12 ShareAccess: u16,
        0x14 FillShare: u32,
        0x18 EaLength: u32,
        0x1c FillEa: u32,
    }
    PARAMETERS_READ(0x18) {
        0x0 Length: u32,
        0x4 FillLength: u32,
        0x8 Key: u32,
        0xc Flags: u32,
        0x10 ByteOffset: i64,
    }
    PARAMETERS_DEVICE_CONTROL(0x20) {
        0x0 OutputBufferLength: u32,
        0x4 FillOutput: u32,
        0x8 InputBufferLength: u32,
        0xc FillInput: u32,
        0x10 IoControlCode: u32,
        0x14 FillCode: u32,
        0x18 Type3InputBuffer: PVOID,
    }
    PARAMETERS_POWER(0x20) {
        0x0 SystemContext: u32,
        0x4 FillContext: u32,
        0x8 Type: u32,
        0xc FillType: u32,
        0x10 State: u32,
        0x14 FillState: u32,
        0x18 ShutdownType: u32,
        0x1c FillShutdown: u32,
    }
    PARAMETERS_QUERY_INTERFACE(0x20) {
        0x0 InterfaceType: *const GUID,
        0x8 Size: u16,
        0xa Version: u16,
        0x10 Interface: PVOID,
        0x18 InterfaceSpecificData: PVOID,
    }
    PARAMETERS_USAGE(0x10) {
        0x0 InPath: u8,
        0x1 Reserved: [u8; 3],
        0x4 FillPath: u32,
        0x8 Type: u32,
        0xc FillType: u32,
    }
    PARAMETERS_OTHERS(0x20) {
        0x0 Argument1: PVOID,
        0x8 Argument2: PVOID,
        0x10 Argument3: PVOID,
        0x18 Argument4: PVOID,
    }
    IO_SECURITY_CONTEXT(0x18) {
        0x0 SecurityQos: PVOID,
        0x8 AccessState: PVOID,
        0x10 DesiredAccess: u32,
        0x14 FullCreateOptions: u32,
    }
    IO_STATUS_BLOCK(0x10) {
        0x0 Status: NTSTATUS,
        0x8 Information: usize,
    }
    IO_STACK_LOCATION(0x48) {
        0x0 MajorFunction: u8,
        0x1 MinorFunction: u8,
        0x2 Flags: u8,
        0x3 Control: u8,
        0x8 Parameters: PARAMETERS,
        0x28 DeviceObject: *mut DEVICE_OBJECT,
        0x30 FileObject: *mut FILE_OBJECT,
        0x38 CompletionRoutine: Option<IO_COMPLETION_ROUTINE>,
        0x40 Context: PVOID,
    }
    #[repr(align(16))]
    IRP(0xd0) {
        0x0 Type: i16,
        0x2 Size: u16,
        0x8 MdlAddress: *mut MDL,
        0x10 Flags: u32,
        // Or MasterIrp, or IrpCount.
        0x18 SystemBuffer: PVOID,
        0x20 ThreadListEntry: LIST_ENTRY,
        0x30 IoStatus: IO_STATUS_BLOCK,
        0x40 RequestorMode: u8,
        0x41 PendingReturned: u8,
        0x42 StackCount: i8,
        0x43 CurrentLocation: i8,
        0x44 Cancel: u8,
        0x45 CancelIrql: u8,
        0x46 ApcEnvironment: i8,
        0x47 AllocationFlags: u8,
        0x48 UserIosb: *mut IO_STATUS_BLOCK,
        0x50 UserEvent: *mut KEVENT,
        // Or AllocationSize, over the first of the two.
        0x58 UserApcRoutine: PVOID,
        0x60 UserApcContext: PVOID,
        0x68 CancelRoutine: Option<DRIVER_CANCEL>,
        0x70 UserBuffer: PVOID,
        // Tail.Overlay, without its own name.
        0x78 DriverContext: [PVOID; 4],
        0x98 Thread: PVOID,
        0xa0 AuxiliaryBuffer: PVOID,
        0xa8 ListEntry: LIST_ENTRY,
        0xb8 CurrentStackLocation: *mut IO_STACK_LOCATION,
        0xc0 OriginalFileObject: *mut FILE_OBJECT,
    }
    MDL(0x30) {
        0x0 Next: *mut MDL,
        0x8 Size: i16,
        0xa MdlFlags: i16,
        0x10 Process: PVOID,
        0x18 MappedSystemVa: PVOID,
        0x20 StartVa: PVOID,
        0x28 ByteCount: u32,
        0x2c ByteOffset: u32,
    }
    VPB(0x60) {
        0x0 Type: i16,
        0x2 Size: i16,
        0x4 Flags: u16,
        0x6 VolumeLabelLength: u16,
        0x8 DeviceObject: *mut DEVICE_OBJECT,
        0x10 RealDevice: *mut DEVICE_OBJECT,
        0x18 SerialNumber: u32,
        0x1c ReferenceCount: u32,
        0x20 VolumeLabel: [u16; 32],
    }
    KDEVICE_QUEUE(0x28) {
        0x0 Type: i16,
        0x2 Size: i16,
        0x8 DeviceListHead: LIST_ENTRY,
        0x18 Lock: usize,
        0x20 Busy: u8,
    }
    #[repr(align(16))]
    DEVICE_OBJECT(0x150) {
        0x0 Type: i16,
        0x2 Size: u16,
        0x4 ReferenceCount: i32,
        0x8 DriverObject: *mut DRIVER_OBJECT,
        0x10 NextDevice: *mut DEVICE_OBJECT,
        0x18 AttachedDevice: *mut DEVICE_OBJECT,
        0x20 CurrentIrp: *mut IRP,
        0x28 Timer: PVOID,
        0x30 Flags: u32,
        0x34 Characteristics: u32,
        0x38 Vpb: *mut VPB,
        0x40 DeviceExtension: PVOID,
        0x48 DeviceType: u32,
        0x4c StackSize: i8,
        0x50 Queue: [usize; 9],
        0x98 AlignmentRequirement: u32,
        0xa0 DeviceQueue: KDEVICE_QUEUE,
        0xc8 Dpc: KDPC,
        0x108 ActiveThreadCount: u32,
        0x110 SecurityDescriptor: PVOID,
        0x118 DeviceLock: KEVENT,
        0x130 SectorSize: u16,
        0x132 Spare1: u16,
        0x138 DeviceObjectExtension: *mut DEVOBJ_EXTENSION,
        0x140 Reserved: PVOID,
    }
    DEVOBJ_EXTENSION(0x70) {
        0x0 Type: i16,
        0x2 Size: u16,
        0x8 DeviceObject: *mut DEVICE_OBJECT,
        0x10 PowerFlags: u32,
        0x18 Dope: PVOID,
        0x20 ExtensionFlags: u32,
        0x28 DeviceNode: PVOID,
        0x30 AttachedTo: *mut DEVICE_OBJECT,
        0x38 StartIoCount: i32,
        0x3c StartIoKey: i32,
        0x40 StartIoFlags: u32,
        0x48 Vpb: *mut VPB,
        0x50 DependencyNode: PVOID,
        0x58 InterruptContext: PVOID,
        0x60 InterruptCount: i32,
        0x68 VerifierContext: PVOID,
    }
    DRIVER_EXTENSION(0x28) {
        0x0 DriverObject: *mut DRIVER_OBJECT,
        0x8 AddDevice: Option<DRIVER_ADD_DEVICE>,
        0x10 Count: u32,
        0x18 ServiceKeyName: UNICODE_STRING,
    }
    DRIVER_OBJECT(0x150) {
        0x0 Type: i16,
        0x2 Size: i16,
        0x8 DeviceObject: *mut DEVICE_OBJECT,
        0x10 Flags: u32,
        0x18 DriverStart: PVOID,
        0x20 DriverSize: u32,
        0x28 DriverSection: PVOID,
        0x30 DriverExtension: *mut DRIVER_EXTENSION,
        0x38 DriverName: UNICODE_STRING,
        0x48 HardwareDatabase: *mut UNICODE_STRING,
        0x50 FastIoDispatch: PVOID,
        0x58 DriverInit: PVOID,
        0x60 DriverStartIo: PVOID,
        0x68 DriverUnload: Option<DRIVER_UNLOAD>,
        0x70 MajorFunction: [Option<DRIVER_DISPATCH>; 28],
    }
    FILE_OBJECT(0xd8) {
        0x0 Type: i16,
        0x2 Size: i16,
        0x8 DeviceObject: *mut DEVICE_OBJECT,
        0x10 Vpb: *mut VPB,
        0x18 FsContext: PVOID,
        0x20 FsContext2: PVOID,
        0x28 SectionObjectPointer: PVOID,
        0x30 PrivateCacheMap: PVOID,
        0x38 FinalStatus: NTSTATUS,
        0x40 RelatedFileObject: *mut FILE_OBJECT,
        0x48 LockOperation: u8,
        0x49 DeletePending: u8,
        0x4a ReadAccess: u8,
        0x4b WriteAccess: u8,
        0x4c DeleteAccess: u8,
        0x4d SharedRead: u8,
        0x4e SharedWrite: u8,
        0x4f SharedDelete: u8,
        0x50 Flags: u32,
        0x58 FileName: UNICODE_STRING,
        0x68 CurrentByteOffset: i64,
        0x70 Waiters: u32,
        0x74 Busy: u32,
        0x78 LastLock: PVOID,
        0x80 Lock: KEVENT,
        0x98 Event: KEVENT,
        0xb0 CompletionContext: PVOID,
        0xb8 IrpListLock: usize,
        0xc0 IrpList: LIST_ENTRY,
        0xd0 FileObjectExtension: PVOID,
    }
}

/// Type of an IRP.
pub const IO_TYPE_IRP: i16 = 6;
/// Type of a device object.
pub const IO_TYPE_DEVICE: i16 = 3;
/// Type of a driver object.
pub const IO_TYPE_DRIVER: i16 = 4;
/// Type of a file object.
pub const IO_TYPE_FILE: i16 = 5;
/// Type of a volume parameter block.
pub const IO_TYPE_VPB: i16 = 0xA;

macro_rules! constants {
    ($type:ty: $($name:ident = $value:expr;)*) => { $(pub const $name: $type = $value;)* };
}

constants! { u8:
    IRP_MJ_CREATE = 0x00;
    IRP_MJ_CLOSE = 0x02;
    IRP_MJ_READ = 0x03;
    IRP_MJ_WRITE = 0x04;
    IRP_MJ_FLUSH_BUFFERS = 0x09;
    IRP_MJ_FILE_SYSTEM_CONTROL = 0x0D;
    IRP_MJ_DEVICE_CONTROL = 0x0E;
    IRP_MJ_INTERNAL_DEVICE_CONTROL = 0x0F;
    IRP_MJ_SHUTDOWN = 0x10;
    IRP_MJ_CLEANUP = 0x12;
    IRP_MJ_POWER = 0x16;
    IRP_MJ_SYSTEM_CONTROL = 0x17;
    IRP_MJ_PNP = 0x1B;
    SL_PENDING_RETURNED = 0x01;
    SL_ERROR_RETURNED = 0x02;
    SL_INVOKE_ON_CANCEL = 0x20;
    SL_INVOKE_ON_SUCCESS = 0x40;
    SL_INVOKE_ON_ERROR = 0x80;
    SL_OVERRIDE_VERIFY_VOLUME = 0x02;
}

constants! { u32:
    IRP_NOCACHE = 0x1;
    IRP_PAGING_IO = 0x2;
    IRP_SYNCHRONOUS_API = 0x4;
    IRP_ASSOCIATED_IRP = 0x8;
    IRP_BUFFERED_IO = 0x10;
    IRP_DEALLOCATE_BUFFER = 0x20;
    IRP_INPUT_OPERATION = 0x40;
    IRP_SYNCHRONOUS_PAGING_IO = 0x40;
    IRP_CREATE_OPERATION = 0x80;
    IRP_READ_OPERATION = 0x100;
    IRP_WRITE_OPERATION = 0x200;
    IRP_CLOSE_OPERATION = 0x400;
    IRP_DEFER_IO_COMPLETION = 0x800;
    DO_VERIFY_VOLUME = 0x2;
    DO_BUFFERED_IO = 0x4;
    DO_EXCLUSIVE = 0x8;
    DO_DIRECT_IO = 0x10;
    DO_DEVICE_HAS_NAME = 0x40;
    DO_DEVICE_INITIALIZING = 0x80;
    DO_BUS_ENUMERATED_DEVICE = 0x1000;
    DO_POWER_PAGABLE = 0x2000;
    DO_POWER_INRUSH = 0x4000;
    FO_SYNCHRONOUS_IO = 0x2;
    FO_NO_INTERMEDIATE_BUFFERING = 0x8;
    FO_DIRECT_DEVICE_OPEN = 0x800;
    FO_CLEANUP_COMPLETE = 0x4000;
    FO_HANDLE_CREATED = 0x40000;
    FILE_DEVICE_CD_ROM = 0x02;
    FILE_DEVICE_DISK = 0x07;
    FILE_DEVICE_TAPE = 0x1F;
    FILE_DEVICE_VIRTUAL_DISK = 0x24;
    FILE_DEVICE_SECURE_OPEN = 0x100;
}

constants! { u16:
    VPB_MOUNTED = 0x1;
}

constants! { i16:
    MDL_MAPPED_TO_SYSTEM_VA = 0x0001;
    MDL_PAGES_LOCKED = 0x0002;
    MDL_SOURCE_IS_NONPAGED_POOL = 0x0004;
    MDL_ALLOCATED_FIXED_SIZE = 0x0008;
    MDL_PARTIAL = 0x0010;
    MDL_PARTIAL_HAS_BEEN_MAPPED = 0x0020;
    MDL_IO_PAGE_READ = 0x0040;
    MDL_WRITE_OPERATION = 0x0080;
    MDL_IO_SPACE = 0x0800;
}
