//! Any command of this crate as one value, for whoever receives blocks: a drive in software, a tracer.

use core::fmt;

use crate::cdb::{Cdb, Command, Transfer};
use crate::error::ParseError;
use crate::opcode::Opcode;

/// Declares [`AnyCommand`] from the list of modules and the command types in them.
macro_rules! any_command {
    ($($module:ident: $($name:ident),+;)+) => {
        /// A command of any type that this crate knows, or the bytes of one that it does not know.
        ///
        /// `Debug` prints the command's own name and fields.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AnyCommand {
            $($(
                #[doc = concat!("[`", stringify!($name), "`](crate::", stringify!($module), "::", stringify!($name), ").")]
                $name(crate::$module::$name),
            )+)+
            /// A command with another operation code.
            Other(Cdb),
        }

        impl AnyCommand {
            /// The operation codes that have a type.
            pub const TYPED: &'static [Opcode] = &[$($(<crate::$module::$name as Command>::OPCODE,)+)+];

            /// The command in `cdb`, by its operation code.
            ///
            /// # Errors
            /// Those of the type's own parser; for a code without type, [`ParseError::BadLength`] for more than 16
            /// bytes; [`ParseError::TooShort`] for none.
            pub fn parse(cdb: &[u8]) -> Result<Self, ParseError> {
                let opcode = *cdb.first().ok_or(ParseError::TooShort { needed: 1, found: 0 })?;
                match Opcode(opcode) {
                    $($(
                        <crate::$module::$name as Command>::OPCODE => {
                            crate::$module::$name::parse(cdb).map(Self::$name)
                        }
                    )+)+
                    _ => Cdb::from_slice(cdb).map(Self::Other).ok_or(ParseError::BadLength { offset: 0 }),
                }
            }

            /// The command descriptor block.
            #[must_use]
            pub fn cdb(&self) -> Cdb {
                match self {
                    $($( Self::$name(command) => command.cdb(), )+)+
                    Self::Other(cdb) => *cdb,
                }
            }

            /// The data phase; `None` for a command without type, whose block does not tell.
            #[must_use]
            pub fn transfer(&self) -> Option<Transfer> {
                match self {
                    $($( Self::$name(command) => Some(command.transfer()), )+)+
                    Self::Other(_) => None,
                }
            }
        }

        impl fmt::Debug for AnyCommand {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($( Self::$name(command) => command.fmt(f), )+)+
                    Self::Other(cdb) => cdb.fmt(f),
                }
            }
        }

        $($(
            impl From<crate::$module::$name> for AnyCommand {
                fn from(command: crate::$module::$name) -> Self {
                    Self::$name(command)
                }
            }
        )+)+

        #[cfg(test)]
        mod round_trips {
            use crate::test_support::round_trip;

            #[test]
            fn every_type() {
                $($( round_trip::<crate::$module::$name>(); )+)+
            }
        }
    };
}

any_command! {
    audio_play: PauseResume, PlayAudio10, PlayAudioMsf, StopPlayScan;
    buffer_capacity: ReadBufferCapacity;
    configuration: GetConfiguration;
    disc_information: ReadDiscInformation;
    disc_structure: ReadDiscStructure;
    event_status: GetEventStatusNotification;
    inquiry: Inquiry;
    key: ReportKey, SendKey;
    mechanism: LoadUnloadMedium, MechanismStatus;
    mode: ModeSelect10, ModeSelect6, ModeSense10, ModeSense6;
    performance: GetPerformance;
    persistent_reserve: PersistentReserveIn, PersistentReserveOut;
    read_capacity: ReadCapacity10;
    read_cd: ReadCd, ReadCdMsf;
    read_write: Read10, Read12, Seek10, SetReadAhead, SynchronizeCache10, Verify10, Write10, Write12, WriteAndVerify10;
    recording: Blank, CloseTrackSession, FormatUnit, ReadFormatCapacities, ReserveTrack, SendCueSheet, SendOpcInformation;
    reserve: Release10, Release6, Reserve10, Reserve6;
    sense: RequestSense;
    start_stop: PreventAllowMediumRemoval, StartStopUnit;
    streaming: SetCdSpeed, SetStreaming;
    sub_channel: ReadSubChannel;
    test_unit_ready: TestUnitReady;
    toc: ReadTocPmaAtip;
    track_information: ReadTrackInformation;
}

impl AnyCommand {
    /// The operation code.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        self.cdb().opcode()
    }

    /// The standard's name of the command.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.opcode().name()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::read_write::Read10;

    #[test]
    fn commands_are_told_apart_by_their_code() {
        let read = AnyCommand::parse(&[0x28, 0, 0, 0, 0, 16, 0, 0, 1, 0]).unwrap();
        assert_eq!(read, Read10 { force_unit_access: false, lba: 16, blocks: 1 }.into());
        assert_eq!((read.name(), read.transfer()), (Some("READ (10)"), Some(Transfer::In(2048))));
        assert_eq!(std::format!("{read:?}"), "Read10 { lba: 16, blocks: 1, force_unit_access: false }");
    }

    #[test]
    fn unknown_codes_are_kept() {
        let vendor = AnyCommand::parse(&[0xD8, 1, 2, 3]).unwrap();
        assert_eq!(vendor.cdb().as_bytes(), [0xD8, 1, 2, 3]);
        assert_eq!((vendor.name(), vendor.transfer()), (None, None));
        assert_eq!(std::format!("{vendor:?}"), "D8 01 02 03");
        assert_eq!(AnyCommand::parse(&[]), Err(ParseError::TooShort { needed: 1, found: 0 }));
        assert_eq!(AnyCommand::parse(&[0xD8; 17]), Err(ParseError::BadLength { offset: 0 }));
        assert_eq!(AnyCommand::parse(&[0x28; 9]), Err(ParseError::TooShort { needed: 10, found: 9 }));
    }

    /// A named code without a type is a decision, listed here.
    #[test]
    fn named_codes_have_a_type() {
        let untyped: std::vec::Vec<_> =
            Opcode::NAMED.iter().map(|(code, _)| *code).filter(|code| !AnyCommand::TYPED.contains(code)).collect();
        let expected = [
            Opcode::READ_6,
            Opcode::WRITE_6,
            Opcode::READ_16,
            Opcode::WRITE_16,
            Opcode::VERIFY_16,
            Opcode::SERVICE_ACTION_IN_16,
            Opcode::SEND_DISC_STRUCTURE,
        ];
        assert_eq!(untyped, expected);
    }

    proptest! {
        #[test]
        fn building_is_the_inverse_of_parsing(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(command) = AnyCommand::parse(&bytes) {
                prop_assert_eq!(AnyCommand::parse(command.cdb().as_bytes()), Ok(command));
            }
        }
    }
}
