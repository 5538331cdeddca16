//! `IOCTL_CDROM_EXCLUSIVE_ACCESS`: who has the drive to itself (storage-media-change.md 2).

use super::{Context, Next};
use crate::effect::{Effect, Notification};
use crate::exclusive::{self, NAME_LENGTH, Owner};
use crate::media::MediaState;
use crate::ntstatus::NtStatus;

/// Bytes of `CDROM_EXCLUSIVE_LOCK_STATE`: LockState and CallerName.
const STATE_LENGTH: usize = 65;

/// Offset of CallerName in `CDROM_EXCLUSIVE_LOCK`.
const NAME_OFFSET: usize = 8;

/// `CDROM_LOCK_IGNORE_VOLUME`: lock although a volume is mounted.
const IGNORE_VOLUME: u32 = 0x1;

/// `CDROM_NO_MEDIA_NOTIFICATIONS`: unlock without pretending that the medium was exchanged.
const NO_MEDIA_NOTIFICATIONS: u32 = 0x2;

/// Serves the request by its RequestType. No command is sent: the tray and the disables stay as they are.
pub fn answer(context: &mut Context<'_, '_>) -> Next {
    let flags = context.input_u32(4);
    match context.input_u32(0) {
        0 => query(context),
        1 => lock(flags & IGNORE_VOLUME != 0, context),
        2 => unlock(flags & NO_MEDIA_NOTIFICATIONS != 0, context),
        _ => Next::fail(NtStatus::INVALID_PARAMETER),
    }
}

fn query(context: &mut Context<'_, '_>) -> Next {
    let owner = context.device.exclusive;
    context.clear_output(STATE_LENGTH);
    if let Some(owner) = owner {
        context.write(0, &[1]);
        context.write(1, &owner.name);
    }
    Next::success(STATE_LENGTH)
}

fn lock(ignore_volume: bool, context: &mut Context<'_, '_>) -> Next {
    let Some(handle) = context.request.handle else { return Next::fail(NtStatus::INVALID_HANDLE) };
    let text = context.input().get(NAME_OFFSET..).unwrap_or(&[]);
    let Some(name) = exclusive::caller_name(text) else { return Next::fail(NtStatus::INVALID_PARAMETER) };
    if context.environment.mounted && !ignore_volume {
        return Next::fail(NtStatus::INVALID_DEVICE_STATE);
    }
    if context.device.exclusive.is_some() {
        return Next::fail(NtStatus::ACCESS_DENIED);
    }
    context.device.exclusive = Some(Owner { handle, name });
    context.device.effects.push(Effect::Notify(Notification::ExclusiveLock));
    context.device.effects.push(Effect::LogExclusiveLock(name));
    Next::success(0)
}

fn unlock(ignore_changes: bool, context: &mut Context<'_, '_>) -> Next {
    let Some(handle) = context.request.handle else { return Next::fail(NtStatus::INVALID_HANDLE) };
    match context.device.exclusive {
        None => Next::fail(NtStatus::INVALID_DEVICE_REQUEST),
        Some(owner) if owner.handle != handle => Next::fail(NtStatus::INVALID_HANDLE),
        Some(_) => {
            release(context, ignore_changes);
            Next::success(0)
        }
    }
}

/// Ends exclusive access, whoever has it, as an unlock does and as the owner's close does.
///
/// The owner may have written to the medium or exchanged it. Unless it says otherwise (`ignore_changes`) programs are
/// told that it went away and came back; in any case a mounted volume is verified and the capabilities are read again.
pub fn release(context: &mut Context<'_, '_>, ignore_changes: bool) {
    let device = &mut *context.device;
    if !ignore_changes {
        let before = device.media.known;
        device.set_media_state(MediaState::Unavailable);
        device.set_media_state(before);
    }
    if context.environment.mounted {
        device.effects.push(Effect::SetVerifyVolume);
    }
    device.capability.forbid_writes();
    device.capability.require_update();
    device.effects.push(Effect::Notify(Notification::ExclusiveUnlock));
    device.exclusive = None;
    device.follow_pending_signal();
}

const _: () = assert!(STATE_LENGTH == NAME_LENGTH + 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::Host;
    use crate::{Handle, HandleId};
    use std::vec::Vec;

    const CODE: u32 = 0x0002_C05C;
    const LOCK: Effect = Effect::Notify(Notification::ExclusiveLock);
    const UNLOCK: Effect = Effect::Notify(Notification::ExclusiveUnlock);

    fn media(arrival: bool, change_count: u32, state: u32) -> Effect {
        Effect::Notify(Notification::Media { arrival, change_count, state })
    }

    fn send(host: &mut Host, kind: u32, flags: u32, name: &[u8], output: u32) -> crate::test_host::Answer {
        let mut input = Vec::new();
        input.extend(kind.to_le_bytes());
        input.extend(flags.to_le_bytes());
        if kind == 1 {
            let mut field = [0; 64];
            field[..name.len()].copy_from_slice(name);
            input.extend(field);
        }
        host.send(host.request(CODE, &input, output), &input)
    }

    fn as_handle(host: &mut Host, id: Option<u64>) {
        host.handle = id.map(|id| Handle::new(HandleId(id)));
    }

    #[test]
    fn lengths_are_checked_by_request_type() {
        let mut host = Host::default();
        for (length, kind, output, expected) in [
            (0_usize, 0_u8, 65_u32, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
            (7, 0, 65, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
            (8, 0, 0, (NtStatus::BUFFER_TOO_SMALL, 65)),
            (8, 0, 64, (NtStatus::BUFFER_TOO_SMALL, 65)),
            (8, 0, 65, (NtStatus::SUCCESS, 65)),
            (8, 0, 200, (NtStatus::SUCCESS, 65)),
            (71, 1, 0, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
            (72, 1, 0, (NtStatus::INVALID_PARAMETER, 0)),
            (8, 2, 0, (NtStatus::INVALID_DEVICE_REQUEST, 0)),
            (8, 3, 65, (NtStatus::INVALID_PARAMETER, 0)),
        ] {
            let mut input = std::vec![0; length];
            if let Some(first) = input.first_mut() {
                *first = kind;
            }
            assert_eq!(host.send(host.request(CODE, &input, output), &input).end(), expected, "{length} {kind}");
        }
        let mut request = host.request(CODE, &[0; 8], 65);
        request.irql = crate::request::Irql::Apc;
        assert_eq!(host.send(request, &[0; 8]).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }

    #[test]
    fn a_lock_is_seen_by_all_and_logged() {
        let mut host = Host::default();
        let answer = send(&mut host, 1, 0, b"Burner 1", 0);
        let mut name = [0; 64];
        name[..8].copy_from_slice(b"Burner 1");
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 0));
        assert_eq!(answer.effects, [LOCK, Effect::LogExclusiveLock(name)]);
        for id in [Some(1), Some(2), None] {
            as_handle(&mut host, id);
            let answer = send(&mut host, 0, 0, b"", 65);
            assert_eq!((answer.output[0], &answer.output[1..]), (1, &name[..]));
        }
    }

    #[test]
    fn who_may_lock() {
        let mut host = Host::default();
        as_handle(&mut host, None);
        assert_eq!(send(&mut host, 1, 0, b"a", 0).status, NtStatus::INVALID_HANDLE);
        as_handle(&mut host, Some(1));
        assert_eq!(send(&mut host, 1, 0, b"", 0).status, NtStatus::INVALID_PARAMETER);
        assert_eq!(send(&mut host, 1, 0, b"a/b", 0).status, NtStatus::INVALID_PARAMETER);
        assert_eq!(send(&mut host, 1, 0, &[b'a'; 64], 0).status, NtStatus::INVALID_PARAMETER);
        host.environment.mounted = true;
        assert_eq!(send(&mut host, 1, 0xFFFF_FFFE, b"a", 0).status, NtStatus::INVALID_DEVICE_STATE);
        assert_eq!(send(&mut host, 1, 1, b"a", 0).status, NtStatus::SUCCESS);
        assert_eq!(send(&mut host, 1, 1, b"a", 0).status, NtStatus::ACCESS_DENIED, "its own lock is one too");
    }

    #[test]
    fn who_may_unlock() {
        let mut host = Host::default();
        assert_eq!(send(&mut host, 2, 0, b"", 0).status, NtStatus::INVALID_DEVICE_REQUEST);
        send(&mut host, 1, 0, b"a", 0);
        for other in [Some(2), None] {
            as_handle(&mut host, other);
            assert_eq!(send(&mut host, 2, 0, b"", 0).status, NtStatus::INVALID_HANDLE);
        }
        as_handle(&mut host, Some(1));
        assert_eq!(send(&mut host, 2, 0, b"", 0).end(), (NtStatus::SUCCESS, 0));
        let state = send(&mut host, 0, 0, b"", 65);
        assert_eq!(state.output, [0; 65], "the name of the last owner is not given away");
    }

    #[test]
    fn unlocking_pretends_that_the_medium_was_exchanged() {
        use MediaState::{NotPresent, Present, Unknown};
        let removal_and_arrival = [media(false, 5, 3), media(true, 6, 1)];
        for (known, flags, broadcasts) in [
            (Present, 0, &removal_and_arrival[..]),
            (Present, 2, &[]),
            (NotPresent, 0, &[media(false, 5, 3), media(false, 5, 2)]),
            (Unknown, 0, &[media(false, 5, 3)]),
        ] {
            let mut host = Host::default();
            send(&mut host, 1, 1, b"a", 0);
            let device = &mut host.dispatcher.device;
            (device.media.enabled, device.media.change_count) = (true, 5);
            (device.media.known, device.media.reported) = (known, known);
            device.capability.write_allowed = true;
            host.environment.mounted = true;
            let effects = send(&mut host, 2, flags, b"", 0).effects;
            let (last, first) = effects.split_last().unwrap();
            let (verify, first) = first.split_last().unwrap();
            assert_eq!((first, verify, last), (broadcasts, &Effect::SetVerifyVolume, &UNLOCK), "{known:?} {flags}");
            let device = &host.dispatcher.device;
            assert!(device.exclusive.is_none() && !device.capability.write_allowed);
            assert_eq!(device.capability.update, crate::capability::Update::Required);
            assert_eq!(device.media.known, known);
        }
    }

    #[test]
    fn nothing_is_broadcast_while_notifications_are_off_and_nothing_verified_without_a_volume() {
        let mut host = Host::default();
        send(&mut host, 1, 0, b"a", 0);
        let media = &mut host.dispatcher.device.media;
        (media.enabled, media.disables, media.known, media.reported) =
            (true, 1, MediaState::Present, MediaState::Present);
        assert_eq!(send(&mut host, 2, 0, b"", 0).effects, [UNLOCK]);
        assert_eq!(host.dispatcher.device.media.change_count, 1);
    }

    #[test]
    fn a_signal_that_came_while_locked_is_followed_once() {
        let mut host = Host::default();
        send(&mut host, 1, 0, b"a", 0);
        let device = &mut host.dispatcher.device;
        (device.initialized, device.media.enabled, device.polling.asynchronous) = (true, true, true);
        as_handle(&mut host, Some(2));
        let signal = [1, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        let refused = host.send(host.request(0x002D_1C90, &signal, 0), &signal);
        assert_eq!(refused.end(), (NtStatus::ACCESS_DENIED, 0));
        as_handle(&mut host, Some(1));
        assert_eq!(send(&mut host, 2, 2, b"", 0).effects, [UNLOCK, Effect::Poll]);
        assert!(host.dispatcher.device.polling.outstanding && !host.dispatcher.device.polling.signal_pending);
    }
}
