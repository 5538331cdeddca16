//! JSON Lines with strict keys: the ground that drive scripts and request scripts stand on.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::nearest;

/// What is wrong with a line, for people: file, line, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct FormatError {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// Line number, from 1.
    pub line: usize,
    /// A sentence about the key or value.
    pub message: String,
}

/// One object of a file.
#[derive(Clone, Debug)]
pub struct Fields {
    file: Arc<str>,
    line: usize,
    keys: Map<String, Value>,
}

/// The objects of `text`, which came from `file`. Blank lines and lines that start with `#` are skipped.
///
/// # Errors
/// An item is an error where a line is no JSON object.
pub fn objects(file: &str, text: &str) -> impl Iterator<Item = Result<Fields, FormatError>> {
    let file: Arc<str> = file.into();
    text.lines().enumerate().filter_map(move |(index, text)| {
        let text = text.trim();
        (!text.is_empty() && !text.starts_with('#')).then(|| {
            let line = index + 1;
            let error = |message| FormatError { file: file.clone(), line, message };
            match serde_json::from_str(text) {
                Ok(Value::Object(keys)) => Ok(Fields { file: file.clone(), line, keys }),
                Ok(_) => Err(error("a line must be one JSON object, such as {\"cdb\": \"00\"}".into())),
                Err(problem) => {
                    // serde_json counts lines of what it was given, which is always the first.
                    let what = problem.to_string();
                    let what = what.split(" at line ").next().unwrap_or_default();
                    Err(error(format!("not valid JSON: {what} in column {}", problem.column())))
                }
            }
        })
    })
}

impl Fields {
    /// Line number, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// An error about this line.
    #[must_use]
    pub fn error(&self, message: impl fmt::Display) -> FormatError {
        FormatError { file: self.file.clone(), line: self.line, message: message.to_string() }
    }

    fn wrong(&self, key: &str, expected: &str) -> FormatError {
        let found = self.keys.get(key).map_or_else(String::new, Value::to_string);
        let found: String =
            if found.len() > 60 { found.chars().take(57).chain("...".chars()).collect() } else { found };
        self.error(format_args!("`{key}` must be {expected}, not {found}"))
    }

    /// Refuses keys that are not in `known`.
    ///
    /// # Errors
    /// Names the first unknown key and the nearest known one.
    pub fn allow(&self, known: &[&str]) -> Result<(), FormatError> {
        match self.keys.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let hint = nearest(key, known.iter().copied(), 1).first().map_or_else(
                    || format!("known keys: {}", known.join(", ")),
                    |near| format!("the nearest known key is `{near}`"),
                );
                Err(self.error(format_args!("unknown key `{key}`; {hint}")))
            }
        }
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The first key of `known` that is there.
    #[must_use]
    pub fn first_of<'a>(&self, known: &[&'a str]) -> Option<&'a str> {
        known.iter().copied().find(|key| self.has(key))
    }

    /// All keys, for error texts.
    #[must_use]
    pub fn key_names(&self) -> Vec<&str> {
        self.keys.keys().map(String::as_str).collect()
    }

    /// An unsigned number up to `most`: a JSON number or a `"0x…"` string.
    ///
    /// # Errors
    /// The value is something else or larger.
    pub fn number(&self, key: &str, most: u64) -> Result<Option<u64>, FormatError> {
        let Some(value) = self.keys.get(key) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => parse_number(text),
            _ => None,
        };
        match number {
            Some(number) if number <= most => Ok(Some(number)),
            _ => Err(self.wrong(key, &format!("a number from 0 to {most} (or \"0x...\")"))),
        }
    }

    /// A number that fits `T`.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn uint<T: TryFrom<u64> + Bounded>(&self, key: &str) -> Result<Option<T>, FormatError> {
        Ok(self.number(key, T::MOST)?.and_then(|number| T::try_from(number).ok()))
    }

    /// A signed number.
    ///
    /// # Errors
    /// The value is something else.
    pub fn signed(&self, key: &str) -> Result<Option<i64>, FormatError> {
        match self.keys.get(key).and_then(Value::as_i64) {
            Some(number) => Ok(Some(number)),
            // A string may give all 64 bits, so that offsets past the end of the signed range can be tried.
            None => Ok(self.number(key, u64::MAX)?.map(u64::cast_signed)),
        }
    }

    /// A string.
    ///
    /// # Errors
    /// The value is something else.
    pub fn text(&self, key: &str) -> Result<Option<&str>, FormatError> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// True or false.
    ///
    /// # Errors
    /// The value is something else.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, FormatError> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// Bytes as a hex string.
    ///
    /// # Errors
    /// The value is no string, or not hex.
    pub fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, FormatError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse_hex(text).map(Some).map_err(|problem| self.error(format_args!("`{key}`: {problem}")))
    }

    /// A nested object, with this line's place.
    ///
    /// # Errors
    /// The value is something else.
    pub fn object(&self, key: &str) -> Result<Option<Self>, FormatError> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::Object(keys)) => {
                Ok(Some(Self { file: self.file.clone(), line: self.line, keys: keys.clone() }))
            }
            Some(_) => Err(self.wrong(key, "an object in braces")),
        }
    }
}

/// Unsigned types that a field may have.
pub trait Bounded {
    /// The largest value.
    const MOST: u64;
}

impl Bounded for u8 {
    const MOST: u64 = 0xFF;
}

impl Bounded for u32 {
    const MOST: u64 = 0xFFFF_FFFF;
}

impl Bounded for u64 {
    const MOST: u64 = Self::MAX;
}

/// A decimal number, or a hexadecimal one after `0x`.
#[must_use]
pub fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Bytes from hex digits, two for each, with or without spaces.
///
/// # Errors
/// Says which character is wrong, or that half a byte is left over.
pub fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (position, character) in text.chars().enumerate().filter(|(_, character)| !character.is_whitespace()) {
        let digit = character.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit =
            digit.ok_or_else(|| format!("`{character}` at position {} is no hexadecimal digit", position + 1))?;
        match high.take() {
            None => high = Some(digit),
            Some(first) => bytes.push(first << 4 | digit),
        }
    }
    if high.is_some() {
        return Err("an odd number of hexadecimal digits; a byte needs two".into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Fields, FormatError> {
        objects("f.jsonl", text).next().unwrap()
    }

    #[test]
    fn comments_and_blank_lines_count_but_say_nothing() {
        let all: Vec<_> = objects("f", "# title\n\n{\"a\": 1}\n  # more\n{\"b\": 2}\n").map(Result::unwrap).collect();
        assert_eq!(all.iter().map(Fields::line).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn errors_name_file_line_key_and_a_way_out() {
        let fields = one("\n{\"sens\": \"05/20/00\", \"cdb\": 5}").unwrap();
        assert_eq!(
            fields.allow(&["cdb", "sense", "data"]).unwrap_err().to_string(),
            "f.jsonl:2: unknown key `sens`; the nearest known key is `sense`"
        );
        assert_eq!(fields.bytes("cdb").unwrap_err().to_string(), "f.jsonl:2: `cdb` must be a string, not 5");
        assert_eq!(one("[1]").unwrap_err().line, 1);
        assert!(one("{\"cdb\": ").unwrap_err().message.starts_with("not valid JSON: EOF"));
    }

    #[test]
    fn numbers_come_as_numbers_or_hexadecimal_strings() {
        let fields = one(r#"{"a": 16, "b": "0x10", "c": -1, "d": 300, "e": "0xFFFFFFFFFFFFFFFF", "f": 1.5}"#).unwrap();
        assert_eq!((fields.uint::<u32>("a").unwrap(), fields.uint::<u32>("b").unwrap()), (Some(16), Some(16)));
        assert_eq!(fields.uint::<u8>("missing").unwrap(), None);
        assert_eq!((fields.signed("c").unwrap(), fields.signed("e").unwrap()), (Some(-1), Some(-1)));
        for (key, most) in [("c", u64::MAX), ("d", 255), ("f", 255)] {
            assert!(fields.number(key, most).is_err(), "{key}");
        }
        assert!(fields.uint::<u8>("d").unwrap_err().message.contains("from 0 to 255"));
    }

    #[test]
    fn hex_may_have_spaces() {
        assert_eq!(parse_hex("00 fF\t1 0"), Ok(vec![0, 0xFF, 0x10]));
        assert!(parse_hex("0").unwrap_err().contains("odd"));
        assert_eq!(parse_hex("0g").unwrap_err(), "`g` at position 2 is no hexadecimal digit");
    }
}
