//! Sense data: what `sg_decode_sense` reads in what we emit.

use std::process::Command;

use anyhow::Context as _;
use scsi_cdb::sense::{KeySpecific, Sense, SenseKey, additional_sense_name, named_codes};

use super::Facts;

/// Names of questions, and bytes.
pub(super) fn questions() -> Vec<(String, Vec<u8>)> {
    let emit = |sense: Sense, fixed: bool| {
        let mut buffer = [0; 64];
        let length = if fixed { sense.emit_fixed(&mut buffer) } else { sense.emit_descriptors(&mut buffer) };
        buffer[..length].to_vec()
    };
    let key = |asc: u8| if asc == 0x28 { SenseKey::UNIT_ATTENTION } else { SenseKey::NOT_READY };
    let named = named_codes().map(|(asc, ascq, _)| (format!("{asc:02X}/{ascq:02X}"), Sense::new(key(asc), asc, ascq)));
    let mut questions: Vec<_> = named.map(|(name, sense)| (name, emit(sense, true))).collect();
    for (name, sense) in special() {
        questions.push((format!("{name}, fixed"), emit(sense, true)));
        questions.push((format!("{name}, descriptors"), emit(sense, false)));
    }
    questions
}

/// Sense data with more than a code.
fn special() -> Vec<(&'static str, Sense)> {
    let pointer = |in_command, byte, bit| Some(KeySpecific::FieldPointer { in_command, byte, bit });
    let illegal = Sense::new(SenseKey::ILLEGAL_REQUEST, 0x24, 0);
    let medium = Sense::new(SenseKey::MEDIUM_ERROR, 0x11, 0x05);
    vec![
        ("no sense", Sense::new(SenseKey::NO_SENSE, 0, 0)),
        ("illegal request, byte", Sense { specific: pointer(true, 2, None), ..illegal }),
        ("illegal request, bit", Sense { specific: pointer(true, 0x0102, Some(5)), ..illegal }),
        ("illegal request, data", Sense { specific: pointer(false, 8, Some(0)), ..illegal }),
        ("medium error, block", Sense { information: Some(0x0001_2345), ..medium }),
        (
            "medium error, retries",
            Sense { information: Some(16), specific: Some(KeySpecific::RetryCount(18)), ..medium },
        ),
        ("recovered, block", Sense { information: Some(7), ..Sense::new(SenseKey::RECOVERED_ERROR, 0x18, 0) }),
        (
            "not ready, progress",
            Sense { specific: Some(KeySpecific::Progress(0x8000)), ..Sense::new(SenseKey::NOT_READY, 0x04, 0x07) },
        ),
        ("deferred", Sense { deferred: true, ..Sense::new(SenseKey::HARDWARE_ERROR, 0x44, 0) }),
        ("incorrect length", Sense { incorrect_length: true, ..Sense::new(SenseKey::ILLEGAL_REQUEST, 0x64, 0) }),
        ("blank check", Sense { information: Some(0xFFFF_FFFF), ..Sense::new(SenseKey::BLANK_CHECK, 0, 0) }),
        ("data protect", Sense::new(SenseKey::DATA_PROTECT, 0x27, 0)),
        ("aborted command", Sense::new(SenseKey::ABORTED_COMMAND, 0x2F, 0)),
    ]
}

/// What our parser reads in the bytes.
pub(super) fn ours(bytes: &[u8]) -> Facts {
    let mut facts = Facts::new();
    let Ok(sense) = Sense::parse(bytes) else { return facts };
    let mut note = |name: &str, value: String| facts.insert(name.into(), value);
    note("format", if bytes[0] & 0x7F < 0x72 { "fixed" } else { "descriptor" }.into());
    note("time", if sense.deferred { "deferred" } else { "current" }.into());
    note("key", sense.key.name().unwrap_or_default().to_lowercase());
    note("name", additional_sense_name(sense.asc, sense.ascq).unwrap_or_default().to_lowercase());
    if let Some(information) = sense.information {
        note("information", information.to_string());
    }
    if sense.incorrect_length {
        note("incorrect length", "yes".into());
    }
    match sense.specific {
        Some(KeySpecific::FieldPointer { in_command, byte, bit }) => {
            let bit = bit.map_or(String::new(), |bit| format!(" bit {bit}"));
            note("pointer", format!("{} byte {byte}{bit}", if in_command { "command" } else { "data parameters" }));
        }
        Some(KeySpecific::RetryCount(count)) => {
            note("retries", count.to_string());
        }
        Some(KeySpecific::Progress(part)) => {
            note("progress", format!("{}%", u32::from(part) * 100 / 0x1_0000));
        }
        Some(KeySpecific::Other(_)) | None => {}
    }
    facts
}

/// What the tool reads in them.
pub(super) fn ask(bytes: &[u8]) -> anyhow::Result<Facts> {
    let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let output = Command::new("sg_decode_sense").args(words).output().context("sg_decode_sense")?;
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(said: &str) -> Facts {
    let mut facts = Facts::new();
    let mut note = |name: &str, value: &str| facts.insert(name.into(), value.trim().to_lowercase());
    let hex = |text: &str| {
        let digits = text.trim().trim_start_matches("0x");
        let digits = digits.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap_or_default();
        u64::from_str_radix(digits, 16).unwrap_or_default().to_string()
    };
    for line in said.lines() {
        if let Some((head, key)) = line.split_once("; Sense key: ")
            && let Some((format, time)) = head.split_once(" format, ")
        {
            note("format", format);
            note("time", time.trim_matches(['<', '>']));
            note("key", key);
        }
        if let Some(name) = line.strip_prefix("Additional sense: ") {
            note("name", name);
        }
        for mark in ["Info fld=", "Information: "] {
            if let Some((_, value)) = line.split_once(mark) {
                note("information", &hex(value));
            }
        }
        if line.contains("ILI") || line.contains("Incorrect Length Indicator") {
            note("incorrect length", "yes");
        }
        if let Some((_, place)) = line.split_once("Error in ") {
            note("pointer", &place.replace(':', ""));
        }
        if let Some((_, count)) = line.split_once("Actual retry count: ") {
            let count = count.trim();
            note("retries", &if count.starts_with("0x") { hex(count) } else { count.to_owned() });
        }
        if let Some((_, part)) = line.split_once("Progress indication: ") {
            note(
                "progress",
                &part
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .replace(['%', '.'], "%")
                    .split('%')
                    .next()
                    .map(|whole| format!("{whole}%"))
                    .unwrap_or_default(),
            );
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
            "Fixed format, current; Sense key: Medium Error\nAdditional sense: L-EC uncorrectable error\n  \
             Info fld=0x1234 [4660] \n  Actual retry count: 0x0012\n",
        );
        let values: Vec<_> = facts.values().map(String::as_str).collect();
        assert_eq!(values, ["fixed", "4660", "medium error", "l-ec uncorrectable error", "18", "current"]);
        let facts = parse(
            "Descriptor format, deferred; Sense key: Illegal Request\n  Descriptor type: Sense key specific: Field pointer:\n        \
             Error in Command: byte 2 bit 0\n",
        );
        assert_eq!(facts["pointer"], "command byte 2 bit 0");
        assert_eq!(facts["format"], "descriptor");
    }
}
