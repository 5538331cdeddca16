//! CUE sheets and TOC files: audio, Video CDs, mixed mode, several sessions.

use std::io::Read;

use anyhow::Context as _;
use flate2::read::GzDecoder;
use virtual_drive::disc::SectorForm;

use super::control::Cdromctl;
use super::shell::Shell;
use super::{Image, iso};

/// A sheet with its files.
pub(super) struct Recipe {
    /// Name of the image.
    pub name: &'static str,
    /// How the BIN file is made.
    content: Content,
    /// The sheet; empty when a tool writes it.
    cue: &'static str,
    /// The TOC file of cdrdao; empty for none.
    toc: &'static str,
}

/// Where the sectors come from.
enum Content {
    /// So many sectors of audio.
    Audio(u32),
    /// vcdimager makes BIN and CUE, of this type.
    VideoCd(&'static str),
    /// A volume that genisoimage makes, then so many sectors of audio.
    Mixed(u32),
    /// So many sectors of audio, then the volume.
    Enhanced(u32),
    /// The volume as blocks in `disc.iso`, audio in `disc.bin`.
    Blocks(u32),
    /// Two sessions whose volumes genisoimage makes: the second continues the first.
    TwoVolumes,
}

/// Sectors of the volume that mixed-mode discs begin with.
const VOLUME: u32 = 300;

/// Where the second session begins: after lead-out, lead-in and pregap.
const SECOND: u32 = VOLUME + 11_400;

/// All sheets.
pub(super) const RECIPES: &[Recipe] = &[
    Recipe { name: "vcd-1.1", content: Content::VideoCd("vcd11"), cue: "", toc: "" },
    Recipe { name: "vcd-2.0", content: Content::VideoCd("vcd2"), cue: "", toc: "" },
    Recipe { name: "svcd", content: Content::VideoCd("svcd"), cue: "", toc: "" },
    Recipe { name: "audio", content: Content::Audio(900), cue: AUDIO, toc: "" },
    Recipe { name: "audio-codes", content: Content::Audio(900), cue: CODES, toc: "" },
    Recipe { name: "audio-text", content: Content::Audio(900), cue: TEXT, toc: "" },
    Recipe { name: "audio-gaps", content: Content::Audio(900), cue: GAPS, toc: "" },
    Recipe { name: "audio-made-gaps", content: Content::Audio(900), cue: MADE_GAPS, toc: "" },
    Recipe { name: "audio-indexes", content: Content::Audio(900), cue: INDEXES, toc: "" },
    Recipe { name: "toc-audio", content: Content::Audio(900), cue: CODES, toc: CODES_TOC },
    Recipe { name: "toc-gaps", content: Content::Audio(900), cue: GAPS, toc: GAPS_TOC },
    Recipe { name: "toc-text", content: Content::Audio(900), cue: TEXT, toc: TEXT_TOC },
    Recipe { name: "toc-indexes", content: Content::Audio(900), cue: INDEXES, toc: INDEXES_TOC },
    Recipe { name: "toc2cue", content: Content::Audio(900), cue: "", toc: GAPS_TOC },
    Recipe { name: "mixed", content: Content::Mixed(600), cue: MIXED, toc: "" },
    Recipe { name: "mixed-gap", content: Content::Mixed(600), cue: MIXED_GAP, toc: "" },
    Recipe { name: "toc-mixed", content: Content::Mixed(600), cue: MIXED, toc: MIXED_TOC },
    Recipe { name: "mixed-blocks", content: Content::Blocks(600), cue: BLOCKS, toc: "" },
    Recipe { name: "sessions-enhanced", content: Content::Enhanced(600), cue: ENHANCED, toc: "" },
    Recipe { name: "sessions-data", content: Content::TwoVolumes, cue: TWO_VOLUMES, toc: "" },
];

const AUDIO: &str = "FILE \"disc.bin\" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    \
    INDEX 01 00:04:10\n  TRACK 03 AUDIO\n    INDEX 01 00:08:20\n";

const CODES: &str = "CATALOG 0724353231123\nFILE \"disc.bin\" BINARY\n  TRACK 01 AUDIO\n    ISRC GBAYE0000351\n    \
    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    FLAGS DCP\n    ISRC GBAYE0000352\n    INDEX 01 00:05:00\n  \
    TRACK 03 AUDIO\n    FLAGS PRE\n    INDEX 01 00:09:00\n";

const CODES_TOC: &str = "CD_DA\nCATALOG \"0724353231123\"\nTRACK AUDIO\nNO COPY\nISRC \"GBAYE0000351\"\n\
    FILE \"disc.bin\" 0 00:05:00\nTRACK AUDIO\nCOPY\nISRC \"GBAYE0000352\"\nFILE \"disc.bin\" 00:05:00 00:04:00\n\
    TRACK AUDIO\nPRE_EMPHASIS\nFILE \"disc.bin\" 00:09:00 00:03:00\n";

const TEXT: &str = "TITLE \"Album of tests\"\nPERFORMER \"Various\"\nFILE \"disc.bin\" BINARY\n  TRACK 01 AUDIO\n    \
    TITLE \"The first\"\n    PERFORMER \"One\"\n    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    TITLE \"A second title that \
    does not fit into one pack\"\n    PERFORMER \"Two\"\n    INDEX 01 00:06:00\n";

const TEXT_TOC: &str = "CD_DA\nCD_TEXT {\nLANGUAGE_MAP { 0 : EN }\nLANGUAGE 0 {\nTITLE \"Album of tests\"\n\
    PERFORMER \"Various\"\n}\n}\nTRACK AUDIO\nCD_TEXT {\nLANGUAGE 0 {\nTITLE \"The first\"\nPERFORMER \"One\"\n}\n}\n\
    FILE \"disc.bin\" 0 00:06:00\nTRACK AUDIO\nCD_TEXT {\nLANGUAGE 0 {\nTITLE \"A second title that does not fit into \
    one pack\"\nPERFORMER \"Two\"\n}\n}\nFILE \"disc.bin\" 00:06:00 00:06:00\n";

const GAPS: &str = "FILE \"disc.bin\" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    \
    INDEX 00 00:04:00\n    INDEX 01 00:06:00\n  TRACK 03 AUDIO\n    INDEX 00 00:10:00\n    INDEX 01 00:10:37\n";

const GAPS_TOC: &str = "CD_DA\nTRACK AUDIO\nFILE \"disc.bin\" 0 00:04:00\nTRACK AUDIO\n\
    FILE \"disc.bin\" 00:04:00 00:06:00\nSTART 00:02:00\nTRACK AUDIO\nFILE \"disc.bin\" 00:10:00 00:02:00\nSTART 00:00:37\n";

const MADE_GAPS: &str = "FILE \"disc.bin\" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    \
    PREGAP 00:02:00\n    INDEX 01 00:04:00\n  TRACK 03 AUDIO\n    PREGAP 00:01:15\n    INDEX 01 00:08:00\n";

const INDEXES: &str = "FILE \"disc.bin\" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n    INDEX 02 00:02:00\n    \
    INDEX 03 00:03:00\n  TRACK 02 AUDIO\n    INDEX 00 00:05:00\n    INDEX 01 00:06:00\n    INDEX 02 00:09:33\n";

const INDEXES_TOC: &str = "CD_DA\nTRACK AUDIO\nFILE \"disc.bin\" 0 00:05:00\nINDEX 00:02:00\nINDEX 00:03:00\n\
    TRACK AUDIO\nFILE \"disc.bin\" 00:05:00 00:07:00\nSTART 00:01:00\nINDEX 00:03:33\n";

const MIXED: &str = "FILE \"disc.bin\" BINARY\n  TRACK 01 MODE1/2352\n    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    \
    INDEX 01 00:04:00\n  TRACK 03 AUDIO\n    INDEX 01 00:08:00\n";

const MIXED_TOC: &str = "CD_ROM\nTRACK MODE1_RAW\nDATAFILE \"disc.bin\" 00:04:00\nTRACK AUDIO\n\
    FILE \"disc.bin\" 00:04:00 00:04:00\nTRACK AUDIO\nFILE \"disc.bin\" 00:08:00 00:04:00\n";

const MIXED_GAP: &str = "FILE \"disc.bin\" BINARY\n  TRACK 01 MODE1/2352\n    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    \
    PREGAP 00:02:00\n    INDEX 01 00:04:00\n  TRACK 03 AUDIO\n    INDEX 00 00:08:00\n    INDEX 01 00:09:00\n";

const BLOCKS: &str = "FILE \"disc.iso\" BINARY\n  TRACK 01 MODE1/2048\n    INDEX 01 00:00:00\nFILE \"disc.bin\" BINARY\n  \
    TRACK 02 AUDIO\n    INDEX 01 00:00:00\n  TRACK 03 AUDIO\n    INDEX 01 00:04:00\n";

const ENHANCED: &str = "REM SESSION 01\nFILE \"disc.bin\" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n  \
    TRACK 02 AUDIO\n    INDEX 01 00:04:00\nREM SESSION 02\n  TRACK 03 MODE1/2352\n    INDEX 01 00:08:00\n";

const TWO_VOLUMES: &str = "REM SESSION 01\nFILE \"disc.iso\" BINARY\n  TRACK 01 MODE1/2048\n    INDEX 01 00:00:00\n\
    REM SESSION 02\nFILE \"second.iso\" BINARY\n  TRACK 02 MODE1/2048\n    INDEX 01 00:00:00\n";

impl Recipe {
    /// Makes the image.
    pub fn make(&self, shell: &mut Shell, control: &Cdromctl) -> anyhow::Result<Image> {
        let mut files = vec!["disc.cue", "disc.bin"];
        match self.content {
            Content::Audio(sectors) => shell.write("disc.bin", audio(sectors))?,
            Content::VideoCd(kind) => {
                shell.write("film.mpg", film()?)?;
                shell.run(&["vcdimager", "-q", "-t", kind, "-c", "disc.cue", "-b", "disc.bin", "film.mpg"])?;
            }
            Content::Mixed(sectors) => {
                let volume = whole_volume(shell, control)?;
                shell.write("disc.bin", [volume, audio(sectors)].concat())?;
            }
            Content::Enhanced(sectors) => {
                let volume = whole_volume(shell, control)?;
                shell.write("disc.bin", [audio(sectors), volume].concat())?;
            }
            Content::Blocks(sectors) => {
                volume(shell)?;
                shell.write("disc.bin", audio(sectors))?;
                files.push("disc.iso");
            }
            Content::TwoVolumes => {
                volume(shell)?;
                let next = format!("0,{SECOND}");
                let line = ["-C", &next, "-M", "disc.iso", "-o", "second.iso", "more"];
                shell.run(&[&["genisoimage", "-quiet", "-R", "-V", "SECOND"][..], &line].concat())?;
                files = vec!["disc.cue", "disc.iso", "second.iso"];
            }
        }
        if !self.toc.is_empty() {
            shell.write("disc.toc", self.toc)?;
        }
        if !self.cue.is_empty() {
            shell.write("disc.cue", self.cue)?;
        } else if !self.toc.is_empty() {
            shell.run(&["toc2cue", "disc.toc", "disc.cue"])?;
        }
        Ok(Image {
            name: self.name.into(),
            disc: "disc.cue".into(),
            files: files.into_iter().map(str::to_owned).collect(),
            sheet: Some("disc.cue".into()),
            toc: (!self.toc.is_empty() && !self.cue.is_empty()).then(|| "disc.toc".into()),
            iso: matches!(self.content, Content::TwoVolumes).then(|| "second.iso".into()),
            first_block: if matches!(self.content, Content::TwoVolumes) { SECOND } else { 0 },
        })
    }
}

/// Sectors of audio: the samples of each have the number of the sector.
fn audio(sectors: u32) -> Vec<u8> {
    (0..sectors)
        .flat_map(|sector| sector.wrapping_mul(0x0001_0001).to_le_bytes().repeat(SectorForm::Raw2352.size() / 4))
        .collect()
}

/// The volume as `disc.iso`, with as many blocks as the sheets say.
fn volume(shell: &mut Shell) -> anyhow::Result<()> {
    iso::write_trees(shell)?;
    shell.run(&["genisoimage", "-quiet", "-J", "-R", "-V", "MIXED", "-o", "disc.iso", "tree"])?;
    shell.run(&["truncate", "-s", &(VOLUME * 2048).to_string(), "disc.iso"])?;
    Ok(())
}

/// The volume in whole sectors, which our core makes of its blocks.
fn whole_volume(shell: &mut Shell, control: &Cdromctl) -> anyhow::Result<Vec<u8>> {
    volume(shell)?;
    let output = shell.folder.join("whole.bin");
    let arguments = ["raw-read", "--track", "1", "--output", output.to_str().unwrap_or_default()];
    control.run(&shell.folder.join("disc.iso"), &arguments)?;
    shell.read("whole.bin")
}

/// A film for vcdimager: the Form 2 sectors of the Video CD that the image reader is tested with.
fn film() -> anyhow::Result<Vec<u8>> {
    const VIDEO_CD: &[u8] = include_bytes!("../../../virtual-drive/tests/fixtures/foreign/vcdimager.bin.gz");
    /// Where its second track begins.
    const TRACK_2: usize = 450;
    let mut sectors = Vec::new();
    GzDecoder::new(VIDEO_CD).read_to_end(&mut sectors).context("the Video CD of the fixtures")?;
    let payload = |sector: &[u8]| sector[24..24 + SectorForm::Form2User2324.size()].to_vec();
    Ok(sectors.chunks_exact(SectorForm::Raw2352.size()).skip(TRACK_2).flat_map(payload).collect())
}
