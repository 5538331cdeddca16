//! `IOCTL_STORAGE_EVENT_NOTIFICATION`: a signal that the drive has something to say (storage-media-change.md 16.4).

use super::{Context, Next};
use crate::effect::Effect;
use crate::ntstatus::NtStatus;

/// Bytes of `STORAGE_EVENT_NOTIFICATION`, and its Size: Version, Size, Events.
const LENGTH: u32 = 16;

const VERSION: u32 = 1;

/// Media status, device status, device operation.
const KNOWN_EVENTS: u64 = 0x7;

/// Starts one poll, whatever the event. SUCCESS means that it is queued.
pub fn signal(context: &mut Context<'_, '_>) -> Next {
    if !context.device.initialized || !context.device.media.enabled {
        return Next::fail(NtStatus::UNSUCCESSFUL);
    }
    if context.request.input_length < LENGTH {
        return Next::fail(NtStatus::INFO_LENGTH_MISMATCH);
    }
    if (context.input_u32(0), context.input_u32(4)) != (VERSION, LENGTH) {
        return Next::fail(NtStatus::INVALID_PARAMETER);
    }
    if context.input_u64(8) & KNOWN_EVENTS == 0 {
        return Next::fail(NtStatus::NOT_SUPPORTED);
    }
    let status = context.device.request_poll();
    if status.is_success() {
        context.device.effects.push(Effect::Poll);
    }
    Next::fail(status)
}

#[cfg(test)]
mod tests {
    use crate::test_host::Host;
    use crate::{Effect, Job, NtStatus};

    const CODE: u32 = 0x002D_1C90;
    const SIGNAL: &str = "01000000 10000000 0100000000000000";

    fn host(asynchronous: bool) -> Host {
        let mut host = Host::default();
        let device = &mut host.dispatcher.device;
        (device.initialized, device.media.enabled, device.polling.asynchronous) = (true, true, asynchronous);
        host
    }

    #[test]
    fn checks() {
        for (input, status) in [
            ("", NtStatus::INFO_LENGTH_MISMATCH),
            ("01000000 10000000 01000000000000", NtStatus::INFO_LENGTH_MISMATCH),
            ("00000000 10000000 0100000000000000", NtStatus::INVALID_PARAMETER),
            ("02000000 10000000 0100000000000000", NtStatus::INVALID_PARAMETER),
            ("01000000 0F000000 0100000000000000", NtStatus::INVALID_PARAMETER),
            ("01000000 11000000 0100000000000000", NtStatus::INVALID_PARAMETER),
            ("01000000 10000000 0000000000000000", NtStatus::NOT_SUPPORTED),
            ("01000000 10000000 F8FFFFFFFFFFFFFF", NtStatus::NOT_SUPPORTED),
            (SIGNAL, NtStatus::SUCCESS),
            ("01000000 10000000 0400000000000000 00", NtStatus::SUCCESS),
        ] {
            let answer = host(true).control(CODE, input, 16);
            assert_eq!(answer.end(), (status, 0), "{input}");
            assert_eq!(answer.effects == [Effect::Poll], status == NtStatus::SUCCESS);
        }
    }

    #[test]
    fn without_notification_the_input_is_not_looked_at() {
        let mut early = host(true);
        early.dispatcher.device.initialized = false;
        let mut off = host(true);
        off.dispatcher.device.media.enabled = false;
        for mut host in [early, off] {
            assert_eq!(host.control(CODE, "", 0).end(), (NtStatus::UNSUCCESSFUL, 0));
        }
    }

    #[test]
    fn a_signal_during_a_poll_or_a_disable_is_kept_for_later() {
        let mut host = host(true);
        assert_eq!(host.control(CODE, SIGNAL, 0).status, NtStatus::SUCCESS);
        assert_eq!(host.control(CODE, SIGNAL, 0).end(), (NtStatus::UNSUCCESSFUL, 0));
        host.on("00 00 00 00 00 00", crate::test_host::Reply::good());
        assert!(host.run(Job::Poll).effects.contains(&Effect::Poll), "the second signal is followed now");
        host.on("00 00 00 00 00 00", crate::test_host::Reply::good());
        assert!(!host.run(Job::Poll).effects.contains(&Effect::Poll));

        assert_eq!(host.control(0x002D_0944, "01", 0).status, NtStatus::SUCCESS);
        assert_eq!(host.control(CODE, SIGNAL, 0).end(), (NtStatus::UNSUCCESSFUL, 0));
        assert_eq!(host.control(0x002D_0944, "00", 0).effects, [Effect::Poll]);
    }

    #[test]
    fn where_a_timer_polls_a_lost_signal_is_no_loss() {
        let mut host = host(false);
        assert_eq!(host.control(CODE, SIGNAL, 0).status, NtStatus::SUCCESS);
        assert_eq!(host.control(CODE, SIGNAL, 0).status, NtStatus::UNSUCCESSFUL);
        host.on("00 00 00 00 00 00", crate::test_host::Reply::good());
        assert!(!host.run(Job::Poll).effects.contains(&Effect::Poll));
    }
}
