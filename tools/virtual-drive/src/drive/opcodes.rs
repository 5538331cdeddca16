//! The commands: one row each.

use super::Drive;
use super::command::{Command, Outcome};
use super::model::Model;

/// What the drive must be in for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing, and no unit attention keeps it back (MMC-6 clause 4.1.6.1).
    NothingAtAll,
    /// Nothing, but a unit attention is reported first.
    Nothing,
    /// A disc that is ready.
    Medium,
}

/// Which way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No data.
    None,
    /// From the drive.
    In,
    /// To the drive.
    Out,
}

/// A row of the table.
pub(crate) struct Operation {
    /// First byte of the command descriptor block.
    pub(crate) opcode: u8,
    /// The standard's name.
    pub(crate) name: &'static str,
    /// Bytes of the command descriptor block.
    pub(crate) length: usize,
    /// What must be there.
    pub(crate) needs: Needs,
    /// Which way the data goes.
    pub(crate) phase: Phase,
    /// Which drives have the command.
    pub(crate) offered: fn(&Model) -> bool,
    /// What it does.
    pub(crate) run: fn(&mut Drive, &Command<'_>) -> Outcome,
}

/// The row of `opcode`.
pub(crate) fn find(opcode: u8) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.opcode == opcode)
}

macro_rules! operations {
    ($($opcode:literal $name:literal $length:literal $needs:ident $phase:ident $offered:ident $run:ident,)*) => {
        /// All commands in ascending order of their operation codes.
        pub(crate) const OPERATIONS: &[Operation] = &[$(Operation {
            opcode: $opcode,
            name: $name,
            length: $length,
            needs: Needs::$needs,
            phase: Phase::$phase,
            offered: Model::$offered,
            run: Drive::$run,
        },)*];
    };
}

operations! {
    0x00 "TEST UNIT READY"               6 Medium       None has_all     test_unit_ready,
    0x01 "REZERO UNIT"                   6 Medium       None has_all     rezero_unit,
    0x03 "REQUEST SENSE"                 6 NothingAtAll In   has_all     request_sense,
    0x04 "FORMAT UNIT"                   6 Medium       Out  has_writing format_unit,
    0x12 "INQUIRY"                       6 NothingAtAll In   has_all     inquiry,
    0x15 "MODE SELECT (6)"               6 Nothing      Out  has_all     mode_select_6,
    0x16 "RESERVE (6)"                   6 Nothing      None has_all     reserve,
    0x17 "RELEASE (6)"                   6 Nothing      None has_all     release,
    0x1A "MODE SENSE (6)"                6 Nothing      In   has_all     mode_sense_6,
    0x1B "START STOP UNIT"               6 Nothing      None has_all     start_stop_unit,
    0x1E "PREVENT ALLOW MEDIUM REMOVAL"  6 Nothing      None has_all     prevent_allow,
    0x23 "READ FORMAT CAPACITIES"       10 Nothing      In   has_mmc     read_format_capacities,
    0x25 "READ CAPACITY (10)"           10 Medium       In   has_all     read_capacity,
    0x28 "READ (10)"                    10 Medium       In   has_all     read_10,
    0x2A "WRITE (10)"                   10 Medium       Out  has_writing write_10,
    0x2B "SEEK (10)"                    10 Medium       None has_all     seek,
    0x2E "WRITE AND VERIFY (10)"        10 Medium       Out  has_writing write_10,
    0x2F "VERIFY (10)"                  10 Medium       None has_all     verify_10,
    0x35 "SYNCHRONIZE CACHE (10)"       10 Medium       None has_writing synchronize_cache,
    0x42 "READ SUB-CHANNEL"             10 Medium       In   has_all     read_sub_channel,
    0x43 "READ TOC/PMA/ATIP"            10 Medium       In   has_all     read_toc,
    0x45 "PLAY AUDIO (10)"              10 Medium       None has_audio   play_audio_10,
    0x46 "GET CONFIGURATION"            10 NothingAtAll In   has_mmc     get_configuration,
    0x47 "PLAY AUDIO MSF"               10 Medium       None has_audio   play_audio_msf,
    0x4A "GET EVENT STATUS NOTIFICATION" 10 NothingAtAll In  has_mmc     get_event_status,
    0x4B "PAUSE/RESUME"                 10 Medium       None has_audio   pause_resume,
    0x4E "STOP PLAY/SCAN"               10 Medium       None has_audio   stop_play,
    0x51 "READ DISC INFORMATION"        10 Medium       In   has_mmc     read_disc_information,
    0x52 "READ TRACK INFORMATION"       10 Medium       In   has_mmc     read_track_information,
    0x53 "RESERVE TRACK"                10 Medium       None has_writing reserve_track,
    0x54 "SEND OPC INFORMATION"         10 Medium       Out  has_writing send_opc,
    0x55 "MODE SELECT (10)"             10 Nothing      Out  has_all     mode_select_10,
    0x56 "RESERVE (10)"                 10 Nothing      None has_all     reserve,
    0x57 "RELEASE (10)"                 10 Nothing      None has_all     release,
    0x5A "MODE SENSE (10)"              10 Nothing      In   has_all     mode_sense_10,
    0x5B "CLOSE TRACK SESSION"          10 Medium       None has_writing close_track_session,
    0x5C "READ BUFFER CAPACITY"         10 Nothing      In   has_writing read_buffer_capacity,
    0x5D "SEND CUE SHEET"               10 Medium       Out  has_writing send_cue_sheet,
    0x5E "PERSISTENT RESERVE IN"        10 Nothing      In   has_mmc     persistent_reserve_in,
    0x5F "PERSISTENT RESERVE OUT"       10 Nothing      Out  has_mmc     persistent_reserve_out,
    0xA1 "BLANK"                        12 Medium       None has_writing blank,
    0xA3 "SEND KEY"                     12 Nothing      Out  has_dvd     send_key,
    0xA4 "REPORT KEY"                   12 Nothing      In   has_dvd     report_key,
    0xA5 "PLAY AUDIO (12)"              12 Medium       None has_audio   play_audio_12,
    0xA6 "LOAD/UNLOAD MEDIUM"           12 Nothing      None has_mmc     load_unload,
    0xA7 "SET READ AHEAD"               12 Medium       None has_mmc     set_read_ahead,
    0xA8 "READ (12)"                    12 Medium       In   has_all     read_12,
    0xAA "WRITE (12)"                   12 Medium       Out  has_writing write_12,
    0xAC "GET PERFORMANCE"              12 Medium       In   has_mmc     get_performance,
    0xAD "READ DISC STRUCTURE"          12 Medium       In   has_dvd     read_disc_structure,
    0xB6 "SET STREAMING"                12 Nothing      Out  has_mmc     set_streaming,
    0xB9 "READ CD MSF"                  12 Medium       In   has_mmc     read_cd_msf,
    0xBB "SET CD SPEED"                 12 Nothing      None has_mmc     set_cd_speed,
    0xBD "MECHANISM STATUS"             12 Nothing      In   has_mmc     mechanism_status,
    0xBE "READ CD"                      12 Medium       In   has_mmc     read_cd,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_ascend_and_lengths_follow_the_group_code() {
        assert!(OPERATIONS.windows(2).all(|pair| pair[0].opcode < pair[1].opcode));
        for row in OPERATIONS {
            let expected = match row.opcode >> 5 {
                0 => 6,
                1 | 2 => 10,
                _ => 12,
            };
            assert_eq!(row.length, expected, "{}", row.name);
        }
    }
}
