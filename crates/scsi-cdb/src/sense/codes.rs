//! Names of additional sense codes and qualifiers.

use super::table::{NAMES, RANGES};

/// The name of an additional sense code and qualifier of an optical drive, if SPC-4 has one.
///
/// For the two codes whose qualifier is a number, 40h (80h and above: a component) and 4Dh (a task tag), the name
/// comes without that number.
#[must_use]
pub fn additional_sense_name(asc: u8, ascq: u8) -> Option<&'static str> {
    let found = NAMES.binary_search_by_key(&(asc, ascq), |&(asc, ascq, _)| (asc, ascq)).ok();
    let ranged = || RANGES.iter().find(|(code, first, _)| *code == asc && *first <= ascq).map(|(_, _, name)| *name);
    found.and_then(|index| NAMES.get(index)).map(|(_, _, name)| *name).or_else(ranged)
}

/// All named pairs of additional sense code and qualifier with their names, in ascending order.
pub fn named_codes() -> impl Iterator<Item = (u8, u8, &'static str)> {
    NAMES.iter().copied()
}
