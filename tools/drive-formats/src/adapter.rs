//! The adapter above the drive: its limits, and the descriptors in which a port tells them.

use std::fmt;
use std::str::FromStr;

use virtual_drive::nearest;
use virtual_drive::script::fields::parse_number;

/// What the adapter can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// AlignmentMask: 0, 1, 3 or 7; address bits that must be 0.
    pub alignment_mask: u32,
    /// MaximumTransferLength in bytes.
    pub max_transfer: u32,
    /// Pages that the adapter can gather; a port tells no more than `max_transfer` has.
    pub max_pages: u32,
}

impl Default for Adapter {
    /// A typical ATAPI adapter.
    fn default() -> Self {
        Self { alignment_mask: 1, max_transfer: 0x1_0000, max_pages: 17 }
    }
}

impl fmt::Display for Adapter {
    /// The text that [`FromStr`] reads.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alignment_mask, max_transfer, max_pages } = self;
        write!(formatter, "alignment-mask={alignment_mask},max-transfer={max_transfer},max-pages={max_pages}")
    }
}

const OPTIONS: [&str; 3] = ["alignment-mask", "max-transfer", "max-pages"];

impl FromStr for Adapter {
    type Err = String;

    /// Reads `alignment-mask=1,max-transfer=65536,max-pages=17`; what is absent keeps its default.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut adapter = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` has no value; write {}", example(part)))?;
            let number = || {
                parse_number(value.trim())
                    .and_then(|number| u32::try_from(number).ok())
                    .ok_or_else(|| format!("`{key}` must be a number below 2^32, not `{value}`"))
            };
            match key.trim() {
                "alignment-mask" => {
                    adapter.alignment_mask = number()?;
                    if !matches!(adapter.alignment_mask, 0 | 1 | 3 | 7) {
                        return Err(format!("`alignment-mask` must be 0, 1, 3 or 7, not {value}"));
                    }
                }
                "max-transfer" => adapter.max_transfer = number()?,
                "max-pages" => adapter.max_pages = number()?,
                other => return Err(format!("unknown adapter option `{other}`; write {}", example(other))),
            }
        }
        Ok(adapter)
    }
}

fn example(key: &str) -> String {
    match nearest(key, OPTIONS, 1).first() {
        Some(near) => format!("`{near}=NUMBER`"),
        None => "alignment-mask=1,max-transfer=65536,max-pages=17".into(),
    }
}

/// BusTypeScsi.
const BUS_TYPE_SCSI: u8 = 1;

/// Bytes of a page.
const PAGE: u32 = 4096;

impl Adapter {
    /// The most bytes that one command may move, to or from a page-aligned buffer.
    #[must_use]
    pub fn most_at_once(&self) -> u32 {
        self.max_pages.saturating_mul(PAGE).min(self.max_transfer).max(PAGE)
    }

    /// `STORAGE_ADAPTER_DESCRIPTOR`, 32 bytes, as the port tells it on which the reference driver was observed.
    #[must_use]
    pub fn descriptor(&self) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        put_u32(&mut bytes, 0, 32);
        put_u32(&mut bytes, 4, 32);
        put_u32(&mut bytes, 8, self.max_transfer);
        put_u32(&mut bytes, 12, self.max_pages.min(self.max_transfer.div_ceil(PAGE)));
        put_u32(&mut bytes, 16, self.alignment_mask);
        // AdapterUsesPio, AcceleratedTransfer, BusType, BusMajorVersion.
        (bytes[20], bytes[23], bytes[24], bytes[26]) = (1, 1, BUS_TYPE_SCSI, 2);
        bytes
    }
}

/// What the observed port leaves behind the strings of a device descriptor: its size counts the blanks that it trims.
const LEFT_BEHIND: [u8; 4] = [0x00, 0x6C, 0x00, 0x64];

/// `STORAGE_DEVICE_DESCRIPTOR` with its strings, from standard INQUIRY data.
///
/// As the port tells it on which the reference driver was observed: strings right behind the fixed part of 36 bytes,
/// without the blanks at their ends.
#[must_use]
pub fn device_descriptor(inquiry: &[u8]) -> Vec<u8> {
    const FIXED: usize = 0x24;
    let byte = |offset: usize| inquiry.get(offset).copied().unwrap_or(0);
    let mut bytes = vec![0; FIXED];
    put_u32(&mut bytes, 0, 0x28);
    bytes[8] = if inquiry.is_empty() { 5 } else { byte(0) & 0x1F };
    bytes[9] = byte(1) & 0x7F;
    bytes[10] = byte(1) >> 7;
    bytes[28] = BUS_TYPE_SCSI;
    let mut trimmed = 0;
    for (field, start, end) in [(12, 8, 16), (16, 16, 32), (20, 32, 36)] {
        let offset = bytes.len();
        let text: Vec<u8> = (start..end).map_while(|at| inquiry.get(at).copied().filter(|byte| *byte != 0)).collect();
        let text = text.trim_ascii_end();
        bytes.extend(text);
        bytes.push(0);
        trimmed += end - start - text.len();
        put_u32(&mut bytes, field, length(offset));
    }
    let raw = length(bytes.len() - FIXED);
    put_u32(&mut bytes, 32, raw);
    bytes.extend(LEFT_BEHIND.iter().cycle().take(trimmed));
    let size = length(bytes.len());
    put_u32(&mut bytes, 4, size);
    bytes
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn put_u32(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        assert_eq!("".parse(), Ok(Adapter::default()));
        assert_eq!(
            "alignment-mask=3, max-transfer=0x20000,max-pages=33".parse(),
            Ok(Adapter { alignment_mask: 3, max_transfer: 0x2_0000, max_pages: 33 })
        );
        for (text, message) in [
            ("max-transfr=5", "unknown adapter option `max-transfr`; write `max-transfer=NUMBER`"),
            ("max-pages", "`max-pages` has no value; write `max-pages=NUMBER`"),
            ("max-pages=many", "`max-pages` must be a number below 2^32, not `many`"),
            ("alignment-mask=2", "`alignment-mask` must be 0, 1, 3 or 7, not 2"),
        ] {
            assert_eq!(text.parse::<Adapter>(), Err(message.into()));
        }
    }
}
