//! Operations that outlast their command: formatting, blanking, closing.

use std::time::Duration;

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::fault::{Failure, Fault};

/// Something that goes on after its command ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongOperation {
    /// What commands that need the disc are told meanwhile.
    pub(crate) fault: Fault,
    /// When it began.
    pub(crate) began: Duration,
    /// When it ends.
    pub(crate) ends: Duration,
}

impl LongOperation {
    /// How far it is at `now`, in 65536ths.
    pub(crate) fn progress(&self, now: Duration) -> u16 {
        let total = (self.ends.saturating_sub(self.began)).as_millis().max(1);
        let done = now.saturating_sub(self.began).as_millis().min(total);
        u16::try_from(done * 0xFFFF / total).unwrap_or(u16::MAX)
    }
}

impl Drive {
    /// Lets an operation of `length` go on behind the command when `immediate`, or makes the command wait for it.
    pub(crate) fn take_time(&mut self, length: Duration, immediate: bool, fault: Fault) -> Answer {
        if !immediate {
            return Answer::after(length);
        }
        self.operation = Some(LongOperation { fault, began: self.now, ends: self.now + length });
        Answer::done()
    }

    /// The failure that commands get while an operation is under way.
    pub(crate) fn check_idle(&self) -> Result<(), Failure> {
        match &self.operation {
            Some(operation) => Err(Failure::from(operation.fault).in_progress(operation.progress(self.now))),
            None => Ok(()),
        }
    }

    /// REQUEST SENSE (SPC-4 6.29, MMC-6 6.32): what state the drive is in, as sense data. A unit attention stays.
    pub(crate) fn request_sense(&mut self, command: &Command<'_>) -> Outcome {
        let sense = match self.check_ready() {
            Err(failure) => failure.sense(),
            Ok(()) => {
                let mut sense = vec![0; 18];
                sense[0] = 0x70;
                sense[7] = 10;
                if let Some(ascq) = self.player.sense_qualifier() {
                    sense[13] = ascq;
                }
                sense
            }
        };
        Ok(Answer::cut(sense, command.byte(4)))
    }
}
