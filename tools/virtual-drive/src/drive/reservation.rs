//! RESERVE and RELEASE (SPC-2), PERSISTENT RESERVE IN and OUT (SPC-4 6.15, 6.16), as one initiator sees them.

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::fault::Fault;

/// Bytes of the basic PERSISTENT RESERVE OUT parameter list.
const PARAMETERS: usize = 24;

/// Registration and reservation of the only initiator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Counts changes of the registrations.
    generation: u32,
    /// The registered key.
    key: Option<u64>,
    /// Type of the reservation that is held.
    held: Option<u8>,
}

impl Drive {
    /// RESERVE (6) and (10): there is no other initiator to keep out.
    pub(crate) fn reserve(&mut self, _: &Command<'_>) -> Outcome {
        Ok(Answer::done())
    }

    /// RELEASE (6) and (10).
    pub(crate) fn release(&mut self, _: &Command<'_>) -> Outcome {
        Ok(Answer::done())
    }

    /// PERSISTENT RESERVE IN: READ KEYS, READ RESERVATION, REPORT CAPABILITIES.
    pub(crate) fn persistent_reserve_in(&mut self, command: &Command<'_>) -> Outcome {
        let Reservation { generation, key, held } = self.reservation;
        let list = |body: Vec<u8>| {
            let length = u32::try_from(body.len()).unwrap_or(0);
            [&generation.to_be_bytes()[..], &length.to_be_bytes(), &body].concat()
        };
        let data = match command.byte(1) & 0x1F {
            0 => list(key.map_or_else(Vec::new, |key| key.to_be_bytes().to_vec())),
            1 => list(match (key, held) {
                (Some(key), Some(kind)) => [&key.to_be_bytes()[..], &[0, 0, 0, 0, 0, kind, 0, 0]].concat(),
                _ => Vec::new(),
            }),
            // Type mask valid: write exclusive, exclusive access and their registrants-only and all-registrants kinds.
            2 => vec![0, 8, 0x00, 0x80, 0xEA, 0x01, 0, 0],
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        Ok(Answer::cut(data, command.be16(7)))
    }

    /// PERSISTENT RESERVE OUT: REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, REGISTER AND IGNORE EXISTING KEY.
    pub(crate) fn persistent_reserve_out(&mut self, command: &Command<'_>) -> Outcome {
        let length = usize::try_from(command.be32(5)).unwrap_or(usize::MAX);
        let (action, kind) = (command.byte(1) & 0x1F, command.byte(2) & 0x0F);
        let list = command.parameters(length)?;
        if length != PARAMETERS {
            return Err(Fault::ParameterListLength.into());
        }
        let key_at = |at: usize| list[at..at + 8].iter().fold(0_u64, |key, byte| key << 8 | u64::from(*byte));
        let (presented, service) = (key_at(0), key_at(8));
        if command.byte(2) >> 4 != 0 || !matches!(kind, 1 | 3 | 5..=8) && matches!(action, 1 | 2 | 4) {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let state = &mut self.reservation;
        let registered = state.key.unwrap_or(0) == presented;
        match action {
            0 if !registered => return Err(Fault::InvalidFieldInParameterList.into()),
            1..=4 if state.key.is_none() || !registered => {
                return Err(Fault::InvalidFieldInParameterList.into());
            }
            0 | 6 => {
                state.key = (service != 0).then_some(service);
                state.generation = state.generation.wrapping_add(1);
                if state.key.is_none() {
                    state.held = None;
                }
            }
            1 => state.held = Some(kind),
            2 => {
                if state.held.is_some_and(|held| held != kind) {
                    return Err(Fault::InvalidReleaseOfReservation.into());
                }
                state.held = None;
            }
            3 => *state = Reservation { generation: state.generation.wrapping_add(1), ..Reservation::default() },
            4 => {
                state.held = Some(kind);
                state.generation = state.generation.wrapping_add(1);
            }
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        }
        Ok(Answer::done())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, hex};

    #[test]
    fn register_reserve_release() {
        let mut bench = Bench::ready("dvdwriter", None);
        assert_eq!(bench.data("5E 00 00 00 00 00 00 00 FF 00"), [0; 8]);
        let mut list = [0_u8; 24];
        list[15] = 0x77;
        let reserve = "5F 01 01 00 00 00 00 00 18 00";
        assert_eq!(bench.send_sense(reserve, &list), (5, 0x26, 0));
        bench.send("5F 00 00 00 00 00 00 00 18 00", &list);
        assert_eq!(bench.data("5E 00 00 00 00 00 00 00 FF 00"), hex("00 00 00 01 00 00 00 08 00 00 00 00 00 00 00 77"));
        list[7] = 0x77;
        bench.send(reserve, &list);
        assert_eq!(bench.data("5E 01 00 00 00 00 00 00 FF 00")[21], 1);
        assert_eq!(bench.send_sense("5F 02 03 00 00 00 00 00 18 00", &list), (5, 0x26, 4));
        bench.send("5F 02 01 00 00 00 00 00 18 00", &list);
        assert_eq!(bench.data("5E 01 00 00 00 00 00 00 FF 00"), hex("00 00 00 01 00 00 00 00"));
    }
}
