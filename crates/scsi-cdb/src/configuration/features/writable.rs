//! Features of media that are read and written by block.

use super::features;
use crate::layout::{Be16, Be32, Byte, Flag};

features! {
    /// Random Readable (MMC-6 5.3, feature 0010): blocks are read in any order.
    pub struct RandomReadable: RANDOM_READABLE, 8 {
        /// Bytes in a logical block.
        logical_block_size: u32 = Be32(0),
        /// Logical blocks that the drive reads at a time.
        blocking: u16 = Be16(4),
        /// Whether the read/write error recovery page is there (PP).
        page_present: bool = Flag(6, 0),
    }

    /// Random Writable (MMC-6 5.3, feature 0020): blocks are written in any order.
    pub struct RandomWritable: RANDOM_WRITABLE, 12 {
        /// The last block that can be addressed.
        last_lba: u32 = Be32(0),
        /// Bytes in a logical block.
        logical_block_size: u32 = Be32(4),
        /// Logical blocks that the drive writes at a time.
        blocking: u16 = Be16(8),
        /// Whether the read/write error recovery page is there (PP).
        page_present: bool = Flag(10, 0),
    }

    /// Sector Erasable (MMC-6 5.3, feature 0022): sectors must be erased before they are written.
    pub struct SectorErasable: SECTOR_ERASABLE, 0 {}

    /// Formattable (MMC-6 5.3, feature 0023).
    pub struct Formattable: FORMATTABLE, 8 from 0 {
        /// Whether a BD-RE is formatted with no spare areas (RENoSA).
        re_no_spare_area: bool = Flag(0, 3),
        /// Whether spare areas can be enlarged (Expand).
        expand: bool = Flag(0, 2),
        /// Whether a quick certification is made (QCert).
        quick_certification: bool = Flag(0, 1),
        /// Whether a full certification is made (Cert).
        certification: bool = Flag(0, 0),
        /// Whether formatting for fast reformatting is there (FRF).
        fast_reformat: bool = Flag(1, 7),
        /// Whether a BD-R is formatted for random recording (RRM).
        random_recording_mode: bool = Flag(4, 0),
    }

    /// Hardware Defect Management (MMC-6 5.3, feature 0024): the address space is free of defects.
    pub struct HardwareDefectManagement: HARDWARE_DEFECT_MANAGEMENT, 4 from 0 {
        /// Whether the supplementary spare area of DVD-RAM is supported (SSA).
        supplementary_spare_area: bool = Flag(0, 7),
    }

    /// Write Once (MMC-6 5.3, feature 0025): each block is written once, in any order.
    pub struct WriteOnce: WRITE_ONCE, 8 {
        /// Bytes in a logical block.
        logical_block_size: u32 = Be32(0),
        /// Logical blocks that the drive writes at a time.
        blocking: u16 = Be16(4),
        /// Whether the read/write error recovery page is there (PP).
        page_present: bool = Flag(6, 0),
    }

    /// Restricted Overwrite (MMC-6 5.3, feature 0026): overwriting starts at a block boundary.
    pub struct RestrictedOverwrite: RESTRICTED_OVERWRITE, 0 {}

    /// Rigid Restricted Overwrite (MMC-6 5.3, feature 002C): overwriting starts and ends at a block boundary.
    pub struct RigidRestrictedOverwrite: RIGID_RESTRICTED_OVERWRITE, 4 {
        /// Whether formatting can make defect status data (DSDG).
        defect_status_generate: bool = Flag(0, 3),
        /// Whether defect status data are read (DSDR).
        defect_status_read: bool = Flag(0, 2),
        /// Whether a session in the intermediate state is written.
        intermediate: bool = Flag(0, 1),
        /// Whether BLANK works.
        blank: bool = Flag(0, 0),
    }

    /// MRW (MMC-6 5.3, feature 0028): Mount Rainier.
    pub struct Mrw: MRW, 4 {
        /// Whether DVD+MRW is written.
        dvd_plus_write: bool = Flag(0, 2),
        /// Whether DVD+MRW is read.
        dvd_plus_read: bool = Flag(0, 1),
        /// Whether CD-MRW is written.
        write: bool = Flag(0, 0),
    }

    /// Layer Jump Rigid Restricted Overwrite (MMC-6 5.3, feature 0034).
    pub struct LayerJumpRigidRestrictedOverwrite: LAYER_JUMP_RIGID_RESTRICTED_OVERWRITE, 4 {
        /// Whether closing layer jump blocks is supported (CLJB).
        close_layer_jump_block: bool = Flag(0, 0),
        /// Size of the buffer block, in units of 16 logical blocks.
        buffer_block_size: u8 = Byte(3),
    }
}
