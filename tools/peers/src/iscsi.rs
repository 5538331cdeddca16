//! The drive of tgt, an iSCSI target in user space, against our virtual drive.

mod burn;
mod tgt;

use anyhow::Context as _;
use scsi_cdb::read_capacity::ReadCapacity10;
use scsi_cdb::read_write::Read10;
use scsi_cdb::sense::RequestSense;
use scsi_cdb::test_unit_ready::TestUnitReady;
use scsi_cdb::toc::{ReadTocPmaAtip, TocFormat};

use crate::commands::{self, Listed};
use crate::compare::Findings;
use crate::discs;
use crate::fixture::Recorder;
use crate::part::{Context, Part, Program};
use crate::scene::{Scene, Step};

use tgt::Tgt;

pub(crate) const PART: Part = Part {
    name: "tgt",
    about: "The DVD writer of tgt, reached over iSCSI, and our virtual drive answer the same commands on the same discs.",
    needs: &[Program { name: tgt::DAEMON, package: "tgt" }, Program { name: tgt::TOOL, package: "tgt" }],
    expected: include_str!("../expected/tgt.jsonl"),
    run,
};

/// Our drive that is most like tgt's, which reads DVD-ROM and writes DVD+R.
const MODEL: &str = "dvdwriter";

fn run(context: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    let mut recorder: Option<Recorder> = None;
    for scene in scenes() {
        let image = scene.disc.as_deref().map(|disc| discs::image(&context.scratch, disc)).transpose()?;
        let mut drive = match Tgt::start(&context.scratch, image.as_deref()) {
            Ok(drive) => drive,
            Err(problem) if findings.peers.is_empty() => {
                findings.skip(format!("tgtd cannot run here: {problem:#}"));
                return Ok(());
            }
            Err(problem) => return Err(problem),
        };
        if findings.peers.is_empty() {
            let peer = format!("tgt {}", drive.version());
            recorder = context.record.as_ref().map(|_| Recorder::new(&peer));
            findings.peer(peer);
        }
        scene.play(&context.scratch, &mut drive, findings, recorder.as_mut()).context(scene.name.clone())?;
        findings.check("transport", "CHECK CONDITION", "data", "0 bytes", &format!("{} bytes", drive.leftovers()));
    }
    burn::burn(context, findings).context("writing")?;
    match (&context.record, recorder) {
        (Some(directory), Some(recorder)) => recorder.store(directory, PART.name),
        _ => Ok(()),
    }
}

fn scenes() -> Vec<Scene> {
    vec![
        Scene::of_commands("dvd", MODEL, Some("dvd"), commands::all(700_000)),
        Scene::of_commands("empty", MODEL, None, commands::all(700_000)),
        Scene { name: "media change".into(), model: MODEL.into(), disc: Some("dvd".into()), steps: media_change() },
    ]
}

/// A disc goes, comes back, goes again and makes room for another.
fn media_change() -> Vec<Step> {
    let acts = [Step::Remove, Step::Insert("dvd".into()), Step::Remove, Step::Insert("dvd-2".into())];
    let acts = acts.into_iter().flat_map(|act| std::iter::once(act).chain(look()));
    commands::attention().into_iter().map(Step::Command).chain(look()).chain(acts).collect()
}

/// What tells whether there is a disc, and which.
fn look() -> impl Iterator<Item = Step> {
    let ready = || Listed::of(TestUnitReady {});
    [
        ready(),
        Listed::of(RequestSense { descriptor_format: false, allocation_length: 18 }),
        ready(),
        ready(),
        Listed::of(ReadCapacity10 {}),
        Listed::of(ReadTocPmaAtip::new(TocFormat::FORMATTED_TOC, 12)),
        Listed::of(Read10 { lba: 16, blocks: 1, force_unit_access: false }),
    ]
    .into_iter()
    .map(Step::Command)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The operation codes that tgt's drive has, of those that are sent.
    const KNOWN: &[u8] =
        &[0x00, 0x03, 0x12, 0x1B, 0x1E, 0x25, 0x28, 0x43, 0x46, 0x51, 0x52, 0x5A, 0x5B, 0xA8, 0xAA, 0xAC, 0xAD, 0xBB];

    #[test]
    fn most_commands_are_ones_that_tgt_has() {
        let scenes = scenes();
        let commands: BTreeSet<_> = scenes
            .iter()
            .flat_map(|scene| &scene.steps)
            .filter_map(|step| if let Step::Command(command) = step { Some(command.cdb.as_slice()) } else { None })
            .filter(|cdb| KNOWN.contains(&cdb[0]))
            .collect();
        assert!(commands.len() >= 60, "{}", commands.len());
    }
}
