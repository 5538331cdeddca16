//! The fields of a parsed answer by name, taken from its `Debug` form, so that every view of `scsi-cdb` can be compared.

use std::fmt::Debug;

/// Every field of `value` with its path, such as `entry.position.minute`; members of a list are numbered.
pub(crate) fn of(value: &dyn Debug) -> Vec<(String, String)> {
    let text = format!("{value:#?}");
    let mut fields = Vec::new();
    let mut path: Vec<(String, usize)> = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_end_matches(',');
        if matches!(line, "}" | ")" | "]") {
            path.pop();
            continue;
        }
        let (name, rest) = match line.split_once(": ") {
            Some((name, rest)) if name.chars().all(|character| character.is_alphanumeric() || character == '_') => {
                (name.to_owned(), rest)
            }
            _ => match path.last_mut() {
                Some((_, next)) => {
                    *next += 1;
                    ((*next - 1).to_string(), line)
                }
                None => (String::new(), line),
            },
        };
        if rest.ends_with(['{', '(', '[']) {
            path.push((name, 0));
        } else {
            fields.push((join(&path, &name), rest.to_owned()));
        }
    }
    fields
}

/// The path of `name`; a lone member of a wrapper (`Some(3)`) has the wrapper's name.
fn join(path: &[(String, usize)], name: &str) -> String {
    let parents = path.iter().map(|(name, _)| name.as_str());
    let parts: Vec<&str> = parents.chain([name]).filter(|part| !part.is_empty()).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_nested_values() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read through Debug")]
        struct Inner {
            minute: u8,
        }
        #[derive(Debug)]
        #[expect(dead_code, reason = "read through Debug")]
        struct Outer {
            at: Inner,
            list: Vec<Option<u8>>,
            name: &'static str,
        }
        let value = Outer { at: Inner { minute: 2 }, list: vec![Some(7), None], name: "a: b" };
        let expected = [("at.minute", "2"), ("list.0.0", "7"), ("list.1", "None"), ("name", "\"a: b\"")];
        let fields = of(&value);
        let fields: Vec<_> = fields.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        assert_eq!(fields, expected);
        assert_eq!(of(&5), [(String::new(), "5".to_owned())]);
    }
}
