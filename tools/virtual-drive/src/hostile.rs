//! A drive that lies, for fuzzing: what it answers is decided by a string of bytes.
//!
//! [`Hostile`] alone makes up everything; around another target it passes most answers on and spoils some. The same
//! bytes give the same answers. When the bytes have run out it answers as the target it is around, or GOOD without data.

use std::collections::VecDeque;
use std::time::Duration;

use crate::target::{Completion, DataPhase, MediaAction, Reply, Request, Target};

/// Port failures that a driver must expect: invalid parameter, no such device, insufficient resources, I/O time-out,
/// I/O device error, cancelled.
const PORT_FAILURES: [u32; 6] = [0xC000_000D, 0xC000_000E, 0xC000_009A, 0xC000_00B5, 0xC000_0185, 0xC000_0120];
/// Most bytes that are made up for one answer.
const MOST: usize = 1 << 16;

/// A lying drive.
#[derive(Debug)]
pub struct Hostile<T = Silent> {
    inner: T,
    script: VecDeque<u8>,
}

/// A target that answers GOOD without data to everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Hostile {
    /// A drive whose answers all come from `script`.
    #[must_use]
    pub fn new(script: &[u8]) -> Self {
        Self::around(Silent, script)
    }
}

impl<T: Target> Hostile<T> {
    /// `inner`, with answers spoilt as `script` says.
    #[must_use]
    pub fn around(inner: T, script: &[u8]) -> Self {
        Self { inner, script: script.iter().copied().collect() }
    }

    /// The target that is lied about.
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    fn byte(&mut self) -> u8 {
        self.script.pop_front().unwrap_or(0)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// A length up to `room`: exact, none, a few, one less, or a part.
    fn length(&mut self, room: usize) -> usize {
        let room = room.min(MOST);
        match self.byte() % 6 {
            0 => room,
            1 => 0,
            2 => usize::from(self.byte()).min(room),
            3 => room.saturating_sub(1),
            4 => usize::from(u16::from_be_bytes(self.bytes())).min(room),
            _ => room / 2,
        }
    }

    /// `length` bytes: those of the script as far as it goes, then the last of them again and again.
    fn noise(&mut self, length: usize) -> Vec<u8> {
        let own = usize::from(self.byte()).min(length);
        let mut data: Vec<u8> = (0..own).map(|_| self.byte()).collect();
        data.resize(length, data.last().copied().unwrap_or(0xFF));
        data
    }

    fn sense(&mut self) -> Vec<u8> {
        let form = self.byte();
        if form.is_multiple_of(4) {
            let length = usize::from(self.byte());
            return self.noise(length);
        }
        let [key, asc, ascq] = self.bytes();
        let mut sense = vec![0; 18];
        sense[7] = 10;
        if form % 4 == 1 {
            // Descriptor format, current or deferred, without descriptors.
            (sense[0], sense[1], sense[2], sense[3], sense[7]) = (0x72 | form >> 7, key & 0x0F, asc, ascq, 0);
            sense.truncate(8);
        } else {
            (sense[0], sense[2], sense[12], sense[13]) = (0x70 | form >> 7, key, asc, ascq);
        }
        sense
    }

    fn data(&mut self, phase: DataPhase<'_>) -> (Vec<u8>, usize) {
        match phase {
            DataPhase::None => (Vec::new(), 0),
            DataPhase::In(room) => {
                let length = self.length(room);
                let data = self.noise(length);
                let transferred = data.len();
                (data, transferred)
            }
            DataPhase::Out(bytes) => (Vec::new(), self.length(bytes.len())),
        }
    }
}

impl<T: Target> Target for Hostile<T> {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        if self.script.is_empty() {
            return self.inner.execute(request);
        }
        let kind = self.byte();
        if kind < 0x80 {
            let mut reply = self.inner.execute(request);
            match kind & 0x07 {
                // The answer with some bytes changed.
                0 => {
                    let changes = usize::from(self.byte() % 4);
                    for _ in 0..changes {
                        let [at, value] = self.bytes();
                        if let Some(byte) = reply.data.get_mut(usize::from(at)) {
                            *byte = value;
                        }
                    }
                }
                // The answer cut short.
                1 => {
                    reply.data.truncate(usize::from(self.byte()));
                    reply.transferred = reply.transferred.min(reply.data.len());
                }
                _ => {}
            }
            return reply;
        }
        let (data, transferred) = self.data(request.data);
        let completion = match kind & 0x07 {
            0..=2 => Completion::Status { status: 0x00, sense: Vec::new() },
            3 | 4 => Completion::Status { status: 0x02, sense: self.sense() },
            5 => Completion::Status { status: self.byte(), sense: Vec::new() },
            6 => Completion::SrbStatus(self.byte() & 0x3F),
            _ => Completion::PortFailure(PORT_FAILURES[usize::from(self.byte()) % PORT_FAILURES.len()]),
        };
        let duration = Duration::from_millis(u64::from(self.byte()) * u64::from(self.byte()));
        Reply { completion, data, transferred, duration }
    }

    fn act(&mut self, action: &MediaAction, now: Duration) -> Result<(), String> {
        self.inner.act(action, now)
    }

    fn describe(&self) -> String {
        format!("lying drive around: {}", self.inner.describe())
    }
}

impl Target for Silent {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        Reply::good(Vec::new(), request.data)
    }

    fn act(&mut self, _: &MediaAction, _: Duration) -> Result<(), String> {
        Ok(())
    }

    fn describe(&self) -> String {
        "a drive that answers GOOD without data".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;
    use proptest::prelude::*;

    fn run(script: &[u8], phases: &[DataPhase<'_>]) -> Vec<Reply> {
        let drive = sim::open("sim:cdrom-data").expect("a known name");
        let mut hostile = Hostile::around(drive, script);
        let request = |data| Request::new(&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], data, Duration::from_secs(9));
        phases.iter().map(|phase| hostile.execute(request(*phase))).collect()
    }

    #[test]
    fn without_script_it_is_the_target_itself() {
        let honest = run(&[], &[DataPhase::In(8); 4]);
        assert_eq!(honest[3].data, [0, 0, 0x46, 0x4F, 0, 0, 8, 0]);
    }

    #[test]
    fn golden_answers() {
        // GOOD with the whole room, three bytes of the script, the last repeated.
        let replies = run(&[0x80, 0, 3, 0xAA, 0xBB, 0xCC, 0, 0], &[DataPhase::In(6)]);
        assert_eq!(replies[0].data, [0xAA, 0xBB, 0xCC, 0xCC, 0xCC, 0xCC]);
        // CHECK CONDITION without data, fixed format.
        let replies = run(&[0x83, 1, 0, 2, 3, 0x11, 5, 0, 0], &[DataPhase::In(6)]);
        let Completion::Status { status: 2, sense } = &replies[0].completion else { panic!("check condition") };
        assert_eq!((sense[0], sense[2], sense[12], sense[13]), (0x70, 3, 0x11, 5));
        // A port failure.
        let replies = run(&[0x87, 3, 0, 0], &[DataPhase::None]);
        assert_eq!(replies[0].completion, Completion::PortFailure(0xC000_00B5));
    }

    proptest! {
        #[test]
        fn answers_stay_in_their_room_and_repeat(
            script in prop::collection::vec(any::<u8>(), 0..300),
            rooms in prop::collection::vec(0_usize..3000, 1..20),
        ) {
            let phases: Vec<DataPhase<'_>> = rooms.iter().map(|room| DataPhase::In(*room)).collect();
            let replies = run(&script, &phases);
            for (reply, room) in replies.iter().zip(&rooms) {
                prop_assert!(reply.data.len() <= *room);
                prop_assert!(reply.transferred <= *room);
            }
            prop_assert_eq!(replies, run(&script, &phases));
        }
    }
}
