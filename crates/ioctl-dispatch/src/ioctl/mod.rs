//! The control codes: their parts, their table, and what each demands of a request.

mod check;
mod code;
mod names;
mod operation;
mod rules;
mod table;

pub use check::{Check, Facts, Rejection};
pub use code::{ControlCode, DeviceType, Method};
pub use names::{ALIASES, PASSED_DOWN, names};
pub use operation::Operation;
pub use table::{IOCTLS, Ioctl, Route, WhileLocked, ZeroPower, find, while_locked};
