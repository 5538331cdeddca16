//! Text fields of fixed length as drives send them: ASCII, padded with spaces, often not even that.

use core::fmt;

use crate::error::ParseError;
use crate::layout::{Layout, Raw};

/// `N` bytes that should be left-aligned ASCII padded with spaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<const N: usize>(pub [u8; N]);

impl<const N: usize> Text<N> {
    /// `text` padded with spaces or cut to `N` bytes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = [b' '; N];
        crate::bytes::put(&mut bytes, 0, text.as_bytes());
        Self(bytes)
    }

    /// The bytes without the spaces and zeros at both ends.
    #[must_use]
    pub fn trimmed(&self) -> &[u8] {
        trim(&self.0)
    }
}

/// `bytes` without the spaces and zeros at both ends.
#[must_use]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | 0);
    let start = bytes.iter().position(is_text).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(is_text).map_or(start, |last| last.saturating_add(1));
    bytes.get(start..end).unwrap_or(&[])
}

impl<const N: usize> fmt::Display for Text<N> {
    /// The trimmed text; bytes outside printable ASCII as `?`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.trimmed()
            .iter()
            .try_for_each(|&byte| f.write_char(if matches!(byte, b' '..=b'~') { char::from(byte) } else { '?' }))
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl<const N: usize> Layout<Text<N>> for Raw {
    fn get(&self, block: &[u8]) -> Result<Text<N>, ParseError> {
        Layout::<[u8; N]>::get(self, block).map(Text)
    }

    fn set(&self, block: &mut [u8], value: Text<N>) {
        Layout::<[u8; N]>::set(self, block, value.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_trimmed_and_the_rest_printed() {
        assert_eq!(Text::<8>::new("PIONEER").0, *b"PIONEER ");
        assert_eq!(Text(*b" A B\0\0  ").trimmed(), b"A B");
        assert_eq!(Text([0; 4]).trimmed(), b"");
        assert_eq!(std::format!("{:?} {}", Text(*b"a\xFFb "), Text::<2>::new("long")), "\"a?b\" lo");
    }
}
