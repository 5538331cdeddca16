//! The PnP manager and the power manager: what they send to the driver's stack, and in which order.

pub mod pnp;
pub mod power;
