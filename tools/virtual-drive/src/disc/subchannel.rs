//! Sub-channels: P, Q with its three kinds of content, and R to W.

use super::Disc;
use super::layout::Track;
use super::sector::{absolute_msf_bcd, bcd, frames_bcd};

/// Bytes of the raw sub-channels of a sector.
pub const SUB_SIZE: usize = 96;

/// Frames between two catalogue numbers, and between two ISRCs: ECMA-130 asks for one in 100 sectors.
const INTERVAL: i64 = 96;
/// Where in each interval the catalogue number is.
const CATALOG_AT: i64 = 32;
/// Where in each interval the ISRC is.
const ISRC_AT: i64 = 64;

/// CRC-16 of sub-channel Q and of CD-TEXT packs: x^16 + x^12 + x^5 + 1, from zero, all bits inverted at the end
/// (ECMA-130 clause 22.3.4); stored big-endian.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0_u16, |code, &byte| {
        (0..8).fold(code ^ u16::from(byte) << 8, |code, _| (code << 1) ^ (if code & 0x8000 != 0 { 0x1021 } else { 0 }))
    })
}

impl Disc {
    /// Sub-channel Q of the sector at `lba` as on the disc: 10 bytes and their CRC-16; `None` outside all tracks.
    ///
    /// Every 96th frame carries the catalogue number (ADR 2), another one the ISRC (ADR 3), when there are such.
    #[must_use]
    pub fn sub_q(&self, lba: i32) -> Option<[u8; 12]> {
        let track = self.track_at(lba)?;
        let phase = (i64::from(lba) + 150).rem_euclid(INTERVAL);
        let other = match phase {
            CATALOG_AT => self.catalog.map(|digits| (2, catalog_nibbles(&digits))),
            ISRC_AT if lba >= track.start => track.isrc.map(|code| (3, isrc_bits(&code))),
            _ => None,
        };
        Some(match other {
            Some((adr, content)) => numbered_q(track.control, adr, content, lba),
            None => position_q(track, lba),
        })
    }

    /// Current position in sub-channel Q (ADR 1) at `lba`, whatever the sector itself carries.
    #[must_use]
    pub fn position_q(&self, lba: i32) -> Option<[u8; 12]> {
        self.track_at(lba).map(|track| position_q(track, lba))
    }

    /// The 16 bytes of formatted sub-channel Q of READ CD (MMC-6 table 358): Q with its CRC, three zeros, and P in
    /// bit 7 of the last byte.
    #[must_use]
    pub fn formatted_q(&self, lba: i32) -> Option<[u8; 16]> {
        let mut formatted = [0; 16];
        formatted[..12].copy_from_slice(&self.sub_q(lba)?);
        formatted[15] = if self.p_flag(lba) { 0x80 } else { 0 };
        Some(formatted)
    }

    /// The 96 bytes of raw sub-channels of the sector at `lba`: one symbol a byte, P in bit 7 down to W in bit 0.
    #[must_use]
    pub fn sub_channels(&self, lba: i32) -> Option<[u8; SUB_SIZE]> {
        let q = self.sub_q(lba)?;
        let p = if self.p_flag(lba) { 0x80 } else { 0 };
        let r_to_w = self.sub_r_to_w(lba);
        let mut symbols = [0; SUB_SIZE];
        for (index, symbol) in symbols.iter_mut().enumerate() {
            let q_bit = q[index / 8] >> (7 - index % 8) & 1;
            *symbol = p | q_bit << 6 | r_to_w.get(index).copied().unwrap_or(0) & 0x3F;
        }
        Some(symbols)
    }

    /// Whether sub-channel P is set: in pregaps.
    fn p_flag(&self, lba: i32) -> bool {
        self.track_at(lba).is_some_and(|track| track.index_at(lba) == 0)
    }
}

fn with_crc(mut q: [u8; 12]) -> [u8; 12] {
    let crc = crc16(&q[..10]);
    q[10..].copy_from_slice(&crc.to_be_bytes());
    q
}

/// ADR 1: track, index, relative and absolute time. In a pregap the relative time falls to zero.
fn position_q(track: &Track, lba: i32) -> [u8; 12] {
    let index = track.index_at(lba);
    let relative = if lba >= track.start {
        i64::from(lba) - i64::from(track.start)
    } else {
        i64::from(track.start) - 1 - i64::from(lba)
    };
    let number = u8::try_from(track.number).unwrap_or(u8::MAX);
    let mut q = [0; 12];
    q[0] = track.control << 4 | 1;
    q[1] = bcd(number);
    q[2] = bcd(index);
    q[3..6].copy_from_slice(&frames_bcd(relative));
    q[7..10].copy_from_slice(&absolute_msf_bcd(lba));
    with_crc(q)
}

/// ADR 2 and 3: eight bytes of content and the frame of the absolute time.
fn numbered_q(control: u8, adr: u8, content: [u8; 8], lba: i32) -> [u8; 12] {
    let mut q = [0; 12];
    q[0] = control << 4 | adr;
    q[1..9].copy_from_slice(&content);
    q[9] = absolute_msf_bcd(lba)[2];
    with_crc(q)
}

/// 13 digits, one a nibble, and zeros (ECMA-130 clause 22.3.5).
fn catalog_nibbles(digits: &[u8; 13]) -> [u8; 8] {
    let mut content = [0; 8];
    for (index, digit) in digits.iter().enumerate() {
        content[index / 2] |= (digit & 0x0F) << (if index % 2 == 0 { 4 } else { 0 });
    }
    content
}

/// Five characters of six bits, two zero bits, seven digits of four bits, four zero bits (ECMA-130 clause 22.3.6).
fn isrc_bits(code: &[u8; 12]) -> [u8; 8] {
    let six_bits = |character: u8| match character {
        b'A'..=b'Z' => character - b'A' + 17,
        b'a'..=b'z' => character - b'a' + 17,
        _ => character & 0x0F,
    };
    let letters = code[..5].iter().fold(0, |bits, &character| bits << 6 | u64::from(six_bits(character)));
    let digits = code[5..].iter().fold(letters << 2, |bits, &digit| bits << 4 | u64::from(digit & 0x0F));
    (digits << 4).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disc::generated;

    #[test]
    fn crc_has_the_check_value_of_its_kind() {
        // CRC-16/GENIBUS starts from all ones; from zero with inverted output the check value is this.
        assert_eq!(crc16(b"123456789"), 0xCE3C);
        assert_eq!(crc16(&[]), 0xFFFF);
    }

    #[test]
    fn position_counts_down_in_a_pregap_and_up_in_a_track() {
        let disc = generated::by_name("audio-cd").expect("generated");
        let q = |lba| disc.position_q(lba).expect("in a track");
        assert_eq!(q(-150)[..10], [0x01, 0x01, 0x00, 0x00, 0x01, 0x74, 0, 0x00, 0x00, 0x00]);
        assert_eq!(q(-1)[..10], [0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0, 0x00, 0x01, 0x74]);
        assert_eq!(q(0)[..10], [0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0, 0x00, 0x02, 0x00]);
        assert_eq!(q(15_000)[..10], [0x01, 0x02, 0x02, 0x01, 0x18, 0x00, 0, 0x03, 0x22, 0x00]);
        assert_eq!(disc.sub_q(i32::MAX), None);
        let q = q(0);
        assert_eq!(crc16(&q[..10]).to_be_bytes(), q[10..]);
    }

    #[test]
    fn catalogue_number_and_isrc_come_once_in_96_frames() {
        let disc = generated::by_name("mixed-cd").expect("generated");
        let adr: Vec<u8> = (0..96).map(|lba| disc.sub_q(lba).expect("in a track")[0] & 0x0F).collect();
        assert_eq!(adr.iter().filter(|adr| **adr == 2).count(), 1);
        assert_eq!(adr.iter().filter(|adr| **adr == 3).count(), 1);
        let of = |wanted: u8| (0..96).filter_map(|lba| disc.sub_q(lba)).find(|q| q[0] & 0x0F == wanted).expect("there");
        assert_eq!(of(2)[1..9], [0x20, 0x12, 0x34, 0x56, 0x78, 0x90, 0x30, 0x00]);
        // GBCRS 24 00001: letters of six bits from A = 0x11, then seven digits.
        let letters = [0x17_u64, 0x12, 0x13, 0x22, 0x23].iter().fold(0, |bits, letter| bits << 6 | letter);
        assert_eq!(of(3)[1..9], (letters << 34 | 0x240_0001 << 4).to_be_bytes());
    }

    #[test]
    fn raw_and_formatted_sub_channels_agree() {
        let disc = generated::by_name("audio-cd").expect("generated");
        for lba in [-1, 0, 9_000, 9_149, 9_150] {
            let raw = disc.sub_channels(lba).expect("in a track");
            let formatted = disc.formatted_q(lba).expect("in a track");
            let q: Vec<u8> =
                raw.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit >> 6 & 1)).collect();
            assert_eq!(q, formatted[..12]);
            assert!(raw.iter().all(|symbol| symbol & 0x80 == formatted[15]));
        }
    }
}
