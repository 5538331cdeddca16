//! The compiler for Windows' kernel: what rustup has or fetches, else what can be built of the compiler's own sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Arch;
use crate::workspace::{self, cargo as plain_cargo, has_program, output_of};

/// Debian's compiler whose sources of `core` are packaged too, and those packages.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "rust-web-src"];

/// Cargo, in `tools/off-windows`, ready to build for that processor.
pub fn cargo(arch: Arch) -> Result<Command> {
    let target = arch.target();
    let sysroot = sysroot("rustc")?;
    let mut command = plain_cargo([""; 0]);
    command.current_dir(workspace::root().join("tools/off-windows"));
    command.env("CARGO_BUILD_TARGET", &target).env("CARGO_ENCODED_RUSTFLAGS", flags()?);
    command.env(linker_variable(&target), linker(&sysroot)?);
    if has_core(&sysroot, &target) || (fetch_with_rustup(&target) && has_core(&sysroot, &target)) {
        return Ok(command);
    }
    // Without a `core` for the target, cargo can build it of its sources, those of the very same compiler.
    if !has_sources(&sysroot) {
        command.env("RUSTC", debians_compiler(&target)?);
    }
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", "core");
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
    // Cargo names the driver's sources from the folder of its manifest here, others by their whole path.
    let mut flags = vec![format!("--remap-path-prefix={}=/cdrom-rs", root.display())];
    flags.push("--remap-path-prefix=driver/../../..=/cdrom-rs".to_owned());
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    // Where the toolchain has core's sources, places in core lead to them; where it has not, to this name.
    let sources = sysroot("rustc")?.join("lib/rustlib/src/rust");
    flags.push(format!("--remap-path-prefix={}=/rustc/{}", sources.display(), about_rustc("commit-hash")?));
    Ok(flags.join("\u{1f}"))
}

fn linker_variable(target: &str) -> String {
    format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"))
}

fn sysroot(rustc: &str) -> Result<PathBuf> {
    let said = output_of(Command::new(rustc).args(["--print", "sysroot"]).current_dir(workspace::root()))?;
    Ok(PathBuf::from(said.trim()))
}

/// What rustc tells of itself.
fn about_rustc(what: &str) -> Result<String> {
    let said = output_of(Command::new("rustc").arg("-vV").current_dir(workspace::root()))?;
    let mut lines = said.lines().filter_map(|line| line.split_once(": "));
    let value = lines.find_map(|(name, value)| (name == what).then(|| value.to_owned()));
    value.with_context(|| format!("rustc does not tell its {what}"))
}

/// The linker that comes with rustc.
fn linker(sysroot: &Path) -> Result<PathBuf> {
    let host = about_rustc("host")?;
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

fn has_sources(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core").is_dir()
}

/// The compiler of Debian's packages, installed if need be, provided that it is new enough for the tree.
fn debians_compiler(target: &str) -> Result<&'static str> {
    let wanted = format!(
        "core for {target} is missing and cannot be fetched. Run `rustup target add {target}` in the tree, or \
         `rustup component add rust-src`"
    );
    let has_both = || sysroot(DEBIAN_RUSTC).is_ok_and(|sysroot| has_sources(&sysroot));
    if !has_both() {
        let offered = output_of(Command::new("apt-cache").args(["policy", DEBIAN_PACKAGES[0]])).unwrap_or_default();
        let offered = offered.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
        let Some(offered) = offered.filter(|version| is_new_enough(version)) else {
            bail!("{wanted}; {} {} is too old", DEBIAN_PACKAGES[0], offered.unwrap_or("(not offered here)"));
        };
        eprintln!("installing {} {offered} with apt-get …", DEBIAN_PACKAGES.join(" "));
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "-q", "--no-install-recommends", "--no-remove"]).args(DEBIAN_PACKAGES);
        output_of(install.env("DEBIAN_FRONTEND", "noninteractive")).with_context(|| wanted.clone())?;
    }
    let own = output_of(Command::new(DEBIAN_RUSTC).arg("-V"))?;
    let version = own.split(' ').nth(1).unwrap_or_default();
    if !has_both() || !is_new_enough(version) {
        bail!("{wanted}; {DEBIAN_RUSTC} is {version}, which is too old or has no sources");
    }
    Ok(DEBIAN_RUSTC)
}

/// Whether a version of rustc compiles the tree.
fn is_new_enough(version: &str) -> bool {
    let numbers = |text: &str| {
        let mut parts = text.split(['.', '+', '-']).map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    };
    numbers(version) >= numbers(env!("CARGO_PKG_RUST_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_new_enough(env!("CARGO_PKG_RUST_VERSION")) && is_new_enough("1.100.0") && is_new_enough("2.0"));
        assert!(!is_new_enough("1.85.0+dfsg3-1~deb12u3") && !is_new_enough("1.9") && !is_new_enough("(none)"));
    }
}
