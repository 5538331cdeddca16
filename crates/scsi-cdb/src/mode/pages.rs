//! The mode pages of CD, DVD and Blu-ray drives, but for the capabilities page (MMC-6 clause 7).

use crate::bytes::{bits, put, u8_at};
use crate::error::ParseError;
use crate::layout::{Be16, Be24, Be32, Bits, Byte, Flag, Layout, Raw};

mode_page! {
    /// Read/Write Error Recovery, page 01h.
    pub struct ErrorRecoveryPage: 0x01, 12, at least 4 {
        /// Move blocks that cannot be written (AWRE).
        automatic_write_reallocation: bool = Flag(2, 7),
        /// Move blocks that were hard to read (ARRE).
        automatic_read_reallocation: bool = Flag(2, 6),
        /// Send a block that could not be corrected (TB).
        transfer_block: bool = Flag(2, 5),
        /// Never stop the flow of data for error recovery (RC).
        read_continuous: bool = Flag(2, 4),
        /// Report errors that were corrected (PER).
        post_error: bool = Flag(2, 2),
        /// End the command at the first corrected error (DTE).
        data_terminate_on_error: bool = Flag(2, 1),
        /// Do without the stronger error correction (DCR).
        disable_correction: bool = Flag(2, 0),
        /// How often a read is tried again.
        read_retry_count: u8 = Byte(3),
        /// Rate of errors that certification tolerates (EMCDR).
        enhanced_certification_rate: u8 = Bits(7, 0, 2),
        /// How often a write is tried again.
        write_retry_count: u8 = Byte(8),
        /// Blocks that an error report may be late.
        error_reporting_window: u32 = Be24(9),
    }
}

open_enum! {
    /// How data is laid on the disc (MMC-6 7.5).
    pub WriteType: u8 {
        /// In packets, or incrementally.
        PACKET = 0 => "packet/incremental",
        /// A track at a time.
        TRACK_AT_ONCE = 1 => "track at once",
        /// A session at a time.
        SESSION_AT_ONCE = 2 => "session at once",
        /// Sectors with sub-channels as sent.
        RAW = 3 => "raw",
        /// Layers with a jump in between.
        LAYER_JUMP = 4 => "layer jump recording",
    }
}

mode_page! {
    /// Write Parameters, page 05h.
    pub struct WriteParametersPage: 0x05, 52, at least 16 {
        /// Recover from buffer under-runs (BUFE).
        buffer_underrun_free: bool = Flag(2, 6),
        /// The link size is valid (LS_V).
        link_size_valid: bool = Flag(2, 5),
        /// Go through the motions without writing.
        test_write: bool = Flag(2, 4),
        /// The write type.
        write_type: WriteType = Bits(2, 0, 4),
        /// What comes after this session: 0 nothing, 3 another one.
        multi_session: u8 = Bits(3, 6, 2),
        /// Packets have a fixed length (FP).
        fixed_packet: bool = Flag(3, 5),
        /// The generation of copies rises (Copy).
        copy: bool = Flag(3, 4),
        /// The control nibble of the track's sub-channel Q.
        track_mode: u8 = Bits(3, 0, 4),
        /// What a block consists of: 8 is mode 1, 10 is mode 2 form 1.
        data_block_type: u8 = Bits(4, 0, 4),
        /// Blocks between packets.
        link_size: u8 = Byte(5),
        /// Application code.
        application_code: u8 = Bits(7, 0, 6),
        /// 00h CD-DA or data, 10h CD-I, 20h CD-ROM XA.
        session_format: u8 = Byte(8),
        /// Blocks in a packet.
        packet_size: u32 = Be32(10),
        /// Blocks of pause before an audio track.
        audio_pause_length: u16 = Be16(14),
        /// Media catalogue number, as in sub-channel data: a valid byte, 13 digits, zero, frame.
        media_catalogue_number: [u8; 16] = Raw(16),
        /// ISRC, as in sub-channel data: a valid byte, 12 characters, zeros, frame.
        isrc: [u8; 16] = Raw(32),
        /// The sub-header of mode 2 sectors.
        sub_header: [u8; 4] = Raw(48),
    }
}

mode_page! {
    /// Caching, page 08h.
    pub struct CachingPage: 0x08, 12, at least 3 {
        /// Writes end when the data is in the buffer (WCE).
        write_cache_enable: bool = Flag(2, 2),
        /// Reads must come from the medium (RCD).
        read_cache_disable: bool = Flag(2, 0),
    }
}

/// One output of the audio player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AudioPort {
    /// Which channels it plays: a bit for each, bit 0 for the left; 0 is silence.
    pub channels: u8,
    /// 0 silent to 255 full.
    pub volume: u8,
}

mode_page! {
    /// CD Audio Control, page 0Eh (MMC-4 and before).
    pub struct AudioControlPage: 0x0E, 16, at least 16 {
        /// PLAY AUDIO answers when play has started (IMMED).
        immediate: bool = Flag(2, 2),
        /// Play stops at the end of a track (SOTC).
        stop_on_track_crossing: bool = Flag(2, 1),
        /// Validity and unit of the next field, as SCSI-2 had it; reserved since.
        lba_format: u8 = Byte(5),
        /// Blocks in a second of audio: 75 where drives fill it.
        blocks_per_second: u16 = Be16(6),
        /// The four outputs.
        ports: [AudioPort; 4] = AudioPorts,
    }
}

/// Pairs of channels and volume from byte 8 on.
struct AudioPorts;

impl Layout<[AudioPort; 4]> for AudioPorts {
    fn get(&self, block: &[u8]) -> Result<[AudioPort; 4], ParseError> {
        let mut ports = [AudioPort::default(); 4];
        for (port, offset) in ports.iter_mut().zip((8_usize..).step_by(2)) {
            let channels = bits(u8_at(block, offset)?, 0, 4);
            *port = AudioPort { channels, volume: u8_at(block, offset.saturating_add(1))? };
        }
        Ok(ports)
    }

    fn set(&self, block: &mut [u8], value: [AudioPort; 4]) {
        for (port, offset) in value.iter().zip((8_usize..).step_by(2)) {
            put(block, offset, &[bits(port.channels, 0, 4), port.volume]);
        }
    }
}

mode_page! {
    /// Power Condition, page 1Ah.
    pub struct PowerConditionPage: 0x1A, 12, at least 12 {
        /// The idle timer runs.
        idle: bool = Flag(3, 1),
        /// The standby timer runs.
        standby: bool = Flag(3, 0),
        /// Time without command until idle, in 100 ms.
        idle_timer: u32 = Be32(4),
        /// Time without command until standby, in 100 ms.
        standby_timer: u32 = Be32(8),
    }
}

mode_page! {
    /// Time-out & Protect, page 1Dh.
    pub struct TimeoutAndProtectPage: 0x1D, 12, at least 10 {
        /// The time-out of group 3 is in use (G3Enable).
        group_3_enable: bool = Flag(4, 3),
        /// Commands that take longer than their group's time-out are ended (TMOE).
        timeout_enable: bool = Flag(4, 2),
        /// The drive is unavailable until the next power-on (DISP).
        disable_until_power_cycle: bool = Flag(4, 1),
        /// The drive refuses to write until the next power-on (SWPP).
        software_write_protect: bool = Flag(4, 0),
        /// Least time-out of the commands of group 1, in seconds.
        group_1_minimum: u16 = Be16(6),
        /// Least time-out of the commands of group 2, in seconds.
        group_2_minimum: u16 = Be16(8),
        /// Time-out of the commands of group 3, in seconds (MMC-4 and later).
        group_3_timeout: u16 = Be16(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::tests::page;
    use crate::test_support::hex;

    #[test]
    fn error_recovery() {
        let expected = ErrorRecoveryPage {
            automatic_write_reallocation: true,
            automatic_read_reallocation: true,
            transfer_block: false,
            read_continuous: false,
            post_error: true,
            data_terminate_on_error: false,
            disable_correction: false,
            read_retry_count: 20,
            enhanced_certification_rate: 0,
            write_retry_count: 1,
            error_reporting_window: 0x01_0203,
        };
        page(expected, &hex("01 0A C4 14 00 00 00 00 01 01 02 03"));
        let short = ErrorRecoveryPage::parse_short();
        assert_eq!(short.map(|page| (page.read_retry_count, page.write_retry_count)), Ok((3, 0)));
    }

    impl ErrorRecoveryPage {
        fn parse_short() -> Result<Self, ParseError> {
            crate::mode::ModePage::parse(&hex("81 06 00 03 00 00 00 00 FF"))
        }
    }

    #[test]
    fn write_parameters() {
        let expected = WriteParametersPage {
            buffer_underrun_free: true,
            link_size_valid: true,
            test_write: false,
            write_type: WriteType::TRACK_AT_ONCE,
            multi_session: 3,
            fixed_packet: false,
            copy: false,
            track_mode: 4,
            data_block_type: 8,
            link_size: 7,
            application_code: 0,
            session_format: 0x20,
            packet_size: 16,
            audio_pause_length: 150,
            media_catalogue_number: *b"\x801234567890123\0\0",
            isrc: *b"\x80ABCDE1234567\0\0\0",
            sub_header: [0, 0, 8, 0],
        };
        let bytes = hex("05 32 61 C4 08 07 00 00 20 00 00 00 00 10 00 96
             80 31 32 33 34 35 36 37 38 39 30 31 32 33 00 00
             80 41 42 43 44 45 31 32 33 34 35 36 37 00 00 00  00 00 08 00");
        page(expected, &bytes);
    }

    #[test]
    fn caching() {
        let expected = CachingPage { write_cache_enable: true, read_cache_disable: true };
        page(expected, &hex("08 0A 05 00 00 00 00 00 00 00 00 00"));
    }

    #[test]
    fn audio_control() {
        let port = |channels, volume| AudioPort { channels, volume };
        let expected = AudioControlPage {
            immediate: true,
            stop_on_track_crossing: false,
            lba_format: 0,
            blocks_per_second: 75,
            ports: [port(1, 0xFF), port(2, 0x80), port(0, 0), port(0, 0)],
        };
        page(expected, &hex("0E 0E 04 00 00 00 00 4B 01 FF 02 80 00 00 00 00"));
    }

    #[test]
    fn power_condition() {
        let expected = PowerConditionPage { idle: true, standby: true, idle_timer: 0x0102_0304, standby_timer: 6000 };
        page(expected, &hex("1A 0A 00 03 01 02 03 04 00 00 17 70"));
    }

    #[test]
    fn timeout_and_protect() {
        let expected = TimeoutAndProtectPage {
            group_3_enable: true,
            timeout_enable: true,
            disable_until_power_cycle: false,
            software_write_protect: true,
            group_1_minimum: 10,
            group_2_minimum: 7,
            group_3_timeout: 240,
        };
        page(expected, &hex("1D 0A 00 00 0D 00 00 0A 00 07 00 F0"));
    }
}
