//! SCSI request blocks: their layout, functions and flags.

use nt_kernel::layout::{IRP, PVOID};
use nt_kernel::{get, put};

/// `SCSI_REQUEST_BLOCK` of x64.
#[expect(non_snake_case, reason = "names and meanings are the WDK's")]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Srb {
    pub Length: u16,
    pub Function: u8,
    pub SrbStatus: u8,
    pub ScsiStatus: u8,
    pub PathId: u8,
    pub TargetId: u8,
    pub Lun: u8,
    pub QueueTag: u8,
    pub QueueAction: u8,
    pub CdbLength: u8,
    pub SenseInfoBufferLength: u8,
    pub SrbFlags: u32,
    pub DataTransferLength: u32,
    pub TimeOutValue: u32,
    pub DataBuffer: PVOID,
    pub SenseInfoBuffer: PVOID,
    pub NextSrb: *mut Srb,
    pub OriginalRequest: *mut IRP,
    pub SrbExtension: PVOID,
    /// Or QueueSortKey.
    pub InternalStatus: u32,
    pub Reserved: u32,
    pub Cdb: [u8; 16],
}

const _: () = {
    assert!(size_of::<Srb>() == SIZE);
    assert!(core::mem::offset_of!(Srb, SrbFlags) == 0x0C);
    assert!(core::mem::offset_of!(Srb, DataBuffer) == 0x18);
    assert!(core::mem::offset_of!(Srb, OriginalRequest) == 0x30);
    assert!(core::mem::offset_of!(Srb, InternalStatus) == 0x40);
    assert!(core::mem::offset_of!(Srb, Cdb) == 0x48);
};

/// Size of the block.
pub const SIZE: usize = 0x58;

/// Functions.
pub mod function {
    /// Send a command.
    pub const EXECUTE: u8 = 0x00;
    /// Become the device's only class driver.
    pub const CLAIM_DEVICE: u8 = 0x01;
    /// Unfreeze the queue.
    pub const RELEASE_QUEUE: u8 = 0x04;
    /// Give the claim back.
    pub const RELEASE_DEVICE: u8 = 0x06;
    /// The adapter's cache is to be written, for the system shuts down.
    pub const SHUTDOWN: u8 = 0x07;
    /// The adapter's cache is to be written.
    pub const FLUSH: u8 = 0x08;
    /// Abort the request of `NextSrb`.
    pub const ABORT_COMMAND: u8 = 0x10;
    /// Reset the bus.
    pub const RESET_BUS: u8 = 0x12;
    /// Reset the device.
    pub const RESET_DEVICE: u8 = 0x13;
    /// Complete what is queued, unfreeze.
    pub const FLUSH_QUEUE: u8 = 0x15;
    /// Hold the queue.
    pub const LOCK_QUEUE: u8 = 0x18;
    /// Let the queue go on.
    pub const UNLOCK_QUEUE: u8 = 0x19;
    /// Wait for what is outstanding.
    pub const QUIESCE_DEVICE: u8 = 0x1A;
    /// An extended block (`STORAGE_REQUEST_BLOCK`) follows, which this port does not take.
    pub const STORAGE_REQUEST_BLOCK: u8 = 0x28;
}

/// Flags of a block.
pub mod flags {
    /// Pass even if the queue is frozen.
    pub const BYPASS_FROZEN_QUEUE: u32 = 0x10;
    /// No sense data is wanted.
    pub const DISABLE_AUTOSENSE: u32 = 0x20;
    /// Data from the device.
    pub const DATA_IN: u32 = 0x40;
    /// Data to the device.
    pub const DATA_OUT: u32 = 0x80;
    /// An error does not freeze the queue.
    pub const NO_QUEUE_FREEZE: u32 = 0x100;
    /// Pass even if the queue is locked.
    pub const BYPASS_LOCKED_QUEUE: u32 = 0x8_0000;
}

/// SRB statuses and the two flag bits above them.
pub mod srb_status {
    /// Done.
    pub const SUCCESS: u8 = 0x01;
    /// Aborted.
    pub const ABORTED: u8 = 0x02;
    /// There was nothing to abort.
    pub const ABORT_FAILED: u8 = 0x03;
    /// The bus was reset.
    pub const BUS_RESET: u8 = 0x0E;
    /// More or less data than asked for.
    pub const DATA_OVERRUN: u8 = 0x12;
    /// Claimed by another.
    pub const BUSY: u8 = 0x05;
    /// Malformed.
    pub const INVALID_REQUEST: u8 = 0x06;
    /// The device is gone.
    pub const NO_DEVICE: u8 = 0x08;
    /// Another size of block.
    pub const BAD_SRB_BLOCK_LENGTH: u8 = 0x15;
    /// Flushed from the queue.
    pub const REQUEST_FLUSHED: u8 = 0x16;
    /// Unknown function.
    pub const BAD_FUNCTION: u8 = 0x22;
    /// The port failed; InternalStatus says why.
    pub const INTERNAL_ERROR: u8 = 0x30;
    /// The queue is frozen now.
    pub const QUEUE_FROZEN: u8 = 0x40;
    /// The sense buffer holds sense data.
    pub const AUTOSENSE_VALID: u8 = 0x80;
}

/// Ends a block without a transfer.
pub fn end(srb: *mut Srb, status: u8) {
    put!(srb, SrbStatus, status);
}

/// The block's command descriptor block.
#[must_use]
pub fn cdb(srb: *mut Srb) -> Vec<u8> {
    let length = usize::from(get!(srb, CdbLength)).min(16);
    get!(srb, Cdb)[..length].to_vec()
}
