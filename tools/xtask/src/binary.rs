//! The driver's binary in the user-mode host: built here, run as programs of their own, so that a crash ends one run only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build_driver::{self, Arch, Profile};
use crate::conformance::Answer;
use crate::workspace::{cargo, output_of, target};

/// The host's program and the driver's file.
#[derive(Clone, Debug)]
pub struct Binary {
    host: PathBuf,
    driver: PathBuf,
}

/// One run: a script on a drive.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What `--drive` takes.
    pub drive: &'a str,
    /// What `--adapter` takes.
    pub adapter: &'a str,
    /// The request script.
    pub script: &'a Path,
    /// The scheduler's seed.
    pub seed: u64,
    /// Further options of the host.
    pub more: &'a [&'a str],
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Played {
    /// The result lines.
    pub answers: Vec<Answer>,
    /// What went wrong: findings, or why the run ended early. Empty if nothing did.
    pub complaint: String,
}

impl Binary {
    /// Builds the host, and the driver unless `sys` names one.
    pub fn build(sys: Option<&Path>) -> Result<Self> {
        let driver = match sys {
            Some(file) => file.to_path_buf(),
            None => build_driver::build(Arch::X86_64, Profile::Release).context("the driver")?,
        };
        output_of(&mut cargo(["build", "--quiet", "--locked", "--package", "kmdf-host"])).context("the host")?;
        Ok(Self { host: target().join("debug").join("kmdf-host"), driver })
    }

    /// The driver's file.
    pub fn driver(&self) -> &Path {
        &self.driver
    }

    /// The host with this command (`run` or `sweep`) and the options of `run`.
    pub fn command(&self, name: &str, run: &Run<'_>) -> Command {
        let mut command = Command::new(&self.host);
        command.arg(name).arg("--sys").arg(&self.driver).args(["--drive", run.drive, "--adapter", run.adapter]);
        command.arg("--script").arg(run.script).args(["--seed", &run.seed.to_string()]).args(run.more);
        command
    }

    /// Plays a script and gives the lines as they are, and what went wrong.
    pub fn lines(&self, run: &Run<'_>) -> Result<(Vec<Value>, String)> {
        let output = self.command("run", run).output().with_context(|| self.host.display().to_string())?;
        let text = String::from_utf8(output.stdout).context("result lines")?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a result line")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let complaint = match (output.status.success(), said.is_empty()) {
            (true, _) => String::new(),
            (false, true) => format!("the host ended with {}", output.status),
            (false, false) => said,
        };
        Ok((lines, complaint))
    }

    /// Plays a script.
    pub fn play(&self, run: &Run<'_>) -> Result<Played> {
        let (lines, complaint) = self.lines(run)?;
        let answers =
            lines.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().context("a result line")?;
        Ok(Played { answers, complaint })
    }
}

/// A script that lives as long as this value, in a file of its own.
pub struct ScriptFile(PathBuf);

impl ScriptFile {
    /// Writes `text` below the target folder as `name`.
    pub fn new(name: &str, text: &str) -> Result<Self> {
        let folder = target().join("scripts");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join(format!("{name}.jsonl"));
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// The answer to line `number`.
pub fn answer_to(played: &Played, number: u64) -> Result<&Answer> {
    match played.answers.iter().find(|answer| answer.line == Some(number)) {
        Some(answer) => Ok(answer),
        None => bail!("line {number} has no answer: {}", played.complaint),
    }
}
