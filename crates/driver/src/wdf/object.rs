//! What all objects have: attributes, contexts, handles that are kept.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr::{NonNull, null, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use wdk_sys::{
    _WDF_EXECUTION_LEVEL, _WDF_SYNCHRONIZATION_SCOPE, PFN_WDF_OBJECT_CONTEXT_CLEANUP, WDF_OBJECT_ATTRIBUTES,
    WDF_OBJECT_CONTEXT_TYPE_INFO, WDFOBJECT, call_unsafe_wdf_function_binding,
};

/// Size of a structure as its Size member wants it.
pub const fn size_field<T>() -> u32 {
    const {
        assert!(size_of::<T>() <= 0xFFFF);
        #[allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "asserted to fit")]
        let size = size_of::<T>() as u32;
        size
    }
}

/// Says that contexts of one type are a `T`. The framework tells types apart by the address of this value.
#[repr(transparent)]
pub struct ContextType<T>(WDF_OBJECT_CONTEXT_TYPE_INFO, PhantomData<fn() -> T>);

// SAFETY: constant data; the pointers in it lead to constant data.
unsafe impl<T> Sync for ContextType<T> {}

impl<T> ContextType<T> {
    /// The type with a name for debuggers. `this` is the place of the value itself.
    pub const fn new(name: &'static CStr, this: *const Self) -> Self {
        let name: *mut c_char = name.as_ptr().cast_mut();
        Self(
            WDF_OBJECT_CONTEXT_TYPE_INFO {
                Size: size_field::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
                ContextName: name,
                ContextSize: size_of::<T>(),
                UniqueType: this.cast(),
                EvtDriverGetUniqueContextType: None,
            },
            PhantomData,
        )
    }

    /// For attributes.
    pub const fn info(&'static self) -> *const WDF_OBJECT_CONTEXT_TYPE_INFO {
        &raw const self.0
    }
}

/// A type that lives in the context of objects.
///
/// # Safety
/// All bytes zero are a value: that is what the framework gives. It is not dropped.
pub unsafe trait Context: Sized + Sync + 'static {
    /// Its type.
    fn context_type() -> &'static ContextType<Self>;
}

/// The context of the object `handle`; `None` if the object has none of this type.
///
/// # Safety
/// `handle` is a live object, and the context is used no longer than the object lives.
pub unsafe fn context<'a, T: Context>(handle: WDFOBJECT) -> Option<&'a T> {
    let info = T::context_type().info();
    // SAFETY: a live object, and the address of a context type.
    let place = unsafe { call_unsafe_wdf_function_binding!(WdfObjectGetTypedContextWorker, handle, info) };
    // SAFETY: the context of this type, zeroed by the framework when the object was made, which is a valid T.
    NonNull::new(place.cast::<T>()).map(|place| unsafe { place.as_ref() })
}

/// Attributes as the headers' initialiser sets them.
pub const fn attributes() -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: size_field::<WDF_OBJECT_ATTRIBUTES>(),
        EvtCleanupCallback: None,
        EvtDestroyCallback: None,
        ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
        SynchronizationScope: _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
        ParentObject: null_mut(),
        ContextSizeOverride: 0,
        ContextTypeInfo: null(),
    }
}

/// Attributes of an object that goes away with `parent`.
pub const fn child_of(parent: WDFOBJECT) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES { ParentObject: parent, ..attributes() }
}

/// Attributes of objects with a context, and what to do when such an object goes away.
pub fn with_context<T: Context>(cleanup: PFN_WDF_OBJECT_CONTEXT_CLEANUP) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES { EvtCleanupCallback: cleanup, ContextTypeInfo: T::context_type().info(), ..attributes() }
}

/// Deletes an object that this driver made.
///
/// # Safety
/// It is live and may be deleted, and nobody uses it after this.
pub unsafe fn delete(handle: WDFOBJECT) {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, handle) };
}

/// A handle that is kept where others can see it: null until it is set, and again when it is taken. All bytes zero is
/// null.
pub struct Kept<T>(AtomicPtr<T>);

impl<T> Kept<T> {
    /// Keeps `handle`.
    pub fn set(&self, handle: *mut T) {
        self.0.store(handle, Ordering::Release);
    }

    /// The handle.
    pub fn get(&self) -> *mut T {
        self.0.load(Ordering::Acquire)
    }

    /// The handle, which is kept no more.
    pub fn take(&self) -> *mut T {
        self.0.swap(null_mut(), Ordering::AcqRel)
    }
}
