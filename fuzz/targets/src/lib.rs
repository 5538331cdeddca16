//! What the fuzzers run: plain functions that take any bytes and must neither panic nor break what they assert.
//!
//! The same functions serve libFuzzer (`fuzz/fuzz_targets`, made by a macro for each name of [`TARGETS`]) and
//! `cargo xtask fuzz`, which needs nothing but a stable compiler: it runs the checked-in corpus and a fixed number of
//! deterministic [mutations](mutation::Mutator) of it.
#![forbid(unsafe_code)]

pub mod answers;
pub mod arrivals;
pub mod blocks;
pub mod files;
mod golden;
pub mod lying_drive;
pub mod mutation;
mod source;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also of its corpus folder.
    pub name: &'static str,
    /// Runs it on some bytes.
    pub run: fn(&[u8]),
    /// How many mutations a short run makes.
    pub runs: u32,
    /// The longest input that is of use.
    pub longest: usize,
}

macro_rules! targets {
    ($( $name:ident = $run:path, $runs:literal, $longest:literal; )*) => {
        /// All targets.
        pub const TARGETS: &[Target] =
            &[ $( Target { name: stringify!($name), run: $run, runs: $runs, longest: $longest } ),* ];
    };
}

targets! {
    cdb = blocks::cdb, 50_000, 20;
    sense = answers::sense, 50_000, 260;
    toc = answers::toc, 20_000, 2048;
    cd_text = answers::cd_text, 2_000, 2048;
    configuration = answers::configuration, 10_000, 1024;
    events = answers::events, 20_000, 64;
    performance = answers::performance, 20_000, 1024;
    mode = answers::mode, 10_000, 1024;
    disc_information = answers::disc_information, 20_000, 256;
    disc_structure = answers::disc_structure, 20_000, 2052;
    keys = answers::keys, 20_000, 256;
    inquiry = answers::inquiry, 20_000, 512;
    unit = answers::unit, 20_000, 512;
    script = files::script, 20_000, 1024;
    requests = files::requests, 20_000, 1024;
    cue_sheet = files::cue_sheet, 5_000, 1024;
    image_file = files::image_file, 2_000, 8192;
    arrivals = arrivals::run, 10_000, 256;
    lying_drive = lying_drive::run, 20_000, 4096;
}

/// The target of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_target_fails_on_nothing_or_on_uniform_bytes() {
        for target in TARGETS {
            for length in [0, 1, 2, 4, 18, 100, 804] {
                for byte in [0x00, 0xFF, 0x80, 0x01] {
                    (target.run)(&vec![byte; length]);
                }
            }
        }
    }
}
