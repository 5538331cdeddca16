//! Features of Blu-ray discs.

use super::features;
use crate::bytes::be16_at;
use crate::error::ParseError;
use crate::layout::{Be16, Flag, Layout};

/// The versions of each class of disc, 0 to 3, that a drive handles: bit n stands for version n.
pub type BdClasses = [u16; 4];

features! {
    /// BD Read (MMC-6 5.3, feature 0040).
    pub struct BdRead: BD_READ, 28 {
        /// BD-RE that are read.
        re: BdClasses = Classes(4),
        /// BD-R that are read.
        r: BdClasses = Classes(12),
        /// BD-ROM that are read.
        rom: BdClasses = Classes(20),
    }

    /// BD Write (MMC-6 5.3, feature 0041).
    pub struct BdWrite: BD_WRITE, 20 {
        /// Whether writing without verification can be chosen (SVNR).
        verify_not_required: bool = Flag(0, 0),
        /// BD-RE that are written.
        re: BdClasses = Classes(4),
        /// BD-R that are written.
        r: BdClasses = Classes(12),
    }

    /// BD-R Pseudo-Overwrite (MMC-6 5.3, feature 0038).
    pub struct BdRPseudoOverwrite: BD_R_PSEUDO_OVERWRITE, 4 {}

    /// TSR (MMC-6 5.3, feature 0042): timely safe recording.
    pub struct Tsr: TSR, 0 {}
}

/// Four bit maps in a row, from byte `.0` on.
struct Classes(usize);

impl Classes {
    fn offset(&self, class: usize) -> usize {
        self.0.saturating_add(class.saturating_mul(2))
    }
}

impl Layout<BdClasses> for Classes {
    fn get(&self, block: &[u8]) -> Result<BdClasses, ParseError> {
        let mut classes = [0; 4];
        for (class, versions) in classes.iter_mut().enumerate() {
            *versions = be16_at(block, self.offset(class))?;
        }
        Ok(classes)
    }

    fn set(&self, block: &mut [u8], value: BdClasses) {
        for (class, versions) in value.into_iter().enumerate() {
            Be16(self.offset(class)).set(block, versions);
        }
    }
}
