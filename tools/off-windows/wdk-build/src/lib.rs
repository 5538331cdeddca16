//! Stand-in for `wdk-build` where there is no Windows Driver Kit: the same two functions for build scripts, which tell
//! cargo the driver model, and how to link a driver with LLVM's linker instead of Microsoft's.
#![forbid(unsafe_code)]

use std::{env, error, fmt, fs, io, path::PathBuf};

/// The model that the off-Windows build knows. On Windows it comes from the driver's manifest; both say the same.
const DRIVER_MODEL: &[(&str, &str)] = &[
    ("driver_model__driver_type", "KMDF"),
    ("driver_model__kmdf_version_major", "1"),
    ("driver_model__target_kmdf_version_minor", "15"),
];

/// What a Windows kernel driver is, in the linker's words.
const LINK: &[&str] = &[
    "/DRIVER",
    "/SUBSYSTEM:NATIVE,10.00",
    "/VERSION:10.0",
    "/NODEFAULTLIB",
    "/MANIFEST:NO",
    "/NXCOMPAT",
    "/DYNAMICBASE",
    "/HIGHENTROPYVA",
    "/INTEGRITYCHECK",
    "/RELEASE",
    "/OPT:REF,NOICF",
    // The bytes depend on what goes in, not on when.
    "/BREPRO",
    "/PDBALTPATH:%_PDB%",
    // As Microsoft's linker does for drivers: what only the start needs is given back after it.
    "/SECTION:INIT,ERD",
    "/SECTION:.rsrc,RD",
];

/// Why a build script cannot go on.
#[derive(Debug)]
pub enum ConfigError {
    /// Cargo did not set a variable that build scripts rely on.
    Environment(env::VarError),
    /// A file for the linker could not be written.
    Io(PathBuf, io::Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(_) => write!(out, "this is not run by cargo as a build script"),
            Self::Io(path, _) => write!(out, "cannot write {}", path.display()),
        }
    }
}

impl error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Environment(cause) => Some(cause),
            Self::Io(_, cause) => Some(cause),
        }
    }
}

/// For the build script of a library on top of the kit: the driver model as `cfg`.
pub fn configure_wdk_library_build() -> Result<(), ConfigError> {
    for (name, value) in DRIVER_MODEL {
        println!("cargo::rustc-cfg={name}=\"{value}\"");
        println!("cargo::rustc-check-cfg=cfg({name}, values(\"WDM\", \"KMDF\", \"UMDF\", \"{value}\"))");
    }
    Ok(())
}

/// For the build script of a driver: the driver model as `cfg`, and how to link.
pub fn configure_wdk_binary_build() -> Result<(), ConfigError> {
    configure_wdk_library_build()?;
    let target = env::var("CARGO_CFG_TARGET_OS").map_err(ConfigError::Environment)?;
    if target != "windows" {
        return Ok(());
    }
    LINK.iter().for_each(|argument| println!("cargo::rustc-cdylib-link-arg={argument}"));
    println!("cargo::rustc-cdylib-link-arg=/ENTRY:{}", entry()?);
    let exports = no_exports()?;
    println!("cargo::rustc-cdylib-link-arg=/DEF:{}", exports.display());
    Ok(())
}

/// A KMDF driver begins in the framework's stub, a WDM driver (`driver-type = "WDM"` in its manifest) in its own
/// entry.
fn entry() -> Result<&'static str, ConfigError> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(ConfigError::Environment)?);
    let manifest = folder.join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let text = fs::read_to_string(&manifest).map_err(|cause| ConfigError::Io(manifest, cause))?;
    let wdm = text.lines().any(|line| line.split('#').next().unwrap_or("").replace(' ', "") == "driver-type=\"WDM\"");
    Ok(if wdm { "DriverEntry" } else { "FxDriverEntry" })
}

/// A module definition that exports nothing; the linker takes the last one it is given, so it replaces rustc's list of
/// every symbol that is not mangled. A driver is entered by its entry point alone.
fn no_exports() -> Result<PathBuf, ConfigError> {
    let path = PathBuf::from(env::var("OUT_DIR").map_err(ConfigError::Environment)?).join("no-exports.def");
    fs::write(&path, "EXPORTS\n").map_err(|cause| ConfigError::Io(path.clone(), cause))?;
    Ok(path)
}
