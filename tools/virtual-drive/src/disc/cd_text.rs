//! CD-TEXT: strings to packs (MMC-3 annex J).

use super::subchannel::crc16;

/// Bytes of a pack: header of four, text of twelve, CRC-16.
pub const PACK_SIZE: usize = 18;
/// Packs that one language block can have.
const MAX_PACKS: usize = 256;
/// Language code of English.
const ENGLISH: u8 = 0x09;

/// Pack types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PackType {
    /// Title of the album or track.
    Title = 0x80,
    /// Performer.
    Performer = 0x81,
    /// Songwriter.
    Songwriter = 0x82,
    /// Composer.
    Composer = 0x83,
    /// Arranger.
    Arranger = 0x84,
    /// Message.
    Message = 0x85,
    /// Disc identification, of the album only.
    DiscId = 0x86,
    /// Genre, of the album only.
    Genre = 0x87,
    /// Catalogue number of the album, ISRC of a track.
    Code = 0x8E,
}

impl PackType {
    /// Every type, in the order of the packs.
    pub const ALL: &'static [Self] = &[
        Self::Title,
        Self::Performer,
        Self::Songwriter,
        Self::Composer,
        Self::Arranger,
        Self::Message,
        Self::DiscId,
        Self::Genre,
        Self::Code,
    ];

    /// Whether only the album has it.
    const fn album_only(self) -> bool {
        matches!(self, Self::DiscId | Self::Genre)
    }
}

/// The text of a disc in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CdText {
    /// Type, track (0 for the album), and text; at most one of each.
    entries: Vec<(PackType, u8, String)>,
}

impl CdText {
    /// No text.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Sets the text of `track` (0 for the album).
    pub fn set(&mut self, kind: PackType, track: u8, text: &str) {
        self.entries.retain(|(other, number, _)| (*other, *number) != (kind, track));
        self.entries.push((kind, track, text.to_owned()));
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The packs for tracks `first` to `last`, in ISO 8859-1 (others become `?`); `None` without text, or when there
    /// is too much of it for one block.
    #[must_use]
    pub fn packs(&self, first: u8, last: u8) -> Option<Vec<u8>> {
        let mut packs: Vec<[u8; PACK_SIZE]> = Vec::new();
        let mut counts = [0_u8; 16];
        for &kind in PackType::ALL {
            let of_kind = self.strings(kind, first, last);
            for pack in split(kind, &of_kind) {
                packs.push(pack);
                counts[usize::from(kind as u8 & 0x0F)] = counts[usize::from(kind as u8 & 0x0F)].checked_add(1)?;
            }
        }
        if packs.is_empty() || packs.len() + 3 > MAX_PACKS {
            return None;
        }
        counts[15] = 3;
        let last_sequence = u8::try_from(packs.len() + 2).ok()?;
        let mut sizes = [0; 36];
        sizes[1] = first;
        sizes[2] = last;
        sizes[4..20].copy_from_slice(&counts);
        sizes[20] = last_sequence;
        sizes[28] = ENGLISH;
        for (part, bytes) in (0_u8..).zip(sizes.chunks_exact(12)) {
            let mut pack = [0; PACK_SIZE];
            pack[0] = 0x8F;
            pack[1] = part;
            pack[4..16].copy_from_slice(bytes);
            packs.push(pack);
        }
        for (sequence, pack) in packs.iter_mut().enumerate() {
            pack[2] = sequence.to_le_bytes()[0];
            let crc = crc16(&pack[..16]);
            pack[16..].copy_from_slice(&crc.to_be_bytes());
        }
        Some(packs.concat())
    }

    /// The zero-ended strings of one type with their tracks: album and every track, or none.
    fn strings(&self, kind: PackType, first: u8, last: u8) -> Vec<(u8, Vec<u8>)> {
        let find = |track: u8| {
            self.entries.iter().find(|(other, number, _)| (*other, *number) == (kind, track)).map(|(.., text)| text)
        };
        let tracks = if kind.album_only() { 0..0 } else { first..last.saturating_add(1) };
        let numbers: Vec<u8> = std::iter::once(0).chain(tracks).collect();
        if numbers.iter().all(|number| find(*number).is_none()) {
            return Vec::new();
        }
        numbers
            .into_iter()
            .map(|number| {
                let text = find(number).map_or("", String::as_str);
                // A genre begins with its code; 0 is "not used".
                let code: &[u8] = if kind == PackType::Genre { &[0, 0] } else { &[] };
                let latin = text.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?'));
                (number, code.iter().copied().chain(latin).chain([0]).collect())
            })
            .collect()
    }
}

/// Cuts the strings of one type into packs; a pack names the track of its first character, and how many characters of
/// that string came before.
fn split(kind: PackType, strings: &[(u8, Vec<u8>)]) -> Vec<[u8; PACK_SIZE]> {
    let characters: Vec<(u8, usize, u8)> = strings
        .iter()
        .flat_map(|(track, bytes)| bytes.iter().enumerate().map(move |(place, byte)| (*track, place, *byte)))
        .collect();
    characters
        .chunks(12)
        .map(|chunk| {
            let mut pack = [0; PACK_SIZE];
            pack[0] = kind as u8;
            pack[1] = chunk[0].0;
            pack[3] = u8::try_from(chunk[0].1.min(15)).unwrap_or(15);
            for (to, (.., byte)) in pack[4..16].iter_mut().zip(chunk) {
                *to = *byte;
            }
            pack
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_name_track_sequence_and_position() {
        let mut text = CdText::new();
        text.set(PackType::Title, 0, "Waves");
        text.set(PackType::Title, 1, "A long first title");
        text.set(PackType::Performer, 2, "Ω");
        let packs = text.packs(1, 2).expect("fits");
        let packs: Vec<&[u8]> = packs.chunks_exact(PACK_SIZE).collect();
        assert_eq!(packs.len(), 3 + 1 + 3);
        assert_eq!(packs[0][..16], *b"\x80\x00\x00\x00Waves\0A long");
        assert_eq!(packs[1][..16], *b"\x80\x01\x01\x06 first title");
        assert_eq!(packs[2][..16], *b"\x80\x01\x02\x0F\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(packs[3][..16], *b"\x81\x00\x03\x00\0\0?\0\0\0\0\0\0\0\0\0");
        assert_eq!(packs[4][..16], [0x8F, 0, 4, 0, 0, 1, 2, 0, 3, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(packs[5][..16], [0x8F, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 3, 6, 0, 0, 0]);
        assert_eq!(packs[6][..16], [0x8F, 2, 6, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        for pack in packs {
            assert_eq!(crc16(&pack[..16]).to_be_bytes(), pack[16..]);
        }
    }

    #[test]
    fn none_without_text_or_with_too_much() {
        assert_eq!(CdText::new().packs(1, 1), None);
        let mut text = CdText::new();
        text.set(PackType::Message, 0, &"x".repeat(12 * 254));
        assert_eq!(text.packs(1, 1), None);
    }
}
