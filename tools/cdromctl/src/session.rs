//! A started device, and a program's view of it.

use std::time::Duration;

use anyhow::{Context, Result};
use drive_host::host::{Completed, Host, Ioctl, Options};
use drive_host::memory::Memory;
use drive_host::record::Cause;
use drive_host::registry::Registry;
use drive_host::{Access, names};
use ioctl_dispatch::HandleId;
use ioctl_dispatch::request::{Mdl, Transfer};
use scsi_cdb::Cdb;
use virtual_drive::script::Recording;

use crate::cli::Common;
use crate::failure::{DriveRefused, RequestFailed};
use crate::{drive, trace};

/// How long a drive in software is left alone after the device's start, so that the first polls have seen the disc.
const SETTLE: Duration = Duration::from_secs(2);

/// The same for a program on a real drive, which has been running for long.
const SETTLE_REAL: Duration = Duration::from_millis(150);

/// Runs `work` with the recording that the command line asks for.
pub fn recorded<T>(common: &mut Common, work: impl FnOnce(&Common) -> Result<T>) -> Result<T> {
    let Some(path) = common.record.clone() else { return work(common) };
    let context = || format!("--record {}", path.display());
    let recording = Recording::create(&path).with_context(context)?;
    recording.comment(concat!("Recorded by cdromctl ", env!("CARGO_PKG_VERSION"), "; replay with"));
    let registry: String = common.registry.iter().map(|value| format!(" --registry '{value}'")).collect();
    recording.comment(&format!("cdromctl --drive script:{} --adapter {}{registry}", path.display(), common.adapter));
    common.recording = Some(recording.clone());
    let done = work(common);
    recording.finish().with_context(context)?;
    done
}

/// Starts the device on the drive of the command line, for a script.
pub fn start(common: &Common) -> Result<Host> {
    start_and_settle(common, SETTLE)
}

fn start_and_settle(common: &Common, real: Duration) -> Result<Host> {
    let name = common
        .drive
        .as_deref()
        .context("which drive? Give --drive IMAGE, sim:NAME or /dev/srN; --help lists the others")?;
    let mut registry = Registry::default();
    for value in &common.registry {
        registry.set_from(value).map_err(anyhow::Error::msg).context("--registry")?;
    }
    let chosen = drive::open(name)?;
    let options = Options { adapter: common.adapter, registry, real_time: chosen.real, ..Options::default() };
    let target = match &common.recording {
        Some(recording) => recording.of(chosen.target),
        None => chosen.target,
    };
    let mut host = Host::prepare(target, &options);
    if common.trace {
        host.recorder().set_trace(Box::new(trace::show));
    }
    host.power_up(if chosen.real { real } else { SETTLE })?;
    Ok(host)
}

/// A program that has the device open.
pub struct Program {
    /// The device.
    pub host: Host,
    handle: HandleId,
}

impl Program {
    /// Starts the device and opens it.
    pub fn open(common: &Common) -> Result<Self> {
        let mut host = start_and_settle(common, SETTLE_REAL)?;
        let handle = host.open(Access::ReadWrite);
        Ok(Self { host, handle })
    }

    /// As [`Self::open`]; then asks whether the disc is ready, so that news about it is not mixed with what follows.
    pub fn open_disc(common: &Common) -> Result<Self> {
        let mut program = Self::open(common)?;
        program.request("IOCTL_STORAGE_CHECK_VERIFY2", &[], 0)?;
        Ok(program)
    }

    /// Sends a control request and gives how it ended.
    pub fn request(&mut self, name: &str, input: &[u8], output_length: u32) -> Result<Completed> {
        let code = names::control_code(name).map_err(anyhow::Error::msg)?;
        self.send(&Ioctl::new(code, self.handle, input, output_length))
    }

    /// Sends any control request.
    pub fn send(&mut self, ioctl: &Ioctl) -> Result<Completed> {
        let id = self.host.control(ioctl, None)?;
        Ok(self.host.wait(id)?)
    }

    /// The handle.
    pub fn handle(&self) -> HandleId {
        self.handle
    }

    /// Sends a control request that must end well; gives what it returned.
    pub fn ask(&mut self, name: &str, input: &[u8], output_length: u32) -> Result<Vec<u8>> {
        let completed = self.request(name, input, output_length)?;
        check(name, completed)
    }

    /// Sends a command that returns `length` bytes by IOCTL_SCSI_PASS_THROUGH; gives what the drive returned.
    pub fn pass_through(&mut self, cdb: Cdb, length: u32) -> Result<Vec<u8>> {
        // SCSI_PASS_THROUGH of a 64-bit caller, then sense data, then data.
        const STRUCTURE: u32 = 0x38;
        const SENSE: u8 = 0x20;
        let data = STRUCTURE + u32::from(SENSE);
        let mut input = vec![0; 0x38];
        input[0..2].copy_from_slice(&0x38_u16.to_le_bytes());
        input[6] = u8::try_from(cdb.as_bytes().len()).unwrap_or(16);
        input[7] = SENSE;
        input[8] = 1;
        input[0x0C..0x10].copy_from_slice(&length.to_le_bytes());
        input[0x10..0x14].copy_from_slice(&60_u32.to_le_bytes());
        input[0x18..0x1C].copy_from_slice(&data.to_le_bytes());
        input[0x20..0x24].copy_from_slice(&STRUCTURE.to_le_bytes());
        input[0x24..0x34].copy_from_slice(cdb.padded());
        let answer = self.ask("IOCTL_SCSI_PASS_THROUGH", &input, data + length)?;
        let (head, rest) = answer.split_at_checked(0x38).context("the answer is too short")?;
        if head[2] != 0 {
            return Err(DriveRefused { cdb, scsi_status: head[2], sense: rest[..rest.len().min(18)].to_vec() }.into());
        }
        Ok(rest.get(usize::from(SENSE)..).unwrap_or_default().to_vec())
    }

    /// Reads bytes of sectors of 2048 bytes.
    pub fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>> {
        let transfer = Transfer {
            write: false,
            offset: i64::try_from(offset).context("an offset beyond any disc")?,
            length,
            mdl: Mdl { address: 0, byte_count: 0 },
            handle: Some(self.handle),
            stack_flags: 0,
            minor: 0,
            paging: false,
        };
        let id = self.host.transfer(transfer, Memory::for_read(length, 0), None)?;
        let completed = self.host.wait(id)?;
        check(&format!("reading {length} bytes at {offset}"), completed)
    }

    /// Closes the device.
    pub fn close(mut self) -> Result<()> {
        Ok(self.host.close(self.handle, Cause::Own("close"))?)
    }
}

/// What a request that ended well returned.
fn check(what: &str, completed: Completed) -> Result<Vec<u8>> {
    if completed.status.is_success() {
        Ok(completed.returned().to_vec())
    } else {
        Err(RequestFailed { what: what.into(), status: completed.status }.into())
    }
}
