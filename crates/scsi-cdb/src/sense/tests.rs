use proptest::prelude::*;

use super::*;
use crate::cdb::Direction;
use crate::test_support::{golden, hex, prefixes, round_trip, total};

#[test]
fn request_sense() {
    let fixed = RequestSense { descriptor_format: false, allocation_length: 18 };
    golden(fixed, &[3, 0, 0, 0, 18, 0], Direction::In, 18);
    let descriptors = RequestSense { descriptor_format: true, allocation_length: 252 };
    golden(descriptors, &[3, 1, 0, 0, 252, 0], Direction::In, 252);
    round_trip::<RequestSense>();
}

/// SPC-3 4.5.3.
#[test]
fn fixed_format() {
    let no_medium = hex("70 00 02 00 00 00 00 0A 00 00 00 00 3A 00 00 00 00 00");
    let sense = Sense::parse(&no_medium).unwrap();
    assert_eq!(sense, Sense::new(SenseKey::NOT_READY, 0x3A, 0));
    assert_eq!(sense.name(), Some("MEDIUM NOT PRESENT"));
    assert_eq!(emit_fixed(&sense), no_medium);

    let bad_block = hex("F1 00 23 00 00 12 34 0A 00 00 00 00 11 05 00 80 00 07");
    let sense = Sense::parse(&bad_block).unwrap();
    let expected = Sense {
        deferred: true,
        information: Some(0x1234),
        incorrect_length: true,
        specific: Some(KeySpecific::RetryCount(7)),
        ..Sense::new(SenseKey::MEDIUM_ERROR, 0x11, 0x05)
    };
    assert_eq!(sense, expected);
    assert_eq!(emit_fixed(&sense), bad_block);
    prefixes(&bad_block, Sense::parse);
}

/// SPC-3 4.5.2.
#[test]
fn descriptor_format() {
    let bytes =
        hex("72 05 24 00 00 00 00 18 | 00 0A 80 00 00 00 00 01 00 00 00 02 | 02 06 00 00 CA 00 04 00 | 05 02 00 20");
    let sense = Sense::parse(&bytes).unwrap();
    let expected = Sense {
        information: Some(0x1_0000_0002),
        incorrect_length: true,
        specific: Some(KeySpecific::FieldPointer { in_command: true, byte: 4, bit: Some(2) }),
        ..Sense::new(SenseKey::ILLEGAL_REQUEST, 0x24, 0)
    };
    assert_eq!(sense, expected);
    let mut buffer = [0_u8; 64];
    let length = sense.emit_descriptors(&mut buffer);
    assert_eq!(buffer[..length], bytes);
    prefixes(&bytes, Sense::parse);
}

#[test]
fn what_the_key_means_for_the_specific_bytes() {
    let of = |key| KeySpecific::from_bytes(key, [0x80, 0x40, 0]);
    assert_eq!(of(SenseKey::NOT_READY), Some(KeySpecific::Progress(0x4000)));
    assert_eq!(of(SenseKey::HARDWARE_ERROR), Some(KeySpecific::RetryCount(0x4000)));
    assert_eq!(of(SenseKey::UNIT_ATTENTION), Some(KeySpecific::Other([0, 0x40, 0])));
    assert_eq!(KeySpecific::from_bytes(SenseKey::NOT_READY, [0x40, 1, 2]), None);
}

#[test]
fn fields_past_the_claimed_length_are_absent() {
    let short = hex("70 00 06 00 00 00 00 04 00 00 00 00 28 01");
    assert_eq!(Sense::parse(&short), Ok(Sense::new(SenseKey::UNIT_ATTENTION, 0, 0)));
    assert_eq!(Sense::parse(&short[..3]).map(|sense| sense.key), Ok(SenseKey::UNIT_ATTENTION));
    assert_eq!(Sense::parse(&short[..2]), Err(ParseError::TooShort { needed: 3, found: 2 }));
    assert_eq!(Sense::parse(&[0x7F; 18]), Err(ParseError::BadField { offset: 0 }));
}

/// The reference driver counts one byte less than the standard.
#[test]
fn the_reference_rule() {
    let with_length = |additional, length| {
        let mut bytes = hex("70 00 05 00 00 00 00 00 00 00 00 00 24 09 00 00 00 00");
        bytes[7] = additional;
        bytes.truncate(length);
        Sense::parse_fixed_as_reference(&bytes).map(|sense| (sense.asc, sense.ascq))
    };
    assert_eq!(with_length(10, 18), Some((0x24, 0x09)));
    assert_eq!(with_length(7, 18), Some((0x24, 0x09)));
    assert_eq!(with_length(6, 18), Some((0x24, 0x00)));
    assert_eq!(with_length(5, 18), Some((0x00, 0x00)));
    assert_eq!(with_length(255, 13), Some((0x24, 0x00)));
    assert_eq!(with_length(10, 8), Some((0, 0)));
    assert_eq!(with_length(10, 7), None);
}

#[test]
fn the_names_are_sorted_and_found() {
    let codes: std::vec::Vec<_> = named_codes().map(|(asc, ascq, _)| (asc, ascq)).collect();
    assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "sorted, none twice");
    for (asc, ascq, name) in named_codes() {
        assert_eq!(additional_sense_name(asc, ascq), Some(name));
        assert!(!name.is_empty() && name.trim() == name, "{name}");
    }
    assert_eq!(additional_sense_name(0x40, 0x85), Some("DIAGNOSTIC FAILURE ON COMPONENT"));
    assert_eq!(additional_sense_name(0x4D, 0x03), Some("TAGGED OVERLAPPED COMMANDS"));
    assert_eq!(additional_sense_name(0x40, 0x7F), None);
    assert_eq!(additional_sense_name(0x6F, 0x04), Some("MEDIA REGION CODE IS MISMATCHED TO LOGICAL UNIT REGION"));
    assert_eq!(additional_sense_name(0x04, 0x7F), None);
}

#[test]
fn nothing_panics() {
    total(Sense::parse);
    total(Sense::parse_fixed_as_reference);
}

proptest! {
    #[test]
    fn what_is_emitted_is_parsed(
        (deferred, ili) in any::<(bool, bool)>(),
        key in 0_u8..16,
        (asc, ascq) in any::<(u8, u8)>(),
        information in proptest::option::of(any::<u32>().prop_map(u64::from)),
        specific in proptest::option::of(any::<[u8; 3]>()),
    ) {
        let key = SenseKey(key);
        let specific = specific.and_then(|[first, second, third]| KeySpecific::from_bytes(key, [first | 0x80, second, third]));
        let sense = Sense { deferred, key, asc, ascq, information, incorrect_length: ili, specific };
        let mut buffer = [0_u8; 64];
        let length = sense.emit_fixed(&mut buffer);
        prop_assert_eq!(Sense::parse(&buffer[..length]), Ok(sense));
        let length = sense.emit_descriptors(&mut buffer);
        prop_assert_eq!(Sense::parse(&buffer[..length]), Ok(sense));
    }
}

fn emit_fixed(sense: &Sense) -> std::vec::Vec<u8> {
    let mut buffer = [0xFF_u8; 18];
    let length = sense.emit_fixed(&mut buffer);
    buffer[..length].to_vec()
}
