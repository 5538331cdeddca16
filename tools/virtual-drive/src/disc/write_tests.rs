//! Tests of recording: distances, next writable addresses, and any order of operations.

use proptest::prelude::*;

use super::super::{ReadError, generated};
use super::*;

const BLOCK: [u8; 2048] = [0xA5; 2048];

fn disc(name: &str) -> Disc {
    generated::by_name(name).expect("generated")
}

#[test]
fn a_blank_cd_r_takes_sessions_at_their_distances() {
    let mut disc = disc("cd-r-blank");
    assert_eq!(disc.next_writable_address(), Some(0));
    assert_eq!(disc.free_blocks(), disc.capacity);
    for lba in 0..10 {
        disc.write(lba, SectorForm::User2048, &BLOCK).expect("next");
    }
    assert_eq!(disc.state, DiscState::Appendable);
    assert_eq!(disc.write(11, SectorForm::User2048, &BLOCK), Err(WriteError::NotNextWritable { lba: 11 }));
    assert_eq!(disc.read_user_data(9), Ok(BLOCK));
    assert_eq!(disc.read_user_data(10), Err(ReadError::OutOfRange(10)));
    disc.close_track(1).expect("open");
    assert_eq!(disc.next_writable_address(), Some(160));
    disc.begin_track(TrackMode::Audio, 0).expect("room");
    disc.write(160, SectorForm::Raw2352, &[1; 2352]).expect("next");
    assert_eq!(disc.write(161, SectorForm::User2048, &BLOCK), Err(WriteError::WrongMode));
    disc.close_session(false).expect("open");
    assert_eq!(disc.sessions[0].lead_out, 161);
    assert_eq!(disc.next_writable_address(), Some(161 + 11_400));
    disc.write(11_561, SectorForm::User2048, &BLOCK).expect("next");
    disc.close_session(true).expect("open");
    assert_eq!(disc.state, DiscState::Complete);
    assert_eq!(disc.sessions.len(), 2);
    assert_eq!(disc.write(11_562, SectorForm::User2048, &BLOCK), Err(WriteError::ReadOnly));
}

#[test]
fn a_reserved_track_is_filled_to_its_end_only() {
    let mut disc = disc("dvd-r-blank");
    assert_eq!(disc.reserve_track(32), Ok(1));
    assert_eq!(disc.next_writable_address(), Some(32));
    for lba in 0..32 {
        disc.write(lba, SectorForm::User2048, &BLOCK).expect("reserved");
        assert!(disc.read_user_data(lba).is_ok());
    }
    disc.write(32, SectorForm::User2048, &BLOCK).expect("opens track 2");
    assert_eq!(disc.next_track_number(), 2);
    disc.close_track(2).expect("open");
    assert_eq!(disc.track(2).map(|track| track.length), Some(16));
    assert_eq!(disc.reserve_track(u32::MAX), Err(WriteError::OutOfRange(i32::MAX)));
}

#[test]
fn overwritable_media_take_any_block_and_keep_the_rest() {
    for name in ["dvd-ram", "dvd+rw", "dvd-rw-ro", "bd-re"] {
        let mut disc = disc(name);
        let before = disc.read_user_data(101).expect("formatted");
        disc.write(100, SectorForm::User2048, &BLOCK).expect("formatted");
        assert_eq!(disc.read_user_data(100), Ok(BLOCK));
        assert_eq!(disc.read_user_data(101), Ok(before));
        let end = disc.sessions[0].lead_out;
        assert_eq!(disc.write(end, SectorForm::User2048, &BLOCK), Err(WriteError::OutOfRange(end)));
    }
}

#[test]
fn unformatted_media_must_be_formatted() {
    let mut disc = disc("bd-re-blank");
    assert_eq!(disc.write(0, SectorForm::User2048, &BLOCK), Err(WriteError::NotFormatted));
    assert_eq!(disc.format(disc.capacity + 1), Err(WriteError::OutOfRange(12_219_393)));
    disc.format(1_000).expect("formats");
    disc.write(999, SectorForm::User2048, &BLOCK).expect("formatted");
    assert_eq!(disc.read_user_data(0), Ok([0; 2048]));
}

#[test]
fn dvd_rw_changes_between_its_two_ways_of_recording() {
    let mut disc = disc("dvd-rw");
    disc.format(64).expect("formats");
    assert_eq!(disc.media, MediaType::DvdRwRestricted);
    assert!(disc.is_overwritable());
    disc.blank().expect("blanks");
    assert_eq!((disc.media, disc.state), (MediaType::DvdRwSequential, DiscState::Blank));
    assert_eq!(disc.next_writable_address(), Some(0));
}

#[test]
fn pressed_and_defective_blocks_cannot_be_written() {
    let mut pressed = disc("data-cd");
    assert_eq!(pressed.write(0, SectorForm::User2048, &BLOCK), Err(WriteError::ReadOnly));
    assert_eq!(pressed.blank(), Err(WriteError::ReadOnly));
    assert_eq!(pressed.format(1), Err(WriteError::ReadOnly));
    assert_eq!(pressed.close_session(true), Err(WriteError::ReadOnly));
    let mut ram = disc("dvd-ram");
    let sense = SenseCode::new(3, 0x11, 0);
    ram.add_defect(7, sense);
    assert_eq!(ram.write(7, SectorForm::User2048, &BLOCK), Err(WriteError::Defect(7)));
    assert_eq!(ram.read_user_data(7), Err(ReadError::Defect { lba: 7, sense }));
}

/// One recording operation of a host.
#[derive(Clone, Debug)]
enum Operation {
    WriteNext(u8),
    Write(i32, u8),
    Begin(bool),
    Reserve(u32),
    CloseTrack(u16),
    CloseSession(bool),
    Blank,
    Format(u32),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => any::<u8>().prop_map(Operation::WriteNext),
        2 => (prop_oneof![-200..20_000_i32, any::<i32>()], any::<u8>()).prop_map(|(lba, fill)| Operation::Write(lba, fill)),
        2 => any::<bool>().prop_map(Operation::Begin),
        1 => (0..100_u32).prop_map(Operation::Reserve),
        2 => (0..8_u16).prop_map(Operation::CloseTrack),
        2 => prop::bool::weighted(0.1).prop_map(Operation::CloseSession),
        1 => Just(Operation::Blank),
        1 => prop_oneof![0..1_000_u32, any::<u32>()].prop_map(Operation::Format),
    ]
}

proptest! {
    #[test]
    fn any_operations_keep_tracks_in_order_and_data_readable(
        medium in 0..generated::list().len(),
        operations in prop::collection::vec(operation(), 0..60),
    ) {
        let mut disc = disc(generated::list()[medium].0);
        for operation in operations {
            match operation {
                Operation::WriteNext(fill) => {
                    if let Some(next) = disc.next_writable_address()
                        && disc.write(next, SectorForm::User2048, &[fill; 2048]).is_ok()
                    {
                        prop_assert_eq!(disc.read_user_data(next), Ok([fill; 2048]));
                    }
                }
                Operation::Write(lba, fill) => {
                    if disc.write(lba, SectorForm::User2048, &[fill; 2048]).is_ok() {
                        prop_assert_eq!(disc.read_user_data(lba), Ok([fill; 2048]));
                    }
                }
                Operation::Begin(audio) => {
                    let mode = if audio { TrackMode::Audio } else { TrackMode::Mode1 };
                    let _ = disc.begin_track(mode, 0);
                }
                Operation::Reserve(blocks) => drop(disc.reserve_track(blocks)),
                Operation::CloseTrack(number) => drop(disc.close_track(number)),
                Operation::CloseSession(finalise) => drop(disc.close_session(finalise)),
                Operation::Blank => drop(disc.blank()),
                Operation::Format(blocks) => drop(disc.format(blocks)),
            }
            let tracks: Vec<_> = disc.tracks().collect();
            prop_assert!(tracks.windows(2).all(|pair| pair[0].end() <= pair[1].first() && pair[0].number < pair[1].number));
            prop_assert!(tracks.iter().all(|track| u32::try_from(track.end()).is_ok_and(|end| end <= disc.capacity)));
        }
    }
}
