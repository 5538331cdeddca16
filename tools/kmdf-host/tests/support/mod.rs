//! Builds the drivers that the tests load, with the tools that `cargo xtask test --only host` installs.

pub mod wdf_header;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::fs;

use wdf_header::Tables;

/// The C compiler for Windows, Debian's `gcc-mingw-w64-x86-64`.
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// Dialect and warnings. The kernel's inline functions that mingw-w64 reads from fixed addresses look like accesses of an
/// empty array to gcc, and pool tags are multi-character constants.
const COMPILER_FLAGS: &[&str] = &[
    "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-multichar", "-Wno-array-bounds", "-Wno-unknown-pragmas",
    "-D_WIN32_WINNT=0x0A00", "-DNTDDI_VERSION=0x0A000000", "-isystem/usr/x86_64-w64-mingw32/include/ddk",
];

/// A native image with relocations, whose entry is the framework's stub.
const LINKER_FLAGS: &[&str] = &[
    "-nostdlib", "-nostartfiles", "-shared", "-Wl,--subsystem,native", "-Wl,--entry,FxDriverEntry", "-Wl,--dynamicbase",
    "-Wl,--nxcompat", "-Wl,--exclude-all-symbols",
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

/// The C driver, compiled.
pub fn c_class() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c-class");
        fs::create_dir_all(&folder).expect("a folder for the C driver");
        fs::write(folder.join("wdf.h"), c_class_tables().header(&c_class_sources())).expect("its header can be written");
        for library in ["wdfldr", "ntoskrnl10"] {
            let mut tool = Command::new("x86_64-w64-mingw32-dlltool");
            tool.arg("-d").arg(c_class_folder().join(format!("{library}.def")));
            run(tool.arg("-l").arg(folder.join(format!("lib{library}.a"))));
        }
        let image = folder.join("cclass.sys");
        let mut compiler = Command::new(COMPILER);
        compiler.args(COMPILER_FLAGS).arg("-I").arg(&folder).args(sources("c")).args(LINKER_FLAGS);
        compiler.arg("-o").arg(&image).arg("-L").arg(&folder);
        run(compiler.args(["-lwdfldr", "-lntoskrnl10", "-lntoskrnl", "-lgcc"]));
        image
    })
}

/// The driver that commits a sin when it is told to.
pub fn sinner() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
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
        panic!("{program}: {error}. `cargo xtask test --only host` installs what builds the drivers")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    said
}
