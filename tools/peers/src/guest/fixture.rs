//! What the guest's drives said on the tours, kept as facts and compared again without a guest: JSON Lines.
//!
//! | line | meaning |
//! |---|---|
//! | `{"peer": ...}` | kernel and QEMU, as they name themselves |
//! | `{"scene": ...}` | a tour begins |
//! | anything else | a result line of `cdromctl batch`, long output as a digest |

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::tour::Tour;

/// The file's name.
const FILE: &str = "guest.tours.jsonl";

/// Writes the tours.
pub(crate) fn store(directory: &Path, peer: &str, tours: &[Tour]) -> anyhow::Result<()> {
    let mut text = json!({ "peer": peer }).to_string() + "\n";
    for Tour { scene, outcomes } in tours {
        text += &(json!({ "scene": scene }).to_string() + "\n");
        for outcome in outcomes {
            text += &(serde_json::to_string(outcome)? + "\n");
        }
    }
    let file = directory.join(FILE);
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&file, text))
        .with_context(|| file.display().to_string())
}

/// Reads them: the peer, and the tours by scene.
#[cfg_attr(not(test), expect(dead_code, reason = "fixtures are replayed by tests"))]
pub(crate) fn load(text: &str) -> anyhow::Result<(String, Vec<Tour>)> {
    let mut peer = String::new();
    let mut tours: Vec<Tour> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = || format!("line {} of the fixture", number + 1);
        let value: Value = serde_json::from_str(line).with_context(at)?;
        let name = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        if let Some(name) = name("peer") {
            peer = name;
        } else if let Some(scene) = name("scene") {
            tours.push(Tour { scene, outcomes: Vec::new() });
        } else {
            let outcome = serde_json::from_value(value).with_context(at)?;
            tours.last_mut().with_context(at)?.outcomes.push(outcome);
        }
    }
    Ok((peer, tours))
}

#[cfg(test)]
mod tests {
    use super::super::{PART, STATIONS, compare_tours};
    use super::*;
    use crate::compare::Findings;
    use crate::report::Report;

    const RECORDED: &str = include_str!("../../fixtures/guest.tours.jsonl");

    #[test]
    fn tours_are_stored_and_loaded() {
        let (peer, tours) = load(RECORDED).unwrap();
        let directory = tempfile::tempdir().unwrap();
        store(directory.path(), &peer, &tours).unwrap();
        assert_eq!(std::fs::read_to_string(directory.path().join(FILE)).unwrap(), RECORDED);
        assert!(load("{\"line\": 1}").is_err(), "no scene yet");
    }

    /// The same comparison as with the guest, without the tour that needs QEMU on our side too.
    #[test]
    fn our_drive_differs_from_the_recorded_ones_only_as_explained() {
        let (peer, tours) = load(RECORDED).unwrap();
        assert!(peer.contains("Linux") && peer.contains("QEMU"), "{peer}");
        let directory = tempfile::tempdir().unwrap();
        let mut findings = Findings::default();
        for (station, theirs) in STATIONS.iter().zip(&tours) {
            assert_eq!(station.scene, theirs.scene);
            let ours = station.counterpart(&tours, directory.path()).unwrap();
            compare_tours(station.scene, &ours, &theirs.outcomes, &mut findings).unwrap();
        }
        assert_eq!(tours.len(), STATIONS.len());
        let report = Report::judge(&PART, findings).unwrap();
        assert!(report.is_good(), "{report}");
    }
}
