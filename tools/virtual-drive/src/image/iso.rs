//! One file with the sectors of one track: ISO 9660 or UDF in 2048-byte blocks, or whole CD data sectors.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::error::{ImageError, Problem};
use super::file::FileSource;
use crate::disc::sector::SYNC;
use crate::disc::{Disc, Layers, MediaType, PREGAP, SectorForm, Session, Track, TrackMode, add_structures};

/// The most sectors that are taken for a CD: 80 minutes.
const CD_MAX: u32 = 360_000;
/// The most sectors of a single-layer DVD.
const DVD_MAX: u32 = 2_298_496;
/// The most sectors of a dual-layer DVD.
const DVD_DUAL_MAX: u32 = 4_173_824;
/// Sectors of one layer of a BD.
const BD_LAYER: u32 = 12_219_392;

/// Opens a file of sectors. Whole sectors are known by their sync pattern; other content is taken for 2048-byte
/// blocks when the name ends in `.iso` or a volume descriptor is found.
pub(super) fn open(path: &Path) -> Result<Disc, ImageError> {
    let error = |problem| ImageError::new(path, problem);
    let mut file = File::open(path).map_err(|cause| error(Problem::Io(cause)))?;
    let bytes = file.seek(SeekFrom::End(0)).map_err(|cause| error(Problem::Io(cause)))?;
    if bytes == 0 {
        return Err(error(Problem::Empty));
    }
    let head = read_at(&mut file, 0, 16).map_err(|cause| error(Problem::Io(cause)))?;
    let (form, mode) = if head.starts_with(&SYNC) {
        let with_sub = !bytes.is_multiple_of(2352) && bytes.is_multiple_of(2448);
        let form = if with_sub { SectorForm::RawWithSub2448 } else { SectorForm::Raw2352 };
        let mode = if head.get(15) == Some(&2) { TrackMode::Mode2Xa } else { TrackMode::Mode1 };
        (form, mode)
    } else {
        let named_iso = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("iso"));
        if !named_iso && !has_volume_descriptor(&mut file) {
            return Err(error(Problem::UnknownContent));
        }
        (SectorForm::User2048, TrackMode::Mode1)
    };
    let sector = form.size() as u64;
    if !bytes.is_multiple_of(sector) {
        return Err(error(Problem::PartialSector { bytes, sector }));
    }
    let sectors = bytes / sector;
    let length = u32::try_from(sectors).ok().filter(|sectors| i32::try_from(*sectors).is_ok());
    let length = length.ok_or_else(|| error(Problem::TooManySectors(sectors)))?;
    let source = FileSource { file: Arc::new(Mutex::new(file)), form, offset: 0, end: bytes, swapped: false };
    let track = Track::new(1, 1, mode, 0, length).with_source(Arc::new(source), 0);
    Ok(disc_of(track, form))
}

/// A CD up to 80 minutes of blocks and always of whole CD sectors, else a DVD or BD.
fn disc_of(track: Track, form: SectorForm) -> Disc {
    if form == SectorForm::User2048 && track.length > CD_MAX { large(track) } else { compact(track) }
}

fn compact(track: Track) -> Disc {
    let xa = track.mode == TrackMode::Mode2Xa;
    let mut disc = Disc::complete(MediaType::CdRom, vec![Session::closed(1, vec![track.with_pregap(PREGAP)])]);
    disc.disc_type = if xa { 0x20 } else { 0x00 };
    disc
}

fn large(track: Track) -> Disc {
    let blocks = track.length;
    let (media, count) = match blocks {
        blocks if blocks <= DVD_MAX => (MediaType::DvdRom, 1),
        blocks if blocks <= DVD_DUAL_MAX => (MediaType::DvdRom, 2),
        _ => (MediaType::BdRom, u8::try_from(blocks.div_ceil(BD_LAYER)).unwrap_or(u8::MAX)),
    };
    let layer = blocks.div_ceil(u32::from(count)).next_multiple_of(media.ecc_blocks()).min(blocks);
    let mut disc = Disc::complete(media, vec![Session::closed(1, vec![track])]);
    disc.layers = Some(Layers { count, first_end: layer - 1, opposite: count > 1 });
    add_structures(&mut disc);
    disc
}

/// Whether block 16 begins a volume recognition sequence (ECMA-167 part 2, ECMA-119 clause 8.1).
fn has_volume_descriptor(file: &mut File) -> bool {
    let found = read_at(file, 16 * 2048 + 1, 5).unwrap_or_default();
    [&b"CD001"[..], b"BEA01", b"NSR02", b"NSR03"].contains(&found.as_slice())
}

/// As many of `len` bytes at `offset` as the file has.
fn read_at(file: &mut File, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disc::StructureKey;

    #[test]
    fn the_number_of_blocks_tells_medium_and_layers() {
        for (blocks, media, layers) in [
            (360_000, MediaType::CdRom, None),
            (360_001, MediaType::DvdRom, Some((1, 360_000))),
            (2_298_496, MediaType::DvdRom, Some((1, 2_298_495))),
            (2_298_497, MediaType::DvdRom, Some((2, 1_149_263))),
            (4_173_824, MediaType::DvdRom, Some((2, 2_086_911))),
            (4_173_825, MediaType::BdRom, Some((1, 4_173_824))),
            (12_219_393, MediaType::BdRom, Some((2, 6_109_727))),
        ] {
            let disc = disc_of(Track::new(1, 1, TrackMode::Mode1, 0, blocks), SectorForm::User2048);
            assert_eq!((disc.media, disc.capacity), (media, blocks));
            assert_eq!(disc.layers.map(|layers| (layers.count, layers.first_end)), layers, "{blocks}");
            let physical = disc.structures.get(StructureKey::dvd(0));
            assert_eq!(physical.is_some(), media == MediaType::DvdRom);
        }
        let raw = disc_of(Track::new(1, 1, TrackMode::Mode1, 0, 400_000), SectorForm::Raw2352);
        assert_eq!(raw.media, MediaType::CdRom);
    }
}
