//! Commands that prepare, reserve, format, blank and close recordable media.

mod cue_sheet;
mod format;
mod opc;
mod track;

pub use cue_sheet::{CueEntry, CuePosition, SendCueSheet};
pub use format::{
    Blank, BlankingType, CapacityDescriptor, CapacityType, FormatCapacities, FormatDescriptor, FormatHeader,
    FormatParameters, FormatType, FormatUnit, ReadFormatCapacities,
};
pub use opc::{OpcTableEntry, SendOpcInformation};
pub use track::{CloseFunction, CloseTrackSession, ReserveTrack, TrackReservation};
