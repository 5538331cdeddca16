//! The structure of pass-through requests (`SCSI_PASS_THROUGH`, `SCSI_PASS_THROUGH_DIRECT`), as a stock port reads it.

use std::ops::Range;

use scsi_cdb::{Cdb, Direction};

use crate::Adapter;

/// STATUS_INVALID_PARAMETER.
const INVALID: u32 = 0xC000_000D;
/// STATUS_BUFFER_TOO_SMALL.
const TOO_SMALL: u32 = 0xC000_0023;
/// STATUS_REVISION_MISMATCH.
const REVISION_MISMATCH: u32 = 0xC000_0059;
/// STATUS_IO_DEVICE_ERROR.
const DEVICE_ERROR: u32 = 0xC000_0185;

/// CHECK CONDITION.
const CHECK_CONDITION: u8 = 0x02;

/// Time-outs that a port takes, in seconds: up to 30 hours.
pub const TIMEOUTS: std::ops::RangeInclusive<u32> = 1..=108_000;

/// Where the fields lie that depend on the caller's pointer size.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    length: usize,
    buffer: usize,
    pointer_size: usize,
    sense_offset: usize,
    cdb: usize,
}

const LAYOUT_64: Layout = Layout { length: 0x38, buffer: 0x18, pointer_size: 8, sense_offset: 0x20, cdb: 0x24 };
const LAYOUT_32: Layout = Layout { length: 0x2C, buffer: 0x14, pointer_size: 4, sense_offset: 0x18, cdb: 0x1C };

/// A request as it reaches the port.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The system buffer, whole.
    pub system: &'a [u8],
    /// Its address.
    pub address: u64,
    /// How much of it is input.
    pub input_length: usize,
    /// How much of it is output.
    pub output_length: usize,
    /// The data lies at a pointer, not in the system buffer.
    pub direct: bool,
    /// The caller is a 32-bit process.
    pub wow64: bool,
}

/// A pass-through that was found to be in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassThrough {
    layout: &'static Layout,
    direct: bool,
    /// The command descriptor block.
    pub cdb: Cdb,
    /// Which way the data goes; `In` where the caller left it open.
    pub direction: Direction,
    /// The caller left the direction open.
    pub either_way: bool,
    /// Transfer length in bytes.
    pub length: u32,
    /// Time-out in seconds.
    pub timeout_s: u32,
    /// The data's address, or its offset in the system buffer.
    pub data: u64,
    /// Where the sense data goes in the system buffer.
    pub sense_offset: usize,
    /// Room for sense data.
    pub sense_room: usize,
}

impl PassThrough {
    /// Reads the structure, with the checks of a stock port in their order.
    ///
    /// # Errors
    /// The NTSTATUS with which the port refuses.
    pub fn read(call: &Call<'_>, adapter: &Adapter) -> Result<Self, u32> {
        let require = |pass: bool| if pass { Ok(()) } else { Err(INVALID) };
        let layout = if call.wow64 { &LAYOUT_32 } else { &LAYOUT_64 };
        let input = call.system.get(..call.input_length).unwrap_or(call.system);
        if input.len() < layout.length {
            return Err(TOO_SMALL);
        }
        if usize::from(u16::from_le_bytes([input[0], input[1]])) != layout.length {
            return Err(REVISION_MISMATCH);
        }
        let length = u32_at(input, 0x0C);
        require(length <= adapter.most_at_once())?;
        let mut pointer = [0; 8];
        pointer[..layout.pointer_size].copy_from_slice(&input[layout.buffer..layout.buffer + layout.pointer_size]);
        let data = u64::from_le_bytes(pointer);
        let address = if call.direct { data } else { call.address.wrapping_add(data) };
        require(length == 0 || address & u64::from(adapter.alignment_mask) == 0)?;
        let timeout_s = u32_at(input, 0x10);
        require(TIMEOUTS.contains(&timeout_s))?;
        require(input[6] <= 16 && input[8] <= 2)?;
        let sense_room = usize::from(input[7]);
        let sense_offset = to_usize(u32_at(input, layout.sense_offset));
        let start = usize::try_from(data).unwrap_or(usize::MAX);
        let end = start.saturating_add(to_usize(length));
        if sense_room != 0 {
            let sense_end = sense_offset.saturating_add(sense_room);
            require(sense_offset >= layout.length)?;
            require(call.direct || ((length == 0 || sense_end <= start) && sense_end <= call.output_length))?;
        }
        let (reads, writes) = (input[8] != 0, input[8] != 1);
        if !call.direct && length != 0 {
            require(start >= layout.length)?;
            require((!reads || end <= call.output_length) && (!writes || end <= input.len()))?;
        }
        let cdb = &input[layout.cdb..layout.cdb + usize::from(input[6])];
        let direction = match (length, reads) {
            (0, _) => Direction::None,
            (_, true) => Direction::In,
            (_, false) => Direction::Out,
        };
        Ok(Self {
            layout,
            direct: call.direct,
            cdb: Cdb::from_slice(cdb).ok_or(INVALID)?,
            direction,
            either_way: reads && writes,
            length,
            timeout_s,
            data,
            sense_offset,
            sense_room,
        })
    }

    /// Where the data lies in the system buffer, if it does.
    #[must_use]
    pub fn data_range(&self) -> Option<Range<usize>> {
        let start = usize::try_from(self.data).ok()?;
        (!self.direct).then(|| if self.length == 0 { 0..0 } else { start..start + to_usize(self.length) })
    }

    /// Writes how the command ended into the system buffer; gives Information.
    ///
    /// # Errors
    /// The NTSTATUS with which the request ends.
    pub fn answer(&self, system: &mut [u8], scsi_status: u8, sense: &[u8], transferred: u32) -> Result<usize, u32> {
        if scsi_status == CHECK_CONDITION && self.sense_room == 0 {
            return Err(DEVICE_ERROR);
        }
        let sense = &sense[..sense.len().min(self.sense_room)];
        system[2] = scsi_status;
        system[3..6].fill(0);
        system[7] = u8::try_from(sense.len()).unwrap_or(u8::MAX);
        system[0x0C..0x10].copy_from_slice(&transferred.to_le_bytes());
        let mut end = self.layout.length;
        if let Some(data) = self.data_range().filter(|_| self.direction == Direction::In) {
            end = data.start + to_usize(transferred);
        }
        if !sense.is_empty() {
            let place = self.sense_offset..self.sense_offset + sense.len();
            end = end.max(place.end);
            system.get_mut(place).ok_or(INVALID)?.copy_from_slice(sense);
        }
        Ok(end)
    }
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |field| u32::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// READ (10) of 16 bytes behind the structure and 18 bytes of sense, in a system buffer of 0x60 bytes.
    fn good() -> Vec<u8> {
        let mut system = vec![0; 0x60];
        (system[0], system[6], system[7], system[8]) = (0x38, 10, 18, 1);
        (system[0x0C], system[0x10], system[0x18], system[0x20], system[0x24]) = (16, 10, 0x50, 0x38, 0x28);
        system
    }

    fn read(system: &[u8], direct: bool) -> Result<PassThrough, u32> {
        let (input_length, output_length) = (0x38, system.len());
        let call = Call { system, address: 0x1000, input_length, output_length, direct, wow64: false };
        PassThrough::read(&call, &Adapter::default())
    }

    #[test]
    fn what_is_in_order_is_read() {
        let call = read(&good(), false).unwrap();
        assert_eq!((call.cdb.as_bytes()[0], call.direction, call.length), (0x28, Direction::In, 16));
        assert_eq!((call.data_range(), call.sense_offset, call.sense_room), (Some(0x50..0x60), 0x38, 18));
        let mut system = good();
        assert_eq!(call.answer(&mut system, 2, &[0x70, 0, 6], 4), Ok(0x54));
        assert_eq!((system[2], system[7], system[0x0C], &system[0x38..0x3B]), (2, 3, 4, &[0x70, 0, 6][..]));
        let direct = read(&good(), true).unwrap();
        assert_eq!((direct.answer(&mut system, 0, &[], 16), direct.data_range()), (Ok(0x38), None));
        assert_eq!(direct.answer(&mut system, 2, &[0; 18], 0), Ok(0x4A));
    }

    #[test]
    fn each_rule_has_its_status_and_the_first_counts() {
        type Spoil = fn(&mut Vec<u8>);
        let rules: [(&str, Spoil, u32); 10] = [
            ("short", |system| system.truncate(0x37), TOO_SMALL),
            ("length field", |system| system[0] = 0x2C, REVISION_MISMATCH),
            ("too much", |system| system[0x0E] = 2, INVALID),
            ("alignment", |system| system[0x18] = 0x51, INVALID),
            ("time-out", |system| system[0x10] = 0, INVALID),
            ("block length", |system| system[6] = 17, INVALID),
            ("direction", |system| system[8] = 3, INVALID),
            ("sense over the structure", |system| system[0x20] = 0x37, INVALID),
            ("sense over the data", |system| system[0x20] = 0x4E, INVALID),
            ("data past the output", |system| system[0x0C] = 17, INVALID),
        ];
        for (name, spoil, status) in rules {
            let mut system = good();
            spoil(&mut system);
            assert_eq!(read(&system, false), Err(status), "{name}");
        }
        let mut both = good();
        (both[0], both[8]) = (0x2C, 3);
        assert_eq!(read(&both, false), Err(REVISION_MISMATCH));
    }

    #[test]
    fn without_room_for_sense_a_check_condition_is_an_error() {
        let mut system = good();
        system[7] = 0;
        let call = read(&system, false).unwrap();
        assert_eq!(call.answer(&mut system, 2, &[0x70], 0), Err(DEVICE_ERROR));
    }
}
