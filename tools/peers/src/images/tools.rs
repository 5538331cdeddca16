//! The tools that are asked.

use super::facts::{Facts, Ours, hash};
use super::shell::Shell;
use super::{Image, parse};
use crate::version;

/// A tool that reads images.
pub(super) struct Tool {
    /// Its name: the subject of what is compared.
    pub name: &'static str,
    /// What tells its version.
    version: &'static [&'static str],
    /// Whether it can read the image.
    pub reads: fn(&Image) -> bool,
    /// What it says. Where to look, it is told from what we know.
    pub ask: fn(&mut Shell, &Image, &Ours) -> anyhow::Result<Facts>,
}

/// All tools.
pub(super) const TOOLS: &[Tool] = &[
    Tool { name: "cd-info", version: &["cd-info", "--version"], reads: one_file, ask: cd_info },
    Tool { name: "cd-read", version: &["cd-read", "--version"], reads: one_file, ask: cd_read },
    Tool { name: "cdrdao show-toc", version: &["cdrdao"], reads: sheet, ask: cdrdao_show_toc },
    Tool { name: "cdrdao toc-info", version: &["cdrdao"], reads: sheet, ask: cdrdao_toc_info },
    Tool { name: "bchunk", version: &["bchunk"], reads: one_file_of_sheet, ask: bchunk },
    Tool { name: "cueprint", version: &["cueprint", "--version"], reads: sheet, ask: cueprint },
    Tool { name: "isoinfo", version: &["isoinfo", "-version"], reads: iso, ask: isoinfo },
    Tool { name: "iso-info", version: &["iso-info", "--version"], reads: iso_from_0, ask: iso_info },
    Tool { name: "xorriso", version: &["xorriso", "-version"], reads: iso_from_0, ask: xorriso },
];

impl Tool {
    /// The version as the tool gives it.
    pub fn version(&self) -> String {
        version::of(self.version)
    }
}

/// A sheet, or a TOC file in its place.
fn sheet(image: &Image) -> bool {
    image.sheet.is_some()
}

/// A sheet with one BIN file, which is all that some tools know.
fn one_file(image: &Image) -> bool {
    sheet(image) && image.files.len() <= 2
}

/// The same without the TOC file, which would say nothing new.
fn one_file_of_sheet(image: &Image) -> bool {
    one_file(image) && image.toc.is_none()
}

fn iso(image: &Image) -> bool {
    image.iso.is_some()
}

/// A volume at the start of its disc.
fn iso_from_0(image: &Image) -> bool {
    iso(image) && image.first_block == 0
}

fn cd_info(shell: &mut Shell, image: &Image, _: &Ours) -> anyhow::Result<Facts> {
    let source = match (&image.toc, &image.sheet) {
        (Some(toc), _) => ["--toc-file", toc],
        (None, sheet) => ["--cue-file", sheet.as_deref().unwrap_or_default()],
    };
    let said = shell.ask(&["cd-info", "--no-header", "--no-device-info", "--quiet", source[0], source[1]])?;
    Ok(parse::cd_info(&said.text()))
}

/// The first, the middle and the last sector of each track.
fn cd_read(shell: &mut Shell, image: &Image, ours: &Ours) -> anyhow::Result<Facts> {
    let sheet = image.sheet.as_deref().unwrap_or_default();
    let mut facts = Facts::new();
    for track in &ours.tracks {
        for lba in [track.start, i32::midpoint(track.start, track.end), track.end - 1] {
            let at = usize::try_from(lba - track.start).unwrap_or(0) * super::facts::RAW;
            let form2 = track.raw.get(at + 18).is_some_and(|mode| mode & 0x20 != 0);
            let (mode, field) = match (track.mode, form2) {
                ("audio", _) => ("audio", "raw"),
                ("mode1", _) => ("m1f1", "user"),
                (_, true) => ("m2f2", "form2"),
                (_, false) => ("m2f1", "user"),
            };
            let start = lba.to_string();
            let line = [
                "cd-read",
                "--no-header",
                "--cue-file",
                sheet,
                "-m",
                mode,
                "-s",
                &start,
                "-n",
                "1",
                "-o",
                "sector.out",
            ];
            let good = shell.ask(&line)?.good;
            let read = if good { hash(&shell.read("sector.out")?) } else { "error".into() };
            facts.insert(format!("{field}.{lba}"), read);
        }
    }
    Ok(facts)
}

fn cdrdao(shell: &mut Shell, image: &Image, command: &str) -> anyhow::Result<String> {
    let source = image.toc.as_deref().or(image.sheet.as_deref()).unwrap_or_default();
    // Without force it says nothing of tracks that are shorter than four seconds.
    Ok(shell.ask(&["cdrdao", command, "--force", source])?.text())
}

fn cdrdao_show_toc(shell: &mut Shell, image: &Image, _: &Ours) -> anyhow::Result<Facts> {
    cdrdao(shell, image, "show-toc").map(|said| parse::cdrdao_show_toc(&said))
}

fn cdrdao_toc_info(shell: &mut Shell, image: &Image, _: &Ours) -> anyhow::Result<Facts> {
    cdrdao(shell, image, "toc-info").map(|said| parse::cdrdao_toc_info(&said))
}

/// bchunk writes a file for each track.
fn bchunk(shell: &mut Shell, image: &Image, ours: &Ours) -> anyhow::Result<Facts> {
    let sheet = image.sheet.as_deref().unwrap_or_default();
    let bin = sheet.replace(".cue", ".bin");
    shell.ask(&["bchunk", &bin, sheet, "chunk"])?;
    let mut facts = Facts::new();
    for track in &ours.tracks {
        let end = if track.mode == "audio" { "cdr" } else { "iso" };
        let written = shell.read(&format!("chunk{:02}.{end}", track.number));
        facts.insert(format!("track.{}.content", track.number), written.map_or("nothing".into(), |bytes| hash(&bytes)));
    }
    Ok(facts)
}

fn cueprint(shell: &mut Shell, image: &Image, _: &Ours) -> anyhow::Result<Facts> {
    let sheet = image.sheet.as_deref().unwrap_or_default();
    let disc = ["cueprint", "-i", "cue", "-d", "%N\\t%T\\t%P\\t\\n", "-t", "%n\\t%t\\t%p\\t%i\\n", sheet];
    Ok(parse::cueprint(&shell.ask(&disc)?.text()))
}

/// The first files of the primary volume, and of the Joliet one.
fn isoinfo(shell: &mut Shell, image: &Image, _: &Ours) -> anyhow::Result<Facts> {
    let iso = image.iso.as_deref().unwrap_or_default();
    let first = image.first_block.to_string();
    let about = ["isoinfo", "-i", iso, "-N", &first];
    let said = shell.ask(&[&about[..], &["-d"]].concat())?.text();
    let mut facts = if image.first_block == 0 { parse::isoinfo(&said) } else { Facts::new() };
    let trees = [&[][..], &["-J"]];
    for tree in trees.iter().take(if said.contains("\nJoliet with") { 2 } else { 1 }) {
        let about = [&about[..], tree].concat();
        let list = shell.ask(&[&about[..], &["-l"]].concat())?.text();
        // A later session also lists files that lie in an earlier one, and in another image.
        let own = |place: &str| {
            place
                .split_once('+')
                .is_some_and(|(start, _)| start.parse().is_ok_and(|start: u32| start >= image.first_block))
        };
        for (place, path) in parse::isoinfo_list(&list).into_iter().filter(|(place, _)| own(place)).take(5) {
            let content = shell.ask(&[&about[..], &["-x", &path]].concat())?.out;
            facts.insert(format!("content.{place}"), hash(&content));
        }
    }
    Ok(facts)
}

fn iso_info(shell: &mut Shell, image: &Image, _: &Ours) -> anyhow::Result<Facts> {
    let iso = image.iso.as_deref().unwrap_or_default();
    let said = shell.ask(&["iso-info", "--no-header", "--quiet", "--no-joliet", "-l", "-i", iso])?.text();
    let mut facts = parse::iso_info(&said);
    for (place, path) in parse::iso_info_list(&said).into_iter().take(5) {
        let line = ["iso-read", "--no-header", "-i", iso, "-e", &path, "-o", "file.out"];
        let read = if shell.ask(&line)?.good { hash(&shell.read("file.out")?) } else { "error".into() };
        facts.insert(format!("content.{place}"), read);
    }
    Ok(facts)
}

fn xorriso(shell: &mut Shell, image: &Image, _: &Ours) -> anyhow::Result<Facts> {
    let drive = format!("stdio:{}", image.iso.as_deref().unwrap_or_default());
    let about = ["xorriso", "-report_about", "WARNING", "-indev", &drive];
    let list = ["-toc", "-pvd_info", "-find", "/", "-type", "f", "-exec", "report_lba", "--"];
    let said = shell.ask(&[&about[..], &list].concat())?.text();
    let mut facts = parse::xorriso(&said);
    let files: Vec<_> = parse::xorriso_files(&said).into_iter().take(5).collect();
    if !files.is_empty() {
        let mut extract = [&about[..], &["-osirrox", "on"]].concat();
        let names: Vec<String> = (0..files.len()).map(|number| format!("extracted.{number}")).collect();
        for ((_, path), name) in files.iter().zip(&names) {
            extract.extend(["-extract", path, name]);
        }
        shell.ask(&extract)?;
        for ((place, _), name) in files.iter().zip(&names) {
            let content = shell.read(name).map_or("nothing".into(), |content| hash(&content));
            facts.insert(format!("content.{place}"), content);
        }
    }
    Ok(facts)
}
