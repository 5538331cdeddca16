use proptest::prelude::*;
use std::vec::Vec;

use super::*;
use crate::cdb::Direction;
use crate::test_support::{golden, hex, prefixes, round_trip, total};

/// A DVD reader with a disc in it, as a real drive answers.
const DVD_READER: &str = "
    00000070 0000 0010
    00000308 00100100 00080000
    00010b08 00000002 01000000
    00020704 02000000
    00030304 29000000
    00100108 00000800 00100100
    001d0000
    001e0004 00000000
    001f0104 01000100
    01000300
    01050304 00000000
    01060104 00000001
    01070711 041e0000";

#[test]
fn command() {
    let all = GetConfiguration {
        request: ConfigurationRequest::ALL,
        starting_feature: FeatureCode::PROFILE_LIST,
        allocation_length: 8,
    };
    golden(all, &[0x46, 0, 0, 0, 0, 0, 0, 0, 8, 0], Direction::In, 8);
    let one = GetConfiguration {
        request: ConfigurationRequest::ONE,
        starting_feature: FeatureCode::AACS,
        allocation_length: 0xFFFC,
    };
    golden(one, &[0x46, 2, 0x01, 0x0D, 0, 0, 0, 0xFF, 0xFC, 0], Direction::In, 0xFFFC);
    round_trip::<GetConfiguration>();
}

#[test]
fn a_whole_answer() {
    let bytes = hex(DVD_READER);
    let answer = Configuration::parse(&bytes).unwrap();
    assert_eq!((answer.data_length, answer.current_profile), (0x70, Profile::DVD_ROM));
    let codes: Vec<_> = answer.features().map(|feature| feature.code.0).collect();
    assert_eq!(codes, [0, 1, 2, 3, 0x10, 0x1D, 0x1E, 0x1F, 0x100, 0x105, 0x106]);

    let list = answer.find(FeatureCode::PROFILE_LIST).unwrap();
    assert_eq!((list.version, list.persistent, list.current), (0, true, true));
    let FeatureBody::ProfileList(profiles) = list.body() else { panic!("{list:?}") };
    let profiles: Vec<_> = profiles.iter().map(|entry| (entry.profile, entry.current)).collect();
    assert_eq!(profiles, [(Profile::DVD_ROM, true), (Profile::CD_ROM, false)]);

    let core = Core { physical_interface: PhysicalInterface::ATAPI, inquiry2: false, device_busy_event: true };
    assert_eq!(answer.find(FeatureCode::CORE).map(|feature| feature.body()), Some(FeatureBody::Core(core)));
    let readable = RandomReadable { logical_block_size: 2048, blocking: 16, page_present: true };
    let body = answer.find(FeatureCode::RANDOM_READABLE).map(|feature| feature.body());
    assert_eq!(body, Some(FeatureBody::RandomReadable(readable)));
    prefixes(&bytes, Configuration::parse);
}

#[test]
fn neither_walk_passes_what_was_received_or_what_the_drive_claims() {
    let mut bytes = hex(DVD_READER);
    bytes[3] = 24; // the profile list and the core feature's first half
    let answer = Configuration::parse(&bytes).unwrap();
    assert_eq!(answer.features().count(), 1);
    assert_eq!(answer.find(FeatureCode::CORE), None);
    bytes[..4].fill(0xFF);
    let answer = Configuration::parse(&bytes[..40]).unwrap();
    assert_eq!((answer.full_length(), answer.features().count()), (u32::MAX, 3));
    assert_eq!(answer.find(FeatureCode::DVD_READ), None);
}

#[test]
fn the_drivers_search_gives_up_at_an_odd_length() {
    let vendor_first = hex("0000001c 00000000 ff000302 aabb 00010b08 00000002 01000000 ff010300 ");
    let answer = Configuration::parse(&vendor_first).unwrap();
    assert_eq!(answer.features().count(), 3);
    assert_eq!(answer.find(FeatureCode::CORE), None);
    assert!(answer.find(FeatureCode(0xFF00)).is_some(), "a match is not tested");
    assert!(answer.find(FeatureCode(0xFF01)).is_some(), "looking for a vendor feature passes anything");
    let short = Configuration::parse(&vendor_first[..11]).unwrap();
    assert_eq!(short.find(FeatureCode(0xFF00)), None);
}

#[test]
fn features_of_variable_length() {
    let data = hex("0fff 07 02 10 07");
    let body = FeatureBody::parse(FeatureCode::INCREMENTAL_STREAMING_WRITABLE, &data);
    let feature = IncrementalStreamingWritable {
        data_types: 0x0FFF,
        track_resources: true,
        address_reservation: true,
        buffer_underrun_free: true,
        link_sizes: &[16, 7],
    };
    assert_eq!(body, FeatureBody::IncrementalStreamingWritable(feature));
    let mut written = [0xEE; 9];
    assert_eq!(body.write(&mut written), 8);
    assert_eq!(written[..], hex("0fff0702 10070000 ee"));
    assert_eq!(IncrementalStreamingWritable::from_data(&data[..5]), Err(ParseError::BadLength { offset: 3 }));

    let serial = DriveSerialNumber { serial_number: b" 1234\0" };
    assert_eq!(serial.trimmed(), b"1234");
    assert_eq!((serial.write(&mut written), &written[..8]), (8, &b" 1234\0  "[..]));

    let ossc = Ossc::from_data(&[0xC1, 1, 0, 0x43]).unwrap();
    assert_eq!(ossc.iter().collect::<Vec<_>>(), [Profile::BD_RE]);
    let blocks = DiscControlBlocks::from_data(&[0x46, 0x44, 0x43, 0, 1]).unwrap();
    assert_eq!(blocks.iter().collect::<Vec<_>>(), [0x4644_4300]);
}

/// Data that have every defined bit of a feature set, from the tables of MMC-6 5.3.
const FULL: &[(FeatureCode, &str)] = &[
    (FeatureCode::CORE, "00000007 03000000"),
    (FeatureCode::MORPHING, "03000000"),
    (FeatureCode::REMOVABLE_MEDIUM, "3f000000"),
    (FeatureCode::WRITE_PROTECT, "0f000000"),
    (FeatureCode::RANDOM_READABLE, "00000800 0010 01 00"),
    (FeatureCode::MULTI_READ, ""),
    (FeatureCode::CD_READ, "83000000"),
    (FeatureCode::DVD_READ, "01000300"),
    (FeatureCode::RANDOM_WRITABLE, "00230540 00000800 0010 01 00"),
    (FeatureCode::SECTOR_ERASABLE, ""),
    (FeatureCode::FORMATTABLE, "0f800000 01000000"),
    (FeatureCode::HARDWARE_DEFECT_MANAGEMENT, "80000000"),
    (FeatureCode::WRITE_ONCE, "00000800 0010 01 00"),
    (FeatureCode::RESTRICTED_OVERWRITE, ""),
    (FeatureCode::CD_RW_CAV_WRITE, "00000000"),
    (FeatureCode::MRW, "07000000"),
    (FeatureCode::ENHANCED_DEFECT_REPORTING, "01 04 0100"),
    (FeatureCode::DVD_PLUS_RW, "01030000"),
    (FeatureCode::DVD_PLUS_R, "01000000"),
    (FeatureCode::RIGID_RESTRICTED_OVERWRITE, "0f000000"),
    (FeatureCode::CD_TRACK_AT_ONCE, "5f 00 3f0f"),
    (FeatureCode::CD_MASTERING, "7f 000d20"),
    (FeatureCode::DVD_R_RW_WRITE, "4e000000"),
    (FeatureCode::DDCD_READ, ""),
    (FeatureCode::DDCD_R_WRITE, "04000000"),
    (FeatureCode::DDCD_RW_WRITE, "03000000"),
    (FeatureCode::LAYER_JUMP_RECORDING, "000000 04 10203040"),
    (FeatureCode::LAYER_JUMP_RIGID_RESTRICTED_OVERWRITE, "01000010"),
    (FeatureCode::STOP_LONG_OPERATION, ""),
    (FeatureCode::CD_RW_MEDIA_WRITE_SUPPORT, "00ff0000"),
    (FeatureCode::BD_R_PSEUDO_OVERWRITE, "00000000"),
    (FeatureCode::DVD_PLUS_RW_DUAL_LAYER, "01030000"),
    (FeatureCode::DVD_PLUS_R_DUAL_LAYER, "01000000"),
    (FeatureCode::BD_READ, "00000000 0001000200040008 0010002000400080 0100020004000800"),
    (FeatureCode::BD_WRITE, "01000000 0001000200040008 0010002000400080"),
    (FeatureCode::TSR, ""),
    (FeatureCode::HD_DVD_READ, "01000100"),
    (FeatureCode::HD_DVD_WRITE, "01000100"),
    (FeatureCode::HD_DVD_RW_FRAGMENT_RECORDING, "01000000"),
    (FeatureCode::HYBRID_DISC, "01000000"),
    (FeatureCode::POWER_MANAGEMENT, ""),
    (FeatureCode::SMART, "01000000"),
    (FeatureCode::EMBEDDED_CHANGER, "1400001f"),
    (FeatureCode::CD_AUDIO_EXTERNAL_PLAY, "07 00 0100"),
    (FeatureCode::MICROCODE_UPGRADE, "01000000"),
    (FeatureCode::TIMEOUT, "01 00 0020"),
    (FeatureCode::DVD_CSS, "00000001"),
    (FeatureCode::REAL_TIME_STREAMING, "1f000000"),
    (FeatureCode::MEDIA_SERIAL_NUMBER, ""),
    (FeatureCode::DVD_CPRM, "00000001"),
    (FeatureCode::FIRMWARE_INFORMATION, "32303234 3132 3331 3233 3539 3538 0000"),
    (FeatureCode::AACS, "1f 01 04 01"),
    (FeatureCode::DVD_CSS_MANAGED_RECORDING, "20000000"),
    (FeatureCode::VCPS, "00000000"),
    (FeatureCode::SECUR_DISC, "00000000"),
    (FeatureCode::BD_CPS, "10020000"),
    (FeatureCode::OSSC, "c1 01 0043"),
];

#[test]
fn every_standard_feature_is_read_and_written_bit_by_bit() {
    for (code, text) in FULL {
        let data = hex(text);
        let body = FeatureBody::parse(*code, &data);
        assert!(!matches!(body, FeatureBody::Other(_)), "{code}");
        let mut written = [0; 255];
        let length = body.write(&mut written);
        assert_eq!(written[..length], data[..], "{code}: {body:?}");
    }
    let lists = [
        FeatureCode::PROFILE_LIST,
        FeatureCode::INCREMENTAL_STREAMING_WRITABLE,
        FeatureCode::DRIVE_SERIAL_NUMBER,
        FeatureCode::DISC_CONTROL_BLOCKS,
    ];
    for (code, name) in FeatureCode::NAMED {
        assert!(lists.contains(code) || FULL.iter().any(|(full, _)| full == code), "{name}");
    }
}

#[test]
fn bits_mean_what_the_standard_says() {
    let medium = RemovableMedium::from_data(&[0x29, 0, 0, 0]).unwrap();
    assert_eq!(medium.loading_mechanism, LoadingMechanism::TRAY);
    assert!(medium.eject && medium.lock && !medium.load && !medium.prevent_jumper && !medium.dbml);
    let cd = CdRead::from_data(&[0x02, 0, 0, 0]).unwrap();
    assert!(cd.c2_flags && !cd.cd_text && !cd.digital_audio_play);
    let aacs = Aacs::from_data(&[0x10, 1, 4, 1]).unwrap();
    assert_eq!((aacs.agids, aacs.version, aacs.binding_nonce_block_count), (4, 1, 1));
    assert!(aacs.read_drive_certificate && !aacs.binding_nonce_generation);
}

#[test]
fn data_of_earlier_standards_are_shorter() {
    assert_eq!(DvdRead::from_data(&[]), Ok(DvdRead { multi110: false, dual_rw: false, dual_r: false }));
    assert_eq!(Core::from_data(&[0, 0, 0]), Err(ParseError::TooShort { needed: 4, found: 3 }));
    assert!(!Core::from_data(&[0, 0, 0, 1]).unwrap().device_busy_event);
    assert_eq!(FeatureBody::parse(FeatureCode::AACS, &[1]), FeatureBody::Other(&[1]));
    assert_eq!(FeatureBody::parse(FeatureCode(0xFF12), b"abc"), FeatureBody::Other(b"abc"));
}

#[test]
fn an_answer_is_written_as_it_is_read() {
    let bytes = hex(DVD_READER);
    let answer = Configuration::parse(&bytes).unwrap();
    let mut buffer = [0xEE; 256];
    let mut writer = ConfigurationWriter::new(&mut buffer, answer.current_profile).unwrap();
    for feature in answer.features() {
        assert!(writer.push_descriptor(&feature));
    }
    let written = writer.finish();
    assert_eq!(written[4..], bytes[4..written.len()]);
    assert_eq!(Configuration::parse(written).unwrap().full_length() as usize, written.len());

    let mut small = [0; 19];
    let mut writer = ConfigurationWriter::new(&mut small, Profile::CD_ROM).unwrap();
    assert!(writer.push(&MultiRead {}, 0, false, true));
    assert!(!writer.push(&CdRead { digital_audio_play: false, c2_flags: true, cd_text: true }, 2, false, true));
    assert_eq!(writer.finish(), [0, 0, 0, 8, 0, 0, 0, 8, 0, 0x1D, 1, 0]);
    assert!(ConfigurationWriter::new(&mut [0; 7], Profile::NONE).is_none());
}

#[test]
fn any_bytes_are_handled() {
    total(|bytes| {
        if let Ok(answer) = Configuration::parse(bytes) {
            for feature in answer.features() {
                let _ = (feature.body(), answer.find(feature.code));
            }
            let _ = answer.find(FeatureCode(0xFFFF));
        }
    });
}

#[test]
fn what_was_written_is_read_and_written_alike() {
    proptest!(|(data in proptest::collection::vec(any::<u8>(), 0..64))| {
        for (code, _) in FeatureCode::NAMED {
            let (mut once, mut twice) = ([0; 255], [0; 255]);
            let length = FeatureBody::parse(*code, &data).write(&mut once);
            let length_again = FeatureBody::parse(*code, &once[..length]).write(&mut twice);
            prop_assert_eq!(&once[..length], &twice[..length_again]);
        }
    });
}

#[test]
fn blu_ray_versions_are_given_by_class() {
    let data = hex("01000000 0001000200040008 0010002000400080");
    let expected = BdWrite { verify_not_required: true, re: [1, 2, 4, 8], r: [0x10, 0x20, 0x40, 0x80] };
    assert_eq!(BdWrite::from_data(&data), Ok(expected));
}
