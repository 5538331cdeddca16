//! The syntax of INF files: sections with lines, lines with a key and values.

use std::fmt;

/// A file.
#[derive(Debug, Default)]
pub struct Inf {
    /// In the order of the file.
    pub sections: Vec<Section>,
}

/// A section.
#[derive(Debug)]
pub struct Section {
    /// Its name; names are compared without regard to case.
    pub name: String,
    /// Where it begins.
    pub at: usize,
    /// What stands in it.
    pub lines: Vec<Line>,
}

/// A line of a section.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Which line of the file it is.
    pub at: usize,
    /// What stands before the equals sign, if there is one.
    pub key: Option<String>,
    /// What stands after it, or the whole line: separated by commas, quotes taken off.
    pub values: Vec<String>,
}

/// What is wrong, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.at, self.what)
    }
}

/// A fault.
pub fn fault(at: usize, what: impl Into<String>) -> Fault {
    Fault { at, what: what.into() }
}

impl Inf {
    /// The section of that name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name.eq_ignore_ascii_case(name))
    }
}

impl Section {
    /// The line of that key.
    pub fn line(&self, key: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.is(key))
    }

    /// The only value of that key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.line(key)?.values.first().map(String::as_str)
    }
}

impl Line {
    /// Whether that is its key.
    pub fn is(&self, key: &str) -> bool {
        self.key.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(key))
    }
}

/// Takes a file apart; says what is no INF.
pub fn parse(text: &str) -> (Inf, Vec<Fault>) {
    let mut inf = Inf::default();
    let mut faults = Vec::new();
    for (number, whole) in text.lines().enumerate() {
        let at = number + 1;
        if !whole.is_ascii() {
            faults.push(fault(at, "only ASCII is read the same everywhere"));
        }
        let line = without_comment(whole).trim();
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let Some(name) = name.strip_suffix(']') else {
                faults.push(fault(at, "the section's name has no end"));
                continue;
            };
            if inf.section(name).is_some() {
                faults.push(fault(at, format!("section [{name}] is there twice")));
            }
            inf.sections.push(Section { name: name.trim().to_owned(), at, lines: Vec::new() });
            continue;
        }
        let Some(section) = inf.sections.last_mut() else {
            faults.push(fault(at, "the line is in no section"));
            continue;
        };
        let (key, rest) = match split_outside_quotes(line, '=').as_slice() {
            [key, first, more @ ..] => (Some(unquoted(key)), [&[*first], more].concat().join("=")),
            _ => (None, line.to_owned()),
        };
        if rest.matches('"').count() % 2 != 0 {
            faults.push(fault(at, "a quote is not closed"));
        }
        let values = split_outside_quotes(&rest, ',').into_iter().map(unquoted).collect();
        section.lines.push(Line { at, key, values });
    }
    (inf, faults)
}

fn without_comment(line: &str) -> &str {
    split_outside_quotes(line, ';').first().copied().unwrap_or("")
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|letter| {
        quoted ^= letter == '"';
        letter == separator && !quoted
    })
    .collect()
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_key_and_values() {
        let (inf, faults) = parse("[A] ; one\nk = v, \"x, ;y\" ; two\nfile.sys\n");
        assert_eq!(faults, []);
        let lines = &inf.section("a").expect("the section").lines;
        let values = |line: &Line| line.values.clone();
        assert_eq!((lines[0].is("K"), values(&lines[0])), (true, vec!["v".to_owned(), "x, ;y".to_owned()]));
        assert_eq!((lines[1].key.as_deref(), values(&lines[1])), (None, vec!["file.sys".to_owned()]));
    }

    #[test]
    fn what_is_no_inf_is_told() {
        let (_, faults) = parse("k = v\n[A\n[B]\nk = \"v\n[b]\nü = 1\n");
        let lines: Vec<_> = faults.iter().map(|fault| fault.at).collect();
        assert_eq!(lines, [1, 2, 4, 5, 6]);
    }
}
