//! Builds the drivers that the tests load, with the tools that `cargo xtask test --only host-tests` installs, and runs them.
#![allow(dead_code, reason = "each test program uses its part")]

pub mod run;
pub mod wdf_header;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use wdf_header::Tables;

/// A C compiler for Windows, with its linker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// Debian's `gcc-mingw-w64-x86-64`: symbols in the image.
    Gcc,
    /// `clang` and `lld`, with the headers of mingw-w64: a PDB beside the image.
    Clang,
}

impl Compiler {
    /// All of them.
    pub const ALL: [Compiler; 2] = [Compiler::Gcc, Compiler::Clang];

    fn name(self) -> &'static str {
        match self {
            Compiler::Gcc => "gcc",
            Compiler::Clang => "clang",
        }
    }

    /// The compiler, told to make `image`.
    fn command(self, image: &Path) -> Command {
        let mut command = Command::new(match self {
            Compiler::Gcc => "x86_64-w64-mingw32-gcc",
            Compiler::Clang => "clang",
        });
        command.args(COMPILER_FLAGS).args(LINKER_FLAGS).arg("-o").arg(image);
        match self {
            // The kernel's inline functions that read fixed addresses look like accesses of an empty array to it.
            Compiler::Gcc => command.arg("-Wno-array-bounds"),
            // Several inline functions of the headers are defined in each object.
            Compiler::Clang => command
                .args([
                    "--target=x86_64-w64-windows-gnu",
                    "-fuse-ld=lld",
                    "-g",
                    "-gcodeview",
                    "-Wno-ignored-attributes",
                    "-fms-extensions",
                ])
                .arg("-Wl,--allow-multiple-definition")
                .arg(format!("-Wl,--pdb={}", image.with_extension("pdb").display())),
        };
        command
    }
}

/// Dialect and warnings. Pool tags are multi-character constants.
const COMPILER_FLAGS: &[&str] = &[
    "-std=gnu11",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-multichar",
    "-Wno-unknown-pragmas",
    "-D_WIN32_WINNT=0x0A00",
    "-DNTDDI_VERSION=0x0A000000",
    "-isystem/usr/x86_64-w64-mingw32/include/ddk",
];

/// A native image with relocations, whose entry is the framework's stub.
const LINKER_FLAGS: &[&str] = &[
    "-nostdlib",
    "-shared",
    "-Wl,--subsystem,native",
    "-Wl,--entry,FxDriverEntry",
    "-Wl,--dynamicbase",
    "-Wl,--nxcompat",
    "-Wl,--exclude-all-symbols",
];

/// The folder of the C driver.
pub fn c_class_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c-class")
}

/// The C driver's framework tables.
pub fn c_class_tables() -> Tables {
    Tables::parse(&read(&c_class_folder().join("wdf.json")))
}

/// The C driver's sources, one after the other.
pub fn c_class_sources() -> String {
    sources("c").chain(sources("h")).map(|path| read(&path)).collect()
}

/// The C driver, compiled by that compiler.
pub fn c_class(compiler: Compiler) -> PathBuf {
    built(compiler.name(), || build(compiler, compiler.name(), &[]))
}

/// The C driver for another version of the framework: minor number, and how many functions that has.
pub fn c_class_for_version(minor: u32, functions: u32) -> PathBuf {
    let name = format!("1.{minor}");
    let defines = [format!("-DKMDF_MINOR={minor}"), format!("-DKMDF_FUNCTIONS={functions}")];
    built(&name, || build(Compiler::Gcc, &name, &defines))
}

/// Builds once; several tests ask at the same time.
fn built(name: &str, build: impl FnOnce() -> PathBuf) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().expect("no build has panicked");
    built.entry(name.to_owned()).or_insert_with(build).clone()
}

fn build(compiler: Compiler, name: &str, defines: &[String]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c-class").join(name);
    fs::create_dir_all(&folder).expect("a folder for the C driver");
    fs::write(folder.join("wdf.h"), c_class_tables().header(&c_class_sources())).expect("its header can be written");
    for library in ["wdfldr", "ntoskrnl10"] {
        let mut tool = Command::new("x86_64-w64-mingw32-dlltool");
        tool.arg("-d").arg(c_class_folder().join(format!("{library}.def")));
        run(tool.arg("-l").arg(folder.join(format!("lib{library}.a"))));
    }
    let image = folder.join("cclass.sys");
    let mut command = compiler.command(&image);
    command.args(defines).arg("-I").arg(&folder).args(sources("c")).arg("-L").arg(&folder);
    run(command.args(["-lwdfldr", "-lntoskrnl10", "-lntoskrnl"]));
    image
}

/// The driver that commits a sin when it is told to.
pub fn sinner() -> PathBuf {
    built("sinner", || {
        let mut cargo = Command::new(env!("CARGO"));
        let said = run(cargo.args(["xtask", "build-driver", "--package", "sinner"]));
        PathBuf::from(said.lines().last().expect("build-driver says where the image is"))
    })
}

fn sources(extension: &'static str) -> impl Iterator<Item = PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(c_class_folder())
        .expect("the C driver's folder")
        .map(|entry| entry.expect("an entry of it").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths.into_iter()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn run(command: &mut Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program}: {error}. `cargo xtask test --only host-tests` installs what builds the drivers")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    said
}
