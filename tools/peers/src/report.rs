//! What came out, for people, as JSON, and as the tables of the documentation.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::compare::{Difference, Findings};
use crate::expected::{Expected, Right, Rule, matches};
use crate::part::Part;

/// What one part found, judged by its table of explained differences.
pub(crate) struct Report {
    name: &'static str,
    about: &'static str,
    findings: Findings,
    rules: Vec<Rule>,
    /// The differences that each rule explains, by the rule's place.
    explained: BTreeMap<usize, Vec<Difference>>,
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
                Some(rule) => explained.entry(rule).or_insert_with(Vec::new).push(difference.clone()),
                None => unexplained.push(difference.clone()),
            }
        }
        Ok(Self { name: part.name, about: part.about, findings, rules: rules.rules, explained, unexplained })
    }

    /// Whether the part was skipped, or ran to its end and every difference is explained.
    pub(crate) fn is_good(&self) -> bool {
        self.unexplained.is_empty() && self.findings.failed.is_none()
    }

    /// How many differences the rules explain.
    fn explained(&self) -> usize {
        self.explained.values().map(Vec::len).sum()
    }

    /// Rules that explained nothing, although their scene was played.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Rule> {
        let idle = self.rules.iter().enumerate().filter(|(place, _)| !self.explained.contains_key(place));
        idle.map(|(_, rule)| rule).filter(|rule| self.findings.played(|scene| matches(&rule.scene, scene)))
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
            "failed": self.findings.failed,
            "questions": self.findings.questions(),
            "scenes": self.findings.scenes(),
            "agreed": self.findings.agreed,
            "explained": self.explained(),
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
            self.explained(),
            self.explained.len(),
        );
        if self.explained.is_empty() {
            return text;
        }
        text +=
            "| asked | value | ours | the peer's | right | clause | why | times |\n|---|---|---|---|---|---|---|---|\n";
        for (place, differences) in &self.explained {
            let rule = &self.rules[*place];
            let right = match rule.right {
                Right::Ours => "we",
                Right::Both => "both",
            };
            let scene = if rule.scene == "*" { String::new() } else { format!(" ({})", rule.scene) };
            let first = &differences[0];
            let cells = [
                format!("`{}`{scene}", rule.subject),
                format!("`{}`", rule.field),
                example(&first.ours),
                example(&first.theirs),
                right.to_owned(),
                rule.clause.clone(),
                rule.why.clone(),
                differences.len().to_string(),
            ];
            text += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
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
            self.explained(),
            self.unexplained.len()
        )?;
        if let Some(error) = &self.findings.failed {
            writeln!(f, "  failed: {error}")?;
        }
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

/// The most characters of a value that a table shows.
const EXAMPLE: usize = 32;

/// A value as an example in a table, cut when it is long.
fn example(value: &str) -> String {
    match value.char_indices().nth(EXAMPLE) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
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
    for report in reports.iter().filter(|report| report.findings.skipped.is_none() && report.findings.failed.is_none())
    {
        let [begin, end] = marks(report.name);
        let section = format!("{begin}\n{}{end}", report.markdown());
        text = match (text.find(&begin), text.find(&end)) {
            (Some(from), Some(to)) if from < to => text[..from].to_owned() + &section + &text[to + end.len()..],
            _ => text + "\n" + &section,
        };
    }
    std::fs::write(file, text).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: Part = Part {
        name: "test",
        about: "Something.",
        needs: &[],
        expected: "{\"subject\":\"43*\",\"field\":\"msf\",\"right\":\"ours\",\"clause\":\"MMC-6 6.25\",\"why\":\"a|b\"}\n\
                   {\"subject\":\"44*\",\"field\":\"*\",\"right\":\"both\",\"clause\":\"MMC-6 6.25\",\"why\":\"c\"}",
        run: |_, _| Ok(()),
    };

    fn report(field: &str) -> Report {
        let mut findings = Findings::default();
        findings.check("cd", "43 00", "lba", "1", "1");
        findings.check("cd", "43 00", field, "1", &"2".repeat(40));
        Report::judge(&PART, findings).unwrap()
    }

    #[test]
    fn what_no_rule_explains_fails() {
        let good = report("msf");
        assert!(good.is_good());
        assert_eq!(good.unused().count(), 1);
        assert!(good.to_string().contains("1 values agree, 1 differences explained, 0 not"), "{good}");
        let bad = report("other");
        assert!(!bad.is_good());
        assert!(bad.to_string().contains("cd: 43 00: other: ours 1, theirs 2222"), "{bad}");
        assert!(json(&[bad]).contains("\"field\": \"other\""));
        let mut failed = Findings::default();
        failed.failed = Some("no answer".into());
        assert!(!Report::judge(&PART, failed).unwrap().is_good());
        let mut skipped = Findings::default();
        skipped.skip("no peer");
        assert!(Report::judge(&PART, skipped).unwrap().is_good());
    }

    #[test]
    fn documents_keep_what_others_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("peers.md");
        std::fs::write(&file, "# Head\n").unwrap();
        for _ in 0..2 {
            write_docs(&file, &[report("msf")]).unwrap();
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let row = format!("| `43*` | `msf` | 1 | {}... | we | MMC-6 6.25 | a\\|b | 1 |", "2".repeat(32));
        assert!(text.starts_with("# Head\n") && text.contains(&row), "{text}");
        assert_eq!(text.matches("test: begin").count(), 1);
    }
}
