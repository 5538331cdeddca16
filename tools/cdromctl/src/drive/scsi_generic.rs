//! A real drive, through Linux's SG_IO.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ioctl_dispatch::NtStatus;
use rustix::io::Errno;
use rustix::ioctl;
use virtual_drive::{Completion, DataPhase, MediaAction, Reply, Request, Target};

const SG_IO: ioctl::Opcode = 0x2285;

/// Bytes of sense data that fit.
const SENSE_ROOM: u8 = 64;

/// A drive's device node.
pub struct Device {
    file: File,
    path: PathBuf,
}

impl Device {
    /// Opens the node without waiting for a disc and without loading the tray.
    pub fn open(path: &Path) -> Result<Self> {
        let file = match open_node(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => bail!(
                "no permission to open {}; become a member of the group that owns it \
                 (often `sudo usermod -aG cdrom $USER`, then log in again) or run as root",
                path.display()
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("{} does not exist; `ls /dev/sr*` shows the optical drives of this machine", path.display())
            }
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                bail!("there is no drive behind {}", path.display())
            }
            Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
        };
        let kind = file.metadata().with_context(|| path.display().to_string())?.file_type();
        if !kind.is_block_device() && !kind.is_char_device() {
            bail!("{} is no device; optical drives are /dev/sr0, /dev/sr1, ...", path.display());
        }
        let mut device = Self { file, path: path.to_owned() };
        device.probe()?;
        Ok(device)
    }

    /// Asks for INQUIRY data, which any SCSI device answers without a disc.
    fn probe(&mut self) -> Result<()> {
        let request = Request::new(&[0x12, 0, 0, 0, 36, 0], DataPhase::In(36), Duration::ZERO);
        match self.send(&request) {
            Ok(reply) if reply.data.first().is_some_and(|byte| byte & 0x1F == 5) => Ok(()),
            Ok(_) => bail!("{} is a SCSI device but no optical drive", self.path.display()),
            Err(Errno::PERM | Errno::ACCESS) => {
                bail!("{} can be opened, but SCSI commands are not permitted; run as root", self.path.display())
            }
            Err(error) => bail!("{} takes no SCSI commands: {error}", self.path.display()),
        }
    }

    fn send(&mut self, request: &Request<'_>) -> Result<Reply, Errno> {
        let mut cdb = [0; 16];
        cdb[..request.cdb.len().min(16)].copy_from_slice(&request.cdb[..request.cdb.len().min(16)]);
        let cdb_length = sent_length(request.cdb);
        let mut sense = [0; SENSE_ROOM as usize];
        let (mut data, direction) = match request.data {
            DataPhase::None => (Vec::new(), Direction::None),
            DataPhase::In(room) => (vec![0; room], Direction::FromDevice),
            DataPhase::Out(bytes) => (bytes.to_vec(), Direction::ToDevice),
        };
        let length = u32::try_from(data.len()).map_err(|_| Errno::INVAL)?;
        let mut header = Header {
            interface_id: i32::from(b'S'),
            dxfer_direction: direction as i32,
            cmd_len: cdb_length,
            mx_sb_len: SENSE_ROOM,
            iovec_count: 0,
            dxfer_len: length,
            dxferp: data.as_mut_ptr().cast(),
            cmdp: cdb.as_mut_ptr(),
            sbp: sense.as_mut_ptr(),
            timeout: u32::try_from(request.timeout.as_millis()).unwrap_or(u32::MAX),
            flags: 0,
            pack_id: 0,
            usr_ptr: std::ptr::null_mut(),
            status: 0,
            masked_status: 0,
            msg_status: 0,
            sb_len_wr: 0,
            host_status: 0,
            driver_status: 0,
            resid: 0,
            duration: 0,
            info: 0,
        };
        let started = Instant::now();
        // SAFETY: SG_IO reads and writes one sg_io_hdr, which `Header` mirrors field by field.
        let updater = unsafe { ioctl::Updater::<SG_IO, Header>::new(&mut header) };
        // SAFETY: the three pointers in the header lead to buffers that live until the call returns, with at least the
        // lengths given beside them; the kernel touches nothing else.
        unsafe { ioctl::ioctl(&self.file, updater) }?;
        let duration = started.elapsed();
        let transferred = moved(&header);
        match direction {
            Direction::FromDevice => data.truncate(transferred),
            Direction::None | Direction::ToDevice => data.clear(),
        }
        Ok(Reply { completion: completion(&header, &sense), data, transferred, duration })
    }
}

impl Target for Device {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        self.send(&request).unwrap_or_else(|error| Reply {
            completion: Completion::PortFailure(match error {
                Errno::PERM | Errno::ACCESS => NtStatus::ACCESS_DENIED.0,
                Errno::NODEV | Errno::NXIO => NtStatus::DEVICE_DOES_NOT_EXIST.0,
                Errno::NOMEM => NtStatus::INSUFFICIENT_RESOURCES.0,
                Errno::INVAL => NtStatus::INVALID_PARAMETER.0,
                _ => NtStatus::IO_DEVICE_ERROR.0,
            }),
            data: Vec::new(),
            transferred: 0,
            duration: Duration::ZERO,
        })
    }

    fn act(&mut self, _action: &MediaAction, _now: Duration) -> Result<(), String> {
        Err(format!("{} is a real drive: do it by hand", self.path.display()))
    }

    fn describe(&self) -> String {
        format!("drive {}", self.path.display())
    }
}

/// Opens for writing where that is allowed: without root's rights Linux lets commands that change the drive, such as
/// PREVENT ALLOW MEDIUM REMOVAL or SET CD SPEED, through such a file only.
fn open_node(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let open = |write| OpenOptions::new().read(true).write(write).custom_flags(flags).open(path);
    // Whatever refuses, the second try says why in terms of reading.
    open(true).or_else(|_| open(false))
}

/// How many bytes of the command are sent. Linux's ATA layer refuses vendor commands that are shorter than it takes
/// their groups (the upper three bits, 6 and 7) for; the packet has zeros there anyway.
fn sent_length(cdb: &[u8]) -> u8 {
    const VENDOR_GROUPS: u8 = 10;
    let own = u8::try_from(cdb.len().min(16)).unwrap_or(16);
    match cdb.first() {
        Some(0xC0..) => own.max(VENDOR_GROUPS),
        _ => own,
    }
}

/// Bytes that were moved. The residual means something only when the command reached the drive.
fn moved(header: &Header) -> usize {
    let residual = u32::try_from(header.resid).unwrap_or(0);
    let moved = if header.host_status == 0 { header.dxfer_len.saturating_sub(residual) } else { 0 };
    usize::try_from(moved).unwrap_or(0)
}

fn completion(header: &Header, sense: &[u8]) -> Completion {
    const DID_NO_CONNECT: u16 = 1;
    const DID_TIME_OUT: u16 = 3;
    match header.host_status {
        0 => {
            let length = usize::from(header.sb_len_wr).min(sense.len());
            let checked = header.status == 0x02;
            let sense = if checked { sense[..length].to_vec() } else { Vec::new() };
            Completion::Status { status: header.status, sense }
        }
        DID_NO_CONNECT => Completion::PortFailure(NtStatus::DEVICE_NOT_CONNECTED.0),
        DID_TIME_OUT => Completion::PortFailure(NtStatus::IO_TIMEOUT.0),
        _ => Completion::PortFailure(NtStatus::IO_DEVICE_ERROR.0),
    }
}

/// SG_DXFER_...
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    None = -1,
    ToDevice = -2,
    FromDevice = -3,
}

/// `struct sg_io_hdr` of `scsi/sg.h`.
#[repr(C)]
struct Header {
    interface_id: i32,
    dxfer_direction: i32,
    cmd_len: u8,
    mx_sb_len: u8,
    iovec_count: u16,
    dxfer_len: u32,
    dxferp: *mut c_void,
    cmdp: *mut u8,
    sbp: *mut u8,
    timeout: u32,
    flags: u32,
    pack_id: i32,
    usr_ptr: *mut c_void,
    status: u8,
    masked_status: u8,
    msg_status: u8,
    sb_len_wr: u8,
    host_status: u16,
    driver_status: u16,
    resid: i32,
    duration: u32,
    info: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn the_header_has_the_kernels_layout() {
        assert_eq!((size_of::<Header>(), std::mem::offset_of!(Header, dxferp)), (88, 16));
        assert_eq!((std::mem::offset_of!(Header, status), std::mem::offset_of!(Header, resid)), (64, 72));
    }

    fn ended(host_status: u16, resid: i32) -> Header {
        // SAFETY: every field is a number or a pointer that is not followed, for which zeros are a value.
        let header = unsafe { std::mem::zeroed::<Header>() };
        Header { dxfer_len: 32, host_status, resid, ..header }
    }

    /// Measured with Linux 6.1: a command that the ATA layer refused has no residual.
    #[test]
    fn the_residual_is_what_did_not_come() {
        const DID_ERROR: u16 = 7;
        assert_eq!(moved(&ended(0, 12)), 20);
        assert_eq!(moved(&ended(0, 0)), 32);
        assert_eq!(moved(&ended(0, 40)), 0, "more than was asked for");
        assert_eq!(moved(&ended(0, -4)), 32, "an overrun");
        assert_eq!(moved(&ended(DID_ERROR, 0)), 0);
    }

    /// Measured with Linux 6.1: E0 with 6 bytes ended with DID_ERROR and never reached an ATAPI drive.
    #[test]
    fn vendor_commands_have_the_length_of_their_group() {
        assert_eq!(sent_length(&[0xE0, 0, 0, 0, 0, 0]), 10);
        assert_eq!(sent_length(&[0xD8; 12]), 12);
        assert_eq!(sent_length(&[0x00; 6]), 6);
        assert_eq!(sent_length(&[0xA8; 12]), 12);
        assert_eq!(sent_length(&[0x9E; 16]), 16);
    }

    #[test]
    fn a_node_is_opened_for_writing_or_else_for_reading() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node");
        std::fs::write(&path, "x").unwrap();
        let writable = |file: File| std::io::Write::write(&mut (&file), b"y").is_ok();
        assert!(writable(open_node(&path).unwrap()));
        // A program that runs cannot be written to, by root neither.
        let own = std::env::current_exe().unwrap();
        assert!(!writable(open_node(&own).unwrap()));
        assert!(open_node(&directory.path().join("none")).is_err());
    }

    #[test]
    fn what_is_no_drive_is_named() {
        let error = |path: &str| Device::open(Path::new(path)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error("/dev/no-such-drive").contains("ls /dev/sr*"));
        assert!(error("/dev/null").contains("/dev/null takes no SCSI commands"));
        assert!(error("/").contains("/ is no device"));
    }
}
