//! Features of CDs.

use super::features;
use crate::layout::{Be16, Be24, Byte, Flag};

features! {
    /// MultiRead (MMC-6 5.3, feature 001D): all kinds of CD are read.
    pub struct MultiRead: MULTI_READ, 0 {}

    /// CD Read (MMC-6 5.3, feature 001E).
    pub struct CdRead: CD_READ, 4 from 0 {
        /// Whether the DAP bit of READ CD works.
        digital_audio_play: bool = Flag(0, 7),
        /// Whether C2 error pointers are returned.
        c2_flags: bool = Flag(0, 1),
        /// Whether CD-Text is returned.
        cd_text: bool = Flag(0, 0),
    }

    /// CD-RW CAV Write (MMC-6 5.3, feature 0027): CD-RW are written at constant angular velocity.
    pub struct CdRwCavWrite: CD_RW_CAV_WRITE, 4 {}

    /// CD Track at Once (MMC-6 5.3, feature 002D).
    pub struct CdTrackAtOnce: CD_TRACK_AT_ONCE, 4 {
        /// Whether recording goes on without loss after the buffer ran empty (BUF).
        buffer_underrun_free: bool = Flag(0, 6),
        /// Whether raw R-W sub-channels are recorded (R-W raw).
        rw_raw: bool = Flag(0, 4),
        /// Whether packed R-W sub-channels are recorded (R-W pack).
        rw_pack: bool = Flag(0, 3),
        /// Whether writing can be tested with the laser down.
        test_write: bool = Flag(0, 2),
        /// Whether CD-RW are overwritten.
        cd_rw: bool = Flag(0, 1),
        /// Whether user R-W sub-channels are recorded.
        rw_sub_code: bool = Flag(0, 0),
        /// Data block types that can be recorded: bit n for type n.
        data_types: u16 = Be16(2),
    }

    /// CD Mastering (MMC-6 5.3, feature 002E): session at once and raw recording.
    pub struct CdMastering: CD_MASTERING, 4 {
        /// Whether recording goes on without loss after the buffer ran empty (BUF).
        buffer_underrun_free: bool = Flag(0, 6),
        /// Whether session at once works (SAO).
        session_at_once: bool = Flag(0, 5),
        /// Whether raw multisession recording works (Raw MS).
        raw_multisession: bool = Flag(0, 4),
        /// Whether raw recording works.
        raw: bool = Flag(0, 3),
        /// Whether writing can be tested with the laser down.
        test_write: bool = Flag(0, 2),
        /// Whether CD-RW are overwritten.
        cd_rw: bool = Flag(0, 1),
        /// Whether R-W sub-channels are recorded.
        rw_sub_code: bool = Flag(0, 0),
        /// Most bytes of a cue sheet (24 bits).
        maximum_cue_sheet_length: u32 = Be24(1),
    }

    /// Double Density CD Read (MMC-3, feature 0030).
    pub struct DdcdRead: DDCD_READ, 0 {}

    /// Double Density CD-R Write (MMC-3, feature 0031).
    pub struct DdcdRWrite: DDCD_R_WRITE, 4 {
        /// Whether writing can be tested with the laser down.
        test_write: bool = Flag(0, 2),
    }

    /// Double Density CD-RW Write (MMC-3, feature 0032).
    pub struct DdcdRwWrite: DDCD_RW_WRITE, 4 {
        /// Whether a session in the intermediate state is written.
        intermediate: bool = Flag(0, 1),
        /// Whether BLANK works.
        blank: bool = Flag(0, 0),
    }

    /// CD-RW Media Write Support (MMC-6 5.3, feature 0037).
    pub struct CdRwMediaWriteSupport: CD_RW_MEDIA_WRITE_SUPPORT, 4 {
        /// Media sub-types that can be written: bit n for sub-type n.
        sub_types: u8 = Byte(1),
    }
}
