//! Facts about an image, by name.
//!
//! | name | value |
//! |---|---|
//! | `tracks` | first and last track |
//! | `lead_out` | block after the last track |
//! | `sessions` | how many |
//! | `track.N.start`, `.end`, `.pregap`, `.index.K` | blocks |
//! | `track.N.mode` | `audio`, `mode1`, `mode2` |
//! | `track.N.copy`, `track.N.pre` | `yes` or `no`: copying permitted, pre-emphasis |
//! | `track.N.isrc`, `mcn` | the code, or `none` |
//! | `text.T.KIND` | CD-TEXT of track T, 0 for the album |
//! | `texts` | how many CD-TEXT texts there are |
//! | `volume.id`, `volume.system`, `volume.blocks` | of the volume at the start of the disc |
//! | `raw.LBA`, `user.LBA`, `form2.LBA` | hash of 2352, 2048, 2324 bytes of a sector |
//! | `track.N.content` | hash of a whole track: 2048 bytes of each data sector, 2352 of each audio sector |
//! | `content.START+SIZE` | hash of so many bytes from a block on |

use std::collections::BTreeMap;

/// Names and values.
pub(super) type Facts = BTreeMap<String, String>;

/// What stands for something that is not there.
pub(super) const NONE: &str = "none";

/// Bytes of a whole sector.
pub(super) const RAW: usize = 2352;
/// Bytes of user data of a Mode 1 or Form 1 sector.
const USER: usize = 2048;
/// Bytes of user data of a Form 2 sector.
const FORM2: usize = 2324;

/// What our core says of an image.
pub(super) struct Ours {
    /// All that does not depend on what the tool asks.
    pub facts: Facts,
    /// First sector and whole sectors of each track, up to the next.
    pub tracks: Vec<Track>,
    /// Blocks from 0 on as the driver's read requests give them, when the disc begins with data.
    pub blocks: Vec<u8>,
}

/// A track as it is read.
pub(super) struct Track {
    pub number: u8,
    pub start: i32,
    pub end: i32,
    pub mode: &'static str,
    pub raw: Vec<u8>,
}

impl Ours {
    /// The value with this name; `-` for what we do not know.
    pub fn value(&self, name: &str) -> String {
        self.facts.get(name).cloned().or_else(|| self.computed(name)).unwrap_or_else(|| "-".into())
    }

    fn computed(&self, name: &str) -> Option<String> {
        let (what, place) = name.split_once('.')?;
        match what {
            "raw" => self.sector(place.parse().ok()?).map(|(_, sector)| hash(sector)),
            "form2" => self.sector(place.parse().ok()?).map(|(_, sector)| hash(&sector[24..24 + FORM2])),
            "user" => self.content(place.parse().ok()?, USER),
            "content" => {
                let (start, size) = place.split_once('+')?;
                self.content(start.parse().ok()?, size.parse().ok()?)
            }
            "track" => {
                let number = place.strip_suffix(".content")?;
                let track = self.tracks.iter().find(|track| track.number.to_string() == number)?;
                let count = usize::try_from(track.end - track.start).ok()?;
                let sectors = track.raw.chunks_exact(RAW).take(count);
                Some(hash(&sectors.flat_map(|sector| &sector[track.body()]).copied().collect::<Vec<_>>()))
            }
            _ => None,
        }
    }

    fn content(&self, start: i32, size: usize) -> Option<String> {
        let blocks = i32::try_from(size.div_ceil(USER)).ok()?;
        let mut bytes = Vec::with_capacity(size);
        for lba in start..start.checked_add(blocks)? {
            bytes.extend(self.user(lba)?);
        }
        bytes.truncate(size);
        Some(hash(&bytes))
    }

    /// User data of a sector: what read requests gave, else from the whole sector.
    fn user(&self, lba: i32) -> Option<&[u8]> {
        let at = usize::try_from(lba).ok()?.checked_mul(USER)?;
        self.blocks.get(at..at + USER).or_else(|| {
            let (track, sector) = self.sector(lba)?;
            sector.get(track.body())?.get(..USER)
        })
    }

    fn sector(&self, lba: i32) -> Option<(&Track, &[u8])> {
        let track = self.tracks.iter().find(|track| (track.start..track.end).contains(&lba))?;
        let at = usize::try_from(lba - track.start).ok()?.checked_mul(RAW)?;
        Some((track, track.raw.get(at..at + RAW)?))
    }
}

impl Track {
    /// Where the content of a sector lies.
    fn body(&self) -> std::ops::Range<usize> {
        match self.mode {
            "audio" => 0..RAW,
            "mode1" => 16..16 + USER,
            _ => 24..24 + USER,
        }
    }
}

/// A short name of some bytes: their number, and FNV-1a of 64 bits.
pub(super) fn hash(bytes: &[u8]) -> String {
    let code = bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |code, byte| (code ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    format!("{}:{code:016x}", bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_fnv_1a() {
        assert_eq!(hash(b""), "0:cbf29ce484222325");
        assert_eq!(hash(b"foobar"), "6:85944171f73967e8");
    }

    #[test]
    fn sectors_and_contents_are_hashed_when_asked_for() {
        let raw: Vec<u8> = (0..2).flat_map(|sector| [sector; RAW]).collect();
        let track = Track { number: 2, start: 10, end: 11, mode: "mode1", raw };
        let ours = Ours { facts: Facts::new(), tracks: vec![track], blocks: Vec::new() };
        assert_eq!(ours.value("raw.10"), hash(&[0; RAW]));
        assert_eq!(ours.value("user.10"), hash(&[0; USER]));
        assert_eq!(ours.value("track.2.content"), hash(&[0; USER]));
        for unknown in ["raw.12", "content.0+10", "raw.x", "mcn", "track.3.content"] {
            assert_eq!(ours.value(unknown), "-");
        }
    }
}
