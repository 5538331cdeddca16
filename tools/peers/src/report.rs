//! What came out, for people, as JSON, and as the tables of the documentation.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::compare::{Difference, Findings};
use crate::expected::{Expected, Right, Rule};
use crate::part::Part;

/// What one part found, judged by its table of explained differences.
pub(crate) struct Report {
    name: &'static str,
    about: &'static str,
    findings: Findings,
    rules: Vec<Rule>,
    /// How many differences each rule explains.
    explained: BTreeMap<usize, usize>,
    unexplained: Vec<Difference>,
}

impl Report {
    /// Judges what a part found.
    pub(crate) fn judge(part: &Part, findings: Findings) -> anyhow::Result<Self> {
        let rules = Expected::parse(part.expected).with_context(|| format!("differences of `{}`", part.name))?;
        let mut explained = BTreeMap::new();
        let mut unexplained = Vec::new();
        for difference in &findings.differences {
            match rules.explain(difference) {
                Some(rule) => *explained.entry(rule).or_default() += 1,
                None => unexplained.push(difference.clone()),
            }
        }
        Ok(Self { name: part.name, about: part.about, findings, rules: rules.rules, explained, unexplained })
    }

    /// Whether the part was skipped, or every difference is explained.
    pub(crate) fn is_good(&self) -> bool {
        self.unexplained.is_empty()
    }

    /// Rules that explained nothing.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().enumerate().filter(|(place, _)| !self.explained.contains_key(place)).map(|(_, rule)| rule)
    }

    fn to_json(&self) -> Value {
        let difference = |difference: &Difference| {
            json!({
                "scene": difference.scene, "subject": difference.subject, "field": difference.field,
                "ours": difference.ours, "theirs": difference.theirs,
            })
        };
        json!({
            "part": self.name,
            "peers": self.findings.peers,
            "skipped": self.findings.skipped,
            "questions": self.findings.questions(),
            "scenes": self.findings.scenes(),
            "agreed": self.findings.agreed,
            "explained": self.explained.values().sum::<usize>(),
            "unexplained": self.unexplained.iter().map(difference).collect::<Vec<_>>(),
        })
    }

    fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.name, self.about);
        for peer in &self.findings.peers {
            text += &format!("- Peer: {peer}\n");
        }
        text += &format!(
            "- Asked: {} different questions in {} scenes\n- Agreed: {} values\n- Explained differences: {} values by {} rules\n\n",
            self.findings.questions(),
            self.findings.scenes(),
            self.findings.agreed,
            self.explained.values().sum::<usize>(),
            self.explained.len(),
        );
        if self.explained.is_empty() {
            return text;
        }
        text += "| asked | value | right | clause | why | times |\n|---|---|---|---|---|---|\n";
        for (place, times) in &self.explained {
            let rule = &self.rules[*place];
            let right = match rule.right {
                Right::Ours => "we",
                Right::Both => "both",
            };
            let asked = if rule.scene == "*" {
                format!("`{}`", rule.subject)
            } else {
                format!("`{}` ({})", rule.subject, rule.scene)
            };
            text += &format!(
                "| {asked} | `{}` | {right} | {} | {} | {times} |\n",
                rule.field.replace('|', "\\|"),
                rule.clause,
                rule.why
            );
        }
        text + "\n"
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.findings.skipped {
            return writeln!(f, "{:<10} skipped: {reason}", self.name);
        }
        writeln!(
            f,
            "{:<10} {}: {} questions in {} scenes, {} values agree, {} differences explained, {} not",
            self.name,
            self.findings.peers.join(", "),
            self.findings.questions(),
            self.findings.scenes(),
            self.findings.agreed,
            self.explained.values().sum::<usize>(),
            self.unexplained.len()
        )?;
        for difference in &self.unexplained {
            let Difference { scene, subject, field, ours, theirs } = difference;
            writeln!(f, "  {scene}: {subject}: {field}: ours {ours}, theirs {theirs}")?;
        }
        for rule in self.unused() {
            writeln!(f, "  explains nothing: {} {} {}", rule.scene, rule.subject, rule.field)?;
        }
        Ok(())
    }
}

/// All reports as one JSON value.
pub(crate) fn json(reports: &[Report]) -> String {
    format!("{:#}", Value::from(reports.iter().map(Report::to_json).collect::<Vec<_>>()))
}

/// What stands before the generated part of a section, by the part's name.
fn marks(name: &str) -> [String; 2] {
    [format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n")]
}

/// Replaces the generated section of each part that ran; sections of others stay.
pub(crate) fn write_docs(file: &Path, reports: &[Report]) -> anyhow::Result<()> {
    let mut text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    for report in reports.iter().filter(|report| report.findings.skipped.is_none()) {
        let [begin, end] = marks(report.name);
        let section = format!("{begin}\n{}{end}", report.markdown());
        text = match (text.find(&begin), text.find(&end)) {
            (Some(from), Some(to)) if from < to => text[..from].to_owned() + &section + &text[to + end.len()..],
            _ => text + "\n" + &section,
        };
    }
    std::fs::write(file, text).with_context(|| file.display().to_string())
}
