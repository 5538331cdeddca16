//! A library for LD_PRELOAD that answers SG_IO from a socket: the tools of sg3-utils that have no offline mode are
//! given our virtual drive in place of a device. Compiled by `rustc` when the comparison runs.
//!
//! The socket is named by `PEERS_BRIDGE`. Each command is a connection of its own: the length of the CDB (one byte), the
//! CDB, and the room for data (four bytes, little-endian); back come the status, the length of the sense data (one byte
//! each), the sense data, and the data to the end.

use std::env;
use std::ffi::{c_int, c_ulong, c_void};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::slice;

/// Requests of Linux's `scsi/sg.h`.
const SG_GET_VERSION_NUM: c_ulong = 0x2282;
const SG_IO: c_ulong = 0x2285;

/// A version of the driver that tools accept.
const VERSION: c_int = 30_536;

/// `sg_io_hdr_t`.
#[repr(C)]
struct Header {
    interface_id: c_int,
    direction: c_int,
    cdb_length: u8,
    sense_room: u8,
    segments: u16,
    data_room: u32,
    data: *mut u8,
    cdb: *const u8,
    sense: *mut u8,
    timeout: u32,
    flags: u32,
    pack_id: c_int,
    user: *mut c_void,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_written: u8,
    host_status: u16,
    driver_status: u16,
    residual: c_int,
    duration: u32,
    info: u32,
}

/// Takes the place of the C library's `ioctl`.
///
/// # Safety
/// `argument` must be what `request` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioctl(_: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    match request {
        SG_GET_VERSION_NUM => {
            // SAFETY: this request has a pointer to an int.
            unsafe { argument.cast::<c_int>().write(VERSION) };
            0
        }
        SG_IO => {
            // SAFETY: this request has a pointer to the header, which nobody else uses meanwhile.
            let header = unsafe { &mut *argument.cast::<Header>() };
            command(header).map_or(-1, |()| 0)
        }
        _ => -1,
    }
}

fn command(header: &mut Header) -> Option<()> {
    // SAFETY: the caller gives the address and length of the CDB.
    let cdb = unsafe { slice::from_raw_parts(header.cdb, usize::from(header.cdb_length)) };
    let mut socket = UnixStream::connect(env::var_os("PEERS_BRIDGE")?).ok()?;
    socket.write_all(&[header.cdb_length]).ok()?;
    socket.write_all(cdb).ok()?;
    socket.write_all(&header.data_room.to_le_bytes()).ok()?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).ok()?;
    let (&[status, sense_length], rest) = answer.split_first_chunk()?;
    let (sense, data) = rest.split_at_checked(usize::from(sense_length))?;
    let sense = &sense[..sense.len().min(usize::from(header.sense_room))];
    let room = usize::try_from(header.data_room).ok()?;
    let data = &data[..data.len().min(room)];
    if !sense.is_empty() {
        // SAFETY: the caller gives room for that many bytes of sense data.
        unsafe { header.sense.copy_from_nonoverlapping(sense.as_ptr(), sense.len()) };
    }
    if !data.is_empty() {
        // SAFETY: the caller gives room for that many bytes of data.
        unsafe { header.data.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    }
    header.status = status;
    header.masked_status = (status >> 1) & 0x1F;
    header.sense_written = u8::try_from(sense.len()).ok()?;
    header.residual = c_int::try_from(room - data.len()).ok()?;
    (header.message_status, header.host_status, header.driver_status) = (0, 0, 0);
    (header.duration, header.info) = (0, u32::from(status != 0));
    Some(())
}
