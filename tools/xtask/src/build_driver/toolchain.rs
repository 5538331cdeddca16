//! The compiler for Windows' kernel: what rustup has, or what Debian has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Arch;
use crate::workspace::{self, cargo as plain_cargo, has_program, output_of};

/// Debian's compiler whose sources of `core` are packaged too, and those sources.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "rust-web-src"];

/// Cargo, in `tools/off-windows`, ready to build for that processor.
pub fn cargo(arch: Arch) -> Result<Command> {
    let target = arch.target();
    let sysroot = sysroot("rustc")?;
    let mut command = plain_cargo([""; 0]);
    command.current_dir(workspace::root().join("tools/off-windows"));
    if has_core(&sysroot, &target) || (fetch_with_rustup(&target) && has_core(&sysroot, &target)) {
        command.env(linker_variable(&target), linker(&sysroot)?);
    } else {
        build_core(&mut command, &target)?;
    }
    command.env("CARGO_BUILD_TARGET", &target);
    command.env("CARGO_ENCODED_RUSTFLAGS", flags()?);
    Ok(command)
}

/// Whether the compiler is the one of `rust-toolchain.toml`, whose code the figures are of.
pub fn is_pinned() -> bool {
    let pinned = fs::read_to_string(workspace::root().join("rust-toolchain.toml")).unwrap_or_default();
    let version = pinned.lines().find_map(|line| line.strip_prefix("channel = ")).map(|text| text.trim_matches('"'));
    let own = output_of(Command::new("rustc").arg("-V").current_dir(workspace::root())).unwrap_or_default();
    let has_target = |arch: Arch| sysroot("rustc").is_ok_and(|sysroot| has_core(&sysroot, &arch.target()));
    version.is_some_and(|version| own.starts_with(&format!("rustc {version} ")))
        && [Arch::X86_64, Arch::Aarch64].into_iter().all(has_target)
}

fn has_core(sysroot: &Path, target: &str) -> bool {
    sysroot.join("lib/rustlib").join(target).join("lib").is_dir()
}

/// Paths of this machine stay out of the image and its symbols.
fn flags() -> Result<String> {
    let root = workspace::root();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=/cdrom-rs", root.display())];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    Ok(flags.join("\u{1f}"))
}

fn linker_variable(target: &str) -> String {
    format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"))
}

fn sysroot(rustc: &str) -> Result<PathBuf> {
    let said = output_of(Command::new(rustc).args(["--print", "sysroot"]).current_dir(workspace::root()))?;
    Ok(PathBuf::from(said.trim()))
}

/// The linker that comes with rustc.
fn linker(sysroot: &Path) -> Result<PathBuf> {
    let host = output_of(Command::new("rustc").arg("-vV").current_dir(workspace::root()))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not say its host")?;
    let linker =
        sysroot.join("lib/rustlib").join(host).join("bin").join(format!("rust-lld{}", std::env::consts::EXE_SUFFIX));
    if !linker.is_file() {
        bail!(
            "there is no {}: this Rust toolchain comes without LLVM's linker; install one with rustup",
            linker.display()
        );
    }
    Ok(linker)
}

/// Has rustup fetch the target for the pinned toolchain; false if it could not.
fn fetch_with_rustup(target: &str) -> bool {
    if !has_program("rustup") {
        return false;
    }
    eprintln!("fetching {target} with rustup …");
    let mut command = Command::new("rustup");
    match output_of(command.args(["target", "add", target]).current_dir(workspace::root())) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("{error:#}");
            false
        }
    }
}

/// Debian's compiler builds `core` itself, from the sources that belong to it.
fn build_core(command: &mut Command, target: &str) -> Result<()> {
    if sysroot(DEBIAN_RUSTC).map(|sysroot| !sysroot.join("lib/rustlib/src/rust/library/core").is_dir()).unwrap_or(true)
    {
        eprintln!("installing {} with apt-get …", DEBIAN_PACKAGES.join(" "));
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "-q", "--no-install-recommends"]).args(DEBIAN_PACKAGES);
        output_of(install.env("DEBIAN_FRONTEND", "noninteractive")).with_context(|| {
            format!(
                "the target {target} is not installed. Run `rustup target add {target}` in the tree, or, on Debian, \
                 `apt-get install {}`",
                DEBIAN_PACKAGES.join(" ")
            )
        })?;
    }
    command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", "core");
    command.env(linker_variable(target), debian_linker()?);
    Ok(())
}

/// rustc's own linker if Debian packages it, else that of LLVM.
fn debian_linker() -> Result<PathBuf> {
    let beside = sysroot(DEBIAN_RUSTC)?.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    let own = sysroot("rustc").and_then(|sysroot| linker(&sysroot)).ok();
    let candidates = [Some(beside), own, Some(PathBuf::from("/usr/bin/lld-link"))];
    candidates.into_iter().flatten().find(|path| path.is_file()).context("no linker: apt-get install lld")
}
