//! Drives that do something wrong, and what is done about it (device-lifecycle.md, "Hack flags").

use crate::descriptors::DeviceDescriptor;
use crate::registry::Settings;

/// What this drive cannot do or does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// PREVENT is accepted but does not lock.
    pub cannot_lock: bool,
    /// GET EVENT STATUS NOTIFICATION must not be sent.
    pub bad_event_status: bool,
    /// RESERVE (6) and RELEASE (6) are not known: use the 10-byte forms.
    pub no_reserve6: bool,
    /// Operational-change events are to be ignored.
    pub ignore_operational_change: bool,
    /// No streaming READ (12) and WRITE (12).
    pub no_streaming: bool,
    /// No asynchronous notification, even if the port offers it.
    pub no_asynchronous_notification: bool,
    /// DEC RRD: set 2048-byte blocks at start.
    pub dec_rrd: bool,
    /// Hitachi GD-2000: loses its state on 4/44.
    pub hitachi_gd2000: bool,
    /// GET CONFIGURATION must not be sent.
    pub no_get_configuration: bool,
    /// GET CONFIGURATION of one feature does not work.
    pub no_type_one: bool,
    /// A virtual drive that is polled half as often.
    pub slow_poll: bool,
    /// Default time-out in seconds in place of the configured one.
    pub timeout_s: Option<u32>,
}

/// Bits of `Classpnp\HackMask` that mean something; 04h is known and without effect.
mod hack {
    pub const CANNOT_LOCK: u32 = 0x01;
    pub const BAD_EVENT_STATUS: u32 = 0x02;
    pub const NO_RESERVE6: u32 = 0x08;
    pub const IGNORE_OPERATIONAL_CHANGE: u32 = 0x10;
    pub const NO_STREAMING: u32 = 0x20;
    pub const NO_ASYNCHRONOUS_NOTIFICATION: u32 = 0x40;
}

/// What a string of the device descriptor is compared with.
#[derive(Clone, Copy)]
enum Pattern {
    /// Anything matches.
    Any,
    /// Only an absent or empty string matches: ATAPI ports put the vendor at the front of the product.
    Absent,
    /// The string starts so.
    Prefix(&'static str),
}

use Pattern::{Absent, Any, Prefix};

impl Pattern {
    fn matches(self, text: &[u8]) -> bool {
        match self {
            Any => true,
            Absent => text.is_empty(),
            Prefix(prefix) => text.starts_with(prefix.as_bytes()),
        }
    }
}

/// Vendor, product and revision, and what is wrong with the drives that match all three.
type Row<T> = (Pattern, Pattern, Pattern, T);

fn find<T: Copy>(table: &[Row<T>], descriptor: &DeviceDescriptor) -> Option<T> {
    let texts = [descriptor.vendor(), descriptor.product(), descriptor.revision()];
    let matches =
        |row: &&Row<T>| [row.0, row.1, row.2].into_iter().zip(texts).all(|(pattern, text)| pattern.matches(text));
    table.iter().find(matches).map(|row| row.3)
}

/// Drives with a bit of the hack mask, but for those of [`OPERATIONAL_CHANGE`].
const MASKED: &[Row<u32>] = &[
    (Absent, Prefix("MITSUMI CD-ROM FX240"), Any, hack::BAD_EVENT_STATUS),
    (Absent, Prefix("MITSUMI CD-ROM FX320"), Any, hack::BAD_EVENT_STATUS),
    (Absent, Prefix("MITSUMI CD-ROM FX322"), Any, hack::BAD_EVENT_STATUS),
    (Absent, Prefix("TEAC DV-28E-A"), Prefix("2.0A"), hack::BAD_EVENT_STATUS),
    (Absent, Prefix("HP CD-Writer cd16h"), Prefix("Q000"), hack::BAD_EVENT_STATUS),
    (Absent, Prefix("_NEC NR-7800A"), Prefix("1.33"), hack::BAD_EVENT_STATUS),
    (Prefix("TSSTcorp"), Prefix("CDDVDW SN-S083A"), Prefix("SB00"), hack::NO_ASYNCHRONOUS_NOTIFICATION),
];

/// Drives that report an operational change again and again, by vendor and product.
///
/// Each is also known by the name that an ATAPI port gives it: no vendor, and the product preceded by the vendor and a
/// space.
const OPERATIONAL_CHANGE: &[(&str, &[&str])] = &[
    ("HL-DT-ST", HL_DT_ST),
    ("HP", &["DVD Writer 550s"]),
    ("COMPAQ", &["DVD-ROM GDR8160B"]),
    ("PIONEER", &["DVD-RW  DVR-106D"]),
    ("ASUS", &["DVD-RW DRW-0402P"]),
];

#[rustfmt::skip]
const HL_DT_ST: &[&str] = &[
    "DVDRAM GMA-4020B", "DVD-RW GCA-4020B", "DVDRAM GSA-4040B", "DVDRAM GMA-4040B", "DVD-RW GWA-4040B",
    "DVDRAM GSA-4081B", "DVDRAM GSA-4082B", "DVD-RW GWA-4082B", "DVDRAM GSA-4120B", "DVD+RW GRA-4120B",
    "DVDRAM GSA-4160B", "DVD-RW GWA-4160B", "DVDRAM GSA-4163B", "DVD-RW GWA-4163B", "DVDRAM GSA-4165B",
    "DVDRAM_GSA-4165B", "DVD-RW GWA-4165B", "DVDRAM GSA-4167B", "DVDRAM GSA-H10N", "DVDRAM_GSA-H10N",
    "DVDRAM GSA-H10L", "DVDRAM_GSA-H10L", "DVDRAM GSA-H10A", "DVDRAM_GSA-H10A", "DVD-RW GSA-H11N", "DVD-RW_GSA-H11N",
    "DVDRAM GSA-4080N", "DVDRAM GMA-4080N", "DVD-RW GCA-4080N", "DVD-RW GWA-4080N", "DVDRAM GSA-4082N",
    "DVDRAM_GSA-4082N", "DVDRAM GMA-4082N", "DVD-RW GRA-4082N", "DVD-RW GWA-4082N", "DVDRAM GMA4082Nf",
    "DVDRAM GMA4082Nj", "DVDRAM GSA-4084N", "DVDRAM GMA-4084N", "DVDRAM GSA-T10N", "DVDRAM_GSA-T10N",
    "DVD+-RW GSA-T11N", "DVD-ROM GDR8160B", "DVD-ROM GDR8161B", "DVD-ROM GDR8162B", "DVD-ROM GDR8163B",
    "DVD-ROM GDR8164B", "DVD-ROM GDRH10N", "DVD-ROM GDR8081N", "DVD-ROM GDR8082N", "DVD-ROM GDR8083N",
    "DVD-ROM GDR8085N", "RW/DVD GCC-4080N", "RW/DVD_GCC-4080N", "RW/DVD GCC-4160N", "RW/DVD GCC-4240N",
    "RW/DVD GCC-4241N", "RW/DVD_GCC-4241N", "RW/DVD GCC-4242N", "RW/DVD GCC-4246N", "BD-RE  GBW-H10N",
    "DVDRAM GSA-4083N", "DVD+-RW GWA4083N",
];

fn repeats_operational_change(descriptor: &DeviceDescriptor) -> bool {
    let (vendor, product) = (descriptor.vendor(), descriptor.product());
    OPERATIONAL_CHANGE.iter().any(|(name, products)| {
        let starts = |text: &[u8]| products.iter().any(|product| text.starts_with(product.as_bytes()));
        let combined = || product.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        if vendor.is_empty() {
            combined().is_some_and(starts)
        } else {
            vendor.starts_with(name.as_bytes()) && starts(product)
        }
    })
}

/// What else is wrong with a drive.
#[derive(Clone, Copy)]
enum Fault {
    DecRrd,
    Timeout(u32),
    HitachiGd2000,
    NoGetConfiguration,
}

/// Drives that need more than a bit of the hack mask.
const FAULTY: &[Row<Fault>] = &[
    (Prefix("DEC"), Prefix("RRD"), Any, Fault::DecRrd),
    (Prefix("FUJITSU"), Prefix("FMCD-101"), Any, Fault::Timeout(20)),
    (Prefix("FUJITSU"), Prefix("FMCD-102"), Any, Fault::Timeout(20)),
    (Absent, Prefix("HITACHI GD-2000"), Any, Fault::HitachiGd2000),
    (Absent, Prefix("HITACHI DVD-ROM GD-2000"), Any, Fault::HitachiGd2000),
    (Absent, Prefix("LG DVD-ROM DRD-840B"), Any, Fault::NoGetConfiguration),
    (Absent, Prefix("SAMSUNG DVD-ROM SD-608"), Any, Fault::NoGetConfiguration),
    (Prefix("MITSUMI "), Prefix("CR-4802TE       "), Any, Fault::NoGetConfiguration),
];

/// Vendor of Microsoft's virtual drive, however it is written, at the front of vendor or product.
const VIRTUAL_VENDOR: &[u8] = b"MSFT ";

fn is_virtual(descriptor: &DeviceDescriptor) -> bool {
    let named =
        |text: &[u8]| text.get(..VIRTUAL_VENDOR.len()).is_some_and(|text| text.eq_ignore_ascii_case(VIRTUAL_VENDOR));
    named(descriptor.vendor()) || (descriptor.vendor().is_empty() && named(descriptor.product()))
}

impl Quirks {
    /// The quirks of a drive, from the registry and the tables.
    #[must_use]
    pub fn find(descriptor: &DeviceDescriptor, settings: &Settings<'_>) -> Self {
        let repeats = if repeats_operational_change(descriptor) { hack::IGNORE_OPERATIONAL_CHANGE } else { 0 };
        let mask = settings.hack_mask.unwrap_or(0) | find(MASKED, descriptor).unwrap_or(0) | repeats;
        let set = |bit: u32| mask & bit != 0;
        let mut quirks = Self {
            cannot_lock: set(hack::CANNOT_LOCK),
            bad_event_status: set(hack::BAD_EVENT_STATUS),
            no_reserve6: set(hack::NO_RESERVE6),
            ignore_operational_change: set(hack::IGNORE_OPERATIONAL_CHANGE),
            no_streaming: set(hack::NO_STREAMING),
            no_asynchronous_notification: set(hack::NO_ASYNCHRONOUS_NOTIFICATION),
            no_type_one: settings.no_type_one_get_config.unwrap_or(0) != 0,
            slow_poll: is_virtual(descriptor),
            ..Self::default()
        };
        match find(FAULTY, descriptor) {
            Some(Fault::DecRrd) => quirks.dec_rrd = true,
            Some(Fault::Timeout(seconds)) => quirks.timeout_s = Some(seconds),
            Some(Fault::HitachiGd2000) => quirks.hitachi_gd2000 = true,
            Some(Fault::NoGetConfiguration) => quirks.no_get_configuration = true,
            None => {}
        }
        quirks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// A descriptor with these strings; empty ones are absent.
    fn descriptor(texts: [&str; 3], absent: u32) -> DeviceDescriptor {
        let mut bytes: Vec<u8> = std::vec![0; 36];
        for (index, text) in texts.into_iter().enumerate() {
            let offset = if text.is_empty() { absent } else { u32::try_from(bytes.len()).unwrap() };
            bytes[12 + 4 * index..16 + 4 * index].copy_from_slice(&offset.to_le_bytes());
            bytes.extend(text.bytes().chain([0]));
        }
        DeviceDescriptor::new(&bytes).unwrap()
    }

    fn quirks(vendor: &str, product: &str, revision: &str) -> Quirks {
        let [zero, all_ones] = [0, u32::MAX]
            .map(|absent| Quirks::find(&descriptor([vendor, product, revision], absent), &Settings::default()));
        assert_eq!(zero, all_ones, "both ways to have no string are the same");
        zero
    }

    const NONE: Quirks = Quirks {
        cannot_lock: false,
        bad_event_status: false,
        no_reserve6: false,
        ignore_operational_change: false,
        no_streaming: false,
        no_asynchronous_notification: false,
        dec_rrd: false,
        hitachi_gd2000: false,
        no_get_configuration: false,
        no_type_one: false,
        slow_poll: false,
        timeout_s: None,
    };

    #[test]
    fn every_bit_of_the_mask_has_its_quirk() {
        let of = |mask| {
            Quirks::find(&DeviceDescriptor::default(), &Settings { hack_mask: Some(mask), ..Settings::default() })
        };
        for (mask, expected) in [
            (0x01, Quirks { cannot_lock: true, ..NONE }),
            (0x02, Quirks { bad_event_status: true, ..NONE }),
            (0x04, NONE),
            (0x08, Quirks { no_reserve6: true, ..NONE }),
            (0x10, Quirks { ignore_operational_change: true, ..NONE }),
            (0x20, Quirks { no_streaming: true, ..NONE }),
            (0x40, Quirks { no_asynchronous_notification: true, ..NONE }),
            (0xFFFF_FF80, NONE),
        ] {
            assert_eq!(of(mask), expected, "{mask:#X}");
        }
        let one = Settings { no_type_one_get_config: Some(1), ..Settings::default() };
        assert_eq!(Quirks::find(&DeviceDescriptor::default(), &one), Quirks { no_type_one: true, ..NONE });
    }

    #[test]
    fn vendor_product_and_revision_must_all_match() {
        let events = Quirks { bad_event_status: true, ..NONE };
        let signals = Quirks { no_asynchronous_notification: true, ..NONE };
        for (vendor, product, revision, expected) in [
            ("", "MITSUMI CD-ROM FX240S!B", "", events),
            ("", "MITSUMI CD-ROM FX322", "x", events),
            ("", "mitsumi CD-ROM FX322", "x", NONE),
            ("MITSUMI", "CD-ROM FX322", "x", NONE),
            ("X", "MITSUMI CD-ROM FX322", "x", NONE),
            ("", "TEAC DV-28E-A", "2.0A", events),
            ("", "TEAC DV-28E-A", "2.0B", NONE),
            ("", "TEAC DV-28E-A", "", NONE),
            ("", "HP CD-Writer cd16h", "Q000", events),
            ("", "_NEC NR-7800A", "1.33 ", events),
            ("", "COMPAQ CRD-8481B", "", NONE),
            ("TSSTcorp", "CDDVDW SN-S083A ", "SB00", signals),
            ("TSSTcorp", "CDDVDW SN-S083A ", "SB01", NONE),
            ("", "TSSTcorp CDDVDW SN-S083A", "SB00", NONE),
            ("", "", "", NONE),
        ] {
            assert_eq!(quirks(vendor, product, revision), expected, "{vendor} {product} {revision}");
        }
    }

    #[test]
    fn drives_that_repeat_operational_changes_are_known_by_both_names() {
        let repeating = Quirks { ignore_operational_change: true, ..NONE };
        let mut count = 0;
        for (vendor, products) in OPERATIONAL_CHANGE {
            for product in *products {
                assert_eq!(quirks(vendor, product, ""), repeating);
                assert_eq!(quirks("", &std::format!("{vendor} {product}"), "A101"), repeating);
                assert_eq!(quirks("", product, ""), NONE);
                assert_eq!(quirks("", &std::format!("{vendor}{product}"), ""), NONE);
                count += 1;
            }
        }
        assert_eq!(count, 67);
        assert_eq!(quirks("HL-DT-ST", "DVDRAM GSA-H62N", ""), NONE);
    }

    #[test]
    fn drives_with_faults_of_their_own() {
        let no_configuration = Quirks { no_get_configuration: true, ..NONE };
        for (vendor, product, expected) in [
            ("DEC", "RRD47   (C) DEC", Quirks { dec_rrd: true, ..NONE }),
            ("FUJITSU", "FMCD-101", Quirks { timeout_s: Some(20), ..NONE }),
            ("FUJITSU ", "FMCD-102S", Quirks { timeout_s: Some(20), ..NONE }),
            ("FUJITSU", "FMCD-103", NONE),
            ("", "HITACHI GD-2000", Quirks { hitachi_gd2000: true, ..NONE }),
            ("", "HITACHI DVD-ROM GD-2000", Quirks { hitachi_gd2000: true, ..NONE }),
            ("HITACHI", "GD-2000", NONE),
            ("", "LG DVD-ROM DRD-840B", no_configuration),
            ("", "SAMSUNG DVD-ROM SD-608", no_configuration),
            ("", "SAMSUNG DVD-ROM SD-612", NONE),
            ("MITSUMI ", "CR-4802TE       ", no_configuration),
            ("MITSUMI ", "CR-4802TE", NONE),
        ] {
            assert_eq!(quirks(vendor, product, ""), expected, "{vendor} {product}");
        }
    }

    #[test]
    fn the_virtual_drive_is_known_however_it_is_written() {
        for (vendor, product, slow) in [
            ("MSFT    ", "Virtual DVD-ROM ", true),
            ("Msft    ", "Virtual DVD-ROM ", true),
            ("", "Msft Virtual CD/ROM", true),
            ("", "MSFT    Virtual CD/ROM", true),
            ("Msftware", "Drive", false),
            ("Other", "Msft Virtual CD/ROM", false),
            ("", "Msft", false),
        ] {
            assert_eq!(quirks(vendor, product, "").slow_poll, slow, "{vendor} {product}");
        }
    }
}
