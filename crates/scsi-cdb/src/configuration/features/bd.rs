//! Features of Blu-ray discs.
//!
//! In a class bit map, bit n stands for version n of that class of disc.

use super::features;
use crate::layout::{Be16, Flag};

features! {
    /// BD Read (MMC-6 5.3, feature 0040).
    pub struct BdRead: BD_READ, 28 {
        /// BD-RE of class 0 that are read.
        re_class0: u16 = Be16(4),
        /// BD-RE of class 1 that are read.
        re_class1: u16 = Be16(6),
        /// BD-RE of class 2 that are read.
        re_class2: u16 = Be16(8),
        /// BD-RE of class 3 that are read.
        re_class3: u16 = Be16(10),
        /// BD-R of class 0 that are read.
        r_class0: u16 = Be16(12),
        /// BD-R of class 1 that are read.
        r_class1: u16 = Be16(14),
        /// BD-R of class 2 that are read.
        r_class2: u16 = Be16(16),
        /// BD-R of class 3 that are read.
        r_class3: u16 = Be16(18),
        /// BD-ROM of class 0 that are read.
        rom_class0: u16 = Be16(20),
        /// BD-ROM of class 1 that are read.
        rom_class1: u16 = Be16(22),
        /// BD-ROM of class 2 that are read.
        rom_class2: u16 = Be16(24),
        /// BD-ROM of class 3 that are read.
        rom_class3: u16 = Be16(26),
    }

    /// BD Write (MMC-6 5.3, feature 0041).
    pub struct BdWrite: BD_WRITE, 20 {
        /// Whether writing without verification can be chosen (SVNR).
        verify_not_required: bool = Flag(0, 0),
        /// BD-RE of class 0 that are written.
        re_class0: u16 = Be16(4),
        /// BD-RE of class 1 that are written.
        re_class1: u16 = Be16(6),
        /// BD-RE of class 2 that are written.
        re_class2: u16 = Be16(8),
        /// BD-RE of class 3 that are written.
        re_class3: u16 = Be16(10),
        /// BD-R of class 0 that are written.
        r_class0: u16 = Be16(12),
        /// BD-R of class 1 that are written.
        r_class1: u16 = Be16(14),
        /// BD-R of class 2 that are written.
        r_class2: u16 = Be16(16),
        /// BD-R of class 3 that are written.
        r_class3: u16 = Be16(18),
    }

    /// BD-R Pseudo-Overwrite (MMC-6 5.3, feature 0038).
    pub struct BdRPseudoOverwrite: BD_R_PSEUDO_OVERWRITE, 4 {}

    /// TSR (MMC-6 5.3, feature 0042): timely safe recording.
    pub struct Tsr: TSR, 0 {}
}
