//! From the lines of a sheet to places on a disc.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::sheet::{FileEntry, FileKind, Sheet, TrackEntry};
use crate::disc::{Disc, Extent, Index, MediaType, PREGAP, SectorForm, Session, Track, TrackMode, next_session_start};
use crate::image::error::{ImageError, Problem};
use crate::image::file::{FileSource, SharedFile};
use crate::image::wave;

/// The last block that has an address of minute, second and frame.
const LAST_BLOCK: i64 = 449_849;

/// A file of the sheet, opened.
struct OpenFile {
    file: SharedFile,
    /// First byte of sector data.
    start: u64,
    /// The byte after the last.
    end: u64,
}

/// Sectors from one INDEX to the next.
struct Segment {
    /// Which TRACK of the sheet, from 0.
    track: usize,
    index: u8,
    file: usize,
    offset: u64,
    end: u64,
    sectors: u32,
}

/// The disc that `sheet`, read from `path`, describes.
pub(super) fn build(path: &Path, sheet: &Sheet) -> Result<Disc, ImageError> {
    let files = sheet.files.iter().map(|file| open_file(path, file)).collect::<Result<Vec<_>, _>>()?;
    let segments = segments(path, sheet, &files)?;
    let mut sessions: Vec<Session> = Vec::new();
    let mut end: i64 = 0;
    for (position, entry) in sheet.tracks.iter().enumerate() {
        let own = segments.iter().filter(|segment| segment.track == position);
        let track = place(entry, own, &files, sheet, first_sector(entry, &sessions, end));
        end = track.as_ref().map_or(LAST_BLOCK + 1, |track| i64::from(track.end()));
        let track = track.filter(|_| end <= LAST_BLOCK + 1);
        let track = track.ok_or_else(|| ImageError::at(path, entry.line, Problem::TooLong(end)))?;
        match sessions.last_mut() {
            Some(session) if session.number == entry.session => {
                session.lead_out = track.end();
                session.tracks.push(track);
            }
            _ => sessions.push(Session::closed(entry.session, vec![track])),
        }
    }
    let mut disc = Disc::complete(MediaType::CdRom, sessions);
    disc.catalog = sheet.catalog;
    disc.disc_type = disc_type(&sheet.tracks);
    disc.cd_text = cd_text(path, sheet, &disc)?;
    Ok(disc)
}

/// Where a track begins, pregap included, and how many sectors of silence come before what its file holds.
struct Begin {
    first: i64,
    silence: i64,
}

fn first_sector(entry: &TrackEntry, sessions: &[Session], end: i64) -> Begin {
    let given = i64::from(entry.pregap);
    match sessions.last() {
        None => Begin { first: -i64::from(PREGAP), silence: given.max(i64::from(PREGAP)) },
        Some(session) if session.number != entry.session => {
            let in_file = match &entry.indexes[..] {
                [zero, one, ..] if zero.number == 0 && zero.file == one.file => i64::from(one.sector - zero.sector),
                _ => 0,
            };
            let first = i64::from(next_session_start(session.number, session.lead_out)) - i64::from(PREGAP);
            Begin { first, silence: given.max(i64::from(PREGAP) - in_file) }
        }
        Some(_) => Begin { first: end, silence: given },
    }
}

/// The track with its indexes and content; `None` when it ends beyond what an address can say.
fn place<'a>(
    entry: &TrackEntry,
    segments: impl Iterator<Item = &'a Segment>,
    files: &[OpenFile],
    sheet: &Sheet,
    begin: Begin,
) -> Option<Track> {
    let mut at = i32::try_from(begin.first.checked_add(begin.silence)?).ok()?;
    let mut indexes = Vec::new();
    if begin.silence > 0 {
        indexes.push(Index { number: 0, lba: i32::try_from(begin.first).ok()? });
    }
    let mut extents = Vec::new();
    for segment in segments.filter(|segment| segment.sectors > 0) {
        if segment.index > 0 || indexes.is_empty() {
            indexes.push(Index { number: segment.index, lba: at });
        }
        let swapped = entry.mode == TrackMode::Audio && sheet.files[segment.file].kind == FileKind::Motorola;
        let file = Arc::clone(&files[segment.file].file);
        let source = FileSource { file, form: entry.form, offset: segment.offset, end: segment.end, swapped };
        extents.push(Extent { lba: at, length: segment.sectors, source: Arc::new(source), offset: 0 });
        at = at.checked_add_unsigned(segment.sectors)?;
    }
    let end = at.checked_add_unsigned(entry.postgap)?;
    let start = indexes.iter().find(|index| index.number == 1)?.lba;
    let length = u32::try_from(end.checked_sub(start)?).ok()?;
    let mut track = Track::new(entry.number, entry.session, entry.mode, start, length);
    track.control = entry.control;
    track.isrc = entry.isrc;
    track.indexes = indexes;
    track.extents = extents;
    Some(track)
}

/// All segments of all files; tracks of one file may have sectors of different sizes.
fn segments(path: &Path, sheet: &Sheet, files: &[OpenFile]) -> Result<Vec<Segment>, ImageError> {
    let points: Vec<_> = sheet
        .tracks
        .iter()
        .enumerate()
        .flat_map(|(track, entry)| entry.indexes.iter().map(move |index| (track, entry, index)))
        .collect();
    let used: BTreeSet<usize> = points.iter().map(|(.., index)| index.file).collect();
    if let Some((_, unused)) = sheet.files.iter().enumerate().find(|(number, _)| !used.contains(number)) {
        return Err(ImageError::at(path, unused.line, Problem::UnusedFile(unused.name.clone())));
    }
    let mut segments: Vec<Segment> = Vec::new();
    for (number, &(track, entry, index)) in points.iter().enumerate() {
        let file = &files[index.file];
        let FileEntry { name, kind, .. } = &sheet.files[index.file];
        let error = |problem| ImageError::at(path, index.line, problem);
        if *kind == FileKind::Wave && (entry.mode.is_data() || entry.form != SectorForm::Raw2352) {
            return Err(error(Problem::WaveWithData(entry.number)));
        }
        let size = entry.form.size() as u64;
        let offset = segments.last().filter(|last| last.file == index.file).map_or(file.start, |last| last.end);
        let next = points.get(number + 1).filter(|(.., next)| next.file == index.file);
        let present = file.end - file.start;
        let truncated = |needed| Problem::Truncated { name: name.clone(), present, needed };
        let (sectors, end) = match next {
            Some((.., next)) => {
                let sectors = next.sector - index.sector;
                (sectors, offset + u64::from(sectors) * size)
            }
            None => {
                let left = file.end.saturating_sub(offset);
                let partial = left % size;
                if *kind != FileKind::Wave && left > 0 && partial != 0 {
                    let needed = present - partial + size;
                    let name = name.clone();
                    return Err(error(Problem::EndsInSector { name, present, needed, sector: size }));
                }
                (u32::try_from(left.div_ceil(size)).unwrap_or(u32::MAX), file.end)
            }
        };
        if end > file.end {
            return Err(error(truncated(end - file.start + size)));
        }
        if offset >= file.end {
            return Err(error(truncated(offset - file.start + size)));
        }
        segments.push(Segment { track, index: index.number, file: index.file, offset, end, sectors });
    }
    Ok(segments)
}

fn open_file(sheet: &Path, entry: &FileEntry) -> Result<OpenFile, ImageError> {
    let path = find(sheet, "FILE", entry.line, &entry.name)?;
    let io = |error| ImageError::new(&path, Problem::Io(error));
    let mut file = File::open(&path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let (start, end) = match entry.kind {
        FileKind::Wave => wave::samples(&mut file, size)
            .map_err(|reason| ImageError::at(sheet, entry.line, Problem::Wave { name: entry.name.clone(), reason }))?,
        FileKind::Binary | FileKind::Motorola => (0, size),
    };
    Ok(OpenFile { file: Arc::new(Mutex::new(file)), start, end })
}

/// The file that the sheet names: beside the sheet, else in any case of letters, else by its last part alone.
fn find(sheet: &Path, keyword: &'static str, line: usize, name: &str) -> Result<PathBuf, ImageError> {
    let directory = sheet.parent().unwrap_or(Path::new(""));
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let exact = [directory.join(name), directory.join(name.replace('\\', "/")), directory.join(last)];
    if let Some(found) = exact.into_iter().find(|candidate| candidate.is_file()) {
        return Ok(found);
    }
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let in_any_case = fs::read_dir(listed).ok().and_then(|entries| {
        let mut matching: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().to_lowercase() == last.to_lowercase())
            .map(|entry| entry.path())
            .filter(|candidate| candidate.is_file())
            .collect();
        matching.sort();
        matching.into_iter().next()
    });
    in_any_case.ok_or_else(|| {
        let directory = listed.to_path_buf();
        ImageError::at(sheet, line, Problem::MissingFile { keyword, name: name.to_owned(), directory })
    })
}

/// CD-i with any CD-i track, XA with any Mode 2 track.
fn disc_type(tracks: &[TrackEntry]) -> u8 {
    if tracks.iter().any(|track| track.cdi) {
        0x10
    } else if tracks.iter().any(|track| track.mode == TrackMode::Mode2Xa) {
        0x20
    } else {
        0x00
    }
}

/// The packs of CDTEXTFILE, else packs made of the texts of the sheet for the tracks of the first session.
fn cd_text(path: &Path, sheet: &Sheet, disc: &Disc) -> Result<Option<Vec<u8>>, ImageError> {
    if let Some((line, name)) = &sheet.cd_text_file {
        let file = find(path, "CDTEXTFILE", *line, name)?;
        let bytes = fs::read(&file).map_err(|error| ImageError::new(&file, Problem::Io(error)))?;
        let wrong = Problem::CdTextFile { name: name.clone(), bytes: bytes.len() };
        return strip_packs(&bytes).map(Some).ok_or_else(|| ImageError::at(path, *line, wrong));
    }
    let numbers = disc.sessions.first().into_iter().flat_map(|session| &session.tracks);
    let numbers: Vec<u8> = numbers.filter_map(|track| u8::try_from(track.number).ok()).collect();
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(None) };
    match sheet.text.packs(*first, *last) {
        None if !sheet.text.is_empty() => Err(ImageError::new(path, Problem::CdTextTooLong)),
        packs => Ok(packs),
    }
}

/// Packs without the header of READ TOC's answer and without the zero that some programs append.
fn strip_packs(bytes: &[u8]) -> Option<Vec<u8>> {
    let (skip, tail) = match bytes.len() % 18 {
        0 => (0, 0),
        1 => (0, 1),
        4 => (4, 0),
        5 => (4, 1),
        _ => return None,
    };
    let packs = bytes.get(skip..bytes.len().checked_sub(tail)?)?;
    let valid = !packs.is_empty() && packs.chunks_exact(18).all(|pack| (0x80..=0x8F).contains(&pack[0]));
    valid.then(|| packs.to_vec())
}
