//! `cargo xtask docs`: what the documentation says must be true where a program can tell.
//!
//! `docs/ioctls.md` is generated from the table of control codes; relative links lead somewhere; the list of meant
//! differences and `docs/differences.md` name the same ones, and the tests that the page names exist.

mod differences;
mod ioctls;
mod links;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// What to do with the documentation.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Write the generated pages instead of comparing them.
    #[arg(long)]
    write: bool,
}

/// Checks everything; true if nothing is wrong.
pub fn run(options: &Options) -> Result<bool> {
    let root = workspace::root();
    let page = root.join("docs/ioctls.md");
    let generated = ioctls::page();
    if options.write {
        fs::write(&page, &generated).with_context(|| page.display().to_string())?;
    }
    let mut faults = Vec::new();
    if fs::read_to_string(&page).unwrap_or_default() != generated {
        faults.push("docs/ioctls.md is not what the table says: run `cargo xtask docs --write`".to_owned());
    }
    let pages = files(root, "md")?;
    for page in &pages {
        links::check(root, page, &mut faults)?;
    }
    differences::check(root, &mut faults)?;
    faults.iter().for_each(|fault| println!("{fault}"));
    println!("{} pages, {} faults", pages.len(), faults.len());
    Ok(faults.is_empty())
}

/// All files of the tree with that extension, build folders and the oracle's data left out.
fn files(root: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && name != "target" && (!name.starts_with('.') || name == ".ci") {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
