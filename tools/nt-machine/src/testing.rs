//! What the tests of several modules share.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::findings::{self, Finding};
use crate::threads::{self, RunEnd};
use crate::{Machine, Options, irql};

/// A machine without a seed.
pub(crate) fn machine() -> Machine {
    Machine::new(&Options::default())
}

/// Runs something on a simulated thread at a level: how the run ended, and what was found.
pub(crate) fn on_thread_at(level: u8, body: impl FnOnce() + 'static) -> (RunEnd, Vec<Finding>) {
    threads::spawn("test", level, Box::new(body));
    threads::settle();
    (threads::run(&|| true, None), findings::take())
}

/// The same at PASSIVE_LEVEL.
pub(crate) fn on_thread(body: impl FnOnce() + 'static) -> (RunEnd, Vec<Finding>) {
    on_thread_at(irql::PASSIVE, body)
}

/// The only finding of a body that must end the run.
pub(crate) fn death(body: impl FnOnce() + 'static) -> Finding {
    let (end, mut findings) = on_thread(body);
    assert_eq!((end, findings.len()), (RunEnd::Dead, 1), "{findings:?}");
    findings.remove(0)
}

/// Builds a driver image with a PDB from one Rust source by the compiler's own linker, as `<name>.sys` in a directory.
/// `None` where the compiler lacks the target.
pub(crate) fn compile(directory: &Path, name: &str, source: &str) -> Option<PathBuf> {
    let file = |extension: &str| directory.join(format!("{name}.{extension}"));
    std::fs::write(file("rs"), source).expect("the directory is writable");
    let built = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=cdylib", "--target=x86_64-pc-windows-msvc", "-Cpanic=abort", "-g"])
        .args(["-Clinker=rust-lld", "-Clink-arg=/entry:entry", "-Clink-arg=/subsystem:native"])
        .args(["-Clink-arg=/nodefaultlib", "-Clink-arg=/driver", "-Clink-arg=/debug"])
        .args(["-o", &format!("{name}.sys"), &format!("{name}.rs")])
        .current_dir(directory)
        .output()
        .ok()?;
    if !built.status.success() {
        let text = String::from_utf8_lossy(&built.stderr).into_owned();
        assert!(text.contains("target may not be installed"), "{text}");
        return None;
    }
    Some(file("sys"))
}
