//! What the tools said, kept in `images/facts.jsonl`, and the images in `images/NAME/FILE.gz`.
//!
//! | line | meaning |
//! |---|---|
//! | `{"image": …, "disc": …, "files": …, "made": …}` | an image, its files and the commands that made it |
//! | `{"tool": …, "version": …, "commands": …, "facts": …}` | what a tool said of it |

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::Image;
use super::facts::Facts;
use super::shell::Shell;

/// The file of facts.
const FACTS: &str = "facts.jsonl";

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Line {
    Image { image: String, disc: String, files: Vec<String>, made: Vec<String> },
    Said { tool: String, version: String, commands: Vec<String>, facts: Facts },
}

/// Collects what the tools say.
pub(super) struct Recorder {
    directory: PathBuf,
    name: &'static str,
    lines: Vec<Line>,
}

impl Recorder {
    /// Will write into `directory`.
    pub fn new(directory: &Path, name: &'static str) -> Self {
        Self { directory: directory.to_owned(), name, lines: Vec::new() }
    }

    /// Keeps an image.
    pub fn image(&mut self, image: &Image, shell: &Shell) -> anyhow::Result<()> {
        let folder = self.directory.join(self.name).join(&image.name);
        fs::create_dir_all(&folder)?;
        for file in &image.files {
            let packed = File::create(folder.join(format!("{file}.gz")))?;
            let mut encoder = GzEncoder::new(packed, Compression::best());
            encoder.write_all(&shell.read(file)?)?;
            encoder.finish()?;
        }
        let (image, disc, files) = (image.name.clone(), image.disc.clone(), image.files.clone());
        self.lines.push(Line::Image { image, disc, files, made: shell.commands.clone() });
        Ok(())
    }

    /// Keeps what a tool said of the last image.
    pub fn said(&mut self, tool: &str, version: &str, shell: &Shell, facts: &Facts) {
        let commands = shell.commands.clone();
        self.lines.push(Line::Said { tool: tool.into(), version: version.into(), commands, facts: facts.clone() });
    }

    /// Writes the facts.
    pub fn write(self) -> anyhow::Result<()> {
        let lines: Vec<String> = self.lines.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        let file = self.directory.join(self.name).join(FACTS);
        fs::write(&file, lines.join("\n") + "\n").with_context(|| file.display().to_string())
    }
}

/// An image of the fixtures, unpacked.
#[cfg_attr(not(test), expect(dead_code, reason = "fixtures are replayed by tests"))]
pub(super) struct Unpacked {
    /// Its name.
    pub name: String,
    /// The file to open.
    pub disc: PathBuf,
    /// What each tool said of it.
    pub said: Vec<(String, Facts)>,
}

/// Unpacks the images into `scratch`.
#[cfg_attr(not(test), expect(dead_code, reason = "fixtures are replayed by tests"))]
pub(super) fn load(directory: &Path, name: &str, scratch: &Path) -> anyhow::Result<Vec<Unpacked>> {
    let file = directory.join(name).join(FACTS);
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let mut images: Vec<Unpacked> = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line).with_context(|| line.to_owned())? {
            Line::Image { image, disc, files, .. } => {
                let folder = scratch.join(&image);
                fs::create_dir_all(&folder)?;
                for file in files {
                    let packed = directory.join(name).join(&image).join(format!("{file}.gz"));
                    let mut bytes = Vec::new();
                    let packed = File::open(&packed).with_context(|| packed.display().to_string())?;
                    GzDecoder::new(packed).read_to_end(&mut bytes)?;
                    fs::write(folder.join(file), bytes)?;
                }
                images.push(Unpacked { name: image, disc: folder.join(disc), said: Vec::new() });
            }
            Line::Said { tool, facts, .. } => {
                images.last_mut().ok_or_else(|| anyhow!("no image yet"))?.said.push((tool, facts));
            }
        }
    }
    Ok(images)
}
