//! MECHANISM STATUS (MMC-6 6.10) and LOAD/UNLOAD MEDIUM (MMC-6 6.9): the loading mechanism and a changer's slots.

use crate::bytes::{bits, clamp, field};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Be24, Bits, Byte, Flag, Layout};

command! {
    /// MECHANISM STATUS (MMC-6 6.10).
    pub struct MechanismStatus: MECHANISM_STATUS, 12 {
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(8),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

command! {
    /// LOAD/UNLOAD MEDIUM (MMC-6 6.9).
    pub struct LoadUnloadMedium: LOAD_UNLOAD_MEDIUM, 12 {
        /// Whether the drive answers before it has finished.
        immediate: bool = Flag(1, 0),
        /// Whether a disc is moved (LoUnlo): out with `start` clear, in with it set.
        load_unload: bool = Flag(4, 1),
        /// With `load_unload`, which way; alone, whether the disc of `slot` is to be used, or none.
        start: bool = Flag(4, 0),
        /// The slot of a changer.
        slot: u8 = Byte(8),
    }
    transfer: |_| Transfer::None
}

open_enum! {
    /// What a changer is doing.
    pub ChangerState: u8 {
        /// Ready.
        READY = 0 => "ready",
        /// Loading.
        LOADING = 1 => "load in progress",
        /// Unloading.
        UNLOADING = 2 => "unload in progress",
        /// Starting up, finding out what is in its slots.
        INITIALIZING = 3 => "initialising",
    }
}

open_enum! {
    /// What the drive's mechanism is doing.
    pub MechanismState: u8 {
        /// Nothing.
        IDLE = 0 => "idle",
        /// Playing audio.
        PLAYING = 1 => "playing",
        /// Scanning audio.
        SCANNING = 2 => "scanning",
        /// Active for a host: reading or writing.
        ACTIVE = 3 => "active with host",
        /// The drive does not tell.
        UNKNOWN = 7 => "no state information available",
    }
}

record! {
    /// The first eight bytes of the answer to MECHANISM STATUS.
    pub struct MechanismHeader: 8 {
        /// Whether the last load or unload failed.
        fault: bool = Flag(0, 7),
        /// What the changer is doing (2 bits).
        changer_state: ChangerState = Bits(0, 5, 2),
        /// The slot in use, lowest bits in byte 0 and highest in byte 1.
        current_slot: u8 = CurrentSlot,
        /// What the mechanism is doing (3 bits).
        mechanism_state: MechanismState = Bits(1, 5, 3),
        /// Whether door or tray is open.
        door_open: bool = Flag(1, 4),
        /// The block being read (24 bits), where the drive tells.
        current_lba: u32 = Be24(2),
        /// Number of slots (6 bits).
        slots: u8 = Bits(5, 0, 6),
        /// Length in bytes of the slot table that follows.
        slot_table_length: u16 = Be16(6),
    }
}

/// The five lower bits of the slot in byte 0 and its three upper bits in byte 1.
struct CurrentSlot;

impl Layout<u8> for CurrentSlot {
    fn get(&self, block: &[u8]) -> Result<u8, ParseError> {
        let low: u8 = Bits(0, 0, 5).get(block)?;
        let high: u8 = Bits(1, 0, 3).get(block)?;
        Ok(low | field(high, 5))
    }

    fn set(&self, block: &mut [u8], value: u8) {
        Bits(0, 0, 5).set(block, bits(value, 0, 5));
        Bits(1, 0, 3).set(block, bits(value, 5, 3));
    }
}

record! {
    /// A slot of a changer.
    pub struct Slot: 4 {
        /// Whether there is a disc in it.
        disc_present: bool = Flag(0, 7),
        /// Whether the disc may have been changed since the slot was last in use.
        changed: bool = Flag(0, 0),
        /// Whether [`Self::cartridge_write_protected`] is valid (CWP_V).
        cartridge_write_protection_valid: bool = Flag(1, 1),
        /// Whether the cartridge is write protected (CWP).
        cartridge_write_protected: bool = Flag(1, 0),
    }
}

/// The answer to MECHANISM STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MechanismAnswer<'a> {
    /// The header.
    pub header: MechanismHeader,
    slots: &'a [u8],
}

impl<'a> MechanismAnswer<'a> {
    /// The answer in the bytes that were received.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than 8 bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = MechanismHeader::parse(bytes)?;
        let slots = clamp(bytes, MechanismHeader::LENGTH, header.slot_table_length.into());
        Ok(Self { header, slots })
    }

    /// The slots that were received whole, from slot 0 on.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<'a> {
        self.slots.chunks_exact(Slot::LENGTH).map_while(|slot| Slot::parse(slot).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};
    use std::vec::Vec;

    #[test]
    fn commands() {
        let status = MechanismStatus { allocation_length: 0x0108 };
        golden(status, &[0xBD, 0, 0, 0, 0, 0, 0, 0, 1, 8, 0, 0], Direction::In, 0x0108);
        round_trip::<MechanismStatus>();
        let load = LoadUnloadMedium { immediate: true, load_unload: true, start: true, slot: 3 };
        golden(load, &[0xA6, 1, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0], Direction::None, 0);
        let unload = LoadUnloadMedium { immediate: false, load_unload: true, start: false, slot: 0 };
        golden(unload, &[0xA6, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        round_trip::<LoadUnloadMedium>();
    }

    #[test]
    fn answer() {
        let bytes = hex("a3 72 010203 02 0008 81 03 0000 00 02 0000");
        let answer = MechanismAnswer::parse(&bytes).unwrap();
        let header = MechanismHeader {
            fault: true,
            changer_state: ChangerState::LOADING,
            current_slot: 0x43,
            mechanism_state: MechanismState::ACTIVE,
            door_open: true,
            current_lba: 0x01_0203,
            slots: 2,
            slot_table_length: 8,
        };
        assert_eq!(answer.header, header);
        assert_eq!(header.to_bytes(), bytes[..8]);
        let slots: Vec<_> = answer.slots().collect();
        assert!(slots[0].disc_present && slots[0].changed && slots[0].cartridge_write_protected);
        assert!(!slots[1].disc_present && slots[1].cartridge_write_protection_valid);
        assert_eq!(slots.iter().flat_map(Slot::to_bytes).collect::<Vec<_>>(), bytes[8..]);
        assert_eq!(MechanismAnswer::parse(&bytes[..15]).unwrap().slots().count(), 1);
        prefixes(&bytes, MechanismAnswer::parse);
        total(|bytes| MechanismAnswer::parse(bytes).map(|answer| answer.slots().count()));
    }
}
