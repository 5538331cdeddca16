//! Images that other tools made, for the tests that read `CDROMRS_FOREIGN_IMAGES`.
//!
//! Where packages can be installed (Debian, as root) the tools and a boot CD come from there; else what is installed
//! already is used, and without any the step is skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::everything::{Outcome, passed};
use crate::workspace::{self, cargo, has_program, output_of};

/// Environment variable that names the folder.
const VARIABLE: &str = "CDROMRS_FOREIGN_IMAGES";

/// Tools that make images, and packages that contain a bootable CD image.
const PACKAGES: &[&str] = &["xorriso", "cdrdao", "cuetools", "grub-rescue-pc", "memtest86+", "ipxe"];

/// CD images that Debian packages install.
const PACKAGED_IMAGES: &[&str] = &[
    "/usr/lib/grub-rescue/grub-rescue-cdrom.iso",
    "/usr/lib/memtest86+/memtest86+x64.iso",
    "/boot/memtest86+.iso",
    "/usr/lib/ipxe/ipxe.iso",
];

/// Makes the images and runs the tests on them.
pub fn step() -> Result<Outcome> {
    let folder = workspace::target().join("foreign-images");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let installed = install();
    let images = make(&folder)?;
    if images.is_empty() {
        return Ok(Outcome::Skipped(format!("no tool that makes images: {installed}")));
    }
    let mut command = cargo(["test", "--locked", "-p", "cdromctl", "--tests", "foreign_images"]);
    let said = output_of(command.env(VARIABLE, &folder))?;
    Ok(Outcome::Passed(format!("{} tests on {}", passed(&said), images.join(", "))))
}

/// Tries to install what is missing; says what came of it.
fn install() -> &'static str {
    let complete = has_program("xorriso") && has_program("cdrdao") && packaged_images().next().is_some();
    if complete {
        return "all is installed";
    }
    if !has_program("apt-get") || !is_root() {
        return "packages cannot be installed here (needs apt-get and root)";
    }
    // One at a time: a package that this release does not have must not hinder the others.
    let mut failed = false;
    for package in PACKAGES {
        let mut command = Command::new("apt-get");
        command.args(["install", "-y", "-q", "--no-install-recommends", package]);
        failed |= output_of(command.env("DEBIAN_FRONTEND", "noninteractive")).is_err();
    }
    if failed { "some packages could not be installed" } else { "installed" }
}

fn is_root() -> bool {
    output_of(Command::new("id").arg("-u")).is_ok_and(|said| said.trim() == "0")
}

fn packaged_images() -> impl Iterator<Item = PathBuf> {
    PACKAGED_IMAGES.iter().map(PathBuf::from).filter(|path| path.is_file())
}

/// Fills `folder`; gives the names of the images in it.
fn make(folder: &Path) -> Result<Vec<String>> {
    let mut images = Vec::new();
    let source = folder.join("tree");
    fs::create_dir_all(&source)?;
    fs::write(source.join("README.TXT"), "Made for a test.\n".repeat(4000))?;
    if has_program("xorriso") {
        let image = folder.join("xorriso.iso");
        let _ = fs::remove_file(&image);
        let mut command = Command::new("xorriso");
        command.args(["-as", "mkisofs", "-quiet", "-V", "FOREIGN", "-J", "-R", "-o"]).arg(&image).arg(&source);
        output_of(&mut command)?;
        images.push("xorriso.iso".to_owned());
        if has_program("cdrdao") && has_program("toc2cue") {
            make_with_cdrdao(folder, &image)?;
            images.push("cdrdao.cue".to_owned());
        }
    }
    for packaged in packaged_images() {
        let name = packaged.file_name().unwrap_or_default();
        fs::copy(&packaged, folder.join(name)).with_context(|| packaged.display().to_string())?;
        images.push(name.to_string_lossy().into_owned());
    }
    Ok(images)
}

/// A mixed-mode disc: the ISO file as Mode 1 track and two seconds of audio, as `toc2cue` of cdrdao writes the sheet.
fn make_with_cdrdao(folder: &Path, iso: &Path) -> Result<()> {
    let mut data = fs::read(iso)?;
    let audio: Vec<u8> = (0..2 * 75 * 2352_u32).map(|at| at.to_le_bytes()[0]).collect();
    let length = data.len();
    data.extend(audio);
    fs::write(folder.join("cdrdao.bin"), data)?;
    let sectors = length / 2048;
    let toc = format!(
        "CD_ROM\nTRACK MODE1\nDATAFILE \"cdrdao.bin\" {}:{:02}:{:02}\n\
         TRACK AUDIO\nAUDIOFILE \"cdrdao.bin\" #{length} 0 00:02:00\n",
        sectors / 4500,
        sectors / 75 % 60,
        sectors % 75,
    );
    fs::write(folder.join("cdrdao.toc"), toc)?;
    let _ = fs::remove_file(folder.join("cdrdao.cue"));
    let mut command = Command::new("toc2cue");
    output_of(command.args(["cdrdao.toc", "cdrdao.cue"]).current_dir(folder))?;
    Ok(())
}
