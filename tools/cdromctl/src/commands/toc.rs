//! `toc`, `sessions`, `cdtext`: what IOCTL_CDROM_READ_TOC_EX tells.

use std::fmt;

use anyhow::{Context, Result};
use scsi_cdb::Msf;
use scsi_cdb::toc::cd_text::PackKind;
use scsi_cdb::toc::{CdText, FormattedToc, LEAD_OUT_TRACK, RawToc, TocFormat};
use serde::Serialize;

use crate::cli::Common;
use crate::output;
use crate::session::Program;

/// Room for the longest answer.
const ROOM: u32 = 0xFFF8;

/// A track as people know it.
#[derive(Clone, Debug, Serialize)]
pub struct Track {
    /// Its number.
    pub number: u8,
    /// Its first sector.
    pub start: i32,
    /// Its sectors, up to where the next track starts.
    pub sectors: i32,
    /// Data; else audio.
    pub data: bool,
    /// Audio with pre-emphasis.
    pub pre_emphasis: bool,
    /// Copying is permitted.
    pub copy_permitted: bool,
}

#[derive(Serialize)]
struct Toc {
    tracks: Vec<Track>,
    lead_out: i32,
}

impl fmt::Display for Toc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "track  start     time      length    kind")?;
        for track in &self.tracks {
            let kind = match (track.data, track.pre_emphasis) {
                (true, _) => "data",
                (false, true) => "audio with pre-emphasis",
                (false, false) => "audio",
            };
            let (time, length) = (time(track.start + 150), time(track.sectors));
            writeln!(f, "{:>5}  {:<8}  {time:<8}  {length:<8}  {kind}", track.number, track.start)?;
        }
        writeln!(f, "  end  {:<8}  {}", self.lead_out, time(self.lead_out + 150))
    }
}

/// Minutes, seconds and frames of so many sectors.
fn time(sectors: i32) -> String {
    let frames = u32::try_from(sectors).unwrap_or(0);
    let Msf { minute, second, frame } = Msf::from_frames(frames).unwrap_or(Msf { minute: 99, second: 59, frame: 74 });
    format!("{minute:02}:{second:02}.{frame:02}")
}

/// Asks for the table of contents in `format`. The raw one has its addresses in minutes, seconds and frames whatever is
/// asked (MMC-6 6.25, format 2), but some drives give block numbers in their place unless the MSF bit asks for what it is.
fn fetch(program: &mut Program, format: TocFormat, session: u8) -> Result<Vec<u8>> {
    let msf = if format == TocFormat::RAW_TOC { 0x80 } else { 0 };
    program.ask("IOCTL_CDROM_READ_TOC_EX", &[msf | format.0 & 0x0F, session, 0, 0], ROOM)
}

/// The tracks of the disc, and where they end.
pub fn read_tracks(program: &mut Program) -> Result<(Vec<Track>, i32)> {
    let answer = fetch(program, TocFormat::FORMATTED_TOC, 0)?;
    let toc = FormattedToc::parse(&answer).context("the table of contents has no header")?;
    let descriptors: Vec<_> = toc.descriptors().collect();
    // Between two sessions lie a lead-out and a lead-in, which belong to no track.
    let sessions = read_sessions(program).unwrap_or_default();
    let session_end = |track: u8| {
        let session = sessions.iter().find(|session| (session.first_track..=session.last_track).contains(&track));
        session.map_or(i32::MAX, |session| session.lead_out)
    };
    let starts: Vec<i32> = descriptors.iter().map(|descriptor| descriptor.address.lba().0).collect();
    let tracks = descriptors.iter().enumerate().filter(|(_, track)| track.track != LEAD_OUT_TRACK);
    let tracks = tracks.map(|(index, descriptor)| {
        let start = starts[index];
        let end = starts.get(index + 1).copied().unwrap_or(start).min(session_end(descriptor.track));
        let control = descriptor.control;
        Track {
            number: descriptor.track,
            start,
            sectors: end.saturating_sub(start),
            data: control.is_data(),
            pre_emphasis: control.pre_emphasis() && !control.is_data(),
            copy_permitted: control.copy_permitted(),
        }
    });
    let tracks: Vec<Track> = tracks.collect();
    let lead_out = toc.lead_out().map_or(0, |lead_out| lead_out.address.lba().0);
    Ok((tracks, lead_out))
}

/// `toc`.
pub fn tracks(common: &Common) -> Result<()> {
    let mut program = Program::open_disc(common)?;
    let (tracks, lead_out) = read_tracks(&mut program)?;
    output::report(common, &Toc { tracks, lead_out })?;
    program.close()
}

#[derive(Serialize)]
struct Sessions {
    sessions: Vec<Session>,
}

/// A session as people know it.
#[derive(Debug, Serialize)]
pub struct Session {
    number: u8,
    first_track: u8,
    last_track: u8,
    kind: String,
    lead_out: i32,
}

impl fmt::Display for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for session in &self.sessions {
            let Session { number, first_track, last_track, kind, lead_out } = session;
            writeln!(f, "session {number}: tracks {first_track} to {last_track}, {kind}, lead-out at {lead_out}")?;
        }
        Ok(())
    }
}

/// The sessions of a CD, from its raw table of contents.
pub fn read_sessions(program: &mut Program) -> Result<Vec<Session>> {
    let answer = fetch(program, TocFormat::RAW_TOC, 1)?;
    let toc = RawToc::parse(&answer).context("the raw table of contents has no header")?;
    let sessions = toc.sessions().map(|session| Session {
        number: session.session,
        first_track: session.first_track,
        last_track: session.last_track,
        kind: session.session_type.name().map_or_else(|| format!("{:?}", session.session_type), str::to_owned),
        lead_out: session.lead_out.to_lba().0,
    });
    Ok(sessions.collect())
}

/// `sessions`.
pub fn sessions(common: &Common) -> Result<()> {
    let mut program = Program::open_disc(common)?;
    let sessions = read_sessions(&mut program)?;
    output::report(common, &Sessions { sessions })?;
    program.close()
}

#[derive(Serialize)]
struct Text {
    entries: Vec<TextEntry>,
}

#[derive(Serialize)]
struct TextEntry {
    block: u8,
    track: u8,
    kind: &'static str,
    text: String,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            writeln!(f, "no CD-TEXT")?;
        }
        for TextEntry { track, kind, text, .. } in &self.entries {
            match track {
                0 => writeln!(f, "album     {kind:<20} {text}")?,
                _ => writeln!(f, "track {track:<3} {kind:<20} {text}")?,
            }
        }
        Ok(())
    }
}

/// The kinds whose packs hold text.
const KINDS: [PackKind; 8] = [
    PackKind::TITLE,
    PackKind::PERFORMER,
    PackKind::SONGWRITER,
    PackKind::COMPOSER,
    PackKind::ARRANGER,
    PackKind::MESSAGE,
    PackKind::DISC_ID,
    PackKind::UPC_ISRC,
];

/// `cdtext`.
pub fn text(common: &Common) -> Result<()> {
    let mut program = Program::open_disc(common)?;
    let answer = fetch(&mut program, TocFormat::CD_TEXT, 0)?;
    let text = CdText::parse(&answer).context("the CD-TEXT has no header")?;
    let mut entries = Vec::new();
    for block in 0..8 {
        for track in 0..=99 {
            for kind in KINDS {
                let mut buffer = [0; 512];
                let Some(written) = text.write_text(block, kind, track, &mut buffer) else { continue };
                let bytes = &buffer[..written.length.min(buffer.len())];
                // Single-byte texts are ISO 8859-1, whose code points are those of Unicode.
                let text = if written.double_byte {
                    format!("(two-byte characters: {})", drive_host::results::hex(bytes))
                } else {
                    bytes.iter().copied().map(char::from).collect()
                };
                if !text.is_empty() {
                    entries.push(TextEntry { block, track, kind: kind.name().unwrap_or_default(), text });
                }
            }
        }
    }
    output::report(common, &Text { entries })?;
    program.close()
}
