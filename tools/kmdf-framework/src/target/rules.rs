//! What may be sent, and when: send options and target states, as tables and pure functions.

use crate::status;

/// `WDF_REQUEST_SEND_OPTION_TIMEOUT`
pub const TIMEOUT: u32 = 1;
/// `WDF_REQUEST_SEND_OPTION_SYNCHRONOUS`
pub const SYNCHRONOUS: u32 = 2;
/// `WDF_REQUEST_SEND_OPTION_IGNORE_TARGET_STATE`
pub const IGNORE_TARGET_STATE: u32 = 4;
/// `WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET`
pub const SEND_AND_FORGET: u32 = 8;

/// `WDF_IO_TARGET_STATE`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum State {
    /// Requests go down.
    Started = 1,
    /// Requests wait in the target.
    Stopped = 2,
    /// Closed because the device asked whether it may go.
    ClosedForQueryRemove = 3,
    /// Not open.
    Closed = 4,
    /// Being deleted with its parent.
    Deleted = 5,
    /// Requests are refused until it is started again.
    Purged = 6,
}

/// `WDF_REQUEST_SEND_OPTIONS`, checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The flags as given.
    pub flags: u32,
    /// The time-out, unless there is none: negative relative, positive absolute.
    pub timeout: Option<i64>,
}

impl Options {
    /// Whether a flag is set.
    #[must_use]
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Checks what a driver handed over. The flags allowed in this place are `allowed`.
    ///
    /// # Errors
    /// STATUS_INVALID_PARAMETER for an unknown flag or for send-and-forget beside any other flag.
    pub const fn check(flags: u32, timeout: i64, allowed: u32) -> Result<Options, i32> {
        if flags & !allowed != 0 || (flags & SEND_AND_FORGET != 0 && flags != SEND_AND_FORGET) {
            return Err(status::INVALID_PARAMETER);
        }
        let timeout = if flags & TIMEOUT != 0 && timeout != 0 { Some(timeout) } else { None };
        Ok(Options { flags, timeout })
    }
}

/// What happens to a request that is sent to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Down to the device.
    Send,
    /// Kept in the target until it is started.
    Keep,
    /// Not sent.
    Refuse(i32),
}

/// What a target in that state does with a request sent with those flags.
#[must_use]
pub const fn verdict(state: State, flags: u32) -> Verdict {
    if flags & SEND_AND_FORGET != 0 {
        return Verdict::Send;
    }
    let ignore = flags & IGNORE_TARGET_STATE != 0;
    match state {
        State::Started => Verdict::Send,
        State::Stopped | State::Purged if ignore => Verdict::Send,
        State::Stopped => Verdict::Keep,
        State::Purged | State::Closed | State::ClosedForQueryRemove | State::Deleted => {
            Verdict::Refuse(status::INVALID_DEVICE_STATE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u32 = TIMEOUT | SYNCHRONOUS | IGNORE_TARGET_STATE | SEND_AND_FORGET;
    const REFUSE: Verdict = Verdict::Refuse(status::INVALID_DEVICE_STATE);

    #[test]
    fn options_are_refused_as_specified() {
        let refused = Err(status::INVALID_PARAMETER);
        assert_eq!(Options::check(0x10, 0, ALL), refused);
        assert_eq!(Options::check(SEND_AND_FORGET | TIMEOUT, 0, ALL), refused);
        assert_eq!(Options::check(SEND_AND_FORGET, 0, TIMEOUT | IGNORE_TARGET_STATE | SYNCHRONOUS), refused);
        assert_eq!(Options::check(SEND_AND_FORGET, 0, ALL), Ok(Options { flags: SEND_AND_FORGET, timeout: None }));
    }

    #[test]
    fn a_timeout_of_zero_is_none() {
        assert_eq!(Options::check(TIMEOUT, 0, ALL), Ok(Options { flags: TIMEOUT, timeout: None }));
        assert_eq!(Options::check(TIMEOUT, -5, ALL), Ok(Options { flags: TIMEOUT, timeout: Some(-5) }));
        assert_eq!(Options::check(0, -5, ALL), Ok(Options { flags: 0, timeout: None }));
    }

    #[test]
    fn states_decide_about_requests() {
        let table = [
            (State::Started, Verdict::Send, Verdict::Send),
            (State::Stopped, Verdict::Keep, Verdict::Send),
            (State::Purged, REFUSE, Verdict::Send),
            (State::Closed, REFUSE, REFUSE),
            (State::ClosedForQueryRemove, REFUSE, REFUSE),
            (State::Deleted, REFUSE, REFUSE),
        ];
        for (state, plain, ignoring) in table {
            assert_eq!(verdict(state, 0), plain, "{state:?}");
            assert_eq!(verdict(state, IGNORE_TARGET_STATE), ignoring, "{state:?}");
            assert_eq!(verdict(state, SEND_AND_FORGET), Verdict::Send, "{state:?}");
        }
    }
}
