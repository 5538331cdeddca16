//! Playing audio by the drive itself: PLAY AUDIO, PAUSE/RESUME and STOP PLAY/SCAN (MMC-4 6.14 to 6.17).

use crate::address::Msf;
use crate::cdb::Transfer;
use crate::layout::{Be16, Be32, Flag, MsfAt};

command! {
    /// PLAY AUDIO (10).
    pub struct PlayAudio10: PLAY_AUDIO_10, 10 {
        /// First block.
        lba: u32 = Be32(2),
        /// Number of blocks.
        blocks: u16 = Be16(7),
    }
    transfer: |_| Transfer::None
}

command! {
    /// PLAY AUDIO MSF: play from one address up to another.
    pub struct PlayAudioMsf: PLAY_AUDIO_MSF, 10 {
        /// Where to start; FF:FF:FF is the present position.
        start: Msf = MsfAt(3),
        /// Where to end: the first frame that is not played.
        end: Msf = MsfAt(6),
    }
    transfer: |_| Transfer::None
}

command! {
    /// PAUSE/RESUME.
    pub struct PauseResume: PAUSE_RESUME, 10 {
        /// Whether play goes on, or pauses.
        resume: bool = Flag(8, 0),
    }
    transfer: |_| Transfer::None
}

command! {
    /// STOP PLAY/SCAN.
    pub struct StopPlayScan: STOP_PLAY_SCAN, 10 {}
    transfer: |_| Transfer::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn golden_bytes() {
        let msf = PlayAudioMsf { start: Msf::new(0, 2, 0), end: Msf::new(3, 4, 5) };
        golden(msf, &[0x47, 0, 0, 0, 2, 0, 3, 4, 5, 0], Direction::None, 0);
        let blocks = PlayAudio10 { lba: 0x0102_0304, blocks: 0x0506 };
        golden(blocks, &[0x45, 0, 1, 2, 3, 4, 0, 5, 6, 0], Direction::None, 0);
        golden(PauseResume { resume: true }, &[0x4B, 0, 0, 0, 0, 0, 0, 0, 1, 0], Direction::None, 0);
        golden(StopPlayScan {}, &[0x4E, 0, 0, 0, 0, 0, 0, 0, 0, 0], Direction::None, 0);
    }

    #[test]
    fn round_trips() {
        round_trip::<PlayAudio10>();
        round_trip::<PlayAudioMsf>();
        round_trip::<PauseResume>();
        round_trip::<StopPlayScan>();
    }
}
