//! The CSS handshake as a host without keys sees it: who proves what in which order.
//!
//! The functions that stand for the secret cipher are made up: a test that knows them can go through the whole
//! handshake, and nothing real is disclosed.

use super::Drive;
use super::fault::{Failure, Fault};
use super::keys::Grant;

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CssStep {
    /// The AGID is given.
    Granted,
    /// The host has sent its challenge.
    HostChallenge([u8; 10]),
    /// The drive has answered it with key 1.
    DriveKey,
    /// The drive has sent its challenge.
    DriveChallenge([u8; 10]),
    /// The host has answered with the right key 2: there is a bus key.
    BusKey,
}

/// Key 1: the drive's answer to the host's challenge.
#[must_use]
pub fn drive_key(challenge: &[u8; 10]) -> [u8; 5] {
    mix(challenge, 0x31)
}

/// Key 2: the host's answer to the drive's challenge.
#[must_use]
pub fn host_key(challenge: &[u8; 10]) -> [u8; 5] {
    mix(challenge, 0x32)
}

fn mix(challenge: &[u8; 10], salt: u8) -> [u8; 5] {
    let mut key = [salt; 5];
    for (index, byte) in challenge.iter().enumerate() {
        let place = &mut key[index % 5];
        *place = place.rotate_left(3) ^ byte.wrapping_mul(0x1D).wrapping_add(salt);
    }
    key
}

impl Drive {
    /// The body of REPORT KEY formats 1 (drive challenge), 2 (key 1), 4 (title key), 5 (success flag).
    pub(crate) fn report_css(&mut self, agid: usize, format: u8, lba: u32) -> Result<Vec<u8>, Failure> {
        let css = self.ready_disc()?.css;
        if format == 0x05 {
            return Ok(vec![0, 0, 0, u8::from(self.keys.css_success)]);
        }
        match (format, self.css_step(agid)?) {
            (0x01, CssStep::DriveKey) => {
                let seed = self.keys.handshakes.to_be_bytes();
                let challenge = std::array::from_fn(|index| seed[index % 4].wrapping_mul(7).wrapping_add(index as u8));
                self.keys.grants[agid] = Grant::Css(CssStep::DriveChallenge(challenge));
                Ok([&challenge[..], &[0, 0]].concat())
            }
            (0x02, CssStep::HostChallenge(challenge)) => {
                self.keys.grants[agid] = Grant::Css(CssStep::DriveKey);
                Ok([&drive_key(&challenge)[..], &[0, 0, 0]].concat())
            }
            (0x04, CssStep::BusKey) => {
                let css = css.ok_or(Fault::KeyNotPresent)?;
                if !self.region.allows(css.region_mask) {
                    return Err(Fault::RegionMismatch.into());
                }
                self.block_range(lba, 1)?;
                self.keys.grants[agid] = Grant::Free;
                // Copyrighted, protected, no copy.
                let mut key = vec![0xB0];
                key.extend(mix(&std::array::from_fn(|index| lba.to_be_bytes()[index % 4]), 0x54));
                key.extend([0, 0]);
                Ok(key)
            }
            (0x04, _) => Err(Fault::KeyNotEstablished.into()),
            (0x01 | 0x02, _) => Err(Fault::CommandSequence.into()),
            _ => Err(Fault::InvalidFieldInCdb.into()),
        }
    }

    /// SEND KEY formats 1 (host challenge) and 3 (key 2).
    pub(crate) fn send_css(&mut self, agid: usize, format: u8, body: &[u8]) -> Result<(), Failure> {
        self.ready_disc()?;
        let step = self.css_step(agid)?;
        match format {
            0x01 => {
                let challenge = *body.first_chunk::<10>().ok_or(Fault::ParameterListLength)?;
                if step != CssStep::Granted {
                    return Err(Fault::CommandSequence.into());
                }
                self.keys.grants[agid] = Grant::Css(CssStep::HostChallenge(challenge));
                Ok(())
            }
            0x03 => {
                let key = *body.first_chunk::<5>().ok_or(Fault::ParameterListLength)?;
                let CssStep::DriveChallenge(challenge) = step else {
                    return Err(Fault::CommandSequence.into());
                };
                if key != host_key(&challenge) {
                    self.keys.grants[agid] = Grant::Free;
                    return Err(Fault::AuthenticationFailure.into());
                }
                self.keys.grants[agid] = Grant::Css(CssStep::BusKey);
                self.keys.css_success = true;
                Ok(())
            }
            _ => Err(Fault::InvalidFieldInCdb.into()),
        }
    }

    /// READ DISC STRUCTURE format 2: the disc key block, once per handshake; the AGID is given back.
    pub(crate) fn disc_key(&mut self, agid: usize) -> Result<(), Failure> {
        if self.ready_disc()?.css.is_none() {
            return Err(Fault::KeyNotPresent.into());
        }
        match self.keys.grants[agid] {
            Grant::Css(CssStep::BusKey) => {
                self.keys.grants[agid] = Grant::Free;
                Ok(())
            }
            _ => Err(Fault::KeyNotEstablished.into()),
        }
    }

    fn css_step(&self, agid: usize) -> Result<CssStep, Failure> {
        match self.keys.grants[agid] {
            Grant::Css(step) => Ok(step),
            _ => Err(Fault::KeyNotEstablished.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, disc, hex};
    use super::*;

    const AGID: &str = "A4 00 00 00 00 00 00 00 00 08 00 00";
    const SEND_CHALLENGE: &str = "A3 00 00 00 00 00 00 00 00 10 01 00";
    const GET_KEY_1: &str = "A4 00 00 00 00 00 00 00 00 0C 02 00";
    const GET_CHALLENGE: &str = "A4 00 00 00 00 00 00 00 00 10 01 00";
    const SEND_KEY_2: &str = "A3 00 00 00 00 00 00 00 00 0C 03 00";
    const FLAG: &str = "A4 00 00 00 00 00 00 00 00 08 05 00";
    const TITLE_KEY: &str = "A4 00 00 00 10 00 00 00 00 0C 04 00";
    const DISC_KEY: &str = "AD 00 00 00 00 00 00 02 08 04 00 00";

    fn challenge() -> Vec<u8> {
        let mut list = hex("00 0E 00 00 01 02 03 04 05 06 07 08 09 0A");
        list.resize(16, 0);
        list
    }

    /// The whole handshake; gives the sense of its last step.
    fn authenticate(bench: &mut Bench, honest: bool) -> (u8, u8, u8) {
        bench.data(AGID);
        bench.send(SEND_CHALLENGE, &challenge());
        let key_1 = bench.data(GET_KEY_1);
        assert_eq!(key_1[..4], [0, 10, 0, 0]);
        assert_eq!(key_1[4..9], drive_key(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
        let answer = bench.data(GET_CHALLENGE);
        assert_eq!((answer.len(), &answer[..4]), (16, &[0, 14, 0, 0][..]));
        let mut key_2 = host_key(answer[4..14].try_into().unwrap());
        key_2[0] ^= u8::from(!honest);
        bench.send_sense(SEND_KEY_2, &[&[0, 10, 0, 0][..], &key_2, &[0; 3]].concat())
    }

    #[test]
    fn the_handshake_opens_keys_and_blocks() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        assert_eq!(bench.data(FLAG), hex("00 06 00 00 00 00 00 00"));
        assert_eq!(authenticate(&mut bench, true), (0, 0, 0));
        assert_eq!(bench.data(FLAG)[7], 1);
        assert_eq!(bench.data(DISC_KEY).len(), 2052);
        assert_eq!(bench.sense(DISC_KEY), (5, 0x6F, 2));
        // No region is set yet, and the disc is for some regions only.
        assert_eq!(authenticate(&mut bench, true), (0, 0, 0));
        assert_eq!(bench.sense(TITLE_KEY), (5, 0x6F, 4));
        assert_eq!(bench.sense("28 00 00 00 10 00 00 00 01 00"), (5, 0x6F, 4));
        bench.send("A3 00 00 00 00 00 00 00 00 08 06 00", &[0, 6, 0, 0, 0xFE, 0, 0, 0]);
        let title = bench.data(TITLE_KEY);
        assert_eq!((title.len(), &title[..5]), (12, &[0, 10, 0, 0, 0xB0][..]));
        bench.data("28 00 00 00 10 00 00 00 01 00");
        assert_eq!(bench.sense(TITLE_KEY), (5, 0x6F, 2));
    }

    #[test]
    fn a_wrong_proof_ends_the_grant() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        assert_eq!(authenticate(&mut bench, false), (5, 0x6F, 0));
        assert_eq!(bench.data(FLAG)[7], 0);
        assert_eq!(bench.sense(GET_KEY_1), (5, 0x6F, 2));
        assert_eq!(bench.data(AGID)[7], 0);
    }

    #[test]
    fn each_step_has_its_turn() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        assert_eq!(bench.sense(GET_CHALLENGE), (5, 0x6F, 2));
        bench.data(AGID);
        assert_eq!(bench.sense(GET_CHALLENGE), (5, 0x2C, 0));
        assert_eq!(bench.sense(GET_KEY_1), (5, 0x2C, 0));
        assert_eq!(bench.sense(TITLE_KEY), (5, 0x6F, 2));
        assert_eq!(bench.sense(DISC_KEY), (5, 0x6F, 2));
        assert_eq!(bench.send_sense(SEND_KEY_2, &hex("00 0A 00 00 00 00 00 00 00 00 00 00")), (5, 0x2C, 0));
        bench.send(SEND_CHALLENGE, &challenge());
        assert_eq!(bench.send_sense(SEND_CHALLENGE, &challenge()), (5, 0x2C, 0));
        assert_eq!(bench.send_sense(SEND_CHALLENGE, &[0, 14, 0]), (5, 0x1A, 0));
        assert_eq!(bench.sense("A4 00 00 00 00 00 00 00 00 0C 03 00"), (5, 0x24, 0));
    }

    #[test]
    fn a_disc_without_keys_says_so() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom-dl")));
        assert_eq!(authenticate(&mut bench, true), (0, 0, 0));
        assert_eq!(bench.sense(DISC_KEY), (5, 0x6F, 1));
        assert_eq!(bench.sense(TITLE_KEY), (5, 0x6F, 1));
    }
}
