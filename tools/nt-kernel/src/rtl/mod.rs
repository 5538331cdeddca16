//! The run-time library: memory, strings, formatted text.

mod format;
mod memory;
mod print;
mod string;
#[cfg(test)]
mod tests;
mod text;

use nt_machine::call::Export;

pub(crate) use memory::check_stack_address;
pub(crate) use string::{terminated, terminated_bytes};

pub use format::format;
pub use string::{string, utf16};

pub(crate) const MEMORY_EXPORTS: &[Export] = memory::EXPORTS;
pub(crate) const PRINT_EXPORTS: &[Export] = print::EXPORTS;
pub(crate) const STRING_EXPORTS: &[Export] = string::EXPORTS;
pub(crate) const TEXT_EXPORTS: &[Export] = text::EXPORTS;
