//! Disc images made with other people's tools: what the tools read from them, and what our core does through cdromctl.

mod control;
mod facts;
mod iso;
mod parse;
mod recipes;
mod sheets;
mod shell;
mod store;
mod tools;

use anyhow::Context as _;

use crate::compare::Findings;
use crate::part::{Context, Part, Program};

use control::Cdromctl;
use facts::Facts;
use shell::Shell;

pub(crate) const PART: Part = Part {
    name: "images",
    about: "Tools for disc images and our core (through cdromctl) read the same images, which those tools made.",
    needs: &[
        Program { name: "cd-info", package: "libcdio-utils" },
        Program { name: "cdrdao", package: "cdrdao" },
        Program { name: "xorriso", package: "xorriso" },
        Program { name: "genisoimage", package: "genisoimage" },
        Program { name: "vcdimager", package: "vcdimager" },
        Program { name: "bchunk", package: "bchunk" },
        Program { name: "cueprint", package: "cuetools" },
        Program { name: "mkudffs", package: "udftools" },
    ],
    expected: include_str!("../expected/images.jsonl"),
    run,
};

/// An image and the names under which tools can read it.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The scene.
    name: String,
    /// What cdromctl opens.
    disc: String,
    /// The files that belong to it, the disc itself among them.
    files: Vec<String>,
    /// A CUE sheet for the tools that read one.
    sheet: Option<String>,
    /// A TOC file of cdrdao.
    toc: Option<String>,
    /// A file of 2048-byte blocks with an ISO 9660 volume.
    iso: Option<String>,
    /// The block of the disc where that file begins.
    first_block: u32,
}

fn run(context: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    let control = Cdromctl::find()?;
    let tools: Vec<_> = tools::TOOLS.iter().map(|tool| (tool, tool.version())).collect();
    for (tool, version) in &tools {
        findings.peer(format!("{} {version}", tool.name));
    }
    let mut store = context.record.as_ref().map(|directory| store::Recorder::new(directory, PART.name));
    for recipe in recipes::all() {
        let mut shell = Shell::new(context.scratch.join(recipe.name()))?;
        let at = || format!("image {}", recipe.name());
        let image = recipe.make(&mut shell, &control).with_context(at)?;
        if let Some(store) = &mut store {
            store.image(&image, &shell).with_context(at)?;
        }
        let ours = control.read(&shell.folder.join(&image.disc)).with_context(at)?;
        for (tool, version) in tools.iter().filter(|(tool, _)| (tool.reads)(&image)) {
            shell.commands.clear();
            let theirs = (tool.ask)(&mut shell, &image, &ours).with_context(at)?;
            compare(findings, &image.name, tool.name, &ours, &theirs);
            if let Some(store) = &mut store {
                store.said(tool.name, version, &shell, &theirs);
            }
        }
    }
    store.map_or(Ok(()), |store| store.write())
}

/// Compares each value that the tool gave with ours.
fn compare(findings: &mut Findings, image: &str, tool: &str, ours: &facts::Ours, theirs: &Facts) {
    // A tool that gave up must not look as if it agreed.
    if theirs.is_empty() {
        findings.check(image, tool, "anything", "yes", "no");
    }
    for (field, value) in theirs {
        findings.check(image, tool, field, &ours.value(field), value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::report::Report;

    #[test]
    fn what_the_tools_said_is_what_cdromctl_says() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let scratch = tempfile::tempdir().unwrap();
        let control = Cdromctl::find().unwrap();
        let mut findings = Findings::default();
        let mut images_of_tool: BTreeMap<String, usize> = BTreeMap::new();
        for image in store::load(&fixtures, PART.name, scratch.path()).unwrap() {
            let ours = control.read(&image.disc).unwrap();
            for (tool, theirs) in image.said {
                *images_of_tool.entry(tool.clone()).or_default() += 1;
                compare(&mut findings, &image.name, &tool, &ours, &theirs);
            }
        }
        assert!(images_of_tool.len() >= 9, "{images_of_tool:?}");
        assert!(images_of_tool.values().all(|images| *images >= 20), "{images_of_tool:?}");
        let report = Report::judge(&PART, findings).unwrap();
        assert!(report.is_good() && report.unused().next().is_none(), "{report}");
    }
}
