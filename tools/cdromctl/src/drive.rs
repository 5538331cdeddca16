//! The drive that `--drive` names.

use std::path::Path;

use anyhow::{Context, Result, bail};
use transports::iscsi::{IscsiDrive, IscsiUrl};
use virtual_drive::{Target, sim};

#[cfg(target_os = "linux")]
mod scsi_generic;

/// What lists the drives in software.
pub const LIST: &str = "sim:list";

/// A drive, and whether it lives in real time.
pub struct Chosen {
    /// The drive.
    pub target: Box<dyn Target>,
    /// A drive outside of this program, which takes its time.
    pub real: bool,
}

/// Opens the drive that `name` stands for.
pub fn open(name: &str) -> Result<Chosen> {
    let option = || format!("--drive {name}");
    if let Some(image) = name.strip_prefix("qemu:") {
        return emulated(image).with_context(option);
    }
    if name.starts_with(IscsiUrl::PREFIX) {
        return Ok(Chosen { target: Box::new(IscsiDrive::open(name).with_context(option)?), real: true });
    }
    if name.starts_with("/dev/") {
        return device(Path::new(name)).with_context(option);
    }
    match virtual_drive::open(name) {
        Ok(target) => Ok(Chosen { target, real: false }),
        Err(problem) => bail!("--drive {name}: {problem}; {LIST} shows the names, --help the other kinds"),
    }
}

#[cfg(target_os = "linux")]
fn device(path: &Path) -> Result<Chosen> {
    Ok(Chosen { target: Box::new(scsi_generic::Device::open(path)?), real: true })
}

#[cfg(unix)]
fn emulated(image: &str) -> Result<Chosen> {
    let image = (!image.is_empty()).then(|| Path::new(image));
    Ok(Chosen { target: Box::new(transports::qemu::QemuDrive::start(image)?), real: true })
}

#[cfg(not(unix))]
fn emulated(_image: &str) -> Result<Chosen> {
    bail!("QEMU is driven through Unix sockets; this system has none")
}

#[cfg(not(target_os = "linux"))]
fn device(_path: &Path) -> Result<Chosen> {
    bail!("real drives are reached through Linux's SG_IO; this system has none")
}

/// The drives in software.
pub fn list() -> String {
    sim::list().iter().map(|(name, description)| format!("sim:{name:<20} {description}\n")).collect()
}
