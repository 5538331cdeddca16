//! `cargo xtask build-driver`: `cdromrs.sys` and `cdromrs.pdb`, without the Windows Driver Kit.
//!
//! `tools/off-windows` has the stand-ins that make the driver's sources compile here; rustc's own linker links them. What
//! comes out is held to the rules of a Windows driver. Any library member of that workspace is built the same way with
//! `--package`.

pub mod footprint;
mod image;
#[cfg(test)]
mod manifests;
mod stack;
mod symbols;
mod toolchain;
mod verify;

use image::Image;
use symbols::Symbols;
use verify::Subject;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::everything::{Outcome, task};
use crate::workspace::{self, output_of};

/// The package that is the driver.
const DRIVER: &str = "cdromrs";

/// What to build.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The processor to build for; may be given several times.
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Vec<Arch>,
    /// Build as for shipping: no assertions.
    #[arg(long)]
    release: bool,
    /// Another driver of tools/off-windows; may be given several times.
    #[arg(long, value_name = "NAME", default_value = DRIVER)]
    package: Vec<String>,
    /// Print what was built as JSON, one line for each.
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
    for (package, arch) in
        options.package.iter().flat_map(|package| options.arch.iter().map(move |arch| (package, *arch)))
    {
        let image = build_package(package, arch, profile)?;
        let symbols = image.with_extension("pdb");
        if options.json {
            let arch = arch.name();
            println!("{}", json!({ "package": package, "arch": arch, "image": image, "symbols": symbols }));
        } else {
            println!("{}", image.display());
        }
    }
    Ok(true)
}

/// A step of `cargo xtask test`: the driver builds for every processor and is what a driver has to be.
pub fn step() -> Result<Outcome> {
    let both = ["build-driver", "--arch", "x86_64", "--arch", "aarch64"];
    task(&both)?;
    task(&[&both[..], &["--release"]].concat())?;
    Ok(Outcome::Passed("two processors, with and without assertions".to_owned()))
}

/// A step of `cargo xtask test`: no lint fires in what is built for the kernel.
pub fn clippy_step() -> Result<Outcome> {
    let mut command = toolchain::cargo(Arch::X86_64)?;
    command.args(["clippy", "--locked", "--workspace", "--lib", "--target-dir"]);
    command.arg(workspace::target().join("driver/cargo")).args(["--", "-D", "warnings"]);
    output_of(&mut command)?;
    Ok(Outcome::Passed(String::new()))
}

/// Builds the driver; gives the path of the image, with the PDB beside it.
pub fn build(arch: Arch, profile: Profile) -> Result<PathBuf> {
    build_package(DRIVER, arch, profile)
}

/// Builds any driver of `tools/off-windows`. What is not as a driver has to be is an error.
pub fn build_package(package: &str, arch: Arch, profile: Profile) -> Result<PathBuf> {
    let target = workspace::target().join("driver/cargo");
    let mut command = toolchain::cargo(arch)?;
    command.args(["build", "--locked", "--package", package, "--profile", profile.name()]);
    command.arg("--target-dir").arg(&target);
    eprintln!("building {package} for {}, profile {} …", arch.name(), profile.name());
    let ended = command.status().context("cannot start cargo")?;
    if !ended.success() {
        bail!("{package} does not build");
    }

    let built = target.join(arch.target()).join(profile.folder());
    let file = package.replace('-', "_");
    let library = built.join(format!("{file}.dll"));
    if !library.is_file() {
        bail!("{package} is no driver: its manifest in tools/off-windows has no crate-type \"cdylib\"");
    }
    let folder = workspace::target().join("driver").join(arch.name()).join(profile.folder());
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(format!("{package}.sys"));
    let pdb = path.with_extension("pdb");
    fs::copy(built.join(format!("{file}.pdb")), &pdb).with_context(|| pdb.display().to_string())?;

    let mut bytes = fs::read(&library).with_context(|| library.display().to_string())?;
    image::finish(&mut bytes)?;
    fs::write(&path, &bytes).with_context(|| path.display().to_string())?;
    let image = Image::parse(&bytes)?;
    let symbols = Symbols::read(&pdb)?;
    let subject = Subject { image: &image, file: &bytes, symbols: &symbols, name: package, arch };
    let faults =
        if package == DRIVER { verify::check_shipped(&subject, &verify::imports()?) } else { verify::check(&subject) };
    if !faults.is_empty() {
        bail!("{} is not what a driver has to be:\n  {}", path.display(), faults.join("\n  "));
    }
    Ok(path)
}
