use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::test_support::total;

fn pack(kind: PackKind, track: u8, sequence: u8, position: u8, text: &[u8; 12]) -> TextPack {
    let mut pack = TextPack {
        kind,
        track,
        extension: false,
        sequence,
        double_byte: false,
        block: 0,
        position,
        text: *text,
        crc: 0,
    };
    pack.crc = pack.expected_crc();
    pack
}

fn answer(packs: &[TextPack]) -> Vec<u8> {
    let list: Vec<u8> = packs.iter().flat_map(|pack| pack.to_bytes()).collect();
    let length = u16::try_from(list.len() + 2).unwrap();
    [&length.to_be_bytes()[..], &[0, 0], &list].concat()
}

fn titles() -> Vec<u8> {
    answer(&[
        pack(PackKind::TITLE, 0, 0, 0, b"Album name\0O"),
        pack(PackKind::TITLE, 1, 1, 1, b"ne long titl"),
        pack(PackKind::TITLE, 1, 2, 13, b"e\0\t\0Three\0\0\0"),
    ])
}

fn text(bytes: &[u8], kind: PackKind, track: u8) -> Option<Vec<u8>> {
    let mut buffer = [0xEE; 64];
    let text = CdText::parse(bytes).unwrap().write_text(0, kind, track, &mut buffer)?;
    assert!(text.complete && !text.double_byte);
    Some(buffer[..text.length].to_vec())
}

/// CRC-16 of the catalogue check string, so that the polynomial and bit order are not taken on faith.
#[test]
fn check_sum_is_crc_xmodem_inverted() {
    assert_eq!(crc_ccitt(b"123456789"), 0x31C3);
    let mut pack = pack(PackKind::TITLE, 1, 0, 0, b"Title\0\0\0\0\0\0\0");
    assert!(pack.crc_is_valid());
    pack.text[3] ^= 1;
    assert!(!pack.crc_is_valid());
}

/// MMC-6 annex J: byte layout of a pack.
#[test]
fn a_pack_is_read_and_written() {
    let pack = TextPack::parse(b"\x81\x02\x05\xA3ABCDEFGHIJKL\x12\x34").unwrap();
    assert_eq!((pack.kind, pack.track, pack.sequence), (PackKind::PERFORMER, 2, 5));
    assert_eq!((pack.double_byte, pack.block, pack.position, pack.crc), (true, 2, 3, 0x1234));
    assert_eq!(&pack.to_bytes(), b"\x81\x02\x05\xA3ABCDEFGHIJKL\x12\x34");
}

#[test]
fn texts_are_joined_across_packs() {
    let bytes = titles();
    assert_eq!(text(&bytes, PackKind::TITLE, 0).as_deref(), Some(&b"Album name"[..]));
    assert_eq!(text(&bytes, PackKind::TITLE, 1).as_deref(), Some(&b"One long title"[..]));
    assert_eq!(text(&bytes, PackKind::TITLE, 2).as_deref(), Some(&b"One long title"[..]), "a tabulator repeats");
    assert_eq!(text(&bytes, PackKind::TITLE, 3).as_deref(), Some(&b"Three"[..]));
    assert_eq!(text(&bytes, PackKind::TITLE, 4), None);
    assert_eq!(text(&bytes, PackKind::PERFORMER, 1), None);
}

#[test]
fn a_small_buffer_gets_the_start_and_the_length() {
    let mut buffer = [0; 5];
    let bytes = titles();
    let text = CdText::parse(&bytes).unwrap().write_text(0, PackKind::TITLE, 1, &mut buffer).unwrap();
    assert_eq!((&buffer, text.length), (b"One l", 14));
}

#[test]
fn a_text_with_a_gap_is_not_complete() {
    let bytes = titles();
    let without = |index: usize| [&bytes[..4 + 18 * index], &bytes[4 + 18 * (index + 1)..]].concat();
    for (lost, expected) in [(0, &b"ne long title"[..]), (1, b"Oe"), (2, b"One long titl")] {
        let bytes = without(lost);
        let mut buffer = [0; 16];
        let text = CdText::parse(&bytes).unwrap().write_text(0, PackKind::TITLE, 1, &mut buffer).unwrap();
        assert_eq!((&buffer[..text.length], text.complete), (expected, false));
    }
}

#[test]
fn characters_of_two_bytes_end_with_two_nulls() {
    let mut wide = pack(PackKind::TITLE, 1, 0, 0, &[0x82, 0xA0, 0x00, 0x41, 0, 0, 0x82, 0xA2, 0, 0, 0, 0]);
    wide.double_byte = true;
    let bytes = answer(&[wide]);
    let toc = CdText::parse(&bytes).unwrap();
    let pieces: Vec<_> = toc.pieces(0, PackKind::TITLE).map(|piece| (piece.track, piece.characters)).collect();
    assert_eq!(pieces, [(1, &[0x82, 0xA0, 0x00, 0x41][..]), (2, &[0x82, 0xA2][..])]);
    let mut buffer = [0; 8];
    assert_eq!(
        toc.write_text(0, PackKind::TITLE, 2, &mut buffer),
        Some(WrittenText { length: 2, double_byte: true, complete: true })
    );
}

#[test]
fn sizes_and_languages_come_from_three_packs() {
    let bytes = answer(&[
        pack(PackKind::SIZE_INFORMATION, 0, 3, 0, &[0, 1, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0]),
        pack(PackKind::SIZE_INFORMATION, 1, 4, 0, &[0, 0, 0, 0, 0, 0, 0, 3, 5, 0, 0, 0]),
        pack(PackKind::SIZE_INFORMATION, 2, 5, 0, &[0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]),
    ]);
    let size = CdText::parse(&bytes).unwrap().size_information(0).unwrap();
    assert_eq!((size.character_code, size.first_track, size.last_track), (CharacterCode::ISO_8859_1, 1, 3));
    assert_eq!((size.pack_counts[0], size.pack_counts[15]), (3, 3));
    assert_eq!((size.last_sequence[0], size.languages[0]), (5, 9));
    assert_eq!(CdText::parse(&bytes).unwrap().size_information(1), None);
}

#[test]
fn any_bytes_are_handled() {
    total(|bytes| {
        let toc = CdText::parse(bytes)?;
        for block in 0..BLOCKS {
            let _ = toc.size_information(block);
            for kind in PackKind::NAMED {
                let _ = toc.pieces(block, kind.0).count();
                let _ = toc.write_text(block, kind.0, 5, &mut [0; 7]);
            }
        }
        Ok::<_, crate::ParseError>(())
    });
}

/// Cuts texts, the first of them the album's, into packs as an author of discs does.
fn cut(kind: PackKind, texts: &[String]) -> Vec<TextPack> {
    let run: Vec<(u8, usize, u8)> = texts
        .iter()
        .zip(0..)
        .flat_map(|(text, track)| text.bytes().chain([0]).enumerate().map(move |(index, byte)| (track, index, byte)))
        .collect();
    run.chunks(12)
        .zip(0..)
        .map(|(characters, sequence)| {
            let mut field = [0; 12];
            for (place, (_, _, byte)) in field.iter_mut().zip(characters) {
                *place = *byte;
            }
            let (track, index, _) = characters[0];
            pack(kind, track, sequence, u8::try_from(index.min(15)).unwrap(), &field)
        })
        .collect()
}

proptest! {
    #[test]
    fn what_was_cut_is_joined_again(texts in proptest::collection::vec("[A-Za-z ]{1,40}", 1..20)) {
        let bytes = answer(&cut(PackKind::PERFORMER, &texts));
        for (expected, track) in texts.iter().zip(0..) {
            let found = text(&bytes, PackKind::PERFORMER, track);
            prop_assert_eq!(found.as_deref(), Some(expected.as_bytes()));
        }
    }

    #[test]
    fn a_lost_pack_costs_only_its_own_texts(texts in proptest::collection::vec("[a-z]{1,9}", 8..12), lost in 0..4_usize) {
        let mut packs = cut(PackKind::TITLE, &texts);
        let pack = packs.remove(lost.min(packs.len() - 1));
        let bytes = answer(&packs);
        let toc = CdText::parse(&bytes).unwrap();
        for (expected, track) in texts.iter().zip(0_u8..).filter(|(_, track)| !(pack.track..=pack.track + 12).contains(track)) {
            let mut buffer = [0; 16];
            let found = toc.write_text(0, PackKind::TITLE, track, &mut buffer).unwrap();
            prop_assert_eq!((&buffer[..found.length], found.complete), (expected.as_bytes(), true));
        }
    }

    #[test]
    fn a_pack_loses_no_bit(bytes in any::<[u8; 18]>()) {
        prop_assert_eq!(TextPack::parse(&bytes).unwrap().to_bytes(), bytes);
    }
}
