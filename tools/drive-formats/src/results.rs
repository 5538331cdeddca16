//! Result lines: what came of each line of a request script.

use std::fmt::Write;

use scsi_cdb::Direction;
use serde::{Serialize, Serializer};

use crate::record::{Sent, SentCommand};

/// One result line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResultLine {
    /// Line of the request; `None` for work of the driver's own.
    pub line: Option<usize>,
    /// `start`, `poll`, `close`, ... of the driver's own work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// How the request ended.
    #[serde(flatten)]
    pub outcome: Option<OutcomeLine>,
    /// Set if the device's verify flag is set after the line.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub verify_flag: bool,
    /// Commands that reached the port.
    pub commands: Vec<CommandLine>,
    /// Things that a driver must not do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// How a request ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OutcomeLine {
    /// `IoStatus.Status`; `None` for a line that is no request of its own.
    #[serde(serialize_with = "optional_hex32")]
    pub status: Option<u32>,
    /// `IoStatus.Information`.
    pub information: u64,
    /// The caller's buffer.
    pub out: Hex,
    /// Bytes past the returned part that were changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_beyond: Vec<(usize, Hex)>,
}

impl OutcomeLine {
    /// What `ended` says; `out` holds the whole output buffer if `whole`.
    #[must_use]
    pub fn new(ended: &Ended<'_>, whole: bool) -> Self {
        let returned = ended.returned();
        Self {
            status: Some(ended.status),
            information: ended.information,
            out: Hex(if whole { ended.output().to_vec() } else { returned.to_vec() }),
            changed_beyond: changed(ended.before, ended.now, returned.len())
                .into_iter()
                .map(|(offset, bytes)| (offset, Hex(bytes.to_vec())))
                .collect(),
        }
    }
}

/// What buffers are filled with before a request, so that every change shows.
pub const FILL: u8 = 0xA5;

/// What a tool notes of a request that it had to end itself.
pub const GIVEN_UP: &str = "the request waits for something that nothing here brings about: cancelled";

/// How a request ended, with the buffer that held its output.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// `IoStatus.Status`.
    pub status: u32,
    /// `IoStatus.Information`.
    pub information: u64,
    /// The buffer before the request.
    pub before: &'a [u8],
    /// The same buffer now.
    pub now: &'a [u8],
    /// How much of it is the caller's output buffer.
    pub output_length: usize,
}

impl<'a> Ended<'a> {
    /// The caller's output buffer, whole.
    #[must_use]
    pub fn output(&self) -> &'a [u8] {
        &self.now[..self.output_length.min(self.now.len())]
    }

    /// What the caller gets back: the output up to Information, nothing after an error.
    #[must_use]
    pub fn returned(&self) -> &'a [u8] {
        const SEVERITY_ERROR: u32 = 3;
        let output = self.output();
        let length = usize::try_from(self.information).unwrap_or(usize::MAX).min(output.len());
        if self.status >> 30 == SEVERITY_ERROR { &[] } else { &output[..length] }
    }
}

/// Runs of bytes from `start` on that are not what they were `before`.
#[must_use]
pub fn changed<'a>(before: &[u8], now: &'a [u8], start: usize) -> Vec<(usize, &'a [u8])> {
    let mut runs: Vec<(usize, &[u8])> = Vec::new();
    let mut at = start;
    while at < now.len().min(before.len()) {
        let same = now[at..].iter().zip(&before[at..]).take_while(|(new, old)| new == old).count();
        at += same;
        let changed = now[at..].iter().zip(&before[at..]).take_while(|(new, old)| new != old).count();
        if changed > 0 {
            runs.push((at, &now[at..at + changed]));
        }
        at += changed;
    }
    runs
}

/// One command that reached the port.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum CommandLine {
    /// A command.
    Command {
        /// The command descriptor block.
        cdb: Hex,
        /// `in`, `out` or `none`.
        dir: &'static str,
        /// Transfer length asked.
        length: u32,
        /// Time-out in seconds.
        timeout_s: u32,
        /// `SrbFlags`, where the command came by an SRB.
        #[serde(serialize_with = "optional_hex32", skip_serializing_if = "Option::is_none")]
        srb_flags: Option<u32>,
        /// Bytes moved.
        transferred: u32,
        /// SCSI status.
        scsi_status: u8,
        /// `SrbStatus` without its flag bits, where the command came by an SRB.
        #[serde(serialize_with = "optional_hex8", skip_serializing_if = "Option::is_none")]
        srb_status: Option<u8>,
        /// NTSTATUS with which the port failed the request itself.
        #[serde(serialize_with = "optional_hex32", skip_serializing_if = "Option::is_none")]
        port: Option<u32>,
        /// Sense bytes.
        #[serde(skip_serializing_if = "Hex::is_empty")]
        sense: Hex,
        /// Data of a data-out command.
        #[serde(skip_serializing_if = "Hex::is_empty")]
        data_out: Hex,
    },
    /// A port function.
    Function {
        /// SRB function code.
        #[serde(serialize_with = "hex8")]
        srb_function: u8,
        /// Time-out in seconds.
        timeout_s: u32,
    },
}

impl From<Sent> for CommandLine {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::Command(command) => {
                let SentCommand { cdb, direction, length, timeout_s, transferred, scsi_status, .. } = *command;
                Self::Command {
                    cdb: Hex(cdb.as_bytes().to_vec()),
                    dir: match direction {
                        Direction::None => "none",
                        Direction::In => "in",
                        Direction::Out => "out",
                    },
                    length,
                    timeout_s,
                    srb_flags: command.srb.map(|srb| srb.flags),
                    transferred,
                    scsi_status,
                    srb_status: command.srb.map(|srb| srb.status),
                    port: command.port_status,
                    sense: Hex(command.sense),
                    data_out: Hex(command.data_out),
                }
            }
            Sent::Function { code, timeout_s } => Self::Function { srb_function: code, timeout_s },
        }
    }
}

/// Bytes that are written as hex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl Hex {
    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

/// Lower-case hex without spaces.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn hex8<S: Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("0x{value:02X}"))
}

#[expect(clippy::ref_option, reason = "serde gives a reference")]
fn optional_hex8<S: Serializer>(value: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => hex8(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::ref_option, reason = "serde gives a reference")]
fn optional_hex32<S: Serializer>(value: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(&format_args!("0x{value:08X}")),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Srb;
    use scsi_cdb::Cdb;

    #[test]
    fn lines_have_the_documented_shape() {
        let now = [0, 0x12, FILL, 7];
        let completed = Ended { status: 0, information: 2, before: &[FILL; 4], now: &now, output_length: 4 };
        let command = SentCommand {
            cdb: Cdb::new6([0x12, 0, 0, 0, 36, 0]),
            direction: Direction::In,
            length: 36,
            timeout_s: 10,
            transferred: 20,
            scsi_status: 2,
            port_status: None,
            srb: None,
            sense: vec![0x70],
            data_out: vec![],
            data_in: vec![1],
            duration: std::time::Duration::ZERO,
        };
        let commands =
            vec![Sent::Command(Box::new(command.clone())).into(), Sent::Function { code: 8, timeout_s: 10 }.into()];
        let line = ResultLine {
            line: Some(2),
            outcome: Some(OutcomeLine::new(&completed, false)),
            commands,
            ..ResultLine::default()
        };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            "{\"line\":2,\"status\":\"0x00000000\",\"information\":2,\"out\":\"0012\",\"changed_beyond\":[[3,\"07\"]],\
             \"commands\":[{\"cdb\":\"120000002400\",\"dir\":\"in\",\"length\":36,\"timeout_s\":10,\"transferred\":20,\
             \"scsi_status\":2,\"sense\":\"70\"},{\"srb_function\":\"0x08\",\"timeout_s\":10}]}"
        );
        let by_srb = SentCommand { srb: Some(Srb { flags: 0x148, status: 4 }), sense: vec![], ..command };
        assert_eq!(
            serde_json::to_string(&CommandLine::from(Sent::Command(Box::new(by_srb)))).unwrap(),
            "{\"cdb\":\"120000002400\",\"dir\":\"in\",\"length\":36,\"timeout_s\":10,\"srb_flags\":\"0x00000148\",\
             \"transferred\":20,\"scsi_status\":2,\"srb_status\":\"0x04\"}"
        );
        assert_eq!(OutcomeLine::new(&completed, true).out, Hex(vec![0, 0x12, 0xA5, 7]));
        let own = ResultLine { cause: Some("poll"), ..ResultLine::default() };
        assert_eq!(serde_json::to_string(&own).unwrap(), "{\"line\":null,\"cause\":\"poll\",\"commands\":[]}");
    }

    #[test]
    fn errors_return_nothing() {
        let ended = |status, information| Ended {
            status,
            information,
            before: &[FILL; 4],
            now: &[1, 2, 3, 4],
            output_length: 3,
        };
        assert!(ended(0xC000_0023, 12).returned().is_empty());
        assert_eq!(ended(0x8000_0005, 12).returned(), [1, 2, 3], "a warning returns data, and never more than fits");
        assert_eq!(ended(0, 1).returned(), [1]);
    }

    #[test]
    fn changes_come_as_runs() {
        assert_eq!(changed(&[1, 2, 3, 4, 5], &[9, 2, 9, 9, 5], 1), [(2, &[9, 9][..])]);
        assert!(changed(&[1, 2], &[1, 2, 3], 0).is_empty());
    }
}
