//! What peers said, kept as facts and replayed without them: JSON Lines of bytes in and bytes out.
//!
//! | line | meaning |
//! |---|---|
//! | `{"peer": …}` | who said it, with the version |
//! | `{"scene": …, "drive": …, "disc": …}` | a scene begins: the model of our drive, and the disc in both |
//! | `{"act": "button"}`, `{"act": "remove"}`, `{"act": "insert", "disc": …}` | what somebody did |
//! | `{"cdb": …, "room": …, "data": …, "sense": …, "status": …}` | a command and its answer; GOOD without `sense` |
//!
//! Bytes are in hex; `00*2044` is one byte that comes that many times.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use virtual_drive::target::{Completion, MediaAction, Reply, Request, Target};

use crate::commands::Listed;
use crate::compare::{Answer, Findings};
use crate::scene::{Scene, Step};

/// One line.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cdb: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sense: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
}

/// Collects what one peer says.
#[derive(Debug)]
pub(crate) struct Recorder {
    lines: Vec<Line>,
}

impl Recorder {
    /// Begins with the name of the peer and its version.
    pub(crate) fn new(peer: &str) -> Self {
        Self { lines: vec![Line { peer: Some(peer.into()), ..Line::default() }] }
    }

    /// Notes that a scene begins.
    pub(crate) fn scene(&mut self, scene: &Scene) {
        let (name, drive) = (Some(scene.name.clone()), Some(scene.model.clone()));
        self.lines.push(Line { scene: name, drive, disc: scene.disc.clone(), ..Line::default() });
    }

    /// Notes what somebody did.
    pub(crate) fn act(&mut self, step: &Step) {
        let (act, disc) = match step {
            Step::Button => ("button", None),
            Step::Remove => ("remove", None),
            Step::Insert(disc) => ("insert", Some(disc.clone())),
            Step::Command(_) => return,
        };
        self.lines.push(Line { act: Some(act.into()), disc, ..Line::default() });
    }

    /// Notes one command and its answer.
    pub(crate) fn command(&mut self, command: &Listed, answer: &Answer) {
        let some = |bytes: &[u8]| (!bytes.is_empty()).then(|| packed(bytes));
        self.lines.push(Line {
            cdb: some(&command.cdb),
            room: (command.room > 0).then_some(command.room),
            data: some(&answer.data),
            sense: some(&answer.sense),
            status: answer.status.filter(|status| !matches!((status, answer.sense.len()), (0, 0) | (2, 1..))),
            ..Line::default()
        });
    }

    /// Writes everything to `directory/name.jsonl`.
    pub(crate) fn store(&self, directory: &Path, name: &str) -> anyhow::Result<()> {
        let file = directory.join(format!("{name}.jsonl"));
        let lines: Vec<String> = self.lines.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&file, lines.join("\n") + "\n"))
            .with_context(|| file.display().to_string())
    }
}

/// Plays the scenes of a fixture on our drive and compares its answers with the recorded ones.
#[cfg_attr(not(test), expect(dead_code, reason = "fixtures are replayed by tests"))]
pub(crate) fn replay(fixture: &str, directory: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let mut scenes: Vec<(Scene, Replayed)> = Vec::new();
    for (number, line) in fixture.lines().enumerate() {
        let at = || format!("line {} of the fixture", number + 1);
        let line: Line = serde_json::from_str(line).with_context(at)?;
        match line {
            Line { peer: Some(peer), .. } => findings.peer(peer),
            Line { scene: Some(name), drive: Some(model), disc, .. } => {
                scenes.push((Scene { name, model, disc, steps: Vec::new() }, Replayed::default()));
            }
            line => {
                let (scene, answers) = scenes.last_mut().ok_or_else(|| anyhow!("no scene yet")).with_context(at)?;
                scene.steps.push(step(line, answers).with_context(at)?);
            }
        }
    }
    for (scene, mut answers) in scenes {
        scene.play(directory, &mut answers, findings, None)?;
    }
    Ok(())
}

fn step(line: Line, answers: &mut Replayed) -> anyhow::Result<Step> {
    Ok(match (line.act.as_deref(), line.cdb) {
        (Some("button"), _) => Step::Button,
        (Some("remove"), _) => Step::Remove,
        (Some("insert"), _) => Step::Insert(line.disc.context("which disc?")?),
        (None, Some(cdb)) => {
            let bytes = |text: Option<String>| text.map_or(Ok(Vec::new()), |text| unpacked(&text));
            let (data, sense) = (bytes(line.data)?, bytes(line.sense)?);
            let status = line.status.unwrap_or(if sense.is_empty() { 0 } else { 2 });
            answers.0.push_back(Answer { status: Some(status), sense, data });
            Step::Command(Listed { cdb: unpacked(&cdb)?, room: line.room.unwrap_or(0) })
        }
        _ => bail!("neither a command nor an act"),
    })
}

/// A drive that gives recorded answers one after the other.
#[derive(Debug, Default)]
struct Replayed(VecDeque<Answer>);

impl Target for Replayed {
    fn execute(&mut self, _: Request<'_>) -> Reply {
        let answer = self.0.pop_front();
        let (completion, data) = match answer {
            Some(Answer { status: Some(status), sense, data }) => (Completion::Status { status, sense }, data),
            _ => (Completion::SrbStatus(0), Vec::new()),
        };
        Reply { completion, transferred: data.len(), data, duration: Duration::ZERO }
    }

    fn act(&mut self, _: &MediaAction, _: Duration) -> Result<(), String> {
        Ok(())
    }

    fn describe(&self) -> String {
        "a fixture".into()
    }
}

/// The shortest run that is written as one byte and a number.
const RUN: usize = 8;

fn packed(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|left, right| left == right);
    let words = runs.flat_map(|run| match run.len() {
        RUN.. => vec![format!("{:02X}*{}", run[0], run.len())],
        _ => run.iter().map(|byte| format!("{byte:02X}")).collect(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn unpacked(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (byte, times) = word.split_once('*').unwrap_or((word, "1"));
        let byte = u8::from_str_radix(byte, 16).with_context(|| format!("`{word}` is not a byte in hex"))?;
        let times: usize = times.parse().with_context(|| format!("`{word}` has no number"))?;
        bytes.resize(bytes.len() + times, byte);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_packed_and_unpacked() {
        let bytes = [&[1, 2, 2][..], &[0; 300], &[3]].concat();
        assert_eq!(packed(&bytes), "01 02 02 00*300 03");
        assert_eq!(unpacked(&packed(&bytes)).unwrap(), bytes);
        assert!(unpacked("0G").is_err());
        assert!(unpacked("00*x").is_err());
    }

    #[test]
    fn a_recorded_scene_is_replayed() {
        let commands = vec![Listed::raw(&[0; 6], 0), Listed::raw(&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8)];
        let mut scene = Scene::of_commands("s", "cdrom", Some("cd"), commands);
        scene.steps.push(Step::Insert("cd-2".into()));
        let mut recorder = Recorder::new("nobody 1.0");
        recorder.scene(&scene);
        for step in &scene.steps {
            match step {
                Step::Command(command) => {
                    let data = if command.room > 0 { vec![0, 0, 3, 0xE6, 0, 0, 8, 0] } else { vec![] };
                    recorder.command(command, &Answer { status: Some(0), sense: vec![], data });
                }
                act => recorder.act(act),
            }
        }
        let directory = tempfile::tempdir().unwrap();
        recorder.store(directory.path(), "s").unwrap();
        let text = std::fs::read_to_string(directory.path().join("s.jsonl")).unwrap();
        let mut findings = Findings::default();
        replay(&text, directory.path(), &mut findings).unwrap();
        assert_eq!(findings.peers, ["nobody 1.0"]);
        let fields: Vec<_> = findings.differences.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(fields, ["outcome", "outcome"], "our drive reports that it was switched on, and its new medium");
    }
}
