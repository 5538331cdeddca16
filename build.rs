//! Build script of the driver: its version resource, and what the driver kit says of compiling and linking. Off Windows
//! a stand-in for `wdk-build` says it (see `tools/off-windows`).

use std::path::PathBuf;
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    let resource = PathBuf::from(env::var("OUT_DIR")?).join("version.res");
    fs::write(&resource, version_resource(&Version::of_this_package()?))?;
    println!("cargo::rustc-cdylib-link-arg={}", resource.display());
    wdk_build::configure_wdk_binary_build()?;
    Ok(())
}

/// What the file's properties show.
struct Version {
    /// Major, minor and patch.
    numbers: [u16; 3],
    strings: Vec<(&'static str, String)>,
}

impl Version {
    fn of_this_package() -> Result<Self, Box<dyn error::Error>> {
        let number = |name: &str| Ok::<u16, Box<dyn error::Error>>(env::var(name)?.parse()?);
        let file = format!("{}.sys", env::var("CARGO_PKG_NAME")?);
        let version = env::var("CARGO_PKG_VERSION")?;
        Ok(Self {
            numbers: [
                number("CARGO_PKG_VERSION_MAJOR")?,
                number("CARGO_PKG_VERSION_MINOR")?,
                number("CARGO_PKG_VERSION_PATCH")?,
            ],
            strings: vec![
                ("CompanyName", "cdrom-rs contributors".to_owned()),
                ("FileDescription", env::var("CARGO_PKG_DESCRIPTION")?),
                ("FileVersion", version.clone()),
                ("InternalName", file.clone()),
                ("LegalCopyright", env::var("CARGO_PKG_LICENSE")?),
                ("OriginalFilename", file),
                ("ProductName", "cdrom-rs".to_owned()),
                ("ProductVersion", version),
            ],
        })
    }
}

/// US English in UTF-16, as a number and as the name of the block of strings.
const LANGUAGE: u16 = 0x0409;
const UNICODE: u16 = 1200;

/// A resource file as linkers take it: the empty entry it begins with, then VS_VERSIONINFO.
fn version_resource(version: &Version) -> Vec<u8> {
    const RT_VERSION: u16 = 16;
    const MOVEABLE_PURE: u16 = 0x30;
    let info = version_info(version);
    let mut out = entry(0, [0, 0], 0, 0);
    out.extend(entry(info.len() as u32, [RT_VERSION, 1], MOVEABLE_PURE, LANGUAGE));
    out.extend(info);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// The header of one resource whose type and name are numbers.
fn entry(size: u32, kind_and_name: [u16; 2], flags: u16, language: u16) -> Vec<u8> {
    const HEADER: u32 = 32;
    let mut out = Vec::new();
    out.extend(size.to_le_bytes());
    out.extend(HEADER.to_le_bytes());
    for number in kind_and_name {
        out.extend([0xFF, 0xFF]);
        out.extend(number.to_le_bytes());
    }
    out.extend(0_u32.to_le_bytes());
    out.extend(flags.to_le_bytes());
    out.extend(language.to_le_bytes());
    out.extend([0; 8]);
    out
}

fn version_info(version: &Version) -> Vec<u8> {
    const SIGNATURE: u32 = 0xFEEF_04BD;
    const STRUCTURE_VERSION: u32 = 0x0001_0000;
    const NT_WINDOWS32: u32 = 0x0004_0004;
    const DRIVER: u32 = 3;
    const SYSTEM_DRIVER: u32 = 7;
    let [major, minor, patch] = version.numbers.map(u32::from);
    let (high, low) = (major << 16 | minor, patch << 16);
    let fixed: Vec<u8> =
        [SIGNATURE, STRUCTURE_VERSION, high, low, high, low, 0x3F, 0, NT_WINDOWS32, DRIVER, SYSTEM_DRIVER, 0, 0]
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
    let strings: Vec<_> = version.strings.iter().map(|(name, value)| text_node(name, value)).collect();
    let table = node(&format!("{LANGUAGE:04x}{UNICODE:04x}"), &[], 0, true, &strings);
    let translation: Vec<u8> = [LANGUAGE, UNICODE].iter().flat_map(|number| number.to_le_bytes()).collect();
    let translation = node("Translation", &translation, 4, false, &[]);
    let children = [node("StringFileInfo", &[], 0, true, &[table]), node("VarFileInfo", &[], 0, true, &[translation])];
    node("VS_VERSION_INFO", &fixed, fixed.len() as u16, false, &children)
}

/// A string; its length counts characters, with the zero at the end.
fn text_node(name: &str, value: &str) -> Vec<u8> {
    let value = wide(value);
    node(name, &value, (value.len() / 2) as u16, true, &[])
}

/// One node of the tree: lengths, kind, name, value, children, each part on a multiple of four.
fn node(name: &str, value: &[u8], value_length: u16, text: bool, children: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(value_length.to_le_bytes());
    out.extend(u16::from(text).to_le_bytes());
    out.extend(wide(name));
    for part in [value].into_iter().chain(children.iter().map(Vec::as_slice)).filter(|part| !part.is_empty()) {
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(part);
    }
    let length = out.len() as u16;
    out[..2].copy_from_slice(&length.to_le_bytes());
    out
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}
