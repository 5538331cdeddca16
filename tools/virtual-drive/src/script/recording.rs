//! Drive scripts written from what a drive said.
//!
//! The script has one rule with `times: 1` for each command, in their order, so that it answers the same commands in the
//! same way. At its end stand rules without `times`: the last answer to each command that asks for little, for a replay
//! that asks more often than the recording (polls, above all).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::target::{Completion, DataPhase, INQUIRY_36, MediaAction, Reply, Request, Target};

/// Bytes of sent data that a rule demands.
const DEMANDED: usize = 64;

/// The longest answer that is repeated at the end of a script.
const REPEATED: usize = 1024;

/// The file that a session with a drive is written to.
///
/// Clones write to the same file.
#[derive(Clone)]
pub struct Recording(Rc<RefCell<Sheet>>);

struct Sheet {
    out: Box<dyn Write>,
    /// Last answers, by the command and the data that it demands.
    last: BTreeMap<(String, String), Value>,
    failure: Option<io::Error>,
}

impl fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Recording")
    }
}

impl Recording {
    /// Creates the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self::to(BufWriter::new(File::create(path)?)))
    }

    /// Writes to `out`.
    pub fn to(out: impl Write + 'static) -> Self {
        Self(Rc::new(RefCell::new(Sheet { out: Box::new(out), last: BTreeMap::new(), failure: None })))
    }

    /// Writes lines of comment.
    pub fn comment(&self, text: &str) {
        let mut sheet = self.0.borrow_mut();
        for line in text.lines() {
            sheet.line(&format!("# {line}"));
        }
    }

    /// `target`, with everything that it says written down.
    #[must_use]
    pub fn of(&self, target: Box<dyn Target>) -> Box<dyn Target> {
        self.comment(&target.describe());
        Box::new(Recorded { target, recording: self.clone() })
    }

    /// Writes the rules for what is asked more often.
    ///
    /// # Errors
    /// The first error of the file since it was created.
    pub fn finish(&self) -> io::Result<()> {
        let mut sheet = self.0.borrow_mut();
        let last = std::mem::take(&mut sheet.last);
        if !last.is_empty() {
            sheet.line("# What is asked again gets the last answer.");
        }
        for rule in last.values() {
            sheet.line(&rule.to_string());
        }
        match sheet.failure.take() {
            Some(failure) => Err(failure),
            None => sheet.out.flush(),
        }
    }
}

impl Sheet {
    /// The first failure is kept; what a drive does cannot wait for a file.
    fn line(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = writeln!(self.out, "{text}").err();
        }
    }

    fn command(&mut self, request: &Request<'_>, reply: &Reply) {
        let mut rule = rule(request, reply);
        let key = |name| rule.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = (key("cdb"), key("expect"));
        // A unit attention is news: it is told once.
        if reply.data.len() <= REPEATED && !is_unit_attention(&reply.completion) {
            self.last.insert(key, Value::Object(rule.clone()));
        }
        rule.insert("times".into(), json!(1));
        self.line(&Value::Object(rule).to_string());
    }
}

/// A drive whose answers are written down.
struct Recorded {
    target: Box<dyn Target>,
    recording: Recording,
}

impl Target for Recorded {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        let reply = self.target.execute(request);
        self.recording.0.borrow_mut().command(&request, &reply);
        reply
    }

    fn inquiry(&mut self, now: Duration) -> Vec<u8> {
        let data = self.target.inquiry(now);
        // The port's own question; replaying it does not use up a rule.
        let request = Request::new(&INQUIRY_36, DataPhase::In(36), now);
        let rule = rule(&request, &Reply::good(data.clone(), request.data));
        self.recording.0.borrow_mut().line(&Value::Object(rule).to_string());
        data
    }

    fn act(&mut self, action: &MediaAction, now: Duration) -> Result<(), String> {
        self.recording.comment(&format!("by hand: {action:?}"));
        self.target.act(action, now)
    }

    fn describe(&self) -> String {
        self.target.describe()
    }
}

fn rule(request: &Request<'_>, reply: &Reply) -> Map<String, Value> {
    let mut rule = Map::new();
    rule.insert("cdb".into(), hex(request.cdb));
    if let DataPhase::Out(bytes) = request.data
        && !bytes.is_empty()
    {
        rule.insert("expect".into(), hex(&bytes[..bytes.len().min(DEMANDED)]));
    }
    if !reply.data.is_empty() {
        rule.insert("data".into(), hex(&reply.data));
    }
    match &reply.completion {
        Completion::Status { status: 0x00, .. } => {}
        Completion::Status { status: 0x02, sense } => match plain_sense(sense) {
            Some(short) => drop(rule.insert("sense".into(), json!(short))),
            None => drop(rule.insert("x_sense_raw".into(), hex(sense))),
        },
        Completion::Status { status, .. } => drop(rule.insert("status".into(), json!(format!("{status:#04x}")))),
        Completion::PortFailure(status) => drop(rule.insert("port".into(), json!(format!("{status:#010X}")))),
        Completion::SrbStatus(status) => drop(rule.insert("x_srb".into(), json!(format!("{status:#04x}")))),
    }
    let delay = u64::try_from(reply.duration.as_millis()).unwrap_or(u64::MAX);
    if delay > 0 {
        rule.insert("delay_ms".into(), json!(delay));
    }
    rule
}

/// `key/asc/ascq`, if the sense data says nothing more.
fn plain_sense(sense: &[u8]) -> Option<String> {
    let (key, asc, ascq) = (sense.get(2)? & 0x0F, *sense.get(12)?, *sense.get(13)?);
    let plain = Reply::check_condition(key, asc, ascq).completion;
    (plain == Completion::Status { status: 0x02, sense: sense.to_vec() })
        .then(|| format!("{key:02X}/{asc:02X}/{ascq:02X}"))
}

fn is_unit_attention(completion: &Completion) -> bool {
    let Completion::Status { status: 0x02, sense } = completion else { return false };
    let key = match sense.first().map(|code| code & 0x7F) {
        Some(0x72 | 0x73) => sense.get(1),
        _ => sense.get(2),
    };
    key.is_some_and(|key| key & 0x0F == 0x06)
}

fn hex(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::ScriptDrive;

    /// A file that a test can look into.
    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn recorded(script: &str, commands: &[(&[u8], DataPhase<'_>)]) -> (Vec<Reply>, String) {
        let paper = Paper::default();
        let recording = Recording::to(paper.clone());
        let mut drive = recording.of(Box::new(ScriptDrive::parse("drive", script).unwrap()));
        let replies = answers(drive.as_mut(), commands);
        recording.finish().unwrap();
        let text = String::from_utf8(paper.0.borrow().clone()).unwrap();
        (replies, text)
    }

    fn answers(drive: &mut dyn Target, commands: &[(&[u8], DataPhase<'_>)]) -> Vec<Reply> {
        commands.iter().map(|(cdb, data)| drive.execute(Request::new(cdb, *data, Duration::ZERO))).collect()
    }

    const EVERYTHING: &str = "{\"cdb\": \"00\", \"sense\": \"06/28/00\", \"times\": 1}\n\
        {\"cdb\": \"00\", \"sense\": \"02/04/01\", \"times\": 2}\n{\"cdb\": \"00\"}\n\
        {\"cdb\": \"43\", \"data\": \"00 12 01 01\", \"delay_ms\": 120}\n\
        {\"cdb\": \"A3\", \"expect\": \"00 0A\", \"x_sense_raw\": \"72 05 6F 01\"}\n{\"cdb\": \"A3\"}\n\
        {\"cdb\": \"25\", \"port\": \"0xC00000B5\"}\n{\"cdb\": \"46\", \"status\": \"0x08\"}\n\
        {\"cdb\": \"51\", \"x_srb\": \"0x0E\"}\n{\"cdb\": \"28\", \"data\": \"AA\", \"sense\": \"03/11/05\"}";

    #[test]
    fn a_replay_says_what_the_drive_said() {
        let commands: Vec<(&[u8], DataPhase<'_>)> = vec![
            (&[0; 6], DataPhase::None),
            (&[0x43; 10], DataPhase::In(9)),
            (&[0; 6], DataPhase::None),
            (&[0; 6], DataPhase::None),
            (&[0xA3; 12], DataPhase::Out(&[0, 0x0A, 1])),
            (&[0xA3; 12], DataPhase::Out(&[1])),
            (&[0x43; 10], DataPhase::In(2)),
            (&[0; 6], DataPhase::None),
            (&[0x25; 10], DataPhase::In(8)),
            (&[0x46; 10], DataPhase::In(8)),
            (&[0x51; 10], DataPhase::In(8)),
            (&[0x28; 10], DataPhase::In(4)),
            (&[0xBB; 12], DataPhase::None),
        ];
        let (replies, script) = recorded(EVERYTHING, &commands);
        let mut replay = ScriptDrive::parse("replay", &script).unwrap();
        assert_eq!(answers(&mut replay, &commands), replies, "{script}");
        // Asked again: the last answer, and never a second unit attention.
        assert_eq!(answers(&mut replay, &commands[..1]), replies[7..8]);
        assert_eq!(script.matches("06/28/00").count(), 1);
    }

    #[test]
    fn the_ports_inquiry_uses_nothing_up() {
        let paper = Paper::default();
        let recording = Recording::to(paper.clone());
        let script = "{\"cdb\": \"12\", \"data\": \"05 80\"}";
        let mut drive = recording.of(Box::new(ScriptDrive::parse("drive", script).unwrap()));
        assert_eq!(drive.inquiry(Duration::ZERO), [5, 0x80]);
        drive.act(&MediaAction::EjectButton, Duration::ZERO).unwrap_err();
        recording.finish().unwrap();
        let text = String::from_utf8(paper.0.borrow().clone()).unwrap();
        let mut replay = ScriptDrive::parse("replay", &text).unwrap();
        for _ in 0..2 {
            assert_eq!(replay.inquiry(Duration::ZERO), [5, 0x80]);
        }
        assert!(text.contains("# by hand: EjectButton") && text.starts_with("# scripted drive"), "{text}");
    }

    #[test]
    fn long_answers_are_not_repeated() {
        let long = format!("{{\"cdb\": \"28\", \"data\": \"{}\"}}", "5A".repeat(2048));
        let command: (&[u8], _) = (&[0x28; 10], DataPhase::In(2048));
        let (_, script) = recorded(&long, &[command, command]);
        assert_eq!(script.matches("5A 5A 5A").count() / (2048 / 3), 2);
        assert!(!script.contains("last answer"));
    }

    #[test]
    fn a_full_disk_is_told_at_the_end() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let recording = Recording::to(Full);
        let mut drive = recording.of(Box::new(ScriptDrive::parse("drive", "{\"cdb\": \"00\"}").unwrap()));
        assert_eq!(answers(drive.as_mut(), &[(&[0; 6], DataPhase::None)]).len(), 1);
        assert_eq!(recording.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
