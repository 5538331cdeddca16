//! I/O targets.
use crate::client::Client;
use crate::device::Device;
use crate::objects::Handle;
use nt_kernel::layout::IRP;
use std::rc::Rc;
/// Functions.
pub const FUNCTIONS: &[&[crate::functions::Function]] = &[];
/// What a request keeps for being sent.
#[derive(Default)]
pub struct Sending;
impl Sending {
    /// True while a target has it.
    pub fn is_sent(&self) -> bool {
        false
    }
    /// Result of the last send.
    pub fn status(&self, irp: *mut IRP) -> i32 {
        if irp.is_null() { 0 } else { nt_kernel::get!(irp, IoStatus.Status) }
    }
    /// Used anew.
    pub fn reuse(&self, _client: &Client) {}
    /// Completed or deleted.
    pub fn dispose(&self, _handle: Handle) {}
}
/// The local target.
pub fn create_local(_device: &Rc<Device>) -> Result<Handle, i32> {
    Ok(Handle::NULL)
}
/// Stack locations needed.
pub fn stack_size(_target: Handle) -> Result<i8, i32> {
    Ok(1)
}
