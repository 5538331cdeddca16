//! Keeping the medium in, and letting it out or in (storage-media-change.md 5 and 6).

use scsi_cdb::start_stop::{PreventAllowMediumRemoval, StartStopUnit};

use super::{Context, Input, Next};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::removal::{Change, LockKind};
use crate::step::ScsiCommand;

/// What follows the command in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The lock counts become these if it succeeds.
    Count(Change),
    /// The drive has its lock again if it succeeds.
    Renew,
    /// The medium is out if it succeeds.
    Eject,
    /// Its status is the answer.
    Load,
}

/// PREVENT ALLOW MEDIUM REMOVAL as this driver sends it: never with the persistent bit.
#[must_use]
pub fn prevent(prevent: bool) -> ScsiCommand {
    ScsiCommand::new(&PreventAllowMediumRemoval { persistent: false, prevent })
}

/// Starts `operation`.
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    match operation {
        Operation::MediaRemoval => count(LockKind::Simple, context),
        Operation::EjectionControl => count(LockKind::Secure, context),
        Operation::Load => tray(&StartStopUnit::LOAD, State::Load, context),
        _ => tray(&StartStopUnit::EJECT, State::Eject, context),
    }
}

/// Locks a drive that forgot its lock in a reset. One try for each reset: a drive that refuses keeps no request waiting.
#[must_use]
pub fn renew() -> Next {
    Next::send_own(prevent(true), State::Renew)
}

/// PREVENT_MEDIA_REMOVAL is a BOOLEAN: any value but 0 locks.
fn count(kind: LockKind, context: &mut Context<'_, '_>) -> Next {
    let [lock] = context.input_array();
    let change = match context.device.removal.plan(kind, lock != 0, context.handle.as_deref()) {
        Ok(change) => change,
        Err(status) => return Next::fail(status),
    };
    match change.command {
        Some(on) => Next::send(prevent(on), State::Count(change)),
        None => commit(change, context),
    }
}

fn commit(change: Change, context: &mut Context<'_, '_>) -> Next {
    context.device.removal.commit(change, context.handle.as_deref_mut());
    Next::success(0)
}

/// A secure lock of anybody, the caller too, stands against both directions; a simple one is the drive's to enforce.
fn tray(command: &StartStopUnit, state: State, context: &Context<'_, '_>) -> Next {
    if context.device.removal.secure != 0 {
        return Next::fail(NtStatus::DEVICE_BUSY);
    }
    Next::send(ScsiCommand::new(command), state)
}

/// Ends with the command's status; the counts move only if it succeeded.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let status = input.command().status;
    match state {
        State::Count(change) if status.is_success() => commit(change, context),
        State::Renew => {
            context.device.removal.lost_in_drive = false;
            Next::fail(status)
        }
        State::Eject if status.is_success() => {
            context.device.ejected();
            Next::success(0)
        }
        _ => Next::fail(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Host, Reply};
    use crate::time::Ticks;
    use crate::zero_power::Mechanism;
    use crate::{Effect, Handle, HandleId};
    use proptest::prelude::*;

    const MEDIA_REMOVAL: u32 = 0x002D_4804;
    const EJECTION_CONTROL: u32 = 0x002D_0940;
    const EJECT: u32 = 0x002D_4808;
    const LOAD: u32 = 0x002D_480C;
    const LOAD2: u32 = 0x002D_080C;
    const PREVENT: &str = "1E 00 00 00 01 00";
    const ALLOW: &str = "1E 00 00 00 00 00";

    /// Simple, secure and the handle's own locks.
    fn counts(host: &Host) -> (u32, u32, u32) {
        let removal = host.dispatcher.device.removal;
        (removal.simple, removal.secure, host.handle.map_or(0, |handle| handle.secure_locks))
    }

    fn held(simple: u32, secure: u32, own: u32) -> Host {
        let mut host = Host::default();
        (host.dispatcher.device.removal.simple, host.dispatcher.device.removal.secure) = (simple, secure);
        host.handle.as_mut().unwrap().secure_locks = own;
        host
    }

    #[test]
    fn input_of_one_byte_is_needed_and_only_its_truth_counts() {
        for code in [MEDIA_REMOVAL, EJECTION_CONTROL] {
            let mut host = Host::default();
            assert_eq!(host.control(code, "", 0).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
            for lock in ["01", "02", "80", "FF", "01 00 00"] {
                let mut host = Host::default();
                let answer = host.on(PREVENT, Reply::good()).control(code, lock, 0);
                assert_eq!((answer.end(), answer.commands[0].timeout_s), ((NtStatus::SUCCESS, 0), 10), "{lock}");
            }
        }
    }

    #[test]
    fn only_a_change_reaches_the_drive() {
        for (code, input, before, command, after) in [
            (MEDIA_REMOVAL, "00", (0, 0, 0), None, (0, 0, 0)),
            (MEDIA_REMOVAL, "01", (0, 0, 0), Some(PREVENT), (1, 0, 0)),
            (MEDIA_REMOVAL, "01", (1, 0, 0), None, (2, 0, 0)),
            (MEDIA_REMOVAL, "01", (0, 1, 1), None, (1, 1, 1)),
            (MEDIA_REMOVAL, "00", (2, 0, 0), None, (1, 0, 0)),
            (MEDIA_REMOVAL, "00", (1, 1, 0), None, (0, 1, 0)),
            (MEDIA_REMOVAL, "00", (1, 0, 0), Some(ALLOW), (0, 0, 0)),
            (MEDIA_REMOVAL, "00", (0, 1, 1), None, (0, 1, 1)),
            (EJECTION_CONTROL, "01", (0, 0, 0), Some(PREVENT), (0, 1, 1)),
            (EJECTION_CONTROL, "01", (3, 0, 0), None, (3, 1, 1)),
            (EJECTION_CONTROL, "00", (0, 1, 1), Some(ALLOW), (0, 0, 0)),
            (EJECTION_CONTROL, "00", (0, 2, 1), None, (0, 1, 0)),
            (EJECTION_CONTROL, "00", (1, 1, 1), None, (1, 0, 0)),
        ] {
            let mut host = held(before.0, before.1, before.2);
            if let Some(command) = command {
                host.on(command, Reply::good());
            }
            let answer = host.control(code, input, 0);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, 0));
            assert_eq!((answer.commands.len(), counts(&host)), (usize::from(command.is_some()), after), "{before:?}");
        }
    }

    #[test]
    fn a_secure_lock_needs_a_handle_and_an_unlock_a_lock() {
        let mut host = held(0, 1, 0);
        assert_eq!(host.control(EJECTION_CONTROL, "00", 0).end(), (NtStatus::INVALID_DEVICE_STATE, 0));
        assert_eq!(held(0, 0, 0).control(EJECTION_CONTROL, "00", 0).end(), (NtStatus::INVALID_DEVICE_STATE, 0));
        host.handle = None;
        assert_eq!(host.control(EJECTION_CONTROL, "01", 0).end(), (NtStatus::INVALID_HANDLE, 0));
        assert_eq!(host.control(MEDIA_REMOVAL, "01", 0).end(), (NtStatus::SUCCESS, 0));
        assert_eq!(counts(&host), (1, 1, 0));
    }

    #[test]
    fn counts_move_only_with_a_command_that_succeeded() {
        for code in [MEDIA_REMOVAL, EJECTION_CONTROL] {
            let mut host = Host::default();
            let answer = host.on(PREVENT, Reply::sense(5, 0x24, 0)).control(code, "01", 0);
            assert_eq!((answer.end(), counts(&host)), ((NtStatus::INVALID_DEVICE_REQUEST, 0), (0, 0, 0)));
        }
        let mut host = held(1, 0, 0);
        for _ in 0..10 {
            host.on(ALLOW, Reply::sense(2, 0x04, 0x00));
        }
        let answer = host.control(MEDIA_REMOVAL, "00", 0);
        assert_eq!((answer.status, counts(&host)), (NtStatus::DEVICE_NOT_READY, (1, 0, 0)));
        assert!(answer.waits.iter().all(|wait| *wait >= Ticks::seconds(2)), "a drive that is not ready is given time");
    }

    #[test]
    fn a_lock_is_given_up_early_and_an_unlock_late_but_not_never() {
        let mut host = Host::default();
        for _ in 0..3 {
            host.on(PREVENT, Reply::sense(0xB, 0, 0));
        }
        assert_eq!(host.control(MEDIA_REMOVAL, "01", 0).status, NtStatus::IO_DEVICE_ERROR);
        for (reply, attempts, status) in [
            (Reply::sense(0xB, 0, 0), 10, NtStatus::IO_DEVICE_ERROR),
            (Reply::sense(5, 0x20, 0), 5, NtStatus::INVALID_DEVICE_REQUEST),
        ] {
            let mut host = held(1, 0, 0);
            for _ in 0..attempts {
                host.on(ALLOW, reply.clone());
            }
            assert_eq!(host.control(MEDIA_REMOVAL, "00", 0).status, status);
        }
    }

    #[test]
    fn tray_commands() {
        for (code, command) in [
            (EJECT, "1B 00 00 00 02 00"),
            (LOAD, "1B 00 00 00 03 00"),
            (LOAD2, "1B 00 00 00 03 00"),
            (0x0002_4808, "1B 00 00 00 02 00"),
            (0x0007_480C, "1B 00 00 00 03 00"),
        ] {
            let answer = held(2, 0, 0).on(command, Reply::good()).control(code, "", 0);
            assert_eq!((answer.end(), answer.commands[0].timeout_s), ((NtStatus::SUCCESS, 0), 10), "{code:#X}");
            let answer = held(0, 1, 1).control(code, "", 0);
            assert_eq!((answer.end(), answer.commands.len()), ((NtStatus::DEVICE_BUSY, 0), 0));
        }
        let answer = held(1, 0, 0).on("1B 00 00 00 02 00", Reply::sense(5, 0x53, 2)).control(EJECT, "", 0);
        assert_eq!(answer.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0), "a simple lock is the drive's to enforce");
    }

    #[test]
    fn a_drawer_that_opened_is_in_use() {
        for (code, command, reply, active) in [
            (EJECT, "1B 00 00 00 02 00", Reply::good(), true),
            (EJECT, "1B 00 00 00 02 00", Reply::sense(5, 0x53, 2), false),
            (LOAD, "1B 00 00 00 03 00", Reply::good(), false),
        ] {
            let mut host = Host::default();
            host.dispatcher.device.zero_power.mechanism = Some(Mechanism::Drawer);
            let answer = host.on(command, reply).control(code, "", 0);
            assert_eq!(answer.effects.contains(&Effect::MarkActive(true)), active, "{code:#X}");
        }
    }

    #[test]
    fn a_lock_that_a_reset_took_is_renewed_before_the_next_request() {
        let ready = "00 00 00 00 00 00";
        for reply in [Reply::good(), Reply::sense(5, 0x24, 0)] {
            let mut host = held(0, 1, 1);
            host.dispatcher.device.drive_was_reset();
            host.on(PREVENT, reply).on(ready, Reply::good());
            assert_eq!(host.control(0x002D_4800, "", 0).end(), (NtStatus::SUCCESS, 0));
            host.on(ready, Reply::good());
            assert_eq!(host.control(0x002D_4800, "", 0).end(), (NtStatus::SUCCESS, 0), "once for each reset");
        }
        let mut host = held(0, 0, 0);
        host.dispatcher.device.drive_was_reset();
        host.on(ready, Reply::good());
        assert_eq!(host.control(0x002D_4800, "", 0).end(), (NtStatus::SUCCESS, 0), "there was none");
    }

    #[test]
    fn lock_requests_renew_a_lost_lock_themselves() {
        for (lock, command) in [("01", PREVENT), ("00", ALLOW)] {
            let mut host = held(1, 0, 0);
            host.dispatcher.device.drive_was_reset();
            host.on(command, Reply::good());
            assert_eq!(host.control(MEDIA_REMOVAL, lock, 0).end(), (NtStatus::SUCCESS, 0));
            assert!(!host.dispatcher.device.removal.lost_in_drive);
        }
    }

    proptest! {
        #[test]
        fn the_drive_is_locked_exactly_while_a_count_says_so(
            steps in prop::collection::vec((any::<bool>(), any::<bool>(), 1_u64..4, any::<bool>()), 0..60)
        ) {
            let mut host = Host::default();
            let mut handles: std::vec::Vec<_> = (0..4).map(|id| Handle::new(HandleId(id))).collect();
            let mut drive_locked = false;
            for (secure, lock, id, works) in steps {
                let index = usize::try_from(id).unwrap();
                host.handle = Some(handles[index]);
                let kind = if secure { LockKind::Secure } else { LockKind::Simple };
                let plan = host.dispatcher.device.removal.plan(kind, lock, host.handle.as_ref());
                if let Ok(Change { command: Some(on), .. }) = plan {
                    host.on(
                        if on { PREVENT } else { ALLOW },
                        if works { Reply::good() } else { Reply::sense(5, 0x20, 0) },
                    );
                    if !works && !on {
                        // An unlock is repeated; the answer of the last attempt counts.
                        host.on(ALLOW, Reply::good());
                    }
                    drive_locked = if works || !on { on } else { drive_locked };
                }
                let code = if secure { EJECTION_CONTROL } else { MEDIA_REMOVAL };
                host.control(code, if lock { "01" } else { "00" }, 0);
                handles[index] = host.handle.unwrap();
                let removal = host.dispatcher.device.removal;
                prop_assert_eq!(removal.is_locked(), drive_locked);
                prop_assert_eq!(removal.secure, handles.iter().map(|handle| handle.secure_locks).sum::<u32>());
            }
        }
    }
}
