//! The drive that `--drive` names.

use std::path::Path;

use anyhow::{Result, bail};
use virtual_drive::Target;
use virtual_drive::script::ScriptDrive;

/// A drive, and whether it lives in real time.
pub struct Chosen {
    /// The drive.
    pub target: Box<dyn Target>,
    /// A real drive, which takes its time.
    pub real: bool,
}

/// Opens the drive that `name` stands for.
pub fn open(name: &str) -> Result<Chosen> {
    let software = |target| Ok(Chosen { target, real: false });
    if let Some(file) = name.strip_prefix("script:") {
        return software(Box::new(ScriptDrive::load(Path::new(file))?));
    }
    bail!("--drive {name}: write script:FILE")
}
