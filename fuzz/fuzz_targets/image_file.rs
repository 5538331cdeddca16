#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz_targets::find("image_file").expect("a target").run)(data));
