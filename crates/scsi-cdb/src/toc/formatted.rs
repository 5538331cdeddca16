//! Format 0: the tracks of all complete sessions.

use crate::layout::{Be32, Bits, Byte};
use crate::toc::answer::{TocAnswer, descriptor};
use crate::toc::q::{Adr, DiscAddress, TrackControl};

/// Track number of the lead-out after the last complete session.
pub const LEAD_OUT_TRACK: u8 = 0xAA;

/// Bytes of the longest formatted TOC: the header, 99 tracks and the lead-out.
pub const LONGEST_FORMATTED_TOC: u16 = 804;

record! {
    /// A track of a formatted TOC, or the lead-out; or the one entry of the multi-session information.
    pub struct TrackDescriptor: 8 {
        /// What the Q sub-channel entry carries.
        adr: Adr = Bits(1, 4, 4),
        /// Control bits.
        control: TrackControl = Bits(1, 0, 4),
        /// Track number, [`LEAD_OUT_TRACK`] for the lead-out.
        track: u8 = Byte(2),
        /// Where the track starts.
        address: DiscAddress = Be32(4),
    }
}

descriptor!(TrackDescriptor);

/// The answer to [`TocFormat::FORMATTED_TOC`](crate::toc::TocFormat::FORMATTED_TOC).
///
/// The header has the numbers of the first and the last track.
pub type FormattedToc<'a> = TocAnswer<'a, TrackDescriptor>;

impl FormattedToc<'_> {
    /// The descriptor of `track`.
    #[must_use]
    pub fn track(&self, track: u8) -> Option<TrackDescriptor> {
        self.descriptors().find(|descriptor| descriptor.track == track)
    }

    /// The lead-out after the last complete session.
    #[must_use]
    pub fn lead_out(&self) -> Option<TrackDescriptor> {
        self.track(LEAD_OUT_TRACK)
    }
}

/// The answer to [`TocFormat::MULTI_SESSION_INFORMATION`](crate::toc::TocFormat::MULTI_SESSION_INFORMATION).
///
/// The header has the numbers of the first and the last complete session; they are equal on a disc of one session.
pub type MultiSessionInformation<'a> = TocAnswer<'a, TrackDescriptor>;

impl MultiSessionInformation<'_> {
    /// The first track of the last complete session.
    #[must_use]
    pub fn first_track_of_last_session(&self) -> Option<TrackDescriptor> {
        self.descriptors().next()
    }

    /// Whether there is more than one complete session.
    #[must_use]
    pub fn is_multi_session(&self) -> bool {
        self.header().first != self.header().last
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::address::{Lba, Msf};
    use crate::test_support::{hex, prefixes, total};

    /// MMC-6 6.25, format 0: two tracks, audio then data, addresses in minutes, seconds and frames.
    const TWO_TRACKS: &str = "00 1A 01 02  00 10 01 00 00 00 02 00  00 14 02 00 00 05 10 20  00 14 AA 00 00 09 3B 4A";

    #[test]
    fn tracks_and_lead_out_are_listed() {
        let bytes = hex(TWO_TRACKS);
        let toc = FormattedToc::parse(&bytes).unwrap();
        assert_eq!((toc.header().first, toc.header().last, toc.is_truncated()), (1, 2, false));
        let starts: Vec<_> = toc.descriptors().map(|track| (track.track, track.address.msf())).collect();
        assert_eq!(starts, [(1, Msf::new(0, 2, 0)), (2, Msf::new(5, 16, 32)), (0xAA, Msf::new(9, 59, 74))]);
        assert_eq!(toc.track(2).map(|track| (track.adr, track.control)), Some((Adr::POSITION, TrackControl::DATA)));
        assert_eq!(toc.lead_out().unwrap().to_bytes(), *bytes.last_chunk::<8>().unwrap());
        prefixes(&bytes, |bytes| FormattedToc::parse(bytes).map(|toc| toc.descriptors().count()));
    }

    #[test]
    fn what_the_length_does_not_cover_is_not_read() {
        let mut bytes = hex(TWO_TRACKS);
        bytes[1] = 0x0A;
        assert_eq!(FormattedToc::parse(&bytes).unwrap().descriptors().count(), 1);
        bytes[1] = 0x00;
        assert_eq!(FormattedToc::parse(&bytes).unwrap().descriptors().count(), 0);
        bytes[1] = 0xFF;
        let toc = FormattedToc::parse(&bytes[..27]).unwrap();
        assert_eq!((toc.descriptors().count(), toc.is_truncated()), (2, true));
    }

    /// MMC-6 6.25, format 1: the last of two sessions starts with data track 4 at block 57,000.
    #[test]
    fn the_last_session_is_found() {
        let bytes = hex("00 0A 01 02  00 14 04 00 00 00 DE A8");
        let sessions = MultiSessionInformation::parse(&bytes).unwrap();
        assert!(sessions.is_multi_session());
        let first = sessions.first_track_of_last_session().unwrap();
        assert_eq!((first.track, first.address.lba()), (4, Lba(57_000)));
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| FormattedToc::parse(bytes).map(|toc| (toc.lead_out(), toc.descriptors().count())));
        total(|bytes| MultiSessionInformation::parse(bytes).map(|toc| toc.first_track_of_last_session()));
    }
}
