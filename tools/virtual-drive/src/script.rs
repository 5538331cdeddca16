//! A drive given by its answers, for exact reproduction of what some drive said.
//!
//! Rules are tried from the top; the first that matches answers. A command that no rule matches gets 05/20/00 (ILLEGAL
//! REQUEST, invalid command operation code).

pub mod fields;
mod recording;

use std::path::Path;
use std::time::Duration;

use crate::target::{Completion, DataPhase, MediaAction, Reply, Request, Target};
pub use recording::Recording;

use fields::{Fields, FormatError, objects, parse_hex, parse_number};

/// The keys of a rule.
pub const KEYS: [&str; 10] =
    ["cdb", "data", "expect", "sense", "status", "port", "times", "delay_ms", "x_sense_raw", "x_srb"];

/// Why a script could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file could not be read.
    #[error("{file}: {source}; give the path of a drive script (JSON Lines)")]
    Read {
        /// The file's name as it was given.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// A drive that answers by rules.
#[derive(Clone, Debug)]
pub struct ScriptDrive {
    name: String,
    rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug)]
struct Rule {
    /// Bytes to match, `None` for any; a prefix of the command descriptor block.
    cdb: Vec<Option<u8>>,
    expect: Vec<u8>,
    data: Vec<u8>,
    completion: Completion,
    /// Answers left; `None` without limit.
    left: Option<u64>,
    delay: Duration,
}

impl ScriptDrive {
    /// Loads a drive script.
    ///
    /// # Errors
    /// The file cannot be read, or a line is wrong; the text names file, line and key.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&file, &text)?),
            Err(source) => Err(ScriptError::Read { file, source }),
        }
    }

    /// Reads the script `text`; `name` stands for its file in error texts.
    ///
    /// # Errors
    /// A line is wrong; the text names line and key.
    pub fn parse(name: &str, text: &str) -> Result<Self, FormatError> {
        let rules = objects(name, text).map(|fields| Rule::read(&fields?)).collect::<Result<_, _>>()?;
        Ok(Self { name: name.into(), rules })
    }

    fn find(&self, request: &Request<'_>) -> Option<usize> {
        self.rules.iter().position(|rule| rule.matches(request))
    }
}

impl Target for ScriptDrive {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        let Some(index) = self.find(&request) else { return Reply::check_condition(0x05, 0x20, 0x00) };
        let rule = &mut self.rules[index];
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        rule.answer(request.data)
    }

    /// A copy answers, so that a rule with `times` is not used up.
    fn inquiry(&mut self, now: Duration) -> Vec<u8> {
        let request = Request::new(&crate::target::INQUIRY_36, DataPhase::In(36), now);
        self.find(&request).map_or_else(Vec::new, |index| self.rules[index].answer(request.data).data)
    }

    fn act(&mut self, action: &MediaAction, _now: Duration) -> Result<(), String> {
        let what = match action {
            MediaAction::Remove => "no disc to remove",
            MediaAction::Insert(_) => "no tray to put a disc in",
            MediaAction::EjectButton => "no eject button",
        };
        Err(format!(
            "a scripted drive has {what}: let the rules of {} tell what happens (`times` orders them)",
            self.name
        ))
    }

    fn describe(&self) -> String {
        format!("scripted drive {} ({} rules)", self.name, self.rules.len())
    }
}

impl Rule {
    fn read(fields: &Fields) -> Result<Self, FormatError> {
        fields.allow(&KEYS)?;
        let cdb = fields.text("cdb")?.ok_or_else(|| fields.error("a rule needs `cdb`, the bytes to match"))?;
        let cdb = parse_pattern(cdb).map_err(|problem| fields.error(format_args!("`cdb`: {problem}")))?;
        let ends = ["sense", "x_sense_raw", "status", "port", "x_srb"];
        let given: Vec<_> = ends.into_iter().filter(|key| fields.has(key)).collect();
        if let [first, second, ..] = given[..] {
            return Err(fields.error(format_args!("`{first}` and `{second}` both say how the command ends; keep one")));
        }
        let completion = match given.first() {
            None => Completion::Status { status: 0x00, sense: Vec::new() },
            Some(&"sense") => {
                let text = fields.text("sense")?.unwrap_or_default();
                let [key, asc, ascq] = parse_sense(text).ok_or_else(|| {
                    fields.error(format_args!(
                        "`sense` must be \"key/asc/ascq\" in hex such as \"05/24/00\", not \"{text}\""
                    ))
                })?;
                Reply::check_condition(key, asc, ascq).completion
            }
            Some(&"x_sense_raw") => {
                Completion::Status { status: 0x02, sense: fields.bytes("x_sense_raw")?.unwrap_or_default() }
            }
            Some(&"status") => {
                Completion::Status { status: fields.uint("status")?.unwrap_or_default(), sense: Vec::new() }
            }
            Some(&"port") => Completion::PortFailure(fields.uint("port")?.unwrap_or_default()),
            Some(_) => Completion::SrbStatus(fields.uint("x_srb")?.unwrap_or_default()),
        };
        Ok(Self {
            cdb,
            expect: fields.bytes("expect")?.unwrap_or_default(),
            data: fields.bytes("data")?.unwrap_or_default(),
            completion,
            left: fields.uint("times")?,
            delay: Duration::from_millis(fields.uint("delay_ms")?.unwrap_or_default()),
        })
    }

    fn matches(&self, request: &Request<'_>) -> bool {
        let sent = match request.data {
            DataPhase::Out(bytes) => bytes,
            DataPhase::None | DataPhase::In(_) => &[],
        };
        self.left != Some(0)
            && self.cdb.len() <= request.cdb.len()
            && self.cdb.iter().zip(request.cdb).all(|(wanted, byte)| wanted.is_none_or(|wanted| wanted == *byte))
            && sent.starts_with(&self.expect)
    }

    fn answer(&self, phase: DataPhase<'_>) -> Reply {
        let mut reply = Reply::good(self.data.clone(), phase).after(self.delay);
        let good = Completion::Status { status: 0x00, sense: Vec::new() };
        let took_nothing = matches!(phase, DataPhase::Out(_)) && self.completion != good;
        if took_nothing {
            reply.transferred = 0;
        }
        reply.completion = self.completion.clone();
        reply
    }
}

/// Hex bytes, where `??` stands for any byte.
fn parse_pattern(text: &str) -> Result<Vec<Option<u8>>, String> {
    let digits: Vec<char> = text.chars().filter(|character| !character.is_whitespace()).collect();
    let pattern: Vec<Option<u8>> = digits
        .chunks(2)
        .map(|pair| match pair {
            ['?', '?'] => Ok(None),
            pair => parse_hex(&pair.iter().collect::<String>())
                .map(|bytes| bytes.first().copied())
                .map_err(|_| format!("`{}` is neither a byte in hex nor `??`", pair.iter().collect::<String>())),
        })
        .collect::<Result<_, _>>()?;
    match pattern.len() {
        0 => Err("an empty pattern; write at least the operation code, or `??` for any command".into()),
        1..=16 => Ok(pattern),
        _ => Err("a command descriptor block has at most 16 bytes".into()),
    }
}

fn parse_sense(text: &str) -> Option<[u8; 3]> {
    let parts: Vec<u8> = text
        .split('/')
        .map(|part| parse_number(&format!("0x{}", part.trim())).and_then(|value| u8::try_from(value).ok()))
        .collect::<Option<_>>()?;
    let sense: [u8; 3] = parts.try_into().ok()?;
    (sense[0] <= 0x0F).then_some(sense)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(text: &str) -> ScriptDrive {
        ScriptDrive::parse("drive.jsonl", text).unwrap()
    }

    fn ask(drive: &mut ScriptDrive, cdb: &[u8], data: DataPhase<'_>) -> Reply {
        drive.execute(Request::new(cdb, data, Duration::ZERO))
    }

    fn sense(reply: &Reply) -> Option<(u8, u8, u8)> {
        match &reply.completion {
            Completion::Status { status: 2, sense } => Some((sense[2], sense[12], sense[13])),
            _ => None,
        }
    }

    #[test]
    fn the_first_rule_that_matches_answers() {
        let mut drive = drive(
            "# a drive\n{\"cdb\": \"12 00 00 ?? 24\", \"data\": \"0102\"}\n{\"cdb\": \"12\", \"data\": \"03\"}\n{\"cdb\": \"00\"}",
        );
        assert_eq!(ask(&mut drive, &[0x12, 0, 0, 9, 0x24, 0], DataPhase::In(36)).data, [1, 2]);
        assert_eq!(ask(&mut drive, &[0x12, 0, 0, 9, 0x25, 0], DataPhase::In(36)).data, [3]);
        assert_eq!(ask(&mut drive, &[0x00; 6], DataPhase::None), Reply::good(Vec::new(), DataPhase::None));
        assert_eq!(sense(&ask(&mut drive, &[0x01; 6], DataPhase::None)), Some((5, 0x20, 0)));
        assert_eq!(sense(&ask(&mut drive, &[0x12, 0], DataPhase::In(1))), None, "a shorter rule matches a prefix");
    }

    #[test]
    fn data_is_cut_and_the_count_says_so() {
        let mut drive = drive("{\"cdb\": \"43\", \"data\": \"00 12 01 01\", \"delay_ms\": 120}");
        for (room, count) in [(0, 0), (2, 2), (9, 4)] {
            let reply = ask(&mut drive, &[0x43; 10], DataPhase::In(room));
            assert_eq!((reply.data.len(), reply.transferred), (count, count));
            assert_eq!(reply.duration, Duration::from_millis(120));
        }
        assert!(ask(&mut drive, &[0x43; 10], DataPhase::None).data.is_empty());
    }

    #[test]
    fn times_runs_out_and_inquiry_does_not_count() {
        let mut drive = drive("{\"cdb\": \"12\", \"data\": \"05\", \"times\": 1}\n{\"cdb\": \"12\", \"data\": \"06\"}");
        assert_eq!(drive.inquiry(Duration::ZERO), [5]);
        assert_eq!(ask(&mut drive, &[0x12; 6], DataPhase::In(36)).data, [5]);
        assert_eq!(ask(&mut drive, &[0x12; 6], DataPhase::In(36)).data, [6]);
    }

    #[test]
    fn sent_data_can_be_demanded() {
        let mut drive = drive("{\"cdb\": \"A3\", \"expect\": \"00 0A\", \"sense\": \"5/6F/1\"}\n{\"cdb\": \"A3\"}");
        let refused = ask(&mut drive, &[0xA3; 12], DataPhase::Out(&[0, 0x0A, 1]));
        assert_eq!((sense(&refused), refused.transferred), (Some((5, 0x6F, 1)), 0));
        assert_eq!(ask(&mut drive, &[0xA3; 12], DataPhase::Out(&[0, 0x0B])).transferred, 2);
        assert_eq!(sense(&ask(&mut drive, &[0xA3; 12], DataPhase::None)), None, "nothing was sent");
    }

    #[test]
    fn every_way_to_end() {
        let mut drive = drive(
            "{\"cdb\": \"01\", \"status\": \"0x18\"}\n{\"cdb\": \"02\", \"port\": \"0xC00000B5\"}\n\
             {\"cdb\": \"03\", \"x_srb\": \"0x0E\"}\n{\"cdb\": \"04\", \"x_sense_raw\": \"72 05\"}\n\
             {\"cdb\": \"05\", \"data\": \"AA\", \"sense\": \"01/17/00\"}",
        );
        let mut end = |opcode| ask(&mut drive, &[opcode; 6], DataPhase::In(4));
        assert_eq!(end(1).completion, Completion::Status { status: 0x18, sense: vec![] });
        assert_eq!(end(2).completion, Completion::PortFailure(0xC000_00B5));
        assert_eq!(end(3).completion, Completion::SrbStatus(0x0E));
        assert_eq!(end(4).completion, Completion::Status { status: 2, sense: vec![0x72, 5] });
        assert_eq!((end(5).data, sense(&end(5))), (vec![0xAA], Some((1, 0x17, 0))));
    }

    #[test]
    fn mistakes_name_file_line_and_key() {
        for (line, message) in [
            ("{\"cbd\": \"00\"}", "drive.jsonl:2: unknown key `cbd`; the nearest known key is `cdb`"),
            ("{\"data\": \"00\"}", "drive.jsonl:2: a rule needs `cdb`, the bytes to match"),
            ("{\"cdb\": \"0?\"}", "drive.jsonl:2: `cdb`: `0?` is neither a byte in hex nor `??`"),
            ("{\"cdb\": \"\"}", "drive.jsonl:2: `cdb`: an empty pattern"),
            ("{\"cdb\": \"00\", \"data\": \"0\"}", "drive.jsonl:2: `data`: an odd number"),
            ("{\"cdb\": \"00\", \"sense\": \"99/24/00\"}", "drive.jsonl:2: `sense` must be \"key/asc/ascq\""),
            ("{\"cdb\": \"00\", \"sense\": \"05/24/00\", \"port\": 5}", "drive.jsonl:2: `sense` and `port` both say"),
            ("{\"cdb\": \"00\", \"times\": -1}", "drive.jsonl:2: `times` must be a number"),
        ] {
            let error = ScriptDrive::parse("drive.jsonl", &format!("\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let missing = ScriptDrive::load(Path::new("no/such.jsonl")).unwrap_err().to_string();
        assert!(missing.starts_with("no/such.jsonl: "), "{missing}");
    }

    #[test]
    fn hands_on_actions_are_refused_with_a_reason() {
        let error = drive("").act(&MediaAction::EjectButton, Duration::ZERO).unwrap_err();
        assert!(error.contains("no eject button") && error.contains("drive.jsonl"));
    }
}
