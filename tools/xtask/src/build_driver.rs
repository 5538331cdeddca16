//! `cargo xtask build-driver`: `cdromrs.sys` and `cdromrs.pdb`, without the Windows Driver Kit.
//!
//! `tools/off-windows` has the stand-ins that make the driver's sources compile here; rustc's own linker links them.
//! Any library member of that workspace is built the same way with `--package`.

mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::{self, output_of};

/// The package that is the driver.
const DRIVER: &str = "cdromrs";

/// What to build.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The processor to build for.
    #[arg(long, value_enum, default_value_t = Arch::X86_64)]
    arch: Arch,
    /// Build as for shipping: no assertions.
    #[arg(long)]
    release: bool,
    /// Another driver of tools/off-windows.
    #[arg(long, value_name = "NAME", default_value = DRIVER)]
    package: String,
    /// Print what was built as JSON.
    #[arg(long)]
    json: bool,
}

/// Processors that the driver is built for.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit PCs.
    #[value(name = "x86_64", alias = "x64", alias = "amd64")]
    X86_64,
    /// 64-bit ARM.
    #[value(name = "aarch64", alias = "arm64")]
    Aarch64,
}

impl Arch {
    /// Its name in paths and targets.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The target of rustc.
    fn target(self) -> String {
        format!("{}-pc-windows-msvc", self.name())
    }
}

/// How thoroughly the compiler works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// With assertions and overflow checks.
    Dev,
    /// Without.
    Release,
}

impl Profile {
    /// Its name for cargo.
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// Its folder in cargo's output, and in ours.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Builds what the options ask for; true if it is what a driver has to be.
pub fn run(options: &Options) -> Result<bool> {
    let profile = if options.release { Profile::Release } else { Profile::Dev };
    let image = build_package(&options.package, options.arch, profile)?;
    if options.json {
        println!("{}", serde_json::json!({ "image": image, "symbols": image.with_extension("pdb") }));
    } else {
        println!("{}", image.display());
    }
    Ok(true)
}

/// Builds the driver; gives the path of the image, with the PDB beside it.
#[allow(dead_code, reason = "for the tasks that load the driver")]
pub fn build(arch: Arch, profile: Profile) -> Result<PathBuf> {
    build_package(DRIVER, arch, profile)
}

/// Builds any driver of `tools/off-windows`.
pub fn build_package(package: &str, arch: Arch, profile: Profile) -> Result<PathBuf> {
    let target = workspace::target().join("driver/cargo");
    let mut command = toolchain::cargo(arch)?;
    command.args(["build", "--locked", "--package", package, "--profile", profile.name()]);
    command.arg("--target-dir").arg(&target);
    eprintln!("building {package} for {}, {} …", arch.name(), profile.name());
    output_of(&mut command)?;

    let built = target.join(arch.target()).join(profile.folder());
    let file = package.replace('-', "_");
    let library = built.join(format!("{file}.dll"));
    if !library.is_file() {
        bail!("{package} is no driver: its manifest in tools/off-windows has no crate-type \"cdylib\"");
    }
    let folder = workspace::target().join("driver").join(arch.name()).join(profile.folder());
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let image = folder.join(format!("{package}.sys"));
    copy(&library, &image)?;
    copy(&built.join(format!("{file}.pdb")), &image.with_extension("pdb"))?;
    Ok(image)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
