//! Runs tools in a folder and keeps their command lines.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// A folder in which tools run.
pub(super) struct Shell {
    /// The folder.
    pub folder: PathBuf,
    /// The command lines so far.
    pub commands: Vec<String>,
}

/// What a tool wrote.
pub(super) struct Said {
    /// Standard output.
    pub out: Vec<u8>,
    /// Whether it ended well.
    pub good: bool,
}

impl Said {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

impl Shell {
    /// A new folder.
    pub fn new(folder: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self { folder, commands: Vec::new() })
    }

    /// Runs a tool that may complain.
    pub fn ask(&mut self, line: &[&str]) -> anyhow::Result<Said> {
        self.commands.push(line.join(" "));
        let (program, arguments) = line.split_first().context("no program")?;
        let mut command = Command::new(program);
        // Time stamps in images would make every run different.
        let clean = command.current_dir(&self.folder).env("LC_ALL", "C").env("SOURCE_DATE_EPOCH", "946684800");
        let output = clean.args(arguments).stdin(Stdio::null()).output().with_context(|| line.join(" "))?;
        Ok(Said { out: output.stdout, good: output.status.success() })
    }

    /// Runs a tool that must end well.
    pub fn run(&mut self, line: &[&str]) -> anyhow::Result<Said> {
        let said = self.ask(line)?;
        if !said.good {
            bail!("`{}` failed: {}", line.join(" "), said.text());
        }
        Ok(said)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::write(&path, content).with_context(|| path.display().to_string())
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.folder.join(name);
        fs::read(&path).with_context(|| path.display().to_string())
    }
}
