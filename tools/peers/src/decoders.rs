//! Decoders of other people: what they read in our sense data and in what our virtual drive answers.

mod answers;
#[cfg(unix)]
mod bridge;
mod configuration;
mod fields;
mod identity;
mod modes;
mod sense;
mod store;

use std::collections::BTreeMap;

use virtual_drive::disc::generated;
use virtual_drive::drive::MODELS;

use crate::compare::Findings;
use crate::part::{Context, Part, Program};
#[cfg(unix)]
use crate::version;

pub(crate) const PART: Part = Part {
    name: "decoders",
    about: "sg3-utils and sdparm decode our sense data and the answers of our virtual drive as our parsers do.",
    needs: &[Program { name: "sg_decode_sense", package: "sg3-utils" }, Program { name: "sdparm", package: "sdparm" }],
    expected: include_str!("../expected/decoders.jsonl"),
    run,
};

/// Names and values.
pub(crate) type Facts = BTreeMap<String, String>;

/// The drives to look at: each model without a disc, and each disc in a drive that fits.
fn drives() -> impl Iterator<Item = (&'static str, &'static [Tool])> {
    let models = MODELS.iter().map(|model| (model.name, TOOLS));
    // A disc changes nothing in what INQUIRY tells.
    models.chain(generated::list().iter().map(|(name, _)| (*name, &TOOLS[2..])))
}

#[cfg(unix)]
fn run(context: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    let mut store = store::Recorder::default();
    for program in ["sg_decode_sense", "sg_inq", "sg_vpd", "sg_modes", "sg_get_config", "sdparm"] {
        let peer = format!("{program} {}", version::of(&[program, "--version"]));
        store.peer(&peer);
        findings.peer(peer);
    }
    for (question, bytes) in sense::questions() {
        let theirs = sense::ask(&bytes)?;
        store.said("sense", Some(&question), "sg_decode_sense", &theirs);
        compare(findings, "sense", &format!("sg_decode_sense {question}"), &sense::ours(&bytes), &theirs);
    }
    let open = |name: &str| virtual_drive::sim::open(name).map_err(anyhow::Error::msg);
    let bridge = bridge::Bridge::start(&context.scratch, open("cdrom")?)?;
    for (name, tools) in drives() {
        for tool in tools {
            bridge.replace(open(name)?);
            // Unit attentions are told first, and the tools give up on them.
            for _ in 0..4 {
                bridge.ask(&["sg_turs"])?;
            }
            let theirs = (tool.ask)(&bridge)?;
            store.said(name, None, tool.name, &theirs);
            compare(findings, name, tool.name, &ours(tool, name)?, &theirs);
        }
    }
    context.record.as_ref().map_or(Ok(()), |directory| store.write(directory, PART.name))
}

#[cfg(not(unix))]
fn run(_: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    findings.skip("the tools are reached through a Unix socket");
    Ok(())
}

/// A tool, and how we see what it looks at.
struct Tool {
    name: &'static str,
    #[cfg(unix)]
    ask: fn(&bridge::Bridge) -> anyhow::Result<Facts>,
    ours: fn(&mut virtual_drive::drive::Drive) -> Facts,
}

const TOOLS: &[Tool] = &[
    Tool { name: "sg_inq", ask: identity::ask_inquiry, ours: identity::inquiry },
    Tool { name: "sg_vpd", ask: identity::ask_vpd, ours: identity::vpd },
    Tool { name: "sg_modes", ask: modes::ask_list, ours: modes::list },
    Tool { name: "sdparm", ask: modes::ask_fields, ours: modes::fields },
    Tool { name: "sg_get_config", ask: configuration::ask, ours: configuration::ours },
];

fn ours(tool: &Tool, name: &str) -> anyhow::Result<Facts> {
    let mut drive = virtual_drive::sim::open(name).map_err(anyhow::Error::msg)?;
    Ok((tool.ours)(&mut drive))
}

/// Compares all values that either has.
fn compare(findings: &mut Findings, scene: &str, subject: &str, ours: &Facts, theirs: &Facts) {
    let list = |facts: &Facts| facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>();
    findings.check_all(scene, subject, &list(ours), &list(theirs));
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::report::Report;

    #[test]
    fn what_the_decoders_said_is_what_our_parsers_say() {
        let questions: HashMap<String, Vec<u8>> = sense::questions().into_iter().collect();
        let mut findings = Findings::default();
        for line in store::parse(include_str!("../fixtures/decoders/facts.jsonl")).unwrap() {
            match line {
                store::Line::Peer { peer } => findings.peer(peer),
                store::Line::Said { question: Some(question), tool, facts, .. } => {
                    let ours = sense::ours(&questions[&question]);
                    compare(&mut findings, "sense", &format!("{tool} {question}"), &ours, &facts);
                }
                store::Line::Said { scene, question: None, tool, facts } => {
                    let known = TOOLS.iter().find(|known| known.name == tool).unwrap();
                    compare(&mut findings, &scene, &tool, &ours(known, &scene).unwrap(), &facts);
                }
            }
        }
        assert!(findings.questions() > 350 && findings.scenes() > 25);
        let report = Report::judge(&PART, findings).unwrap();
        assert!(report.is_good() && report.unused().next().is_none(), "{report}");
    }
}
