//! Reservations: RESERVE, RELEASE and their persistent forms (storage-media-change.md 7 and 8).

use scsi_cdb::bytes::bits;
use scsi_cdb::persistent_reserve::{
    PersistentReserveIn, PersistentReserveInAction, PersistentReserveOut, PersistentReserveOutAction,
    ReservationParameters, ReservationType,
};
use scsi_cdb::reserve::{Release6, Release10, Reserve6, Reserve10};

use super::{Context, Input, Next};
use crate::ioctl::Operation;
use crate::step::ScsiCommand;

/// Offset of ParameterList in `PERSISTENT_RESERVE_COMMAND`.
const PARAMETERS_OFFSET: usize = 10;

/// What the command's end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its status is the answer.
    Status,
    /// It brought keys or a reservation.
    Answer,
}

/// Starts `operation`. A refused 6-byte command is repeated in 10 bytes by the rules of sense.
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    let ten = context.device.quirks.no_reserve6;
    let command = match (operation, ten) {
        (Operation::PersistentReserveIn, _) => return persistent_in(context),
        (Operation::PersistentReserveOut, _) => return persistent_out(context),
        (Operation::Release, true) => ScsiCommand::new(&Release10::WHOLE_UNIT),
        (Operation::Release, false) => ScsiCommand::new(&Release6 {}),
        (_, true) => ScsiCommand::new(&Reserve10::WHOLE_UNIT),
        (_, false) => ScsiCommand::new(&Reserve6 {}),
    };
    Next::send(command, State::Status)
}

/// `PERSISTENT_RESERVE_COMMAND`: bytes 8 and 9 are the action, and type and scope; 10-11 AllocationLength.
fn persistent_in(context: &Context<'_, '_>) -> Next {
    let [action, _, low, high] = context.input_u32(8).to_le_bytes();
    let scratch_length = u16::try_from(context.buffers.scratch_length()).unwrap_or(u16::MAX);
    let command = PersistentReserveIn {
        action: PersistentReserveInAction(bits(action, 0, 5)),
        allocation_length: u16::from_le_bytes([low, high]).min(scratch_length),
    };
    Next::send(ScsiCommand::new(&command), State::Answer)
}

fn persistent_out(context: &mut Context<'_, '_>) -> Next {
    let [action, type_and_scope, ..] = context.input_u32(8).to_le_bytes();
    let command = PersistentReserveOut {
        action: PersistentReserveOutAction(bits(action, 0, 5)),
        scope: bits(type_and_scope, 4, 4),
        kind: ReservationType(bits(type_and_scope, 0, 4)),
        parameter_list_length: PARAMETERS_LENGTH,
    };
    let input = context.input_array::<{ PARAMETERS_OFFSET + ReservationParameters::LENGTH }>();
    context.put_parameters(input.get(PARAMETERS_OFFSET..).unwrap_or(&[]));
    Next::send(ScsiCommand::new(&command), State::Status)
}

const PARAMETERS_LENGTH: u16 = 24;
const _: () = assert!(ReservationParameters::LENGTH == 24);

/// Gives what the drive said.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    match state {
        State::Answer if result.status.is_success() => Next::success(context.give_answer(0, result.transferred)),
        _ => Next::fail(result.status),
    }
}

#[cfg(test)]
mod tests {
    use crate::NtStatus;
    use crate::test_host::{Host, Reply, hex};
    use std::string::String;
    use std::vec::Vec;

    const RESERVE: u32 = 0x002D_4810;
    const RELEASE: u32 = 0x002D_4814;
    const IN: u32 = 0x002D_5018;
    const OUT: u32 = 0x002D_D01C;

    /// `PERSISTENT_RESERVE_COMMAND` up to ParameterList.
    fn head(size: u32, action: u8, type_and_scope: u8) -> Vec<u8> {
        let mut bytes = std::vec![0; 10];
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        (bytes[8], bytes[9]) = (action, type_and_scope);
        bytes
    }

    fn reading(action: u8, allocation: u16) -> Vec<u8> {
        let mut bytes = head(12, action, 0);
        bytes.extend(allocation.to_le_bytes());
        bytes
    }

    fn writing(action: u8, type_and_scope: u8) -> Vec<u8> {
        let mut bytes = head(36, action, type_and_scope);
        bytes.extend(1..=26);
        bytes
    }

    fn send(host: &mut Host, code: u32, input: &[u8], output: u32) -> crate::test_host::Answer {
        host.send(host.request(code, input, output), input)
    }

    #[test]
    fn both_forms_of_reserve_and_release() {
        for (code, ten, cdb) in [
            (RESERVE, false, "16 00 00 00 00 00"),
            (RELEASE, false, "17 00 00 00 00 00"),
            (RESERVE, true, "56 00 00 00 00 00 00 00 00 00"),
            (RELEASE, true, "57 00 00 00 00 00 00 00 00 00"),
            (0x0002_4810, false, "16 00 00 00 00 00"),
            (0x0007_4814, true, "57 00 00 00 00 00 00 00 00 00"),
        ] {
            let mut host = Host::default();
            host.dispatcher.device.quirks.no_reserve6 = ten;
            let answer = host.on(cdb, Reply::good()).control(code, "", 0);
            assert_eq!((answer.end(), answer.commands[0].timeout_s), ((NtStatus::SUCCESS, 0), 10), "{code:#X}");
        }
    }

    #[test]
    fn a_refused_short_form_is_repeated_in_the_long_one_and_remembered() {
        let mut host = Host::default();
        host.on("16 00 00 00 00 00", Reply::sense(5, 0x20, 0));
        host.on("56 00 00 00 00 00 00 00 00 00", Reply::good());
        assert_eq!(host.control(RESERVE, "", 0).end(), (NtStatus::SUCCESS, 0));
        host.on("57 00 00 00 00 00 00 00 00 00", Reply::sense(5, 0x20, 0));
        assert_eq!(host.control(RELEASE, "", 0).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }

    #[test]
    fn a_reservation_conflict_is_busy() {
        let answer = Host::default().on("16 00 00 00 00 00", Reply::scsi_status(0x18)).control(RESERVE, "", 0);
        assert_eq!((answer.end(), answer.commands.len()), ((NtStatus::DEVICE_BUSY, 0), 1));
    }

    #[test]
    fn checks_of_both_persistent_forms() {
        for code in [IN, OUT] {
            let mut host = Host::default();
            let input = if code == IN { reading(0, 8) } else { writing(0, 0) };
            assert_eq!(host.control(code, "", 64).end(), (NtStatus::BUFFER_TOO_SMALL, 0));
            assert_eq!(send(&mut host, code, &input[..11], 64).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
            let mut small = input.clone();
            small[4] = 11;
            assert_eq!(send(&mut host, code, &small, 64).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
            let mut request = host.request(code, &input, 64);
            request.system_address = 0x1001;
            assert_eq!(host.send(request, &input).end(), (NtStatus::INVALID_USER_BUFFER, 0));
        }
    }

    #[test]
    fn checks_of_the_reading_form() {
        for (action, allocation, output, good) in [
            (0, 8, 8, true),
            (1, 24, 24, true),
            (0, 7, 8, false),
            (0, 8, 7, false),
            (0, 0, 8, false),
            (2, 8, 8, false),
            (0x1F, 8, 8, false),
        ] {
            let mut host = Host::default();
            if good {
                let cdb = std::format!("5E {action:02X} 00 00 00 00 00 00 {allocation:02X} 00");
                host.on(&cdb, Reply::good());
            }
            let status = if good { NtStatus::SUCCESS } else { NtStatus::INVALID_PARAMETER };
            let answer = send(&mut host, IN, &reading(action, allocation), output);
            assert_eq!(answer.end(), (status, 0), "{action} {allocation} {output}");
        }
    }

    #[test]
    fn the_reading_form_gives_what_was_transferred() {
        for (reply, length) in [
            (Reply::data("00 00 00 07 00 00 00 08 01 02 03 04 05 06 07 08"), 16),
            (Reply::data("00 00 00 07 00 00"), 6),
            (Reply::data("00 00 00 07").claiming(0xFFFF), 16),
        ] {
            let mut host = Host::default();
            let answer = send(host.on("5E 00 00 00 00 00 00 00 10 00", reply), IN, &reading(0, 16), 600);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, length));
            assert_eq!((answer.commands[0].length, answer.output[3]), (16, 7), "AllocationLength, not the output's");
            assert!(!answer.output.contains(&0xA5) && !answer.output.contains(&0xEE));
        }
        let mut host = Host::default();
        host.on("5E 01 00 00 00 00 00 01 02 00", Reply::port(NtStatus::DATA_OVERRUN));
        assert_eq!(send(&mut host, IN, &reading(1, 0x102), 600).end(), (NtStatus::DATA_OVERRUN, 0));
    }

    #[test]
    fn a_small_adapter_bounds_the_reading_form_too() {
        let mut host = Host::default();
        host.scratch_length = 4096;
        let reply = Reply::data("00 00 00 07 00 00 00 00");
        let answer = send(host.on("5E 00 00 00 00 00 00 10 00 00", reply), IN, &reading(0, 0x8000), 0x8000);
        assert_eq!((answer.end(), answer.commands[0].length), ((NtStatus::SUCCESS, 8), 4096));
    }

    #[test]
    fn checks_of_the_writing_form() {
        for action in 0..=8 {
            for type_and_scope in 0..=0xFF_u8 {
                let (kind, scope) = (type_and_scope & 0xF, type_and_scope >> 4);
                let good = match action {
                    0 | 3 | 6 => true,
                    1 | 2 | 4 | 5 => matches!(kind, 1 | 3 | 5 | 6) && matches!(scope, 0 | 2),
                    _ => false,
                };
                let mut host = Host::default();
                if good {
                    host.on(&std::format!("5F {action:02X} {type_and_scope:02X} 00 00 00 00 00 18 00"), Reply::good());
                }
                let status = if good { NtStatus::SUCCESS } else { NtStatus::INVALID_PARAMETER };
                let answer = send(&mut host, OUT, &writing(action, type_and_scope), 0);
                assert_eq!(answer.end(), (status, 0), "{action} {type_and_scope:#X}");
            }
        }
        let short = |length: usize, size| {
            let mut input = writing(0, 0);
            input.resize(length, 0);
            input[4..8].copy_from_slice(&u32::to_le_bytes(size));
            send(&mut Host::default(), OUT, &input, 0).status
        };
        assert_eq!(short(35, 36), NtStatus::INVALID_PARAMETER);
        assert_eq!(short(36, 35), NtStatus::INVALID_PARAMETER);
    }

    #[test]
    fn the_writing_form_sends_the_list_that_starts_at_byte_ten() {
        let mut input = writing(1, 0x03);
        input[4] = 0xFF;
        let mut host = Host::default();
        let answer = send(host.on("5F 01 03 00 00 00 00 00 18 00", Reply::good()), OUT, &input, 0);
        let list: String = (1..=24).map(|byte| std::format!("{byte:02X}")).collect();
        assert_eq!((answer.commands[0].length, &answer.commands[0].data_out), (24, &hex(&list)));
    }
}
