//! Format codes: one space per media type below 80, one for all media from 80 on.

use crate::disc_structure::MediaType;

open_enum! {
    /// Formats 00 to 7F of [`MediaType::DVD`] (MMC-6 table "READ DISC STRUCTURE format codes").
    pub DvdFormat: u8 {
        /// Physical format information of the lead-in.
        PHYSICAL = 0x00 => "physical format information",
        /// Copy protection system and regions.
        COPYRIGHT = 0x01 => "copyright information",
        /// The CSS disc key block, 2048 bytes, obfuscated by the bus key.
        DISC_KEY = 0x02 => "disc key",
        /// Burst cutting area.
        BCA = 0x03 => "BCA information",
        /// Manufacturing information of the lead-in, 2048 bytes.
        MANUFACTURING = 0x04 => "disc manufacturing information",
        /// Copyright management of the sector at the address.
        COPYRIGHT_MANAGEMENT = 0x05 => "copyright management information",
        /// CPRM media identifier.
        MEDIA_IDENTIFIER = 0x06 => "media identifier",
        /// CPRM media key block, one pack.
        MEDIA_KEY_BLOCK = 0x07 => "media key block",
        /// Disc definition structure of a DVD-RAM.
        RAM_DDS = 0x08 => "DVD-RAM DDS",
        /// Medium status of a DVD-RAM.
        RAM_MEDIUM_STATUS = 0x09 => "DVD-RAM medium status",
        /// Spare area information of a DVD-RAM.
        RAM_SPARE_AREA = 0x0A => "DVD-RAM spare area information",
        /// Recording type of a DVD-RAM.
        RAM_RECORDING_TYPE = 0x0B => "DVD-RAM recording type information",
        /// Recording management data of the last border-out.
        RMD_IN_BORDER_OUT = 0x0C => "RMD in last border-out",
        /// Recording management data block at the address.
        RMD = 0x0D => "RMD",
        /// Pre-recorded information of a DVD-R or DVD-RW lead-in.
        PRE_RECORDED = 0x0E => "pre-recorded information",
        /// Unique disc identifier of a DVD-R or DVD-RW.
        UNIQUE_DISC_ID = 0x0F => "unique disc identifier",
        /// Physical format information in the lead-in of a DVD-R or DVD-RW, as recorded.
        PHYSICAL_IN_LEAD_IN = 0x10 => "physical format information in lead-in",
        /// Disc information in the address in pregroove of a DVD+R or DVD+RW.
        ADIP = 0x11 => "ADIP information",
        /// Copyright protection information of an HD DVD.
        HD_DVD_CPI = 0x12 => "HD DVD copyright protection information",
        /// Copyright data section of an HD DVD lead-in.
        HD_DVD_COPYRIGHT_DATA = 0x15 => "HD DVD copyright data section",
        /// Medium status of an HD DVD-R.
        HD_DVD_R_MEDIUM_STATUS = 0x19 => "HD DVD-R medium status",
        /// Last recorded recording management data of an HD DVD-R.
        HD_DVD_R_RMD = 0x1A => "HD DVD-R last recorded RMD",
        /// Capacity of layer 0 of a dual layer recordable disc.
        LAYER_CAPACITY = 0x20 => "DL layer capacity",
        /// Start of the shifted middle area.
        MIDDLE_ZONE_START = 0x21 => "shifted middle area start address",
        /// Interval of layer jumps.
        JUMP_INTERVAL = 0x22 => "jump interval size",
        /// Logical block of the manual layer jump.
        MANUAL_LAYER_JUMP = 0x23 => "manual layer jump address",
        /// Anchor point that is remapped.
        REMAPPING = 0x24 => "remapping address",
        /// Disc control block.
        DCB = 0x30 => "disc control block",
        /// MTA ECC block.
        MTA_ECC_BLOCK = 0x31 => "MTA ECC block",
    }
}

open_enum! {
    /// Formats 00 to 7F of [`MediaType::BD`].
    pub BdFormat: u8 {
        /// Disc information units of the address in pregroove or of the permanent information area.
        DISC_INFORMATION = 0x00 => "disc information",
        /// Burst cutting area.
        BCA = 0x03 => "BCA information",
        /// Disc definition structure.
        DDS = 0x08 => "DDS",
        /// Cartridge status.
        CARTRIDGE_STATUS = 0x09 => "cartridge status",
        /// Spare area information.
        SPARE_AREA = 0x0A => "spare area information",
        /// Defect list as recorded.
        RAW_DEFECT_LIST = 0x12 => "raw defect list",
        /// Physical access control.
        PAC = 0x30 => "PAC",
    }
}

open_enum! {
    /// Formats from 80 on, which do not depend on the media type.
    pub CommonFormat: u8 {
        /// AACS volume identifier and its MAC.
        AACS_VOLUME_ID = 0x80 => "AACS volume identifier",
        /// AACS pre-recorded media serial number and its MAC.
        AACS_SERIAL_NUMBER = 0x81 => "AACS media serial number",
        /// AACS media identifier and its MAC.
        AACS_MEDIA_ID = 0x82 => "AACS media identifier",
        /// AACS media key block, one pack.
        AACS_MKB = 0x83 => "AACS media key block",
        /// AACS data keys.
        AACS_DATA_KEYS = 0x84 => "AACS data keys",
        /// Extents whose data the drive encrypts on the bus.
        AACS_LBA_EXTENTS = 0x85 => "AACS LBA extents",
        /// AACS media key block of the CPRM kind, one pack.
        AACS_CPRM_MKB = 0x86 => "AACS CPRM MKB",
        /// Formats of each layer of a hybrid disc.
        LAYER_LIST = 0x90 => "list of recognised format layers",
        /// Write protection status.
        WRITE_PROTECTION = 0xC0 => "write protection status",
        /// Formats that can be read and sent.
        STRUCTURE_LIST = 0xFF => "disc structure list",
    }
}

/// The standard's name of `format`, by media type below 0x80.
#[must_use]
pub fn format_name(media_type: MediaType, format: u8) -> Option<&'static str> {
    match (media_type, format) {
        (_, 0x80..) => CommonFormat(format).name(),
        (MediaType::DVD, _) => DvdFormat(format).name(),
        (MediaType::BD, _) => BdFormat(format).name(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_name_of_its_media_type() {
        assert_eq!(format_name(MediaType::DVD, 0x08), Some("DVD-RAM DDS"));
        assert_eq!(format_name(MediaType::BD, 0x08), Some("DDS"));
        assert_eq!(format_name(MediaType(7), 0x83), Some("AACS media key block"));
        assert_eq!(format_name(MediaType(7), 0x08), None);
        assert_eq!(format_name(MediaType::BD, 0x01), None);
    }
}
