//! FORMAT UNIT (MMC-6 6.4), READ FORMAT CAPACITIES (MMC-6 6.23) and BLANK (MMC-6 6.2).

use crate::bytes::{clamp, put, u8_at};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Be24, Be32, Bits, Flag};

command! {
    /// FORMAT UNIT (MMC-6 6.4). Its parameter list is [`FormatParameters`].
    pub struct FormatUnit: FORMAT_UNIT, 6 {
        /// Whether a parameter list follows; MMC drives want one.
        format_data: bool = Flag(1, 4),
        /// Whether the list of defects known so far is dropped.
        complete_list: bool = Flag(1, 3),
        /// 1 for every medium that MMC-6 knows; 7 for a track of a CD-RW in earlier standards (3 bits).
        format_code: u8 = Bits(1, 0, 3),
    }
    transfer: |command| match command.format_data {
        true => Transfer::Out(12),
        false => Transfer::None,
    }
}

open_enum! {
    /// How a medium is formatted.
    pub FormatType: u8 {
        /// The whole medium.
        FULL = 0x00 => "full format",
        /// More spare areas.
        SPARE_AREA_EXPANSION = 0x01 => "spare area expansion",
        /// One zone once more.
        ZONE_REFORMAT = 0x04 => "zone reformat",
        /// One zone.
        ZONE = 0x05 => "zone format",
        /// The whole of a CD-RW or DVD-RW.
        CD_DVD_RW_FULL = 0x10 => "CD-RW/DVD-RW full format",
        /// The last session is made longer.
        GROW_SESSION = 0x11 => "CD-RW/DVD-RW grow session",
        /// A session is added.
        ADD_SESSION = 0x12 => "CD-RW/DVD-RW add session",
        /// The last session of a DVD-RW is made longer quickly.
        QUICK_GROW_SESSION = 0x13 => "DVD-RW quick grow last session",
        /// A session is added to a DVD-RW quickly.
        QUICK_ADD_SESSION = 0x14 => "DVD-RW quick add session",
        /// A DVD-RW quickly.
        QUICK = 0x15 => "DVD-RW quick format",
        /// The whole of a CD-RW or DVD+RW as Mount Rainier.
        MRW_FULL = 0x24 => "MRW full format",
        /// A DVD+RW.
        DVD_PLUS_RW_BASIC = 0x26 => "DVD+RW basic format",
        /// The whole of a BD-RE, with spare areas.
        BD_RE_FULL_WITH_SPARE = 0x30 => "BD-RE full format with spare areas",
        /// The whole of a BD-RE, without spare areas.
        BD_RE_FULL_WITHOUT_SPARE = 0x31 => "BD-RE full format without spare areas",
        /// The whole of a BD-R, with spare areas.
        BD_R_FULL_WITH_SPARE = 0x32 => "BD-R full format with spare areas",
    }
}

record! {
    /// The first four bytes of the parameter list of FORMAT UNIT.
    pub struct FormatHeader: 4 {
        /// Whether the options that follow are valid (FOV).
        options_valid: bool = Flag(1, 7),
        /// Whether the list of primary defects is not used (DPRY).
        disable_primary: bool = Flag(1, 6),
        /// Whether the medium is not certified (DCRT).
        disable_certification: bool = Flag(1, 5),
        /// Whether formatting stops where a list of defects is missing (STPF).
        stop_format: bool = Flag(1, 4),
        /// Whether an initialisation pattern follows (IP).
        initialization_pattern: bool = Flag(1, 3),
        /// Whether the drive only tells whether it would format (try-out).
        try_out: bool = Flag(1, 2),
        /// Whether the drive answers before it has finished.
        immediate: bool = Flag(1, 1),
        /// For the vendor.
        vendor_specific: bool = Flag(1, 0),
        /// Length in bytes of what follows, 8.
        descriptor_length: u16 = Be16(2),
    }
}

record! {
    /// A format that is asked for, or one that the medium can take.
    pub struct FormatDescriptor: 8 {
        /// Number of addressable blocks.
        blocks: u32 = Be32(0),
        /// How the medium is formatted (6 bits).
        format_type: FormatType = Bits(4, 2, 6),
        /// A variant of the type (2 bits).
        sub_type: u8 = Bits(4, 0, 2),
        /// Block length, or what else the type asks for (24 bits).
        type_dependent: u32 = Be24(5),
    }
}

/// The parameter list of FORMAT UNIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormatParameters {
    /// The options.
    pub header: FormatHeader,
    /// The format.
    pub descriptor: FormatDescriptor,
}

impl FormatParameters {
    /// Length in bytes.
    pub const LENGTH: usize = 12;

    /// The list without options, with which the drive answers at once or when it has finished.
    #[must_use]
    pub const fn new(descriptor: FormatDescriptor, immediate: bool) -> Self {
        let header = FormatHeader {
            options_valid: false,
            disable_primary: false,
            disable_certification: false,
            stop_format: false,
            initialization_pattern: false,
            try_out: false,
            immediate,
            vendor_specific: false,
            descriptor_length: 8,
        };
        Self { header, descriptor }
    }

    /// The list in `bytes`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than 12 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let list: [u8; Self::LENGTH] = crate::bytes::array_at(bytes, 0)?;
        let descriptor = clamp(&list, FormatHeader::LENGTH, FormatDescriptor::LENGTH);
        Ok(Self { header: FormatHeader::parse(&list)?, descriptor: FormatDescriptor::parse(descriptor)? })
    }

    /// The list on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut list = [0; Self::LENGTH];
        put(&mut list, 0, &self.header.to_bytes());
        put(&mut list, FormatHeader::LENGTH, &self.descriptor.to_bytes());
        list
    }
}

command! {
    /// READ FORMAT CAPACITIES (MMC-6 6.23): how the medium is formatted and how it could be.
    pub struct ReadFormatCapacities: READ_FORMAT_CAPACITIES, 10 {
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

open_enum! {
    /// What the first capacity of an answer to READ FORMAT CAPACITIES is about.
    pub CapacityType: u8 {
        /// A medium that is not formatted, and the most it could hold.
        UNFORMATTED = 1 => "unformatted or blank media",
        /// A formatted medium and its capacity.
        FORMATTED = 2 => "formatted media",
        /// No medium, and the most that any could hold.
        NO_MEDIA = 3 => "no media present or unknown capacity",
    }
}

record! {
    /// The capacity of the medium, or the most it could have.
    pub struct CapacityDescriptor: 8 {
        /// Number of addressable blocks.
        blocks: u32 = Be32(0),
        /// What the capacity is about (2 bits).
        kind: CapacityType = Bits(4, 0, 2),
        /// Block length in bytes (24 bits).
        block_length: u32 = Be24(5),
    }
}

/// The answer to READ FORMAT CAPACITIES: a header of 4 bytes, a [`CapacityDescriptor`], [`FormatDescriptor`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatCapacities<'a> {
    /// The present capacity or the highest.
    pub capacity: CapacityDescriptor,
    formats: &'a [u8],
}

impl<'a> FormatCapacities<'a> {
    /// Bytes before the first descriptor.
    pub const HEADER_LENGTH: usize = 4;

    /// The answer in the bytes that were received.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] if the first descriptor is not there, or the list's length leaves no room for it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let list = clamp(bytes, Self::HEADER_LENGTH, u8_at(bytes, 3)?.into());
        let capacity = CapacityDescriptor::parse(list)?;
        Ok(Self { capacity, formats: list.get(CapacityDescriptor::LENGTH..).unwrap_or_default() })
    }

    /// The formats that the medium can take, as far as they were received whole.
    pub fn formats(&self) -> impl Iterator<Item = FormatDescriptor> + use<'a> {
        self.formats.chunks_exact(FormatDescriptor::LENGTH).map_while(|format| FormatDescriptor::parse(format).ok())
    }

    /// Writes an answer to `target`, as far as it fits; returns the number of bytes written. At most 30 formats can
    /// be told; others are left out.
    pub fn write(capacity: CapacityDescriptor, formats: &[FormatDescriptor], target: &mut [u8]) -> usize {
        let formats = formats.get(..30).unwrap_or(formats);
        let length = formats.len().saturating_add(1).saturating_mul(FormatDescriptor::LENGTH);
        let mut written = put(target, 0, &[0, 0, 0, u8::try_from(length).unwrap_or(u8::MAX)]);
        written = written.saturating_add(put(target, written, &capacity.to_bytes()));
        for format in formats {
            written = written.saturating_add(put(target, written, &format.to_bytes()));
        }
        written
    }
}

open_enum! {
    /// What BLANK erases (MMC-6 6.2).
    pub BlankingType: u8 {
        /// The whole disc.
        DISC = 0 => "blank the disc",
        /// Program memory area, lead-in and the pregap of the first track.
        MINIMAL = 1 => "minimally blank the disc",
        /// The track at the given address.
        TRACK = 2 => "blank a track",
        /// The reservation of the last track.
        UNRESERVE_TRACK = 3 => "unreserve a track",
        /// The end of the track from the given address on.
        TRACK_TAIL = 4 => "blank a track tail",
        /// Lead-in and lead-out of the last session.
        UNCLOSE_SESSION = 5 => "unclose the last session",
        /// The last session.
        SESSION = 6 => "blank a session",
    }
}

command! {
    /// BLANK (MMC-6 6.2).
    pub struct Blank: BLANK, 12 {
        /// Whether the drive answers before it has finished.
        immediate: bool = Flag(1, 4),
        /// What is erased (3 bits).
        blanking_type: BlankingType = Bits(1, 0, 3),
        /// The start address or the track number, as the blanking type asks for.
        address: u32 = Be32(2),
    }
    transfer: |_| Transfer::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};
    use std::vec::Vec;

    #[test]
    fn format_unit() {
        let format = FormatUnit { format_data: true, complete_list: false, format_code: 1 };
        golden(format, &[0x04, 0x11, 0, 0, 0, 0], Direction::Out, 12);
        let plain = FormatUnit { format_data: false, complete_list: true, format_code: 7 };
        golden(plain, &[0x04, 0x0F, 0, 0, 0, 0], Direction::None, 0);
        round_trip::<FormatUnit>();
    }

    #[test]
    fn format_parameters() {
        let descriptor = FormatDescriptor {
            blocks: 0x0023_0540,
            format_type: FormatType::DVD_PLUS_RW_BASIC,
            sub_type: 0,
            type_dependent: 0,
        };
        let list = FormatParameters::new(descriptor, true);
        let bytes = hex("00 02 0008 00230540 98 000000");
        assert_eq!(list.to_bytes()[..], bytes);
        assert_eq!(FormatParameters::parse(&bytes), Ok(list));
        let options = hex("00 fd 0008 00000010 c3 000800");
        assert_eq!(FormatParameters::parse(&options).unwrap().to_bytes()[..], options);
        prefixes(&bytes, FormatParameters::parse);
        total(FormatParameters::parse);
    }

    #[test]
    fn read_format_capacities() {
        let command = ReadFormatCapacities { allocation_length: 0x0104 };
        golden(command, &[0x23, 0, 0, 0, 0, 0, 0, 1, 4, 0], Direction::In, 0x0104);
        round_trip::<ReadFormatCapacities>();
    }

    #[test]
    fn format_capacities() {
        let bytes = hex("00000018 00230540 02 000800 00230540 98 000000 00230540 01 000010");
        let answer = FormatCapacities::parse(&bytes).unwrap();
        let capacity = CapacityDescriptor { blocks: 0x0023_0540, kind: CapacityType::FORMATTED, block_length: 2048 };
        assert_eq!(answer.capacity, capacity);
        let formats: Vec<_> = answer.formats().collect();
        assert_eq!(formats[0].format_type, FormatType::DVD_PLUS_RW_BASIC);
        assert_eq!((formats[1].format_type, formats[1].sub_type, formats[1].type_dependent), (FormatType::FULL, 1, 16));

        let mut written = [0xEE; 40];
        assert_eq!(FormatCapacities::write(capacity, &formats, &mut written), bytes.len());
        assert_eq!(written[..bytes.len()], bytes);
        assert_eq!(FormatCapacities::write(capacity, &formats, &mut written[..13]), 13);
        let mut long = [0; 512];
        assert_eq!(FormatCapacities::write(capacity, &[formats[0]; 99], &mut long), 4 + 31 * 8);
        assert_eq!(FormatCapacities::parse(&long).unwrap().formats().count(), 30);
    }

    #[test]
    fn format_capacities_end_where_the_list_or_the_bytes_end() {
        let bytes = hex("00000010 00230540 02 000800 00230540 98 000000 00230540 00 000800");
        assert_eq!(FormatCapacities::parse(&bytes).unwrap().formats().count(), 1);
        assert_eq!(FormatCapacities::parse(&bytes[..19]).unwrap().formats().count(), 0);
        assert!(FormatCapacities::parse(&bytes[..11]).is_err());
        prefixes(&bytes, FormatCapacities::parse);
        total(|bytes| FormatCapacities::parse(bytes).map(|answer| answer.formats().count()));
    }

    #[test]
    fn blank() {
        let minimal = Blank { immediate: true, blanking_type: BlankingType::MINIMAL, address: 0 };
        golden(minimal, &[0xA1, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        let tail = Blank { immediate: false, blanking_type: BlankingType::TRACK_TAIL, address: 0x0102_0304 };
        golden(tail, &[0xA1, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        round_trip::<Blank>();
    }
}
