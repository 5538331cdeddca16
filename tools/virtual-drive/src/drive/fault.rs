//! Why a command fails, and the sense data that says so.

use std::time::Duration;

use crate::disc::{ReadError, SenseCode, WriteError};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $key:literal / $asc:literal / $ascq:literal,)*) => {
        /// A reason to end a command with CHECK CONDITION (SPC-4 tables 43 and 49, MMC-6 annex F).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault {
            $($(#[$doc])* $name,)*
            /// A code that the disc gives.
            Medium(SenseCode),
        }

        impl Fault {
            /// Sense key, additional sense code and qualifier.
            pub(crate) const fn code(self) -> SenseCode {
                match self {
                    $(Self::$name => SenseCode::new($key, $asc, $ascq),)*
                    Self::Medium(code) => code,
                }
            }
        }
    };
}

faults! {
    /// The drive finds out what the disc is.
    BecomingReady = 0x02 / 0x04 / 0x01,
    /// The disc was stopped and this drive does not start it by itself.
    InitializingCommandRequired = 0x02 / 0x04 / 0x02,
    /// FORMAT UNIT is under way.
    FormatInProgress = 0x02 / 0x04 / 0x04,
    /// BLANK or another immediate command is under way.
    OperationInProgress = 0x02 / 0x04 / 0x07,
    /// A track or session is being closed.
    LongWriteInProgress = 0x02 / 0x04 / 0x08,
    /// The drive cannot read this kind of disc.
    IncompatibleMedium = 0x02 / 0x30 / 0x00,
    /// No disc, tray closed.
    NoMediumTrayClosed = 0x02 / 0x3A / 0x01,
    /// Tray open.
    NoMediumTrayOpen = 0x02 / 0x3A / 0x02,
    /// The disc has no table of contents that can be given.
    NoTableOfContents = 0x03 / 0x57 / 0x00,
    /// The parameter list is shorter than it must be.
    ParameterListLength = 0x05 / 0x1A / 0x00,
    /// Unknown operation code.
    InvalidOperationCode = 0x05 / 0x20 / 0x00,
    /// The address is not on the disc.
    AddressOutOfRange = 0x05 / 0x21 / 0x00,
    /// The address is not one that can be written next.
    InvalidAddressForWrite = 0x05 / 0x21 / 0x02,
    /// A field of the command descriptor block.
    InvalidFieldInCdb = 0x05 / 0x24 / 0x00,
    /// A field of the parameter list.
    InvalidFieldInParameterList = 0x05 / 0x26 / 0x00,
    /// A reservation that another registration key holds.
    InvalidReleaseOfReservation = 0x05 / 0x26 / 0x04,
    /// Not in this order.
    CommandSequence = 0x05 / 0x2C / 0x00,
    /// The medium is of a kind that the command does not work on.
    CannotReadIncompatible = 0x05 / 0x30 / 0x02,
    /// The medium cannot be written.
    CannotWriteIncompatible = 0x05 / 0x30 / 0x05,
    /// The page is not kept over power cycles.
    SavingNotSupported = 0x05 / 0x39 / 0x00,
    /// The host keeps the disc in the drive.
    RemovalPrevented = 0x05 / 0x53 / 0x02,
    /// All AGIDs are taken.
    NoAgidLeft = 0x05 / 0x55 / 0x00,
    /// The track is full.
    EndOfUserArea = 0x05 / 0x63 / 0x00,
    /// Audio where data is needed, or the reverse.
    IllegalModeForTrack = 0x05 / 0x64 / 0x00,
    /// The other side's proof is wrong.
    AuthenticationFailure = 0x05 / 0x6F / 0x00,
    /// The disc has no such key.
    KeyNotPresent = 0x05 / 0x6F / 0x01,
    /// The handshake did not get as far as a bus key.
    KeyNotEstablished = 0x05 / 0x6F / 0x02,
    /// Scrambled and not authenticated.
    ScrambledSector = 0x05 / 0x6F / 0x03,
    /// The disc's regions and the drive's have none in common.
    RegionMismatch = 0x05 / 0x6F / 0x04,
    /// The region cannot be changed any more.
    RegionPermanent = 0x05 / 0x6F / 0x05,
    /// A session needs a complete track to be closed.
    NothingToClose = 0x05 / 0x72 / 0x03,
    /// A new disc.
    MediumMayHaveChanged = 0x06 / 0x28 / 0x00,
    /// The drive was switched on or reset.
    PowerOn = 0x06 / 0x29 / 0x00,
}

/// A command's failure: the code and what comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Sense key, additional sense code and qualifier.
    pub(crate) code: SenseCode,
    /// The block where it happened: the information field, with its valid bit.
    pub(crate) information: Option<u32>,
    /// How far an operation is, in 65536ths: the sense-key specific field.
    pub(crate) progress: Option<u16>,
    /// What was transferred before it happened.
    pub(crate) data: Vec<u8>,
    /// Time the command took.
    pub(crate) took: Duration,
}

impl Failure {
    /// The failure at this block.
    pub(crate) const fn at(mut self, lba: u32) -> Self {
        self.information = Some(lba);
        self
    }

    /// The failure of an operation that got that far.
    pub(crate) const fn in_progress(mut self, progress: u16) -> Self {
        self.progress = Some(progress);
        self
    }

    /// The failure with what was transferred before it, after `took`.
    pub(crate) fn with_data(mut self, data: Vec<u8>, took: Duration) -> Self {
        self.data = data;
        self.took = took;
        self
    }

    /// 18 bytes of fixed-format sense data (SPC-4 4.5.3): valid bit and information, length, code, and progress.
    pub(crate) fn sense(&self) -> Vec<u8> {
        let mut sense = vec![0; 18];
        sense[0] = 0x70;
        if let Some(information) = self.information {
            sense[0] = 0xF0;
            sense[3..7].copy_from_slice(&information.to_be_bytes());
        }
        sense[2] = self.code.key & 0x0F;
        sense[7] = 10;
        sense[12] = self.code.asc;
        sense[13] = self.code.ascq;
        if let Some(progress) = self.progress {
            sense[15] = 0x80;
            sense[16..18].copy_from_slice(&progress.to_be_bytes());
        }
        sense
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code(), information: None, progress: None, data: Vec::new(), took: Duration::ZERO }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let failure = Self::from(Fault::Medium(error.sense()));
        match error {
            ReadError::Defect { lba, .. } => failure.at(lba.cast_unsigned()),
            _ => failure,
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let failure = Self::from(Fault::Medium(error.sense()));
        match error {
            WriteError::Defect(lba) => failure.at(lba.cast_unsigned()),
            _ => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sense_carries_the_block() {
        let sense = Failure::from(Fault::Medium(SenseCode::new(3, 0x11, 0x05))).at(0x0001_0203).sense();
        assert_eq!(sense, [0xF0, 0, 3, 0, 1, 2, 3, 10, 0, 0, 0, 0, 0x11, 5, 0, 0, 0, 0]);
    }

    #[test]
    fn sense_carries_the_progress() {
        let sense = Failure::from(Fault::FormatInProgress).in_progress(0x8000).sense();
        assert_eq!(sense, [0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 4, 4, 0, 0x80, 0x80, 0]);
    }
}
