//! RESERVE and RELEASE: the reservations of SPC-2 that optical drives on SCSI buses had (SPC-2 clause 7).

use crate::cdb::Transfer;
use crate::layout::{Be16, Byte, Flag};

/// Declares RESERVE or RELEASE in both lengths.
macro_rules! reservation_commands {
    ($(#[$meta6:meta])* $name6:ident: $opcode6:ident, $(#[$meta10:meta])* $name10:ident: $opcode10:ident) => {
        command! {
            $(#[$meta6])*
            pub struct $name6: $opcode6, 6 {}
            transfer: |_| Transfer::None
        }

        command! {
            $(#[$meta10])*
            pub struct $name10: $opcode10, 10 {
                /// Whether it is on behalf of `third_party`.
                is_third_party: bool = Flag(1, 4),
                /// Whether the identifier is longer than a byte and comes as data.
                long_identifier: bool = Flag(1, 1),
                /// The other device.
                third_party: u8 = Byte(3),
                /// Length of the data, in bytes: 8 with `long_identifier`, else 0.
                parameter_list_length: u16 = Be16(7),
            }
            transfer: |command| Transfer::Out(command.parameter_list_length.into())
        }

        impl $name10 {
            /// For the sender itself.
            pub const WHOLE_UNIT: Self =
                Self { is_third_party: false, long_identifier: false, third_party: 0, parameter_list_length: 0 };
        }
    };
}

reservation_commands! {
    /// RESERVE (6), of the whole unit.
    Reserve6: RESERVE_6,
    /// RESERVE (10).
    Reserve10: RESERVE_10
}

reservation_commands! {
    /// RELEASE (6), of the whole unit.
    Release6: RELEASE_6,
    /// RELEASE (10).
    Release10: RELEASE_10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn golden_bytes() {
        golden(Reserve6 {}, &[0x16, 0, 0, 0, 0, 0], Direction::None, 0);
        golden(Release6 {}, &[0x17, 0, 0, 0, 0, 0], Direction::None, 0);
        golden(Reserve10::WHOLE_UNIT, &[0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        let other = Release10 { is_third_party: true, third_party: 7, ..Release10::WHOLE_UNIT };
        golden(other, &[0x57, 0x10, 0, 7, 0, 0, 0, 0, 0, 0], Direction::None, 0);
    }

    #[test]
    fn round_trips() {
        round_trip::<Reserve6>();
        round_trip::<Release6>();
        round_trip::<Reserve10>();
        round_trip::<Release10>();
    }
}
