//! What the tests of every command and every answer share.

use core::fmt::Debug;
use std::vec::Vec;

use proptest::prelude::*;

use crate::cdb::{Command, Direction};
use crate::error::ParseError;

/// Checks that `command` and the bytes in `cdb` are the same command, and that its data phase has `length` bytes.
#[track_caller]
pub(crate) fn golden<C: Command>(command: C, cdb: &[u8], direction: Direction, length: u32) {
    assert_eq!(command.cdb().as_bytes(), cdb, "building {command:?}");
    assert_eq!(C::parse(cdb), Ok(command), "parsing {cdb:02X?}");
    assert_eq!((command.transfer().direction(), command.transfer().length()), (direction, length), "{command:?}");
}

/// Checks on random blocks that parsing never panics and that building is its inverse.
pub(crate) fn round_trip<C: Command>() {
    let length = usize::from(C::OPCODE.cdb_length());
    proptest!(|(mut block in proptest::collection::vec(any::<u8>(), 0..20))| {
        let _ = C::parse(&block);
        if let Some(first) = block.first_mut() {
            *first = C::OPCODE.0;
        }
        match C::parse(&block) {
            Ok(command) => {
                let built = command.cdb();
                prop_assert_eq!(built.as_bytes().len(), length);
                prop_assert_eq!(built.opcode(), C::OPCODE);
                prop_assert_eq!(C::parse(built.as_bytes()), Ok(command));
                let _ = command.transfer();
            }
            Err(ParseError::TooShort { .. }) => prop_assert!(block.len() < length),
            Err(_) => prop_assert!(block.len() >= length),
        }
    });
    assert!(matches!(C::parse(&[!C::OPCODE.0; 16]), Err(ParseError::WrongCode { .. })));
}

/// Checks that `parser`, which should use all of what it returns, panics on no byte string of up to 600 bytes.
///
/// Half of the strings are dense in small numbers, so that lengths and counts in them are often plausible.
pub(crate) fn total<R>(parser: impl Fn(&[u8]) -> R) {
    let small = proptest::collection::vec(prop_oneof![3 => 0_u8..24, 1 => any::<u8>()], 0..160);
    let wild = proptest::collection::vec(any::<u8>(), 0..600);
    proptest!(|(bytes in prop_oneof![small, wild])| {
        parser(&bytes);
    });
}

/// Checks that every strict prefix of `bytes` is handled by `parser` without a panic, and that all of it is accepted.
#[track_caller]
pub(crate) fn prefixes<'a, R: Debug>(bytes: &'a [u8], parser: impl Fn(&'a [u8]) -> Result<R, ParseError>) {
    for length in 0..bytes.len() {
        let _ = parser(&bytes[..length]);
    }
    assert!(parser(bytes).is_ok(), "{:?}", parser(bytes));
}

/// The bytes that `text` gives in hex, spaces and line breaks ignored.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
