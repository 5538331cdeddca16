//! Faults of the processor in driver code.

/// Installs the handlers.
pub(crate) fn set_up() {}
