//! The comparison engine that all parts share: what agreed, what did not.

use std::collections::BTreeSet;

use virtual_drive::target::{Completion, Reply};

use crate::answer;

/// One value that two answers have different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What was set up: which disc, which tool.
    pub(crate) scene: String,
    /// What was asked: a command descriptor block in hex, or a question to a tool.
    pub(crate) subject: String,
    /// Which value of the answer.
    pub(crate) field: String,
    /// Our value; `-` when we have none.
    pub(crate) ours: String,
    /// The peer's value; `-` when it has none.
    pub(crate) theirs: String,
}

/// What one part found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The peers and their versions, as they say themselves.
    pub(crate) peers: Vec<String>,
    /// Why the part could not run here.
    pub(crate) skipped: Option<String>,
    /// Why the part did not get to its end.
    pub(crate) failed: Option<String>,
    /// Differences in the order they were found.
    pub(crate) differences: Vec<Difference>,
    /// Values that agreed.
    pub(crate) agreed: usize,
    /// What was asked, each once.
    subjects: BTreeSet<String>,
    /// Scenes, each once.
    scenes: BTreeSet<String>,
}

impl Findings {
    /// Notes a peer and its version.
    pub(crate) fn peer(&mut self, version: impl Into<String>) {
        self.peers.push(version.into());
    }

    /// Notes why the part could not run here.
    pub(crate) fn skip(&mut self, reason: impl Into<String>) {
        self.skipped = Some(reason.into());
    }

    /// How many different questions were asked.
    pub(crate) fn questions(&self) -> usize {
        self.subjects.len()
    }

    /// Whether a scene of such a name was played.
    pub(crate) fn played(&self, such: impl Fn(&str) -> bool) -> bool {
        self.scenes.iter().any(|scene| such(scene))
    }

    /// In how many scenes.
    pub(crate) fn scenes(&self) -> usize {
        self.scenes.len()
    }

    /// Compares one value.
    pub(crate) fn check(&mut self, scene: &str, subject: &str, field: &str, ours: &str, theirs: &str) {
        self.subjects.insert(subject.to_owned());
        self.scenes.insert(scene.to_owned());
        if ours == theirs {
            self.agreed += 1;
            return;
        }
        let [scene, subject, field, ours, theirs] = [scene, subject, field, ours, theirs].map(str::to_owned);
        self.differences.push(Difference { scene, subject, field, ours, theirs });
    }

    /// Compares lists of named values; a name that only one side has is compared with `-`.
    pub(crate) fn check_all(
        &mut self,
        scene: &str,
        subject: &str,
        ours: &[(String, String)],
        theirs: &[(String, String)],
    ) {
        let value = |list: &[(String, String)], name: &str| {
            list.iter().find(|(known, _)| known == name).map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
        };
        for (name, own) in ours {
            self.check(scene, subject, name, own, &value(theirs, name));
        }
        for (name, other) in theirs.iter().filter(|(name, _)| ours.iter().all(|(known, _)| known != name)) {
            self.check(scene, subject, name, "-", other);
        }
    }

    /// Compares the answers to one command, field by field where `scsi-cdb` knows the answer. When the command ended
    /// differently, that is all that is compared.
    pub(crate) fn check_answers(&mut self, scene: &str, cdb: &[u8], ours: &Answer, theirs: &Answer) {
        let [our_end, their_end] = [ours, theirs].map(answer::outcome);
        if our_end == their_end {
            self.check_all(scene, &hex(cdb), &answer::fields(cdb, ours), &answer::fields(cdb, theirs));
        } else {
            self.check(scene, &hex(cdb), answer::OUTCOME, &our_end, &their_end);
        }
    }
}

/// What a drive said to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// SCSI status; `None` when the transport failed.
    pub(crate) status: Option<u8>,
    /// Sense data, empty without CHECK CONDITION.
    pub(crate) sense: Vec<u8>,
    /// Data from the drive.
    pub(crate) data: Vec<u8>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let (status, sense) = match reply.completion {
            Completion::Status { status, sense } => (Some(status), sense),
            Completion::PortFailure(_) | Completion::SrbStatus(_) => (None, Vec::new()),
        };
        Self { status, sense, data: reply.data }
    }
}

/// Bytes in hex, upper case, with spaces between.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}
