//! Whatever a file holds: it is read, or refused with its name and line.

use drive_host::requests;
use proptest::collection::vec;
use proptest::prelude::*;
use virtual_drive::script::ScriptDrive;

/// A line that is nearly right: known keys with values of any kind.
fn nearly() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "cdb",
        "data",
        "sense",
        "status",
        "port",
        "times",
        "expect",
        "x_srb",
        "open",
        "ioctl",
        "handle",
        "in",
        "in_len",
        "out_len",
        "read",
        "write",
        "media",
        "button",
        "wait",
        "async",
        "label",
        "advance_ms",
        "x_sl_flags",
        "mode",
    ]);
    let values = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "[0-9a-fA-F? /x]{0,12}".prop_map(|text| format!("{text:?}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("{\"offset\": 1, \"length\": 2}".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
    ];
    vec((keys, values), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    })
}

fn check(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = requests::parse("file", text) {
        prop_assert!(error.to_string().starts_with("file:"), "{error}");
    }
    if let Err(error) = ScriptDrive::parse("file", text) {
        prop_assert!(error.to_string().starts_with("file:"), "{error}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn nearly_right_lines(lines in vec(nearly(), 0..4)) {
        check(&lines.join("\n"))?;
    }
}
