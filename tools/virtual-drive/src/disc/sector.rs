//! The 2352 bytes of a CD sector: sync, header, sub-header, error detection and correction.

use super::layout::TrackMode;
use super::source::SectorForm;

/// Bytes of a sector's main channel.
pub const RAW_SIZE: usize = 2352;
/// Bytes of user data of a Mode 1 or Form 1 sector.
pub const USER_SIZE: usize = 2048;
/// The pattern that begins each data sector (ECMA-130 clause 14.1).
pub const SYNC: [u8; 12] = [0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];

/// The bit of the sub-mode byte that tells Form 2 from Form 1.
const SUBMODE_FORM2: u8 = 0x20;
/// The bit of the sub-mode byte for computer data.
const SUBMODE_DATA: u8 = 0x08;

/// What a sector is, read from its own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectorKind {
    /// CD audio.
    Audio,
    /// Mode 1: user data at byte 16.
    Mode1,
    /// Mode 2 without sub-header: 2336 bytes at byte 16.
    Mode2,
    /// Mode 2 Form 1: 2048 bytes at byte 24.
    Form1,
    /// Mode 2 Form 2: 2324 bytes at byte 24.
    Form2,
}

impl SectorKind {
    /// The kind of the sector `raw` in a track of `mode`.
    #[must_use]
    pub const fn of(mode: TrackMode, raw: &[u8; RAW_SIZE]) -> Self {
        match (mode, raw[15] & 0x03) {
            (TrackMode::Audio, _) => Self::Audio,
            (_, 2) if matches!(mode, TrackMode::Mode2) => Self::Mode2,
            (_, 2) if raw[18] & SUBMODE_FORM2 != 0 => Self::Form2,
            (_, 2) => Self::Form1,
            _ => Self::Mode1,
        }
    }

    /// Where the 2048 bytes of user data begin; `None` when the sector has none.
    #[must_use]
    pub const fn user_data_offset(self) -> Option<usize> {
        match self {
            Self::Mode1 => Some(16),
            Self::Form1 => Some(24),
            _ => None,
        }
    }
}

/// The whole sector at `lba` of a track of `mode`, from what a source holds of it.
///
/// `body` has the size of `form`. Whole sectors are taken as they are.
#[must_use]
pub fn synthesise(mode: TrackMode, lba: i32, form: SectorForm, body: &[u8]) -> [u8; RAW_SIZE] {
    let mut raw = [0; RAW_SIZE];
    match (form, mode) {
        (SectorForm::Raw2352 | SectorForm::RawWithSub2448, _) | (_, TrackMode::Audio) => put(&mut raw, 0, body),
        (SectorForm::User2048, TrackMode::Mode1) => {
            put_header(&mut raw, lba, 1);
            put(&mut raw, 16, body);
            seal_mode1(&mut raw);
        }
        (SectorForm::User2048, TrackMode::Mode2Xa) => {
            put_header(&mut raw, lba, 2);
            put_sub_header(&mut raw, SUBMODE_DATA);
            put(&mut raw, 24, body);
            seal_form1(&mut raw);
        }
        (SectorForm::Form2User2324, _) => {
            put_header(&mut raw, lba, 2);
            put_sub_header(&mut raw, SUBMODE_FORM2);
            put(&mut raw, 24, body);
            seal_form2(&mut raw);
        }
        (SectorForm::User2048 | SectorForm::Mode2Body2336, _) => {
            put_header(&mut raw, lba, 2);
            put(&mut raw, 16, body);
        }
    }
    raw
}

/// The Form 1 sector `raw` with another sub-header (file, channel, sub-mode and coding, twice) and its codes anew.
#[must_use]
pub fn with_sub_header(mut raw: [u8; RAW_SIZE], sub_header: [u8; 8]) -> [u8; RAW_SIZE] {
    raw[16..24].copy_from_slice(&sub_header);
    seal_form1(&mut raw);
    raw
}

/// The sector at `lba` of a track of `mode` where nothing is given: silence, or zeros with valid codes.
#[must_use]
pub fn empty(mode: TrackMode, lba: i32) -> [u8; RAW_SIZE] {
    let form = match mode {
        TrackMode::Audio => SectorForm::Raw2352,
        TrackMode::Mode1 => SectorForm::User2048,
        TrackMode::Mode2 => SectorForm::Mode2Body2336,
        TrackMode::Mode2Xa => SectorForm::Form2User2324,
    };
    synthesise(mode, lba, form, &[])
}

/// The error detection code of `bytes` (ECMA-130 clause 14.3): a CRC-32 with the polynomial
/// (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1), least significant bit first; stored little-endian.
#[must_use]
pub fn edc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |code, &byte| (code >> 8) ^ EDC_TABLE[usize::from(code.to_le_bytes()[0] ^ byte)])
}

/// A binary number below 100 as two decimal digits, one a nibble.
#[must_use]
pub const fn bcd(value: u8) -> u8 {
    ((value / 10 % 10) << 4) | (value % 10)
}

/// Minute, second and frame of the absolute time of `lba`, in BCD; lead-in addresses count back from 100:00:00.
#[must_use]
pub fn absolute_msf_bcd(lba: i32) -> [u8; 3] {
    frames_bcd((i64::from(lba) + 150).rem_euclid(450_000))
}

/// `frames` as minute, second and frame in BCD; minutes beyond 99 begin again at 0.
#[must_use]
pub fn frames_bcd(frames: i64) -> [u8; 3] {
    [frames / 4500 % 100, frames / 75 % 60, frames % 75].map(|part| bcd(u8::try_from(part).unwrap_or(0)))
}

fn put(raw: &mut [u8; RAW_SIZE], at: usize, body: &[u8]) {
    let len = body.len().min(RAW_SIZE - at);
    raw[at..at + len].copy_from_slice(&body[..len]);
}

fn put_header(raw: &mut [u8; RAW_SIZE], lba: i32, mode: u8) {
    raw[..12].copy_from_slice(&SYNC);
    raw[12..15].copy_from_slice(&absolute_msf_bcd(lba));
    raw[15] = mode;
}

fn put_sub_header(raw: &mut [u8; RAW_SIZE], submode: u8) {
    raw[18] = submode;
    raw[22] = submode;
}

fn put_edc(raw: &mut [u8; RAW_SIZE], from: usize, to: usize) {
    let code = edc(&raw[from..to]);
    raw[to..to + 4].copy_from_slice(&code.to_le_bytes());
}

/// Writes EDC and ECC of a Mode 1 sector (ECMA-130 clause 14).
fn seal_mode1(raw: &mut [u8; RAW_SIZE]) {
    put_edc(raw, 0, 2064);
    put_parity(raw);
}

/// Writes EDC and ECC of a Mode 2 Form 1 sector: the header counts as zeros.
fn seal_form1(raw: &mut [u8; RAW_SIZE]) {
    put_edc(raw, 16, 2072);
    let header = [raw[12], raw[13], raw[14], raw[15]];
    raw[12..16].fill(0);
    put_parity(raw);
    raw[12..16].copy_from_slice(&header);
}

/// Writes the EDC of a Mode 2 Form 2 sector.
fn seal_form2(raw: &mut [u8; RAW_SIZE]) {
    put_edc(raw, 16, 2348);
}

/// Columns of the P code, and bytes from one row to the next, in 16-bit words.
const P_COLUMNS: usize = 43;
/// Rows of data under the P code.
const P_ROWS: usize = 24;
/// Diagonals of the Q code.
const Q_DIAGONALS: usize = 26;
/// Words under each Q diagonal.
const Q_LENGTH: usize = 43;
/// Words under the Q code: data and P parity.
const Q_WORDS: usize = 1118;

/// Writes P parity, then Q parity, of bytes 12 to 2075 (ECMA-130 annex A).
fn put_parity(raw: &mut [u8; RAW_SIZE]) {
    // Low and high bytes of the words are coded apart.
    for plane in 0..2 {
        for column in 0..P_COLUMNS {
            let word = |row: usize| 12 + 2 * (P_COLUMNS * row + column) + plane;
            let parity = parity((0..P_ROWS).map(|row| raw[word(row)]));
            raw[word(P_ROWS)] = parity[0];
            raw[word(P_ROWS + 1)] = parity[1];
        }
    }
    for plane in 0..2 {
        for diagonal in 0..Q_DIAGONALS {
            let word = |m: usize| 12 + 2 * ((44 * m + 43 * diagonal) % Q_WORDS) + plane;
            let parity = parity((0..Q_LENGTH).map(|m| raw[word(m)]));
            raw[12 + 2 * (Q_WORDS + diagonal) + plane] = parity[0];
            raw[12 + 2 * (Q_WORDS + Q_DIAGONALS + diagonal) + plane] = parity[1];
        }
    }
}

/// The two parity bytes that make the sum of all symbols, and their sum weighted by falling powers of alpha, zero.
fn parity(data: impl Iterator<Item = u8>) -> [u8; 2] {
    let (sum, weighted) = data.fold((0, 0), |(sum, weighted), byte| (sum ^ byte, times_alpha(weighted) ^ byte));
    let weighted = times_alpha(times_alpha(weighted));
    let first = OVER_ALPHA_PLUS_ONE[usize::from(sum ^ weighted)];
    [first, sum ^ first]
}

/// Multiplies by alpha = x in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1.
const fn times_alpha(value: u8) -> u8 {
    (value << 1) ^ (if value & 0x80 != 0 { 0x1D } else { 0 })
}

/// Each field element divided by alpha + 1.
const OVER_ALPHA_PLUS_ONE: [u8; 256] = {
    let mut table = [0; 256];
    let mut quotient: u8 = 255;
    while quotient > 0 {
        table[(times_alpha(quotient) ^ quotient) as usize] = quotient;
        quotient -= 1;
    }
    table
};

const EDC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut code = index as u32;
        let mut bit = 0;
        while bit < 8 {
            code = (code >> 1) ^ (if code & 1 != 0 { 0xD801_8001 } else { 0 });
            bit += 1;
        }
        table[index] = code;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Remainder of the message, bit by bit, least significant bit of each byte first.
    fn edc_by_division(bytes: &[u8]) -> u32 {
        // (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1), multiplied out without carries.
        let generator =
            (0..17_u32).filter(|bit| 0x1_8005_u64 >> bit & 1 != 0).fold(0, |sum, bit| sum ^ 0x1_0007_u64 << bit);
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1))).chain([0; 32]);
        let remainder = bits.fold(0_u64, |rest, bit| {
            let shifted = rest << 1 | bit;
            if shifted >> 32 & 1 != 0 { shifted ^ generator } else { shifted }
        });
        u32::try_from(remainder).unwrap().reverse_bits()
    }

    fn power(exponent: usize) -> u8 {
        (0..exponent).fold(1, |value, _| times_alpha(value))
    }

    fn product(left: u8, right: u8) -> u8 {
        (0..8)
            .fold((0, left), |(sum, left), bit| {
                (if right >> bit & 1 != 0 { sum ^ left } else { sum }, times_alpha(left))
            })
            .0
    }

    /// The check matrix of ECMA-130 annex A times the code word: both rows must give zero.
    fn assert_code_word(word: &[u8]) {
        let weights = (0..word.len()).rev().map(power);
        assert_eq!(word.iter().fold(0, |sum, byte| sum ^ byte), 0);
        assert_eq!(word.iter().zip(weights).fold(0, |sum, (byte, weight)| sum ^ product(*byte, weight)), 0);
    }

    fn assert_parity(raw: &[u8; RAW_SIZE]) {
        let byte = |word: usize, plane: usize| raw[12 + 2 * word + plane];
        for plane in 0..2 {
            for column in 0..43 {
                let word: Vec<u8> = (0..26).map(|row| byte(43 * row + column, plane)).collect();
                assert_code_word(&word);
            }
            for diagonal in 0..26 {
                let data = (0..43).map(|m| byte((44 * m + 43 * diagonal) % 1118, plane));
                let word: Vec<u8> = data.chain([byte(1118 + diagonal, plane), byte(1144 + diagonal, plane)]).collect();
                assert_code_word(&word);
            }
        }
    }

    fn pattern() -> Vec<u8> {
        (0..2048_u32).map(|place| ((place * place) >> 3).to_le_bytes()[0]).collect()
    }

    #[test]
    fn edc_is_the_remainder_of_the_clause() {
        assert_eq!(edc(&[]), 0);
        for bytes in [&[0x01][..], b"123456789", &pattern()] {
            assert_eq!(edc(bytes), edc_by_division(bytes));
        }
        // The check value of CRC-32/CD-ROM-EDC.
        assert_eq!(edc(b"123456789"), 0x6EC2_EDC4);
    }

    #[test]
    fn mode1_sector_has_header_edc_and_parity() {
        let raw = synthesise(TrackMode::Mode1, 4_350, SectorForm::User2048, &pattern());
        assert_eq!(raw[..16], [0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0x01, 0x00, 0x00, 0x01]);
        assert_eq!(raw[16..2064], pattern());
        assert_eq!(edc(&raw[..2068]), 0);
        assert_eq!(raw[2068..2076], [0; 8]);
        assert_parity(&raw);
        assert_eq!(SectorKind::of(TrackMode::Mode1, &raw), SectorKind::Mode1);
    }

    #[test]
    fn form1_parity_takes_the_header_for_zeros() {
        let mut raw = synthesise(TrackMode::Mode2Xa, 16, SectorForm::User2048, &pattern());
        assert_eq!(raw[12..24], [0x00, 0x02, 0x16, 0x02, 0, 0, 8, 0, 0, 0, 8, 0]);
        assert_eq!(edc(&raw[16..2076]), 0);
        assert_eq!(SectorKind::of(TrackMode::Mode2Xa, &raw), SectorKind::Form1);
        raw[12..16].fill(0);
        assert_parity(&raw);
    }

    #[test]
    fn form2_has_edc_only() {
        let raw = synthesise(TrackMode::Mode2Xa, -150, SectorForm::Form2User2324, &[0x5A; 2324]);
        assert_eq!(raw[12..24], [0, 0, 0, 2, 0, 0, 0x20, 0, 0, 0, 0x20, 0]);
        assert_eq!(edc(&raw[16..]), 0);
        assert_eq!(SectorKind::of(TrackMode::Mode2Xa, &raw), SectorKind::Form2);
    }

    #[test]
    fn addresses_are_bcd() {
        assert_eq!(absolute_msf_bcd(0), [0x00, 0x02, 0x00]);
        assert_eq!(absolute_msf_bcd(449_849), [0x99, 0x59, 0x74]);
        assert_eq!(absolute_msf_bcd(-151), [0x99, 0x59, 0x74]);
        assert_eq!(absolute_msf_bcd(i32::MIN).len(), 3);
    }
}
