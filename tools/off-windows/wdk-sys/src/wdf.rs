//! Functions of the framework are called by `call_unsafe_wdf_function_binding!`; this is what that macro needs.

#[doc(hidden)]
pub mod __private {
    /// The number of functions in the framework's table.
    #[must_use]
    pub const fn get_wdf_function_count() -> usize {
        crate::_WDFFUNCENUM::WdfFunctionTableNumEntries as usize
    }
}
