//! The text of a CUE sheet as values, each with its line.

use std::path::Path;

use crate::disc::cd_text::{CdText, PackType};
use crate::disc::{SectorForm, TrackMode, control};
use crate::image::{ImageError, Problem};

/// Every keyword, for messages.
pub const KEYWORDS: &str = "ARRANGER, CATALOG, CDTEXTFILE, COMPOSER, DISC_ID, FILE, FLAGS, GENRE, INDEX, ISRC, MESSAGE, \
     PERFORMER, POSTGAP, PREGAP, REM, SONGWRITER, TITLE and TRACK";

/// A CUE sheet.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Media catalogue number.
    pub catalog: Option<[u8; 13]>,
    /// Name of the file with CD-TEXT packs, and its line.
    pub cd_text_file: Option<(usize, String)>,
    /// Texts of the album and the tracks.
    pub text: CdText,
    /// Files in order.
    pub files: Vec<FileEntry>,
    /// Tracks in order.
    pub tracks: Vec<TrackEntry>,
}

/// A FILE line.
#[derive(Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Line of the sheet.
    pub line: usize,
    /// The name as written.
    pub name: String,
    /// The type of the file.
    pub kind: FileKind,
}

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Sectors, samples least significant byte first.
    Binary,
    /// Sectors, samples most significant byte first.
    Motorola,
    /// RIFF WAVE.
    Wave,
}

/// A TRACK line and what follows it.
#[derive(Debug)]
pub struct TrackEntry {
    /// Line of the sheet.
    pub line: usize,
    /// 1 to 99.
    pub number: u16,
    /// The session it is in.
    pub session: u16,
    /// What its sectors are.
    pub mode: TrackMode,
    /// What the file holds of each.
    pub form: SectorForm,
    /// Whether it is a CD-i track.
    pub cdi: bool,
    /// Control nibble.
    pub control: u8,
    /// ISRC.
    pub isrc: Option<[u8; 12]>,
    /// Sectors of PREGAP.
    pub pregap: u32,
    /// Sectors of POSTGAP.
    pub postgap: u32,
    /// INDEX lines.
    pub indexes: Vec<IndexEntry>,
}

/// An INDEX line.
#[derive(Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Line of the sheet.
    pub line: usize,
    /// 0 to 99.
    pub number: u8,
    /// Which of the files, from 0.
    pub file: usize,
    /// Sector in the file.
    pub sector: u32,
}

/// Reads the text of a sheet; `path` is for messages.
///
/// # Errors
/// [`ImageError`] with the line.
pub fn parse(path: &Path, text: &str) -> Result<Sheet, ImageError> {
    let mut sheet = Sheet::default();
    let mut session = 1;
    for (line, content) in (1..).zip(text.lines()) {
        statement(&mut sheet, &mut session, line, content).map_err(|problem| ImageError::at(path, line, problem))?;
    }
    for track in &sheet.tracks {
        if !track.indexes.iter().any(|index| index.number == 1) {
            return Err(ImageError::at(path, track.line, Problem::NoIndex(track.number)));
        }
    }
    if sheet.tracks.is_empty() {
        return Err(ImageError::new(path, Problem::NoTracks));
    }
    Ok(sheet)
}

/// Minutes, seconds and frames as a CUE sheet writes them.
#[must_use]
pub fn time(sectors: u32) -> String {
    format!("{:02}:{:02}:{:02}", sectors / 4500, sectors / 75 % 60, sectors % 75)
}

fn statement(sheet: &mut Sheet, session: &mut u16, line: usize, content: &str) -> Result<(), Problem> {
    let content = content.trim_start_matches('\u{FEFF}').trim();
    let (keyword, rest) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
    let upper = keyword.to_ascii_uppercase();
    if let Some((_, kind)) = TEXTS.iter().find(|(name, _)| *name == upper) {
        let track = sheet.tracks.last().map_or(0, |track| u8::try_from(track.number).unwrap_or(0));
        sheet.text.set(*kind, track, unquoted(rest));
        return Ok(());
    }
    let words = if upper == "REM" { rest.split_whitespace().map(str::to_owned).collect() } else { words(rest)? };
    let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    match upper.as_str() {
        "" => Ok(()),
        "REM" => remark(sheet, session, &arguments),
        "CATALOG" => {
            sheet.catalog = Some(catalog(&arguments)?);
            Ok(())
        }
        "CDTEXTFILE" => {
            let [name] = arguments[..] else { return Err(wrong_form("CDTEXTFILE", "the name of a file")) };
            sheet.cd_text_file = Some((line, name.to_owned()));
            Ok(())
        }
        "FILE" => file(sheet, line, &arguments),
        "TRACK" => track(sheet, *session, line, &arguments),
        "INDEX" => index(sheet, line, &arguments),
        "PREGAP" => {
            let (track, sectors) = gap(sheet, "PREGAP", &arguments)?;
            if !track.indexes.is_empty() {
                return Err(Problem::Misplaced { keyword: "PREGAP", place: "before the first INDEX of its TRACK" });
            }
            track.pregap = sectors;
            Ok(())
        }
        "POSTGAP" => {
            let (track, sectors) = gap(sheet, "POSTGAP", &arguments)?;
            if track.indexes.is_empty() {
                return Err(Problem::Misplaced { keyword: "POSTGAP", place: "after the last INDEX of its TRACK" });
            }
            track.postgap = sectors;
            Ok(())
        }
        "FLAGS" => flags(current_track(sheet, "FLAGS")?, &arguments),
        "ISRC" => {
            let code = isrc(&arguments)?;
            current_track(sheet, "ISRC")?.isrc = Some(code);
            Ok(())
        }
        _ => Err(Problem::UnknownKeyword(keyword.to_owned())),
    }
}

/// Keywords that give a text.
const TEXTS: &[(&str, PackType)] = &[
    ("TITLE", PackType::Title),
    ("PERFORMER", PackType::Performer),
    ("SONGWRITER", PackType::Songwriter),
    ("COMPOSER", PackType::Composer),
    ("ARRANGER", PackType::Arranger),
    ("MESSAGE", PackType::Message),
    ("DISC_ID", PackType::DiscId),
    ("GENRE", PackType::Genre),
];

/// Track modes: name, mode, what the file holds, whether CD-i.
const MODES: &[(&str, TrackMode, SectorForm, bool)] = &[
    ("AUDIO", TrackMode::Audio, SectorForm::Raw2352, false),
    ("CDG", TrackMode::Audio, SectorForm::RawWithSub2448, false),
    ("MODE1/2048", TrackMode::Mode1, SectorForm::User2048, false),
    ("MODE1/2352", TrackMode::Mode1, SectorForm::Raw2352, false),
    ("MODE2/2048", TrackMode::Mode2Xa, SectorForm::User2048, false),
    ("MODE2/2324", TrackMode::Mode2Xa, SectorForm::Form2User2324, false),
    ("MODE2/2336", TrackMode::Mode2Xa, SectorForm::Mode2Body2336, false),
    ("MODE2/2352", TrackMode::Mode2Xa, SectorForm::Raw2352, false),
    ("CDI/2336", TrackMode::Mode2Xa, SectorForm::Mode2Body2336, true),
    ("CDI/2352", TrackMode::Mode2Xa, SectorForm::Raw2352, true),
];

/// Flags of a track; SCMS has no bit of its own in the control nibble.
const FLAGS: &[(&str, u8)] = &[
    ("DCP", control::COPY_PERMITTED),
    ("PRE", control::PRE_EMPHASIS),
    ("4CH", control::FOUR_CHANNEL),
    ("SCMS", 0),
    ("DATA", control::DATA),
];

/// Splits at blanks; a word in quotation marks keeps its blanks.
fn words(mut rest: &str) -> Result<Vec<String>, Problem> {
    let mut words = Vec::new();
    rest = rest.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(Problem::OpenQuote)?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

/// A text to the end of the line; quotation marks inside it stay.
fn unquoted(rest: &str) -> &str {
    let text = rest.trim();
    let text = text.strip_prefix('"').unwrap_or(text);
    text.strip_suffix('"').unwrap_or(text)
}

const fn wrong_form(keyword: &'static str, form: &'static str) -> Problem {
    Problem::WrongForm { keyword, form }
}

/// Only `REM SESSION n` means something.
fn remark(sheet: &Sheet, session: &mut u16, arguments: &[&str]) -> Result<(), Problem> {
    let [word, number, ..] = arguments else { return Ok(()) };
    if !word.eq_ignore_ascii_case("SESSION") {
        return Ok(());
    }
    let number = number.parse().map_err(|_| wrong_form("REM SESSION", "a number"))?;
    let current_is_used = sheet.tracks.last().is_some_and(|track| track.session == *session);
    let expected = if current_is_used { *session + 1 } else { *session };
    if number != expected {
        let expected = format!("REM SESSION {expected:02}");
        return Err(Problem::OutOfOrder { keyword: "REM SESSION", found: number, expected });
    }
    *session = number;
    Ok(())
}

fn catalog(arguments: &[&str]) -> Result<[u8; 13], Problem> {
    let [digits] = arguments else { return Err(wrong_form("CATALOG", "13 digits")) };
    let code: [u8; 13] = digits.as_bytes().try_into().map_err(|_| wrong_form("CATALOG", "13 digits"))?;
    if code.iter().all(u8::is_ascii_digit) { Ok(code) } else { Err(wrong_form("CATALOG", "13 digits")) }
}

fn isrc(arguments: &[&str]) -> Result<[u8; 12], Problem> {
    let wrong = || wrong_form("ISRC", "12 characters without hyphens: five letters or digits, then seven digits");
    let [code] = arguments else { return Err(wrong()) };
    let code: [u8; 12] = code.as_bytes().try_into().map_err(|_| wrong())?;
    let valid = code[..5].iter().all(u8::is_ascii_alphanumeric) && code[5..].iter().all(u8::is_ascii_digit);
    if valid { Ok(code) } else { Err(wrong()) }
}

fn file(sheet: &mut Sheet, line: usize, arguments: &[&str]) -> Result<(), Problem> {
    // Names with blanks are not always quoted: the type is the last word.
    let [name @ .., kind] = arguments else { return Err(wrong_form("FILE", "a name and a type")) };
    if name.is_empty() {
        return Err(wrong_form("FILE", "a name and a type"));
    }
    let kind = match kind.to_ascii_uppercase().as_str() {
        "BINARY" => FileKind::Binary,
        "MOTOROLA" => FileKind::Motorola,
        "WAVE" => FileKind::Wave,
        _ => {
            let allowed = "BINARY, MOTOROLA or WAVE (convert other audio files to WAVE)";
            return Err(Problem::UnknownOption { keyword: "FILE", found: (*kind).to_owned(), allowed });
        }
    };
    sheet.files.push(FileEntry { line, name: name.join(" "), kind });
    Ok(())
}

fn track(sheet: &mut Sheet, session: u16, line: usize, arguments: &[&str]) -> Result<(), Problem> {
    let wrong = || wrong_form("TRACK", "a number from 01 to 99 and a mode");
    let [number, mode_name] = arguments else { return Err(wrong()) };
    let number: u16 = number.parse().ok().filter(|number| (1..=99).contains(number)).ok_or_else(wrong)?;
    if sheet.files.is_empty() {
        return Err(Problem::Misplaced { keyword: "TRACK", place: "after the FILE it is in" });
    }
    if let Some(last) = sheet.tracks.last()
        && number != last.number + 1
    {
        let expected = format!("TRACK {:02}", last.number + 1);
        return Err(Problem::OutOfOrder { keyword: "TRACK", found: number, expected });
    }
    let &(_, mode, form, cdi) =
        MODES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(mode_name)).ok_or_else(|| Problem::UnknownOption {
            keyword: "TRACK",
            found: (*mode_name).to_owned(),
            allowed: "AUDIO, CDG, MODE1/2048, MODE1/2352, MODE2/2048, MODE2/2324, MODE2/2336, MODE2/2352, CDI/2336 or CDI/2352",
        })?;
    let control = if mode.is_data() { control::DATA } else { 0 };
    sheet.tracks.push(TrackEntry {
        line,
        number,
        session,
        mode,
        form,
        cdi,
        control,
        isrc: None,
        pregap: 0,
        postgap: 0,
        indexes: Vec::new(),
    });
    Ok(())
}

fn index(sheet: &mut Sheet, line: usize, arguments: &[&str]) -> Result<(), Problem> {
    let [number, position] = arguments else { return Err(wrong_form("INDEX", "a number and a time mm:ss:ff")) };
    let number: u8 = number
        .parse()
        .ok()
        .filter(|number| *number <= 99)
        .ok_or_else(|| wrong_form("INDEX", "a number from 00 to 99"))?;
    let sector = parse_time("INDEX", position)?;
    let file = sheet.files.len().saturating_sub(1);
    let previous = sheet.tracks.iter().rev().find_map(|track| track.indexes.last()).filter(|last| last.file == file);
    // Some programs write a pregap of no length.
    let empty_pregap = |last: &IndexEntry| last.number == 0 && number == 1 && last.sector == sector;
    match previous {
        Some(last) if sector <= last.sector && !empty_pregap(last) => {
            return Err(Problem::TimeOutOfOrder { found: time(sector), previous: time(last.sector) });
        }
        None if sector != 0 => return Err(Problem::FirstIndexNotZero(time(sector))),
        _ => {}
    }
    let track = current_track(sheet, "INDEX")?;
    let in_order = match track.indexes.last() {
        None => number <= 1,
        Some(last) => number == last.number + 1,
    };
    if !in_order {
        let expected = track
            .indexes
            .last()
            .map_or("INDEX 00 or INDEX 01".to_owned(), |last| format!("INDEX {:02}", last.number + 1));
        return Err(Problem::OutOfOrder { keyword: "INDEX", found: u16::from(number), expected });
    }
    track.indexes.push(IndexEntry { line, number, file, sector });
    Ok(())
}

fn flags(track: &mut TrackEntry, arguments: &[&str]) -> Result<(), Problem> {
    for word in arguments {
        let (_, bits) =
            FLAGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).ok_or_else(|| Problem::UnknownOption {
                keyword: "FLAGS",
                found: (*word).to_owned(),
                allowed: "DCP, PRE, 4CH, SCMS or DATA",
            })?;
        track.control |= bits;
    }
    Ok(())
}

fn gap<'a>(
    sheet: &'a mut Sheet,
    keyword: &'static str,
    arguments: &[&str],
) -> Result<(&'a mut TrackEntry, u32), Problem> {
    let [length] = arguments else { return Err(wrong_form(keyword, "a time mm:ss:ff")) };
    let sectors = parse_time(keyword, length)?;
    Ok((current_track(sheet, keyword)?, sectors))
}

fn current_track<'a>(sheet: &'a mut Sheet, keyword: &'static str) -> Result<&'a mut TrackEntry, Problem> {
    sheet.tracks.last_mut().ok_or(Problem::Misplaced { keyword, place: "after a TRACK" })
}

/// Minutes, seconds below 60 and frames below 75 to sectors.
fn parse_time(keyword: &'static str, text: &str) -> Result<u32, Problem> {
    let wrong = || wrong_form(keyword, "a time mm:ss:ff with seconds below 60 and frames below 75");
    let parts: Vec<u32> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let [minutes, seconds @ 0..60, frames @ 0..75] = parts[..] else { return Err(wrong()) };
    // Minutes of one file: more than any disc has, less than would overflow.
    if minutes > 999 { Err(wrong()) } else { Ok((minutes * 60 + seconds) * 75 + frames) }
}
