//! Automatic serialisation: which callback lock the callbacks of a timer, DPC or work item take.

use std::rc::Rc;

use crate::objects::{self, CallbackLock, Handle, Kind, Level, Scope};
use crate::status;

/// The lock of the parent, if callbacks are to be serialised with the parent's.
///
/// # Errors
/// STATUS_INVALID_DEVICE_REQUEST when the parent is of a kind without callbacks;
/// STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL when the parent's level excludes callbacks at the level of this object.
pub(crate) fn lock_for(parent: Handle, automatic: bool, passive: bool) -> Result<Option<Rc<CallbackLock>>, i32> {
    if !automatic {
        return Ok(None);
    }
    let object = objects::any(parent, "Attributes.ParentObject");
    if !matches!(object.kind, Kind::Device | Kind::Queue) {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    let lock = match object.scope {
        Scope::Device | Scope::Queue => objects::lock_of(parent),
        Scope::None | Scope::Inherit => None,
    };
    let parent_passive = object.level == Level::Passive;
    if (parent_passive && !passive) || (!parent_passive && passive && lock.is_some()) {
        return Err(status::WDF_INCOMPATIBLE_EXECUTION_LEVEL);
    }
    Ok(lock)
}

/// The parent of a timer, DPC or work item has to be a device or something below one.
///
/// # Errors
/// STATUS_INVALID_DEVICE_REQUEST when it is not.
pub(crate) fn device_above(parent: Handle) -> Result<Handle, i32> {
    objects::ancestor(parent, Kind::Device).ok_or(status::INVALID_DEVICE_REQUEST)
}
