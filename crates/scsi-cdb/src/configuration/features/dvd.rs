//! Features of DVDs and HD DVDs.

use super::features;
use crate::layout::Flag;

features! {
    /// DVD Read (MMC-6 5.3, feature 001F).
    pub struct DvdRead: DVD_READ, 4 from 0 {
        /// Whether the drive follows the DVD Multi specification, version 1.1 (MULTI110).
        multi110: bool = Flag(0, 0),
        /// Whether DVD-RW dual layer is read (Dual-RW).
        dual_rw: bool = Flag(2, 1),
        /// Whether DVD-R dual layer is read (Dual-R).
        dual_r: bool = Flag(2, 0),
    }

    /// DVD+RW (MMC-6 5.3, feature 002A).
    pub struct DvdPlusRw: DVD_PLUS_RW, 4 {
        /// Whether DVD+RW is written.
        write: bool = Flag(0, 0),
        /// Whether background formatting may wait for the first write.
        quick_start: bool = Flag(1, 1),
        /// Whether background formatting stops only in the read-compatible way, not quickly.
        close_only: bool = Flag(1, 0),
    }

    /// DVD+R (MMC-6 5.3, feature 002B).
    pub struct DvdPlusR: DVD_PLUS_R, 4 {
        /// Whether DVD+R is written.
        write: bool = Flag(0, 0),
    }

    /// DVD-R/-RW Write (MMC-6 5.3, feature 002F).
    pub struct DvdRRwWrite: DVD_R_RW_WRITE, 4 {
        /// Whether recording goes on without loss after the buffer ran empty (BUF).
        buffer_underrun_free: bool = Flag(0, 6),
        /// Whether DVD-R dual layer is written (RDL).
        r_dual_layer: bool = Flag(0, 3),
        /// Whether writing can be tested with the laser down.
        test_write: bool = Flag(0, 2),
        /// Whether DVD-RW is written.
        dvd_rw: bool = Flag(0, 1),
    }

    /// DVD+RW Dual Layer (MMC-6 5.3, feature 003A).
    pub struct DvdPlusRwDualLayer: DVD_PLUS_RW_DUAL_LAYER, 4 {
        /// Whether it is written.
        write: bool = Flag(0, 0),
        /// Whether background formatting may wait for the first write.
        quick_start: bool = Flag(1, 1),
        /// Whether background formatting stops only in the read-compatible way, not quickly.
        close_only: bool = Flag(1, 0),
    }

    /// DVD+R Dual Layer (MMC-6 5.3, feature 003B).
    pub struct DvdPlusRDualLayer: DVD_PLUS_R_DUAL_LAYER, 4 {
        /// Whether it is written.
        write: bool = Flag(0, 0),
    }

    /// HD DVD Read (MMC-6 5.3, feature 0050).
    pub struct HdDvdRead: HD_DVD_READ, 4 {
        /// Whether HD DVD-R is read.
        hd_dvd_r: bool = Flag(0, 0),
        /// Whether HD DVD-RAM is read.
        hd_dvd_ram: bool = Flag(2, 0),
    }

    /// HD DVD Write (MMC-6 5.3, feature 0051).
    pub struct HdDvdWrite: HD_DVD_WRITE, 4 {
        /// Whether HD DVD-R is written.
        hd_dvd_r: bool = Flag(0, 0),
        /// Whether HD DVD-RAM is written.
        hd_dvd_ram: bool = Flag(2, 0),
    }

    /// HD DVD-RW Fragment Recording (MMC-6 5.3, feature 0052).
    pub struct HdDvdRwFragmentRecording: HD_DVD_RW_FRAGMENT_RECORDING, 4 {
        /// Whether background padding works (BGP).
        background_padding: bool = Flag(0, 0),
    }
}
