//! Time: virtual, so that a ten-minute time-out takes no time, or real, for a real drive.

use std::time::{Duration, Instant};

use ioctl_dispatch::time::Ticks;

/// The session's clock.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Moves only when it is told to.
    Virtual(Duration),
    /// The machine's own; moving it on means to sleep.
    Real(Instant),
}

impl Clock {
    /// Time since the session began.
    #[must_use]
    pub fn now(&self) -> Duration {
        match self {
            Self::Virtual(now) => *now,
            Self::Real(start) => start.elapsed(),
        }
    }

    /// Interrupt time: the machine came up a minute before the session began.
    #[must_use]
    pub fn ticks(&self) -> Ticks {
        let uptime = self.now() + Duration::from_secs(60);
        Ticks(u64::try_from(uptime.as_nanos() / 100).unwrap_or(u64::MAX))
    }

    /// Moves to `time`, if it is not past already.
    pub fn advance_to(&mut self, time: Duration) {
        match self {
            Self::Virtual(now) => *now = time.max(*now),
            Self::Real(start) => std::thread::sleep(time.saturating_sub(start.elapsed())),
        }
    }

    /// Lets the time pass that a command took. A real drive has taken it already.
    pub fn spend(&mut self, duration: Duration) {
        if let Self::Virtual(now) = self {
            *now = now.saturating_add(duration);
        }
    }
}

/// A span of the core's time.
#[must_use]
pub fn span(ticks: Ticks) -> Duration {
    Duration::from_nanos(ticks.0.saturating_mul(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_moves_forward_only() {
        let mut clock = Clock::Virtual(Duration::ZERO);
        clock.advance_to(Duration::from_millis(5));
        clock.advance_to(Duration::from_millis(3));
        clock.spend(Duration::from_millis(2));
        assert_eq!(clock.now(), Duration::from_millis(7));
        assert_eq!(clock.ticks(), Ticks(600_070_000));
        assert_eq!(span(Ticks::seconds(2)), Duration::from_secs(2));
    }
}
