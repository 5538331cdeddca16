//! The framework's structures as drivers lay them out, under their WDK names.
//!
//! Sizes and offsets are checked against `tables/structs.json`. A structure carries its size in its first member;
//! [`read`] accepts the current size and the older ones that the framework still accepts, and gives the members that
//! the older form lacks the value 0.
#![expect(missing_docs, reason = "names and meaning are the WDK's")]
#![allow(non_camel_case_types, non_snake_case)]

use std::ffi::c_void;

use nt_kernel::layout::{DEVICE_OBJECT, DEVPROPKEY, DRIVER_OBJECT, FILE_OBJECT, IRP, MDL, UNICODE_STRING};

use crate::objects::Handle;

/// A structure that begins with its own size.
pub trait Sized: Copy {
    /// The name in the data.
    const NAME: &'static str;
    /// Accepted values of the size member: the current one first.
    const SIZES: &'static [u32];
    /// Name, offset and size of each member.
    const MEMBERS: &'static [(&'static str, usize, usize)];
}

const fn size_of_member<S, M>(_: fn(&S) -> &M) -> usize {
    size_of::<M>()
}

macro_rules! structures {
    ($( $name:ident [$($older:literal),*] { $($member:ident: $type:ty,)* } )*) => {
        $(
            #[repr(C)]
            #[derive(Clone, Copy)]
            pub struct $name { $(pub $member: $type,)* }

            impl Sized for $name {
                const NAME: &'static str = stringify!($name);
                const SIZES: &'static [u32] = &[size_of::<$name>() as u32 $(, $older)*];
                const MEMBERS: &'static [(&'static str, usize, usize)] = &[
                    $((stringify!($member), std::mem::offset_of!($name, $member), size_of_member(|s: &$name| &s.$member)),)*
                ];
            }
        )*

        /// Every structure: name, size and members, for the comparison with the data.
        #[cfg(test)]
        const ALL: &[(&str, usize, &[u32], &[(&str, usize, usize)])] =
            &[$(($name::NAME, size_of::<$name>(), $name::SIZES, $name::MEMBERS),)*];
    };
}

/// What a callback pointer is before its signature matters.
pub type Callback = *const c_void;
pub type EvtObject = Option<unsafe extern "win64" fn(Handle)>;
pub type EvtQueueRequest = Option<unsafe extern "win64" fn(Handle, Handle)>;
pub type EvtQueueLength = Option<unsafe extern "win64" fn(Handle, Handle, usize)>;
pub type EvtQueueIoctl = Option<unsafe extern "win64" fn(Handle, Handle, usize, usize, u32)>;
pub type EvtQueueStop = Option<unsafe extern "win64" fn(Handle, Handle, u32)>;
pub type EvtQueueState = Option<unsafe extern "win64" fn(Handle, usize)>;
pub type EvtQueueReserve = Option<unsafe extern "win64" fn(Handle, Handle) -> i32>;
pub type EvtQueueExamine = Option<unsafe extern "win64" fn(Handle, *mut IRP) -> u32>;
pub type EvtDeviceStatus = Option<unsafe extern "win64" fn(Handle) -> i32>;
pub type EvtDevicePower = Option<unsafe extern "win64" fn(Handle, u32) -> i32>;
pub type EvtDevicePrepare = Option<unsafe extern "win64" fn(Handle, Handle, Handle) -> i32>;
pub type EvtDeviceRelease = Option<unsafe extern "win64" fn(Handle, Handle) -> i32>;
pub type EvtDeviceUsage = Option<unsafe extern "win64" fn(Handle, u32, u8)>;
pub type EvtDeviceUsageEx = Option<unsafe extern "win64" fn(Handle, u32, u8) -> i32>;
pub type EvtDeviceRelations = Option<unsafe extern "win64" fn(Handle, u32)>;
pub type EvtDeviceAdd = Option<unsafe extern "win64" fn(Handle, *mut c_void) -> i32>;
pub type EvtFileCreate = Option<unsafe extern "win64" fn(Handle, Handle, Handle)>;
pub type EvtInCallerContext = Option<unsafe extern "win64" fn(Handle, Handle)>;
pub type EvtPreprocess = Option<unsafe extern "win64" fn(Handle, *mut IRP) -> i32>;
pub type EvtDispatchIrp = Option<unsafe extern "win64" fn(Handle, u8, u8, u32, usize, *mut IRP, usize) -> i32>;
pub type EvtCompletion = Option<unsafe extern "win64" fn(Handle, Handle, *mut WDF_REQUEST_COMPLETION_PARAMS, usize)>;

structures! {
    WDF_VERSION [] { Major: u32, Minor: u32, Build: u32, }
    WDF_BIND_INFO [] {
        Size: u32, Component: *const u16, Version: WDF_VERSION, FuncCount: u32, FuncTable: *mut c_void,
        Module: *mut c_void,
    }
    WDF_BIND_INFO2 [] {
        V1: WDF_BIND_INFO, MinimumVersionRequired: *const u32, ClientVersionHigherThanFramework: *mut u8,
        FuncCountPtr: *mut u32, StructCountPtr: *mut u32, StructTable: *mut usize,
    }
    WDF_CLASS_BIND_INFO [] {
        Size: u32, ClassName: *const u16, Version: WDF_VERSION, FunctionTable: *mut c_void, FunctionTableCount: u32,
        ClassBindInfo: *mut c_void, ClientBindClass: Callback, ClientUnbindClass: Callback, ClassModule: *mut c_void,
    }
    WDF_DRIVER_GLOBALS [] {
        Driver: Handle, DriverFlags: u32, DriverTag: u32, DriverName: [u8; 32], DisplaceDriverUnload: u8,
    }
    WDF_OBJECT_CONTEXT_TYPE_INFO [] {
        Size: u32, ContextName: *const u8, ContextSize: usize, UniqueType: *const WDF_OBJECT_CONTEXT_TYPE_INFO,
        EvtDriverGetUniqueContextType: Callback,
    }
    WDF_OBJECT_ATTRIBUTES [] {
        Size: u32, EvtCleanupCallback: EvtObject, EvtDestroyCallback: EvtObject, ExecutionLevel: u32,
        SynchronizationScope: u32, ParentObject: Handle, ContextSizeOverride: usize,
        ContextTypeInfo: *const WDF_OBJECT_CONTEXT_TYPE_INFO,
    }
    WDF_DRIVER_CONFIG [] {
        Size: u32, EvtDriverDeviceAdd: EvtDeviceAdd, EvtDriverUnload: EvtObject, DriverInitFlags: u32,
        DriverPoolTag: u32,
    }
    WDF_DRIVER_VERSION_AVAILABLE_PARAMS [] { Size: u32, MajorVersion: u32, MinorVersion: u32, }
    WDF_FDO_EVENT_CALLBACKS [] {
        Size: u32, EvtDeviceFilterAddResourceRequirements: Callback,
        EvtDeviceFilterRemoveResourceRequirements: Callback, EvtDeviceRemoveAddedResources: Callback,
    }
    WDF_PNPPOWER_EVENT_CALLBACKS [136] {
        Size: u32, EvtDeviceD0Entry: EvtDevicePower, EvtDeviceD0EntryPostInterruptsEnabled: EvtDevicePower,
        EvtDeviceD0Exit: EvtDevicePower, EvtDeviceD0ExitPreInterruptsDisabled: EvtDevicePower,
        EvtDevicePrepareHardware: EvtDevicePrepare, EvtDeviceReleaseHardware: EvtDeviceRelease,
        EvtDeviceSelfManagedIoCleanup: EvtObject, EvtDeviceSelfManagedIoFlush: EvtObject,
        EvtDeviceSelfManagedIoInit: EvtDeviceStatus, EvtDeviceSelfManagedIoSuspend: EvtDeviceStatus,
        EvtDeviceSelfManagedIoRestart: EvtDeviceStatus, EvtDeviceSurpriseRemoval: EvtObject,
        EvtDeviceQueryRemove: EvtDeviceStatus, EvtDeviceQueryStop: EvtDeviceStatus,
        EvtDeviceUsageNotification: EvtDeviceUsage, EvtDeviceRelationsQuery: EvtDeviceRelations,
        EvtDeviceUsageNotificationEx: EvtDeviceUsageEx,
    }
    WDF_POWER_POLICY_EVENT_CALLBACKS [56] {
        Size: u32, EvtDeviceArmWakeFromS0: EvtDeviceStatus, EvtDeviceDisarmWakeFromS0: EvtObject,
        EvtDeviceWakeFromS0Triggered: EvtObject, EvtDeviceArmWakeFromSx: EvtDeviceStatus,
        EvtDeviceDisarmWakeFromSx: EvtObject, EvtDeviceWakeFromSxTriggered: EvtObject,
        EvtDeviceArmWakeFromSxWithReason: Callback,
    }
    WDF_FILEOBJECT_CONFIG [] {
        Size: u32, EvtDeviceFileCreate: EvtFileCreate, EvtFileClose: EvtObject, EvtFileCleanup: EvtObject,
        AutoForwardCleanupClose: u32, FileObjectClass: u32,
    }
    WDF_REMOVE_LOCK_OPTIONS [] { Size: u32, Flags: u32, }
    WDF_IO_TYPE_CONFIG [] {
        Size: u32, ReadWriteIoType: u32, DeviceControlIoType: u32, DirectTransferThreshold: u32,
    }
    WDF_DEVICE_PROPERTY_DATA [] { Size: u32, PropertyKey: *const DEVPROPKEY, Lcid: u32, Flags: u32, }
    WDF_DEVICE_STATE [28] {
        Size: u32, Disabled: u32, DontDisplayInUI: u32, Failed: u32, NotDisableable: u32, Removed: u32,
        ResourcesChanged: u32, AssignedToGuest: u32,
    }
    WDF_DEVICE_PNP_CAPABILITIES [] {
        Size: u32, LockSupported: u32, EjectSupported: u32, Removable: u32, DockDevice: u32, UniqueID: u32,
        SilentInstall: u32, SurpriseRemovalOK: u32, HardwareDisabled: u32, NoDisplayInUI: u32, Address: u32,
        UINumber: u32,
    }
    WDF_DEVICE_POWER_CAPABILITIES [] {
        Size: u32, DeviceD1: u32, DeviceD2: u32, WakeFromD0: u32, WakeFromD1: u32, WakeFromD2: u32, WakeFromD3: u32,
        DeviceState: [u32; 7], DeviceWake: u32, SystemWake: u32, D1Latency: u32, D2Latency: u32, D3Latency: u32,
        IdealDxStateForSx: u32,
    }
    WDF_DEVICE_POWER_POLICY_IDLE_SETTINGS [24, 28] {
        Size: u32, IdleCaps: u32, DxState: u32, IdleTimeout: u32, UserControlOfIdleSettings: u32, Enabled: u32,
        PowerUpIdleDeviceOnSystemWake: u32, IdleTimeoutType: u32, ExcludeD3Cold: u32,
    }
    WDF_DEVICE_POWER_POLICY_WAKE_SETTINGS [16] {
        Size: u32, DxState: u32, UserControlOfWakeSettings: u32, Enabled: u32, ArmForWakeIfChildrenAreArmedForWake: u8,
        IndicateChildWakeOnParentWake: u8,
    }
    WDF_IO_QUEUE_CONFIG [88, 80] {
        Size: u32, DispatchType: u32, PowerManaged: u32, AllowZeroLengthRequests: u8, DefaultQueue: u8,
        EvtIoDefault: EvtQueueRequest, EvtIoRead: EvtQueueLength, EvtIoWrite: EvtQueueLength,
        EvtIoDeviceControl: EvtQueueIoctl, EvtIoInternalDeviceControl: EvtQueueIoctl, EvtIoStop: EvtQueueStop,
        EvtIoResume: EvtQueueRequest, EvtIoCanceledOnQueue: EvtQueueRequest, Settings: u32, Driver: Handle,
    }
    WDF_IO_QUEUE_FORWARD_PROGRESS_POLICY [] {
        Size: u32, TotalForwardProgressRequests: u32, ForwardProgressReservedPolicy: u32,
        ForwardProgressReservePolicySettings: EvtQueueExamine,
        EvtIoAllocateResourcesForReservedRequest: EvtQueueReserve, EvtIoAllocateRequestResources: EvtQueueReserve,
    }
    WDF_REQUEST_COMPLETION_PARAMS [] {
        Size: u32, Type: u32, IoStatus: [usize; 2], Parameters: [usize; 6],
    }
    WDF_REQUEST_REUSE_PARAMS [] { Size: u32, Flags: u32, Status: i32, NewIrp: *mut IRP, }
    WDF_REQUEST_SEND_OPTIONS [] { Size: u32, Flags: u32, Timeout: i64, }
    WDF_REQUEST_FORWARD_OPTIONS [] { Size: u32, Flags: u32, }
    WDF_IO_TARGET_OPEN_PARAMS [120] {
        Size: u32, Type: u32, EvtIoTargetQueryRemove: EvtDeviceStatus, EvtIoTargetRemoveCanceled: EvtObject,
        EvtIoTargetRemoveComplete: EvtObject, TargetDeviceObject: *mut DEVICE_OBJECT,
        TargetFileObject: *mut FILE_OBJECT, TargetDeviceName: UNICODE_STRING, DesiredAccess: u32, ShareAccess: u32,
        FileAttributes: u32, CreateDisposition: u32, CreateOptions: u32, EaBuffer: *mut c_void, EaBufferLength: u32,
        AllocationSize: *mut i64, FileInformation: u32, FileName: UNICODE_STRING,
    }
    WDF_QUERY_INTERFACE_CONFIG [] {
        Size: u32, Interface: *mut c_void, InterfaceType: *const c_void, SendQueryToParentStack: u8,
        EvtDeviceProcessQueryInterfaceRequest: Callback, ImportInterface: u8,
    }
    WDF_TIMER_CONFIG [24, 32] {
        Size: u32, EvtTimerFunc: EvtObject, Period: u32, AutomaticSerialization: u8, TolerableDelay: u32, FillTolerableDelay: u32,
        UseHighResolutionTimer: u8,
    }
    WDF_WORKITEM_CONFIG [] { Size: u32, EvtWorkItemFunc: EvtObject, AutomaticSerialization: u8, }
    WDF_DPC_CONFIG [] { Size: u32, EvtDpcFunc: EvtObject, AutomaticSerialization: u8, }
}

/// Parameters of a request; its size member is 16 bits wide.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WDF_REQUEST_PARAMETERS {
    pub Size: u16,
    pub MinorFunction: u8,
    pub Type: u32,
    pub Parameters: [u64; 4],
}

/// Part of a memory object.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WDFMEMORY_OFFSET {
    pub BufferOffset: usize,
    pub BufferLength: usize,
}

/// A buffer, MDL or memory handle for the synchronous senders.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WDF_MEMORY_DESCRIPTOR {
    pub Type: u32,
    pub u: WDF_MEMORY_DESCRIPTOR_u,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union WDF_MEMORY_DESCRIPTOR_u {
    pub BufferType: WDF_MEMORY_DESCRIPTOR_buffer,
    pub MdlType: WDF_MEMORY_DESCRIPTOR_mdl,
    pub HandleType: WDF_MEMORY_DESCRIPTOR_handle,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct WDF_MEMORY_DESCRIPTOR_buffer {
    pub Buffer: *mut c_void,
    pub Length: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct WDF_MEMORY_DESCRIPTOR_mdl {
    pub Mdl: *mut MDL,
    pub BufferLength: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct WDF_MEMORY_DESCRIPTOR_handle {
    pub Memory: Handle,
    pub Offsets: *const WDFMEMORY_OFFSET,
}

/// What the loader passes when it registers a client.
pub type DriverObject = *mut DRIVER_OBJECT;

/// Copies a structure that a driver passed: `None` when its size member is none of the accepted ones. Members beyond
/// an older form's end are zero.
///
/// The pointer must not be NULL; callers check that with [`crate::fail::require`].
#[must_use]
pub fn read<T: Sized>(pointer: *const T) -> Option<T> {
    // SAFETY: the driver passes a structure of this kind; its size member is its first 32 bits. A bad address faults
    // and is reported by the machine as the driver's.
    let size = unsafe { pointer.cast::<u32>().read_unaligned() };
    if !T::SIZES.contains(&size) {
        return None;
    }
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: `size` is at most `size_of::<T>()`, and the driver vouches for that many bytes by its size member.
    unsafe { std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), size as usize) };
    // SAFETY: every structure of this module consists of integers, raw pointers and optional function pointers, for
    // which zero is a value; the rest was copied.
    Some(unsafe { value.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn data() -> Value {
        serde_json::from_str(include_str!("../tables/structs.json")).unwrap()
    }

    #[test]
    fn layouts_equal_the_data() {
        let data = data();
        for (name, size, _, members) in ALL {
            let known = &data["structs"][name];
            assert_eq!(known["size"].as_u64(), Some(*size as u64), "{name}");
            let fields = known["fields"].as_array().unwrap();
            // Members named Fill are gaps that alignment leaves.
            let members: Vec<_> = members.iter().filter(|(member, ..)| !member.starts_with("Fill")).collect();
            for (member, offset, length) in &members {
                let field = fields.iter().find(|field| field["name"] == *member);
                let Some(field) = field else { panic!("{name}.{member} is in no row") };
                assert_eq!(field["offset"].as_u64(), Some(*offset as u64), "{name}.{member}");
                assert_eq!(field["size"].as_u64(), Some(*length as u64), "{name}.{member}");
            }
            assert_eq!(fields.len(), members.len(), "{name}: members");
        }
    }

    #[test]
    fn older_sizes_equal_the_data() {
        let data = data();
        for (name, size, sizes, _) in ALL {
            let older = data["structs"][name]["older_accepted_sizes"].as_object();
            let mut known: Vec<u64> =
                older.map(|map| map.values().filter_map(Value::as_u64).collect()).unwrap_or_default();
            known.push(*size as u64);
            known.sort_unstable();
            known.dedup();
            let mut ours: Vec<u64> = sizes.iter().map(|size| u64::from(*size)).collect();
            ours.sort_unstable();
            assert_eq!(ours, known, "{name}");
        }
    }

    #[test]
    fn an_older_form_gets_zero_for_what_it_lacks() {
        let mut bytes = [0xFFu8; size_of::<WDF_TIMER_CONFIG>()];
        bytes[..4].copy_from_slice(&24u32.to_le_bytes());
        let config = read(bytes.as_ptr().cast::<WDF_TIMER_CONFIG>()).unwrap();
        assert_eq!((config.Period, config.TolerableDelay, config.UseHighResolutionTimer), (u32::MAX, 0, 0));
        bytes[0] = 25;
        assert!(read(bytes.as_ptr().cast::<WDF_TIMER_CONFIG>()).is_none());
    }
}
