//! What drive and medium can do now, from GET CONFIGURATION (io-path-and-errors.md 15).

use scsi_cdb::bytes::{be16_at, bit, u8_at};
use scsi_cdb::configuration::{Configuration, FeatureCode, Profile};

use crate::time::Ticks;

/// Feature numbers that decide whether and how the medium is written.
pub mod schema {
    /// Random Writable.
    pub const RANDOM_WRITABLE: u16 = 0x0020;
    /// Incremental Streaming Writable.
    pub const INCREMENTAL_STREAMING: u16 = 0x0021;
    /// Hardware Defect Management.
    pub const DEFECT_MANAGEMENT: u16 = 0x0024;
    /// Restricted Overwrite.
    pub const RESTRICTED_OVERWRITE: u16 = 0x0026;
    /// Rigid Restricted Overwrite.
    pub const RIGID_RESTRICTED_OVERWRITE: u16 = 0x002C;
}

/// Whether the cached capabilities are current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Update {
    /// They are.
    #[default]
    Complete,
    /// They have to be read again before the next request.
    Required,
    /// They are being read.
    Started,
}

/// The cached capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Whether they are current.
    pub update: Update,
    /// The medium can be written now.
    pub write_allowed: bool,
    /// How writes are validated: the number of the feature that allows them, 0 if none.
    pub schema: u16,
    /// Sectors that a restricted overwrite writes at once, at least 1.
    pub blocking: u32,
    /// Streaming reads work.
    pub streaming_read: bool,
    /// Streaming writes work.
    pub streaming_write: bool,
    /// A medium with CSS or CPPM is in the drive.
    pub is_css: bool,
    /// Pause before a read or write is repeated.
    pub transfer_retry_delay: Ticks,
    /// Bytes of the complete GET CONFIGURATION answer at start.
    pub features_length: u32,
}

impl Default for Capability {
    fn default() -> Self {
        Self {
            update: Update::Complete,
            write_allowed: false,
            schema: 0,
            blocking: 1,
            streaming_read: false,
            streaming_write: false,
            is_css: false,
            transfer_retry_delay: Ticks(473_373),
            features_length: 0,
        }
    }
}

impl Capability {
    /// The medium cannot be written until a refresh says otherwise.
    pub const fn forbid_writes(&mut self) {
        self.write_allowed = false;
    }

    /// Read the capabilities again before the next request.
    pub const fn require_update(&mut self) {
        self.update = Update::Required;
    }

    /// The medium behaves like a disk: writable anywhere, defects managed.
    #[must_use]
    pub const fn is_disk_like(&self) -> bool {
        self.write_allowed && self.schema == schema::DEFECT_MANAGEMENT
    }
}

/// Whether and how a medium is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteCapability {
    /// It can be written.
    pub writable: bool,
    /// The feature that allows it, 0 if none.
    pub schema: u16,
    /// Sectors that are written at once, at least 1.
    pub blocking: u32,
}

/// Which descriptors count for [`write_capability`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What the drive can do with some medium.
    Ever,
    /// What it can do with the medium in it.
    Now,
}

/// Profiles that stand for a feature which some drives forget to make current, and that feature.
const BY_PROFILE: &[(Profile, u16)] = &[
    (Profile(0x0013), schema::RIGID_RESTRICTED_OVERWRITE),
    (Profile(0x000A), schema::RESTRICTED_OVERWRITE),
    (Profile(0x0011), schema::INCREMENTAL_STREAMING),
    (Profile(0x0009), schema::INCREMENTAL_STREAMING),
];

const PROFILE_LIST: u16 = 0x0000;
const RANDOM_READABLE: u16 = 0x0010;
const DVD_CSS: u16 = 0x0106;
const REAL_TIME_STREAMING: u16 = 0x0107;

/// Features that make a medium writable, in the order in which they are tried (io-path-and-errors.md 15.3).
///
/// The last two allow it only with their Write bit (bit 0 of the first data byte), as incremental streaming.
const WRITING: &[(u16, bool, u16)] = &[
    (schema::RANDOM_WRITABLE, false, schema::RANDOM_WRITABLE),
    (schema::RIGID_RESTRICTED_OVERWRITE, false, schema::RIGID_RESTRICTED_OVERWRITE),
    (schema::RESTRICTED_OVERWRITE, false, schema::RESTRICTED_OVERWRITE),
    (schema::INCREMENTAL_STREAMING, false, schema::INCREMENTAL_STREAMING),
    (0x002B, true, schema::INCREMENTAL_STREAMING),
    (0x003B, true, schema::INCREMENTAL_STREAMING),
];

/// Decides whether a medium can be written.
#[must_use]
pub fn write_capability(configuration: &Configuration<'_>, scope: Scope) -> WriteCapability {
    let usable =
        |code: u16| configuration.find(FeatureCode(code)).filter(|feature| scope == Scope::Ever || feature.current);
    let named = |schema| if scope == Scope::Now { schema } else { 0 };
    if usable(schema::DEFECT_MANAGEMENT).is_some() && usable(schema::RANDOM_WRITABLE).is_some() {
        return WriteCapability { writable: true, schema: named(schema::DEFECT_MANAGEMENT), blocking: 1 };
    }
    let blocking = configuration
        .find(FeatureCode(RANDOM_READABLE))
        .filter(|feature| feature.current && feature.data.len() >= 6)
        .and_then(|feature| be16_at(feature.data, 4).ok())
        .map_or(1, |blocking| u32::from(blocking).max(1));
    for &(code, needs_write_bit, schema) in WRITING {
        let allows = |data: &[u8]| !needs_write_bit || u8_at(data, 0).is_ok_and(|byte| bit(byte, 0));
        if usable(code).is_some_and(|feature| allows(feature.data)) {
            return WriteCapability { writable: true, schema: named(schema), blocking };
        }
    }
    let by_profile = configuration
        .find(FeatureCode(PROFILE_LIST))
        .filter(|list| list.current && list.data.len() & 1 == 0)
        .and_then(|list| {
            BY_PROFILE.iter().find(|(profile, _)| {
                list.data.chunks_exact(4).any(|entry| {
                    be16_at(entry, 0) == Ok(profile.0)
                        && (scope == Scope::Ever || u8_at(entry, 2).is_ok_and(|byte| bit(byte, 0)))
                })
            })
        });
    WriteCapability { writable: by_profile.is_some(), schema: by_profile.map_or(0, |(_, schema)| *schema), blocking }
}

impl Capability {
    /// Takes over what the drive says of the medium that is in it.
    pub fn take_over(&mut self, configuration: &Configuration<'_>) {
        let writing = write_capability(configuration, Scope::Now);
        self.write_allowed = writing.writable;
        self.schema = writing.schema;
        self.blocking = writing.blocking;
        let streaming = configuration.find(FeatureCode(REAL_TIME_STREAMING)).filter(|feature| feature.current);
        let first = streaming.and_then(|feature| u8_at(feature.data, 0).ok());
        self.streaming_read = first.is_some();
        self.streaming_write = first.is_some_and(|byte| bit(byte, 0));
        self.is_css = css_medium(configuration);
    }
}

/// A medium with CSS or CPPM is in the drive.
#[must_use]
pub fn css_medium(configuration: &Configuration<'_>) -> bool {
    configuration.find(FeatureCode(DVD_CSS)).is_some_and(|feature| feature.current)
}

/// Pause before a repeated read or write where nothing says how fast the drive is.
pub const SLOWEST_RETRY: Ticks = Ticks(1_066_667);

/// The pause that suits the fastest speed of a profile.
#[must_use]
pub fn retry_delay_of_profile(profile: Profile) -> Option<Ticks> {
    match profile.0 {
        0x0008..=0x000A | 0x0020..=0x0022 => Some(SLOWEST_RETRY),
        0x0010..=0x0016 | 0x001A | 0x001B | 0x002A | 0x002B => Some(Ticks(473_373)),
        0x0040..=0x0043 | 0x0050..=0x0052 => Some(Ticks(143_498)),
        _ => None,
    }
}

/// The time that a drive of this speed (kB/s of 1000 bytes) needs for 32 sectors of 2048 bytes.
#[must_use]
pub fn retry_delay_of_speed(kilobytes: u32) -> Option<Ticks> {
    const MOST: u64 = 1_000_000_000;
    let sectors = u64::from(kilobytes).saturating_mul(1000).checked_div(2048)?;
    320_000_000_u64.checked_div(sectors).map(|delay| Ticks(delay.min(MOST)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn answer(features: &[(u16, bool, &[u8])]) -> Vec<u8> {
        let mut bytes = std::vec![0; 8];
        for (code, current, data) in features {
            bytes.extend(code.to_be_bytes());
            bytes.extend([u8::from(*current), u8::try_from(data.len()).unwrap()]);
            bytes.extend(*data);
        }
        let length = u32::try_from(bytes.len() - 4).unwrap();
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    fn capability(features: &[(u16, bool, &[u8])], scope: Scope) -> (bool, u16, u32) {
        let bytes = answer(features);
        let found = write_capability(&Configuration::parse(&bytes).unwrap(), scope);
        (found.writable, found.schema, found.blocking)
    }

    #[test]
    fn the_first_feature_that_allows_writing_decides() {
        let readable: (u16, bool, &[u8]) = (0x0010, true, &[0, 0, 8, 0, 0, 16, 0, 0]);
        for (features, expected) in [
            (&[][..], (false, 0, 1)),
            (&[readable], (false, 0, 16)),
            (&[readable, (0x0020, true, &[0; 12])], (true, 0x20, 16)),
            (&[readable, (0x0020, true, &[0; 12]), (0x0024, true, &[0; 4])], (true, 0x24, 1)),
            (&[readable, (0x0020, true, &[0; 12]), (0x0024, false, &[0; 4])], (true, 0x20, 16)),
            (&[(0x0026, true, &[]), (0x002C, true, &[0; 4])], (true, 0x2C, 1)),
            (&[(0x0026, true, &[]), (0x0021, true, &[0; 4])], (true, 0x26, 1)),
            (&[(0x0021, false, &[0; 4])], (false, 0, 1)),
            (&[(0x002B, true, &[0, 0, 0, 0])], (false, 0, 1)),
            (&[(0x002B, true, &[1, 0, 0, 0])], (true, 0x21, 1)),
            (&[(0x003B, true, &[1, 0, 0, 0])], (true, 0x21, 1)),
            (&[(0x0000, true, &[0, 9, 1, 0, 0, 0x13, 0, 0])], (true, 0x21, 1)),
            (&[(0x0000, true, &[0, 9, 1, 0, 0, 0x13, 1, 0])], (true, 0x2C, 1)),
            (&[(0x0000, false, &[0, 9, 1, 0])], (false, 0, 1)),
            (&[(0x0000, true, &[0, 9, 1, 0, 0])], (false, 0, 1)),
            (&[(0x0000, true, &[0, 9, 1, 0, 0, 0])], (true, 0x21, 1)),
            (&[(0x0010, true, &[0, 0, 8, 0, 0, 0, 0, 0]), (0x0026, true, &[])], (true, 0x26, 1)),
        ] {
            assert_eq!(capability(features, Scope::Now), expected, "{features:02x?}");
        }
    }

    #[test]
    fn what_a_drive_can_ever_do_needs_no_current_bit_and_names_no_schema() {
        assert_eq!(capability(&[(0x0021, false, &[0; 4])], Scope::Ever), (true, 0, 1));
        assert_eq!(capability(&[(0x0000, true, &[0, 0x0A, 0, 0])], Scope::Ever), (true, 0x26, 1));
        assert_eq!(capability(&[(0x0000, true, &[0, 0x08, 0, 0])], Scope::Ever), (false, 0, 1));
    }

    #[test]
    fn retry_delays() {
        assert_eq!(retry_delay_of_speed(0), None);
        assert_eq!(retry_delay_of_speed(2), None, "less than one sector a second");
        assert_eq!(retry_delay_of_speed(7056), Some(Ticks(320_000_000 / 3445)));
        assert_eq!(retry_delay_of_speed(3), Some(Ticks(320_000_000)));
        assert_eq!(retry_delay_of_speed(u32::MAX), Some(Ticks(0)));
        assert_eq!(retry_delay_of_profile(Profile(0x0041)), Some(Ticks(143_498)));
        assert_eq!(retry_delay_of_profile(Profile(0)), None);
    }
}
