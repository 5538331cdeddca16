//! What a part of the comparison is: a peer, what it needs, and how to ask it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compare::Findings;

/// One peer, or one kind of peers, and how it is compared with us.
pub(crate) struct Part {
    /// The name for `--only`, and of the part's files in `expected/` and `fixtures/`.
    pub(crate) name: &'static str,
    /// One line for people: what is compared with what.
    pub(crate) about: &'static str,
    /// The programs that must be there, with the Debian packages that hold them.
    pub(crate) needs: &'static [Program],
    /// The explained differences, as JSON Lines (see [`expected`](crate::expected)).
    pub(crate) expected: &'static str,
    /// Asks the peer and us, and gives both answers to the findings. An error means that the comparison itself could
    /// not be carried out; a peer that cannot run here is [`Findings::skip`].
    pub(crate) run: fn(&Context, &mut Findings) -> anyhow::Result<()>,
}

/// A program and where it comes from.
pub(crate) struct Program {
    /// Its name on the search path.
    pub(crate) name: &'static str,
    /// The Debian package that holds it.
    pub(crate) package: &'static str,
}

/// What every part is given.
pub(crate) struct Context {
    /// An empty directory of this part's own, removed afterwards.
    pub(crate) scratch: PathBuf,
    /// Where to store what the peer says, when that is wanted.
    pub(crate) record: Option<PathBuf>,
}

impl Part {
    /// The packages whose programs are not there.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let mut packages: Vec<_> =
            self.needs.iter().filter(|program| find(program.name).is_none()).map(|program| program.package).collect();
        packages.dedup();
        packages
    }

    /// Installs what is missing, where Debian's package manager is there and we may use it.
    pub(crate) fn install(&self) -> Result<(), String> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let apt = |arguments: &[&str]| {
            let output = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output();
            output.is_ok_and(|output| output.status.success())
        };
        let command = [&["install", "--yes", "--no-install-recommends"][..], &missing].concat();
        if apt(&command) || (apt(&["update"]) && apt(&command)) {
            return Ok(());
        }
        Err(format!("not installed, and apt-get could not install it: {}", missing.join(" ")))
    }
}

/// Where a program lies on the search path or among the system's own programs.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.map(|directory| directory.join(program)).find(|file| Path::is_file(file))
}
