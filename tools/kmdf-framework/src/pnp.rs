//! PnP and power.
use crate::device::{Device, Settings};
use nt_kernel::layout::IRP;
use std::rc::Rc;
/// Functions.
pub const FUNCTIONS: &[&[crate::functions::Function]] = &[];
/// State.
pub struct State;
impl State {
    /// Initial.
    pub fn new(_settings: &Settings) -> State {
        State
    }
    /// In D0.
    pub fn in_d0(&self) -> bool {
        false
    }
    /// Past init.
    pub fn is_past_init(&self) -> bool {
        false
    }
    /// Started.
    pub fn is_started(&self) -> bool {
        false
    }
    /// A request waits in a held queue.
    pub fn request_waits(&self, _device: &Rc<Device>) {}
}
/// PnP IRP.
pub fn dispatch_pnp(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    device.remove_lock.release(irp as usize);
    crate::dispatch::forward_irp(device, irp)
}
/// Power IRP.
pub fn dispatch_power(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    device.remove_lock.release(irp as usize);
    crate::dispatch::forward_irp(device, irp)
}
