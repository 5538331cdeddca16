//! What peers said, kept as facts and replayed without them.

use crate::commands::Listed;
use crate::compare::Answer;

/// Collects what one peer says.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    lines: Vec<String>,
}

impl Recorder {
    /// Notes one command and its answer.
    pub(crate) fn command(&mut self, scene: &str, command: &Listed, answer: &Answer) {
        self.lines.push(format!("{scene} {command:?} {answer:?}"));
    }
}
