//! What the Q sub-channel says of a track: control bits, kind of entry, address.

use crate::address::{Lba, Msf};
use crate::bytes::bit;

open_enum! {
    /// What a Q sub-channel entry carries (MMC-6 table "ADR field").
    pub Adr: u8 {
        /// Nothing said.
        NONE = 0 => "none",
        /// Position, or the entries of a table of contents.
        POSITION = 1 => "position",
        /// Media catalogue number; a disc identification in the PMA.
        MEDIA_CATALOG_NUMBER = 2 => "media catalogue number",
        /// ISRC; skipped tracks in the PMA.
        ISRC = 3 => "ISRC",
        /// Recording information of multisession discs.
        MULTI_SESSION = 5 => "multi-session",
    }
}

/// The four control bits of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrackControl(pub u8);

impl TrackControl {
    /// An audio track of two channels without pre-emphasis.
    pub const AUDIO: Self = Self(0b0000);
    /// A data track recorded without interruption.
    pub const DATA: Self = Self(0b0100);

    /// Data rather than audio.
    #[must_use]
    pub const fn is_data(self) -> bool {
        bit(self.0, 2)
    }

    /// Digital copies are permitted.
    #[must_use]
    pub const fn copy_permitted(self) -> bool {
        bit(self.0, 1)
    }

    /// Audio recorded with pre-emphasis of 50/15 microseconds.
    #[must_use]
    pub const fn pre_emphasis(self) -> bool {
        !self.is_data() && bit(self.0, 0)
    }

    /// Audio of four channels.
    #[must_use]
    pub const fn four_channels(self) -> bool {
        !self.is_data() && bit(self.0, 3)
    }

    /// Data recorded in packets.
    #[must_use]
    pub const fn incremental(self) -> bool {
        self.is_data() && bit(self.0, 0)
    }
}

impl From<u8> for TrackControl {
    fn from(value: u8) -> Self {
        Self(value)
    }
}

impl From<TrackControl> for u8 {
    fn from(value: TrackControl) -> Self {
        value.0
    }
}

/// A 32-bit address field that holds a logical block or, in its last three bytes, minute, second and frame.
///
/// Which of them depends on the command that asked, not on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DiscAddress(pub u32);

impl DiscAddress {
    /// The field as a logical block address.
    #[must_use]
    pub const fn lba(self) -> Lba {
        Lba(self.0.cast_signed())
    }

    /// The field as minute, second and frame.
    #[must_use]
    pub const fn msf(self) -> Msf {
        let [_, minute, second, frame] = self.0.to_be_bytes();
        Msf::new(minute, second, frame)
    }
}

impl From<u32> for DiscAddress {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl From<DiscAddress> for u32 {
    fn from(value: DiscAddress) -> Self {
        value.0
    }
}

impl From<Lba> for DiscAddress {
    fn from(lba: Lba) -> Self {
        Self(lba.0.cast_unsigned())
    }
}

impl From<Msf> for DiscAddress {
    fn from(msf: Msf) -> Self {
        Self(u32::from_be_bytes([0, msf.minute, msf.second, msf.frame]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bits_mean_different_things_for_audio_and_data() {
        assert!(TrackControl(0b0001).pre_emphasis() && !TrackControl(0b0001).incremental());
        assert!(TrackControl(0b0101).incremental() && !TrackControl(0b0101).pre_emphasis());
        assert!(TrackControl(0b1000).four_channels() && !TrackControl(0b1100).four_channels());
        assert!(TrackControl(0b0010).copy_permitted());
    }

    #[test]
    fn one_field_holds_either_address() {
        assert_eq!(DiscAddress::from(Lba(-150)).0, 0xFFFF_FF6A);
        assert_eq!(DiscAddress(0xFFFF_FF6A).lba(), Lba(-150));
        assert_eq!(DiscAddress::from(Msf::new(1, 2, 3)).0, 0x0001_0203);
        assert_eq!(DiscAddress(0x0001_0203).msf(), Msf::new(1, 2, 3));
    }
}
