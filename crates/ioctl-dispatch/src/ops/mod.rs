//! The operations: one small state machine per thing that a request or the driver itself wants of the drive.
//!
//! An operation starts with [`start()`] and goes on with [`resume()`] when the command or system call it asked for has
//! come to an end. Retries, delays, cancellation and sense are not its business: it sees only how a command ended.

pub mod aacs;
pub mod audio;
pub mod capacity;
pub mod configuration;
pub mod dvd_key;
pub mod dvd_structure;
pub mod exclusive_access;
pub mod flush;
pub mod locks;
pub mod media_types;
pub mod mount;
pub mod notification;
pub mod partition;
pub mod performance;
pub mod poll;
pub mod power;
pub mod property;
pub mod read_cd;
pub mod refresh;
pub mod region;
pub mod reservation;
pub mod session;
pub mod simple;
pub mod speed;
pub mod start;
pub mod status;
pub mod toc;
pub mod transfer;
pub mod volume;

use scsi_cdb::bytes;

use crate::Device;
use crate::buffers::Buffers;
use crate::handle::Handle;
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::port::SrbStatus;
use crate::request::{Environment, Request};
use crate::sense::SenseCode;
use crate::step::{PlatformCall, ScsiCommand};

/// What an operation works with.
#[derive(Debug)]
pub struct Context<'a, 'b> {
    /// The drive.
    pub device: &'a mut Device,
    /// The request; an empty one for work of the driver's own.
    pub request: Request,
    /// The state of the request's handle.
    pub handle: Option<&'a mut Handle>,
    /// The system's state.
    pub environment: &'a Environment,
    /// Memory.
    pub buffers: &'a mut Buffers<'b>,
}

impl Context<'_, '_> {
    /// The input bytes of the request.
    #[must_use]
    pub fn input(&self) -> &[u8] {
        bytes::clamp(self.buffers.system, 0, usize::try_from(self.request.input_length).unwrap_or(usize::MAX))
    }

    /// The first `N` input bytes, zeros where the input is shorter.
    #[must_use]
    pub fn input_array<const N: usize>(&self) -> [u8; N] {
        let mut array = [0; N];
        bytes::put(&mut array, 0, self.input());
        array
    }

    /// The little-endian u32 at `offset` of the input, 0 where the input is shorter.
    #[must_use]
    pub fn input_u32(&self, offset: usize) -> u32 {
        bytes::array_at(self.input(), offset).map(u32::from_le_bytes).unwrap_or(0)
    }

    /// The little-endian u64 at `offset` of the input, 0 where the input is shorter.
    #[must_use]
    pub fn input_u64(&self, offset: usize) -> u64 {
        bytes::array_at(self.input(), offset).map(u64::from_le_bytes).unwrap_or(0)
    }

    /// The output buffer.
    #[must_use]
    pub fn output(&mut self) -> &mut [u8] {
        let length = usize::try_from(self.request.output_length).unwrap_or(usize::MAX).min(self.buffers.system.len());
        self.buffers.system.get_mut(..length).unwrap_or_default()
    }

    /// Copies `source` to the output at `offset`; returns the bytes copied.
    pub fn write(&mut self, offset: usize, source: &[u8]) -> usize {
        bytes::put(self.output(), offset, source)
    }

    /// Zeroes the first `length` output bytes.
    pub fn clear_output(&mut self, length: usize) {
        let room = self.output();
        let length = length.min(room.len());
        if let Some(part) = room.get_mut(..length) {
            part.fill(0);
        }
    }

    /// Copies `length` answer bytes from `offset` of the scratch buffer to the front of the output; returns the bytes
    /// copied.
    pub fn give_answer(&mut self, offset: usize, length: u32) -> usize {
        self.give_answer_at(0, offset, length)
    }

    /// As [`Self::give_answer`], to `target` of the output.
    pub fn give_answer_at(&mut self, target: usize, offset: usize, length: u32) -> usize {
        let room = usize::try_from(self.request.output_length).unwrap_or(usize::MAX).min(self.buffers.system.len());
        let Some(output) = self.buffers.system.get_mut(..room) else { return 0 };
        let source = bytes::clamp(self.buffers.scratch, offset, usize::try_from(length).unwrap_or(usize::MAX));
        bytes::put(output, target, source)
    }

    /// Puts `data` at the front of the scratch buffer for a data-out command.
    pub fn put_parameters(&mut self, data: &[u8]) {
        bytes::put(self.buffers.scratch, 0, data);
    }
}

/// How a command ended, retries and all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandResult {
    /// Its status; failures that count as success are SUCCESS.
    pub status: NtStatus,
    /// Bytes moved by the last attempt, at most what was asked.
    pub transferred: u32,
    /// SRB status of the last attempt.
    pub srb: SrbStatus,
    /// Sense of the last attempt.
    pub sense: SenseCode,
}

impl CommandResult {
    /// SUCCESS with at least `least` bytes.
    #[must_use]
    pub fn brought(&self, least: u32) -> bool {
        self.status.is_success() && self.transferred >= least
    }

    /// Checks that the answer has at least `least` bytes. It counts as one, too, when a port reports an under-run as
    /// DATA_OVERRUN.
    ///
    /// # Errors
    /// The status of the command; IO_DEVICE_ERROR for an answer that is too short.
    pub fn answered(&self, least: u32) -> Result<(), NtStatus> {
        match self.status {
            status if !status.is_success() && status != NtStatus::DATA_OVERRUN => Err(status),
            _ if self.transferred >= least => Ok(()),
            NtStatus::DATA_OVERRUN => Err(NtStatus::DATA_OVERRUN),
            _ => Err(NtStatus::IO_DEVICE_ERROR),
        }
    }
}

/// What an operation is resumed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The command that it asked for has ended.
    Command(CommandResult),
    /// The system call that it asked for has ended.
    Platform {
        /// How.
        status: NtStatus,
        /// What it gave.
        value: u64,
    },
}

impl Input {
    /// The command's end; a failure if it was none.
    #[must_use]
    pub fn command(self) -> CommandResult {
        match self {
            Self::Command(result) => result,
            Self::Platform { status, .. } => {
                CommandResult { status, transferred: 0, srb: SrbStatus::INTERNAL_ERROR, sense: SenseCode::NONE }
            }
        }
    }
}

/// How a command is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Linked to the request: its cancellation, its override-verify flag and its code's exceptions count.
    pub linked: bool,
    /// Never retried; low priority, so that it starts no spindle.
    pub poll: bool,
    /// At most that many retries, for power-down commands.
    pub retry_limit: Option<u32>,
}

/// On behalf of the request.
pub const LINKED: Mode = Mode { linked: true, poll: false, retry_limit: None };

/// Of the driver's own.
pub const OWN: Mode = Mode { linked: false, poll: false, retry_limit: None };

/// A media-change poll.
pub const POLL: Mode = Mode { linked: false, poll: true, retry_limit: None };

/// What an operation wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send a command, then resume in that state.
    Send(ScsiCommand, Mode, State),
    /// Ask the system, then resume in that state.
    Platform(PlatformCall, State),
    /// End with status and Information.
    Done(NtStatus, u64),
    /// Pass the request down.
    Forward(Option<u8>),
    /// Park the request until the volume is online.
    Park,
}

impl Next {
    /// Sends `command` on behalf of the request.
    pub fn send(command: ScsiCommand, state: impl Into<State>) -> Self {
        Self::Send(command, LINKED, state.into())
    }

    /// Sends `command` of the driver's own.
    pub fn send_own(command: ScsiCommand, state: impl Into<State>) -> Self {
        Self::Send(command, OWN, state.into())
    }

    /// SUCCESS with `information` bytes.
    #[must_use]
    pub fn success(information: usize) -> Self {
        Self::Done(NtStatus::SUCCESS, u64::try_from(information).unwrap_or(0))
    }

    /// Ends with `status`, Information 0.
    #[must_use]
    pub const fn fail(status: NtStatus) -> Self {
        Self::Done(status, 0)
    }
}

macro_rules! states {
    ($( $(#[$meta:meta])* $module:ident :: $variant:ident ),* $(,)?) => {
        /// Where an operation stands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum State {
            $( $(#[$meta])* $variant($module::State), )*
        }

        $( impl From<$module::State> for State {
            fn from(state: $module::State) -> Self {
                Self::$variant(state)
            }
        } )*

        /// Goes on with the operation in `state`.
        pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
            match state {
                $( State::$variant(state) => $module::resume(state, input, context), )*
            }
        }
    };
}

states! {
    /// AACS identifiers, keys and the media key block.
    aacs::Aacs,
    /// Audio play control and the Q sub-channel.
    audio::Audio,
    /// READ CAPACITY in all its forms.
    capacity::Capacity,
    /// GET CONFIGURATION.
    configuration::Configuration,
    /// CSS keys.
    dvd_key::DvdKey,
    /// Disc structures and the region.
    dvd_structure::DvdStructure,
    /// Flush and shutdown.
    flush::Flush,
    /// Locks, eject and load.
    locks::Locks,
    /// Media types.
    media_types::MediaTypes,
    /// Volumes and their names.
    mount::Mount,
    /// GET PERFORMANCE.
    performance::Performance,
    /// Media-change polling.
    poll::Poll,
    /// Power transitions.
    power::Power,
    /// Properties.
    property::Property,
    /// READ CD.
    read_cd::ReadCd,
    /// The capability refresh.
    refresh::Refresh,
    /// Reservations.
    reservation::Reservation,
    /// AGIDs.
    session::Session,
    /// Commands without an answer.
    simple::Simple,
    /// Speeds.
    speed::Speed,
    /// The start sequence.
    start::Start,
    /// TEST UNIT READY.
    status::Status,
    /// The table of contents.
    toc::Toc,
    /// Reads and writes.
    transfer::Transfer,
    /// Audio volume.
    volume::Volume,
}

/// Starts the operation that serves `operation`'s control code.
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    use Operation as O;
    match operation {
        O::ReadToc | O::LastSession | O::ReadTocEx => toc::start(operation, context),
        O::ReadQChannel | O::PlayAudio | O::SeekAudio | O::PauseAudio | O::ResumeAudio | O::StopAudio => {
            audio::start(operation, context)
        }
        O::GetVolume | O::SetVolume => volume::start(operation, context),
        O::RawRead => read_cd::start(context),
        O::Geometry | O::GeometryEx | O::LengthInfo | O::ReadCapacity => capacity::start(operation),
        O::CheckVerify | O::CheckVerify2 => status::start(operation),
        O::MediaRemoval | O::EjectionControl | O::Eject | O::Load => locks::start(operation, context),
        O::GetConfiguration => configuration::start(context),
        O::SetSpeed | O::EnableStreaming => speed::start(operation, context),
        O::SendOpc | O::Verify | O::SetReadAhead | O::IsWritable => simple::start(operation, context),
        O::GetPerformance => performance::start(context),
        O::PartitionInfo | O::PartitionInfoEx | O::DriveLayout | O::DriveLayoutEx => {
            partition::answer(operation, context)
        }
        O::DvdStartSession | O::DvdEndSession | O::AacsStartSession | O::AacsEndSession => {
            session::start(operation, context)
        }
        O::DvdReadKey | O::DvdSendKey => dvd_key::start(operation, context),
        O::DvdGetRegion | O::DvdReadStructure => dvd_structure::start(operation, context),
        O::AacsMediaKeyBlockSize
        | O::AacsMediaKeyBlock
        | O::AacsSendCertificate
        | O::AacsGetCertificate
        | O::AacsGetChallengeKey
        | O::AacsSendChallengeKey
        | O::AacsReadVolumeId
        | O::AacsReadSerialNumber
        | O::AacsReadMediaId
        | O::AacsReadBindingNonce
        | O::AacsGenerateBindingNonce => aacs::start(operation, context),
        O::ExclusiveAccess => exclusive_access::answer(context),
        O::McnControl => poll::control(context),
        O::Reserve | O::Release | O::PersistentReserveIn | O::PersistentReserveOut => {
            reservation::start(operation, context)
        }
        O::MediaTypes => media_types::start(context),
        O::QueryProperty => property::start(context),
        O::InquiryData
        | O::GetHotplugInfo
        | O::SetHotplugInfo
        | O::DeviceNumber
        | O::PriorityHint
        | O::EventNotification
        | O::FindNewDevices
        | O::MountUniqueId
        | O::MountDeviceName
        | O::MountSuggestedLink
        | O::VolumesReady
        | O::VolumeOnline
        | O::VolumePostOnline => mount::answer(operation, context),
        O::PassThrough => Next::Forward(Some(crate::arrival::IRP_MN_SCSI_CLASS)),
        O::None => Next::Forward(None),
    }
}

/// Undoes what an operation left half done when its request is cancelled; gives the Information of the completion.
pub fn abandon(state: State, device: &mut Device) -> u64 {
    device.region.interrupt();
    match state {
        State::Refresh(_) => {
            device.capability.require_update();
            0
        }
        State::Transfer(state) => transfer::bytes_done(&state),
        _ => 0,
    }
}
