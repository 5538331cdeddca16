//! The kernel's own services, each behind a small safe type or function.

pub mod bugcheck;
pub mod device_object;
pub mod error_log;
pub mod event;
pub mod irp;
pub mod links;
pub mod mdl;
pub mod notification;
pub mod owned_irp;
pub mod properties;
pub mod spin_lock;
pub mod time;
