//! `cargo xtask demo`: every control code of the table, answered by the driver against a drive in software.
//!
//! The kernel binary is built, loaded into the user-mode host and asked; with `--core`, the driver core alone is.
//! The scenes hold what is asked and what the specification says must come of it: the status, the commands that reach
//! the drive, and something of the output. A code without a line in a scene fails the demo, so a new row of the table
//! cannot be forgotten.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use ioctl_dispatch::NtStatus;
use ioctl_dispatch::ioctl::IOCTLS;
use scenes::{Act, Asked, Line, Scene, Seen, Stage, all, make_disc};

use crate::binary::{Binary, Run, ScriptFile, answer_to};
use crate::workspace;

/// Where to put the disc.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The folder for the disc that is made.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Show only what is not as it should be.
    #[arg(long)]
    quiet: bool,
    /// Ask the driver core alone, without kernel binary and host.
    #[arg(long)]
    core: bool,
    /// The seed of the host's scheduler.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The driver's file; without it the driver is built.
    #[arg(long, value_name = "FILE", conflicts_with = "core")]
    sys: Option<PathBuf>,
}

/// Plays all scenes; true if each code did what the specification says.
pub fn run(options: &Options) -> Result<bool> {
    let folder = options.folder.clone().unwrap_or_else(|| workspace::target().join("demo"));
    let sheet = make_disc(&folder)?;
    println!("Made {}: a data track, two audio tracks, CD-TEXT.", sheet.display());
    let binary = if options.core { None } else { Some(Binary::build(options.sys.as_deref())?) };
    if let Some(binary) = &binary {
        println!("The driver is {}, in the user-mode host.", binary.driver().display());
    }
    println!("\n  {:<38} {:<52} {:<22} {:>5}  commands sent", "request", "what it did", "status", "bytes");
    let mut shown = BTreeSet::new();
    let (mut lines, mut wrong, mut commands) = (0, 0, 0);
    for (index, scene) in all().into_iter().enumerate() {
        let drive = scene.drive.replace("DISC", &sheet.display().to_string());
        let played = match &binary {
            None => on_the_core(&scene, &drive)?,
            Some(binary) => on_the_binary(binary, index, &scene, &drive, options.seed).context(scene.title)?,
        };
        println!("\n{}", scene.title);
        for (ioctl, line) in played {
            shown.insert(ioctl);
            lines += 1;
            wrong += usize::from(line.fault.is_some());
            commands += line.sent.len();
            if !options.quiet || line.fault.is_some() {
                print(ioctl, &line);
            }
        }
    }
    let missing: Vec<_> = IOCTLS.iter().map(|row| row.name).filter(|name| !shown.contains(name)).collect();
    for name in &missing {
        println!("\n{name} is in the table and in no scene.");
    }
    println!(
        "\n{} of {} control codes answered, {lines} requests, {commands} commands sent, {wrong} not as specified.",
        IOCTLS.len() - missing.len(),
        IOCTLS.len(),
    );
    Ok(wrong == 0 && missing.is_empty())
}

/// What came of each act that is shown.
type Lines = Vec<(&'static str, Line)>;

fn on_the_core(scene: &Scene, drive: &str) -> Result<Lines> {
    let mut stage = Stage::new(drive)?;
    scene.acts.iter().map(|act| Ok((act.ioctl, stage.play(act)?))).collect()
}

fn on_the_binary(binary: &Binary, index: usize, scene: &Scene, drive: &str, seed: u64) -> Result<Lines> {
    let script = scene.script();
    let file = ScriptFile::new(&format!("scene-{index}"), &script.text)?;
    let run = Run { drive: &format!("sim:{drive}"), adapter: "", script: file.path(), seed, more: &[] };
    let played = binary.play(&run)?;
    let mut lines = Vec::new();
    let mut before: Option<String> = None;
    for (number, act, shown) in &script.acts {
        let answer = answer_to(&played, *number)?;
        let line = judged(act, answer)?;
        if *shown {
            let fault = before.take().or(line.fault);
            lines.push((act.ioctl, Line { fault, ..line }));
        } else if let Some(fault) = line.fault {
            before = Some(format!("{} before it: {fault}", act.ioctl));
        }
    }
    if let Some((_, last)) = lines.last_mut().filter(|_| !played.complaint.is_empty()) {
        last.fault = Some(last.fault.take().unwrap_or(played.complaint));
    }
    Ok(lines)
}

/// Judges the answer of a result line.
fn judged(act: &Act, answer: &crate::conformance::Answer) -> Result<Line> {
    Ok(act.judge(Seen {
        status: NtStatus(u32::try_from(answer.status)?),
        information: answer.information,
        out: from_hex(&answer.out),
        sent: answer.commands.iter().map(|command| Asked::Command(from_hex(&command.cdb))).collect(),
        findings: answer.findings.clone(),
    }))
}

fn from_hex(digits: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    digits.as_bytes().chunks_exact(2).map(|pair| digit(&pair[0]) << 4 | digit(&pair[1])).collect()
}

fn print(ioctl: &str, line: &Line) {
    let name = ioctl.trim_start_matches("IOCTL_");
    let status = format!("{:?}", line.status);
    let status = status.trim_start_matches("STATUS_");
    let sent: Vec<_> = line.sent.iter().map(Asked::name).collect();
    let sent = if sent.is_empty() { "-".to_owned() } else { sent.join(", ") };
    println!("  {name:<38} {:<52} {status:<22} {:>5}  {sent}", line.says, line.information);
    if let Some(fault) = &line.fault {
        println!("  {:<38} NOT AS SPECIFIED: {fault}", "");
    }
}
