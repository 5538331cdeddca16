//! Requests of one command without an answer, or of none: SEND OPC INFORMATION, VERIFY, SET READ AHEAD, and whether
//! the medium behaves like a disk (ioctl-cdrom-disk.md).

use scsi_cdb::bytes::array_at;
use scsi_cdb::read_write::{SetReadAhead, Verify10};
use scsi_cdb::recording::SendOpcInformation;

use super::{Context, Input, Next};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// The command has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State;

/// Sends the operation's command.
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    let command = match operation {
        Operation::SendOpc => Ok(send_opc(context)),
        Operation::SetReadAhead => set_read_ahead(context),
        Operation::Verify => verify(context),
        _ if context.device.capability.is_disk_like() => return Next::success(0),
        _ => Err(NtStatus::MEDIA_WRITE_PROTECTED),
    };
    match command {
        Ok(command) => Next::send(command, State),
        Err(status) => Next::fail(status),
    }
}

/// Ends the request with the command's status.
pub fn resume(_: State, input: Input, _context: &mut Context<'_, '_>) -> Next {
    Next::fail(input.command().status)
}

fn send_opc(context: &Context<'_, '_>) -> ScsiCommand {
    let [.., exclude0, exclude1, _, _] = context.input_array::<8>();
    ScsiCommand::new(&SendOpcInformation {
        do_opc: true,
        exclude0: exclude0 != 0,
        exclude1: exclude1 != 0,
        parameter_list_length: 0,
    })
}

fn set_read_ahead(context: &Context<'_, '_>) -> Result<ScsiCommand, NtStatus> {
    let trigger_lba = block_at(context, 0)?;
    let read_ahead_lba = block_at(context, 8)?;
    Ok(ScsiCommand::new(&SetReadAhead { trigger_lba, read_ahead_lba }))
}

fn verify(context: &Context<'_, '_>) -> Result<ScsiCommand, NtStatus> {
    const BLOCKS_PER_TIMEOUT: u32 = 128;
    if !context.device.capability.write_allowed {
        return Err(NtStatus::MEDIA_WRITE_PROTECTED);
    }
    let count = context.input_u32(8).checked_shr(context.device.geometry.shift()).unwrap_or(0);
    let blocks = u16::try_from(count).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    let command = ScsiCommand::new(&Verify10 { byte_check: false, lba: block_at(context, 0)?, blocks });
    let factor = count.saturating_add(BLOCKS_PER_TIMEOUT).checked_div(BLOCKS_PER_TIMEOUT).unwrap_or(1);
    Ok(command.timeout(if count == 0 { 0 } else { context.device.capped_timeout(factor) }))
}

/// The block that the byte offset at `offset` of the input lies in; INVALID_PARAMETER if it is negative or too far.
fn block_at(context: &Context<'_, '_>, offset: usize) -> Result<u32, NtStatus> {
    let address = array_at(context.input(), offset).map(i64::from_le_bytes).unwrap_or(0);
    u64::try_from(address)
        .ok()
        .and_then(|address| u32::try_from(address.checked_shr(context.device.geometry.shift())?).ok())
        .ok_or(NtStatus::INVALID_PARAMETER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::schema;
    use crate::test_host::{Host, Reply, hex};
    use scsi_cdb::Direction;
    use std::string::String;

    const SEND_OPC: u32 = 0x0002_C06C;
    const VERIFY: u32 = 0x0007_0014;
    const IS_WRITABLE: u32 = 0x0007_0024;
    const SET_READ_AHEAD: u32 = 0x002D_4400;
    const DVD_SET_READ_AHEAD: u32 = 0x0033_5010;

    const OK: (NtStatus, u64) = (NtStatus::SUCCESS, 0);
    const INVALID: (NtStatus, u64) = (NtStatus::INVALID_PARAMETER, 0);

    fn writable(schema: u16) -> Host {
        let mut host = Host::default();
        host.dispatcher.device.capability.write_allowed = true;
        host.dispatcher.device.capability.schema = schema;
        host
    }

    fn addresses(first: i64, second: i64) -> String {
        [first, second].iter().flat_map(|value| value.to_le_bytes()).map(|byte| std::format!("{byte:02X}")).collect()
    }

    #[test]
    fn calibration() {
        let mut host = Host::default();
        assert_eq!(host.control(SEND_OPC, &"01".repeat(7), 0).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
        for kind in ["00", "02", "FF"] {
            assert_eq!(host.control(SEND_OPC, &std::format!("{kind}000000 00000000"), 0).end(), INVALID);
        }
        for (excluded, cdb) in [
            ("00 00", "54 01 00 00 00 00 00 00 00 00"),
            ("01 00", "54 01 01 00 00 00 00 00 00 00"),
            ("00 02", "54 01 02 00 00 00 00 00 00 00"),
            ("FF 80", "54 01 03 00 00 00 00 00 00 00"),
        ] {
            host.on(cdb, Reply::good());
            let answer = host.control(SEND_OPC, &std::format!("01000000 {excluded} FF FF"), 0);
            assert_eq!(answer.end(), OK);
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::None, 0, 10));
        }
        host.on("54 01 00 00 00 00 00 00 00 00", Reply::sense(3, 0x73, 3));
        assert_eq!(host.control(SEND_OPC, "01000000 00000000", 0).end(), (NtStatus::DEVICE_DATA_ERROR, 0));
    }

    #[test]
    fn only_defect_management_makes_a_disk() {
        for (allowed, schema, status) in [
            (true, schema::DEFECT_MANAGEMENT, NtStatus::SUCCESS),
            (true, schema::RANDOM_WRITABLE, NtStatus::MEDIA_WRITE_PROTECTED),
            (true, 0, NtStatus::MEDIA_WRITE_PROTECTED),
            (false, schema::DEFECT_MANAGEMENT, NtStatus::MEDIA_WRITE_PROTECTED),
        ] {
            let mut host = writable(schema);
            host.dispatcher.device.capability.write_allowed = allowed;
            assert_eq!(host.control(IS_WRITABLE, "", 0).end(), (status, 0));
        }
    }

    #[test]
    fn verify_checks_the_length_the_medium_and_the_range() {
        let mut host = Host::default();
        assert_eq!(host.control(VERIFY, &"00".repeat(15), 0).end(), INVALID);
        let nowhere = addresses(-1, 0);
        assert_eq!(host.control(VERIFY, &nowhere, 0).end(), (NtStatus::MEDIA_WRITE_PROTECTED, 0));
        for (offset, length) in
            [(-1, 2048), (i64::MIN, 0), (0x800_0000_0000, 2048), (i64::MAX, 2048), (0, 0x0800_0000), (0, 0xFFFF_FFFF)]
        {
            assert_eq!(writable(0).control(VERIFY, &addresses(offset, length), 0).end(), INVALID, "{offset} {length}");
        }
    }

    #[test]
    fn verify_sends_whole_blocks_and_a_time_out_that_fits() {
        for (offset, length, own, cdb, timeout) in [
            (0, 2048, 10, "2F 00 00 00 00 00 00 00 01 00", 10),
            (0, 0, 10, "2F 00 00 00 00 00 00 00 00 00", 10),
            (2047, 2047, 10, "2F 00 00 00 00 00 00 00 00 00", 10),
            (2048, 4096, 10, "2F 00 00 00 00 01 00 00 02 00", 10),
            (0, 127 * 2048, 10, "2F 00 00 00 00 00 00 00 7F 00", 10),
            (0, 128 * 2048, 10, "2F 00 00 00 00 00 00 00 80 00", 20),
            (0, 256 * 2048, 10, "2F 00 00 00 00 00 00 01 00 00", 30),
            (0, 0xFFFF * 2048, 10, "2F 00 00 00 00 00 00 FF FF 00", 260),
            (0, 128 * 2048, 260, "2F 00 00 00 00 00 00 00 80 00", 260),
            (0, 128 * 2048, 300, "2F 00 00 00 00 00 00 00 80 00", 300),
            (0x7FF_FFFF_FFFF, 2048, 10, "2F 00 FF FF FF FF 00 00 01 00", 10),
        ] {
            let mut host = writable(0);
            host.dispatcher.device.timeout_s = own;
            let answer = host.on(cdb, Reply::good()).control(VERIFY, &addresses(offset, length), 0);
            assert_eq!(answer.end(), OK);
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::None, 0, timeout), "{cdb}");
        }
        let mut host = writable(0);
        host.on("2F 00 00 00 00 00 00 00 01 00", Reply::sense(3, 0x11, 0));
        assert_eq!(host.control(VERIFY, &addresses(0, 2048), 0).end(), (NtStatus::DEVICE_DATA_ERROR, 0));
    }

    #[test]
    fn read_ahead_under_both_codes() {
        for code in [SET_READ_AHEAD, DVD_SET_READ_AHEAD] {
            let mut host = Host::default();
            assert_eq!(host.control(code, &"00".repeat(15), 0).end(), INVALID);
            for (trigger, target) in [(-1, 0), (0, -1), (0x800_0000_0000, 0), (0, 0x800_0000_0000), (i64::MIN, 0)] {
                assert_eq!(host.control(code, &addresses(trigger, target), 0).end(), INVALID);
            }
            for (trigger, target, cdb) in [
                (0x1_0000, 0x2_0000, "A7 00 00 00 00 20 00 00 00 40 00 00"),
                (1, 2047, "A7 00 00 00 00 00 00 00 00 00 00 00"),
                (0x7FF_FFFF_FFFF, 0, "A7 00 FF FF FF FF 00 00 00 00 00 00"),
                (0, 0x7FF_FFFF_F800, "A7 00 00 00 00 00 FF FF FF FF 00 00"),
            ] {
                let answer = host.on(cdb, Reply::good()).control(code, &addresses(trigger, target), 0);
                assert_eq!(answer.end(), OK);
                let command = &answer.commands[0];
                assert_eq!((command.direction, command.length, command.timeout_s), (Direction::None, 0, 10));
            }
        }
    }

    #[test]
    fn read_ahead_follows_the_sector_size() {
        let mut host = Host::default();
        host.dispatcher.device.geometry.update(Ok(&hex("00 00 FF FF 00 00 02 00")));
        host.on("A7 00 00 00 00 80 00 00 01 00 00 00", Reply::sense(5, 0x20, 0));
        let answer = host.control(SET_READ_AHEAD, &addresses(0x1_0000, 0x2_0000), 0);
        assert_eq!(answer.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }
}
