//! Constants of the headers, and those that `wdk-sys` writes by hand.
#![allow(missing_docs, reason = "named as in the headers")]

use crate::types::{POOL_FLAGS, PVOID, PWDF_OBJECT_ATTRIBUTES};

pub use bindings::*;

pub const WDF_NO_OBJECT_ATTRIBUTES: PWDF_OBJECT_ATTRIBUTES = core::ptr::null_mut();
pub const WDF_NO_EVENT_CALLBACK: PVOID = core::ptr::null_mut();
pub const WDF_NO_HANDLE: PVOID = core::ptr::null_mut();
pub const WDF_NO_CONTEXT: PVOID = core::ptr::null_mut();
pub const WDF_NO_SEND_OPTIONS: PVOID = core::ptr::null_mut();

pub const POOL_FLAG_USE_QUOTA: POOL_FLAGS = 0x01;
pub const POOL_FLAG_UNINITIALIZED: POOL_FLAGS = 0x02;
pub const POOL_FLAG_SESSION: POOL_FLAGS = 0x04;
pub const POOL_FLAG_CACHE_ALIGNED: POOL_FLAGS = 0x08;
pub const POOL_FLAG_RAISE_ON_FAILURE: POOL_FLAGS = 0x20;
pub const POOL_FLAG_NON_PAGED: POOL_FLAGS = 0x40;
pub const POOL_FLAG_NON_PAGED_EXECUTE: POOL_FLAGS = 0x80;
pub const POOL_FLAG_PAGED: POOL_FLAGS = 0x100;

mod bindings {
    use crate::types::NTSTATUS;

    include!(concat!(env!("OUT_DIR"), "/constants.rs"));
}
