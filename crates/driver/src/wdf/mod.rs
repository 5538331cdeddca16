//! The framework's objects, each behind a small type that offers what this driver does with it.

pub mod driver;
pub mod file;
pub mod memory;
pub mod object;
pub mod queue;
pub mod registry;
pub mod request;
pub mod sent_request;
pub mod string;
pub mod target;
pub mod timer;
pub mod work_item;
