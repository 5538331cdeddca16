//! Kinds of media and what follows from the kind alone.

/// A kind of medium, as a drive tells them apart (MMC-6 table 95, profile numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// CD-ROM or CD audio, pressed.
    CdRom,
    /// CD-R.
    CdR,
    /// CD-RW.
    CdRw,
    /// DVD-ROM, pressed, one or two layers.
    DvdRom,
    /// DVD-R, sequential recording.
    DvdR,
    /// DVD-RW, sequential recording.
    DvdRwSequential,
    /// DVD-RW, restricted overwrite.
    DvdRwRestricted,
    /// DVD-R dual layer, sequential recording.
    DvdRDualLayer,
    /// DVD-RAM.
    DvdRam,
    /// DVD+R.
    DvdPlusR,
    /// DVD+R dual layer.
    DvdPlusRDualLayer,
    /// DVD+RW.
    DvdPlusRw,
    /// BD-ROM, pressed.
    BdRom,
    /// BD-R, sequential recording.
    BdR,
    /// BD-RE.
    BdRe,
}

/// The family that decides commands, addresses and structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaFamily {
    /// Compact disc: MSF addresses, sub-channels, sessions with lead-in and lead-out.
    Cd,
    /// DVD of any kind.
    Dvd,
    /// Blu-ray disc.
    Bd,
}

/// How blocks of a medium are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recording {
    /// Pressed: never.
    ReadOnly,
    /// At the next writable address only, until closed.
    Sequential,
    /// Any formatted block, any time.
    RandomOverwrite,
}

impl MediaType {
    /// Every kind, in the order of the profile numbers.
    pub const ALL: &'static [Self] = &[
        Self::CdRom,
        Self::CdR,
        Self::CdRw,
        Self::DvdRom,
        Self::DvdR,
        Self::DvdRam,
        Self::DvdRwRestricted,
        Self::DvdRwSequential,
        Self::DvdRDualLayer,
        Self::DvdPlusRw,
        Self::DvdPlusR,
        Self::DvdPlusRDualLayer,
        Self::BdRom,
        Self::BdR,
        Self::BdRe,
    ];

    /// The MMC profile number that is current with this medium in the drive.
    #[must_use]
    pub const fn profile(self) -> u16 {
        match self {
            Self::CdRom => 0x0008,
            Self::CdR => 0x0009,
            Self::CdRw => 0x000A,
            Self::DvdRom => 0x0010,
            Self::DvdR => 0x0011,
            Self::DvdRam => 0x0012,
            Self::DvdRwRestricted => 0x0013,
            Self::DvdRwSequential => 0x0014,
            Self::DvdRDualLayer => 0x0015,
            Self::DvdPlusRw => 0x001A,
            Self::DvdPlusR => 0x001B,
            Self::DvdPlusRDualLayer => 0x002B,
            Self::BdRom => 0x0040,
            Self::BdR => 0x0041,
            Self::BdRe => 0x0043,
        }
    }

    /// The family of this medium.
    #[must_use]
    pub const fn family(self) -> MediaFamily {
        match self {
            Self::CdRom | Self::CdR | Self::CdRw => MediaFamily::Cd,
            Self::BdRom | Self::BdR | Self::BdRe => MediaFamily::Bd,
            _ => MediaFamily::Dvd,
        }
    }

    /// How blocks of this medium are recorded.
    #[must_use]
    pub const fn recording(self) -> Recording {
        match self {
            Self::CdRom | Self::DvdRom | Self::BdRom => Recording::ReadOnly,
            Self::DvdRam | Self::DvdRwRestricted | Self::DvdPlusRw | Self::BdRe => Recording::RandomOverwrite,
            _ => Recording::Sequential,
        }
    }

    /// Whether recorded data can be removed (BLANK or FORMAT UNIT) or written over.
    #[must_use]
    pub const fn is_erasable(self) -> bool {
        matches!(
            self,
            Self::CdRw | Self::DvdRwSequential | Self::DvdRwRestricted | Self::DvdRam | Self::DvdPlusRw | Self::BdRe
        )
    }

    /// Blocks in one ECC block: the least that is written at once.
    #[must_use]
    pub const fn ecc_blocks(self) -> u32 {
        match self.family() {
            MediaFamily::Cd => 1,
            MediaFamily::Dvd => 16,
            MediaFamily::Bd => 32,
        }
    }

    /// The name in the field's terms, for example `DVD-RW (sequential)`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CdRom => "CD-ROM",
            Self::CdR => "CD-R",
            Self::CdRw => "CD-RW",
            Self::DvdRom => "DVD-ROM",
            Self::DvdR => "DVD-R",
            Self::DvdRwSequential => "DVD-RW (sequential)",
            Self::DvdRwRestricted => "DVD-RW (restricted overwrite)",
            Self::DvdRDualLayer => "DVD-R DL",
            Self::DvdRam => "DVD-RAM",
            Self::DvdPlusR => "DVD+R",
            Self::DvdPlusRDualLayer => "DVD+R DL",
            Self::DvdPlusRw => "DVD+RW",
            Self::BdRom => "BD-ROM",
            Self::BdR => "BD-R",
            Self::BdRe => "BD-RE",
        }
    }
}
