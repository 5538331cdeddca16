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
    /// Characters of the text before this piece, 0 where it starts; 15 means 15 or more.
    pub position: u8,
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
    /// Whether no piece of it is missing.
    pub complete: bool,
}

impl WrittenText {
    /// Its length in characters.
    #[must_use]
    pub const fn characters(&self) -> usize {
        if self.double_byte { self.length >> 1 } else { self.length }
    }
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
            let (mut found, mut repeats, mut gapless) = (false, false, true);
            for piece in self.pieces(block, kind).filter(|piece| piece.track == track) {
                found = true;
                repeats = piece.position == 0 && piece.ends && matches!(piece.characters, [9] | [9, 9]);
                gapless &= usize::from(piece.position) == text.characters().min(15);
                put(buffer, text.length, piece.characters);
                text.length = text.length.saturating_add(piece.characters.len());
                text.double_byte = piece.double_byte;
                if piece.ends {
                    text.complete = gapless;
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
    position: u8,
    double_byte: bool,
}

impl<'a> PackPieces<'a> {
    fn new(pack: TextPack, characters: &'a [u8]) -> Self {
        Self { rest: characters, track: pack.track, position: pack.position, double_byte: pack.double_byte }
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
            position: self.position,
            ends,
            double_byte: self.double_byte,
            characters: clamp(self.rest, 0, length),
        };
        self.rest = clamp(self.rest, length.saturating_add(width), usize::MAX);
        self.track = self.track.saturating_add(1);
        self.position = 0;
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
mod tests;
