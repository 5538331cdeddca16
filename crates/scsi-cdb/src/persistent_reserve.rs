//! PERSISTENT RESERVE IN and OUT: reservations that outlive a reset (SPC-3 6.11 and 6.12).

use crate::bytes::{be32_at, be64_at, clamp, put};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Be64, Bits, Flag};

open_enum! {
    /// Service actions of PERSISTENT RESERVE IN (SPC-3 6.11.1).
    pub PersistentReserveInAction: u8 {
        /// All registered keys.
        READ_KEYS = 0 => "READ KEYS",
        /// The reservation in force.
        READ_RESERVATION = 1 => "READ RESERVATION",
        /// What the device can do.
        REPORT_CAPABILITIES = 2 => "REPORT CAPABILITIES",
        /// Keys and reservations in full.
        READ_FULL_STATUS = 3 => "READ FULL STATUS",
    }
}

open_enum! {
    /// Service actions of PERSISTENT RESERVE OUT (SPC-3 6.12.2).
    pub PersistentReserveOutAction: u8 {
        /// Register or withdraw a key.
        REGISTER = 0 => "REGISTER",
        /// Reserve.
        RESERVE = 1 => "RESERVE",
        /// Release.
        RELEASE = 2 => "RELEASE",
        /// Withdraw all keys and the reservation.
        CLEAR = 3 => "CLEAR",
        /// Take the reservation from another key.
        PREEMPT = 4 => "PREEMPT",
        /// Take the reservation from another key and abort its commands.
        PREEMPT_AND_ABORT = 5 => "PREEMPT AND ABORT",
        /// Register whatever key is registered.
        REGISTER_AND_IGNORE_EXISTING_KEY = 6 => "REGISTER AND IGNORE EXISTING KEY",
        /// Register another port and give it the reservation.
        REGISTER_AND_MOVE = 7 => "REGISTER AND MOVE",
    }
}

open_enum! {
    /// What a persistent reservation forbids to others (SPC-3 6.11.3.4).
    pub ReservationType: u8 {
        /// Writing, to all but the holder.
        WRITE_EXCLUSIVE = 1 => "Write Exclusive",
        /// Reading and writing, to all but the holder.
        EXCLUSIVE_ACCESS = 3 => "Exclusive Access",
        /// Writing, to all that did not register.
        WRITE_EXCLUSIVE_REGISTRANTS_ONLY = 5 => "Write Exclusive, Registrants Only",
        /// Reading and writing, to all that did not register.
        EXCLUSIVE_ACCESS_REGISTRANTS_ONLY = 6 => "Exclusive Access, Registrants Only",
        /// Writing, to all that did not register; all that did hold it.
        WRITE_EXCLUSIVE_ALL_REGISTRANTS = 7 => "Write Exclusive, All Registrants",
        /// Reading and writing, to all that did not register; all that did hold it.
        EXCLUSIVE_ACCESS_ALL_REGISTRANTS = 8 => "Exclusive Access, All Registrants",
    }
}

command! {
    /// PERSISTENT RESERVE IN.
    pub struct PersistentReserveIn: PERSISTENT_RESERVE_IN, 10 {
        /// What is asked.
        action: PersistentReserveInAction = Bits(1, 0, 5),
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

command! {
    /// PERSISTENT RESERVE OUT.
    pub struct PersistentReserveOut: PERSISTENT_RESERVE_OUT, 10 {
        /// What is to be done.
        action: PersistentReserveOutAction = Bits(1, 0, 5),
        /// What the reservation covers: 0 for the logical unit.
        scope: u8 = Bits(2, 4, 4),
        /// What the reservation forbids.
        kind: ReservationType = Bits(2, 0, 4),
        /// Length of the data, in bytes: 24 unless further parameters follow.
        ///
        /// SPC-3 and later hold four bytes here (5 to 8); the upper two are always zero for lists of this size.
        parameter_list_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::Out(command.parameter_list_length.into())
}

record! {
    /// The data of PERSISTENT RESERVE OUT, unless an identifier of another port follows (SPC-3 6.12.3).
    pub struct ReservationParameters: 24 {
        /// The key that the sender registered.
        reservation_key: u64 = Be64(0),
        /// The key to register, or the key of whom to preempt.
        service_action_key: u64 = Be64(8),
        /// The obsolete scope-specific address.
        scope_specific_address: u32 = Be32(16),
        /// Whether initiator ports are listed after these bytes (SPEC_I_PT).
        specify_initiator_ports: bool = Flag(20, 3),
        /// Whether the registration is for all target ports.
        all_target_ports: bool = Flag(20, 2),
        /// Whether registrations survive a loss of power.
        activate_persist_through_power_loss: bool = Flag(20, 0),
        /// The obsolete extent length.
        extent_length: u16 = Be16(22),
    }
}

record! {
    /// The reservation in force (SPC-3 6.11.3).
    pub struct Reservation: 16 {
        /// The key of the holder.
        reservation_key: u64 = Be64(0),
        /// The obsolete scope-specific address.
        scope_specific_address: u32 = Be32(8),
        /// What it covers: 0 for the logical unit.
        scope: u8 = Bits(13, 4, 4),
        /// What it forbids.
        kind: ReservationType = Bits(13, 0, 4),
    }
}

/// An answer of READ KEYS or READ RESERVATION: a generation, a length and a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer<'a> {
    generation: u32,
    list: &'a [u8],
}

impl<'a> Answer<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let length = usize::try_from(be32_at(bytes, 4)?).unwrap_or(usize::MAX);
        Ok(Self { generation: be32_at(bytes, 0)?, list: clamp(bytes, 8, length) })
    }

    fn emit_header(generation: u32, length: usize, buffer: &mut [u8]) -> usize {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        put(buffer, 0, &generation.to_be_bytes()).saturating_add(put(buffer, 4, &length.to_be_bytes()))
    }
}

/// The answer of READ KEYS (SPC-3 6.11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisteredKeys<'a>(Answer<'a>);

impl<'a> RegisteredKeys<'a> {
    /// The answer in `bytes`, of which at least the 8 bytes of its header must be there.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for less.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Answer::parse(bytes).map(Self)
    }

    /// A count of the changes that PERSISTENT RESERVE OUT made.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.0.generation
    }

    /// Writes the answer that lists `keys` to the start of `buffer`, cut to its length; returns the number of bytes
    /// written.
    pub fn emit(generation: u32, keys: &[u64], buffer: &mut [u8]) -> usize {
        let mut written = Answer::emit_header(generation, keys.len().saturating_mul(8), buffer);
        for key in keys {
            written = written.saturating_add(put(buffer, written, &key.to_be_bytes()));
        }
        written
    }

    /// The keys that are there in full.
    pub fn keys(&self) -> impl Iterator<Item = u64> + use<'a> {
        self.0.list.chunks_exact(8).filter_map(|key| be64_at(key, 0).ok())
    }
}

/// The answer of READ RESERVATION (SPC-3 6.11.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservationInForce {
    /// A count of the changes that PERSISTENT RESERVE OUT made.
    pub generation: u32,
    /// The reservation; `None` if there is none, or if it was cut off.
    pub reservation: Option<Reservation>,
}

impl ReservationInForce {
    /// The answer in `bytes`, of which at least the 8 bytes of its header must be there.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for less.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let answer = Answer::parse(bytes)?;
        Ok(Self { generation: answer.generation, reservation: Reservation::parse(answer.list).ok() })
    }

    /// Writes the answer to the start of `buffer`, cut to its length; returns the number of bytes written.
    pub fn emit(&self, buffer: &mut [u8]) -> usize {
        let reservation = self.reservation.map(|reservation| reservation.to_bytes());
        let list = reservation.as_ref().map_or(&[][..], |bytes| bytes);
        Answer::emit_header(self.generation, list.len(), buffer).saturating_add(put(buffer, 8, list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};

    #[test]
    fn commands() {
        let keys = PersistentReserveIn { action: PersistentReserveInAction::READ_KEYS, allocation_length: 0x0102 };
        golden(keys, &[0x5E, 0, 0, 0, 0, 0, 0, 1, 2, 0], Direction::In, 0x0102);
        let reserve = PersistentReserveOut {
            action: PersistentReserveOutAction::RESERVE,
            scope: 0,
            kind: ReservationType::EXCLUSIVE_ACCESS,
            parameter_list_length: 24,
        };
        golden(reserve, &[0x5F, 1, 3, 0, 0, 0, 0, 0, 0x18, 0], Direction::Out, 24);
        round_trip::<PersistentReserveIn>();
        round_trip::<PersistentReserveOut>();
    }

    #[test]
    fn parameters() {
        let bytes = hex("0102030405060708 1112131415161718 00000000 01 00 0000");
        let parameters = ReservationParameters::parse(&bytes).unwrap();
        assert_eq!(parameters.reservation_key, 0x0102_0304_0506_0708);
        assert_eq!(parameters.service_action_key, 0x1112_1314_1516_1718);
        assert!(parameters.activate_persist_through_power_loss && !parameters.all_target_ports);
        assert_eq!(parameters.to_bytes(), bytes[..]);
        total(ReservationParameters::parse);
    }

    #[test]
    fn read_keys() {
        let bytes = hex("00000007 00000010 0000000000000001 0000000000000002 FFFF");
        let keys = RegisteredKeys::parse(&bytes).unwrap();
        assert_eq!((keys.generation(), keys.keys().collect::<std::vec::Vec<_>>()), (7, std::vec![1, 2]));
        let mut buffer = [0; 64];
        assert_eq!(RegisteredKeys::emit(7, &[1, 2], &mut buffer), 24);
        assert_eq!(buffer[..24], bytes[..24]);
        assert_eq!(RegisteredKeys::emit(7, &[1, 2], &mut buffer[..13]), 13);
        assert_eq!(RegisteredKeys::parse(&bytes[..20]).unwrap().keys().count(), 1);
        prefixes(&bytes, RegisteredKeys::parse);
        total(|bytes| RegisteredKeys::parse(bytes).map(|keys| keys.keys().count()));
    }

    #[test]
    fn read_reservation() {
        let bytes = hex("00000007 00000010 0000000000000001 00000000 00 03 0000");
        let held = ReservationInForce::parse(&bytes).unwrap();
        let reservation = held.reservation.unwrap();
        assert_eq!((reservation.reservation_key, reservation.kind), (1, ReservationType::EXCLUSIVE_ACCESS));
        let mut buffer = [0; 64];
        assert_eq!(held.emit(&mut buffer), 24);
        assert_eq!(buffer[..24], bytes);
        let free = ReservationInForce::parse(&hex("00000007 00000000"));
        assert_eq!(free, Ok(ReservationInForce { generation: 7, reservation: None }));
        prefixes(&bytes, ReservationInForce::parse);
        total(ReservationInForce::parse);
    }
}
