//! The tests of the host that runs drivers: they load drivers that are built for them, one in C among them.

use std::process::Command;

use anyhow::Result;

use crate::everything::{Outcome, passed};
use crate::workspace::{cargo, has_program, output_of};

/// The C compilers for Windows, a linker, and the Debian packages that have them.
const PROGRAMS: [&str; 3] = ["x86_64-w64-mingw32-gcc", "clang", "ld.lld"];
const PACKAGES: [&str; 3] = ["gcc-mingw-w64-x86-64", "clang", "lld"];

/// Installs what builds the drivers, and runs the tests, which build them.
pub fn step() -> Result<Outcome> {
    if !all_there() && !install() {
        let (programs, packages) = (PROGRAMS.join(", "), PACKAGES.join(" "));
        return Ok(Outcome::Skipped(format!("needs {programs}; on Debian they are in {packages}")));
    }
    let arguments = ["-p", "kmdf-host", "--features", "driver-tests", "--locked"];
    output_of(cargo(["clippy", "--all-targets"]).args(arguments).args(["--", "-D", "warnings"]))?;
    let said = output_of(cargo(["test", "--no-fail-fast", "--tests"]).args(arguments))?;
    Ok(Outcome::Passed(format!("{} tests", passed(&said))))
}

fn all_there() -> bool {
    PROGRAMS.iter().all(|program| has_program(program))
}

/// Tries to install the compilers; says whether they are there now.
fn install() -> bool {
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "-q", "--no-install-recommends"]).args(PACKAGES);
    let installed = has_program("apt-get") && output_of(command.env("DEBIAN_FRONTEND", "noninteractive")).is_ok();
    installed && all_there()
}
