//! `IOCTL_STORAGE_GET_MEDIA_TYPES_EX` (storage-media-change.md 10).

use super::{Context, Input, Next, capacity, status};
use crate::exclusive;

/// `STORAGE_MEDIA_TYPE` CD_ROM.
const CD_ROM: u32 = 0x33;

/// `STORAGE_MEDIA_TYPE` RemovableMedia.
const REMOVABLE_MEDIA: u32 = 0x0B;

const READ_ONLY: u32 = 0x4;
const READ_WRITE: u32 = 0x8;
const CURRENTLY_MOUNTED: u32 = 0x8000_0000;

/// Bytes before the first entry of `GET_MEDIA_TYPES`: DeviceType and MediaInfoCount.
const HEADER_LENGTH: usize = 8;

/// Bytes of `DEVICE_MEDIA_INFO`.
const ENTRY_LENGTH: usize = 32;

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// TEST UNIT READY.
    Ready,
}

/// Asks whether a medium is in, unless another handle has the drive to itself or the drive has no power.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    let foreign = exclusive::is_foreign(context.device.exclusive.as_ref(), context.request.handle);
    if foreign || context.device.zero_power.active {
        return answer(false, context);
    }
    Next::send_own(status::command(), State::Ready)
}

/// Answers; a drive that is not ready has no medium mounted, which is no failure.
pub fn resume(_: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    answer(input.command().status.is_success(), context)
}

/// One entry for reading, and one for writing from a drive that can tell what it writes.
fn answer(mounted: bool, context: &mut Context<'_, '_>) -> Next {
    let is_mmc = context.device.is_mmc;
    let writable = is_mmc && context.device.capability.write_allowed;
    let all = [(CD_ROM, READ_ONLY, !writable), (REMOVABLE_MEDIA, READ_WRITE, writable)];
    let entries = if is_mmc { &all[..] } else { all.get(..1).unwrap_or(&all) };
    let device_type = u32::from(context.device.drive_type().0);
    let geometry = capacity::disk_geometry(context);
    let [cylinders, counts] = [geometry.get(..8).unwrap_or(&[]), geometry.get(12..).unwrap_or(&[])];

    let length = entries.len().saturating_mul(ENTRY_LENGTH).saturating_add(HEADER_LENGTH);
    context.clear_output(length);
    context.write(0, &device_type.to_le_bytes());
    context.write(4, &u32::from(is_mmc).saturating_add(1).to_le_bytes());
    for (index, (media_type, characteristics, current)) in entries.iter().enumerate() {
        let at =
            |offset: usize| index.saturating_mul(ENTRY_LENGTH).saturating_add(HEADER_LENGTH).saturating_add(offset);
        let current = if mounted && *current { CURRENTLY_MOUNTED } else { 0 };
        context.write(at(0), cylinders);
        context.write(at(8), &media_type.to_le_bytes());
        context.write(at(12), counts);
        context.write(at(24), &1_u32.to_le_bytes());
        context.write(at(28), &(characteristics | current).to_le_bytes());
    }
    Next::success(length)
}

#[cfg(test)]
mod tests {
    use crate::exclusive::Owner;
    use crate::request::Irql;
    use crate::test_host::{Answer, Host, Reply};
    use crate::{HandleId, NtStatus};

    const CODE: u32 = 0x002D_0C04;
    const TEST_UNIT_READY: &str = "00 00 00 00 00 00";

    fn host(is_mmc: bool, write_allowed: bool) -> Host {
        let mut host = Host::default();
        let device = &mut host.dispatcher.device;
        (device.is_mmc, device.is_dvd, device.capability.write_allowed) = (is_mmc, is_mmc, write_allowed);
        device.geometry.update(Ok(&[0, 0, 0x17, 0xFF, 0, 0, 8, 0]));
        host
    }

    fn characteristics(answer: &Answer) -> (u32, Option<u32>) {
        let at =
            |offset: usize| answer.output.get(offset..offset + 4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
        (at(36).unwrap(), at(68))
    }

    #[test]
    fn golden_answers() {
        let entry = "03 00 00 00 00 00 00 00 33 00 00 00 40 00 00 00 20 00 00 00 00 08 00 00 01 00 00 00 04 00 00 80";
        let second = "03 00 00 00 00 00 00 00 0B 00 00 00 40 00 00 00 20 00 00 00 00 08 00 00 01 00 00 00 08 00 00 00";
        for (is_mmc, text) in [
            (false, std::format!("02 00 00 00 01 00 00 00 {entry}")),
            (true, std::format!("33 00 00 00 02 00 00 00 {entry} {second}")),
        ] {
            let answer = host(is_mmc, false).on(TEST_UNIT_READY, Reply::good()).control(CODE, "", 100);
            assert_eq!(answer.output, crate::test_host::hex(&text));
            assert_eq!((answer.status, answer.commands[0].timeout_s), (NtStatus::SUCCESS, 20));
        }
    }

    #[test]
    fn room_is_needed_for_every_entry() {
        for (is_mmc, needed) in [(false, 40), (true, 72)] {
            for output in [0, 1, needed - 1] {
                let answer = host(is_mmc, false).control(CODE, "", output);
                assert_eq!(answer.end(), (NtStatus::BUFFER_TOO_SMALL, u64::from(needed)));
            }
            let answer = host(is_mmc, false).on(TEST_UNIT_READY, Reply::good()).control(CODE, "", needed);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, u64::from(needed)));
        }
        let mut host = host(true, false);
        let mut request = host.request(CODE, &[], 72);
        request.irql = Irql::Dispatch;
        assert_eq!(host.send(request, &[]).end(), (NtStatus::INVALID_LEVEL, 0));
    }

    #[test]
    fn a_mounted_medium_is_of_the_type_that_can_be_used_now() {
        for (is_mmc, write_allowed, reply, expected) in [
            (true, false, Reply::good(), (0x8000_0004, Some(8))),
            (true, true, Reply::good(), (4, Some(0x8000_0008))),
            (false, true, Reply::good(), (0x8000_0004, None)),
            (true, true, Reply::sense(2, 0x3A, 0), (4, Some(8))),
        ] {
            let answer = host(is_mmc, write_allowed).on(TEST_UNIT_READY, reply).control(CODE, "", 72);
            assert_eq!((answer.status, characteristics(&answer)), (NtStatus::SUCCESS, expected));
        }
    }

    #[test]
    fn a_drive_that_is_not_ready_yet_is_asked_again() {
        let mut host = host(true, false);
        host.on(TEST_UNIT_READY, Reply::sense(2, 0x04, 0x01)).on(TEST_UNIT_READY, Reply::good());
        let answer = host.control(CODE, "", 72);
        assert_eq!((characteristics(&answer).0, answer.waits.len()), (0x8000_0004, 1));
    }

    #[test]
    fn no_command_is_sent_for_a_stranger_or_without_power() {
        let mut locked = host(true, true);
        locked.dispatcher.device.exclusive = Some(Owner { handle: HandleId(9), name: [0; 64] });
        let mut dark = host(true, true);
        dark.dispatcher.device.zero_power.active = true;
        for mut host in [locked, dark] {
            let answer = host.control(CODE, "", 72);
            assert_eq!((answer.end(), characteristics(&answer)), ((NtStatus::SUCCESS, 72), (4, Some(8))));
        }
        let mut own = host(true, true);
        own.dispatcher.device.exclusive = Some(Owner { handle: HandleId(1), name: [0; 64] });
        assert_eq!(own.on(TEST_UNIT_READY, Reply::good()).control(CODE, "", 72).commands.len(), 1);
    }

    #[test]
    fn geometry_is_zero_before_the_first_capacity() {
        let mut host = Host::default();
        let answer = host.on(TEST_UNIT_READY, Reply::good()).control(CODE, "", 40);
        assert_eq!((&answer.output[8..16], &answer.output[28..32]), (&[0; 8][..], &[0; 4][..]));
    }
}
