//! A scene: a drive, a disc, and what is done one after the other. Played on our drive and on a peer's, it gives the
//! answers that are compared.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use virtual_drive::drive::Drive;
use virtual_drive::target::{DataPhase, MediaAction, Request, Target};

use crate::commands::Listed;
use crate::compare::{Answer, Findings};
use crate::discs;
use crate::fixture::Recorder;

/// A scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scene {
    /// The name that differences carry.
    pub(crate) name: String,
    /// Our drive (see `virtual_drive::sim`).
    pub(crate) model: String,
    /// The disc in it (see [`discs`]).
    pub(crate) disc: Option<String>,
    /// What happens.
    pub(crate) steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A command is sent.
    Command(Listed),
    /// Somebody presses the eject button.
    Button,
    /// Somebody takes the disc out.
    Remove,
    /// Somebody puts in this disc.
    Insert(String),
}

/// Virtual time before every command, and after every act: enough for a disc to get ready.
const PAUSE: Duration = Duration::from_secs(30);

impl Scene {
    /// A scene of commands alone.
    pub(crate) fn of_commands(name: &str, model: &str, disc: Option<&str>, commands: Vec<Listed>) -> Self {
        Self {
            name: name.into(),
            model: model.into(),
            disc: disc.map(Into::into),
            steps: commands.into_iter().map(Step::Command).collect(),
        }
    }

    /// Plays the scene on our drive and on the peer's, whose drive must have the scene's disc in it; images are made in
    /// `directory`.
    pub(crate) fn play(
        &self,
        directory: &Path,
        theirs: &mut dyn Target,
        findings: &mut Findings,
        mut recorder: Option<&mut Recorder>,
    ) -> anyhow::Result<()> {
        let mut ours = self.our_drive(directory)?;
        if let Some(recorder) = recorder.as_deref_mut() {
            recorder.scene(self);
        }
        let mut now = PAUSE;
        for step in &self.steps {
            let command = match step {
                Step::Command(command) => command,
                act => {
                    let action = match act {
                        Step::Insert(disc) => MediaAction::Insert(discs::image(directory, disc)?),
                        Step::Remove => MediaAction::Remove,
                        Step::Button | Step::Command(_) => MediaAction::EjectButton,
                    };
                    for target in [&mut ours, &mut *theirs] as [&mut dyn Target; 2] {
                        target.act(&action, now).map_err(|problem| anyhow!("{}: {problem}", target.describe()))?;
                    }
                    if let Some(recorder) = recorder.as_deref_mut() {
                        recorder.act(act);
                    }
                    now += PAUSE;
                    continue;
                }
            };
            let their_answer = ask(theirs, command, now);
            if their_answer.status.is_none() {
                anyhow::bail!("{}: no answer to {command:?}", theirs.describe());
            }
            if let Some(recorder) = recorder.as_deref_mut() {
                recorder.command(command, &their_answer);
            }
            findings.check_answers(&self.name, &command.cdb, &ask(&mut ours, command, now), &their_answer);
            now += PAUSE;
        }
        Ok(())
    }

    fn our_drive(&self, directory: &Path) -> anyhow::Result<Drive> {
        let name = match &self.disc {
            Some(disc) => format!("{}+{}", self.model, discs::image(directory, disc)?.display()),
            None => self.model.clone(),
        };
        virtual_drive::sim::open(&name).map_err(|problem| anyhow!(problem)).context("our drive")
    }
}

/// Sends one command.
fn ask(target: &mut dyn Target, command: &Listed, now: Duration) -> Answer {
    let data = if command.room == 0 { DataPhase::None } else { DataPhase::In(command.room) };
    target.execute(Request::new(&command.cdb, data, now)).into()
}
