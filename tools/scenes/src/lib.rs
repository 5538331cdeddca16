//! Scenes: every control code of the table, asked of a suitable drive in software.
//!
//! They hold what is asked and what the specification says must come of it: the status, the commands that reach the
//! drive, and something of the output. `cargo xtask demo` plays them for people, `cargo bench` measures what the core
//! spends on each.
#![forbid(unsafe_code)]

mod disc;
mod discs;
mod protection;
mod scene;
mod script;
mod stage;
mod system;
mod tray;

pub use disc::make as make_disc;
pub use scene::{Act, Asked, Line, Says, Scene, Seen};
pub use script::Script;
pub use stage::Stage;

/// All scenes.
#[must_use]
pub fn all() -> Vec<Scene> {
    [discs::SCENES, protection::SCENES, tray::SCENES, system::SCENES].concat()
}
