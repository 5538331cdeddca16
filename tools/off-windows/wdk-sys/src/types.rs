//! Types of the headers.

pub use bindings::*;

/// Flags of `ExAllocatePool2`.
#[allow(non_camel_case_types, reason = "the kit's name")]
pub type POOL_FLAGS = ULONG64;

#[allow(
    clippy::missing_safety_doc,
    clippy::multiple_unsafe_ops_per_block,
    clippy::pub_underscore_fields,
    clippy::undocumented_unsafe_blocks,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    reason = "generated, in the headers' own names"
)]
mod bindings {
    /// Storage of bit-fields. Their accessors are not generated: the driver builds and parses bytes itself.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    pub struct __BindgenBitfieldUnit<Storage> {
        storage: Storage,
    }

    /// A flexible array at the end of a structure.
    #[repr(C)]
    #[derive(Default)]
    pub struct __IncompleteArrayField<T>(::core::marker::PhantomData<T>, [T; 0]);

    impl<T> __IncompleteArrayField<T> {
        /// Where the array begins.
        pub const fn as_ptr(&self) -> *const T {
            ::core::ptr::from_ref(self).cast()
        }

        /// Where the array begins.
        pub const fn as_mut_ptr(&mut self) -> *mut T {
            ::core::ptr::from_mut(self).cast()
        }
    }

    /// Bytes whose meaning bindgen could not express.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    pub struct __BindgenOpaqueArray<T>(pub T);

    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}
