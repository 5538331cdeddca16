//! A scene as a request script, for a driver that runs elsewhere.

use serde_json::json;

use crate::scene::{Act, Scene};
use crate::stage::PRELUDE;

/// A request script that plays a scene, and which line plays which act.
#[derive(Clone, Debug)]
pub struct Script {
    /// The script: JSON Lines.
    pub text: String,
    /// The acts by line number; those that are not shown with `false`.
    pub acts: Vec<(u64, Act, bool)>,
    lines: u64,
}

impl Scene {
    /// The scene as a request script.
    #[must_use]
    pub fn script(&self) -> Script {
        let mut script = Script { text: String::new(), acts: Vec::new(), lines: 0 };
        script.line(&json!({"open": PROGRAM}));
        script.line(&json!({"ioctl": PRELUDE, "handle": PROGRAM}));
        self.acts.iter().for_each(|act| script.act(act, true));
        script
    }
}

/// The label of the handle through which a scene's program asks.
const PROGRAM: &str = "program";

impl Script {
    fn act(&mut self, act: &Act, shown: bool) {
        act.before.iter().for_each(|earlier| self.act(earlier, false));
        if act.delay_ms() > 0 {
            self.line(&json!({"advance_ms": act.delay_ms()}));
        }
        let input: String = act.input_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let line =
            self.line(&json!({"ioctl": act.ioctl, "handle": PROGRAM, "in": input, "out_len": act.output_length()}));
        self.acts.push((line, *act, shown));
    }

    /// Adds a line and gives its number.
    fn line(&mut self, line: &serde_json::Value) -> u64 {
        self.text.push_str(&line.to_string());
        self.text.push('\n');
        self.lines += 1;
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use crate::scene::Line;
    use crate::{Stage, all};
    use drive_host::{Host, Options, replay, requests};

    /// The script asks what the stage asks: same statuses and commands.
    #[test]
    fn a_script_plays_what_the_stage_plays() {
        let scene = all().into_iter().find(|scene| scene.drive == "cdrom-data").expect("a scene");
        let script = scene.script();
        let lines = requests::parse("scene", &script.text).expect("a script");
        let drive = virtual_drive::sim::open(scene.drive).expect("a drive");
        let mut host = Host::start(Box::new(drive), &Options::default()).expect("a start");
        let mut statuses = Vec::new();
        replay::run(&mut host, "scene", &lines, false, &mut |line| {
            if let (Some(number), Some(outcome)) = (line.line, line.outcome) {
                statuses.push((number as u64, outcome.status));
            }
        })
        .expect("answers");
        let mut stage = Stage::new(scene.drive).expect("a drive");
        let shown: Vec<_> = script.acts.iter().filter(|(_, _, shown)| *shown).collect();
        assert_eq!(shown.len(), scene.acts.len());
        for (act, (number, of_line, _)) in scene.acts.iter().zip(shown) {
            let Line { status, .. } = stage.play(act).expect("an answer");
            let (_, given) = statuses.iter().find(|(line, _)| line == number).expect("a result");
            assert_eq!((act.ioctl, Some(status.0)), (of_line.ioctl, *given), "line {number}");
        }
    }
}
