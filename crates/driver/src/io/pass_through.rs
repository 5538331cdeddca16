//! `SCSI_PASS_THROUGH_DIRECT` with room for sense bytes behind it.

use core::mem::offset_of;
use core::ptr::{NonNull, null_mut};

use ioctl_dispatch::step::ScsiCommand;
use scsi_cdb::Direction;
use wdk_sys::IO_STACK_LOCATION;

use crate::km::irp::control_location;

/// IOCTL_SCSI_PASS_THROUGH_DIRECT.
const IOCTL: u32 = 0x0004_D014;

/// IRP_MN_SCSI_CLASS: without it a port refuses the request on a device that is claimed.
const SCSI_CLASS: u8 = 1;

/// Sense bytes that there is room for.
const SENSE_LENGTH: u8 = 18;

/// Bytes of the structure without the sense bytes.
const LENGTH: u16 = 0x38;

/// Bytes with them.
const WHOLE_LENGTH: u32 = 0x4A;

/// The structure as the port sees it, in memory that does not move while it is on its way.
#[repr(C)]
pub struct PassThrough {
    length: u16,
    scsi_status: u8,
    path_id: u8,
    target_id: u8,
    lun: u8,
    cdb_length: u8,
    sense_info_length: u8,
    data_in: u8,
    data_transfer_length: u32,
    time_out_value: u32,
    data_buffer: *mut u8,
    sense_info_offset: u32,
    cdb: [u8; 16],
    _pad: u32,
    sense: [u8; 18],
}

const _: () = assert!(
    offset_of!(PassThrough, data_transfer_length) == 0x0C
        && offset_of!(PassThrough, data_buffer) == 0x18
        && offset_of!(PassThrough, sense_info_offset) == 0x20
        && offset_of!(PassThrough, cdb) == 0x24
        && offset_of!(PassThrough, sense) == 0x38
);

// SAFETY: the pointer in it is only used by the port while the sender waits.
unsafe impl Send for PassThrough {}

impl PassThrough {
    /// One for no command.
    pub const fn new() -> Self {
        Self {
            length: 0,
            scsi_status: 0,
            path_id: 0,
            target_id: 0,
            lun: 0,
            cdb_length: 0,
            sense_info_length: 0,
            data_in: 0,
            data_transfer_length: 0,
            time_out_value: 0,
            data_buffer: null_mut(),
            sense_info_offset: 0,
            cdb: [0; 16],
            _pad: 0,
            sense: [0; 18],
        }
    }

    /// Fills it in for `command` with its data at `data`.
    pub fn fill(&mut self, command: &ScsiCommand, data: Option<NonNull<u8>>) {
        const OUT: u8 = 0;
        const IN: u8 = 1;
        const UNSPECIFIED: u8 = 2;
        let bytes = command.cdb.as_bytes();
        let mut cdb = [0; 16];
        for (to, from) in cdb.iter_mut().zip(bytes) {
            *to = *from;
        }
        *self = Self {
            length: LENGTH,
            cdb_length: u8::try_from(bytes.len()).unwrap_or(16),
            sense_info_length: SENSE_LENGTH,
            data_in: match command.direction {
                Direction::None => UNSPECIFIED,
                Direction::In => IN,
                Direction::Out => OUT,
            },
            data_transfer_length: command.length,
            time_out_value: command.timeout_s,
            data_buffer: data.map_or(null_mut(), NonNull::as_ptr),
            sense_info_offset: u32::from(LENGTH),
            cdb,
            ..Self::new()
        };
    }

    /// The location with which it is sent.
    pub fn location() -> IO_STACK_LOCATION {
        control_location(SCSI_CLASS, IOCTL, WHOLE_LENGTH, WHOLE_LENGTH)
    }

    /// SCSI status that came back.
    pub const fn scsi_status(&self) -> u8 {
        self.scsi_status
    }

    /// Bytes that the port says it has moved.
    pub const fn transferred(&self) -> u32 {
        self.data_transfer_length
    }

    /// Sense bytes that came back.
    pub fn sense(&self) -> &[u8] {
        self.sense.get(..usize::from(self.sense_info_length)).unwrap_or(&self.sense)
    }
}
