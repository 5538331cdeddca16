//! READ CD and READ CD MSF (MMC-6 6.20): sectors of any type with a choice of their fields.

use crate::address::Msf;
use crate::bytes::{bit, bits, field, flag, put, u8_at};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be24, Be32, Bits, Flag, Layout, MsfAt};

/// Bytes of a whole CD sector: sync, headers, user data, EDC and ECC; or 588 audio samples.
pub const RAW_SECTOR_LENGTH: u32 = 2352;

open_enum! {
    /// The sector type that the drive shall find (byte 1, bits 4-2).
    pub SectorType: u8 {
        /// Any type; the fields of each sector decide.
        ANY = 0 => "any",
        /// Audio.
        CD_DA = 1 => "CD-DA",
        /// Data, mode 1.
        MODE_1 = 2 => "mode 1",
        /// Data, mode 2 without sub-header.
        MODE_2_FORMLESS = 3 => "mode 2 formless",
        /// Data, mode 2 form 1 (CD-ROM XA).
        MODE_2_FORM_1 = 4 => "mode 2 form 1",
        /// Data, mode 2 form 2 (CD-ROM XA).
        MODE_2_FORM_2 = 5 => "mode 2 form 2",
    }
}

open_enum! {
    /// Which headers are returned (byte 9, bits 6-5).
    pub HeaderCodes: u8 {
        /// No header.
        NONE = 0 => "none",
        /// The 4-byte sector header.
        HEADER = 1 => "header",
        /// The 8-byte sub-header of mode 2 forms 1 and 2.
        SUB_HEADER = 2 => "sub-header",
        /// Both.
        ALL = 3 => "all headers",
    }
}

open_enum! {
    /// Which error information follows the sector (byte 9, bits 2-1).
    pub C2: u8 {
        /// None.
        NONE = 0 => "none",
        /// 294 bytes, one bit per byte of the sector.
        ERROR_FLAGS = 1 => "C2 error flags",
        /// 296 bytes: block error byte, pad byte, then the flags.
        BLOCK_ERROR_AND_FLAGS = 2 => "block error byte and C2 error flags",
    }
}

open_enum! {
    /// Which sub-channel data ends the sector (byte 10, bits 2-0).
    pub SubChannelSelection: u8 {
        /// None.
        NONE = 0 => "none",
        /// 96 bytes, P to W as read.
        RAW = 1 => "raw P-W",
        /// 16 bytes, formatted Q.
        Q = 2 => "formatted Q",
        /// 96 bytes, R to W de-interleaved and corrected.
        CORRECTED_R_W = 4 => "corrected R-W",
    }
}

/// The fields of each sector that are returned, in the order of the disc (bytes 9 and 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SectorFields {
    /// The 12-byte synchronisation pattern.
    pub sync: bool,
    /// The headers, 2 bits.
    pub headers: HeaderCodes,
    /// The user data.
    pub user_data: bool,
    /// The error detection and correction codes.
    pub edc_ecc: bool,
    /// Error information, 2 bits.
    pub c2: C2,
    /// Sub-channel data, 3 bits.
    pub sub_channel: SubChannelSelection,
}

impl SectorFields {
    /// User data alone.
    pub const USER_DATA: Self = Self {
        sync: false,
        headers: HeaderCodes::NONE,
        user_data: true,
        edc_ecc: false,
        c2: C2::NONE,
        sub_channel: SubChannelSelection::NONE,
    };

    /// Everything but error information and sub-channels: 2352 bytes of any sector.
    pub const RAW: Self = Self { sync: true, headers: HeaderCodes::ALL, edc_ecc: true, ..Self::USER_DATA };

    /// The fields in bytes 9 and 10 of the block.
    #[must_use]
    pub const fn from_bytes(byte9: u8, byte10: u8) -> Self {
        Self {
            sync: bit(byte9, 7),
            headers: HeaderCodes(bits(byte9, 5, 2)),
            user_data: bit(byte9, 4),
            edc_ecc: bit(byte9, 3),
            c2: C2(bits(byte9, 1, 2)),
            sub_channel: SubChannelSelection(bits(byte10, 0, 3)),
        }
    }

    /// Bytes 9 and 10 of the block.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 2] {
        let main = flag(self.sync, 7)
            | field(bits(self.headers.0, 0, 2), 5)
            | flag(self.user_data, 4)
            | flag(self.edc_ecc, 3)
            | field(bits(self.c2.0, 0, 2), 1);
        [main, bits(self.sub_channel.0, 0, 3)]
    }
}

command! {
    /// READ CD.
    pub struct ReadCd: READ_CD, 12 {
        /// Expected sector type, 3 bits.
        sector_type: SectorType = Bits(1, 2, 3),
        /// Digital audio play: the drive may interpolate audio errors.
        dap: bool = Flag(1, 1),
        /// First block; the two's complement of negative addresses.
        start_lba: u32 = Be32(2),
        /// Number of blocks, 24 bits.
        blocks: u32 = Be24(6),
        /// The fields that are returned.
        fields: SectorFields = FieldsPlace,
    }
    transfer: |command| Transfer::In(command.blocks.saturating_mul(command.fields.longest_sector(command.sector_type)))
}

impl ReadCd {
    /// A read whose byte 1 (expected type), byte 9 and byte 10 (fields) are given as they go into the block.
    #[must_use]
    pub const fn from_flag_bytes(start_lba: u32, blocks: u32, [byte1, byte9, byte10]: [u8; 3]) -> Self {
        let (sector_type, dap) = (SectorType(bits(byte1, 2, 3)), bit(byte1, 1));
        Self { sector_type, dap, start_lba, blocks, fields: SectorFields::from_bytes(byte9, byte10) }
    }
}

command! {
    /// READ CD MSF.
    pub struct ReadCdMsf: READ_CD_MSF, 12 {
        /// Expected sector type, 3 bits.
        sector_type: SectorType = Bits(1, 2, 3),
        /// Digital audio play: the drive may interpolate audio errors.
        dap: bool = Flag(1, 1),
        /// The first sector.
        start: Msf = MsfAt(3),
        /// The sector after the last.
        end: Msf = MsfAt(6),
        /// The fields that are returned.
        fields: SectorFields = FieldsPlace,
    }
    transfer: |command| Transfer::In(command.blocks().saturating_mul(command.fields.longest_sector(command.sector_type)))
}

impl ReadCdMsf {
    /// Number of sectors; none if the end is not beyond the start.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.end.frames().saturating_sub(self.start.frames())
    }
}

/// Bytes 9 and 10.
struct FieldsPlace;

impl Layout<SectorFields> for FieldsPlace {
    fn get(&self, block: &[u8]) -> Result<SectorFields, ParseError> {
        Ok(SectorFields::from_bytes(u8_at(block, 9)?, u8_at(block, 10)?))
    }

    fn set(&self, block: &mut [u8], value: SectorFields) {
        put(block, 9, &value.to_bytes());
    }
}

impl SectorFields {
    /// Bytes returned for a sector of `sector_type`.
    ///
    /// Audio has one field, returned whole whatever part of the main channel is asked for. A field that the type does
    /// not have, such as the sub-header of mode 1, adds nothing. `None` for
    /// [`SectorType::ANY`] and unknown types, for reserved codes, and for a selection with a gap between fields of
    /// that type, which a drive refuses.
    #[must_use]
    pub fn sector_length(self, sector_type: SectorType) -> Option<u32> {
        let main = self.main_length(sector_type)?;
        main.checked_add(self.c2_length()?)?.checked_add(self.sub_channel_length()?)
    }

    /// Bytes to provide for a sector of `sector_type`: the exact length where there is one, else the longest.
    #[must_use]
    pub fn longest_sector(self, sector_type: SectorType) -> u32 {
        let main = self.main_length(sector_type).unwrap_or(self.longest_main());
        main.saturating_add(self.c2_length().unwrap_or(296)).saturating_add(self.sub_channel_length().unwrap_or(96))
    }

    /// Bytes of the main channel, from the lengths of sync, header, sub-header, user data, EDC and ECC in that order.
    fn main_length(self, sector_type: SectorType) -> Option<u32> {
        let lengths: [u32; 5] = match sector_type {
            SectorType::CD_DA => {
                return Some(self.longest_main());
            }
            SectorType::MODE_1 => [12, 4, 0, 2048, 288],
            SectorType::MODE_2_FORMLESS => [12, 4, 0, 2336, 0],
            SectorType::MODE_2_FORM_1 => [12, 4, 8, 2048, 280],
            SectorType::MODE_2_FORM_2 => [12, 4, 8, 2328, 0],
            _ => return None,
        };
        let wanted = [self.sync, bit(self.headers.0, 0), bit(self.headers.0, 1), self.user_data, self.edc_ecc];
        let (mut total, mut ended) = (0_u32, false);
        for (length, wanted) in lengths.into_iter().zip(wanted).filter(|(length, _)| *length > 0) {
            match (wanted, total, ended) {
                (true, _, true) => return None,
                (true, ..) => total = total.checked_add(length)?,
                (false, 0, _) => {}
                (false, ..) => ended = true,
            }
        }
        Some(total)
    }

    const fn longest_main(self) -> u32 {
        let any = self.sync || self.headers.0 != 0 || self.user_data || self.edc_ecc;
        if any { RAW_SECTOR_LENGTH } else { 0 }
    }

    fn c2_length(self) -> Option<u32> {
        match self.c2 {
            C2::NONE => Some(0),
            C2::ERROR_FLAGS => Some(294),
            C2::BLOCK_ERROR_AND_FLAGS => Some(296),
            _ => None,
        }
    }

    fn sub_channel_length(self) -> Option<u32> {
        match self.sub_channel {
            SubChannelSelection::NONE => Some(0),
            SubChannelSelection::RAW | SubChannelSelection::CORRECTED_R_W => Some(96),
            SubChannelSelection::Q => Some(16),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::{Command, Direction};
    use crate::test_support::{golden, hex, round_trip};

    const ALL: SectorFields = SectorFields { edc_ecc: false, ..SectorFields::RAW };

    /// MMC-6 6.20, command descriptor block; the blocks that raw reads of Windows send.
    #[test]
    fn blocks() {
        let mode_2 = SectorFields { headers: HeaderCodes::HEADER, ..ALL };
        let c2 = SectorFields { c2: C2::BLOCK_ERROR_AND_FLAGS, ..ALL };
        let raw = SubChannelSelection::RAW;
        for (sector_type, fields, tail, length) in [
            (SectorType::MODE_2_FORMLESS, mode_2, [0x0C, 0xB0, 0x00], 2352),
            (SectorType::MODE_2_FORM_2, ALL, [0x14, 0xF0, 0x00], 2352),
            (SectorType::CD_DA, ALL, [0x04, 0xF0, 0x00], 2352),
            (SectorType::ANY, SectorFields { sub_channel: raw, ..c2 }, [0x00, 0xF4, 0x01], 2744),
            (SectorType::ANY, c2, [0x00, 0xF4, 0x00], 2648),
            (SectorType::ANY, SectorFields { sub_channel: raw, ..ALL }, [0x00, 0xF0, 0x01], 2448),
        ] {
            let command = ReadCd { sector_type, dap: false, start_lba: 0x0001_0203, blocks: 0x01_0002, fields };
            let mut block = hex("BE 00 00 01 02 03 01 00 02 00 00 00");
            (block[1], block[9], block[10]) = (tail[0], tail[1], tail[2]);
            golden(command, &block, Direction::In, length * 0x01_0002);
            assert_eq!(ReadCd::from_flag_bytes(0x0001_0203, 0x01_0002, tail), command);
        }
        round_trip::<ReadCd>();
    }

    /// MMC-6 6.20, READ CD MSF: two seconds of audio from 00:02:00.
    #[test]
    fn blocks_by_time() {
        let command = ReadCdMsf {
            sector_type: SectorType::CD_DA,
            dap: true,
            start: Msf::new(0, 2, 0),
            end: Msf::new(0, 4, 0),
            fields: SectorFields::USER_DATA,
        };
        golden(command, &hex("B9 06 00 00 02 00 00 04 00 10 00 00"), Direction::In, 150 * 2352);
        let backwards = ReadCdMsf { end: Msf::new(0, 0, 0), ..command };
        assert_eq!((backwards.blocks(), backwards.transfer().length()), (0, 0));
        round_trip::<ReadCdMsf>();
    }

    /// MMC-6 6.20, number of bytes returned by main channel selection: mode 1, formless, form 1, form 2.
    #[test]
    fn sector_lengths() {
        let no = None;
        for (byte9, lengths) in [
            (0x00, [Some(0), Some(0), Some(0), Some(0)]),
            (0x10, [Some(2048), Some(2336), Some(2048), Some(2328)]),
            (0x18, [Some(2336), Some(2336), Some(2328), Some(2328)]),
            (0x20, [Some(4), Some(4), Some(4), Some(4)]),
            (0x30, [Some(2052), Some(2340), no, no]),
            (0x38, [Some(2340), Some(2340), no, no]),
            (0x50, [Some(2048), Some(2336), Some(2056), Some(2336)]),
            (0x60, [Some(4), Some(4), Some(12), Some(12)]),
            (0x78, [Some(2340), Some(2340), Some(2340), Some(2340)]),
            (0x90, [no, no, no, no]),
            (0xA0, [Some(16), Some(16), Some(16), Some(16)]),
            (0xB8, [Some(2352), Some(2352), no, no]),
            (0xF0, [Some(2064), Some(2352), Some(2072), Some(2352)]),
            (0xF8, [Some(2352), Some(2352), Some(2352), Some(2352)]),
        ] {
            let fields = SectorFields::from_bytes(byte9, 0);
            let types =
                [SectorType::MODE_1, SectorType::MODE_2_FORMLESS, SectorType::MODE_2_FORM_1, SectorType::MODE_2_FORM_2];
            assert_eq!(types.map(|sector_type| fields.sector_length(sector_type)), lengths, "{byte9:#04x}");
            assert_eq!(fields.sector_length(SectorType::CD_DA), Some(if byte9 == 0 { 0 } else { 2352 }));
        }
        assert_eq!(SectorFields::from_bytes(0x12, 0x02).sector_length(SectorType::MODE_1), Some(2048 + 294 + 16));
        assert_eq!(SectorFields::from_bytes(0x00, 0x04).sector_length(SectorType::CD_DA), Some(96));
        assert_eq!(SectorFields::from_bytes(0x16, 0x00).sector_length(SectorType::CD_DA), None);
        assert_eq!(SectorFields::RAW.sector_length(SectorType::ANY), None);
    }

    #[test]
    fn no_choice_needs_more_than_the_longest_sector() {
        for byte9 in 0..=0xFF_u8 {
            for byte10 in 0..8 {
                let fields = SectorFields::from_bytes(byte9, byte10);
                for sector_type in (0..8).map(SectorType) {
                    let longest = fields.longest_sector(sector_type);
                    assert!(longest <= 2744);
                    assert!(fields.sector_length(sector_type).is_none_or(|length| length == longest));
                    assert!(fields.longest_sector(SectorType::ANY) >= longest);
                }
            }
        }
    }
}
