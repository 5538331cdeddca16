//! Feature codes (MMC-6 5.3) and profiles (MMC-6 5.4).

open_enum! {
    /// A feature: a set of commands, pages and behaviour that goes together.
    pub FeatureCode: u16 {
        /// See [`ProfileList`](super::ProfileList).
        PROFILE_LIST = 0x0000 => "Profile List",
        /// See [`Core`](super::Core).
        CORE = 0x0001 => "Core",
        /// See [`Morphing`](super::Morphing).
        MORPHING = 0x0002 => "Morphing",
        /// See [`RemovableMedium`](super::RemovableMedium).
        REMOVABLE_MEDIUM = 0x0003 => "Removable Medium",
        /// See [`WriteProtect`](super::WriteProtect).
        WRITE_PROTECT = 0x0004 => "Write Protect",
        /// See [`RandomReadable`](super::RandomReadable).
        RANDOM_READABLE = 0x0010 => "Random Readable",
        /// See [`MultiRead`](super::MultiRead).
        MULTI_READ = 0x001D => "MultiRead",
        /// See [`CdRead`](super::CdRead).
        CD_READ = 0x001E => "CD Read",
        /// See [`DvdRead`](super::DvdRead).
        DVD_READ = 0x001F => "DVD Read",
        /// See [`RandomWritable`](super::RandomWritable).
        RANDOM_WRITABLE = 0x0020 => "Random Writable",
        /// See [`IncrementalStreamingWritable`](super::IncrementalStreamingWritable).
        INCREMENTAL_STREAMING_WRITABLE = 0x0021 => "Incremental Streaming Writable",
        /// See [`SectorErasable`](super::SectorErasable).
        SECTOR_ERASABLE = 0x0022 => "Sector Erasable",
        /// See [`Formattable`](super::Formattable).
        FORMATTABLE = 0x0023 => "Formattable",
        /// See [`HardwareDefectManagement`](super::HardwareDefectManagement).
        HARDWARE_DEFECT_MANAGEMENT = 0x0024 => "Hardware Defect Management",
        /// See [`WriteOnce`](super::WriteOnce).
        WRITE_ONCE = 0x0025 => "Write Once",
        /// See [`RestrictedOverwrite`](super::RestrictedOverwrite).
        RESTRICTED_OVERWRITE = 0x0026 => "Restricted Overwrite",
        /// See [`CdRwCavWrite`](super::CdRwCavWrite).
        CD_RW_CAV_WRITE = 0x0027 => "CD-RW CAV Write",
        /// See [`Mrw`](super::Mrw).
        MRW = 0x0028 => "MRW",
        /// See [`EnhancedDefectReporting`](super::EnhancedDefectReporting).
        ENHANCED_DEFECT_REPORTING = 0x0029 => "Enhanced Defect Reporting",
        /// See [`DvdPlusRw`](super::DvdPlusRw).
        DVD_PLUS_RW = 0x002A => "DVD+RW",
        /// See [`DvdPlusR`](super::DvdPlusR).
        DVD_PLUS_R = 0x002B => "DVD+R",
        /// See [`RigidRestrictedOverwrite`](super::RigidRestrictedOverwrite).
        RIGID_RESTRICTED_OVERWRITE = 0x002C => "Rigid Restricted Overwrite",
        /// See [`CdTrackAtOnce`](super::CdTrackAtOnce).
        CD_TRACK_AT_ONCE = 0x002D => "CD Track at Once",
        /// See [`CdMastering`](super::CdMastering).
        CD_MASTERING = 0x002E => "CD Mastering",
        /// See [`DvdRRwWrite`](super::DvdRRwWrite).
        DVD_R_RW_WRITE = 0x002F => "DVD-R/-RW Write",
        /// See [`DdcdRead`](super::DdcdRead).
        DDCD_READ = 0x0030 => "Double Density CD Read",
        /// See [`DdcdRWrite`](super::DdcdRWrite).
        DDCD_R_WRITE = 0x0031 => "Double Density CD-R Write",
        /// See [`DdcdRwWrite`](super::DdcdRwWrite).
        DDCD_RW_WRITE = 0x0032 => "Double Density CD-RW Write",
        /// See [`LayerJumpRecording`](super::LayerJumpRecording).
        LAYER_JUMP_RECORDING = 0x0033 => "Layer Jump Recording",
        /// See [`LayerJumpRigidRestrictedOverwrite`](super::LayerJumpRigidRestrictedOverwrite).
        LAYER_JUMP_RIGID_RESTRICTED_OVERWRITE = 0x0034 => "Layer Jump Rigid Restricted Overwrite",
        /// See [`StopLongOperation`](super::StopLongOperation).
        STOP_LONG_OPERATION = 0x0035 => "Stop Long Operation",
        /// See [`CdRwMediaWriteSupport`](super::CdRwMediaWriteSupport).
        CD_RW_MEDIA_WRITE_SUPPORT = 0x0037 => "CD-RW Media Write Support",
        /// See [`BdRPseudoOverwrite`](super::BdRPseudoOverwrite).
        BD_R_PSEUDO_OVERWRITE = 0x0038 => "BD-R Pseudo-Overwrite (POW)",
        /// See [`DvdPlusRwDualLayer`](super::DvdPlusRwDualLayer).
        DVD_PLUS_RW_DUAL_LAYER = 0x003A => "DVD+RW Dual Layer",
        /// See [`DvdPlusRDualLayer`](super::DvdPlusRDualLayer).
        DVD_PLUS_R_DUAL_LAYER = 0x003B => "DVD+R Dual Layer",
        /// See [`BdRead`](super::BdRead).
        BD_READ = 0x0040 => "BD Read",
        /// See [`BdWrite`](super::BdWrite).
        BD_WRITE = 0x0041 => "BD Write",
        /// See [`Tsr`](super::Tsr).
        TSR = 0x0042 => "TSR",
        /// See [`HdDvdRead`](super::HdDvdRead).
        HD_DVD_READ = 0x0050 => "HD DVD Read",
        /// See [`HdDvdWrite`](super::HdDvdWrite).
        HD_DVD_WRITE = 0x0051 => "HD DVD Write",
        /// See [`HdDvdRwFragmentRecording`](super::HdDvdRwFragmentRecording).
        HD_DVD_RW_FRAGMENT_RECORDING = 0x0052 => "HD DVD-RW Fragment Recording",
        /// See [`HybridDisc`](super::HybridDisc).
        HYBRID_DISC = 0x0080 => "Hybrid Disc",
        /// See [`PowerManagement`](super::PowerManagement).
        POWER_MANAGEMENT = 0x0100 => "Power Management",
        /// See [`Smart`](super::Smart).
        SMART = 0x0101 => "SMART",
        /// See [`EmbeddedChanger`](super::EmbeddedChanger).
        EMBEDDED_CHANGER = 0x0102 => "Embedded Changer",
        /// See [`CdAudioExternalPlay`](super::CdAudioExternalPlay).
        CD_AUDIO_EXTERNAL_PLAY = 0x0103 => "CD Audio External Play",
        /// See [`MicrocodeUpgrade`](super::MicrocodeUpgrade).
        MICROCODE_UPGRADE = 0x0104 => "Microcode Upgrade",
        /// See [`Timeout`](super::Timeout).
        TIMEOUT = 0x0105 => "Timeout",
        /// See [`DvdCss`](super::DvdCss).
        DVD_CSS = 0x0106 => "DVD CSS",
        /// See [`RealTimeStreaming`](super::RealTimeStreaming).
        REAL_TIME_STREAMING = 0x0107 => "Real Time Streaming",
        /// See [`DriveSerialNumber`](super::DriveSerialNumber).
        DRIVE_SERIAL_NUMBER = 0x0108 => "Drive Serial Number",
        /// See [`MediaSerialNumber`](super::MediaSerialNumber).
        MEDIA_SERIAL_NUMBER = 0x0109 => "Media Serial Number",
        /// See [`DiscControlBlocks`](super::DiscControlBlocks).
        DISC_CONTROL_BLOCKS = 0x010A => "Disc Control Blocks (DCBs)",
        /// See [`DvdCprm`](super::DvdCprm).
        DVD_CPRM = 0x010B => "DVD CPRM",
        /// See [`FirmwareInformation`](super::FirmwareInformation).
        FIRMWARE_INFORMATION = 0x010C => "Firmware Information",
        /// See [`Aacs`](super::Aacs).
        AACS = 0x010D => "AACS",
        /// See [`DvdCssManagedRecording`](super::DvdCssManagedRecording).
        DVD_CSS_MANAGED_RECORDING = 0x010E => "DVD CSS Managed Recording",
        /// See [`Vcps`](super::Vcps).
        VCPS = 0x0110 => "VCPS",
        /// See [`SecurDisc`](super::SecurDisc).
        SECUR_DISC = 0x0113 => "SecurDisc",
        /// See [`BdCps`](super::BdCps).
        BD_CPS = 0x0120 => "BD CPS",
        /// See [`Ossc`](super::Ossc).
        OSSC = 0x0142 => "OSSC",
    }
}

impl FeatureCode {
    /// Whether the code is one of those left to vendors, 0xFF00 to 0xFFFF.
    #[must_use]
    pub const fn is_vendor_specific(self) -> bool {
        self.0 >= 0xFF00
    }
}

open_enum! {
    /// A profile: the features that a drive must have for one kind of medium (MMC-6 5.4).
    pub Profile: u16 {
        /// No medium, or none of a known kind.
        NONE = 0x0000 => "No current profile",
        /// A fixed disk.
        NON_REMOVABLE_DISK = 0x0001 => "Non-removable disk",
        /// A rewritable disk that can be taken out.
        REMOVABLE_DISK = 0x0002 => "Removable disk",
        /// Magneto-optical, erased by sector.
        MO_ERASABLE = 0x0003 => "MO erasable",
        /// Optical, written once.
        OPTICAL_WRITE_ONCE = 0x0004 => "Optical write once",
        /// Advanced storage magneto-optical.
        AS_MO = 0x0005 => "AS-MO",
        /// CD-ROM.
        CD_ROM = 0x0008 => "CD-ROM",
        /// CD-R.
        CD_R = 0x0009 => "CD-R",
        /// CD-RW.
        CD_RW = 0x000A => "CD-RW",
        /// DVD-ROM.
        DVD_ROM = 0x0010 => "DVD-ROM",
        /// DVD-R, sequential recording.
        DVD_R_SEQUENTIAL = 0x0011 => "DVD-R sequential recording",
        /// DVD-RAM.
        DVD_RAM = 0x0012 => "DVD-RAM",
        /// DVD-RW, restricted overwrite.
        DVD_RW_RESTRICTED_OVERWRITE = 0x0013 => "DVD-RW restricted overwrite",
        /// DVD-RW, sequential recording.
        DVD_RW_SEQUENTIAL = 0x0014 => "DVD-RW sequential recording",
        /// DVD-R dual layer, sequential recording.
        DVD_R_DL_SEQUENTIAL = 0x0015 => "DVD-R dual layer sequential recording",
        /// DVD-R dual layer, layer jump recording.
        DVD_R_DL_LAYER_JUMP = 0x0016 => "DVD-R dual layer jump recording",
        /// DVD-RW dual layer.
        DVD_RW_DL = 0x0017 => "DVD-RW dual layer",
        /// DVD for download recording.
        DVD_DOWNLOAD = 0x0018 => "DVD-Download disc recording",
        /// DVD+RW.
        DVD_PLUS_RW = 0x001A => "DVD+RW",
        /// DVD+R.
        DVD_PLUS_R = 0x001B => "DVD+R",
        /// Double density CD-ROM.
        DDCD_ROM = 0x0020 => "DDCD-ROM",
        /// Double density CD-R.
        DDCD_R = 0x0021 => "DDCD-R",
        /// Double density CD-RW.
        DDCD_RW = 0x0022 => "DDCD-RW",
        /// DVD+RW dual layer.
        DVD_PLUS_RW_DL = 0x002A => "DVD+RW dual layer",
        /// DVD+R dual layer.
        DVD_PLUS_R_DL = 0x002B => "DVD+R dual layer",
        /// BD-ROM.
        BD_ROM = 0x0040 => "BD-ROM",
        /// BD-R, sequential recording mode.
        BD_R_SEQUENTIAL = 0x0041 => "BD-R sequential recording (SRM)",
        /// BD-R, random recording mode.
        BD_R_RANDOM = 0x0042 => "BD-R random recording (RRM)",
        /// BD-RE.
        BD_RE = 0x0043 => "BD-RE",
        /// HD DVD-ROM.
        HD_DVD_ROM = 0x0050 => "HD DVD-ROM",
        /// HD DVD-R.
        HD_DVD_R = 0x0051 => "HD DVD-R",
        /// HD DVD-RAM.
        HD_DVD_RAM = 0x0052 => "HD DVD-RAM",
        /// HD DVD-RW.
        HD_DVD_RW = 0x0053 => "HD DVD-RW",
        /// HD DVD-R dual layer.
        HD_DVD_R_DL = 0x0058 => "HD DVD-R dual layer",
        /// HD DVD-RW dual layer.
        HD_DVD_RW_DL = 0x005A => "HD DVD-RW dual layer",
        /// A drive that follows no profile.
        NON_CONFORMING = 0xFFFF => "Drive does not conform to any profile",
    }
}
