//! Commands that prepare, format, blank and close recordable media.

mod cue_sheet;
mod format;
mod opc;
mod track;

pub use cue_sheet::SendCueSheet;
pub use format::{Blank, BlankingType, FormatUnit, ReadFormatCapacities};
pub use opc::SendOpcInformation;
pub use track::{CloseFunction, CloseTrackSession, ReserveTrack, TrackReservation};
