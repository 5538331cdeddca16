//! QEMU's emulated ATAPI drive against our virtual drive.

use anyhow::Context as _;
use transports::qemu::{PACKAGE, PROGRAM, QemuDrive};

use crate::commands;
use crate::compare::Findings;
use crate::discs;
use crate::fixture::Recorder;
use crate::part::{Context, Part, Program};
use crate::scene::{Scene, Step};

pub(crate) const PART: Part = Part {
    name: "qemu",
    about: "QEMU's ATAPI drive and our virtual drive answer the same commands on the same discs.",
    needs: &[Program { name: PROGRAM, package: PACKAGE }],
    expected: include_str!("../expected/qemu.jsonl"),
    run,
};

/// Our drive that is most like QEMU's, which reads CD and DVD.
const MODEL: &str = "dvdrom-css";

fn run(context: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    let mut recorder: Option<Recorder> = None;
    for scene in scenes() {
        let image = scene.disc.as_deref().map(|disc| discs::image(&context.scratch, disc)).transpose()?;
        let mut drive = QemuDrive::start(image.as_deref())?;
        let peer = format!("QEMU {}", drive.version());
        if findings.peers.is_empty() {
            recorder = context.record.as_ref().map(|_| Recorder::new(&peer));
            findings.peer(peer);
        }
        scene.play(&context.scratch, &mut drive, findings, recorder.as_mut()).context(scene.name)?;
    }
    match (&context.record, recorder) {
        (Some(directory), Some(recorder)) => recorder.store(directory, PART.name),
        _ => Ok(()),
    }
}

fn scenes() -> Vec<Scene> {
    vec![
        Scene::of_commands("empty", MODEL, None, commands::all(1000)),
        Scene::of_commands("cd", MODEL, Some("cd"), commands::all(1000)),
        Scene::of_commands("dvd", MODEL, Some("dvd"), commands::all(700_000)),
        media_change(),
    ]
}

/// A person at the drive: each act is followed by what a host asks to learn of it.
fn media_change() -> Scene {
    let acts = [
        ("button", commands::after_act()),
        ("button", commands::after_act()),
        ("insert cd-2", commands::after_act()),
        ("lock", commands::lock(true)),
        ("button", commands::after_act()),
        ("insert cd", commands::after_act()),
        ("unlock", commands::lock(false)),
        ("remove", commands::after_act()),
        ("insert dvd", commands::after_act()),
        ("eject", commands::eject_and_look()),
        ("insert cd", commands::after_act()),
    ];
    let mut scene = Scene::of_commands("media change", MODEL, Some("cd"), commands::attention());
    scene.steps.extend(commands::after_act().into_iter().map(Step::Command));
    for (act, commands) in acts {
        match act.split_once(' ') {
            Some((_, disc)) => scene.steps.push(Step::Insert(disc.into())),
            None if act == "button" => scene.steps.push(Step::Button),
            None if act == "remove" => scene.steps.push(Step::Remove),
            None => {}
        }
        scene.steps.extend(commands.into_iter().map(Step::Command));
    }
    scene
}
