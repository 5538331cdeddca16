//! MODE SENSE and MODE SELECT: parameters of the drive in pages (SPC-3 6.7 to 6.10 and 7.4, MMC-6 6.11, 6.12 and clause 7).

#[macro_use]
mod page;
mod capabilities;
mod pages;
mod parameters;

pub use capabilities::{CapabilitiesPage, LoadingMechanism, WriteSpeed};
pub use page::{ModePage, ModePages, RawPage};
pub use pages::{
    AudioControlPage, AudioPort, CachingPage, ErrorRecoveryPage, PowerConditionPage, TimeoutAndProtectPage,
    WriteParametersPage, WriteType,
};
pub use parameters::{BlockDescriptor, HeaderForm, ModeParameters, ModeParametersBuilder};

use crate::cdb::Transfer;
use crate::layout::{Be16, Bits, Byte, Flag};

open_enum! {
    /// Which values of a page MODE SENSE returns (SPC-3 6.9.1).
    pub PageControl: u8 {
        /// The values in force.
        CURRENT = 0 => "current",
        /// A mask with ones where MODE SELECT may change the page.
        CHANGEABLE = 1 => "changeable",
        /// The values after power on without saved ones.
        DEFAULT = 2 => "default",
        /// The saved values.
        SAVED = 3 => "saved",
    }
}

/// Declares MODE SENSE and MODE SELECT of one length, which differ in where the data length stands.
macro_rules! mode_commands {
    ($length:literal, $integer:ty = $place:expr, $(#[$sense:meta])* $sense_name:ident: $sense_code:ident,
     $(#[$select:meta])* $select_name:ident: $select_code:ident) => {
        command! {
            $(#[$sense])*
            pub struct $sense_name: $sense_code, $length {
                /// Whether the answer leaves out block descriptors.
                disable_block_descriptors: bool = Flag(1, 3),
                /// Which values are wanted.
                page_control: PageControl = Bits(2, 6, 2),
                /// The page, 3Fh for all.
                page: u8 = Bits(2, 0, 6),
                /// The sub-page, FFh for all, 0 for the page itself.
                subpage: u8 = Byte(3),
                /// Room for the answer, in bytes.
                allocation_length: $integer = $place,
            }
            transfer: |command| Transfer::In(command.allocation_length.into())
        }

        command! {
            $(#[$select])*
            pub struct $select_name: $select_code, $length {
                /// Whether the data is in the page format of the standard.
                page_format: bool = Flag(1, 4),
                /// Whether the drive also saves the pages.
                save_pages: bool = Flag(1, 0),
                /// Length of the data: header, block descriptors and pages, in bytes.
                parameter_list_length: $integer = $place,
            }
            transfer: |command| Transfer::Out(command.parameter_list_length.into())
        }
    };
}

mode_commands! {
    6, u8 = Byte(4),
    /// MODE SENSE (6) (SPC-3 6.9).
    ModeSense6: MODE_SENSE_6,
    /// MODE SELECT (6) (SPC-3 6.7).
    ModeSelect6: MODE_SELECT_6
}

mode_commands! {
    10, u16 = Be16(7),
    /// MODE SENSE (10) (MMC-6 6.12).
    ModeSense10: MODE_SENSE_10,
    /// MODE SELECT (10) (MMC-6 6.11).
    ModeSelect10: MODE_SELECT_10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, prefixes, round_trip, total};

    /// Checks that `page` and `bytes` are the same page, and that no other bytes are trouble.
    #[track_caller]
    pub(super) fn page<P: ModePage>(page: P, bytes: &[u8]) {
        assert_eq!(P::parse(bytes), Ok(page));
        let mut buffer = [0xAA; 64];
        assert_eq!(page.emit(&mut buffer), P::LENGTH);
        assert_eq!(buffer[..P::LENGTH], *bytes);
        prefixes(bytes, P::parse);
        total(|bytes| {
            let mut bytes = bytes.to_vec();
            if let Some(first) = bytes.first_mut() {
                *first = P::CODE;
            }
            if let Ok(page) = P::parse(&bytes) {
                let mut buffer = [0; 64];
                let length = page.emit(&mut buffer);
                assert_eq!(P::parse(&buffer[..length]), Ok(page));
            }
        });
        assert!(matches!(P::parse(&[0x3E; 64]), Err(crate::ParseError::WrongCode { .. })));
    }

    #[test]
    fn mode_sense() {
        let six = ModeSense6 {
            disable_block_descriptors: true,
            page_control: PageControl::CURRENT,
            page: 0x2A,
            subpage: 0,
            allocation_length: 36,
        };
        golden(six, &[0x1A, 0x08, 0x2A, 0, 0x24, 0], Direction::In, 36);
        let changeable = ModeSense6 {
            disable_block_descriptors: false,
            page_control: PageControl::CHANGEABLE,
            page: 0x08,
            subpage: 0,
            allocation_length: 192,
        };
        golden(changeable, &[0x1A, 0, 0x48, 0, 0xC0, 0], Direction::In, 192);
        let ten = ModeSense10 {
            disable_block_descriptors: false,
            page_control: PageControl::CURRENT,
            page: 0x0E,
            subpage: 0,
            allocation_length: 64,
        };
        golden(ten, &[0x5A, 0, 0x0E, 0, 0, 0, 0, 0, 0x40, 0], Direction::In, 64);
        round_trip::<ModeSense6>();
        round_trip::<ModeSense10>();
    }

    #[test]
    fn mode_select() {
        let six = ModeSelect6 { page_format: true, save_pages: false, parameter_list_length: 12 };
        golden(six, &[0x15, 0x10, 0, 0, 12, 0], Direction::Out, 12);
        let ten = ModeSelect10 { page_format: true, save_pages: true, parameter_list_length: 24 };
        golden(ten, &[0x55, 0x11, 0, 0, 0, 0, 0, 0, 24, 0], Direction::Out, 24);
        round_trip::<ModeSelect6>();
        round_trip::<ModeSelect10>();
    }
}
