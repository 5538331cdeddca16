//! The I/O manager's user side: requests of programs, each on a simulated thread of its own.

mod handle;
mod request;

pub use handle::{File, open, open_by_name, open_for_driver};
pub use request::{Operation, Outcome, Pending, RequestOptions, submit};

#[cfg(test)]
mod tests;
