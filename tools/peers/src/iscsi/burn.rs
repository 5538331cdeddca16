//! Writing a blank DVD+R on both drives, block by block the same, and reading it back.

use std::fs::File;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use virtual_drive::sim;
use virtual_drive::target::{DataPhase, Request, Target};

use crate::compare::{Answer, Findings};
use crate::part::Context;

use super::tgt::Tgt;

const SCENE: &str = "dvd+r";
/// Blocks that are written, ten commands of one ECC block.
const BLOCKS: usize = 160;
const BLOCK: usize = 2048;
const ECC_BLOCK: usize = 16;

/// What is asked of the blank disc, and again after writing and closing.
const LOOK: &[(&[u8], usize)] = &[
    (&[0x00, 0, 0, 0, 0, 0], 0),
    (&[0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0], 8),
    (&[0x46, 2, 0, 0x2B, 0, 0, 0, 0, 16, 0], 16),
    (&[0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0], 34),
    (&[0x52, 1, 0, 0, 0, 1, 0, 0, 36, 0], 36),
    (&[0x43, 0, 0, 0, 0, 0, 0, 0, 18, 0], 18),
    (&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8),
    (&[0x5C, 0, 0, 0, 0, 0, 0, 0, 12, 0], 12),
];

/// Writes, closes and reads on both.
pub(super) fn burn(context: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    // The daemon takes an empty file for a blank disc.
    let image = context.scratch.join("blank");
    File::create(&image).with_context(|| image.display().to_string())?;
    let mut theirs = Tgt::start(&context.scratch, Some(&image))?;
    let mut ours = sim::open("sim:dvdwriter+dvd+r-blank").map_err(|problem| anyhow!(problem))?;
    let content: Vec<u8> = (0..BLOCKS * BLOCK).map(|place| ((place / BLOCK) ^ place) as u8).collect();

    let mut now = Duration::from_secs(30);
    for target in [&mut ours as &mut dyn Target, &mut theirs] {
        for _ in 0..3 {
            target.execute(Request::new(LOOK[0].0, DataPhase::None, now));
        }
    }
    let mut both = |cdb: &[u8], data: DataPhase<'_>| {
        now += Duration::from_secs(600);
        let ask = |target: &mut dyn Target| Answer::from(target.execute(Request::new(cdb, data, now)));
        let (our_answer, their_answer) = (ask(&mut ours), ask(&mut theirs));
        findings.check_answers(SCENE, cdb, &our_answer, &their_answer);
    };
    let look = |both: &mut dyn FnMut(&[u8], DataPhase<'_>)| {
        for (cdb, room) in LOOK {
            both(cdb, if *room == 0 { DataPhase::None } else { DataPhase::In(*room) });
        }
    };
    look(&mut both);
    for (number, part) in content.chunks(ECC_BLOCK * BLOCK).enumerate() {
        let [high, low] = u16::try_from(number * ECC_BLOCK)?.to_be_bytes();
        both(&[0x2A, 0, 0, 0, high, low, 0, 0, 16, 0], DataPhase::Out(part));
    }
    both(&[0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], DataPhase::None);
    both(&[0x5B, 0, 1, 0, 0, 1, 0, 0, 0, 0], DataPhase::None);
    both(&[0x5B, 0, 6, 0, 0, 0, 0, 0, 0, 0], DataPhase::None);
    look(&mut both);
    both(&[0x28, 0, 0, 0, 0, 0, 0, 0, 160, 0], DataPhase::In(BLOCKS * BLOCK));
    both(&[0xA8, 0, 0, 0, 0, 159, 0, 0, 0, 1, 0, 0], DataPhase::In(BLOCK));
    let stored = std::fs::read(&image).with_context(|| image.display().to_string())?;
    let agree = |same: bool| if same { "as sent" } else { "different" };
    findings.check(SCENE, "the daemon's image", "content", "as sent", agree(stored.starts_with(&content)));
    Ok(())
}
