//! The registry: keys in memory, names without regard to case, values with their types.

mod rtl;
mod store;
mod zw;

pub use store::{Key, Value, delete, open, query, set};
pub use store::{REG_BINARY, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_NONE, REG_QWORD, REG_SZ};

pub(crate) use rtl::EXPORTS as RTL_EXPORTS;
pub(crate) use store::reset;
pub(crate) use zw::EXPORTS as ZW_EXPORTS;

/// Where services stand.
pub const SERVICES: &str = r"\Registry\Machine\System\CurrentControlSet\Services";
/// Where the control set's own settings stand.
pub const CONTROL: &str = r"\Registry\Machine\System\CurrentControlSet\Control";

#[cfg(test)]
mod tests;
