//! Mode pages: `sg_modes` finds them, `sdparm` knows their fields.

use scsi_cdb::mode::{
    CachingPage, CapabilitiesPage, ErrorRecoveryPage, HeaderForm, ModeParameters, PowerConditionPage,
    TimeoutAndProtectPage, WriteParametersPage,
};
use virtual_drive::drive::Drive;

use super::answers::answer;
#[cfg(unix)]
use super::bridge::Bridge;
use super::{Facts, fields};

/// Page, the tool's name of a field, ours.
const FIELDS: &[(u8, &[(&str, &str)])] = &[
    (
        0x01,
        &[
            ("AWRE", "automatic_write_reallocation"),
            ("ARRE", "automatic_read_reallocation"),
            ("TB", "transfer_block"),
            ("RC", "read_continuous"),
            ("PER", "post_error"),
            ("DTE", "data_terminate_on_error"),
            ("DCR", "disable_correction"),
            ("RRC", "read_retry_count"),
            ("EMCDR", "enhanced_certification_rate"),
            ("WRC", "write_retry_count"),
            ("ERWS", "error_reporting_window"),
        ],
    ),
    (
        0x05,
        &[
            ("BUFE", "buffer_underrun_free"),
            ("LS_V", "link_size_valid"),
            ("TST_W", "test_write"),
            ("MULTI_S", "multi_session"),
            ("FP", "fixed_packet"),
            ("COPY", "copy"),
            ("TRACK_M", "track_mode"),
            ("DBT", "data_block_type"),
            ("LINK_S", "link_size"),
            ("IAC", "application_code"),
            ("SESS_F", "session_format"),
            ("PACK_S", "packet_size"),
            ("APL", "audio_pause_length"),
        ],
    ),
    (0x08, &[("WCE", "write_cache_enable"), ("RCD", "read_cache_disable")]),
    (0x1A, &[("IDLE_A", "idle"), ("STANDBY_Z", "standby"), ("IACT", "idle_timer"), ("SZCT", "standby_timer")]),
    (
        0x1D,
        &[
            ("G3E", "group_3_enable"),
            ("TMOE", "timeout_enable"),
            ("DISP", "disable_until_power_cycle"),
            ("SWPP", "software_write_protect"),
            ("G1MT", "group_1_minimum"),
            ("G2MT", "group_2_minimum"),
        ],
    ),
    (
        0x2A,
        &[
            ("D_RAM_R", "reads_dvd_ram"),
            ("D_R_R", "reads_dvd_r"),
            ("D_ROM_R", "reads_dvd_rom"),
            ("METH2", "method_2"),
            ("CD_RW_R", "reads_cd_rw"),
            ("CD_R_R", "reads_cd_r"),
            ("D_RAM_W", "writes_dvd_ram"),
            ("D_R_W", "writes_dvd_r"),
            ("TST_WR", "test_write"),
            ("CD_RW_W", "writes_cd_rw"),
            ("CD_R_W", "writes_cd_r"),
            ("BUF", "buffer_underrun_free"),
            ("MULT_S", "multi_session"),
            ("M2F2", "mode_2_form_2"),
            ("M2F1", "mode_2_form_1"),
            ("DP_2", "digital_port_2"),
            ("DP_1", "digital_port_1"),
            ("COMP", "composite"),
            ("AUDIO_P", "audio_play"),
            ("RBC", "read_bar_code"),
            ("UPC", "upc"),
            ("ISRC", "isrc"),
            ("C2PS", "c2_pointers"),
            ("RW_DC", "rw_deinterleaved_and_corrected"),
            ("RW_S", "rw_supported"),
            ("CDDA_SA", "cd_da_stream_accurate"),
            ("CDDA_CS", "cd_da_commands"),
            ("EJECT", "eject"),
            ("PJ", "prevent_jumper"),
            ("LS", "lock_state"),
            ("LOCK", "lock"),
            ("RWILI", "rw_in_lead_in"),
            ("SCC", "side_change"),
            ("SSS", "software_slot_selection"),
            ("CSDP", "disc_present_reported"),
            ("SCM", "separate_channel_mute"),
            ("SVL", "separate_volume_levels"),
            ("MRSS", "maximum_read_speed"),
            ("NVLS", "volume_levels"),
            ("BSS", "buffer_size"),
            ("LENGTH", "digital_length"),
            ("LSBF", "digital_lsb_first"),
            ("RCK", "digital_left_high"),
            ("BCKF", "digital_falling_edge"),
            ("CMRS", "copy_management_revision"),
            ("RCS", "rotation_control"),
            ("CWSS", "selected_write_speed"),
        ],
    ),
];

/// MODE SENSE(10) for a page, without block descriptors.
fn sense(drive: &mut Drive, page: u8) -> Vec<u8> {
    answer(drive, &[0x5A, 8, page, 0, 0, 0, 0, 0x10, 0, 0])
}

/// The bytes of all pages as the tool finds them.
#[cfg(unix)]
pub(super) fn ask_list(bridge: &Bridge) -> anyhow::Result<Facts> {
    bridge.ask(&["sg_modes", "--all", "--dbd"]).map(|said| parse_list(&said))
}

fn parse_list(said: &str) -> Facts {
    let mut facts = Facts::new();
    let mut page: Vec<String> = Vec::new();
    for line in said.lines().chain([">>"]) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_row = |words: &[&str]| {
            words.len() > 1 && words.iter().all(|word| word.len() == 2 && u8::from_str_radix(word, 16).is_ok())
        };
        if line.starts_with(">>") {
            // Bit 7 says that the page can be saved.
            if let Some(code) = page.first().and_then(|code| u8::from_str_radix(code, 16).ok()) {
                facts.insert(format!("page {:02X}", code & 0x3F), page.join(" "));
            }
            page.clear();
        } else if is_row(&words) {
            page.extend(words.iter().skip(1).map(|word| word.to_uppercase()));
        }
    }
    facts
}

/// The same as our parser finds them.
pub(super) fn list(drive: &mut Drive) -> Facts {
    let data = sense(drive, 0x3F);
    let Ok(parameters) = ModeParameters::parse(HeaderForm::Ten, &data) else { return Facts::new() };
    let pages = parameters.pages.filter(|page| page.is_complete());
    pages
        .map(|page| {
            let bytes: Vec<_> = page.bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            (format!("page {:02X}", page.code), bytes.join(" "))
        })
        .collect()
}

/// The fields of the pages as the tool knows them.
#[cfg(unix)]
pub(super) fn ask_fields(bridge: &Bridge) -> anyhow::Result<Facts> {
    let mut facts = Facts::new();
    for (page, fields) in FIELDS {
        // Without that, it shows pages that it takes for those of disks only to disks.
        let said = bridge.ask(&["sdparm", "--flexible", "--page", &format!("{page:#x}")])?;
        facts.extend(parse_fields(*page, fields, &said));
    }
    Ok(facts)
}

fn parse_fields(page: u8, known: &[(&str, &str)], said: &str) -> Facts {
    let mut facts = Facts::new();
    for line in said.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else { continue };
        if known.iter().any(|(tools, _)| *tools == name)
            && let Some(value) = fields::number(value)
        {
            facts.insert(format!("{page:02X} {name}"), value);
        }
    }
    facts
}

/// The same as our structures have them.
pub(super) fn fields(drive: &mut Drive) -> Facts {
    let mut facts = Facts::new();
    for (page, fields) in FIELDS {
        let data = sense(drive, *page);
        let Ok(parameters) = ModeParameters::parse(HeaderForm::Ten, &data) else { continue };
        let Some(raw) = parameters.pages.find_raw(*page) else { continue };
        let debug = match page {
            0x01 => format!("{:?}", raw.read::<ErrorRecoveryPage>()),
            0x05 => format!("{:?}", raw.read::<WriteParametersPage>()),
            0x08 => format!("{:?}", raw.read::<CachingPage>()),
            0x1A => format!("{:?}", raw.read::<PowerConditionPage>()),
            0x1D => format!("{:?}", raw.read::<TimeoutAndProtectPage>()),
            _ => format!("{:?}", raw.read::<CapabilitiesPage>()),
        };
        let numbers = fields::numbers(&debug);
        for (tools, ours) in *fields {
            if let Some((_, value)) = numbers.iter().find(|(name, _)| name == ours) {
                facts.insert(format!("{page:02X} {tools}"), value.clone());
            }
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tools_print_is_read() {
        let facts = parse_list(
            "Mode parameter header from MODE SENSE(10):\n  Mode data length=42\n>> Caching, page_control: current\n \
             00     08 0a 04 00\n>> Power condition\n 00     1a 02 00 00\n",
        );
        assert_eq!([&facts["page 08"], &facts["page 1A"]], ["08 0A 04 00", "1A 02 00 00"]);
        let said =
            "Caching (SBC) mode page:\n  WCE           1  [cha: y, def:  1, sav:  1]  Write cache enable\n  XYZ 0\n";
        let facts = parse_fields(8, &[("WCE", "write_cache_enable")], said);
        assert_eq!(facts, Facts::from([("08 WCE".into(), "1".into())]));
    }
}
