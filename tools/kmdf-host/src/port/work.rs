//! A request with a command, while the port has it.

use drive_formats::pass_through::PassThrough;
use nt_kernel::layout::IRP;
use nt_kernel::raw;
use nt_machine::findings::{self, Rule};
use nt_machine::memory;
use scsi_cdb::Direction;

use super::srb::Srb;
use super::unit::{Answer, Command};

/// Which way the command came.
#[derive(Debug)]
pub enum Form {
    /// By a pass-through structure in the request's system buffer.
    PassThrough(PassThrough),
    /// By an SRB.
    Srb(*mut Srb),
}

/// Where the command's data lies, as the port reaches it at any IRQL.
#[derive(Debug)]
pub struct Data {
    address: *mut u8,
    length: usize,
    /// It is a mapping of the port's own, which must go.
    mapped: bool,
}

impl Data {
    /// No data.
    #[must_use]
    pub fn none() -> Self {
        Self { address: core::ptr::null_mut(), length: 0, mapped: false }
    }

    /// Data at a system address that stays valid while the request runs.
    #[must_use]
    pub fn at(address: *mut u8, length: usize) -> Self {
        Self { address, length, mapped: false }
    }

    /// Data at an address that may be pageable or a program's: the port locks and maps it. `None` if that address is
    /// not accessible in that way.
    #[must_use]
    pub fn mapped(address: *mut u8, length: usize, direction: Direction) -> Option<Self> {
        if length == 0 {
            return Some(Self::none());
        }
        if !memory::access(address.addr(), length, direction == Direction::In) {
            return None;
        }
        Some(Self { address: memory::view(address, length), length, mapped: true })
    }

    /// The bytes that go to the drive.
    #[must_use]
    pub fn read(&self) -> Vec<u8> {
        raw::bytes(self.address, self.length)
    }

    fn write(&self, bytes: &[u8]) {
        let length = bytes.len().min(self.length);
        if length == 0 {
            return;
        }
        if self.mapped || memory::access(self.address.addr(), length, true) {
            raw::put_bytes(self.address, &bytes[..length]);
        } else {
            findings::report(
                Rule::UseAfterFree,
                format_args!("{:p}", self.address),
                "the data buffer of a command is not accessible any more when the drive's data arrives",
            );
        }
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.mapped {
            memory::unview(self.address);
        }
    }
}

/// A request with a command.
#[derive(Debug)]
pub struct Work {
    /// The request.
    pub irp: *mut IRP,
    /// Its command.
    pub command: Command,
    /// Its data.
    pub data: Data,
    /// Which way it came.
    pub form: Form,
    /// What the drive said, once it runs.
    pub answer: Option<Answer>,
}

impl Work {
    /// The SRB, if the command came by one.
    #[must_use]
    pub fn srb(&self) -> Option<*mut Srb> {
        match self.form {
            Form::Srb(srb) => Some(srb),
            Form::PassThrough(_) => None,
        }
    }

    /// Hands the drive's data over.
    pub fn deliver(&self, answer: &Answer) {
        if self.command.direction == Direction::In {
            self.data.write(&answer.data);
        }
    }
}
