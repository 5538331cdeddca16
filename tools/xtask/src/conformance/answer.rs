//! Result lines (the tools' third file format), as far as they are judged.

use serde::Deserialize;
use serde_json::Value;

/// One result line, of the reference or of ours.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Answer {
    #[serde(default, deserialize_with = "optional_number")]
    pub line: Option<u64>,
    #[serde(default)]
    pub cause: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub status: u64,
    #[serde(default, deserialize_with = "number")]
    pub information: u64,
    #[serde(default, deserialize_with = "hex")]
    pub out: String,
    #[serde(default, deserialize_with = "scsi_commands")]
    pub commands: Vec<Command>,
    /// What our host found that a driver must not do. The reference has none.
    #[serde(default)]
    pub findings: Vec<String>,
    /// The reference hung: nothing to compare with.
    #[serde(default)]
    pub hang: bool,
    /// The reference did not get as far as this line.
    #[serde(default)]
    pub not_reached: bool,
}

/// One command that reached the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub cdb: String,
    pub direction: String,
    pub length: u64,
    pub timeout_s: u64,
    pub data_out: String,
}

/// Data that goes out is compared as far as the reference's was kept: 4096 bytes.
const DATA_OUT_DIGITS: usize = 8192;

impl Command {
    /// The command of an entry; `None` for a port function that is no command.
    fn from_entry(entry: &Value) -> Option<Self> {
        let mut data_out = hex_of(entry.get("data_out"));
        data_out.truncate(DATA_OUT_DIGITS);
        Some(Self {
            cdb: hex_of(Some(entry.get("cdb")?)),
            direction: entry.get("dir").and_then(Value::as_str).unwrap_or("none").to_owned(),
            length: number_of(entry.get("length")),
            timeout_s: number_of(entry.get("timeout_s")),
            data_out,
        })
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {} s", self.cdb, self.direction, self.length, self.timeout_s)?;
        if !self.data_out.is_empty() {
            write!(f, " {}", shortened(&self.data_out))?;
        }
        Ok(())
    }
}

/// The first 48 bytes of a hex string.
pub fn shortened(digits: &str) -> &str {
    digits.get(..96).unwrap_or(digits)
}

/// A number as the formats write it: a JSON number or a string, hexadecimal with `0x`. Anything else counts as 0.
pub fn number_of(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) => match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16).unwrap_or(0),
            None => text.parse().unwrap_or(0),
        },
        Some(value) => value.as_u64().unwrap_or(0),
        None => 0,
    }
}

fn hex_of(value: Option<&Value>) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    text.chars().filter(|digit| !digit.is_whitespace()).map(|digit| digit.to_ascii_lowercase()).collect()
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(number_of(Some(&Value::deserialize(deserializer)?)))
}

fn optional_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok((!value.is_null()).then(|| number_of(Some(&value))))
}

fn hex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(hex_of(Some(&Value::deserialize(deserializer)?)))
}

fn scsi_commands<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Command>, D::Error> {
    let entries = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(entries.iter().filter_map(Command::from_entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_are_read_in_every_spelling() {
        let one: Answer = serde_json::from_str(
            r#"{"line": "0x10", "status": "0xC0000010", "information": 4, "out": "0A 0b",
                "commands": [{"cdb": "4A 01", "dir": "in", "length": "8", "timeout_s": 4}, {"srb_function": "0x08"}]}"#,
        )
        .expect("a result line");
        assert_eq!((one.line, one.status, one.information), (Some(16), 0xC000_0010, 4));
        assert_eq!(one.out, "0a0b");
        assert_eq!(one.commands.len(), 1, "a port function is no command");
        assert_eq!(one.commands[0].to_string(), "4a01 in 8 4 s");
    }

    #[test]
    fn absent_keys_have_their_defaults() {
        let start: Answer = serde_json::from_str(r#"{"line": null, "cause": "start"}"#).expect("a result line");
        assert_eq!((start.line, start.cause.as_deref()), (None, Some("start")));
        assert!(start.commands.is_empty() && !start.hang && !start.not_reached);
    }
}
