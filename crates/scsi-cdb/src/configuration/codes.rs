//! Feature codes (MMC-6 5.3, table "Feature list") and profiles (MMC-6 5.4).

open_enum! {
    /// A feature: a set of commands, pages and behaviour that goes together.
    pub FeatureCode: u16 {
        /// MMC-6 5.3.1.
        PROFILE_LIST = 0x0000 => "Profile List",
        /// MMC-6 5.3.2.
        CORE = 0x0001 => "Core",
        /// MMC-6 5.3.3.
        MORPHING = 0x0002 => "Morphing",
        /// MMC-6 5.3.4.
        REMOVABLE_MEDIUM = 0x0003 => "Removable Medium",
        /// MMC-6 5.3.5.
        WRITE_PROTECT = 0x0004 => "Write Protect",
        /// MMC-6 5.3.6.
        RANDOM_READABLE = 0x0010 => "Random Readable",
        /// MMC-6 5.3.7.
        MULTI_READ = 0x001D => "MultiRead",
        /// MMC-6 5.3.8.
        CD_READ = 0x001E => "CD Read",
        /// MMC-6 5.3.9.
        DVD_READ = 0x001F => "DVD Read",
        /// MMC-6 5.3.10.
        RANDOM_WRITABLE = 0x0020 => "Random Writable",
        /// MMC-6 5.3.11.
        INCREMENTAL_STREAMING_WRITABLE = 0x0021 => "Incremental Streaming Writable",
        /// MMC-4 5.3.11.
        SECTOR_ERASABLE = 0x0022 => "Sector Erasable",
        /// MMC-6 5.3.12.
        FORMATTABLE = 0x0023 => "Formattable",
        /// MMC-6 5.3.13.
        HARDWARE_DEFECT_MANAGEMENT = 0x0024 => "Hardware Defect Management",
        /// MMC-6 5.3.14.
        WRITE_ONCE = 0x0025 => "Write Once",
        /// MMC-6 5.3.15.
        RESTRICTED_OVERWRITE = 0x0026 => "Restricted Overwrite",
        /// MMC-6 5.3.16.
        CD_RW_CAV_WRITE = 0x0027 => "CD-RW CAV Write",
        /// MMC-6 5.3.17.
        MRW = 0x0028 => "MRW",
        /// MMC-6 5.3.18.
        ENHANCED_DEFECT_REPORTING = 0x0029 => "Enhanced Defect Reporting",
        /// MMC-6 5.3.19.
        DVD_PLUS_RW = 0x002A => "DVD+RW",
        /// MMC-6 5.3.20.
        DVD_PLUS_R = 0x002B => "DVD+R",
        /// MMC-6 5.3.21.
        RIGID_RESTRICTED_OVERWRITE = 0x002C => "Rigid Restricted Overwrite",
        /// MMC-6 5.3.22.
        CD_TRACK_AT_ONCE = 0x002D => "CD Track at Once",
        /// MMC-6 5.3.23.
        CD_MASTERING = 0x002E => "CD Mastering",
        /// MMC-6 5.3.24.
        DVD_R_RW_WRITE = 0x002F => "DVD-R/-RW Write",
        /// MMC-3, double density.
        DDCD_READ = 0x0030 => "Double Density CD Read",
        /// MMC-3, double density.
        DDCD_R_WRITE = 0x0031 => "Double Density CD-R Write",
        /// MMC-3, double density.
        DDCD_RW_WRITE = 0x0032 => "Double Density CD-RW Write",
        /// MMC-6 5.3.25.
        LAYER_JUMP_RECORDING = 0x0033 => "Layer Jump Recording",
        /// MMC-6 5.3.26.
        LAYER_JUMP_RIGID_RESTRICTED_OVERWRITE = 0x0034 => "Layer Jump Rigid Restricted Overwrite",
        /// MMC-6 5.3.27.
        STOP_LONG_OPERATION = 0x0035 => "Stop Long Operation",
        /// MMC-6 5.3.28.
        CD_RW_MEDIA_WRITE_SUPPORT = 0x0037 => "CD-RW Media Write Support",
        /// MMC-6 5.3.29.
        BD_R_PSEUDO_OVERWRITE = 0x0038 => "BD-R Pseudo-Overwrite (POW)",
        /// MMC-6 5.3.30.
        DVD_PLUS_RW_DUAL_LAYER = 0x003A => "DVD+RW Dual Layer",
        /// MMC-6 5.3.31.
        DVD_PLUS_R_DUAL_LAYER = 0x003B => "DVD+R Dual Layer",
        /// MMC-6 5.3.32.
        BD_READ = 0x0040 => "BD Read",
        /// MMC-6 5.3.33.
        BD_WRITE = 0x0041 => "BD Write",
        /// MMC-6 5.3.34.
        TSR = 0x0042 => "TSR",
        /// MMC-6 5.3.35.
        HD_DVD_READ = 0x0050 => "HD DVD Read",
        /// MMC-6 5.3.36.
        HD_DVD_WRITE = 0x0051 => "HD DVD Write",
        /// MMC-6 5.3.37.
        HD_DVD_RW_FRAGMENT_RECORDING = 0x0052 => "HD DVD-RW Fragment Recording",
        /// MMC-6 5.3.38.
        HYBRID_DISC = 0x0080 => "Hybrid Disc",
        /// MMC-6 5.3.39.
        POWER_MANAGEMENT = 0x0100 => "Power Management",
        /// MMC-6 5.3.40.
        SMART = 0x0101 => "SMART",
        /// MMC-6 5.3.41.
        EMBEDDED_CHANGER = 0x0102 => "Embedded Changer",
        /// MMC-6 5.3.42.
        CD_AUDIO_EXTERNAL_PLAY = 0x0103 => "CD Audio External Play",
        /// MMC-6 5.3.43.
        MICROCODE_UPGRADE = 0x0104 => "Microcode Upgrade",
        /// MMC-6 5.3.44.
        TIMEOUT = 0x0105 => "Timeout",
        /// MMC-6 5.3.45.
        DVD_CSS = 0x0106 => "DVD CSS",
        /// MMC-6 5.3.46.
        REAL_TIME_STREAMING = 0x0107 => "Real Time Streaming",
        /// MMC-6 5.3.47.
        DRIVE_SERIAL_NUMBER = 0x0108 => "Drive Serial Number",
        /// MMC-6 5.3.48.
        MEDIA_SERIAL_NUMBER = 0x0109 => "Media Serial Number",
        /// MMC-6 5.3.49.
        DISC_CONTROL_BLOCKS = 0x010A => "Disc Control Blocks (DCBs)",
        /// MMC-6 5.3.50.
        DVD_CPRM = 0x010B => "DVD CPRM",
        /// MMC-6 5.3.51.
        FIRMWARE_INFORMATION = 0x010C => "Firmware Information",
        /// MMC-6 5.3.52.
        AACS = 0x010D => "AACS",
        /// MMC-6 5.3.53.
        DVD_CSS_MANAGED_RECORDING = 0x010E => "DVD CSS Managed Recording",
        /// MMC-6 5.3.54.
        VCPS = 0x0110 => "VCPS",
        /// MMC-6 5.3.55.
        SECUR_DISC = 0x0113 => "SecurDisc",
        /// Copy protection system of BD-R and BD-RE.
        BD_CPS = 0x0120 => "BD CPS",
        /// MMC-6 5.3.56, the optical security subsystem class.
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
    /// A profile: the features that a drive must have for one kind of medium (MMC-6 5.4, table "Profile list").
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
