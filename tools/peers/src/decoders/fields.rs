//! Fields of our structures by name.

/// The fields of a structure whose values are numbers or flags, from its debug form: names, and values in decimal.
pub(super) fn numbers(debug: &str) -> Vec<(String, String)> {
    let words = debug.split(['{', '}', ',', '(']);
    let pairs = words.filter_map(|word| word.split_once(": "));
    let value = |text: &str| match text.trim() {
        "true" => Some("1".to_owned()),
        "false" => Some("0".to_owned()),
        number => number.parse::<u64>().ok().map(|number| number.to_string()),
    };
    pairs.filter_map(|(name, text)| Some((name.trim().to_owned(), value(text)?))).collect()
}

/// A number that a tool writes in decimal or, after `0x`, in hex.
pub(super) fn number(text: &str) -> Option<String> {
    let text = text.trim();
    let value = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => text.parse().ok()?,
    };
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_flags_are_found() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only its debug form is looked at")]
        struct Page {
            flag: bool,
            count: u16,
            name: &'static str,
        }
        let found = numbers(&format!("{:?}", Some(Page { flag: true, count: 12, name: "a" })));
        assert_eq!(found, [("flag".into(), "1".into()), ("count".into(), "12".into())]);
        assert_eq!(number("0x800").as_deref(), Some("2048"));
        assert_eq!(number("12").as_deref(), Some("12"));
        assert_eq!(number("x"), None);
    }
}
