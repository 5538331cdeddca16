//! Functions of the kernel.

pub use bindings::*;

#[allow(
    missing_docs,
    non_snake_case,
    clippy::wildcard_imports,
    reason = "generated, in the headers' own names; the types of the parameters are all in scope"
)]
mod bindings {
    use crate::types::*;

    include!(concat!(env!("OUT_DIR"), "/ntddk.rs"));
}
