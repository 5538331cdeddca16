//! Format 3: the program memory area, where a recorder notes tracks before their session is closed.

use crate::address::Msf;
use crate::toc::answer::TocAnswer;
use crate::toc::q::Adr;
use crate::toc::raw::{RawEntry, SessionType, track_number};
use crate::toc::time_code::TimeCode;

/// The answer to [`TocFormat::PMA`](crate::toc::TocFormat::PMA); the numbers in its header are reserved.
///
/// The entries have the shape of a raw TOC's, which is why both are one type.
pub type Pma<'a> = TocAnswer<'a, RawEntry>;

/// The meaning of a [`RawEntry`] of the PMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PmaItem {
    /// ADR 1: a track.
    Track {
        /// Its number.
        track: u8,
        /// Its start.
        start: Msf,
        /// Its end.
        stop: Msf,
    },
    /// ADR 2: the disc identification, six decimal digits, and the type of the disc.
    DiscIdentification {
        /// The digits, two in each byte, as the drive sent them.
        digits: [u8; 3],
        /// The type, the same code as in point A0.
        session_type: SessionType,
    },
    /// Any other entry.
    Other,
}

impl RawEntry {
    /// What the entry says in a PMA, its times read as `code`.
    #[must_use]
    pub fn pma_item(&self, code: TimeCode) -> PmaItem {
        match self.adr {
            Adr::POSITION => match track_number(code, self.point.0) {
                Some(track) => {
                    PmaItem::Track { track, start: code.decode_msf(self.p_time), stop: code.decode_msf(self.time) }
                }
                None => PmaItem::Other,
            },
            Adr::MEDIA_CATALOG_NUMBER => PmaItem::DiscIdentification {
                digits: [self.time.minute, self.time.second, self.time.frame],
                session_type: SessionType(self.p_time.second),
            },
            _ => PmaItem::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::test_support::{hex, total};

    /// MMC-6 6.25, format 3: identification 123456 and one track from 00:02:00 to 10:20:30.
    #[test]
    fn tracks_and_identification_are_read() {
        let bytes = hex("00 18 00 00  00 20 00 00 12 34 56 00 00 00 00  00 10 00 01 0A 14 1E 00 00 02 00");
        let pma = Pma::parse(&bytes).unwrap();
        let items: Vec<_> = pma.descriptors().map(|entry| entry.pma_item(pma.time_code())).collect();
        assert_eq!(
            items,
            [
                PmaItem::DiscIdentification { digits: [0x12, 0x34, 0x56], session_type: SessionType::CD_DA_OR_ROM },
                PmaItem::Track { track: 1, start: Msf::new(0, 2, 0), stop: Msf::new(10, 20, 30) },
            ]
        );
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| {
            let pma = Pma::parse(bytes)?;
            Ok::<_, crate::ParseError>(
                pma.descriptors().filter(|entry| entry.pma_item(pma.time_code()) == PmaItem::Other).count(),
            )
        });
    }
}
