//! An optical drive in software: the logical unit of MMC, with tray, disc, timing and authentication.
//!
//! [`Drive`] takes a command descriptor block and answers as a drive of its [`Model`] would. The table of commands says
//! what each needs; one handler per command lies in the file of its subject. Time is virtual: each request says what
//! time it is, and each reply says how long the drive took.

mod aacs;
mod audio;
mod capacity;
mod command;
mod configuration;
mod css;
mod disc_information;
mod events;
mod fault;
mod inquiry;
mod keys;
mod medium;
mod mode_data;
mod mode_pages;
mod model;
mod opcodes;
mod operation;
mod performance;
mod read;
mod read_cd;
mod recording;
mod region;
mod reservation;
mod structure;
mod sub_channel;
mod toc;
mod write;

use std::collections::VecDeque;
use std::time::Duration;

use crate::disc::{Disc, SenseCode};
use crate::target::{Completion, DataPhase, MediaAction, Reply, Request, Target};

use audio::Player;
use command::Command;
use events::{Events, MediaEvent};
use fault::{Failure, Fault};
use keys::Keys;
use medium::Loader;
use mode_pages::ModePages;
use opcodes::{Needs, Operation, Phase};
use operation::LongOperation;
use performance::Speeds;
use recording::CueTrack;
use region::RegionState;
use reservation::Reservation;

pub use aacs::host_signature as aacs_host_signature;
pub use css::{drive_key as css_drive_key, host_key as css_host_key};
pub use model::{MODELS, Model};

/// How long the mechanism takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// What every command takes.
    pub command: Duration,
    /// Opening or closing the tray.
    pub tray: Duration,
    /// From the closed tray to a disc that is known.
    pub spin_up: Duration,
    /// A jump of the head.
    pub seek: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            command: Duration::from_micros(200),
            tray: Duration::from_millis(1200),
            spin_up: Duration::from_millis(1500),
            seek: Duration::from_millis(100),
        }
    }
}

/// A drive, and perhaps a disc in it.
#[derive(Debug)]
pub struct Drive {
    model: &'static Model,
    timing: Timing,
    now: Duration,
    disc: Option<Disc>,
    loader: Loader,
    attention: VecDeque<SenseCode>,
    events: Events,
    modes: ModePages,
    player: Player,
    keys: Keys,
    region: RegionState,
    operation: Option<LongOperation>,
    reservation: Reservation,
    speeds: Speeds,
    cue: Option<Vec<CueTrack>>,
    /// The block after the one that was read or written last.
    head: i32,
}

impl Drive {
    /// A drive that is switched on at time zero, with `disc` in its closed tray.
    #[must_use]
    pub fn new(model: &'static Model, disc: Option<Disc>) -> Self {
        let mut drive = Self {
            model,
            timing: Timing::default(),
            now: Duration::ZERO,
            disc,
            loader: Loader::default(),
            attention: VecDeque::new(),
            events: Events::default(),
            modes: ModePages::new(model),
            player: Player::default(),
            keys: Keys::default(),
            region: RegionState::default(),
            operation: None,
            reservation: Reservation::default(),
            speeds: Speeds::default(),
            cue: None,
            head: 0,
        };
        drive.power_on();
        drive
    }

    /// The same drive with other times; call it before the first command.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self.spin_up(Duration::ZERO);
        self
    }

    /// The same drive with its region set to `region` (1 to 8), one user change spent.
    #[must_use]
    pub const fn with_region(mut self, region: u8) -> Self {
        self.region.set(region);
        self
    }

    /// What kind of drive it is.
    #[must_use]
    pub const fn model(&self) -> &'static Model {
        self.model
    }

    /// The disc in the drive or on its open tray.
    #[must_use]
    pub const fn disc(&self) -> Option<&Disc> {
        self.disc.as_ref()
    }

    /// Whether the tray is open.
    #[must_use]
    pub const fn tray_is_open(&self) -> bool {
        self.loader.tray_open
    }

    /// Whether the host keeps the tray closed, by either kind of PREVENT.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.loader.is_locked()
    }

    /// Switches the drive off and on: everything volatile is forgotten, the disc starts turning.
    pub fn power_on(&mut self) {
        self.loader = Loader { tray_open: self.loader.tray_open, ..Loader::default() };
        self.attention = VecDeque::from([Fault::PowerOn.code()]);
        self.events = Events::default();
        self.modes.restore_saved();
        self.player = Player::default();
        self.keys = Keys::default();
        self.operation = None;
        self.reservation = Reservation::default();
        self.speeds = Speeds::default();
        self.cue = None;
        self.spin_up(Duration::ZERO);
    }

    /// Lets time pass up to `now`: a disc gets ready, audio plays on, operations end.
    fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        if self.operation.as_ref().is_some_and(|operation| operation.ends <= self.now) {
            self.operation = None;
        }
        self.player.advance(self.now);
        if self.loader.becomes_ready(self.now) && self.disc.is_some() {
            self.attention.push_back(Fault::MediumMayHaveChanged.code());
            self.events.push_media(MediaEvent::NewMedia);
            self.events.push_feature_change();
        }
    }

    /// The row of the command, when it can run now.
    fn admit(&mut self, cdb: &[u8]) -> Result<&'static Operation, Failure> {
        let operation = cdb
            .first()
            .and_then(|opcode| opcodes::find(*opcode))
            .filter(|operation| (operation.offered)(self.model))
            .ok_or(Fault::InvalidOperationCode)?;
        if cdb.len() < operation.length {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        if operation.needs == Needs::NothingAtAll {
            return Ok(operation);
        }
        if let Some(code) = self.attention.pop_front() {
            return Err(Fault::Medium(code).into());
        }
        if operation.needs == Needs::Medium {
            self.check_ready()?;
        }
        Ok(operation)
    }
}

impl Target for Drive {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        self.advance(request.now);
        let (out, room): (&[u8], usize) = match request.data {
            DataPhase::None => (&[], 0),
            DataPhase::In(room) => (&[], room),
            DataPhase::Out(bytes) => (bytes, 0),
        };
        let command = Command::new(request.cdb, out, room);
        let admitted = self.admit(request.cdb);
        let sends = admitted.as_ref().is_ok_and(|operation| operation.phase == Phase::Out);
        let (failure, mut data, took) = match admitted.and_then(|operation| (operation.run)(self, &command)) {
            Ok(answer) => (None, answer.data, answer.took),
            Err(mut failure) => {
                let (data, took) = (std::mem::take(&mut failure.data), failure.took);
                (Some(failure), data, took)
            }
        };
        data.truncate(room);
        let transferred = if sends { command.taken() } else { data.len() };
        let completion = failure.map_or(Completion::Status { status: 0x00, sense: Vec::new() }, |failure| {
            Completion::Status { status: 0x02, sense: failure.sense() }
        });
        Reply { completion, data, transferred, duration: self.timing.command + took }
    }

    fn act(&mut self, action: &MediaAction, now: Duration) -> Result<(), String> {
        self.advance(now);
        match action {
            MediaAction::Remove => {
                self.exchange(None);
                Ok(())
            }
            MediaAction::Insert(path) => {
                let disc = crate::sim::open_disc(path)?;
                self.exchange(Some(disc));
                Ok(())
            }
            MediaAction::EjectButton => {
                self.press_button();
                Ok(())
            }
        }
    }

    fn describe(&self) -> String {
        let (vendor, product, revision) = self.model.identity;
        let disc = self.disc.as_ref().map_or("no disc", |disc| disc.media.name());
        format!("{vendor} {product} {revision} ({}), {disc}", self.model.description)
    }
}

/// The standard's name of a command that some drive here has.
#[must_use]
pub fn command_name(opcode: u8) -> Option<&'static str> {
    opcodes::find(opcode).map(|operation| operation.name)
}

#[cfg(test)]
mod testing;
