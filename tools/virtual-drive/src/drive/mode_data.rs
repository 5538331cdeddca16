//! The mode pages of each drive: defaults, and which bits a host may change.

use super::model::Model;
use crate::disc::MediaType;

/// Read/write error recovery (MMC-6 7.2).
pub(crate) const ERROR_RECOVERY: u8 = 0x01;
/// Write parameters (MMC-6 7.3).
pub(crate) const WRITE_PARAMETERS: u8 = 0x05;
/// Caching (SBC-3 6.4.5).
pub(crate) const CACHING: u8 = 0x08;
/// CD audio control (MMC-6 7.6).
pub(crate) const AUDIO_CONTROL: u8 = 0x0E;
/// Power condition (SPC-4 7.5.13).
pub(crate) const POWER_CONDITION: u8 = 0x1A;
/// Time-out and protect (MMC-6 7.5).
pub(crate) const TIMEOUT_PROTECT: u8 = 0x1D;
/// Capabilities and mechanical status (MMC-3 5.5.10).
pub(crate) const CAPABILITIES: u8 = 0x2A;

/// A page as the drive keeps it: bytes with code and length in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Values at power-on of a new drive.
    pub(crate) default: Vec<u8>,
    /// Bits that a host may change.
    pub(crate) changeable: Vec<u8>,
    /// Whether the page can be kept over power cycles.
    pub(crate) savable: bool,
}

impl Page {
    /// A page from its bytes after code and length; `changeable` holds pairs of offset in the page and mask.
    fn new(code: u8, body: &[u8], changeable: &[(usize, u8)], savable: bool) -> Self {
        let head = [code, u8::try_from(body.len()).unwrap_or(u8::MAX)];
        let mut mask = [&head[..], &vec![0; body.len()]].concat();
        for (offset, bits) in changeable {
            mask[*offset] = *bits;
        }
        Self { default: [&head[..], body].concat(), changeable: mask, savable }
    }

    /// The page code.
    pub(crate) fn code(&self) -> u8 {
        self.default[0]
    }
}

/// The pages of a drive in ascending order.
pub(crate) fn pages_of(model: &Model) -> Vec<Page> {
    let all = |range: std::ops::Range<usize>| range.map(|offset| (offset, 0xFF)).collect::<Vec<_>>();
    let mut pages = vec![if model.mmc {
        Page::new(ERROR_RECOVERY, &[0xC0, 0x20, 0, 0, 0, 0, 0x20, 0, 0, 0], &[(2, 0xFF), (3, 0xFF), (8, 0xFF)], true)
    } else {
        Page::new(ERROR_RECOVERY, &[0x00, 0x10, 0, 0, 0, 0], &[(2, 0x37), (3, 0xFF)], false)
    }];
    if model.has_writing() {
        // Buffer under-run protection and track at once; single session, data track; Mode 1 blocks.
        let mut body = [0; 0x32];
        (body[0], body[1], body[2], body[13]) = (0x41, 0xC4, 0x08, 150);
        // All but test writing, which is not offered.
        let mask = [&[(2, 0xEF)][..], &all(3..0x34)].concat();
        pages.push(Page::new(WRITE_PARAMETERS, &body, &mask, false));
    }
    if model.mmc {
        let write_cache = if model.has_writing() { 0x04 } else { 0x00 };
        let mask = if model.has_writing() { 0x05 } else { 0x01 };
        pages.push(Page::new(CACHING, &[write_cache, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[(2, mask)], true));
    }
    if model.audio {
        let mut mask = vec![(2, 0x06)];
        mask.extend((8..12).map(|offset| (offset, if offset % 2 == 0 { 0x0F } else { 0xFF })));
        let body = [0x04, 0, 0, 0, 0, 75, 0x01, 0xFF, 0x02, 0xFF, 0, 0, 0, 0];
        pages.push(Page::new(AUDIO_CONTROL, &body, &mask, false));
    }
    if model.mmc {
        let mut mask = vec![(3, 0x03)];
        mask.extend(all(4..12));
        pages.push(Page::new(POWER_CONDITION, &[0, 0, 0, 0, 0x0E, 0x10, 0, 0, 0x8C, 0xA0], &mask, true));
        // All but software write protection, which is not offered.
        let mask = [&[(4, 0x0E)][..], &all(6..12)].concat();
        pages.push(Page::new(TIMEOUT_PROTECT, &[0, 0, 0x04, 0, 0, 20, 0, 60, 0, 0], &mask, true));
    }
    pages.push(capabilities(model));
    pages
}

/// Page 2A without what changes with time: lock, current speeds, write speed descriptors.
fn capabilities(model: &Model) -> Page {
    let reads = |media, bit: u8| if model.can_read(media) { bit } else { 0 };
    let writes = |media, bit: u8| if model.can_write(media) { bit } else { 0 };
    let read_bits = reads(MediaType::CdR, 0x01)
        | reads(MediaType::CdRw, 0x06)
        | reads(MediaType::DvdRom, 0x08)
        | reads(MediaType::DvdR, 0x10)
        | reads(MediaType::DvdRam, 0x20);
    let write_bits = writes(MediaType::CdR, 0x01)
        | writes(MediaType::CdRw, 0x02)
        | writes(MediaType::DvdR, 0x10)
        | writes(MediaType::DvdRam, 0x20);
    let underrun = if model.has_writing() { 0x80 } else { 0 };
    let audio = u8::from(model.audio);
    let [speed_high, speed_low] = model.cd_speed.to_be_bytes();
    let [buffer_high, buffer_low] = model.buffer.to_be_bytes();
    let mut body = vec![0; if model.mmc { 30 } else { 0x12 }];
    body[0] = if model.mmc { read_bits } else { 0 };
    body[1] = write_bits;
    // Multi-session, Mode 2 Form 1 and 2, audio play.
    body[2] = underrun | 0x70 | audio;
    // ISRC, catalogue number, C2 pointers, R to W de-interleaved and raw, accurate CD-DA.
    body[3] = if model.mmc { 0x77 } else { 0x01 };
    // Tray, eject, lock.
    body[4] = 0x29;
    body[5] = 0x03;
    body[6..8].copy_from_slice(&[speed_high, speed_low]);
    body[8..10].copy_from_slice(&[0x01, 0x00]);
    body[10..12].copy_from_slice(&[buffer_high, buffer_low]);
    body[12..14].copy_from_slice(&[speed_high, speed_low]);
    if model.css {
        body[21] = 1;
    }
    Page::new(CAPABILITIES, &body, &[], false)
}
