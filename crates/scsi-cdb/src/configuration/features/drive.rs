//! Features of the drive itself.

use super::features;
use crate::layout::{Be16, Be32, Bits, Byte, Flag, Raw};

open_enum! {
    /// How the drive is attached (MMC-6 5.3).
    pub PhysicalInterface: u32 {
        /// Not told.
        UNSPECIFIED = 0 => "unspecified",
        /// Parallel SCSI and its kin.
        SCSI = 1 => "SCSI family",
        /// ATAPI.
        ATAPI = 2 => "ATAPI",
        /// IEEE 1394-1995.
        IEEE_1394_1995 = 3 => "IEEE 1394-1995",
        /// IEEE 1394A.
        IEEE_1394A = 4 => "IEEE 1394A",
        /// Fibre Channel.
        FIBRE_CHANNEL = 5 => "Fibre Channel",
        /// IEEE 1394B.
        IEEE_1394B = 6 => "IEEE 1394B",
        /// Serial ATAPI.
        SERIAL_ATAPI = 7 => "Serial ATAPI",
        /// USB, 1.1 or 2.0.
        USB = 8 => "USB",
        /// An interface of the vendor's.
        VENDOR_UNIQUE = 0xFFFF => "vendor unique",
    }
}

open_enum! {
    /// How a medium gets into the drive (MMC-6 5.3).
    pub LoadingMechanism: u8 {
        /// Caddy or slot.
        CADDY_OR_SLOT = 0 => "caddy/slot",
        /// Tray.
        TRAY = 1 => "tray",
        /// Pop-up lid.
        POP_UP = 2 => "pop-up",
        /// Changer whose discs are changed one by one.
        CHANGER_INDIVIDUAL = 4 => "embedded changer, individual discs",
        /// Changer with a magazine.
        CHANGER_MAGAZINE = 5 => "embedded changer, magazine",
    }
}

features! {
    /// Core (MMC-6 5.3, feature 0001): what every drive has.
    pub struct Core: CORE, 8 from 4 {
        /// How the drive is attached.
        physical_interface: PhysicalInterface = Be32(0),
        /// Whether INQUIRY follows SPC-3 as MMC asks (INQ2).
        inquiry2: bool = Flag(4, 1),
        /// Whether device busy events are reported (DBE).
        device_busy_event: bool = Flag(4, 0),
    }

    /// Morphing (MMC-6 5.3, feature 0002): the drive reports changes of its abilities.
    pub struct Morphing: MORPHING, 4 {
        /// Whether operational change events are reported (OCEvent).
        operational_change_event: bool = Flag(0, 1),
        /// Whether asynchronous event requests are served (Async).
        asynchronous: bool = Flag(0, 0),
    }

    /// Removable Medium (MMC-6 5.3, feature 0003).
    pub struct RemovableMedium: REMOVABLE_MEDIUM, 4 {
        /// How a medium gets in (3 bits).
        loading_mechanism: LoadingMechanism = Bits(0, 5, 3),
        /// Whether START STOP UNIT can load.
        load: bool = Flag(0, 4),
        /// Whether START STOP UNIT can eject.
        eject: bool = Flag(0, 3),
        /// Whether the drive powers up unlocked, its prevent jumper not being set (Pvnt Jmpr).
        prevent_jumper: bool = Flag(0, 2),
        /// Whether the drive can lock a medium that is in a caddy or tray before it is loaded (DBML).
        dbml: bool = Flag(0, 1),
        /// Whether PREVENT ALLOW MEDIUM REMOVAL locks.
        lock: bool = Flag(0, 0),
    }

    /// Write Protect (MMC-6 5.3, feature 0004).
    pub struct WriteProtect: WRITE_PROTECT, 4 {
        /// Whether the write protection PAC of BD media is read and written (DWP).
        disc_write_protect_pac: bool = Flag(0, 3),
        /// Whether the write inhibit DCB of DVD+RW is written (WDCB).
        write_inhibit_dcb: bool = Flag(0, 2),
        /// Whether persistent write protection can be set (SPWP).
        persistent_write_protect: bool = Flag(0, 1),
        /// Whether the software write protect bit of the timeout page works (SSWPP).
        software_write_protect: bool = Flag(0, 0),
    }

    /// Power Management (MMC-6 5.3, feature 0100).
    pub struct PowerManagement: POWER_MANAGEMENT, 0 {}

    /// SMART (MMC-6 5.3, feature 0101): failure prediction.
    pub struct Smart: SMART, 4 {
        /// Whether the fault/failure reporting page is there (PP).
        page_present: bool = Flag(0, 0),
    }

    /// Embedded Changer (MMC-6 5.3, feature 0102).
    pub struct EmbeddedChanger: EMBEDDED_CHANGER, 4 {
        /// Whether either side of a disc can be used (SCC).
        side_change_capable: bool = Flag(0, 4),
        /// Whether MECHANISM STATUS tells which slots hold a disc (SDP).
        disc_present: bool = Flag(0, 2),
        /// Number of the last slot, from 0 (5 bits).
        highest_slot: u8 = Bits(3, 0, 5),
    }

    /// CD Audio External Play (MMC-6 5.3, feature 0103): the drive plays audio by itself.
    pub struct CdAudioExternalPlay: CD_AUDIO_EXTERNAL_PLAY, 4 {
        /// Whether SCAN works.
        scan: bool = Flag(0, 2),
        /// Whether each channel can be muted by itself (SCM).
        separate_channel_mute: bool = Flag(0, 1),
        /// Whether each channel has its own volume (SV).
        separate_volume: bool = Flag(0, 0),
        /// Number of volume levels.
        volume_levels: u16 = Be16(2),
    }

    /// Microcode Upgrade (MMC-6 5.3, feature 0104).
    pub struct MicrocodeUpgrade: MICROCODE_UPGRADE, 4 {
        /// Whether READ BUFFER and WRITE BUFFER take the modes that upgrade in parts (M5).
        m5: bool = Flag(0, 0),
    }

    /// Timeout (MMC-6 5.3, feature 0105): every command ends within the group times of the timeout page.
    pub struct Timeout: TIMEOUT, 4 from 0 {
        /// Whether commands have a time that depends on their length (Group3).
        group3: bool = Flag(0, 0),
        /// Blocks that the group 3 time unit stands for.
        unit_length: u16 = Be16(2),
    }

    /// Real Time Streaming (MMC-6 5.3, feature 0107).
    pub struct RealTimeStreaming: REAL_TIME_STREAMING, 4 from 0 {
        /// Whether READ BUFFER CAPACITY counts in blocks (RBCB).
        read_buffer_capacity_block: bool = Flag(0, 4),
        /// Whether SET CD SPEED works (SCS).
        set_cd_speed: bool = Flag(0, 3),
        /// Whether mode page 2A has write speed descriptors (MP2A).
        mode_page_2a: bool = Flag(0, 2),
        /// Whether GET PERFORMANCE reports write speeds and SET STREAMING takes them (WSPD).
        write_speed: bool = Flag(0, 1),
        /// Whether writing may be streamed (SW).
        stream_writing: bool = Flag(0, 0),
    }

    /// Media Serial Number (MMC-6 5.3, feature 0109): READ MEDIA SERIAL NUMBER works.
    pub struct MediaSerialNumber: MEDIA_SERIAL_NUMBER, 0 {}

    /// Firmware Information (MMC-6 5.3, feature 010C): when the firmware was made, in ASCII digits.
    pub struct FirmwareInformation: FIRMWARE_INFORMATION, 16 {
        /// Century and year.
        year: [u8; 4] = Raw(0),
        /// Month.
        month: [u8; 2] = Raw(4),
        /// Day.
        day: [u8; 2] = Raw(6),
        /// Hour.
        hour: [u8; 2] = Raw(8),
        /// Minute.
        minute: [u8; 2] = Raw(10),
        /// Second.
        second: [u8; 2] = Raw(12),
    }

    /// Hybrid Disc (MMC-6 5.3, feature 0080): discs that have layers of different formats.
    pub struct HybridDisc: HYBRID_DISC, 4 {
        /// Whether a reset keeps the chosen format layer (RI).
        reset_immunity: bool = Flag(0, 0),
    }

    /// Stop Long Operation (MMC-6 5.3, feature 0035): long operations can be stopped.
    pub struct StopLongOperation: STOP_LONG_OPERATION, 0 {}

    /// Enhanced Defect Reporting (MMC-6 5.3, feature 0029).
    pub struct EnhancedDefectReporting: ENHANCED_DEFECT_REPORTING, 4 {
        /// Whether the distributed real-time defect management mode is there (DRT-DM).
        drt_dm: bool = Flag(0, 0),
        /// Number of zones of the cache of defective block information.
        dbi_cache_zones: u8 = Byte(1),
        /// Number of entries in the cache.
        dbi_entries: u16 = Be16(2),
    }
}
