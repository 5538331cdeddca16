//! `cargo xtask demo`: every control code of the table, answered by the core against a drive in software.
//!
//! The scenes hold what is asked and what the specification says must come of it: the status, the commands that reach
//! the drive, and something of the output. A code without a line in a scene fails the demo, so a new row of the table
//! cannot be forgotten.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use ioctl_dispatch::ioctl::IOCTLS;
use scenes::{Asked, Line, Scene, Stage, all, make_disc};

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
}

/// Plays all scenes; true if each code did what the specification says.
pub fn run(options: &Options) -> Result<bool> {
    let folder = options.folder.clone().unwrap_or_else(|| workspace::target().join("demo"));
    let sheet = make_disc(&folder)?;
    println!("Made {}: a data track, two audio tracks, CD-TEXT.", sheet.display());
    println!("\n  {:<38} {:<52} {:<22} {:>5}  commands sent", "request", "what it did", "status", "bytes");
    let mut shown = BTreeSet::new();
    let (mut lines, mut wrong, mut commands) = (0, 0, 0);
    for Scene { drive, title, acts } in all() {
        let name = drive.replace("DISC", &sheet.display().to_string());
        let mut stage = Stage::new(&name)?;
        println!("\n{title}");
        for act in acts {
            let line = stage.play(act)?;
            shown.insert(act.ioctl);
            lines += 1;
            wrong += usize::from(line.fault.is_some());
            commands += line.sent.len();
            if !options.quiet || line.fault.is_some() {
                print(act.ioctl, &line);
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
