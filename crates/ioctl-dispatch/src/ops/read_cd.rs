//! READ CD for IOCTL_CDROM_RAW_READ: whole sectors into the caller's pages (ioctl-cdrom-disk.md).

use scsi_cdb::bytes::array_at;
use scsi_cdb::read_cd::ReadCd;

use super::{Context, Input, Next, capacity};
use crate::ntstatus::NtStatus;
use crate::step::{Place, ScsiCommand};

/// `RAW_READ_INFO` (16 bytes, little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawReadInfo {
    /// DiskOffset: bytes of 2048-byte sectors before the first.
    pub disk_offset: u64,
    /// SectorCount.
    pub sector_count: u32,
    /// TrackMode, as a number.
    pub track_mode: u32,
}

impl RawReadInfo {
    /// The structure in `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        let u32_at = |offset| array_at(bytes, offset).map(u32::from_le_bytes).unwrap_or(0);
        Self {
            disk_offset: array_at(bytes, 0).map(u64::from_le_bytes).unwrap_or(0),
            sector_count: u32_at(8),
            track_mode: u32_at(12),
        }
    }

    /// The structure at the start of `bytes`; `None` for fewer than 16.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(Self::from_bytes)
    }
}

/// `TRACK_MODE_TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackMode(pub u32);

/// How the sectors of a track mode are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorLayout {
    /// Bytes of one sector in the caller's buffer.
    pub sector_length: u32,
    /// Bytes 1, 9 and 10 of READ CD.
    flags: [u8; 3],
    /// The drive must give C2 error pointers.
    needs_c2: bool,
    /// The drive must give R-W sub-channels.
    needs_sub_channel: bool,
}

impl TrackMode {
    /// Mode 2 sectors without sub-header.
    pub const YELLOW_MODE_2: Self = Self(0);
    /// Mode 2 form 2 sectors.
    pub const XA_FORM_2: Self = Self(1);
    /// Audio.
    pub const CD_DA: Self = Self(2);
    /// Sectors of any type, C2 error pointers, sub-channels.
    pub const RAW_WITH_C2_AND_SUB_CODE: Self = Self(3);
    /// Sectors of any type, C2 error pointers.
    pub const RAW_WITH_C2: Self = Self(4);
    /// Sectors of any type, sub-channels.
    pub const RAW_WITH_SUB_CODE: Self = Self(5);

    /// How such sectors are read; `None` for an unknown mode.
    ///
    /// EDC and ECC are never asked for, although "raw" sounds like it: programs count on these lengths.
    #[must_use]
    pub const fn layout(self) -> Option<SectorLayout> {
        let (sector_length, flags, needs_c2, needs_sub_channel) = match self {
            Self::YELLOW_MODE_2 => (2352, [0x0C, 0xB0, 0x00], false, false),
            Self::XA_FORM_2 => (2352, [0x14, 0xF0, 0x00], false, false),
            Self::CD_DA => (2352, [0x04, 0xF0, 0x00], false, false),
            Self::RAW_WITH_C2_AND_SUB_CODE => (2744, [0x00, 0xF4, 0x01], true, true),
            Self::RAW_WITH_C2 => (2648, [0x00, 0xF4, 0x00], true, false),
            Self::RAW_WITH_SUB_CODE => (2448, [0x00, 0xF0, 0x01], false, true),
            _ => return None,
        };
        Some(SectorLayout { sector_length, flags, needs_c2, needs_sub_channel })
    }
}

/// What the command in hand is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The geometry of a medium that has to be verified first.
    Capacity,
    /// The sectors.
    Sectors,
}

/// Reads the sectors, unless the volume has to be verified or the drive cannot give what the mode needs.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    if context.environment.verify && !context.request.override_verify() {
        return Next::send_own(capacity::command(), State::Capacity);
    }
    let captured = context.request.type3_input.map(|input| RawReadInfo::from_bytes(&input));
    let read = captured
        .or_else(|| RawReadInfo::read(context.input()))
        .and_then(|info| TrackMode(info.track_mode).layout().map(|layout| (info, layout)));
    let Some((info, layout)) = read else { return Next::fail(NtStatus::INVALID_PARAMETER) };
    let device = &context.device;
    if (layout.needs_c2 && !device.c2_pointers) || (layout.needs_sub_channel && !device.raw_sub_channel) {
        return Next::fail(NtStatus::INVALID_DEVICE_REQUEST);
    }
    let block = info.disk_offset.checked_shr(device.geometry.shift()).unwrap_or(0);
    let lba = u32::try_from(block & u64::from(u32::MAX)).unwrap_or(0);
    let command = ReadCd::from_flag_bytes(lba, info.sector_count, layout.flags);
    let length = info.sector_count.saturating_mul(layout.sector_length);
    Next::send(ScsiCommand { length, place: Place::Caller { offset: 0 }, ..ScsiCommand::new(&command) }, State::Sectors)
}

/// Ends the request.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    match state {
        State::Capacity => {
            capacity::take_over(input, context);
            Next::fail(NtStatus::VERIFY_REQUIRED)
        }
        State::Sectors => {
            let result = input.command();
            let moved = if result.status.is_success() { result.transferred } else { 0 };
            Next::Done(result.status, u64::from(moved))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TransferLimits;
    use crate::request::{Mdl, SL_OVERRIDE_VERIFY_VOLUME};
    use crate::test_host::{Answer, Host, Reply, hex};
    use scsi_cdb::{Command, Direction, Transfer};
    use std::vec::Vec;

    const RAW_READ: u32 = 0x0002_403E;
    const CAPACITY: &str = "25 00 00 00 00 00 00 00 00 00";
    const AUDIO_AT_16: &str = "BE 04 00 00 00 10 00 00 01 F0 00 00";
    const INVALID: (NtStatus, u64) = (NtStatus::INVALID_PARAMETER, 0);

    fn info(disk_offset: u64, sector_count: u32, track_mode: u32) -> Vec<u8> {
        [&disk_offset.to_le_bytes()[..], &sector_count.to_le_bytes(), &track_mode.to_le_bytes()].concat()
    }

    /// A drive with all abilities and a medium of 1000 sectors.
    fn host() -> Host {
        let mut host = Host::default();
        host.dispatcher.device.c2_pointers = true;
        host.dispatcher.device.raw_sub_channel = true;
        host.dispatcher.device.geometry.update(Ok(&hex("00 00 03 E7 00 00 08 00")));
        host
    }

    fn raw_read(host: &mut Host, input: &[u8], room: u32) -> Answer {
        host.send(host.request(RAW_READ, input, room), input)
    }

    #[test]
    fn layouts_have_the_lengths_that_the_command_gives() {
        for mode in 0..6 {
            let layout = TrackMode(mode).layout().unwrap();
            let command = ReadCd::from_flag_bytes(0, 3, layout.flags);
            assert_eq!(command.transfer(), Transfer::In(3 * layout.sector_length), "{mode}");
            let cdb = command.cdb();
            assert_eq!([cdb.as_bytes()[1], cdb.as_bytes()[9], cdb.as_bytes()[10]], layout.flags);
        }
        for mode in [6, 7, 0x8000_0000, u32::MAX] {
            assert_eq!(TrackMode(mode).layout(), None);
        }
    }

    #[test]
    fn every_mode_sends_its_command() {
        for (mode, cdb, length) in [
            (0, "BE 0C 00 00 00 10 00 00 02 B0 00 00", 4704),
            (1, "BE 14 00 00 00 10 00 00 02 F0 00 00", 4704),
            (2, "BE 04 00 00 00 10 00 00 02 F0 00 00", 4704),
            (3, "BE 00 00 00 00 10 00 00 02 F4 01 00", 5488),
            (4, "BE 00 00 00 00 10 00 00 02 F4 00 00", 5296),
            (5, "BE 00 00 00 00 10 00 00 02 F0 01 00", 4896),
        ] {
            let mut host = host();
            host.on(cdb, Reply::bytes(&[0x42; 6000]));
            let answer = raw_read(&mut host, &info(0x8000, 2, mode), 0x2000);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, length));
            assert!(answer.output.iter().all(|byte| *byte == 0x42));
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.timeout_s), (Direction::In, 10));
            assert_eq!(u64::from(command.length), length, "the buffer may be larger");
        }
    }

    #[test]
    fn modes_need_what_the_drive_can_give() {
        for (mode, c2, sub_channel) in [(3, true, true), (4, true, false), (5, false, true)] {
            for (has_c2, has_sub_channel) in [(false, false), (false, true), (true, false)] {
                let mut host = host();
                host.dispatcher.device.c2_pointers = has_c2;
                host.dispatcher.device.raw_sub_channel = has_sub_channel;
                if (has_c2 || !c2) && (has_sub_channel || !sub_channel) {
                    continue;
                }
                let answer = raw_read(&mut host, &info(0, 1, mode), 4096);
                assert_eq!(answer.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
            }
        }
    }

    #[test]
    fn arguments_are_checked_in_order() {
        let too_small = |information| (NtStatus::BUFFER_TOO_SMALL, information);
        for (input, room, expected) in [
            (&[][..], 2352, too_small(0)),
            (&info(0, 1, 2)[..15], 2352, too_small(16)),
            (&info(0, 0, 2), 2352, INVALID),
            (&info(0, 1, 6), 4096, INVALID),
            (&info(0, u32::MAX, 2), 4096, INVALID),
            (&info(u64::MAX, 1, 2), 2352, INVALID),
            (&info(0, 1, 2), 0, INVALID),
            (&info(0, 1, 2), 2351, INVALID),
            (&info(1000 * 2048, 1, 2), 2352, INVALID),
            (&info(999 * 2048 + 1, 1, 2), 2352, INVALID),
            (&info(999 * 2048, 2, 2), 8192, INVALID),
            (&info(0, 28, 2), 0x1_8000, INVALID),
        ] {
            assert_eq!(raw_read(&mut host(), input, room).end(), expected, "{input:02X?} {room}");
        }
        let mut host = host();
        host.on("BE 04 00 00 00 00 00 00 1B F0 00 00", Reply::bytes(&[1; 27 * 2352]));
        assert_eq!(raw_read(&mut host, &info(0, 27, 2), 0x1_8000).end(), (NtStatus::SUCCESS, 27 * 2352));
    }

    #[test]
    fn the_callers_pages_are_checked() {
        let input = info(0x8000, 1, 2);
        let limits = TransferLimits::new(0x1_0000, 1, 3);
        for (mdl, expected) in [
            (None, INVALID),
            (Some(Mdl { address: 0x1000, byte_count: 2351 }), INVALID),
            (Some(Mdl { address: 0x1002, byte_count: 2352 }), INVALID),
            (Some(Mdl { address: 0x1004, byte_count: 2352 }), (NtStatus::SUCCESS, 2352)),
        ] {
            let mut host = host();
            host.dispatcher.device.limits = limits;
            if expected.0 == NtStatus::SUCCESS {
                host.on(AUDIO_AT_16, Reply::bytes(&[7; 2352]));
            }
            let request = crate::Request { mdl, ..host.request(RAW_READ, &input, 2352) };
            assert_eq!(host.send(request, &input).end(), expected, "{mdl:?}");
        }
    }

    #[test]
    fn a_kernel_callers_structure_is_taken_as_it_was_captured() {
        let input = info(0x8000, 1, 2);
        let mut host = host();
        let request = crate::Request {
            type3_input: input.first_chunk().copied(),
            kernel_mode: true,
            ..host.request(RAW_READ, &[0xFF; 16], 2352)
        };
        host.on(AUDIO_AT_16, Reply::bytes(&[7; 2352]));
        assert_eq!(host.send(request, &[0xFF; 16]).end(), (NtStatus::SUCCESS, 2352));
        let short = crate::Request { input_length: 15, ..request };
        assert_eq!(host.send(short, &[0xFF; 15]).end(), (NtStatus::BUFFER_TOO_SMALL, 16));
        let none = crate::Request { input_length: 0, ..request };
        assert_eq!(host.send(none, &[]).end(), (NtStatus::BUFFER_TOO_SMALL, 0));
    }

    #[test]
    fn the_address_follows_the_sector_size_and_drops_the_rest() {
        let mut host = host();
        host.on(AUDIO_AT_16, Reply::bytes(&[7; 2352]));
        assert_eq!(raw_read(&mut host, &info(0x8000 + 2047, 1, 2), 2352).end(), (NtStatus::SUCCESS, 2352));
        host.dispatcher.device.geometry.update(Ok(&hex("00 00 FF FF 00 00 02 00")));
        host.on("BE 04 00 00 00 40 00 00 01 F0 00 00", Reply::bytes(&[7; 2352]));
        assert_eq!(raw_read(&mut host, &info(0x8000, 1, 2), 2352).end(), (NtStatus::SUCCESS, 2352));
    }

    #[test]
    fn short_and_lying_answers() {
        for (reply, information) in
            [(Reply::bytes(&[7; 100]), 100), (Reply::good(), 0), (Reply::bytes(&[7; 2352]).claiming(9000), 2352)]
        {
            let mut host = host();
            host.on(AUDIO_AT_16, reply);
            assert_eq!(raw_read(&mut host, &info(0x8000, 1, 2), 2352).end(), (NtStatus::SUCCESS, information));
        }
    }

    #[test]
    fn failures_say_what_the_drive_said() {
        for (reply, status) in [
            (Reply::sense(5, 0x64, 0), NtStatus::INVALID_DEVICE_REQUEST),
            (Reply::sense(3, 0x11, 5), NtStatus::DEVICE_DATA_ERROR),
            (Reply::sense(5, 0x21, 0), NtStatus::NONEXISTENT_SECTOR),
            (Reply::port(NtStatus::DATA_OVERRUN).with_data("01 02"), NtStatus::DATA_OVERRUN),
        ] {
            let mut host = host();
            host.on(AUDIO_AT_16, reply);
            assert_eq!(raw_read(&mut host, &info(0x8000, 1, 2), 2352).end(), (status, 0));
        }
    }

    #[test]
    fn a_volume_to_be_verified_is_not_read() {
        for reply in [Reply::data("00 00 00 63 00 00 08 00"), Reply::sense(2, 0x3A, 0)] {
            let mut host = host();
            host.environment.verify = true;
            host.on(CAPACITY, reply);
            let answer = raw_read(&mut host, &info(0x8000, 1, 2), 2352);
            assert_eq!(answer.end(), (NtStatus::VERIFY_REQUIRED, 0));
            assert_eq!(answer.commands[0].timeout_s, 20);
            assert_ne!(host.dispatcher.device.geometry.capacity(), 1000 * 2048, "the geometry is learned anew");
        }
        let mut host = host();
        host.environment.verify = true;
        host.stack_flags = SL_OVERRIDE_VERIFY_VOLUME;
        host.on(AUDIO_AT_16, Reply::bytes(&[7; 2352]));
        assert_eq!(raw_read(&mut host, &info(0x8000, 1, 2), 2352).end(), (NtStatus::SUCCESS, 2352));
    }

    #[test]
    fn playing_audio_does_not_matter() {
        let mut host = host();
        host.dispatcher.device.audio_playing = true;
        host.on(AUDIO_AT_16, Reply::bytes(&[7; 2352]));
        assert_eq!(raw_read(&mut host, &info(0x8000, 1, 2), 2352).status, NtStatus::SUCCESS);
    }
}
