//! QEMU's emulated ATAPI drive, driven directly: a machine whose processor never runs, its I/O ports worked over qtest,
//! its discs changed over QMP.
//!
//! [`QemuDrive`] starts `qemu-system-x86_64` and ends it when it is dropped. Packets have 12 bytes; longer command
//! descriptor blocks fail at the port. After CHECK CONDITION the sense data is fetched with REQUEST SENSE, as an ATAPI
//! port does. QEMU reads raw images of 2048-byte blocks only, and takes up to 80 minutes of blocks for a CD and more
//! for a DVD.

mod atapi;
mod machine;
mod qmp;
mod qtest;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use virtual_drive::target::{Completion, DataPhase, MediaAction, Reply, Request, Target};

use atapi::Channel;
use machine::Machine;
use qmp::Monitor;

/// The program that is started.
pub const PROGRAM: &str = "qemu-system-x86_64";
/// The Debian package that holds it.
pub const PACKAGE: &str = "qemu-system-x86";

/// Why QEMU could not be started, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// The program is not there.
    #[error("{PROGRAM} is not installed (Debian: apt-get install {PACKAGE})")]
    NotInstalled,
    /// An image cannot be used.
    #[error("{}: {problem}", path.display())]
    Image {
        /// The image as it was given.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// QEMU ended by itself.
    #[error("QEMU ended: {0}")]
    Ended(String),
    /// QEMU did not answer in time.
    #[error("QEMU did not answer within {0:?} ({1})")]
    TimedOut(Duration, &'static str),
    /// QEMU said what nobody expects.
    #[error("unexpected answer of QEMU: {0}")]
    Protocol(String),
    /// A monitor command was refused.
    #[error("QEMU refused: {0}")]
    Refused(String),
}

/// STATUS_IO_TIMEOUT: the drive did not answer in time.
const STATUS_IO_TIMEOUT: u32 = 0xC000_00B5;
/// STATUS_DEVICE_NOT_CONNECTED: QEMU is gone.
const STATUS_DEVICE_NOT_CONNECTED: u32 = 0xC000_009D;
/// STATUS_INVALID_DEVICE_REQUEST: the block does not fit a packet.
const STATUS_INVALID_DEVICE_REQUEST: u32 = 0xC000_0010;

/// The longest data that REQUEST SENSE is asked for.
const SENSE_LENGTH: u8 = 18;
/// The greatest length of a packet.
const PACKET_LENGTH: usize = 12;

/// An ATAPI drive in QEMU.
#[derive(Debug)]
pub struct QemuDrive {
    channel: Channel,
    monitor: Monitor,
    machine: Machine,
    version: String,
    disc: Option<PathBuf>,
    fault: Option<String>,
}

impl QemuDrive {
    /// Starts a drive with the disc in `image`, or with none.
    ///
    /// # Errors
    /// QEMU is not installed or does not start, or the image cannot be read.
    pub fn start(image: Option<&Path>) -> Result<Self, QemuError> {
        let full_path = image.map(usable_image).transpose()?;
        let (mut machine, qtest) = Machine::start(full_path.as_deref())?;
        let opened =
            Channel::open(qtest).and_then(|channel| Ok((channel, Monitor::connect(&machine.monitor_socket())?)));
        let (channel, mut monitor) = opened.map_err(|error| machine.explain(error))?;
        let version = monitor.version()?;
        Ok(Self { channel, monitor, machine, version, disc: image.map(Path::to_path_buf), fault: None })
    }

    /// QEMU's version, such as `7.2.22`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What went wrong with QEMU itself, when a command failed at the port.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    fn packet(&mut self, cdb: &[u8], data: DataPhase<'_>) -> Result<(bool, Vec<u8>, usize), QemuError> {
        let mut packet = [0; PACKET_LENGTH];
        packet[..cdb.len()].copy_from_slice(cdb);
        let ended = self.channel.packet(&packet, data)?;
        Ok((ended.checked, ended.data, ended.transferred))
    }

    fn run(&mut self, request: &Request<'_>) -> Result<(Completion, Vec<u8>, usize), QemuError> {
        let (checked, data, transferred) = self.packet(request.cdb, request.data)?;
        let (status, sense) = if checked {
            let request_sense = [0x03, 0, 0, 0, SENSE_LENGTH, 0];
            (0x02, self.packet(&request_sense, DataPhase::In(usize::from(SENSE_LENGTH)))?.1)
        } else {
            (0x00, Vec::new())
        };
        Ok((Completion::Status { status, sense }, data, transferred))
    }

    fn change_disc(&mut self, action: &MediaAction) -> Result<(), QemuError> {
        let drive = machine::DRIVE;
        match action {
            MediaAction::Remove => {
                self.monitor.execute("eject", &json!({ "id": drive, "force": true }))?;
                self.monitor.execute("blockdev-close-tray", &json!({ "id": drive }))?;
                self.disc = None;
            }
            MediaAction::Insert(path) => {
                let change = json!({
                    "id": drive, "filename": usable_image(path)?, "format": "raw", "force": true, "read-only-mode": "read-only",
                });
                self.monitor.execute("blockdev-change-medium", &change)?;
                self.disc = Some(path.clone());
            }
            MediaAction::EjectButton if self.monitor.tray_is_open()? => {
                self.monitor.execute("blockdev-close-tray", &json!({ "id": drive }))?;
            }
            MediaAction::EjectButton => {
                // A locked drive refuses, after it has told the host that the button was pressed.
                match self.monitor.execute("blockdev-open-tray", &json!({ "id": drive, "force": false })) {
                    Err(QemuError::Refused(reason)) if reason.contains("is locked") => {}
                    other => drop(other?),
                }
            }
        }
        Ok(())
    }
}

impl Target for QemuDrive {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        let begin = Instant::now();
        let (completion, data, transferred) = if request.cdb.is_empty() || request.cdb.len() > PACKET_LENGTH {
            (Completion::PortFailure(STATUS_INVALID_DEVICE_REQUEST), Vec::new(), 0)
        } else {
            self.run(&request).unwrap_or_else(|error| {
                let error = self.machine.explain(error);
                let timed_out = matches!(error, QemuError::TimedOut(..));
                self.fault = Some(error.to_string());
                let status = if timed_out { STATUS_IO_TIMEOUT } else { STATUS_DEVICE_NOT_CONNECTED };
                (Completion::PortFailure(status), Vec::new(), 0)
            })
        };
        Reply { completion, data, transferred, duration: begin.elapsed() }
    }

    fn act(&mut self, action: &MediaAction, _: Duration) -> Result<(), String> {
        self.change_disc(action).map_err(|error| self.machine.explain(error).to_string())
    }

    fn describe(&self) -> String {
        let disc = self.disc.as_ref().map_or_else(|| "no disc".to_owned(), |path| path.display().to_string());
        let fault = self.fault.as_ref().map(|fault| format!("; {fault}")).unwrap_or_default();
        format!("ATAPI drive of QEMU {}, {disc}{fault}", self.version)
    }
}

/// The full path of a file that QEMU can take for a disc: a regular file of whole 2048-byte blocks. A full path cannot
/// be mistaken for one of QEMU's `protocol:` names.
fn usable_image(path: &Path) -> Result<String, QemuError> {
    let wrong = |problem: String| QemuError::Image { path: path.to_path_buf(), problem };
    let metadata = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !metadata.is_file() || metadata.len() == 0 || !metadata.len().is_multiple_of(2048) {
        return Err(wrong("QEMU takes raw images of 2048-byte blocks only, such as .iso".into()));
    }
    let full = path.canonicalize().map_err(|error| wrong(error.to_string()))?;
    full.into_os_string().into_string().map_err(|_| wrong("the path is not UTF-8, which QEMU's monitor needs".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_checked_before_qemu_is_started() {
        let directory = tempfile::tempdir().unwrap();
        let odd = directory.path().join("odd.iso");
        std::fs::write(&odd, [0; 2049]).unwrap();
        let error = QemuDrive::start(Some(&odd)).unwrap_err().to_string();
        assert!(error.contains("odd.iso") && error.contains("2048-byte blocks"), "{error}");
        let error = QemuDrive::start(Some(&directory.path().join("none.iso"))).unwrap_err().to_string();
        assert!(error.contains("none.iso"), "{error}");
    }

    fn send(drive: &mut QemuDrive, cdb: &[u8], room: usize) -> Reply {
        let data = if room == 0 { DataPhase::None } else { DataPhase::In(room) };
        drive.execute(Request::new(cdb, data, Duration::ZERO))
    }

    /// The additional sense code, zero without sense.
    fn additional_sense(reply: &Reply) -> u8 {
        match &reply.completion {
            Completion::Status { sense, .. } => sense.get(12).copied().unwrap_or(0),
            other => panic!("{other:?}"),
        }
    }

    fn until_ready(drive: &mut QemuDrive) {
        assert!((0..4).any(|_| additional_sense(&send(drive, &[0; 6], 0)) == 0), "{}", drive.describe());
    }

    /// Runs where QEMU is installed.
    #[test]
    fn a_disc_is_read_exchanged_and_removed() {
        const READ_60_TO_63: [u8; 10] = [0x28, 0, 0, 0, 0, 60, 0, 0, 4, 0];
        let directory = tempfile::tempdir().unwrap();
        let image = |name: &str, fill: u8| {
            let path = directory.path().join(name);
            std::fs::write(&path, vec![fill; 2048 * 64]).unwrap();
            path
        };
        let (first, second) = (image("first, with a comma.iso", 1), image("second.iso", 2));
        let mut drive = match QemuDrive::start(Some(&first)) {
            Err(QemuError::NotInstalled) => return,
            started => started.unwrap(),
        };
        assert_eq!(drive.inquiry(Duration::ZERO)[0], 5, "{}", drive.describe());
        until_ready(&mut drive);
        assert_eq!(send(&mut drive, &READ_60_TO_63, 8192).data, [1; 8192]);
        assert_eq!(send(&mut drive, &READ_60_TO_63, 3001).data, [1; 3001]);
        assert_eq!(additional_sense(&send(&mut drive, &[0x28, 0, 0, 0, 0, 64, 0, 0, 1, 0], 2048)), 0x21);
        let too_long = send(&mut drive, &[0x88; 16], 2048).completion;
        assert_eq!(too_long, Completion::PortFailure(STATUS_INVALID_DEVICE_REQUEST));

        drive.act(&MediaAction::Insert(second), Duration::ZERO).unwrap();
        until_ready(&mut drive);
        assert_eq!(send(&mut drive, &READ_60_TO_63, 8192).data, [2; 8192]);
        drive.act(&MediaAction::Remove, Duration::ZERO).unwrap();
        assert_eq!(additional_sense(&send(&mut drive, &[0; 6], 0)), 0x3A);
        for open in [true, false] {
            drive.act(&MediaAction::EjectButton, Duration::ZERO).unwrap();
            assert_eq!(drive.monitor.tray_is_open().unwrap(), open);
        }
        assert_eq!(drive.fault(), None);
    }

    /// Runs where QEMU is installed.
    #[test]
    fn odd_lengths_lose_a_byte_and_a_dead_qemu_is_reported() {
        let mut drive = match QemuDrive::start(None) {
            Err(QemuError::NotInstalled) => return,
            started => started.unwrap(),
        };
        let inquiry = |length| [0x12, 0, 0, 0, length, 0];
        assert_eq!(send(&mut drive, &inquiry(5), 5).data.len(), 4);
        assert_eq!(send(&mut drive, &inquiry(36), 36).data.len(), 36, "the drive goes on afterwards");
        drive.machine.stop();
        let gone = send(&mut drive, &inquiry(36), 36).completion;
        assert_eq!(gone, Completion::PortFailure(STATUS_DEVICE_NOT_CONNECTED));
        assert!(drive.describe().contains("QEMU ended"), "{}", drive.describe());
    }
}
