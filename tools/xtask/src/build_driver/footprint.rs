//! `cargo xtask footprint`: what the driver takes of memory and stack, as `docs/footprint.md`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use object::pe;

use super::image::{Image, Section};
use super::stack::{self, Chain};
use super::symbols::Symbols;
use super::{Arch, Profile, build, toolchain, verify};
use crate::workspace;

/// Bounds that the driver keeps.
const MOST_CODE: u32 = 200 * 1024;
const MOST_STACK: u32 = 6 * 1024;

/// What to do with the page.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Compare the page with the build instead of writing it.
    #[arg(long)]
    check: bool,
}

/// Builds for every processor and writes the page, or compares; true if the bounds hold and the page is right.
pub fn run(options: &Options) -> Result<bool> {
    let page = page()?;
    let path = workspace::root().join("docs/footprint.md");
    if options.check {
        if !toolchain::is_pinned() {
            println!("not the pinned compiler: the bounds hold, docs/footprint.md is not compared");
            return Ok(true);
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        if there != page {
            println!("docs/footprint.md is not what was built: run `cargo xtask footprint`. The first difference:");
            let differs = there.lines().zip(page.lines()).find(|(there, built)| there != built);
            let (there, built) = differs.unwrap_or(("(one page is longer)", ""));
            println!("  page:  {there}\n  build: {built}");
            return Ok(false);
        }
    } else {
        fs::write(&path, &page).with_context(|| path.display().to_string())?;
    }
    println!("{}", summary(&page));
    Ok(true)
}

/// What the page says, in a line.
fn summary(page: &str) -> String {
    let bold = |line: &str| line.split("**").skip(1).step_by(2).last().unwrap_or_default().to_owned();
    let code: Vec<_> = page.lines().filter(|line| line.contains("code, all sections")).map(bold).collect();
    let stack = page.lines().find(|line| line.starts_with("Deepest")).map(bold).unwrap_or_default();
    format!("code {} bytes, deepest stack {stack}", code.join(" and "))
}

/// The whole page; an error if a bound is not kept.
fn page() -> Result<String> {
    let mut page = String::from(
        "# Footprint\n\
         What `cdromrs.sys` takes, release build. Written by `cargo xtask footprint`; `cargo xtask test` holds it to what is\n\
         built. Bytes are those used, not rounded up to pages.\n",
    );
    for arch in [Arch::X86_64, Arch::Aarch64] {
        let path = build(arch, Profile::Release)?;
        let image = Image::parse(&fs::read(&path)?)?;
        let sizes = Sizes::of(&image);
        if sizes.code > MOST_CODE {
            bail!("{}: {} bytes of code, the bound is {MOST_CODE}", arch.name(), sizes.code);
        }
        write!(page, "\n## {}\n{}", arch.name(), sizes.table())?;
        if arch == Arch::X86_64 {
            let symbols = Symbols::read(&path.with_extension("pdb"))?;
            let chain = stack::deepest(&image, &symbols)?;
            if chain.bytes > MOST_STACK {
                bail!(
                    "the deepest calls take {} bytes of stack, the bound is {MOST_STACK}:\n{}",
                    chain.bytes,
                    links(&chain)
                );
            }
            write!(page, "\n{}", stack_part(&chain)?)?;
        }
    }
    write!(page, "\n## Imports\n{}", imports()?)?;
    Ok(page)
}

/// Bytes by what they are for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sizes {
    code: u32,
    rows: Vec<(String, &'static str, u32)>,
}

impl Sizes {
    fn of(image: &Image) -> Self {
        let mut sizes = Self::default();
        for section in &image.sections {
            if section.is(pe::IMAGE_SCN_MEM_EXECUTE) {
                sizes.code += section.size;
            }
            sizes.rows.push((section.name.clone(), kind(section), section.size));
        }
        sizes
    }

    fn table(&self) -> String {
        let mut out = String::from("| section | what | bytes |\n|---|---|---:|\n");
        for (name, what, bytes) in &self.rows {
            out += &format!("| `{name}` | {what} | {bytes} |\n");
        }
        let all: u32 = self.rows.iter().map(|(_, _, bytes)| bytes).sum();
        let code = self.code;
        out + &format!("| | **code, all sections** (bound {MOST_CODE}) | **{code}** |\n| | **all** | **{all}** |\n")
    }
}

/// What a section is for.
fn kind(section: &Section) -> &'static str {
    let code = section.is(pe::IMAGE_SCN_MEM_EXECUTE);
    match section.name.as_str() {
        ".pdata" => "unwind table",
        ".rsrc" => "version resource, discardable",
        ".reloc" => "relocations, discardable",
        _ if verify::is_init(section) => "code for the start, discardable",
        name if name.starts_with("PAGE") && code => "code, pageable",
        name if name.starts_with("PAGE") => "data, pageable",
        _ if code => "code",
        _ if section.is(pe::IMAGE_SCN_MEM_WRITE) => "data that is written",
        _ => "constants, unwind information, import names",
    }
}

fn stack_part(chain: &Chain) -> Result<String> {
    let mut out = format!(
        "Deepest path of calls: **{} bytes** of stack (bound {MOST_STACK}), from frames in the unwind information and calls\n\
         in the code. Calls of the framework and of the kernel count their return address; what they use is theirs.\n",
        chain.bytes
    );
    write!(out, "\n| function | bytes |\n|---|---:|\n{}", links(chain))?;
    if !chain.indirect.is_empty() {
        out += "\nCalls through a pointer, and where they are taken to lead (functions of the same crate whose address stands in\n\
                constant data):\n\n";
    }
    for (from, to) in &chain.indirect {
        let to: Vec<_> = to.iter().map(|name| format!("`{name}`")).collect();
        let to = if to.is_empty() { "out of the driver".to_owned() } else { to.join(", ") };
        writeln!(out, "- `{from}`: {to}")?;
    }
    Ok(out)
}

fn links(chain: &Chain) -> String {
    chain.links.iter().map(|(name, bytes)| format!("| `{name}` | {bytes} |\n")).collect()
}

/// What the x86_64 image imports.
fn imports() -> Result<String> {
    let path = build(Arch::X86_64, Profile::Release)?;
    let image = Image::parse(&fs::read(&path)?)?;
    let mut out = String::from("All exist in every Windows 10 (`tools/off-windows/tables/imports.json`).\n\n");
    let mut names: Vec<_> = image.imports.iter().map(|import| format!("{}!{}", import.module, import.name)).collect();
    names.sort();
    names.iter().for_each(|name| out += &format!("- `{name}`\n"));
    Ok(out)
}
