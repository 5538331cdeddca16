//! The features as structures (MMC-6 5.3).

mod bd;
mod cd;
mod drive;
mod dvd;
mod lists;
mod protection;
mod writable;

pub use bd::*;
pub use cd::*;
pub use drive::*;
pub use dvd::*;
pub use lists::*;
pub use protection::*;
pub use writable::*;

use core::fmt::Debug;

use super::FeatureCode;
use crate::bytes::put;
use crate::error::ParseError;

/// A feature as a structure that is read from, and written as, the data of a descriptor.
pub trait Feature<'a>: Copy + Eq + Debug {
    /// Its code.
    const CODE: FeatureCode;

    /// The feature in the data that follow a descriptor's header. What drives of earlier standards leave out at the
    /// end reads as zero.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for less data than the first version of the feature had,
    /// [`ParseError::BadLength`] for a count that the data cannot hold.
    fn from_data(data: &'a [u8]) -> Result<Self, ParseError>;

    /// Writes the data to the start of `target`, as far as they fit; returns the number of bytes written.
    fn write(&self, target: &mut [u8]) -> usize;
}

/// Declares features of fixed length: code, length of the data and, where earlier standards had less, their length.
///
/// Places count from the start of the data: byte 0 here is byte 4 of the standard's tables.
macro_rules! features {
    ( $( $(#[$meta:meta])* pub struct $name:ident: $code:ident, $length:literal $(from $minimum:literal)? {
        $($fields:tt)*
    } )* ) => { $(
        record! {
            $(#[$meta])*
            pub struct $name: $length { $($fields)* }
        }

        impl $crate::configuration::Feature<'_> for $name {
            const CODE: $crate::configuration::FeatureCode = $crate::configuration::FeatureCode::$code;

            fn from_data(data: &[u8]) -> Result<Self, $crate::error::ParseError> {
                let minimum = [$length $(, $minimum)?].into_iter().fold($length, usize::min);
                $crate::bytes::padded::<$length>(data, minimum).and_then(|data| Self::parse(&data))
            }

            fn write(&self, target: &mut [u8]) -> usize {
                $crate::bytes::put(target, 0, &self.to_bytes())
            }
        }
    )* };
}
use features;

/// Declares the enumeration of all features from the list of their types.
macro_rules! feature_bodies {
    ( $( $fixed:ident ),* ; $( $list:ident ),* $(,)? ) => {
        /// What a feature's data say.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FeatureBody<'a> {
            $(
                #[doc = concat!("See [`", stringify!($fixed), "`].")]
                $fixed($fixed),
            )*
            $(
                #[doc = concat!("See [`", stringify!($list), "`].")]
                $list($list<'a>),
            )*
            /// The data of a feature that is unknown here, or too short to be what its code says.
            Other(&'a [u8]),
        }

        impl<'a> FeatureBody<'a> {
            /// The fields of the feature `code` in `data`.
            #[must_use]
            pub fn parse(code: FeatureCode, data: &'a [u8]) -> Self {
                let body = match code {
                    $( $fixed::CODE => $fixed::from_data(data).map(Self::$fixed), )*
                    $( $list::CODE => $list::from_data(data).map(Self::$list), )*
                    _ => return Self::Other(data),
                };
                body.unwrap_or(Self::Other(data))
            }

            /// Writes the data to the start of `target`, as far as they fit; returns the number of bytes written.
            pub fn write(&self, target: &mut [u8]) -> usize {
                match self {
                    $( Self::$fixed(feature) => feature.write(target), )*
                    $( Self::$list(feature) => feature.write(target), )*
                    Self::Other(data) => put(target, 0, data),
                }
            }
        }
    };
}

feature_bodies! {
    Core, Morphing, RemovableMedium, WriteProtect, RandomReadable, MultiRead, CdRead, DvdRead, RandomWritable,
    SectorErasable, Formattable, HardwareDefectManagement, WriteOnce, RestrictedOverwrite, CdRwCavWrite, Mrw,
    EnhancedDefectReporting, DvdPlusRw, DvdPlusR, RigidRestrictedOverwrite, CdTrackAtOnce, CdMastering, DvdRRwWrite,
    DdcdRead, DdcdRWrite, DdcdRwWrite, LayerJumpRigidRestrictedOverwrite, StopLongOperation, CdRwMediaWriteSupport,
    BdRPseudoOverwrite, DvdPlusRwDualLayer, DvdPlusRDualLayer, BdRead, BdWrite, Tsr, HdDvdRead, HdDvdWrite,
    HdDvdRwFragmentRecording, HybridDisc, PowerManagement, Smart, EmbeddedChanger, CdAudioExternalPlay,
    MicrocodeUpgrade, Timeout, DvdCss, RealTimeStreaming, MediaSerialNumber, DvdCprm, FirmwareInformation, Aacs,
    DvdCssManagedRecording, Vcps, SecurDisc, BdCps;
    ProfileList, IncrementalStreamingWritable, LayerJumpRecording, DriveSerialNumber, DiscControlBlocks, Ossc,
}
