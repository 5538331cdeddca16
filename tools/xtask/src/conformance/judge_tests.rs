//! Judging must not be lax: every change of an answer that matters makes its case different, and only a listed
//! difference makes it meant.

use serde_json::json;

use super::*;
use crate::conformance::differences::from_text;

const READ_TOC: &str = "0x00024000";

fn answer(value: Value) -> Answer {
    serde_json::from_value(value).expect("a result line")
}

fn reference() -> Value {
    json!({"line": 3, "status": "0x00000000", "information": 4, "out": "00020101", "commands": [
        {"cdb": "43020000000000032400", "dir": "in", "length": 804, "timeout_s": 10, "transferred": 4},
        {"cdb": "55100000000000001c00", "dir": "out", "length": 28, "timeout_s": 10, "data_out": "00000000"},
    ]})
}

fn start() -> Value {
    json!({"line": null, "cause": "start", "commands": [
        {"cdb": "120000002400", "dir": "in", "length": 36, "timeout_s": 10},
        {"cdb": "4a010000000000000800", "dir": "in", "length": 8, "timeout_s": 4},
    ]})
}

fn material(request: Value, wanted: Value) -> Material {
    Material {
        name: "set".into(),
        requests: [(3, request)].into(),
        start: Some(answer(start()).commands),
        wanted: vec![answer(wanted)],
        stale: [].into(),
    }
}

/// Judges `given` as the answer to READ_TOC, after a start as it should be.
fn judged(given: Value, list: &str) -> Verdict {
    let material = material(json!({"ioctl": READ_TOC}), reference());
    judge(&material, &[answer(start()), answer(given)], &from_text(list).expect("a list"), "none")
}

fn counts(equal: usize, meant: usize, different: usize) -> Counts {
    Counts { cases: equal + meant + different, equal, meant, different }
}

/// `value` with the part at `pointer` replaced.
fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    *value.pointer_mut(pointer).expect("a part of the value") = new;
    value
}

#[test]
fn the_reference_equals_itself() {
    assert_eq!(judged(reference(), "").counts, counts(2, 0, 0));
}

#[test]
fn every_field_counts() {
    for (pointer, new, field) in [
        ("/status", json!("0xC0000023"), "status"),
        ("/information", json!(0), "information"),
        ("/out", json!("00020100"), "out"),
        ("/out", json!("000201"), "out"),
        ("/commands", json!([]), "commands"),
        ("/commands/0/cdb", json!("43000000000000032400"), "commands"),
        ("/commands/0/dir", json!("out"), "commands"),
        ("/commands/0/length", json!(805), "commands"),
        ("/commands/0/timeout_s", json!(11), "commands"),
        ("/commands/1/data_out", json!("00000001"), "commands"),
        ("/commands/1/data_out", json!(null), "commands"),
    ] {
        let verdict = judged(with(reference(), pointer, new), "");
        assert_eq!(verdict.counts, counts(1, 0, 1), "{pointer}");
        let fields: Vec<_> = verdict.different[0].deviations.iter().map(|deviation| deviation.field).collect();
        assert_eq!(fields, [field], "{pointer}");
    }
}

#[test]
fn the_order_and_the_number_of_commands_count() {
    let commands = reference()["commands"].as_array().expect("commands").clone();
    let swapped: Vec<_> = commands.iter().rev().cloned().collect();
    let more: Vec<_> = commands.iter().chain(&commands[..1]).cloned().collect();
    for other in [swapped, more, commands[..1].to_vec()] {
        assert_eq!(judged(with(reference(), "/commands", json!(other)), "").counts, counts(1, 0, 1));
    }
}

#[test]
fn a_missing_answer_is_different_even_if_everything_is_listed() {
    let verdict = judged(with(reference(), "/line", json!(4)), r#"{"id": "D-001", "why": "…"}"#);
    assert_eq!(verdict.counts, counts(1, 0, 1));
    assert_eq!(verdict.different[0].deviations[0].here, "none");
    assert!(verdict.used.is_empty());
}

#[test]
fn what_a_driver_must_not_do_is_different_even_if_everything_else_is_equal() {
    let mut given = reference();
    given["findings"] = json!(["an unaligned address"]);
    assert_eq!(judged(given, r#"{"id": "D-001", "why": "…"}"#).counts, counts(1, 0, 1));
}

#[test]
fn a_case_is_meant_only_if_all_its_differences_are_listed() {
    let two = with(with(reference(), "/status", json!("0x80000005")), "/out", json!("00"));
    let status =
        r#"{"id": "D-001", "set": "set", "ioctl": "0x00024000", "lines": [3, 3], "field": "status", "why": "…"}"#;
    let verdict = judged(two.clone(), status);
    assert_eq!(verdict.counts, counts(1, 0, 1));
    assert_eq!(verdict.different[0].deviations.len(), 1, "what is listed is not shown");
    let both = format!("{status}\n{}", status.replace("\"status\"", "\"out\""));
    let verdict = judged(two, &both);
    assert_eq!(verdict.counts, counts(1, 1, 0));
    assert_eq!(verdict.used, [0, 1].into());
    assert!(judged(reference(), &both).used.is_empty(), "an entry without a difference is not used");
}

#[test]
fn entries_for_others_do_not_help() {
    let other = with(reference(), "/out", json!(""));
    for entry in [
        r#"{"id": "D-001", "set": "^other$", "why": "…"}"#,
        r#"{"id": "D-001", "ioctl": "0x00024004", "why": "…"}"#,
        r#"{"id": "D-001", "lines": [4, 9], "why": "…"}"#,
        r#"{"id": "D-001", "field": "information", "why": "…"}"#,
        r#"{"id": "D-001", "field": "start", "why": "…"}"#,
    ] {
        assert_eq!(judged(other.clone(), entry).counts, counts(1, 0, 1), "{entry}");
    }
}

#[test]
fn the_start_is_judged_to_the_last_command_of_the_reference() {
    let material = material(json!({"ioctl": READ_TOC}), reference());
    let judged = |start: Value, list: &str| {
        judge(&material, &[answer(start), answer(reference())], &from_text(list).expect("a list"), "none")
    };
    let fewer = with(start(), "/commands", json!(start()["commands"].as_array().expect("commands")[..1]));
    assert_eq!(judged(fewer.clone(), "").counts, counts(1, 0, 1));
    assert_eq!(judged(with(start(), "/commands/1/timeout_s", json!(5)), "").counts, counts(1, 0, 1));
    assert_eq!(judged(with(start(), "/cause", json!("close")), "").counts, counts(1, 0, 1));
    assert_eq!(judged(fewer.clone(), r#"{"id": "D-001", "why": "…"}"#).counts, counts(1, 0, 1), "must say start");
    assert_eq!(judged(fewer, r#"{"id": "D-001", "field": "start", "why": "…"}"#).counts, counts(1, 1, 0));
    let mut more = start()["commands"].as_array().expect("commands").clone();
    more.push(json!({"cdb": "000000000000"}));
    assert_eq!(judged(with(start(), "/commands", json!(more)), "").counts, counts(2, 0, 0), "polling goes on");
}

#[test]
fn of_a_request_that_is_passed_down_only_our_own_commands_count() {
    let wanted = json!({"line": 3, "status": "0xC00000BB", "information": 0, "out": "", "commands": []});
    let material = material(json!({"ioctl": "0x00041018"}), wanted.clone());
    let judged = |given: Value| judge(&material, &[answer(start()), answer(given)], &[], "none").counts;
    let other = json!({"line": 3, "status": "0x00000000", "information": 8, "out": "0011223344556677"});
    assert_eq!(judged(other.clone()), counts(2, 0, 0));
    let mut sent = other;
    sent["commands"] = json!([{"cdb": "000000000000"}]);
    assert_eq!(judged(sent), counts(1, 0, 1));
    // With a command of its own the reference's answer is the driver's: then every field counts.
    let with_command = with(wanted, "/commands", json!([{"cdb": "000000000000"}]));
    let material = Material { wanted: vec![answer(with_command.clone())], ..material };
    let given = with(with_command, "/status", json!("0x00000000"));
    assert_eq!(judge(&material, &[answer(start()), answer(given)], &[], "none").counts, counts(1, 0, 1));
}

#[test]
fn names_of_the_machine_are_its_own_but_statuses_are_not() {
    for code in NAMES_OF_THE_MACHINE {
        let material = material(json!({"ioctl": code}), reference());
        let judged = |given: Value| judge(&material, &[answer(start()), answer(given)], &[], "none").counts;
        assert_eq!(judged(with(with(reference(), "/out", json!("ff")), "/information", json!(1))), counts(2, 0, 0));
        assert_eq!(judged(with(reference(), "/status", json!("0xC0000023"))), counts(1, 0, 1));
        assert_eq!(judged(with(reference(), "/commands", json!([]))), counts(1, 0, 1));
    }
}

#[test]
fn stale_lines_hangs_and_lines_without_a_request_are_no_cases() {
    let stale = Material { stale: [3].into(), ..material(json!({"ioctl": READ_TOC}), reference()) };
    let mut hung = reference();
    hung["hang"] = json!(true);
    let hung = material(json!({"ioctl": READ_TOC}), hung);
    let open = material(json!({"open": "A"}), reference());
    for material in [stale, hung, open] {
        assert_eq!(judge(&material, &[answer(start())], &[], "none").counts, counts(1, 0, 0));
    }
}
