//! Requests that are answered from what is known of the device, and those that bring its volume online
//! (storage-media-change.md 9, 12 and 13).

use super::{Context, Input, Next, notification};
use crate::device::Device;
use crate::effect::{Effect, RegistryWrite};
use crate::ioctl::{DeviceType, Operation};
use crate::ntstatus::NtStatus;
use crate::step::PlatformCall;

/// Bytes of `STORAGE_HOTPLUG_INFO`, and its Size.
const HOTPLUG_LENGTH: u32 = 8;

/// Value of UserRemovalPolicy: RemovalPolicyExpectOrderlyRemoval.
const ORDERLY_REMOVAL: u32 = 2;

/// Value of UserRemovalPolicy: RemovalPolicyExpectSurpriseRemoval.
const SURPRISE_REMOVAL: u32 = 3;

/// Information of a mount-manager answer that does not fit: `sizeof(MOUNTDEV_UNIQUE_ID)`, `sizeof(MOUNTDEV_NAME)`.
const NAME_HEADER: u64 = 4;

/// Information of a suggested link that does not fit: `sizeof(MOUNTDEV_SUGGESTED_LINK_NAME)`.
const LINK_HEADER: u64 = 6;

/// Bytes of a suggested link: UseOnlyIfThereAreNoOtherLinks, NameLength, Name.
const LINK_LENGTH: usize = 32;

/// The letter that stands for "no drive letter", written `%` in the registry.
const NO_LETTER: u16 = 0x00FF;

/// What the system was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// For the suggested drive letter.
    SuggestedLink,
    /// To tell the drivers below that the volumes are ready.
    VolumesReady,
}

/// Serves `operation`.
pub fn answer(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    match operation {
        Operation::InquiryData => inquiry_data(context),
        Operation::GetHotplugInfo => hotplug(context),
        Operation::SetHotplugInfo => set_hotplug(context),
        Operation::DeviceNumber => device_number(context),
        Operation::EventNotification => notification::signal(context),
        Operation::FindNewDevices => {
            context.device.effects.push(Effect::InvalidateBusRelations);
            Next::success(0)
        }
        Operation::MountUniqueId => counted_name(|device| device.mounted_interface.as_slice(), context),
        Operation::MountDeviceName => counted_name(|device| device.device_name.as_slice(), context),
        Operation::MountSuggestedLink => Next::Platform(PlatformCall::ReadSuggestedLink, State::SuggestedLink.into()),
        Operation::VolumesReady if context.device.online_pending => Next::Park,
        Operation::VolumesReady => Next::success(0),
        Operation::VolumeOnline | Operation::VolumePostOnline => {
            context.device.online_pending = false;
            context.device.effects.push(Effect::CompleteParked);
            Next::Platform(PlatformCall::VolumesAreReady, State::VolumesReady.into())
        }
        _ => Next::fail(NtStatus::NOT_SUPPORTED),
    }
}

/// Goes on when the system has answered. Whether the drivers below care for ready volumes is of no interest.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    match state {
        State::SuggestedLink => suggested_link(input, context),
        State::VolumesReady => Next::success(0),
    }
}

/// As much of the cached INQUIRY data as fits.
fn inquiry_data(context: &mut Context<'_, '_>) -> Next {
    let inquiry = context.device.inquiry;
    let written = context.write(0, inquiry.as_slice());
    if written < inquiry.as_slice().len() {
        return Next::Done(NtStatus::BUFFER_OVERFLOW, u64::try_from(written).unwrap_or(0));
    }
    Next::success(written)
}

fn hotplug(context: &mut Context<'_, '_>) -> Next {
    let info = context.device.hotplug;
    context.write(0, &HOTPLUG_LENGTH.to_le_bytes());
    context
        .write(4, &[info.media_removable, info.media_hotplug, info.device_hotplug, info.write_cache_enable_override]);
    Next::success(8)
}

/// Only DeviceHotplug can be set. Every check is made; the last that fails answers.
fn set_hotplug(context: &mut Context<'_, '_>) -> Next {
    let [media_removable, media_hotplug, device_hotplug, write_cache] = context.input_u32(4).to_le_bytes();
    let known = context.device.hotplug;
    let failed = [
        (context.input_u32(0) == HOTPLUG_LENGTH, NtStatus::INVALID_PARAMETER_1),
        (media_removable == known.media_removable, NtStatus::INVALID_PARAMETER_2),
        (media_hotplug == known.media_hotplug, NtStatus::INVALID_PARAMETER_3),
        (write_cache == known.write_cache_enable_override, NtStatus::INVALID_PARAMETER_5),
    ]
    .into_iter()
    .rfind(|(same, _)| !same);
    if let Some((_, status)) = failed {
        return Next::fail(status);
    }
    let hotplug = device_hotplug != 0;
    context.device.hotplug.device_hotplug = u8::from(hotplug);
    let policy = if hotplug { SURPRISE_REMOVAL } else { ORDERLY_REMOVAL };
    context.device.effects.push(Effect::WriteRegistry(RegistryWrite::UserRemovalPolicy(policy)));
    Next::success(0)
}

/// `STORAGE_DEVICE_NUMBER`: DeviceType, DeviceNumber, PartitionNumber.
fn device_number(context: &mut Context<'_, '_>) -> Next {
    let words = [u32::from(DeviceType::CD_ROM.0), context.device.number, u32::MAX];
    for (word, offset) in words.into_iter().zip([0, 4, 8]) {
        context.write(offset, &word.to_le_bytes());
    }
    Next::success(12)
}

/// `MOUNTDEV_UNIQUE_ID` or `MOUNTDEV_NAME`: u16 length in bytes, then the text without terminator. The name is read
/// where it is, not copied to the stack.
fn counted_name(name: impl Fn(&Device) -> &[u16], context: &mut Context<'_, '_>) -> Next {
    let units = name(context.device).len();
    let length = units.saturating_mul(2);
    let room = context.output().len();
    context.clear_output(room);
    context.write(0, &u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    let needed = length.saturating_add(2);
    if room < needed {
        return Next::Done(NtStatus::BUFFER_OVERFLOW, NAME_HEADER);
    }
    for index in 0..units {
        let unit = name(context.device).get(index).copied().unwrap_or(0);
        context.write(index.saturating_mul(2).saturating_add(2), &unit.to_le_bytes());
    }
    Next::success(needed)
}

fn write_text(offset: usize, text: &[u16], context: &mut Context<'_, '_>) {
    for (index, unit) in text.iter().enumerate() {
        context.write(index.saturating_mul(2).saturating_add(offset), &unit.to_le_bytes());
    }
}

/// `MOUNTDEV_SUGGESTED_LINK_NAME` of the letter that the registry had.
///
/// The answer of [`PlatformCall::ReadSuggestedLink`] is `C:` to `Z:`, or `%:` for a device that is to have no letter. A
/// letter that is given away is deleted, so that it is suggested once.
pub fn suggested_link(input: Input, context: &mut Context<'_, '_>) -> Next {
    let value = match input {
        Input::Platform { status, value } if status.is_success() => value,
        Input::Platform { status, .. } => return Next::fail(status),
        Input::Command(_) => return Next::fail(NtStatus::INVALID_DEVICE_REQUEST),
    };
    let Some(letter) = suggested_letter(value) else { return Next::fail(NtStatus::NOT_FOUND) };
    let name = br"\DosDevices\?:".map(|byte| if byte == b'?' { letter } else { u16::from(byte) });
    let room = context.output().len();
    context.clear_output(room);
    context.write(0, &[1]);
    context.write(2, &u16::try_from(name.len().saturating_mul(2)).unwrap_or(0).to_le_bytes());
    if room < LINK_LENGTH {
        return Next::Done(NtStatus::BUFFER_OVERFLOW, LINK_HEADER);
    }
    context.device.effects.push(Effect::DeleteSuggestedLink);
    write_text(4, &name, context);
    Next::success(LINK_LENGTH)
}

/// The letter in a value of two UTF-16 units.
fn suggested_letter(value: u64) -> Option<u16> {
    let [length, first, second] = [value >> 32, (value >> 16) & 0xFFFF, value & 0xFFFF];
    let first = u16::try_from(first).ok()?;
    match (length, first, second == u64::from(b':')) {
        (2, 0x25, true) => Some(NO_LETTER),
        (2, 0x43..=0x5A, true) => Some(first),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Blob;
    use crate::request::Irql;
    use crate::test_host::{Host, hex};
    use std::vec::Vec;

    const GET_HOTPLUG: u32 = 0x002D_0C14;
    const SET_HOTPLUG: u32 = 0x002D_CC18;
    const UNIQUE_ID: u32 = 0x004D_0000;
    const DEVICE_NAME: u32 = 0x004D_0008;
    const SUGGESTED_LINK: u32 = 0x004D_000C;
    const VOLUMES_READY: u32 = 0x0007_421C;
    const VOLUME_ONLINE: u32 = 0x0056_C008;
    const POST_ONLINE: u32 = 0x0056_C064;

    fn utf16(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn inquiry_data_is_cut_to_the_room_there_is() {
        let mut host = Host::default();
        let data: Vec<u8> = (0..36).collect();
        host.dispatcher.device.inquiry = Blob::new(&data);
        for (output, expected) in [
            (0, (NtStatus::BUFFER_TOO_SMALL, 0)),
            (1, (NtStatus::BUFFER_OVERFLOW, 1)),
            (35, (NtStatus::BUFFER_OVERFLOW, 35)),
            (36, (NtStatus::SUCCESS, 36)),
            (100, (NtStatus::SUCCESS, 36)),
        ] {
            let answer = host.control(0x0002_4064, "", output);
            assert_eq!(answer.end(), expected);
            assert!(data.starts_with(&answer.output));
        }
    }

    #[test]
    fn hotplug_information() {
        let mut host = Host::default();
        host.dispatcher.device.hotplug.media_removable = 1;
        assert_eq!(host.control(GET_HOTPLUG, "", 7).end(), (NtStatus::BUFFER_TOO_SMALL, 8));
        assert_eq!(host.control(GET_HOTPLUG, "", 9).output, hex("08000000 01000000"));
        for (set, policy, stored) in [("01", 3, 1), ("00", 2, 0), ("80", 3, 1)] {
            let answer = host.control(SET_HOTPLUG, &std::format!("08000000 0100{set}00"), 0);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, 0));
            assert_eq!(answer.effects, [Effect::WriteRegistry(RegistryWrite::UserRemovalPolicy(policy))]);
            assert_eq!(host.control(GET_HOTPLUG, "", 8).output[6], stored);
        }
    }

    #[test]
    fn the_last_hotplug_check_that_fails_answers() {
        for (input, status) in [
            ("", NtStatus::INFO_LENGTH_MISMATCH),
            ("08000000 010001", NtStatus::INFO_LENGTH_MISMATCH),
            ("09000000 01000100", NtStatus::INVALID_PARAMETER_1),
            ("09000000 00000100", NtStatus::INVALID_PARAMETER_2),
            ("08000000 02000100", NtStatus::INVALID_PARAMETER_2),
            ("08000000 00010100", NtStatus::INVALID_PARAMETER_3),
            ("09000000 01000101", NtStatus::INVALID_PARAMETER_5),
            ("00000000 00010101", NtStatus::INVALID_PARAMETER_5),
        ] {
            let mut host = Host::default();
            host.dispatcher.device.hotplug.media_removable = 1;
            let answer = host.control(SET_HOTPLUG, input, 0);
            assert_eq!((answer.end(), answer.effects.len()), ((status, 0), 0), "{input}");
        }
        let mut host = Host::default();
        let input = hex("08000000 00000100");
        let mut request = host.request(SET_HOTPLUG, &input, 0);
        request.irql = Irql::Apc;
        assert_eq!(host.send(request, &input).end(), (NtStatus::INVALID_LEVEL, 0));
    }

    #[test]
    fn device_number_priority_hints_and_new_devices() {
        let mut host = Host::default();
        (host.dispatcher.device.number, host.dispatcher.device.is_dvd) = (5, true);
        assert_eq!(host.control(0x002D_1080, "", 11).end(), (NtStatus::BUFFER_TOO_SMALL, 12));
        assert_eq!(host.control(0x002D_1080, "", 20).output, hex("02000000 05000000 FFFFFFFF"));
        assert_eq!(host.control(0x002D_1880, "", 16).end(), (NtStatus::NOT_SUPPORTED, 0));
        for code in [0x002D_4818, 0x0002_4818, 0x0007_4818] {
            let answer = host.control(code, "", 0);
            assert_eq!(
                (answer.end(), &answer.effects[..]),
                ((NtStatus::SUCCESS, 0), &[Effect::InvalidateBusRelations][..])
            );
        }
    }

    #[test]
    fn names_for_the_mount_manager() {
        let mut host = Host::default();
        assert_eq!(host.control(UNIQUE_ID, "", 3).end(), (NtStatus::INVALID_PARAMETER, 0), "no interface");
        host.dispatcher.device.mounted_interface = Blob::new(&utf16("ab"));
        host.dispatcher.device.device_name = Blob::new(&utf16("ab"));
        for code in [UNIQUE_ID, DEVICE_NAME] {
            for output in [0, 3] {
                assert_eq!(host.control(code, "", output).end(), (NtStatus::BUFFER_TOO_SMALL, 4));
            }
            for output in [4, 5] {
                let answer = host.control(code, "", output);
                assert_eq!(answer.end(), (NtStatus::BUFFER_OVERFLOW, 4));
                assert_eq!(answer.output, hex("0400 0000"));
            }
            for output in [6, 40] {
                let answer = host.control(code, "", output);
                assert_eq!(answer.end(), (NtStatus::SUCCESS, 6));
                assert_eq!(answer.output, hex("0400 6100 6200"));
                assert!(answer.whole_output[6..].iter().all(|byte| *byte == 0));
            }
        }
    }

    fn link(length: u64, text: [char; 2]) -> u64 {
        length << 32 | u64::from(u32::from(text[0])) << 16 | u64::from(u32::from(text[1]))
    }

    #[test]
    fn the_suggested_letter() {
        for (value, letter) in [
            (link(2, ['C', ':']), Some('C')),
            (link(2, ['Z', ':']), Some('Z')),
            (link(2, ['%', ':']), Some('\u{FF}')),
            (link(2, ['B', ':']), None),
            (link(2, ['[', ':']), None),
            (link(2, ['d', ':']), None),
            (link(2, ['D', ';']), None),
            (link(1, ['D', ':']), None),
            (link(3, ['D', ':']), None),
        ] {
            let mut host = Host::default();
            let answer = host.on_platform(NtStatus::SUCCESS, value).control(SUGGESTED_LINK, "", 32);
            let Some(letter) = letter else {
                assert_eq!((answer.end(), answer.effects.len()), ((NtStatus::NOT_FOUND, 0), 0), "{value:#X}");
                continue;
            };
            let name = utf16(&std::format!("\\DosDevices\\{letter}:"));
            let mut expected = hex("0100 1C00");
            expected.extend(name.iter().flat_map(|unit| unit.to_le_bytes()));
            assert_eq!((answer.end(), &answer.output), ((NtStatus::SUCCESS, 32), &expected));
            assert_eq!(answer.effects, [Effect::DeleteSuggestedLink]);
        }
    }

    #[test]
    fn a_suggested_letter_that_does_not_fit_is_kept() {
        let mut host = Host::default();
        assert_eq!(host.control(SUGGESTED_LINK, "", 5).end(), (NtStatus::BUFFER_TOO_SMALL, 6));
        for output in [6, 31] {
            let answer = host.on_platform(NtStatus::SUCCESS, link(2, ['E', ':'])).control(SUGGESTED_LINK, "", output);
            assert_eq!((answer.end(), answer.effects.len()), ((NtStatus::BUFFER_OVERFLOW, 6), 0));
            assert_eq!(answer.output, hex("0100 1C00 0000"));
        }
        host.on_platform(NtStatus::OBJECT_NAME_NOT_FOUND, 0);
        assert_eq!(host.control(SUGGESTED_LINK, "", 32).end(), (NtStatus::OBJECT_NAME_NOT_FOUND, 0));
        let mut request = host.request(SUGGESTED_LINK, &[], 32);
        request.irql = Irql::Apc;
        assert_eq!(host.send(request, &[]).end(), (NtStatus::INVALID_LEVEL, 0));
    }

    #[test]
    fn requests_wait_until_the_volume_is_online() {
        let mut host = Host::default();
        let mut kernel = host.request(VOLUME_ONLINE, &[], 0);
        kernel.kernel_mode = true;
        assert!(host.control(VOLUMES_READY, "", 0).parked);
        let answer = host.send(kernel, &[]);
        assert_eq!((answer.end(), answer.calls.len()), ((NtStatus::SUCCESS, 0), 0));
        assert!(host.control(VOLUMES_READY, "", 0).parked, "the system follows with POST_ONLINE");

        host.on_platform(NtStatus::INVALID_DEVICE_REQUEST, 0);
        let answer = host.control(VOLUME_ONLINE, "", 0);
        assert_eq!((answer.end(), &answer.effects[..]), ((NtStatus::SUCCESS, 0), &[Effect::CompleteParked][..]));
        assert_eq!(answer.calls, [PlatformCall::VolumesAreReady]);
        let ready = host.control(VOLUMES_READY, "", 4);
        assert_eq!((ready.end(), ready.parked), ((NtStatus::SUCCESS, 0), false));

        let mut host = Host::default();
        let mut kernel = host.request(POST_ONLINE, &[1, 2, 3, 4], 4);
        kernel.kernel_mode = true;
        let answer = host.on_platform(NtStatus::SUCCESS, 0).send(kernel, &[1, 2, 3, 4]);
        assert_eq!((answer.end(), &answer.effects[..]), ((NtStatus::SUCCESS, 0), &[Effect::CompleteParked][..]));
        assert!(!host.dispatcher.device.online_pending);
    }
}
