//! Drives optical drives through the driver core.
fn main() {}
