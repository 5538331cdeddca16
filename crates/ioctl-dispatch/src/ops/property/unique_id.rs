//! StorageDeviceUniqueIdProperty: the port's device identifiers and the device descriptor in one
//! (storage-media-change.md 11.2).

use scsi_cdb::bytes::{array_at, u8_at};

use super::{DEVICE_ID, HEADER_LENGTH, State, sized};
use crate::ntstatus::NtStatus;
use crate::ops::{Context, Input, Next};
use crate::step::PlatformCall;

/// Bytes of `STORAGE_DEVICE_UNIQUE_IDENTIFIER`: Version, Size, StorageDeviceIdOffset, StorageDeviceOffset,
/// DriveLayoutSignatureOffset.
const LENGTH: usize = 20;

const VERSION: u32 = 1;

/// Offset of StorageDeviceIdOffset.
const DEVICE_ID_OFFSET: usize = 8;

/// Offset of StorageDeviceOffset.
const DEVICE_OFFSET: usize = 12;

/// Offset of SerialNumberOffset in the device descriptor.
const SERIAL_NUMBER_OFFSET: usize = 24;

/// AdditionalParameters[0]: hardware identifiers only (0), or software ones too (1). There are no software ones.
const MOST_SCOPE: u8 = 1;

/// Asks the port for the device identifiers.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    if u8_at(context.input(), 8).unwrap_or(0) > MOST_SCOPE {
        return Next::fail(NtStatus::INVALID_PARAMETER);
    }
    if context.output().len() < HEADER_LENGTH {
        return Next::fail(NtStatus::INFO_LENGTH_MISMATCH);
    }
    Next::Platform(PlatformCall::QueryPortProperty { property: DEVICE_ID }, State::UniqueId.into())
}

/// Puts both parts together, as far as they exist and fit.
pub fn resume(input: Input, context: &mut Context<'_, '_>) -> Next {
    let identifiers = match input {
        Input::Platform { status, value } if status.is_success() => {
            whole(context.buffers.answer(u32::try_from(value).unwrap_or(u32::MAX))).len()
        }
        _ => 0,
    };
    let descriptor = context.device.descriptor;
    let serial = array_at(descriptor.bytes(), SERIAL_NUMBER_OFFSET).map(u32::from_le_bytes).unwrap_or(0);
    let descriptor = if matches!(serial, 0 | u32::MAX) { &[] } else { whole(descriptor.bytes()) };
    if identifiers == 0 && descriptor.is_empty() {
        return Next::fail(NtStatus::NOT_FOUND);
    }

    let room = context.output().len();
    context.clear_output(room);
    let mut size = LENGTH;
    let mut place = |length: usize| {
        let start = size;
        size = size.saturating_add(length);
        (length != 0 && size <= room).then_some(start)
    };
    let first = place(identifiers);
    let second = place(descriptor.len());
    if let Some(start) = first {
        context.write(DEVICE_ID_OFFSET, &u32::try_from(start).unwrap_or(0).to_le_bytes());
        context.give_answer_at(start, 0, u32::try_from(identifiers).unwrap_or(0));
    }
    if let Some(start) = second {
        context.write(DEVICE_OFFSET, &u32::try_from(start).unwrap_or(0).to_le_bytes());
        context.write(start, descriptor);
    }
    context.write(0, &VERSION.to_le_bytes());
    context.write(4, &u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
    if size <= room {
        Next::success(size)
    } else if room == HEADER_LENGTH {
        Next::success(HEADER_LENGTH)
    } else {
        Next::Done(NtStatus::BUFFER_OVERFLOW, u64::try_from(HEADER_LENGTH).unwrap_or(0))
    }
}

/// The bytes of a descriptor, none if not even its header is there.
fn whole(descriptor: &[u8]) -> &[u8] {
    Some(sized(descriptor)).filter(|bytes| bytes.len() >= HEADER_LENGTH).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{descriptor, host, query};
    use super::*;
    use crate::descriptors::DeviceDescriptor;
    use crate::test_host::{Answer, Host, hex};

    const UNIQUE_ID: u32 = 3;

    /// A `STORAGE_DEVICE_ID_DESCRIPTOR` of 16 bytes, and two bytes more that belong to nobody.
    const IDENTIFIERS: &str = "0C000000 10000000 01000000 AABBCCDD 7777";

    fn ask(host: &mut Host, identifiers: Option<&str>, output: u32) -> Answer {
        match identifiers {
            Some(text) => host.on_platform_data(&hex(text)),
            None => host.on_platform(NtStatus::NOT_SUPPORTED, 0),
        };
        query(host, UNIQUE_ID, 0, output)
    }

    /// Without a serial number the device descriptor identifies nothing.
    fn without_serial(offset: u32) -> Host {
        let mut host = host();
        let mut bytes = descriptor();
        bytes[24..28].copy_from_slice(&offset.to_le_bytes());
        host.dispatcher.device.descriptor = DeviceDescriptor::new(&bytes).unwrap();
        host
    }

    #[test]
    fn both_parts() {
        let answer = ask(&mut host(), Some(IDENTIFIERS), 200);
        let mut expected = hex("01000000 56000000 14000000 24000000 00000000");
        expected.extend(&hex(IDENTIFIERS)[..16]);
        expected.extend(descriptor());
        assert_eq!((answer.end(), answer.output), ((NtStatus::SUCCESS, 86), expected));
        assert_eq!(answer.calls, [PlatformCall::QueryPortProperty { property: 2 }]);
        assert!(answer.whole_output[86..].iter().all(|byte| *byte == 0));
        assert_eq!(ask(&mut host(), Some(IDENTIFIERS), 86).end(), (NtStatus::SUCCESS, 86));
    }

    #[test]
    fn either_part_alone() {
        let answer = ask(&mut host(), None, 200);
        assert_eq!(
            (answer.end(), &answer.output[..20]),
            ((NtStatus::SUCCESS, 70), &hex("01000000 46000000 00000000 14000000 00000000")[..])
        );
        for offset in [0, u32::MAX] {
            let answer = ask(&mut without_serial(offset), Some(IDENTIFIERS), 200);
            let header = hex("01000000 24000000 14000000 00000000 00000000");
            assert_eq!((answer.end(), &answer.output[..20]), ((NtStatus::SUCCESS, 36), &header[..]));
            assert_eq!(ask(&mut without_serial(offset), None, 200).end(), (NtStatus::NOT_FOUND, 0));
        }
    }

    #[test]
    fn what_does_not_fit_is_announced() {
        for (output, status) in [
            (8, NtStatus::SUCCESS),
            (9, NtStatus::BUFFER_OVERFLOW),
            (19, NtStatus::BUFFER_OVERFLOW),
            (20, NtStatus::BUFFER_OVERFLOW),
            (36, NtStatus::BUFFER_OVERFLOW),
            (85, NtStatus::BUFFER_OVERFLOW),
        ] {
            let answer = ask(&mut host(), Some(IDENTIFIERS), output);
            assert_eq!((answer.end(), answer.output), ((status, 8), hex("01000000 56000000")), "{output}");
        }
        for output in [0, 7] {
            assert_eq!(query(&mut host(), UNIQUE_ID, 0, output).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
        }
    }

    #[test]
    fn the_scope_is_known() {
        for (scope, status) in [(0, NtStatus::NOT_FOUND), (1, NtStatus::NOT_FOUND), (2, NtStatus::INVALID_PARAMETER)] {
            let mut host = without_serial(0);
            if status == NtStatus::NOT_FOUND {
                host.on_platform(NtStatus::NOT_SUPPORTED, 0);
            }
            let input = std::format!("03000000 00000000 {scope:02X}000000");
            assert_eq!(host.control(0x002D_1400, &input, 64).end(), (status, 0));
        }
    }

    #[test]
    fn a_port_that_lies_about_sizes() {
        for (text, end) in [
            ("0C000000 FFFFFFFF 01000000", (NtStatus::SUCCESS, 32)),
            ("0C000000 07000000 01000000", (NtStatus::NOT_FOUND, 0)),
            ("0C000000 000000", (NtStatus::NOT_FOUND, 0)),
            ("", (NtStatus::NOT_FOUND, 0)),
        ] {
            assert_eq!(ask(&mut without_serial(0), Some(text), 64).end(), end, "{text}");
        }
        let mut host = without_serial(0);
        host.on_platform(NtStatus::SUCCESS, u64::MAX);
        assert_eq!(query(&mut host, UNIQUE_ID, 0, 64).end(), (NtStatus::BUFFER_OVERFLOW, 8));
    }
}
