//! Format 5: CD-TEXT, packs of 18 bytes in the lead-in (MMC-6 annex J).
//!
//! A block holds one language. In a block the packs of one kind are one run of characters: the texts of the album
//! (track 0) and of each track, each ended by a null character, cut into pieces of 12 bytes without regard to where
//! a text ends. [`CdText::pieces`] gives the run back in pieces that belong to one text each; [`CdText::write_text`]
//! joins the pieces of one text.

use crate::bytes::{bit, clamp, put};
use crate::layout::{Be16, Bits, Byte, Flag, Raw};
use crate::toc::answer::{TocAnswer, descriptor};

/// Number of blocks, hence of languages.
pub const BLOCKS: u8 = 8;

open_enum! {
    /// What the characters of a pack are (byte 0).
    pub PackKind: u8 {
        /// Title of the album (track 0) or of a track.
        TITLE = 0x80 => "title",
        /// Performers.
        PERFORMER = 0x81 => "performer",
        /// Songwriters.
        SONGWRITER = 0x82 => "songwriter",
        /// Composers.
        COMPOSER = 0x83 => "composer",
        /// Arrangers.
        ARRANGER = 0x84 => "arranger",
        /// Message from the content provider or artist.
        MESSAGE = 0x85 => "message",
        /// Disc identification, always in single-byte characters.
        DISC_ID = 0x86 => "disc identification",
        /// Genre: a 16-bit code, then text.
        GENRE = 0x87 => "genre",
        /// Table of contents, binary.
        TOC_INFORMATION = 0x88 => "TOC information",
        /// Second table of contents, binary.
        SECOND_TOC_INFORMATION = 0x89 => "second TOC information",
        /// For the content provider's own use.
        CLOSED_INFORMATION = 0x8D => "closed information",
        /// UPC or EAN of the album (track 0), ISRC of a track.
        UPC_ISRC = 0x8E => "UPC/EAN or ISRC",
        /// Sizes and languages of the blocks, binary.
        SIZE_INFORMATION = 0x8F => "size information",
    }
}

open_enum! {
    /// How the characters of a block are coded.
    pub CharacterCode: u8 {
        /// ISO 8859-1 with exceptions.
        ISO_8859_1 = 0x00 => "ISO 8859-1",
        /// ASCII.
        ASCII = 0x01 => "ASCII",
        /// Music Shift-JIS, two bytes a character.
        MS_JIS = 0x80 => "MS-JIS",
        /// Korean.
        KOREAN = 0x81 => "Korean",
        /// Mandarin.
        MANDARIN = 0x82 => "Mandarin",
    }
}

record! {
    /// One pack.
    pub struct TextPack: 18 {
        /// What the characters are.
        kind: PackKind = Byte(0),
        /// Track that the first character belongs to, 0 for the album; for some kinds the number of the element.
        track: u8 = Bits(1, 0, 7),
        /// Reserved for an extension; such packs are skipped.
        extension: bool = Flag(1, 7),
        /// Number of the pack in its block.
        sequence: u8 = Byte(2),
        /// Characters of two bytes.
        double_byte: bool = Flag(3, 7),
        /// Block, 0 to 7.
        block: u8 = Bits(3, 4, 3),
        /// Characters of this pack's first text that stand in earlier packs; 15 means 15 or more.
        position: u8 = Bits(3, 0, 4),
        /// The characters.
        text: [u8; 12] = Raw(4),
        /// Inverted CRC-CCITT of the 16 bytes before it.
        crc: u16 = Be16(16),
    }
}

descriptor!(TextPack);

impl TextPack {
    /// The check sum that [`Self::crc`] should have.
    #[must_use]
    pub fn expected_crc(&self) -> u16 {
        !crc_ccitt(self.to_bytes().get(..16).unwrap_or(&[]))
    }

    /// Whether the check sum is right. Some drives correct the packs and send zeros in its place.
    #[must_use]
    pub fn crc_is_valid(&self) -> bool {
        self.crc == self.expected_crc()
    }
}

/// The answer to [`TocFormat::CD_TEXT`](crate::toc::TocFormat::CD_TEXT); the numbers in its header are reserved.
pub type CdText<'a> = TocAnswer<'a, TextPack>;

/// Characters of one text in one pack, without the null that ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPiece<'a> {
    /// Track of the text, 0 for the album.
    pub track: u8,
    /// Whether the text starts here.
    pub starts: bool,
    /// Whether the text ends here.
    pub ends: bool,
    /// Whether its characters have two bytes.
    pub double_byte: bool,
    /// The characters; empty if only the terminator is in this pack.
    pub characters: &'a [u8],
}

/// A text that [`CdText::write_text`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenText {
    /// Bytes of the text, which may be more than the buffer took.
    pub length: usize,
    /// Whether its characters have two bytes.
    pub double_byte: bool,
    /// Whether its end was on the disc.
    pub complete: bool,
}

impl<'a> CdText<'a> {
    /// The packs of `kind` in `block`, in the drive's order, check sums not looked at.
    pub fn packs(&self, block: u8, kind: PackKind) -> impl Iterator<Item = TextPack> + Clone + use<'a> {
        self.descriptors().filter(move |pack| is_wanted(pack, block, kind))
    }

    /// The texts of `kind` in `block`, cut where packs and texts end.
    ///
    /// Each pack says which track it starts with, so a missing pack costs only the texts it held.
    pub fn pieces(&self, block: u8, kind: PackKind) -> impl Iterator<Item = TextPiece<'a>> + Clone + use<'a> {
        self.list().chunks_exact(TextPack::LENGTH).flat_map(move |bytes| {
            let pack = TextPack::parse(bytes).ok().filter(|pack| is_wanted(pack, block, kind));
            pack.into_iter().flat_map(move |pack| PackPieces::new(pack, clamp(bytes, 4, 12)))
        })
    }

    /// Joins the text of `kind` for `track` (0 for the album) in `block` in `buffer`, as far as that reaches.
    ///
    /// A text of one tabulator stands for the text of the track before and is replaced by that. `None` if the disc
    /// has no such text.
    pub fn write_text(&self, block: u8, kind: PackKind, track: u8, buffer: &mut [u8]) -> Option<WrittenText> {
        let mut track = track;
        loop {
            let mut text = WrittenText { length: 0, double_byte: false, complete: false };
            let (mut found, mut repeats) = (false, false);
            for piece in self.pieces(block, kind).filter(|piece| piece.track == track) {
                found = true;
                repeats = piece.starts && piece.ends && matches!(piece.characters, [9] | [9, 9]);
                put(buffer, text.length, piece.characters);
                text.length = text.length.saturating_add(piece.characters.len());
                text.double_byte = piece.double_byte;
                text.complete = piece.ends;
                if piece.ends {
                    break;
                }
            }
            if !found {
                return None;
            }
            if !repeats || track == 0 {
                return Some(text);
            }
            track = track.saturating_sub(1);
        }
    }

    /// The sizes and languages of `block`, if its three packs are there.
    #[must_use]
    pub fn size_information(&self, block: u8) -> Option<SizeInformation> {
        let mut bytes = [0_u8; SizeInformation::LENGTH];
        for (element, offset) in [(0, 0), (1, 12), (2, 24)] {
            let pack = self.packs(block, PackKind::SIZE_INFORMATION).find(|pack| pack.track == element)?;
            put(&mut bytes, offset, &pack.text);
        }
        SizeInformation::parse(&bytes).ok()
    }
}

record! {
    /// The characters of the three size information packs of a block.
    pub struct SizeInformation: 36 {
        /// How the characters of the block are coded.
        character_code: CharacterCode = Byte(0),
        /// First track with texts.
        first_track: u8 = Byte(1),
        /// Last track with texts.
        last_track: u8 = Byte(2),
        /// Copyright and the kinds it is asserted for, bits.
        copyright: u8 = Byte(3),
        /// Number of packs of each kind from [`PackKind::TITLE`] on.
        pack_counts: [u8; 16] = Raw(4),
        /// Last sequence number of each block, 0 for blocks that are not there.
        last_sequence: [u8; 8] = Raw(20),
        /// Language of each block (EBU Tech 3258 annex 1), 9 for English.
        languages: [u8; 8] = Raw(28),
    }
}

/// Cuts the 12 bytes of one pack.
#[derive(Clone)]
struct PackPieces<'a> {
    rest: &'a [u8],
    track: u8,
    starts: bool,
    double_byte: bool,
}

impl<'a> PackPieces<'a> {
    fn new(pack: TextPack, characters: &'a [u8]) -> Self {
        Self { rest: characters, track: pack.track, starts: pack.position == 0, double_byte: pack.double_byte }
    }
}

impl<'a> Iterator for PackPieces<'a> {
    type Item = TextPiece<'a>;

    fn next(&mut self) -> Option<TextPiece<'a>> {
        let padding = !self.starts_pack() && self.rest.iter().all(|byte| *byte == 0);
        if self.rest.is_empty() || padding {
            return None;
        }
        let width = if self.double_byte { 2 } else { 1 };
        let end = self.rest.chunks(width).position(|character| character.iter().all(|byte| *byte == 0));
        let (length, ends) = match end {
            Some(characters) => (characters.saturating_mul(width), true),
            None => (self.rest.len(), false),
        };
        let piece = TextPiece {
            track: self.track,
            starts: self.starts,
            ends,
            double_byte: self.double_byte,
            characters: clamp(self.rest, 0, length),
        };
        self.rest = clamp(self.rest, length.saturating_add(width), usize::MAX);
        self.track = self.track.saturating_add(1);
        self.starts = true;
        Some(piece)
    }
}

impl PackPieces<'_> {
    /// Whether nothing of the pack is read yet.
    fn starts_pack(&self) -> bool {
        self.rest.len() == 12
    }
}

fn is_wanted(pack: &TextPack, block: u8, kind: PackKind) -> bool {
    pack.kind == kind && pack.block == block && !pack.extension
}

/// CRC-CCITT: x^16 + x^12 + x^5 + 1 from zero, most significant bit first.
fn crc_ccitt(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).rev().fold(crc, |crc: u16, index| {
            let carry = (crc >> 15 == 1) != bit(*byte, index);
            let shifted = crc.wrapping_shl(1);
            if carry { shifted ^ 0x1021 } else { shifted }
        })
    })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::test_support::total;

    fn pack(kind: PackKind, track: u8, sequence: u8, position: u8, text: &[u8; 12]) -> TextPack {
        let mut pack = TextPack {
            kind,
            track,
            extension: false,
            sequence,
            double_byte: false,
            block: 0,
            position,
            text: *text,
            crc: 0,
        };
        pack.crc = pack.expected_crc();
        pack
    }

    fn answer(packs: &[TextPack]) -> Vec<u8> {
        let list: Vec<u8> = packs.iter().flat_map(|pack| pack.to_bytes()).collect();
        let length = u16::try_from(list.len() + 2).unwrap();
        [&length.to_be_bytes()[..], &[0, 0], &list].concat()
    }

    fn titles() -> Vec<u8> {
        answer(&[
            pack(PackKind::TITLE, 0, 0, 0, b"Album name\0O"),
            pack(PackKind::TITLE, 1, 1, 1, b"ne long titl"),
            pack(PackKind::TITLE, 1, 2, 13, b"e\0\t\0Three\0\0\0"),
        ])
    }

    fn text(bytes: &[u8], kind: PackKind, track: u8) -> Option<Vec<u8>> {
        let mut buffer = [0xEE; 64];
        let text = CdText::parse(bytes).unwrap().write_text(0, kind, track, &mut buffer)?;
        assert!(text.complete && !text.double_byte);
        Some(buffer[..text.length].to_vec())
    }

    /// CRC-16 of the catalogue check string, so that the polynomial and bit order are not taken on faith.
    #[test]
    fn check_sum_is_crc_xmodem_inverted() {
        assert_eq!(crc_ccitt(b"123456789"), 0x31C3);
        let mut pack = pack(PackKind::TITLE, 1, 0, 0, b"Title\0\0\0\0\0\0\0");
        assert!(pack.crc_is_valid());
        pack.text[3] ^= 1;
        assert!(!pack.crc_is_valid());
    }

    /// MMC-6 annex J: byte layout of a pack.
    #[test]
    fn a_pack_is_read_and_written() {
        let pack = TextPack::parse(b"\x81\x02\x05\xA3ABCDEFGHIJKL\x12\x34").unwrap();
        assert_eq!((pack.kind, pack.track, pack.sequence), (PackKind::PERFORMER, 2, 5));
        assert_eq!((pack.double_byte, pack.block, pack.position, pack.crc), (true, 2, 3, 0x1234));
        assert_eq!(&pack.to_bytes(), b"\x81\x02\x05\xA3ABCDEFGHIJKL\x12\x34");
    }

    #[test]
    fn texts_are_joined_across_packs() {
        let bytes = titles();
        assert_eq!(text(&bytes, PackKind::TITLE, 0).as_deref(), Some(&b"Album name"[..]));
        assert_eq!(text(&bytes, PackKind::TITLE, 1).as_deref(), Some(&b"One long title"[..]));
        assert_eq!(text(&bytes, PackKind::TITLE, 2).as_deref(), Some(&b"One long title"[..]), "a tabulator repeats");
        assert_eq!(text(&bytes, PackKind::TITLE, 3).as_deref(), Some(&b"Three"[..]));
        assert_eq!(text(&bytes, PackKind::TITLE, 4), None);
        assert_eq!(text(&bytes, PackKind::PERFORMER, 1), None);
    }

    #[test]
    fn a_small_buffer_gets_the_start_and_the_length() {
        let mut buffer = [0; 5];
        let bytes = titles();
        let text = CdText::parse(&bytes).unwrap().write_text(0, PackKind::TITLE, 1, &mut buffer).unwrap();
        assert_eq!((&buffer, text.length), (b"One l", 14));
    }

    #[test]
    fn characters_of_two_bytes_end_with_two_nulls() {
        let mut wide = pack(PackKind::TITLE, 1, 0, 0, &[0x82, 0xA0, 0x00, 0x41, 0, 0, 0x82, 0xA2, 0, 0, 0, 0]);
        wide.double_byte = true;
        let bytes = answer(&[wide]);
        let toc = CdText::parse(&bytes).unwrap();
        let pieces: Vec<_> = toc.pieces(0, PackKind::TITLE).map(|piece| (piece.track, piece.characters)).collect();
        assert_eq!(pieces, [(1, &[0x82, 0xA0, 0x00, 0x41][..]), (2, &[0x82, 0xA2][..])]);
        let mut buffer = [0; 8];
        assert_eq!(
            toc.write_text(0, PackKind::TITLE, 2, &mut buffer),
            Some(WrittenText { length: 2, double_byte: true, complete: true })
        );
    }

    #[test]
    fn sizes_and_languages_come_from_three_packs() {
        let bytes = answer(&[
            pack(PackKind::SIZE_INFORMATION, 0, 3, 0, &[0, 1, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0]),
            pack(PackKind::SIZE_INFORMATION, 1, 4, 0, &[0, 0, 0, 0, 0, 0, 0, 3, 5, 0, 0, 0]),
            pack(PackKind::SIZE_INFORMATION, 2, 5, 0, &[0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]),
        ]);
        let size = CdText::parse(&bytes).unwrap().size_information(0).unwrap();
        assert_eq!((size.character_code, size.first_track, size.last_track), (CharacterCode::ISO_8859_1, 1, 3));
        assert_eq!((size.pack_counts[0], size.pack_counts[15]), (3, 3));
        assert_eq!((size.last_sequence[0], size.languages[0]), (5, 9));
        assert_eq!(CdText::parse(&bytes).unwrap().size_information(1), None);
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| {
            let toc = CdText::parse(bytes)?;
            for block in 0..BLOCKS {
                let _ = toc.size_information(block);
                for kind in PackKind::NAMED {
                    let _ = toc.pieces(block, kind.0).count();
                    let _ = toc.write_text(block, kind.0, 5, &mut [0; 7]);
                }
            }
            Ok::<_, crate::ParseError>(())
        });
    }
}
