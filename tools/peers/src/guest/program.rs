//! `cdromctl` as one static program, which runs in the guest without any library.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The one kind of machine that the guest is.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Builds the program below `directory`.
///
/// # Errors
/// It does not compile, or needs libraries.
pub(crate) fn build(directory: &Path) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "cdromctl", "--target", TRIPLE, "--target-dir"])
        .arg(directory)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTFLAGS", "-C target-feature=+crt-static -C strip=symbols")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .context("cargo")?;
    if !output.status.success() {
        bail!("cdromctl does not compile as a static program:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let program = directory.join(TRIPLE).join("release/cdromctl");
    let content = std::fs::read(&program).with_context(|| program.display().to_string())?;
    match asks_for_a_loader(&content) {
        Some(false) => Ok(program),
        Some(true) => bail!("{} is not static", program.display()),
        None => bail!("{} is no program for x86-64", program.display()),
    }
}

/// Whether a 64-bit little-endian ELF file has a segment that names a loader (PT_INTERP); `None` for other files.
fn asks_for_a_loader(content: &[u8]) -> Option<bool> {
    const INTERPRETER: usize = 3;
    if !content.starts_with(b"\x7FELF\x02\x01") {
        return None;
    }
    let number = |at: usize, length: usize| {
        let bytes = content.get(at..at + length)?;
        usize::try_from(bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))).ok()
    };
    let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    let kinds = (0..count).map(|index| number(table + index * size, 4));
    kinds.collect::<Option<Vec<_>>>().map(|kinds| kinds.contains(&INTERPRETER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_loader_is_told_from_a_static_one() {
        let program = |kind: u8| {
            let mut bytes = vec![0; 64 + 56];
            bytes[..6].copy_from_slice(b"\x7FELF\x02\x01");
            (bytes[0x20], bytes[0x36], bytes[0x38], bytes[64]) = (64, 56, 1, kind);
            bytes
        };
        assert_eq!(asks_for_a_loader(&program(3)), Some(true));
        assert_eq!(asks_for_a_loader(&program(1)), Some(false));
        assert_eq!(asks_for_a_loader(&program(1)[..70]), Some(false));
        assert_eq!(asks_for_a_loader(&program(1)[..64]), None);
        assert_eq!(asks_for_a_loader(b"#!/bin/sh"), None);
    }
}
