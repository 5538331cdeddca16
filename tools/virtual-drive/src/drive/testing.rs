//! A drive on a bench, for the tests of each subject.

use std::time::Duration;

use super::{Drive, Model, Timing};
use crate::disc::{Disc, generated};
use crate::target::{Completion, DataPhase, Reply, Request, Target};

/// A drive and a clock; commands are written in hex.
pub(crate) struct Bench {
    pub(crate) drive: Drive,
    pub(crate) now: Duration,
}

/// The mixed CD of two sessions.
pub(crate) fn cd() -> Disc {
    disc("mixed-cd")
}

/// A generated disc.
pub(crate) fn disc(name: &str) -> Disc {
    generated::by_name(name).expect("the disc is in the list")
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hex digits")).collect()
}

impl Bench {
    /// A drive that was just switched on.
    pub(crate) fn new(model: &str, disc: Option<Disc>) -> Self {
        let model = Model::by_name(model).expect("the model is in the list");
        Self { drive: Drive::new(model, disc), now: Duration::ZERO }
    }

    /// A drive with its disc known and its unit attentions told.
    pub(crate) fn ready(model: &str, disc: Option<Disc>) -> Self {
        let mut bench = Self::new(model, disc);
        bench.pass(Timing::default().spin_up);
        bench.drain_attention();
        bench
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub(crate) fn drain_attention(&mut self) {
        while let (6, ..) = self.try_sense("00 00 00 00 00 00") {}
    }

    pub(crate) fn run(&mut self, cdb: &str, data: DataPhase<'_>) -> Reply {
        let cdb = hex(cdb);
        let reply = self.drive.execute(Request::new(&cdb, data, self.now));
        self.now += reply.duration;
        reply
    }

    /// Data of a command that ends well.
    pub(crate) fn data(&mut self, cdb: &str) -> Vec<u8> {
        let reply = self.run(cdb, DataPhase::In(1 << 20));
        assert_eq!(code(&reply), (0, 0, 0), "{cdb}");
        reply.data
    }

    /// A command that ends well without data.
    pub(crate) fn good(&mut self, cdb: &str) {
        let reply = self.run(cdb, DataPhase::None);
        assert_eq!(code(&reply), (0, 0, 0), "{cdb}");
    }

    /// A command with data for the drive that ends well.
    pub(crate) fn send(&mut self, cdb: &str, data: &[u8]) {
        assert_eq!(self.send_sense(cdb, data), (0, 0, 0), "{cdb}");
    }

    /// The sense code of a command with data for the drive.
    pub(crate) fn send_sense(&mut self, cdb: &str, data: &[u8]) -> (u8, u8, u8) {
        code(&self.run(cdb, DataPhase::Out(data)))
    }

    /// The sense code of a command that fails.
    pub(crate) fn sense(&mut self, cdb: &str) -> (u8, u8, u8) {
        let sense = self.try_sense(cdb);
        assert_ne!(sense, (0, 0, 0), "{cdb}");
        sense
    }

    pub(crate) fn try_sense(&mut self, cdb: &str) -> (u8, u8, u8) {
        code(&self.run(cdb, DataPhase::In(1 << 20)))
    }
}

/// Key, code and qualifier of a reply; zeros for GOOD.
pub(crate) fn code(reply: &Reply) -> (u8, u8, u8) {
    match &reply.completion {
        Completion::Status { status: 0, .. } => (0, 0, 0),
        Completion::Status { sense, .. } => (sense[2], sense[12], sense[13]),
        other => panic!("a drive gives a status, not {other:?}"),
    }
}
