//! What the guest is made of: Debian's kernel and BusyBox, fetched as packages and unpacked without being installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};

/// The package that depends on the newest kernel for virtual machines.
const KERNEL: &str = "linux-image-cloud-amd64";
/// The package with the shell and the small tools in one static program.
const BUSYBOX: &str = "busybox-static";
/// The drivers of the guest: for optical drives, the generic one, for IDE, and for SCSI over virtio.
const DRIVERS: &[&str] = &["sr_mod", "sg", "ata_piix", "virtio_pci", "virtio_scsi"];

/// An unpacked kernel and BusyBox.
#[derive(Debug)]
pub(crate) struct System {
    /// The kernel's image.
    pub(crate) kernel: PathBuf,
    /// The drivers as files, in the order to load them.
    pub(crate) modules: Vec<PathBuf>,
    /// The static program.
    pub(crate) busybox: PathBuf,
}

/// Fetches what is not in `cache` yet.
///
/// # Errors
/// A package cannot be fetched or does not hold what is needed.
pub(crate) fn system(cache: &Path) -> anyhow::Result<System> {
    let kernel = package(cache, "kernel", newest_kernel)?;
    let busybox = package(cache, "busybox", || Ok(BUSYBOX.to_owned()))?.join("bin/busybox");
    if !busybox.is_file() {
        bail!("package {BUSYBOX} has no bin/busybox");
    }
    let modules = files(&kernel.join("lib/modules"))?;
    let image = files(&kernel.join("boot"))?.into_iter().find(|file| stem(file).starts_with("vmlinuz"));
    Ok(System { kernel: image.context("the package has no kernel")?, modules: in_order(&modules, DRIVERS)?, busybox })
}

/// The directory with the unpacked package, whose name is asked for only when it must be fetched.
fn package(cache: &Path, directory: &str, name: impl Fn() -> anyhow::Result<String>) -> anyhow::Result<PathBuf> {
    let unpacked = cache.join(directory);
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    let download = tempfile::Builder::new().prefix("download-").tempdir_in(cache)?;
    let name = name()?;
    let fetch = || run(Command::new("apt-get").args(["download", &name]).current_dir(download.path()));
    if fetch().is_err() {
        // Without the right the old lists serve as well as they can.
        let _ = run(Command::new("apt-get").arg("update"));
        fetch()?;
    }
    let archive = files(download.path())?.pop().with_context(|| format!("apt-get downloaded nothing for {name}"))?;
    let fresh = download.path().join("unpacked");
    run(Command::new("dpkg").arg("-x").arg(&archive).arg(&fresh))?;
    std::fs::rename(&fresh, &unpacked)?;
    Ok(unpacked)
}

/// The package that [`KERNEL`] depends on.
fn newest_kernel() -> anyhow::Result<String> {
    let text = run(Command::new("apt-cache").args(["depends", KERNEL]))?;
    let mut depends = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let found = depends.find(|name| name.starts_with("linux-image-"));
    found.map(str::to_owned).with_context(|| format!("no package list knows {KERNEL}"))
}

/// Runs a program that must end well; gives its output.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{:?}", command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}", said.lines().last().unwrap_or("no word"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// All files below a directory.
fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn stem(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().replace('-', "_")).unwrap_or_default()
}

/// The drivers and those that they need, each after what it needs.
fn in_order(modules: &[PathBuf], wanted: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut order: Vec<PathBuf> = Vec::new();
    for name in wanted {
        let file = modules
            .iter()
            .find(|file| file.extension().is_some_and(|extension| extension == "ko") && stem(file) == *name)
            .ok_or_else(|| anyhow!("the kernel has no module {name}.ko"))?;
        let content = std::fs::read(file).with_context(|| file.display().to_string())?;
        let needed = depends(&content);
        let needed: Vec<&str> = needed.iter().map(String::as_str).collect();
        for file in in_order(modules, &needed)?.into_iter().chain([file.clone()]) {
            if !order.contains(&file) {
                order.push(file);
            }
        }
    }
    Ok(order)
}

/// The modules that a module names in its `.modinfo` section.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let value = module[at + KEY.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(value).replace('-', "_");
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_loaded_after_those_they_need() {
        let directory = tempfile::tempdir().unwrap();
        let module = |name: &str, needs: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, format!("\0license=x\0depends={needs}\0name=y\0")).unwrap();
            path
        };
        let modules = [
            module("sr_mod.ko", "scsi_mod,cdrom"),
            module("scsi_mod.ko", "scsi-common"),
            module("cdrom.ko", ""),
            module("scsi-common.ko", ""),
            module("sg.ko", "scsi_mod"),
        ];
        let order: Vec<String> = in_order(&modules, &["sr_mod", "sg"]).unwrap().iter().map(|file| stem(file)).collect();
        assert_eq!(order, ["scsi_common", "scsi_mod", "cdrom", "sr_mod", "sg"]);
        assert!(in_order(&modules, &["ahci"]).unwrap_err().to_string().contains("ahci.ko"));
    }
}
