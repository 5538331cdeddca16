//! Names of additional sense codes and qualifiers.

/// The name of an additional sense code and qualifier, if the table has one.
#[must_use]
pub fn additional_sense_name(asc: u8, ascq: u8) -> Option<&'static str> {
    let found = NAMES.binary_search_by_key(&(asc, ascq), |&(asc, ascq, _)| (asc, ascq)).ok();
    let range = || RANGES.iter().find(|(code, first, _)| *code == asc && *first <= ascq).map(|(_, _, name)| *name);
    found.and_then(|index| NAMES.get(index)).map(|(_, _, name)| *name).or_else(range)
}

/// All named pairs of additional sense code and qualifier with their names, in ascending order.
pub fn named_codes() -> impl Iterator<Item = (u8, u8, &'static str)> {
    NAMES.iter().copied()
}

/// Codes whose qualifier carries a number from the given one on.
const RANGES: &[(u8, u8, &str)] = &[
    (0x40, 0x80, "DIAGNOSTIC FAILURE ON COMPONENT"),
    (0x4D, 0x00, "TAGGED OVERLAPPED COMMANDS"),
    (0x70, 0x00, "DECOMPRESSION EXCEPTION SHORT ALGORITHM ID"),
];

const NAMES: &[(u8, u8, &str)] = &[
    (0x00, 0x00, "NO ADDITIONAL SENSE INFORMATION"),
    (0x3A, 0x00, "MEDIUM NOT PRESENT"),
    (0x6F, 0x04, "MEDIA REGION CODE IS MISMATCHED TO LOGICAL UNIT REGION"),
];
