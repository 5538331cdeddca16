//! Operation codes of the commands that optical drives have, with the clause that defines each.

open_enum! {
    /// The first byte of a command descriptor block.
    pub Opcode: u8 {
        /// SPC-3 6.33.
        TEST_UNIT_READY = 0x00 => "TEST UNIT READY",
        /// SPC-3 6.27.
        REQUEST_SENSE = 0x03 => "REQUEST SENSE",
        /// MMC-6 6.4.
        FORMAT_UNIT = 0x04 => "FORMAT UNIT",
        /// SBC-3, 6-byte read.
        READ_6 = 0x08 => "READ (6)",
        /// SBC-3, 6-byte write.
        WRITE_6 = 0x0A => "WRITE (6)",
        /// SPC-3 6.4.
        INQUIRY = 0x12 => "INQUIRY",
        /// SPC-3 6.7.
        MODE_SELECT_6 = 0x15 => "MODE SELECT (6)",
        /// SPC-2, 6-byte reservation.
        RESERVE_6 = 0x16 => "RESERVE (6)",
        /// SPC-2, 6-byte release.
        RELEASE_6 = 0x17 => "RELEASE (6)",
        /// SPC-3 6.9.
        MODE_SENSE_6 = 0x1A => "MODE SENSE (6)",
        /// MMC-6 6.42.
        START_STOP_UNIT = 0x1B => "START STOP UNIT",
        /// MMC-6 6.13.
        PREVENT_ALLOW_MEDIUM_REMOVAL = 0x1E => "PREVENT ALLOW MEDIUM REMOVAL",
        /// MMC-6 6.23.
        READ_FORMAT_CAPACITIES = 0x23 => "READ FORMAT CAPACITIES",
        /// MMC-6 6.18.
        READ_CAPACITY_10 = 0x25 => "READ CAPACITY (10)",
        /// MMC-6 6.14.
        READ_10 = 0x28 => "READ (10)",
        /// MMC-6 6.46.
        WRITE_10 = 0x2A => "WRITE (10)",
        /// MMC-6 6.34.
        SEEK_10 = 0x2B => "SEEK (10)",
        /// MMC-6 6.48.
        WRITE_AND_VERIFY_10 = 0x2E => "WRITE AND VERIFY (10)",
        /// MMC-6 6.45.
        VERIFY_10 = 0x2F => "VERIFY (10)",
        /// MMC-6 6.43.
        SYNCHRONIZE_CACHE_10 = 0x35 => "SYNCHRONIZE CACHE (10)",
        /// MMC-4 6.29.
        READ_SUB_CHANNEL = 0x42 => "READ SUB-CHANNEL",
        /// MMC-6 6.25.
        READ_TOC_PMA_ATIP = 0x43 => "READ TOC/PMA/ATIP",
        /// MMC-4 6.15.
        PLAY_AUDIO_10 = 0x45 => "PLAY AUDIO (10)",
        /// MMC-6 6.5.
        GET_CONFIGURATION = 0x46 => "GET CONFIGURATION",
        /// MMC-4 6.17.
        PLAY_AUDIO_MSF = 0x47 => "PLAY AUDIO MSF",
        /// MMC-6 6.6.
        GET_EVENT_STATUS_NOTIFICATION = 0x4A => "GET EVENT STATUS NOTIFICATION",
        /// MMC-4 6.14.
        PAUSE_RESUME = 0x4B => "PAUSE/RESUME",
        /// MMC-4 clause 6.
        STOP_PLAY_SCAN = 0x4E => "STOP PLAY/SCAN",
        /// MMC-6 6.21.
        READ_DISC_INFORMATION = 0x51 => "READ DISC INFORMATION",
        /// MMC-6 6.26.
        READ_TRACK_INFORMATION = 0x52 => "READ TRACK INFORMATION",
        /// MMC-6 6.31.
        RESERVE_TRACK = 0x53 => "RESERVE TRACK",
        /// MMC-6 6.38.
        SEND_OPC_INFORMATION = 0x54 => "SEND OPC INFORMATION",
        /// MMC-6 6.11, SPC-3 6.8.
        MODE_SELECT_10 = 0x55 => "MODE SELECT (10)",
        /// SPC-2, 10-byte reservation.
        RESERVE_10 = 0x56 => "RESERVE (10)",
        /// SPC-2, 10-byte release.
        RELEASE_10 = 0x57 => "RELEASE (10)",
        /// MMC-6 6.12, SPC-3 6.10.
        MODE_SENSE_10 = 0x5A => "MODE SENSE (10)",
        /// MMC-6 6.3.
        CLOSE_TRACK_SESSION = 0x5B => "CLOSE TRACK SESSION",
        /// MMC-6 6.17.
        READ_BUFFER_CAPACITY = 0x5C => "READ BUFFER CAPACITY",
        /// MMC-6 6.35.
        SEND_CUE_SHEET = 0x5D => "SEND CUE SHEET",
        /// SPC-3 6.11.
        PERSISTENT_RESERVE_IN = 0x5E => "PERSISTENT RESERVE IN",
        /// SPC-3 6.12.
        PERSISTENT_RESERVE_OUT = 0x5F => "PERSISTENT RESERVE OUT",
        /// SBC-3, 16-byte read.
        READ_16 = 0x88 => "READ (16)",
        /// SBC-3, 16-byte write.
        WRITE_16 = 0x8A => "WRITE (16)",
        /// SBC-3, 16-byte verify.
        VERIFY_16 = 0x8F => "VERIFY (16)",
        /// SBC-3, READ CAPACITY (16) among its service actions.
        SERVICE_ACTION_IN_16 = 0x9E => "SERVICE ACTION IN (16)",
        /// MMC-6 6.2.
        BLANK = 0xA1 => "BLANK",
        /// MMC-6 6.37.
        SEND_KEY = 0xA3 => "SEND KEY",
        /// MMC-6 6.28.
        REPORT_KEY = 0xA4 => "REPORT KEY",
        /// MMC-6 6.9.
        LOAD_UNLOAD_MEDIUM = 0xA6 => "LOAD/UNLOAD MEDIUM",
        /// MMC-6 6.40.
        SET_READ_AHEAD = 0xA7 => "SET READ AHEAD",
        /// MMC-6 6.15.
        READ_12 = 0xA8 => "READ (12)",
        /// MMC-6 6.47.
        WRITE_12 = 0xAA => "WRITE (12)",
        /// MMC-6 6.7.
        GET_PERFORMANCE = 0xAC => "GET PERFORMANCE",
        /// MMC-6 6.22.
        READ_DISC_STRUCTURE = 0xAD => "READ DISC STRUCTURE",
        /// MMC-6 6.41.
        SET_STREAMING = 0xB6 => "SET STREAMING",
        /// MMC-6 6.20.
        READ_CD_MSF = 0xB9 => "READ CD MSF",
        /// MMC-6 6.39.
        SET_CD_SPEED = 0xBB => "SET CD SPEED",
        /// MMC-6 6.10.
        MECHANISM_STATUS = 0xBD => "MECHANISM STATUS",
        /// MMC-6 6.19.
        READ_CD = 0xBE => "READ CD",
        /// MMC-6 6.36.
        SEND_DISC_STRUCTURE = 0xBF => "SEND DISC STRUCTURE",
    }
}

impl Opcode {
    /// The length of the block that this operation code starts, by its group (SPC-3 4.3.4.1); 16 for the groups of
    /// variable length and of vendors.
    #[must_use]
    pub const fn cdb_length(self) -> u8 {
        match self.0 {
            0x00..=0x1F => 6,
            0x20..=0x5F => 10,
            0xA0..=0xBF => 12,
            _ => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_printed_by_name() {
        let codes: std::vec::Vec<_> = Opcode::NAMED.iter().map(|(code, _)| *code).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(std::format!("{:?} {}", Opcode::READ_10, Opcode(0xD8)), "READ (10) Opcode(0xd8)");
    }

    #[test]
    fn the_group_gives_the_length() {
        let lengths = [0x1B, 0x28, 0x5F, 0x88, 0xBE, 0x7F, 0xD8].map(|code| Opcode(code).cdb_length());
        assert_eq!(lengths, [6, 10, 10, 16, 12, 16, 16]);
    }
}
