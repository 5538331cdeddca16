#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz_targets::find("cue_sheet").expect("a target").run)(data));
