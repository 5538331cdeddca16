//! What cdromctl says of an image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;
use virtual_drive::disc::{Disc, Track as DiscTrack, TrackMode};

use super::facts::{Facts, NONE, Ours, Track};

/// The program.
pub(super) struct Cdromctl {
    path: PathBuf,
}

impl Cdromctl {
    /// Builds the program, so that it is not older than the code that is tested, and finds it beside this one.
    pub fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let mut folder = own.parent().context("this program lies in no folder")?;
        if folder.ends_with("deps") {
            folder = folder.parent().context("this program lies in no folder")?;
        }
        let target = folder.parent().context("this program lies in no target folder")?;
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--locked", "--package", "cdromctl", "--target-dir"]).arg(target);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        if !build.status().context("cargo")?.success() {
            bail!("cdromctl could not be built");
        }
        Ok(Self { path: folder.join("cdromctl") })
    }

    /// Runs the program on a disc.
    pub fn run(&self, disc: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = Command::new(&self.path).arg("--drive").arg(disc).args(arguments).output()?;
        if !output.status.success() {
            let problem = String::from_utf8_lossy(&output.stderr).into_owned();
            bail!("cdromctl --drive {} {}: {problem}", disc.display(), arguments.join(" "));
        }
        Ok(output.stdout)
    }

    fn json(&self, disc: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.run(disc, &[arguments, &["--json"]].concat())?)?)
    }

    /// All that the program says of a disc.
    pub fn read(&self, disc: &Path) -> anyhow::Result<Ours> {
        let inside = virtual_drive::sim::open_disc(disc).map_err(anyhow::Error::msg)?;
        let mut facts = Facts::new();
        let toc = self.json(disc, &["toc"])?;
        let sessions = self.json(disc, &["sessions"])?;
        let numbers: Vec<u64> = list(&toc, "tracks").iter().map(|track| number(track, "number")).collect();
        let (first, last) = (numbers.first().context("no tracks")?, numbers.last().context("no tracks")?);
        facts.insert("tracks".into(), format!("{first}-{last}"));
        facts.insert("lead_out".into(), toc["lead_out"].to_string());
        facts.insert("sessions".into(), list(&sessions, "sessions").len().to_string());
        facts.insert("mcn".into(), self.code(disc, 2, 0, 13)?);
        let mut tracks = Vec::new();
        for track in list(&toc, "tracks") {
            let told = u8::try_from(number(track, "number"))?;
            let known = inside.track(u16::from(told)).context("a track that the disc does not have")?;
            self.track(disc, &inside, track, known, &mut facts)?;
            facts.insert(format!("track.{told}.isrc"), self.code(disc, 3, told, 12)?);
            let output = disc.with_extension(format!("{told}.track.bin"));
            let name = output.to_str().context("a path that is no text")?;
            self.run(disc, &["raw-read", "--track", &told.to_string(), "--output", name])?;
            let raw = fs::read(&output)?;
            fs::remove_file(&output)?;
            tracks.push(Track { number: told, start: known.start, end: known.end(), mode: mode(known.mode), raw });
        }
        self.texts(disc, &mut facts)?;
        let data = tracks.first().filter(|track| track.mode == "mode1");
        let blocks = data.map_or(Ok(Vec::new()), |track| {
            self.run(disc, &["read", "--lba", "0", "--count", &track.end.to_string(), "--output", "-"])
        })?;
        volume(&blocks, &mut facts);
        Ok(Ours { facts, tracks, blocks })
    }

    /// What the table of contents says of a track; gaps and indexes, which no request tells, from the disc itself.
    fn track(
        &self,
        disc: &Path,
        inside: &Disc,
        told: &Value,
        known: &DiscTrack,
        facts: &mut Facts,
    ) -> anyhow::Result<()> {
        let yes = |key: &str| if told[key] == true { "yes" } else { "no" };
        let mut note = |name: String, value: String| facts.insert(format!("track.{}.{name}", told["number"]), value);
        note("start".into(), told["start"].to_string());
        note("copy".into(), yes("copy_permitted").into());
        note("pre".into(), yes("pre_emphasis").into());
        // The first track's pregap of two seconds is part of every disc, and no tool names it.
        let usual = if known.number == 1 { 150 } else { 0 };
        note("pregap".into(), (known.start - known.first() - usual).to_string());
        note("end".into(), known.end().to_string());
        note("mode".into(), mode(known.mode).into());
        for index in known.indexes.iter().filter(|index| index.number > 1) {
            note(format!("index.{}", index.number), index.lba.to_string());
        }
        if (told["data"] == true) != known.mode.is_data() || inside.track(known.number).is_none() {
            bail!("{}: the kind of track {} is not what the disc has", disc.display(), known.number);
        }
        Ok(())
    }

    /// A catalogue number (format 2) or an ISRC (format 3) from IOCTL_CDROM_READ_Q_CHANNEL.
    fn code(&self, disc: &Path, format: u8, track: u8, length: usize) -> anyhow::Result<String> {
        let input = format!("{format:02x}{track:02x}");
        let request = ["ioctl", "IOCTL_CDROM_READ_Q_CHANNEL", "--out-len", "24", "--in", &input];
        let answer = self.json(disc, &request)?;
        let answer = hex(answer["out"].as_str().unwrap_or_default());
        // Byte 8 of both formats has the bit that says whether the code is valid; the code follows.
        Ok(match (answer.get(8), answer.get(9..9 + length)) {
            (Some(valid), Some(code)) if valid & 0x80 != 0 => String::from_utf8_lossy(code).into_owned(),
            _ => NONE.into(),
        })
    }

    fn texts(&self, disc: &Path, facts: &mut Facts) -> anyhow::Result<()> {
        let texts = self.json(disc, &["cdtext"])?;
        let entries: Vec<_> = list(&texts, "entries").iter().filter(|entry| entry["block"] == 0).collect();
        facts.insert("texts".into(), entries.len().to_string());
        for entry in entries {
            let text = entry["text"].as_str().unwrap_or_default();
            let kind = entry["kind"].as_str().unwrap_or_default();
            facts.insert(format!("text.{}.{kind}", entry["track"]), text.into());
        }
        Ok(())
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn mode(mode: TrackMode) -> &'static str {
    match mode {
        TrackMode::Audio => "audio",
        TrackMode::Mode1 => "mode1",
        TrackMode::Mode2 | TrackMode::Mode2Xa => "mode2",
    }
}

/// The primary volume descriptor in block 16 (ECMA-119 clause 8.4).
fn volume(blocks: &[u8], facts: &mut Facts) {
    let Some(descriptor) = blocks.get(16 * 2048..17 * 2048).filter(|block| block.starts_with(b"\x01CD001")) else {
        return;
    };
    let text = |at: usize| String::from_utf8_lossy(&descriptor[at..at + 32]).trim_end().to_owned();
    facts.insert("volume.system".into(), text(8));
    facts.insert("volume.id".into(), text(40));
    let size = [descriptor[80], descriptor[81], descriptor[82], descriptor[83]];
    facts.insert("volume.blocks".into(), u32::from_le_bytes(size).to_string());
}
