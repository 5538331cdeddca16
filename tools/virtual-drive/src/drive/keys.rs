//! REPORT KEY (MMC-6 6.29) and SEND KEY (6.37): authentication grants, which CSS and AACS share.

use super::Drive;
use super::aacs::AacsStep;
use super::command::{Answer, Command, Outcome, with_length_16};
use super::css::CssStep;
use super::fault::{Failure, Fault};
use crate::disc::MediaFamily;

/// Key class of CSS, CPPM and the region.
const CLASS_CSS: u8 = 0x00;
/// Key class of AACS.
const CLASS_AACS: u8 = 0x02;
/// Key format that gives an authentication grant back.
const INVALIDATE: u8 = 0x3F;

/// What an authentication grant is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Not given.
    #[default]
    Free,
    /// For CSS, so far.
    Css(CssStep),
    /// For AACS, so far.
    Aacs(AacsStep),
}

/// The four grants, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    /// By AGID.
    pub(crate) grants: [Grant; 4],
    /// The authentication success flag of CSS.
    pub(crate) css_success: bool,
    /// Handshakes so far; makes each challenge another.
    pub(crate) handshakes: u32,
}

impl Keys {
    /// Whether a host has authenticated for CSS since the disc came.
    pub(crate) const fn is_css_authenticated(&self) -> bool {
        self.css_success
    }

    /// Takes the lowest free AGID.
    fn take(&mut self, grant: Grant) -> Result<u8, Failure> {
        let free = (0..4_u8).zip(&mut self.grants).find(|(_, grant)| **grant == Grant::Free);
        let (agid, slot) = free.ok_or(Fault::NoAgidLeft)?;
        *slot = grant;
        self.handshakes = self.handshakes.wrapping_add(1);
        Ok(agid)
    }
}

/// The key format: low six bits of byte 10.
fn key_format(command: &Command<'_>) -> u8 {
    command.byte(10) & 0x3F
}

/// The AGID: high two bits of byte 10.
pub(crate) fn agid(command: &Command<'_>) -> usize {
    usize::from(command.byte(10) >> 6)
}

/// A key answer: length, two reserved bytes, `body`.
fn key_data(body: &[u8]) -> Vec<u8> {
    with_length_16(&[&[0, 0], body].concat())
}

impl Drive {
    /// REPORT KEY: key class, AGID and key format.
    pub(crate) fn report_key(&mut self, command: &Command<'_>) -> Outcome {
        let (class, format) = (command.byte(7), key_format(command));
        self.check_class(class)?;
        let data = match (class, format) {
            (CLASS_CSS, 0x08) if self.model.css => key_data(&self.region.report()),
            (_, INVALIDATE) => {
                self.invalidate(class, agid(command));
                key_data(&[])
            }
            (CLASS_CSS, 0x00) => {
                if self.ready_disc()?.media.family() != MediaFamily::Dvd {
                    return Err(Fault::CannotReadIncompatible.into());
                }
                let agid = self.keys.take(Grant::Css(CssStep::Granted))?;
                key_data(&[0, 0, 0, agid << 6])
            }
            (CLASS_AACS, 0x00) => {
                self.protected_disc()?;
                let agid = self.keys.take(Grant::Aacs(AacsStep::Granted))?;
                key_data(&[0, 0, 0, agid << 6])
            }
            (CLASS_CSS, _) => key_data(&self.report_css(agid(command), format, command.be32(2))?),
            (_, _) => {
                let (start, blocks) = (command.be32(2), command.byte(6));
                key_data(&self.report_aacs(agid(command), format, start, blocks)?)
            }
        };
        Ok(Answer::cut(data, command.be16(8)))
    }

    /// SEND KEY: key class, AGID and key format; the parameter list begins with its length and two reserved bytes.
    pub(crate) fn send_key(&mut self, command: &Command<'_>) -> Outcome {
        let (class, format) = (command.byte(7), key_format(command));
        self.check_class(class)?;
        if format == INVALIDATE {
            self.invalidate(class, agid(command));
            return Ok(Answer::done());
        }
        let list = command.parameters(usize::from(command.be16(8)))?;
        let declared = list.get(..2).map(|bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
        let declared = declared.ok_or(Fault::ParameterListLength)?;
        let body = list.get(4..declared + 2).ok_or(Fault::ParameterListLength)?;
        match (class, format) {
            (CLASS_CSS, 0x06) if self.model.css => {
                self.set_region(*body.first().ok_or(Fault::ParameterListLength)?)?;
            }
            (CLASS_CSS, _) => self.send_css(agid(command), format, body)?,
            (_, _) => self.send_aacs(agid(command), format, body)?,
        }
        Ok(Answer::done())
    }

    fn check_class(&self, class: u8) -> Result<(), Failure> {
        match class {
            CLASS_CSS => Ok(()),
            CLASS_AACS if self.model.aacs => Ok(()),
            _ => Err(Fault::InvalidFieldInCdb.into()),
        }
    }

    /// Gives an AGID back. One that is not given, or for another class, is left as it is, without an error.
    fn invalidate(&mut self, class: u8, agid: usize) {
        let ours = match self.keys.grants[agid] {
            Grant::Free => false,
            Grant::Css(_) => class == CLASS_CSS,
            Grant::Aacs(_) => class == CLASS_AACS,
        };
        if ours {
            self.keys.grants[agid] = Grant::Free;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    const AGID_CSS: &str = "A4 00 00 00 00 00 00 00 00 08 00 00";
    const AGID_AACS: &str = "A4 00 00 00 00 00 00 02 00 08 00 00";

    #[test]
    fn four_grants_then_none_until_one_is_given_back() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        for agid in 0..4 {
            assert_eq!(bench.data(AGID_CSS), [0, 6, 0, 0, 0, 0, 0, agid << 6]);
        }
        assert_eq!(bench.sense(AGID_CSS), (5, 0x55, 0));
        bench.good("A3 00 00 00 00 00 00 00 00 00 BF 00");
        assert_eq!(bench.data(AGID_CSS)[7], 0x80);
        assert_eq!(bench.data("A4 00 00 00 00 00 00 00 00 04 7F 00"), hex("00 02 00 00"));
        assert_eq!(bench.data(AGID_CSS)[7], 0x40);
    }

    #[test]
    fn each_class_gives_back_its_own() {
        let mut bench = Bench::ready("bdwriter", Some(disc("bd-rom")));
        assert_eq!(bench.data(AGID_AACS)[7], 0x00);
        bench.good("A3 00 00 00 00 00 00 00 00 00 3F 00");
        assert_eq!(bench.data(AGID_AACS)[7], 0x40);
        bench.good("A3 00 00 00 00 00 00 02 00 00 3F 00");
        assert_eq!(bench.data(AGID_AACS)[7], 0x00);
    }

    #[test]
    fn grants_need_a_fitting_disc() {
        assert_eq!(Bench::ready("dvdrom-css", None).sense(AGID_CSS), (2, 0x3A, 1));
        assert_eq!(Bench::ready("dvdrom-css", Some(cd())).sense(AGID_CSS), (5, 0x30, 2));
        assert_eq!(Bench::ready("dvdrom-css", Some(disc("dvd-rom"))).sense(AGID_AACS), (5, 0x24, 0));
        assert_eq!(Bench::ready("bdwriter", Some(disc("dvd-rom"))).sense(AGID_AACS), (5, 0x6F, 1));
        assert_eq!(Bench::ready("cdrom", Some(cd())).sense(AGID_CSS), (5, 0x20, 0));
    }

    #[test]
    fn taking_the_disc_out_frees_all() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        bench.data(AGID_CSS);
        bench.good("1B 00 00 00 02 00");
        bench.good("1B 00 00 00 03 00");
        bench.drain_attention();
        assert_eq!(bench.data(AGID_CSS)[7], 0x00);
    }
}
