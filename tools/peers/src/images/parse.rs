//! From what the tools print to facts.

use super::facts::{Facts, NONE};

/// The text after `key` and a colon, in a line that begins with it.
fn after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.trim_start().strip_prefix(key)?.trim_start().strip_prefix(':').map(str::trim)
}

/// The number in the first pair of brackets: `START  00:06:00(   450)`.
fn bracketed(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('(')?;
    Some(rest.split_once(')')?.0.trim().to_owned())
}

fn plain(number: &str) -> String {
    match number.trim_start_matches('0') {
        "" => "0".into(),
        rest => rest.into(),
    }
}

/// Six digits, as cd-info writes sectors.
fn is_lsn(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `cd-info`: track list, catalogue number, CD-TEXT, and the volume at the start of a disc that begins with data.
pub(super) fn cd_info(said: &str) -> Facts {
    let mut facts = Facts::new();
    let mut tracks: Vec<u16> = Vec::new();
    let (mut texts, mut text_of) = (0, None);
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["170:", _, lsn, "leadout", ..] => {
                facts.insert("lead_out".into(), plain(lsn));
            }
            [number, _, lsn, kind, _, copy, ref rest @ ..] if number.ends_with(':') && is_lsn(lsn) => {
                let Ok(number) = number.trim_end_matches(':').parse() else { continue };
                tracks.push(number);
                let mut note = |name: &str, value: &str| facts.insert(format!("track.{number}.{name}"), value.into());
                note("start", &plain(lsn));
                let mode = match kind {
                    "data" => "mode1",
                    "XA" => "mode2",
                    other => other,
                };
                note("mode", mode);
                note("copy", copy);
                if let [_, pre] = rest {
                    note("pre", pre);
                }
            }
            _ => {}
        }
        if let Some(code) = after(line, "Media Catalog Number (MCN)") {
            facts.insert("mcn".into(), if code == "not available" { NONE } else { code }.into());
        }
        if let Some(rest) = line.strip_prefix("ISO 9660: ")
            && tracks
                .first()
                .is_some_and(|first| facts.get(&format!("track.{first}.mode")).is_some_and(|mode| mode == "mode1"))
            && !facts.contains_key("volume.id")
            && let Some((blocks, label)) = rest.split_once(" blocks, label `")
        {
            facts.insert("volume.blocks".into(), blocks.into());
            facts.insert("volume.id".into(), label.trim_end_matches('\'').trim_end().into());
        }
        if let Some(of) = line.strip_prefix("CD-TEXT for ") {
            text_of = of.trim_end_matches(':').trim_start_matches("Track").trim().parse().ok().or(Some(0));
        } else if let (Some(track), Some((kind, text))) = (text_of, line.split_once(": "))
            && line.starts_with('\t')
        {
            texts += 1;
            facts.insert(format!("text.{track}.{}", kind.trim().to_lowercase()), text.into());
        } else {
            text_of = None;
        }
    }
    if let (Some(first), Some(last)) = (tracks.first(), tracks.last()) {
        facts.insert("tracks".into(), format!("{first}-{last}"));
        facts.insert("texts".into(), texts.to_string());
    }
    facts
}

/// `cdrdao show-toc`.
pub(super) fn cdrdao_show_toc(said: &str) -> Facts {
    let mut facts = Facts::new();
    let mut numbers: Vec<String> = Vec::new();
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut track = |name: &str, value: &str| {
            if let Some(number) = numbers.last() {
                facts.insert(format!("track.{number}.{name}"), value.into());
            }
        };
        match words[..] {
            ["CATALOG", "NUMBER:", code] => {
                facts.insert("mcn".into(), code.into());
            }
            ["TRACK", number, "Mode", mode] => {
                numbers.push(number.into());
                let mode = match mode.trim_end_matches(':') {
                    "AUDIO" => "audio",
                    mode if mode.starts_with("MODE1") => "mode1",
                    mode if mode.starts_with("MODE2") => "mode2",
                    other => other,
                };
                facts.insert(format!("track.{number}.mode"), mode.into());
                facts.insert(format!("track.{number}.isrc"), NONE.into());
                facts.insert(format!("track.{number}.pregap"), "0".into());
            }
            ["ISRC", ref code @ ..] => track("isrc", &code.concat()),
            ["COPY", "PERMITTED"] => track("copy", "yes"),
            ["COPY", "NOT", "PERMITTED"] => track("copy", "no"),
            ["PRE-EMPHASIS"] => track("pre", "yes"),
            ["NO", "PRE-EMPHASIS"] => track("pre", "no"),
            ["PREGAP", ..] => track("pregap", &bracketed(line).unwrap_or_default()),
            ["START", ..] => track("start", &bracketed(line).unwrap_or_default()),
            ["END", ..] => {
                let end = bracketed(line).unwrap_or_default();
                track("end", &end);
                facts.insert("lead_out".into(), end);
            }
            ["INDEX", number, ..] => track(&format!("index.{number}"), &bracketed(line).unwrap_or_default()),
            _ => {}
        }
    }
    if let (Some(first), Some(last)) = (numbers.first(), numbers.last()) {
        facts.insert("tracks".into(), format!("{first}-{last}"));
        facts.entry("mcn".into()).or_insert_with(|| NONE.into());
    }
    facts
}

/// `cdrdao toc-info`: `x.toc: 2 tracks, length 00:10:00, 750 blocks, 1 MB`.
pub(super) fn cdrdao_toc_info(said: &str) -> Facts {
    let mut facts = Facts::new();
    for part in said.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, rest)| rest.split(", ")) {
        match part.split_once(' ') {
            Some((count, "tracks")) => facts.insert("tracks".into(), format!("1-{count}")),
            Some((count, "blocks")) => facts.insert("lead_out".into(), count.into()),
            _ => None,
        };
    }
    facts
}

/// `cueprint` with the fields track count, title, performer and an empty one; then number, title, performer, ISRC.
pub(super) fn cueprint(said: &str) -> Facts {
    let mut facts = Facts::new();
    let or_none = |text: &str| if text.is_empty() { NONE.to_owned() } else { text.to_owned() };
    for (row, line) in said.lines().enumerate() {
        let [number, title, performer, code] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let track = if row == 0 { "0" } else { number };
        if row == 0 {
            facts.insert("tracks".into(), format!("1-{number}"));
        } else {
            facts.insert(format!("track.{number}.isrc"), or_none(code));
        }
        for (kind, text) in [("title", title), ("performer", performer)].iter().filter(|(_, text)| !text.is_empty()) {
            facts.insert(format!("text.{track}.{kind}"), (*text).into());
        }
    }
    facts
}

/// `isoinfo -d`.
pub(super) fn isoinfo(said: &str) -> Facts {
    let keys = [("Volume id", "volume.id"), ("System id", "volume.system"), ("Volume size is", "volume.blocks")];
    values(said, &keys)
}

/// `iso-info`, which says nothing of an empty field.
pub(super) fn iso_info(said: &str) -> Facts {
    values(said, &[("Volume ", "volume.id"), ("System ", "volume.system")])
}

/// `xorriso -toc -pvd_info`.
pub(super) fn xorriso(said: &str) -> Facts {
    let mut facts = values(said, &[("Volume Id ", "volume.id"), ("System Id ", "volume.system")]);
    for line in said.lines() {
        if let Some(blocks) = after(line, "Media blocks").and_then(|rest| rest.split_once(" readable")) {
            facts.insert("lead_out".into(), blocks.0.into());
        }
        if let Some(sessions) = after(line, "Media summary").and_then(|rest| rest.split_once(' ')) {
            facts.insert("sessions".into(), sessions.0.into());
        }
    }
    facts
}

fn values(said: &str, keys: &[(&str, &str)]) -> Facts {
    let lines = said.lines().flat_map(|line| keys.iter().map(move |(key, name)| (line, *key, *name)));
    lines.filter_map(|(line, key, name)| Some((name.to_owned(), after(line, key)?.to_owned()))).collect()
}

/// `isoinfo -l`: places (block and size) and paths of files.
pub(super) fn isoinfo_list(said: &str) -> Vec<(String, String)> {
    let mut folder = String::new();
    let mut files = Vec::new();
    for line in said.lines() {
        if let Some(name) = line.strip_prefix("Directory listing of ") {
            folder = name.trim().trim_end_matches('/').to_owned();
        } else if let Some((head, rest)) = line.split_once('[')
            && head.starts_with('-')
            && let Some((place, name)) = rest.split_once(']')
            && let Some(size) = head.split_whitespace().nth(4).filter(|size| *size != "0")
        {
            let start = place.split_whitespace().next().unwrap_or_default();
            files.push((format!("{start}+{size}"), format!("{folder}/{}", name.trim())));
        }
    }
    files
}

/// `iso-info -l`: places (block and size) and paths of files.
pub(super) fn iso_info_list(said: &str) -> Vec<(String, String)> {
    let mut folder = String::new();
    let mut files = Vec::new();
    for line in said.lines() {
        if line.starts_with('/') && line.ends_with(':') {
            folder = line.trim_end_matches(':').trim_end_matches('/').to_owned();
        } else if line.trim_start().starts_with('-')
            && let Some((_, rest)) = line.split_once("[LSN")
            && let Some((start, rest)) = rest.split_once(']')
        {
            // Size, month, day, year, time, name.
            let mut words = rest.split_whitespace();
            let size = words.next().unwrap_or_default();
            let time = words.nth(3).unwrap_or_default();
            let name = rest.split_once(time).map_or("", |(_, name)| name.trim());
            if size != "0" {
                files.push((format!("{}+{size}", start.trim()), format!("{folder}/{name}")));
            }
        }
    }
    files
}

/// `xorriso -exec report_lba`: places (block and size) and paths of files of one extent.
pub(super) fn xorriso_files(said: &str) -> Vec<(String, String)> {
    let lines = said.lines().filter_map(|line| after(line, "File data lba"));
    let fields = lines.map(|line| line.splitn(5, ',').map(str::trim).collect::<Vec<_>>());
    fields
        .filter_map(|fields| match fields[..] {
            [_, start, _, size, path] if size != "0" => {
                Some((format!("{start}+{size}"), path.trim_matches('\'').to_owned()))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
