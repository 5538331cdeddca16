//! GET CONFIGURATION: `sg_get_config` knows profiles, features and their fields.

use scsi_cdb::configuration::{Configuration, FeatureBody, FeatureCode, Profile};
use virtual_drive::drive::Drive;

use super::answers::answer;
#[cfg(unix)]
use super::bridge::Bridge;
use super::{Facts, fields};

/// Feature, the tool's name of a field, ours.
const FIELDS: &[(u16, &[(&str, &str)])] = &[
    (0x0001, &[("INQ2", "inquiry2"), ("DBE", "device_busy_event")]),
    (0x0002, &[("OCEvent", "operational_change_event"), ("ASYNC", "asynchronous")]),
    (0x0003, &[("Load", "load"), ("Eject", "eject"), ("Prevent jumper", "prevent_jumper"), ("Lock", "lock")]),
    (0x0010, &[("Logical block size", "logical_block_size"), ("blocking", "blocking"), ("PP", "page_present")]),
    (0x001E, &[("DAP", "digital_audio_play"), ("C2 flags", "c2_flags"), ("CD-Text", "cd_text")]),
    (0x001F, &[("MULTI110", "multi110"), ("Dual-RW", "dual_rw"), ("Dual-R", "dual_r")]),
    (
        0x0020,
        &[
            ("Last lba", "last_lba"),
            ("Logical block size", "logical_block_size"),
            ("blocking", "blocking"),
            ("PP", "page_present"),
        ],
    ),
    (
        0x0023,
        &[
            ("RENoSA", "re_no_spare_area"),
            ("Expand", "expand"),
            ("QCert", "quick_certification"),
            ("Cert", "certification"),
            ("FRF", "fast_reformat"),
            ("RRM", "random_recording_mode"),
        ],
    ),
    (0x0024, &[("SSA", "supplementary_spare_area")]),
    (0x0025, &[("Logical block size", "logical_block_size"), ("blocking", "blocking"), ("PP", "page_present")]),
    (0x002A, &[("Write", "write"), ("Quick start", "quick_start"), ("Close only", "close_only")]),
    (0x002B, &[("Write", "write")]),
    (
        0x002C,
        &[
            ("DSDG", "defect_status_generate"),
            ("DSDR", "defect_status_read"),
            ("Intermediate", "intermediate"),
            ("Blank", "blank"),
        ],
    ),
    (
        0x002D,
        &[
            ("BUF", "buffer_underrun_free"),
            ("R-W raw", "rw_raw"),
            ("R-W pack", "rw_pack"),
            ("Test write", "test_write"),
            ("CD-RW", "cd_rw"),
            ("R-W sub-code", "rw_sub_code"),
            ("Data type supported", "data_types"),
        ],
    ),
    (
        0x002E,
        &[
            ("BUF", "buffer_underrun_free"),
            ("SAO", "session_at_once"),
            ("Raw MS", "raw_multisession"),
            ("Raw", "raw"),
            ("Test write", "test_write"),
            ("CD-RW", "cd_rw"),
            ("R-W", "rw_sub_code"),
            ("Maximum cue sheet length", "maximum_cue_sheet_length"),
        ],
    ),
    (
        0x002F,
        &[
            ("BUF", "buffer_underrun_free"),
            ("RDL", "r_dual_layer"),
            ("Test write", "test_write"),
            ("DVD-RW SL", "dvd_rw"),
        ],
    ),
    (0x0037, &[("CD-RW media sub-type support (bitmask)", "sub_types")]),
    (0x003B, &[("write", "write")]),
    (
        0x0103,
        &[
            ("Scan", "scan"),
            ("SCM", "separate_channel_mute"),
            ("SV", "separate_volume"),
            ("number of volume levels", "volume_levels"),
        ],
    ),
    (0x0105, &[("Group 3", "group3"), ("unit length", "unit_length")]),
    (0x0106, &[("CSS version", "version")]),
    (
        0x0107,
        &[
            ("RBCB", "read_buffer_capacity_block"),
            ("SCS", "set_cd_speed"),
            ("MP2A", "mode_page_2a"),
            ("WSPD", "write_speed"),
            ("SW", "stream_writing"),
        ],
    ),
    (
        0x010D,
        &[
            ("BNG", "binding_nonce_generation"),
            ("Block count for binding nonce", "binding_nonce_block_count"),
            ("Number of AGIDs", "agids"),
            ("AACS version", "version"),
        ],
    ),
];

/// What the tool says.
#[cfg(unix)]
pub(super) fn ask(bridge: &Bridge) -> anyhow::Result<Facts> {
    bridge.ask(&["sg_get_config"]).map(|said| parse(&said))
}

fn parse(said: &str) -> Facts {
    let mut facts = Facts::new();
    let (mut name, mut code) = (String::new(), None);
    let mut profiles = 0;
    for line in said.lines() {
        if let Some(profile) = line.strip_prefix("Current profile: ") {
            facts.insert("profile".into(), profile.trim().to_lowercase());
        } else if line.starts_with("    version=")
            && let Some(found) =
                line.split_once("[0x").and_then(|(_, rest)| u16::from_str_radix(rest.split(']').next()?, 16).ok())
        {
            code = Some(found);
            facts.insert(format!("{found:04X}"), name.clone());
            for (tools, ours) in [("version", "version"), ("persist", "persistent"), ("current", "current")] {
                let value = line.split([',', '[']).find_map(|part| part.trim().strip_prefix(tools)?.strip_prefix('='));
                facts.insert(format!("{found:04X} {ours}"), value.unwrap_or_default().trim().into());
            }
        } else if let Some(profile) = line.trim().strip_prefix("profile: ") {
            let (profile, current) = profile.split_once(" , currentP=").unwrap_or((profile, ""));
            profiles += 1;
            facts.insert(format!("profile {profiles}"), profile.trim().to_lowercase());
            facts.insert(format!("profile {profiles} current"), current.trim().into());
        } else if line.starts_with("      ") {
            let known = FIELDS.iter().find(|(feature, _)| Some(*feature) == code).map_or(&[][..], |(_, fields)| fields);
            for part in line.split([',', ':']) {
                if let (Some(code), Some((key, value))) = (code, part.split_once('='))
                    && known.iter().any(|(tools, _)| *tools == key.trim())
                    && let Some(value) = fields::number(value)
                {
                    facts.insert(format!("{code:04X} {}", key.trim()), value);
                }
            }
            if let (Some(code), true) = (code, line.contains("too short")) {
                facts.insert(format!("{code:04X} complaint"), line.trim().into());
            }
            if let (Some(code), Some((_, serial))) = (code, line.split_once("Drive serial number: ")) {
                facts.insert(format!("{code:04X} serial"), serial.trim().into());
            }
        } else if line.starts_with("  ") {
            name = line.trim().trim_end_matches(" feature").to_lowercase();
        }
    }
    facts
}

/// What our parser says.
pub(super) fn ours(drive: &mut Drive) -> Facts {
    let mut facts = Facts::new();
    let data = answer(drive, &[0x46, 0, 0, 0, 0, 0, 0, 0xFF, 0xFC, 0]);
    let Ok(configuration) = Configuration::parse(&data) else { return facts };
    let named = |name: Option<&str>| name.unwrap_or_default().to_lowercase();
    if configuration.current_profile != Profile::NONE {
        facts.insert("profile".into(), named(configuration.current_profile.name()));
    }
    for feature in configuration.features() {
        let code = feature.code.0;
        facts.insert(format!("{code:04X}"), named(feature.code.name()));
        facts.insert(format!("{code:04X} version"), feature.version.to_string());
        facts.insert(format!("{code:04X} persistent"), u8::from(feature.persistent).to_string());
        facts.insert(format!("{code:04X} current"), u8::from(feature.current).to_string());
        let numbers = fields::numbers(&format!("{:?}", feature.body()));
        for (tools, ours) in FIELDS.iter().filter(|(known, _)| *known == code).flat_map(|(_, fields)| *fields) {
            if let Some((_, value)) = numbers.iter().find(|(name, _)| name == ours) {
                facts.insert(format!("{code:04X} {tools}"), value.clone());
            }
        }
        match feature.body() {
            FeatureBody::ProfileList(list) => {
                for (number, entry) in (1..).zip(list.iter()) {
                    facts.insert(format!("profile {number}"), named(entry.profile.name()));
                    facts.insert(format!("profile {number} current"), u8::from(entry.current).to_string());
                }
            }
            _ if feature.code == FeatureCode::DRIVE_SERIAL_NUMBER => {
                facts.insert(format!("{code:04X} serial"), String::from_utf8_lossy(feature.data).trim().to_owned());
            }
            _ => {}
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tool_prints_is_read() {
        let facts = parse(
            "Current profile: BD-RE\nFeatures:\n  Profile list feature\n    version=0, persist=1, current=1 [0x0]\n    \
             available profiles [more recent typically higher in list]:\n      profile: BD-RE , currentP=1\n      \
             profile: CD-ROM , currentP=0\n  Random readable feature\n    version=0, persist=0, current=1 [0x10]\n      \
             Logical block size=0x800, blocking=0x20, PP=1\n",
        );
        let values = ["profile", "profile 2", "0010", "0010 current", "0010 Logical block size", "0010 PP"];
        let values = values.map(|name| facts[name].as_str());
        assert_eq!(values, ["bd-re", "cd-rom", "random readable", "1", "2048", "1"]);
    }
}
