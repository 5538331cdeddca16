//! GET CONFIGURATION for IOCTL_CDROM_GET_CONFIGURATION (ioctl-cdrom-disk.md).
//!
//! Drives that cannot give one feature alone are asked for all from that feature on, and the first of them is given.
//! A drive without power is not asked: the answer that was kept at start serves instead.

use scsi_cdb::bytes::{be16_at, be32_at, bit, clamp, put, u8_at};
use scsi_cdb::configuration::{ConfigurationRequest, FeatureCode, GetConfiguration};
use scsi_cdb::{Command, Transfer};

use super::{Context, Input, Next};
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// The driver has always sent the 10-byte command in a 12-byte block, as ATAPI does.
const BLOCK_LENGTH: u8 = 12;

/// Most bytes asked for.
const MOST: u32 = 0xFFFE;

/// Bytes of the answer's header.
const HEADER: usize = 8;

/// Bytes of a feature descriptor before its data.
const DESCRIPTOR: usize = 4;

/// How the drive was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As the caller wants it.
    AsIs,
    /// For all features from one on, in place of that one.
    InPlaceOfOne,
}

/// `GET_CONFIGURATION_IOCTL_INPUT`, checked.
#[derive(Clone, Copy)]
struct Query {
    feature: u16,
    request: ConfigurationRequest,
}

impl Query {
    fn of(context: &Context<'_, '_>) -> Self {
        Self {
            feature: u16::try_from(context.input_u32(0)).unwrap_or(u16::MAX),
            request: ConfigurationRequest(u8::try_from(context.input_u32(4)).unwrap_or(u8::MAX)),
        }
    }

    /// Whether the answer has a feature with this code.
    fn wants(self, code: u16, current: bool) -> bool {
        code >= self.feature
            && match self.request {
                ConfigurationRequest::ALL => true,
                ConfigurationRequest::CURRENT => current,
                _ => code == self.feature,
            }
    }
}

/// Asks the drive, or answers for one without power.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    if !context.device.is_mmc {
        return Next::fail(NtStatus::INVALID_DEVICE_REQUEST);
    }
    let query = Query::of(context);
    if context.device.zero_power.active {
        return Next::success(give_kept(query, context));
    }
    ask(query, context)
}

/// Gives the answer.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    let query = Query::of(context);
    let found_out = state == State::AsIs && in_place_of_one(query, context);
    if !result.status.is_success() {
        let cancelled = result.status == NtStatus::CANCELLED;
        return if found_out && !cancelled { ask(query, context) } else { Next::fail(result.status) };
    }
    match state {
        State::AsIs => Next::success(context.give_answer(0, result.transferred)),
        State::InPlaceOfOne if result.transferred < 8 => Next::fail(NtStatus::INVALID_DEVICE_REQUEST),
        State::InPlaceOfOne => Next::success(give_first(query.feature, result.transferred, context)),
    }
}

fn in_place_of_one(query: Query, context: &Context<'_, '_>) -> bool {
    query.request == ConfigurationRequest::ONE && context.device.quirks.no_type_one
}

fn ask(query: Query, context: &Context<'_, '_>) -> Next {
    let room = context.request.output_length.min(MOST);
    let (request, length, state) = if in_place_of_one(query, context) {
        (ConfigurationRequest::ALL, room.max(12), State::InPlaceOfOne)
    } else {
        (query.request, room, State::AsIs)
    };
    let length = length.min(context.buffers.scratch_length());
    let command = GetConfiguration {
        request,
        starting_feature: FeatureCode(query.feature),
        allocation_length: u16::try_from(length).unwrap_or(u16::MAX),
    };
    let cdb = command.cdb().with_length(BLOCK_LENGTH);
    Next::send(ScsiCommand::with_transfer(cdb, Transfer::In(length)), state)
}

/// Gives the header, and the first feature if it is the one wanted; returns the bytes written.
fn give_first(feature: u16, transferred: u32, context: &mut Context<'_, '_>) -> usize {
    let answer = context.buffers.answer(transferred);
    let claimed = be32_at(answer, 0).unwrap_or(0).saturating_add(4);
    let valid = clamp(answer, 0, usize::try_from(claimed).unwrap_or(usize::MAX));
    let first = clamp(valid, HEADER, DESCRIPTOR);
    let total = match (be16_at(first, 0), u8_at(first, 3)) {
        (Ok(code), Ok(length)) if code == feature => 12_u32.saturating_add(u32::from(length)),
        _ => 8,
    };
    let data_length = total.saturating_sub(4).to_be_bytes();
    let length = context.give_answer(0, total.min(transferred));
    context.write(0, &data_length);
    length
}

/// Gives what the kept answer has for `query`; returns the bytes written.
fn give_kept(query: Query, context: &mut Context<'_, '_>) -> usize {
    let room = usize::try_from(context.request.output_length).unwrap_or(usize::MAX).min(context.buffers.system.len());
    let kept_length = usize::try_from(context.device.capability.features_length).unwrap_or(usize::MAX);
    let kept = clamp(context.buffers.features, 0, kept_length);
    let Some(output) = context.buffers.system.get_mut(..room) else { return 0 };
    if kept.len() < HEADER {
        return 0;
    }
    let mut written = put(output, 0, clamp(kept, 0, HEADER));
    let mut total = HEADER;
    let mut rest = kept.get(HEADER..).unwrap_or(&[]);
    while let (Ok(code), Ok(flags), Ok(additional)) = (be16_at(rest, 0), u8_at(rest, 2), u8_at(rest, 3)) {
        let length = DESCRIPTOR.saturating_add(usize::from(additional));
        if query.wants(code, bit(flags, 0)) {
            written = written.saturating_add(put(output, written, clamp(rest, 0, length)));
            total = total.saturating_add(length);
        }
        rest = rest.get(length..).unwrap_or(&[]);
    }
    let data_length = u32::try_from(total).unwrap_or(u32::MAX).saturating_sub(4);
    put(output, 0, &data_length.to_be_bytes());
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Answer, Host, Reply, hex};
    use scsi_cdb::Direction;
    use std::format;

    const GET_CONFIGURATION: u32 = 0x0002_4058;
    const SUCCESS: NtStatus = NtStatus::SUCCESS;

    fn get(host: &mut Host, feature: u32, request: u32, room: u32) -> Answer {
        let mut input = [0; 24];
        input[..4].copy_from_slice(&feature.to_le_bytes());
        input[4..8].copy_from_slice(&request.to_le_bytes());
        host.send(host.request(GET_CONFIGURATION, &input, room), &input)
    }

    #[test]
    fn requests_are_checked_in_order() {
        let invalid = (NtStatus::INVALID_PARAMETER, 0);
        for (input_length, feature, request, reserved, room, expected) in [
            (0, 0, 0, 0, 7, (NtStatus::BUFFER_TOO_SMALL, 8)),
            (0, 0, 0, 0, 0x1_0000, (NtStatus::INVALID_BUFFER_SIZE, 0)),
            (0, 0, 0, 0, 9, invalid),
            (23, 0x1_0000, 0, 0, 8, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
            (24, 0x1_0000, 0, 0, 8, invalid),
            (24, 0x8000_0000, 0, 0, 8, invalid),
            (24, 0xFFFF_0000, 0, 0, 8, invalid),
            (24, 0, 3, 0, 8, invalid),
            (24, 0, u32::MAX, 0, 8, invalid),
            (24, 0, 0, 1, 8, invalid),
        ] {
            let mut input = [0_u8; 24];
            input[..4].copy_from_slice(&u32::to_le_bytes(feature));
            input[4..8].copy_from_slice(&request.to_le_bytes());
            input[23] = reserved;
            let mut host = Host::mmc();
            let request = host.request(GET_CONFIGURATION, &input[..input_length], room);
            assert_eq!(host.send(request, &input[..input_length]).end(), expected, "{input:02X?} {room}");
        }
    }

    #[test]
    fn a_32_bit_caller_has_a_shorter_structure() {
        let mut host = Host::mmc();
        let mut input = [0; 24];
        input[16] = 1;
        let request = crate::Request { wow64: true, ..host.request(GET_CONFIGURATION, &input[..16], 8) };
        host.on("46 00 00 00 00 00 00 00 08 00 00 00", Reply::data("00 00 00 04 00 00 00 08"));
        assert_eq!(host.send(request, &input[..16]).end(), (SUCCESS, 8));
        let short = crate::Request { input_length: 15, ..request };
        assert_eq!(host.send(short, &input[..15]).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
        input[15] = 1;
        assert_eq!(host.send(request, &input[..16]).end(), (NtStatus::INVALID_PARAMETER, 0));
    }

    #[test]
    fn a_drive_that_does_not_know_the_command_is_not_asked() {
        assert_eq!(get(&mut Host::default(), 0, 0, 8).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }

    #[test]
    fn commands_and_answers() {
        for (feature, request, room, cdb, length) in [
            (0, 0, 1024, "46 00 00 00 00 00 00 04 00 00 00 00", 1024),
            (0x1E, 1, 8, "46 01 00 1E 00 00 00 00 08 00 00 00", 8),
            (0x10D, 2, 512, "46 02 01 0D 00 00 00 02 00 00 00 00", 512),
            (0xFFFF, 2, 0xFFFE, "46 02 FF FF 00 00 00 FF FE 00 00 00", 0xFFFE),
        ] {
            let mut host = Host::mmc();
            let answer = get(host.on(cdb, Reply::data("00 00 00 18 00 00 00 08 00 00")), feature, request, room);
            assert_eq!(answer.end(), (SUCCESS, u64::from(room.min(10))));
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::In, length, 10));
        }
        let mut host = Host::mmc();
        host.dispatcher.device.limits.alignment_mask = 0;
        host.on("46 00 00 00 00 00 00 FF FE 00 00 00", Reply::good());
        assert_eq!(get(&mut host, 0, 0, 0xFFFF).end(), (SUCCESS, 0));
    }

    #[test]
    fn short_answers_and_over_runs_are_given() {
        let cdb = "46 00 00 00 00 00 00 00 10 00 00 00";
        for data in ["", "00", "00 00 00 18 00 00 00", "00 00 00 18 00 00 00 08 00 00 03 04 00 08 01 00"] {
            for reply in [Reply::data(data), Reply::port(NtStatus::DATA_OVERRUN).with_data(data)] {
                let mut host = Host::mmc();
                assert_eq!(get(host.on(cdb, reply), 0, 0, 16).output, hex(data));
            }
        }
        let mut host = Host::mmc();
        let answer = get(host.on(cdb, Reply::data("00 00 00 04").claiming(9999)), 0, 0, 16);
        assert_eq!(answer.output, hex("00 00 00 04 00 00 00 00 00 00 00 00 00 00 00 00"), "no old bytes");
        let answer = get(host.on(cdb, Reply::sense(5, 0x24, 0)), 0, 0, 16);
        assert_eq!(answer.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }

    #[test]
    fn a_small_adapter_bounds_command_and_transfer_alike() {
        let mut host = Host::mmc();
        host.scratch_length = 4096;
        host.on("46 00 00 00 00 00 00 10 00 00 00 00", Reply::good());
        assert_eq!(get(&mut host, 0, 0, 0x8000).commands[0].length, 4096);
    }

    #[test]
    fn one_feature_is_taken_from_all_where_the_drive_cannot_give_it() {
        let core = "00 00 00 40 00 00 00 08 00 01 0B 08 00 00 00 02 01 00 00 00 00 02 07 04";
        for (room, length, data, expected) in [
            (512, 512, core, "00 00 00 10 00 00 00 08 00 01 0B 08 00 00 00 02 01 00 00 00"),
            (10, 12, &core[..35], "00 00 00 10 00 00 00 08 00 01"),
            (8, 12, &core[..35], "00 00 00 10 00 00 00 08"),
            (512, 512, "00 00 00 40 00 00 00 08 00 02 07 04 02 00 00 00", "00 00 00 04 00 00 00 08"),
            (512, 512, "00 00 00 04 00 00 00 08 00 01 0B 08", "00 00 00 04 00 00 00 08"),
            (512, 512, "00 00 00 40 00 00 00 08 00 01 0B", "00 00 00 04 00 00 00 08"),
            (512, 512, "00 00 00 40 00 00 00 08", "00 00 00 04 00 00 00 08"),
            (512, 512, "FF FF FF FF 00 00 00 08 00 01 0B 00", "00 00 00 08 00 00 00 08 00 01 0B 00"),
        ] {
            let mut host = Host::mmc();
            host.dispatcher.device.quirks.no_type_one = true;
            host.on(
                &format!("46 00 00 01 00 00 00 {:02X} {:02X} 00 00 00", length >> 8, length & 0xFF),
                Reply::data(data),
            );
            let answer = get(&mut host, 1, 2, room);
            assert_eq!((answer.status, answer.output), (SUCCESS, hex(expected)), "{data}");
            assert_eq!(answer.commands[0].length, length);
        }
    }

    #[test]
    fn one_feature_of_all_never_exceeds_what_came() {
        let mut host = Host::mmc();
        host.dispatcher.device.quirks.no_type_one = true;
        host.on("46 00 00 01 00 00 00 02 00 00 00 00", Reply::data("00 00 00 FF 00 00 00 08 00 01 0B FF 01 02"));
        let answer = get(&mut host, 1, 2, 512);
        assert_eq!(answer.output, hex("00 00 01 07 00 00 00 08 00 01 0B FF 01 02"));
        host.on("46 00 00 01 00 00 00 02 00 00 00 00", Reply::data("00 00 00 FF 00 00 00"));
        assert_eq!(get(&mut host, 1, 2, 512).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }

    #[test]
    fn other_request_types_are_sent_as_they_are_to_such_a_drive() {
        let mut host = Host::mmc();
        host.dispatcher.device.quirks.no_type_one = true;
        host.on("46 01 00 00 00 00 00 00 08 00 00 00", Reply::data("00 00 00 40"));
        assert_eq!(get(&mut host, 0, 1, 8).end(), (SUCCESS, 4));
    }

    #[test]
    fn a_drive_that_stays_silent_about_one_feature_is_asked_for_all() {
        let one = "46 02 00 01 00 00 00 00 10 00 00 00";
        let all = "46 00 00 01 00 00 00 00 10 00 00 00";
        for silence in [Reply::port(NtStatus::IO_TIMEOUT), Reply::scsi_status(0x02)] {
            let mut host = Host::mmc();
            host.on(one, silence).on(all, Reply::data("00 00 00 40 00 00 00 08 00 01 0B 00"));
            assert_eq!(get(&mut host, 1, 2, 16).output, hex("00 00 00 08 00 00 00 08 00 01 0B 00"));
            host.on(all, Reply::sense(5, 0x24, 0));
            assert_eq!(get(&mut host, 1, 2, 16).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0), "it is remembered");
        }
    }

    #[test]
    fn a_drive_that_says_why_or_is_busy_keeps_its_good_name() {
        let one = "46 02 00 01 00 00 00 00 10 00 00 00";
        for (reply, attempts) in [
            (Reply::sense(5, 0x24, 0), 1),
            (Reply::scsi_status(0x08), 6),
            (Reply::scsi_status(0x18), 1),
            (Reply::port(NtStatus::NO_SUCH_DEVICE), 1),
            (Reply::port(NtStatus::INSUFFICIENT_RESOURCES), 1),
        ] {
            let mut host = Host::mmc();
            for _ in 0..attempts {
                host.on(one, reply.clone());
            }
            assert!(!get(&mut host, 1, 2, 16).status.is_success());
            assert!(!host.dispatcher.device.quirks.no_type_one, "{reply:?}");
        }
        let mut host = Host::mmc();
        let all = "46 00 00 00 00 00 00 00 10 00 00 00";
        host.on(all, Reply::port(NtStatus::IO_TIMEOUT)).on(all, Reply::good());
        assert_eq!(get(&mut host, 0, 0, 16).end(), (SUCCESS, 0));
        assert!(!host.dispatcher.device.quirks.no_type_one, "this was no request for one feature");
    }

    #[test]
    fn a_drive_without_power_is_answered_for() {
        let kept = "00 00 00 24 00 00 00 08  00 00 03 04 00 08 01 00  00 01 0A 04 00 00 00 02  00 1E 01 04 03 00 00 00 \
                    01 07 00 04 01 02";
        let header = "00 00 00 {} 00 00 00 08";
        let with = |length: &str, rest: &str| hex(&format!("{} {rest}", header.replace("{}", length)));
        for (feature, request, room, expected) in [
            (0, 0, 512, with("24", &kept[25..])),
            (0, 1, 512, with("14", "00 00 03 04 00 08 01 00 00 1E 01 04 03 00 00 00")),
            (1, 1, 512, with("0C", "00 1E 01 04 03 00 00 00")),
            (1, 2, 512, with("0C", "00 01 0A 04 00 00 00 02")),
            (2, 2, 512, with("04", "")),
            (0x107, 0, 512, with("0C", "01 07 00 04 01 02")),
            (0xFFFF, 0, 512, with("04", "")),
            (0, 0, 8, with("24", "")),
            (0, 1, 18, with("14", "00 00 03 04 00 08 01 00 00 1E")),
        ] {
            let mut host = Host::mmc();
            host.dispatcher.device.zero_power.active = true;
            let bytes = hex(kept);
            host.features[..bytes.len()].copy_from_slice(&bytes);
            host.dispatcher.device.capability.features_length = u32::try_from(bytes.len()).unwrap();
            let answer = get(&mut host, feature, request, room);
            assert_eq!((answer.status, answer.output), (SUCCESS, expected), "{feature:#x} {request} {room}");
        }
    }

    #[test]
    fn without_a_kept_answer_nothing_is_given() {
        let mut host = Host::mmc();
        host.dispatcher.device.zero_power.active = true;
        host.dispatcher.device.capability.features_length = 7;
        assert_eq!(get(&mut host, 0, 0, 512).end(), (SUCCESS, 0));
        host.dispatcher.device.capability.features_length = u32::MAX;
        assert_eq!(get(&mut host, 0, 2, 8).status, SUCCESS);
    }
}
