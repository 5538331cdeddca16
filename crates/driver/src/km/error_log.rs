//! Entries of the system's event log.

use core::mem::offset_of;
use core::slice::from_raw_parts_mut;

use ioctl_dispatch::effect::LogRecord;
use wdk_sys::IO_ERROR_LOG_PACKET;
use wdk_sys::ntddk::{IoAllocateErrorLogEntry, IoWriteErrorLogEntry};

use crate::km::device_object::DeviceObject;
use crate::km::time;

/// Where the dump data begins.
const DUMP: usize = 48;
const _: () = assert!(size_of::<IO_ERROR_LOG_PACKET>() == DUMP && offset_of!(IO_ERROR_LOG_PACKET, DumpData) == 40);

/// Dump data of a record: tick count, port number, flags, SRB, sense bytes, rounded up.
const RECORD_DUMP: usize = 128;

/// Where the SRB lies in the dump data. Its pointers stay zero: readers of the log have no use for kernel addresses.
const SRB: usize = 0x10;

/// Where the sense bytes lie in the dump data.
const SENSE: usize = 0x68;

/// IO_CDROM_EXCLUSIVE_LOCK.
const IO_CDROM_EXCLUSIVE_LOCK: u32 = 0x4004_0085;

/// The bytes of an entry while it is being filled in.
struct Entry<'a>(&'a mut [u8]);

impl Entry<'_> {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(room) = self.0.get_mut(offset..offset.saturating_add(bytes.len())) {
            room.copy_from_slice(bytes);
        }
    }

    fn dump(&mut self, offset: usize, bytes: &[u8]) {
        self.put(offset_of!(IO_ERROR_LOG_PACKET, DumpData).saturating_add(offset), bytes);
    }
}

/// Writes an entry with `dump_length` bytes of dump data, which `fill` fills in. It is left out if the system is short
/// of memory.
fn write(device: DeviceObject, dump_length: usize, fill: impl FnOnce(&mut Entry<'_>)) {
    let size = DUMP.saturating_add(dump_length);
    let Ok(short) = u8::try_from(size) else { return };
    // SAFETY: our own device object; IRQL <= DISPATCH_LEVEL.
    let entry = unsafe { IoAllocateErrorLogEntry(device.as_ptr().cast(), short) };
    if entry.is_null() {
        return;
    }
    // SAFETY: the system gave that many bytes, zeroed.
    let bytes = unsafe { from_raw_parts_mut(entry.cast::<u8>(), size) };
    let mut filled = Entry(bytes);
    filled.put(offset_of!(IO_ERROR_LOG_PACKET, DumpDataSize), &u16::try_from(dump_length).unwrap_or(0).to_le_bytes());
    fill(&mut filled);
    // SAFETY: an entry that was allocated above; it is the system's again.
    unsafe { IoWriteErrorLogEntry(entry) };
}

/// Writes what went wrong with a command.
pub fn record(device: DeviceObject, record: &LogRecord) {
    write(device, RECORD_DUMP, |entry| {
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, MajorFunctionCode), &[record.major_function]);
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, RetryCount), &[record.retry_count]);
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, ErrorCode), &record.error_code.to_le_bytes());
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, UniqueErrorValue), &record.unique_value.to_le_bytes());
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, FinalStatus), &record.final_status.0.to_le_bytes());
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, IoControlCode), &record.control_code.to_le_bytes());
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, DeviceOffset), &record.device_offset.to_le_bytes());
        entry.dump(0, &time::now().0.to_le_bytes());
        entry.dump(8, &u32::MAX.to_le_bytes());
        entry.dump(12, &record.flags.to_le_bytes());
        entry.dump(SRB, &88_u16.to_le_bytes());
        entry.dump(SRB.saturating_add(3), &[record.srb_status, record.scsi_status]);
        entry.dump(SRB.saturating_add(0x48), &record.cdb);
        entry.dump(SENSE, &record.sense);
    });
}

/// Writes who has the drive to itself.
pub fn exclusive_lock(device: DeviceObject, name: &[u8; 64]) {
    write(device, name.len(), |entry| {
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, ErrorCode), &IO_CDROM_EXCLUSIVE_LOCK.to_le_bytes());
        entry.put(offset_of!(IO_ERROR_LOG_PACKET, UniqueErrorValue), &1_u32.to_le_bytes());
        entry.dump(0, name);
    });
}
