//! The process: a PC with nothing but an ATAPI drive, its processor stopped.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{PROGRAM, QemuError};

/// The name of the drive at the monitor.
pub(super) const DRIVE: &str = "optical";

/// A running QEMU; dropped, it is ended and its files are removed.
#[derive(Debug)]
pub(super) struct Machine {
    process: Child,
    directory: tempfile::TempDir,
}

impl Machine {
    /// Starts QEMU with `image` in its drive; also returns the connection to its I/O ports.
    pub(super) fn start(image: Option<&str>) -> Result<(Self, UnixStream), QemuError> {
        let system = |doing| move |source| QemuError::System { doing, source };
        let directory = tempfile::Builder::new().prefix("qemu-drive-").tempdir();
        let directory = directory.map_err(system("making a directory for the sockets of QEMU"))?;
        let (ours, theirs) = UnixStream::pair().map_err(system("making a socket"))?;
        let theirs = OwnedFd::from(theirs);
        let input = theirs.try_clone().map_err(system("making a socket"))?;
        let messages =
            File::create(messages_in(&directory)).map_err(system("making a file for the messages of QEMU"))?;
        let monitor = format!("unix:{},server=on,wait=off", escaped(&socket_in(&directory).to_string_lossy()));
        let image = image.map(|path| format!(",format=raw,file={}", escaped(path))).unwrap_or_default();
        let drive = format!("if=none,id={DRIVE}-disc,media=cdrom,readonly=on{image}");
        let process = Command::new(PROGRAM)
            .args(["-M", "pc", "-accel", "tcg", "-S", "-m", "16", "-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-qtest", "stdio", "-qtest-log", "/dev/null", "-qmp"])
            .arg(monitor)
            .arg("-drive")
            .arg(drive)
            .args(["-device", &format!("ide-cd,id={DRIVE},drive={DRIVE}-disc,bus=ide.1,unit=0")])
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(theirs))
            .stderr(messages)
            .spawn();
        let process = process.map_err(|source| match source.kind() {
            ErrorKind::NotFound => QemuError::NotInstalled,
            _ => QemuError::System { doing: "starting QEMU", source },
        })?;
        Ok((Self { process, directory }, ours))
    }

    /// The socket of the monitor.
    pub(super) fn monitor_socket(&self) -> PathBuf {
        socket_in(&self.directory)
    }

    /// Ends QEMU. Nothing is lost: the images are read only.
    pub(super) fn stop(&mut self) {
        // Without the wait the process would stay as a zombie.
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }

    /// The error, or why QEMU ended if that is what lies behind it.
    pub(super) fn explain(&mut self, error: QemuError) -> QemuError {
        if !matches!(error, QemuError::Ended(_)) {
            return error;
        }
        let messages = std::fs::read_to_string(messages_in(&self.directory)).unwrap_or_default();
        match messages.trim() {
            "" => error,
            messages => QemuError::Ended(messages.to_owned()),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn socket_in(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("monitor")
}

fn messages_in(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("messages")
}

/// A path as a value in QEMU's option lists, where a comma is written twice.
fn escaped(path: &str) -> String {
    path.replace(',', ",,")
}
