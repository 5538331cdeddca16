//! Status values: those of the kernel and those of the framework's facility.

pub use nt_kernel::status::*;

/// STATUS_INTERNAL_ERROR
pub const INTERNAL_ERROR: i32 = 0xC000_00E5_u32 as i32;
/// STATUS_INVALID_PARAMETER_4
pub const INVALID_PARAMETER_4: i32 = 0xC000_00F2_u32 as i32;
/// STATUS_REQUEST_NOT_ACCEPTED
pub const REQUEST_NOT_ACCEPTED: i32 = 0xC000_00D0_u32 as i32;
/// STATUS_INVALID_BUFFER_SIZE
pub const INVALID_BUFFER_SIZE: i32 = 0xC000_0206_u32 as i32;
/// STATUS_INVALID_SECURITY_DESCR
pub const INVALID_SECURITY_DESCR: i32 = 0xC000_0079_u32 as i32;
/// STATUS_DEVICE_POWER_FAILURE
pub const DEVICE_POWER_FAILURE: i32 = 0xC000_009E_u32 as i32;
/// STATUS_POWER_STATE_INVALID
pub const POWER_STATE_INVALID: i32 = 0xC000_02D3_u32 as i32;
/// STATUS_RESOURCE_DATA_NOT_FOUND
pub const RESOURCE_DATA_NOT_FOUND: i32 = 0xC000_0089_u32 as i32;

/// A request waits in a stopped target.
pub const WDF_QUEUED: i32 = 0x4020_0000;
/// Delivery was handed to a work item.
pub const WDF_POSTED: i32 = 0x4020_0002;
/// No package for this request type.
pub const WDF_NO_PACKAGE: i32 = 0xC020_0200_u32 as i32;
/// The framework failed.
pub const WDF_INTERNAL_ERROR: i32 = 0xC020_0201_u32 as i32;
/// The queue is stopped or held.
pub const WDF_PAUSED: i32 = 0xC020_0203_u32 as i32;
/// The queue does not accept requests.
pub const WDF_BUSY: i32 = 0xC020_0204_u32 as i32;
/// A request timed out before it was sent.
pub const WDF_IO_TIMEOUT_NOT_SENT: i32 = 0xC020_0205_u32 as i32;
/// The target went away before the request was sent.
pub const WDF_DEVICE_REMOVED_NOT_SENT: i32 = 0xC020_0206_u32 as i32;
/// The request is already pending.
pub const WDF_REQUEST_ALREADY_PENDING: i32 = 0xC020_0207_u32 as i32;
/// The request is in a state that does not allow the call.
pub const WDF_REQUEST_INVALID_STATE: i32 = 0xC020_0208_u32 as i32;
/// Object attributes contradict each other.
pub const WDF_OBJECT_ATTRIBUTES_INVALID: i32 = 0xC020_0209_u32 as i32;
/// A transfer needs too many fragments.
pub const WDF_TOO_FRAGMENTED: i32 = 0xC020_020A_u32 as i32;
/// A queue that delivers has no handler.
pub const WDF_NO_CALLBACK: i32 = 0xC020_020B_u32 as i32;
/// Execution levels of an object and its parent exclude serialisation.
pub const WDF_INCOMPATIBLE_EXECUTION_LEVEL: i32 = 0xC020_020C_u32 as i32;
/// The object has a parent already.
pub const WDF_PARENT_ALREADY_ASSIGNED: i32 = 0xC020_020D_u32 as i32;
/// The object was named as its own parent.
pub const WDF_PARENT_IS_SELF: i32 = 0xC020_020E_u32 as i32;
/// The creator chooses the parent.
pub const WDF_PARENT_ASSIGNMENT_NOT_ALLOWED: i32 = 0xC020_020F_u32 as i32;
/// The object cannot have a synchronisation scope.
pub const WDF_SYNCHRONIZATION_SCOPE_INVALID: i32 = 0xC020_0210_u32 as i32;
/// The object cannot have an execution level.
pub const WDF_EXECUTION_LEVEL_INVALID: i32 = 0xC020_0211_u32 as i32;
/// The creator needs a parent.
pub const WDF_PARENT_NOT_SPECIFIED: i32 = 0xC020_0212_u32 as i32;
/// Too many transfers.
pub const WDF_TOO_MANY_TRANSFERS: i32 = 0xC020_0213_u32 as i32;
/// Too few map registers.
pub const WDF_NOT_ENOUGH_MAP_REGISTERS: i32 = 0xC020_0214_u32 as i32;

/// `NT_SUCCESS`.
#[must_use]
pub const fn ok(status: i32) -> bool {
    status >= 0
}

/// What the I/O manager sees of a framework status: values of the framework's facility are translated, others stay.
#[must_use]
pub const fn for_system(status: i32) -> i32 {
    match status {
        WDF_PAUSED | WDF_BUSY => DEVICE_BUSY,
        WDF_INTERNAL_ERROR => INTERNAL_ERROR,
        WDF_NOT_ENOUGH_MAP_REGISTERS => INSUFFICIENT_RESOURCES,
        _ if (status as u32) & 0xCFFF_0000 == 0xC020_0000 && status < 0 => INVALID_DEVICE_REQUEST,
        _ => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framework_statuses_do_not_leave_the_framework() {
        assert_eq!(for_system(WDF_PAUSED), DEVICE_BUSY);
        assert_eq!(for_system(WDF_TOO_FRAGMENTED), INVALID_DEVICE_REQUEST);
        assert_eq!(for_system(WDF_NOT_ENOUGH_MAP_REGISTERS), INSUFFICIENT_RESOURCES);
        assert_eq!(for_system(WDF_REQUEST_INVALID_STATE), INVALID_DEVICE_REQUEST);
        assert_eq!(for_system(CANCELLED), CANCELLED);
        assert_eq!(for_system(SUCCESS), SUCCESS);
    }
}
