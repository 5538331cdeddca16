//! The tour: every control code of the table as a request script, and what came of each line.

use anyhow::{Context as _, anyhow};
use drive_host::host::{Host, Options};
use drive_host::{replay, requests};
use scsi_cdb::sense::Sense;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use virtual_drive::target::Target;

/// The script; `cdromctl batch` runs it in the guest, [`play`] runs it here.
pub(crate) const SCRIPT: &str = include_str!("tour.jsonl");

/// Hexadecimal digits of an output that are kept as they are.
const KEPT: usize = 512;

/// What came of one line, as the result lines of `cdromctl batch` say it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub(crate) struct Outcome {
    /// The line of the script; none for what the driver did of its own accord.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    information: u64,
    out: String,
    /// Length and digest of what is not kept of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<Sent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
}

/// A command that reached the drive.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
struct Sent {
    cdb: String,
    transferred: u64,
    scsi_status: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    sense: String,
}

/// A tour that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tour {
    /// Which drive and disc, and who asked.
    pub(crate) scene: String,
    /// What came of its lines.
    pub(crate) outcomes: Vec<Outcome>,
}

impl Outcome {
    /// Reads result lines; leaves out polls, which come by the clock, and closing.
    ///
    /// # Errors
    /// A line is none.
    pub(crate) fn read_all(text: &str) -> anyhow::Result<Vec<Self>> {
        let lines = text.lines().map(|line| {
            let mut outcome: Self = serde_json::from_str(line).with_context(|| format!("result line `{line:.200}`"))?;
            outcome.shorten();
            Ok(outcome)
        });
        let outcomes: Vec<Self> = lines.collect::<anyhow::Result<_>>()?;
        Ok(outcomes.into_iter().filter(|outcome| outcome.line.is_some()).collect())
    }

    /// Cuts the zeros at the end of the output, which `information` counts, and puts a digest in the place of what is
    /// too long after that.
    fn shorten(&mut self) {
        self.out.truncate(self.out.trim_end_matches('0').len().next_multiple_of(2));
        if let Some(rest) = self.out.get(KEPT..).filter(|rest| !rest.is_empty()) {
            let digest = rest
                .bytes()
                .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
            self.rest = Some(format!("{} bytes, FNV-1a of their digits {digest:016x}", rest.len() / 2));
            self.out.truncate(KEPT);
        }
    }

    /// How the request and each of its commands ended.
    fn ends(&self) -> (&str, Vec<String>) {
        (self.status.as_deref().unwrap_or("-"), self.commands.iter().map(Sent::end).collect())
    }

    /// The values to compare with those of `other`, by name: all, or how everything ended if that differs, for then
    /// the data do so too.
    pub(crate) fn fields(&self, other: &Self) -> Vec<(String, String)> {
        let (status, ends) = self.ends();
        let mut list = vec![("status".to_owned(), status.to_owned()), ("commands".to_owned(), ends.join(", "))];
        if self.ends() != other.ends() {
            return list;
        }
        list.push(("information".into(), self.information.to_string()));
        let words = self.out.as_bytes().chunks(8).enumerate();
        list.extend(
            words.map(|(at, word)| (format!("out {:03X}", at * 4), String::from_utf8_lossy(word).into_owned())),
        );
        list.extend(self.rest.iter().map(|rest| ("out, the rest".to_owned(), rest.clone())));
        for (at, command) in self.commands.iter().enumerate() {
            list.push((format!("command {at} cdb"), command.cdb.clone()));
            list.push((format!("command {at} transferred"), command.transferred.to_string()));
        }
        list.extend(self.findings.iter().enumerate().map(|(at, finding)| (format!("finding {at}"), finding.clone())));
        list
    }
}

impl Sent {
    /// The operation code and `good`, the sense codes, the status without sense, or the port's status.
    fn end(&self) -> String {
        let name = self.cdb.get(..2).unwrap_or("-");
        match (&self.port, self.scsi_status) {
            (Some(port), _) => format!("{name} port {port}"),
            (None, 0) => format!("{name} good"),
            (None, _) if !self.sense.is_empty() => format!("{name} {}", codes(&self.sense)),
            (None, status) => format!("{name} status {status:02X}"),
        }
    }
}

/// Key, code and qualifier as the standards write them.
fn codes(digits: &str) -> String {
    let bytes = bytes(digits);
    match Sense::parse(&bytes) {
        Ok(sense) => format!("{:X}/{:02X}/{:02X}", sense.key.0, sense.asc, sense.ascq),
        Err(_) => digits.to_owned(),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect()
}

/// Runs the script on a drive of ours, or one that we reach without a guest.
///
/// # Errors
/// The driver does not start on the drive, or a line cannot be done.
pub(crate) fn play(target: Box<dyn Target>) -> anyhow::Result<Vec<Outcome>> {
    let lines = requests::parse_for_core("tour.jsonl", SCRIPT)?;
    let mut host = Host::start(target, &Options::default())?;
    let mut text = String::new();
    let mut unwritable = None;
    replay::run(&mut host, "tour.jsonl", &lines, false, &mut |line| match serde_json::to_string(&line) {
        Ok(line) => text += &(line + "\n"),
        Err(error) => unwritable = Some(error),
    })?;
    match unwritable {
        Some(error) => Err(error.into()),
        None => Outcome::read_all(&text),
    }
}

/// A line of the script in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The part of the tour, as the comment before it says.
    pub(crate) chapter: String,
    /// What is asked.
    pub(crate) words: String,
}

/// The question of a line, counted from 1.
///
/// # Errors
/// There is no such line, or it is no JSON.
pub(crate) fn question(number: usize) -> anyhow::Result<Question> {
    let before = || SCRIPT.lines().take(number);
    let line = before().nth(number.wrapping_sub(1)).with_context(|| format!("the tour has no line {number}"))?;
    let chapter = before().filter_map(|line| line.strip_prefix("# ")?.split_once(": ")).last();
    let value: Value = serde_json::from_str(line)?;
    Ok(Question { chapter: chapter.map_or("-", |(name, _)| name).to_owned(), words: words(&value)? })
}

fn words(line: &Value) -> anyhow::Result<String> {
    let Some(name) = line.get("ioctl").and_then(Value::as_str) else {
        let request = line.as_object().and_then(|line| line.iter().find(|(key, _)| *key != "handle"));
        let (key, value) = request.ok_or_else(|| anyhow!("nothing is asked"))?;
        return Ok(format!("{key} {value}").replace('"', ""));
    };
    let input = line.get("in").and_then(Value::as_str).unwrap_or_default();
    let input = bytes(input);
    // The command and its length in SCSI_PASS_THROUGH of a 64-bit caller.
    let shown = match input.get(0x24..0x34) {
        Some(cdb) if name.starts_with("IOCTL_SCSI_PASS_THROUGH") => &cdb[..usize::from(input[6]).min(16)],
        _ => &input[..input.len().min(24)],
    };
    let shown: Vec<String> = shown.iter().map(|byte| format!("{byte:02X}")).collect();
    Ok([name, &shown.join(" ")].join(" ").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tour_asks_every_control_code() {
        requests::parse_for_core("tour.jsonl", SCRIPT).unwrap();
        for row in ioctl_dispatch::ioctl::IOCTLS {
            assert!(SCRIPT.contains(&format!("\"{}\"", row.name)), "{}", row.name);
        }
    }

    #[test]
    fn every_line_has_a_chapter_and_words() {
        for (index, line) in SCRIPT.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let question = question(index + 1).unwrap();
            assert!(question.chapter != "-" && !question.words.is_empty(), "{line}");
        }
        let question = question(84).unwrap();
        assert_eq!(question.words, "IOCTL_SCSI_PASS_THROUGH 12 00 00 00 24 00");
        assert_eq!(question.chapter, "pass-through");
    }

    #[test]
    fn results_become_fields() {
        let text = r#"{"line":null,"cause":"poll","information":0,"out":"","commands":[]}
{"line":4,"status":"0xC0000013","information":0,"out":"0102030405","commands":[{"cdb":"000000000000","dir":"none","length":0,"timeout_s":10,"transferred":0,"scsi_status":2,"sense":"700002000000000a000000003a0100000000"}]}"#;
        let outcomes = Outcome::read_all(text).unwrap();
        assert_eq!(outcomes.len(), 1, "polls are left out");
        let fields = outcomes[0].fields(&outcomes[0]);
        let value = |name: &str| fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        assert_eq!((value("status"), value("out 000"), value("out 004")), ("0xC0000013", "01020304", "05"));
        assert_eq!((value("commands"), value("command 0 cdb")), ("00 2/3A/01", "000000000000"));
        let good = Outcome { status: Some("0x00000000".into()), ..outcomes[0].clone() };
        let names: Vec<_> = good.fields(&outcomes[0]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["status", "commands"], "after different ends nothing else is compared");
    }
}
