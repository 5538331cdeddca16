//! Gives our virtual drive to tools that want a device.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, bail};
use virtual_drive::drive::Drive;

use super::answers::execute;

/// The library's source.
const SHIM: &str = include_str!("bridge_shim.rs");

/// Where tools find the drive.
pub(super) struct Bridge {
    library: PathBuf,
    socket: PathBuf,
    drive: Arc<Mutex<Drive>>,
}

impl Bridge {
    /// Compiles the library, and serves a drive on a socket in `folder`.
    pub fn start(folder: &Path, drive: Drive) -> anyhow::Result<Self> {
        let (source, library) = (folder.join("bridge_shim.rs"), folder.join("libbridge_shim.so"));
        std::fs::write(&source, SHIM)?;
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]).arg(&library).arg(&source);
        let output = rustc.output().context("rustc")?;
        if !output.status.success() {
            bail!("the bridge was not compiled: {}", String::from_utf8_lossy(&output.stderr));
        }
        let socket = folder.join("bridge.socket");
        let listener = UnixListener::bind(&socket).with_context(|| socket.display().to_string())?;
        let drive = Arc::new(Mutex::new(drive));
        let served = Arc::clone(&drive);
        // Ends with the program.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let mut drive = served.lock().unwrap_or_else(PoisonError::into_inner);
                // A tool that goes away does not matter.
                let _ = serve(&mut drive, connection);
            }
        });
        Ok(Self { library, socket, drive })
    }

    /// Puts another drive in its place.
    pub fn replace(&self, drive: Drive) {
        *self.drive.lock().unwrap_or_else(PoisonError::into_inner) = drive;
    }

    /// Runs a tool on the drive; gives what it prints, whether it is content or not.
    pub fn ask(&self, line: &[&str]) -> anyhow::Result<String> {
        let (program, arguments) = line.split_first().context("no program")?;
        let mut command = Command::new(program);
        // Any character device does.
        command.args(arguments).arg("/dev/null").env("LC_ALL", "C");
        command.env("LD_PRELOAD", &self.library).env("PEERS_BRIDGE", &self.socket);
        let output = command.output().with_context(|| line.join(" "))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn serve(drive: &mut Drive, mut connection: UnixStream) -> std::io::Result<()> {
    let mut length = [0];
    connection.read_exact(&mut length)?;
    let mut cdb = vec![0; usize::from(length[0])];
    connection.read_exact(&mut cdb)?;
    let mut room = [0; 4];
    connection.read_exact(&mut room)?;
    let (status, sense, data) = execute(drive, &cdb, u32::from_le_bytes(room));
    connection.write_all(&[status, u8::try_from(sense.len()).unwrap_or(u8::MAX)])?;
    connection.write_all(&sense)?;
    connection.write_all(&data)
}
