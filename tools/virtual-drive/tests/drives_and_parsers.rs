//! The drives' answers read by `scsi-cdb`, which was written without looking at them.
//!
//! The drives put their bytes together from the standard; the parsers take them apart from the standard. Where both
//! agree on what a disc is, neither has misread it alone.

use std::time::Duration;

use scsi_cdb::Opcode;
use scsi_cdb::configuration::{Configuration, FeatureBody, FeatureCode};
use scsi_cdb::disc_information::{DiscInformation, DiscStatus};
use scsi_cdb::event_status::{Event, EventStatus};
use scsi_cdb::inquiry::StandardInquiry;
use scsi_cdb::toc::{FormattedToc, MultiSessionInformation, RawToc};
use scsi_cdb::track_information::TrackInformation;
use virtual_drive::disc::{Disc, MediaFamily, generated};
use virtual_drive::drive::{Drive, command_name};
use virtual_drive::{Completion, DataPhase, Request, Target, sim};

/// A drive that knows its disc and has told its unit attentions.
fn ready(name: &str) -> Drive {
    let mut drive = sim::open(name).expect("a listed name");
    for _ in 0..4 {
        drive.execute(Request::new(&[0; 6], DataPhase::None, NOW));
    }
    drive
}

const NOW: Duration = Duration::from_secs(10);

fn data(drive: &mut Drive, cdb: &[u8]) -> Vec<u8> {
    let reply = drive.execute(Request::new(cdb, DataPhase::In(65_536), NOW));
    assert!(matches!(reply.completion, Completion::Status { status: 0, .. }), "{cdb:02X?}: {:?}", reply.completion);
    reply.data
}

fn discs() -> impl Iterator<Item = (&'static str, Disc, Drive)> {
    generated::list().iter().map(|(name, _)| (*name, generated::by_name(name).expect("listed"), ready(name)))
}

#[test]
fn features_decode_and_encode_to_the_same_bytes() {
    for (name, disc, mut drive) in discs() {
        let bytes = data(&mut drive, &[0x46, 0, 0, 0, 0, 0, 0, 0xFF, 0xF0, 0]);
        let configuration = Configuration::parse(&bytes).expect("a header");
        assert_eq!(configuration.current_profile.0, disc.media.profile(), "{name}");
        assert_eq!(configuration.full_length() as usize, bytes.len(), "{name}");
        let mut seen = 8;
        for feature in configuration.features() {
            seen += 4 + feature.data.len();
            let body = FeatureBody::parse(feature.code, feature.data);
            assert!(!matches!(body, FeatureBody::Other(_)), "{name}: {:?} is unknown or too short", feature.code);
            let mut written = [0; 256];
            let length = body.write(&mut written);
            assert_eq!(written[..length], *feature.data, "{name}: {:?}", feature.code);
        }
        assert_eq!(seen, bytes.len(), "{name}");
        let css = configuration.find(FeatureCode::DVD_CSS);
        assert_eq!(css.is_some_and(|css| css.current), disc.css.is_some(), "{name}");
        let aacs = configuration.find(FeatureCode::AACS);
        assert_eq!(aacs.is_some_and(|aacs| aacs.current), disc.aacs.is_some(), "{name}");
    }
}

#[test]
fn disc_and_track_information_describe_the_disc() {
    for (name, disc, mut drive) in discs() {
        let answer = data(&mut drive, &[0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0]);
        let information = DiscInformation::from_answer(&answer).expect("disc information");
        assert_eq!(information.to_bytes()[..], answer, "{name}");
        // The session that the next track would open counts; a blank disc has one at least.
        let sessions = disc.sessions.len() + usize::from(disc.is_appendable());
        assert_eq!(usize::from(information.sessions), sessions.max(1), "{name}");
        assert_eq!(information.erasable, disc.media.is_erasable(), "{name}");
        assert_eq!(information.status == DiscStatus::INCOMPLETE, is_half_used(&disc), "{name}");
        for track in disc.tracks() {
            let [high, low] = track.number.to_be_bytes();
            let answer = data(&mut drive, &[0x52, 1, 0, 0, high, low, 0, 0, 48, 0]);
            let information = TrackInformation::from_answer(&answer).expect("track information");
            assert_eq!((information.track, information.session), (track.number, track.session), "{name}");
            assert_eq!((information.start, information.size), (track.start.cast_unsigned(), track.length), "{name}");
            assert!(!information.next_writable_valid, "{name}");
        }
        if let Some(next) = disc.next_writable_address() {
            let answer = data(&mut drive, &[0x52, 1, 0, 0, 0, 0xFF, 0, 0, 48, 0]);
            let information = TrackInformation::from_answer(&answer).expect("track information");
            assert!(information.next_writable_valid && information.blank, "{name}");
            assert_eq!(information.next_writable, next.cast_unsigned(), "{name}");
            assert_eq!(information.free_blocks, disc.free_blocks(), "{name}");
        }
    }
}

fn is_half_used(disc: &Disc) -> bool {
    disc.is_appendable() && !disc.sessions.is_empty()
}

#[test]
fn tables_of_contents_list_the_tracks() {
    for (name, disc, mut drive) in discs().filter(|(_, disc, _)| !disc.sessions.is_empty()) {
        let bytes = data(&mut drive, &[0x43, 0, 0, 0, 0, 0, 0, 0x03, 0x24, 0]);
        let toc = FormattedToc::parse(&bytes).expect("a header");
        for track in disc.tracks() {
            let entry = toc.track(track.number as u8).expect("an entry");
            assert_eq!(entry.control.0, track.control, "{name}");
        }
        assert!(toc.lead_out().is_some(), "{name}");
        let bytes = data(&mut drive, &[0x43, 0, 1, 0, 0, 0, 0, 0, 12, 0]);
        let sessions = MultiSessionInformation::parse(&bytes).expect("a header");
        assert_eq!(sessions.is_multi_session(), disc.sessions.len() > 1, "{name}");
        if disc.media.family() == MediaFamily::Cd {
            let bytes = data(&mut drive, &[0x43, 2, 2, 0, 0, 0, 0, 0x08, 0x00, 0]);
            let raw = RawToc::parse(&bytes).expect("a header");
            assert_eq!(raw.sessions().count(), disc.sessions.len(), "{name}");
            assert_eq!(raw.tracks().count(), disc.tracks().count(), "{name}");
        }
    }
}

#[test]
fn events_and_inquiry() {
    for (name, _, mut drive) in discs() {
        let event = EventStatus::parse(&data(&mut drive, &[0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8, 0])).expect("an event");
        assert!(matches!(event.event, Event::Media(_)), "{name}: {event:?}");
        let answer = data(&mut drive, &[0x12, 0, 0, 0, 36, 0]);
        let inquiry = StandardInquiry::parse(&answer).expect("inquiry data");
        assert!(inquiry.removable, "{name}");
    }
}

#[test]
fn names_of_commands_are_the_same() {
    for (opcode, ours) in (0..=u8::MAX).filter_map(|opcode| Some((opcode, command_name(opcode)?))) {
        if let Some(theirs) = Opcode(opcode).name() {
            assert_eq!(ours, theirs, "{opcode:02X}");
        }
    }
}
