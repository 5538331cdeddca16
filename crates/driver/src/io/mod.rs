//! Requests on their way through the driver.
//!
//! A request comes in at [`arrive`], in its caller's context. It is answered there, passed down, or put in the serial
//! queue; when its turn has come, the [`worker`] runs it at PASSIVE_LEVEL, or its own thread does, which waits at the
//! [`rendezvous`]. Both use the one [`engine`], which asks the core for steps and does them: commands through the
//! [`port`], pauses, and what only the system can do ([`platform`]). What the core wants done on the way without an
//! answer are [`effects`].

pub mod arrive;
pub mod complete;
pub mod effects;
pub mod engine;
pub mod forward;
pub mod in_hand;
pub mod own_work;
pub mod pass_through;
pub mod platform;
pub mod port;
pub mod rendezvous;
pub mod request_context;
pub mod srb;
pub mod start_unit;
pub mod worker;
