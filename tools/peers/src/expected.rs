//! Differences that are known and explained, as JSON Lines: one object per rule.
//!
//! | key | meaning |
//! |---|---|
//! | `scene` | pattern of the scene, any when left out |
//! | `subject` | pattern of the subject: a command descriptor block in hex, or what else was compared |
//! | `field` | pattern of the field |
//! | `ours`, `theirs` | patterns of the values, any when left out |
//! | `right` | `ours`, or `both` where the standard leaves the choice |
//! | `clause` | the clause of the standard that decides |
//! | `why` | one sentence |
//!
//! In a pattern `*` stands for any characters and `?` for any one.

use anyhow::Context as _;
use serde::Deserialize;

use crate::compare::Difference;

/// Who answers as the standard says.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Right {
    /// We do, the peer does not.
    Ours,
    /// Both do; the standard leaves the choice.
    Both,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default = "any")]
    pub(crate) scene: String,
    pub(crate) subject: String,
    pub(crate) field: String,
    #[serde(default = "any")]
    pub(crate) ours: String,
    #[serde(default = "any")]
    pub(crate) theirs: String,
    pub(crate) right: Right,
    pub(crate) clause: String,
    pub(crate) why: String,
}

/// All rules for one peer.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) rules: Vec<Rule>,
}

impl Expected {
    /// Reads the rules; empty lines and lines that begin with `#` are left out.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let rules = lines.map(|(number, line)| {
            serde_json::from_str(line).with_context(|| format!("line {} of the table of differences", number + 1))
        });
        Ok(Self { rules: rules.collect::<anyhow::Result<_>>()? })
    }

    /// The first rule that explains the difference, by its place.
    pub(crate) fn explain(&self, difference: &Difference) -> Option<usize> {
        self.rules.iter().position(|rule| {
            matches(&rule.scene, &difference.scene)
                && matches(&rule.subject, &difference.subject)
                && matches(&rule.field, &difference.field)
                && matches(&rule.ours, &difference.ours)
                && matches(&rule.theirs, &difference.theirs)
        })
    }
}

fn any() -> String {
    "*".into()
}

/// Whether the whole text fits the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut characters = pattern.chars();
    match characters.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = characters.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            rest.is_empty() || ends.any(|at| matches(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut found = text.chars();
            found.next().is_some_and(|found| wanted == '?' || wanted == found)
                && matches(characters.as_str(), found.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("*", "", true),
            ("43 ?? 00*", "43 02 00 00 00", true),
            ("43 ?? 00*", "43 02 01 00 00", false),
            ("*.sense", "entry.sense", true),
            ("*.sense", "entry.sense.key", false),
            ("a*b*c", "a1b2b3c", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_explains() {
        let expected = Expected::parse(
            "# known\n{\"subject\":\"43*\",\"field\":\"msf\",\"right\":\"ours\",\"clause\":\"MMC-6 6.25\",\"why\":\"a\"}\n\n\
             {\"scene\":\"cd\",\"subject\":\"*\",\"field\":\"*\",\"right\":\"both\",\"clause\":\"MMC-6 6.25\",\"why\":\"b\"}\n",
        )
        .unwrap();
        let difference = |scene: &str, subject: &str, field: &str| Difference {
            scene: scene.into(),
            subject: subject.into(),
            field: field.into(),
            ours: "1".into(),
            theirs: "2".into(),
        };
        assert_eq!(expected.explain(&difference("dvd", "43 00", "msf")), Some(0));
        assert_eq!(expected.explain(&difference("cd", "43 00", "lba")), Some(1));
        assert_eq!(expected.explain(&difference("dvd", "43 00", "lba")), None);
        assert!(Expected::parse("{\"subject\":\"43*\"}").is_err());
    }
}
