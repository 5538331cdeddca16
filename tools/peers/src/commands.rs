//! The commands that drives are asked, built with `scsi-cdb` or spelt out where they are wrong on purpose.

use scsi_cdb::{Command, Transfer};

/// A command as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The command descriptor block.
    pub(crate) cdb: Vec<u8>,
    /// Room for data from the drive, in bytes.
    pub(crate) room: usize,
    /// Data for the drive.
    pub(crate) out: Vec<u8>,
}

impl Listed {
    /// A command that reads as many bytes as its block says, or none.
    pub(crate) fn of<C: Command>(command: C) -> Self {
        let room = match command.transfer() {
            Transfer::In(length) => length as usize,
            Transfer::None | Transfer::Out(_) => 0,
        };
        Self { cdb: command.cdb().as_bytes().to_vec(), room, out: Vec::new() }
    }

    /// A block byte by byte, with `room` for data.
    pub(crate) fn raw(cdb: &[u8], room: usize) -> Self {
        Self { cdb: cdb.to_vec(), room, out: Vec::new() }
    }
}
