//! `cargo xtask fuzz`: the fuzz targets without a fuzzer, on a stable compiler.
//!
//! Each target runs on its checked-in corpus and on a fixed number of mutations of it; the same seed makes the same
//! mutations. An input that fails is kept in `fuzz/artifacts/TARGET/`. With `--libfuzzer` cargo-fuzz takes over, which
//! needs a nightly compiler and finds more.

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use fuzz_targets::mutation::Mutator;
use fuzz_targets::{TARGETS, Target, find};

use crate::workspace;

/// What to run and for how long.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only this target; all without.
    target: Option<String>,
    /// How many mutations to try of each target; each has its own number without.
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
    /// Another seed gives other mutations.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Run one input, as a failure names it.
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// List the targets.
    #[arg(long)]
    list: bool,
    /// Use cargo-fuzz, with a nightly compiler.
    #[arg(long, requires = "target")]
    libfuzzer: bool,
}

/// Runs; true if nothing failed.
pub fn run(options: &Options) -> Result<bool> {
    if options.list {
        TARGETS.iter().for_each(|target| println!("{:<18} {} runs", target.name, target.runs));
        return Ok(true);
    }
    let chosen: Vec<&Target> = match &options.target {
        Some(name) => match find(name) {
            Some(target) => vec![target],
            None => bail!("there is no fuzz target \"{name}\"; `cargo xtask fuzz --list` shows them"),
        },
        None => TARGETS.iter().collect(),
    };
    if let (true, Some(name)) = (options.libfuzzer, &options.target) {
        return with_libfuzzer(name, options.runs);
    }
    if let (Some(path), [target]) = (&options.input, chosen.as_slice()) {
        let input = fs::read(path).with_context(|| path.display().to_string())?;
        (target.run)(&input);
        println!("{} takes {}", target.name, path.display());
        return Ok(true);
    }
    run_all(&chosen, options)
}

fn run_all(chosen: &[&Target], options: &Options) -> Result<bool> {
    panic::set_hook(Box::new(|information| {
        PANIC.with_borrow_mut(|last| *last = information.to_string());
    }));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some(target) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = try_target(target, options);
            match &result {
                Ok(count) => println!("{:<18} ok      {count} inputs", target.name),
                Err(error) => println!("{:<18} FAILED  {error:#}", target.name),
            }
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
    };
    let cores = thread::available_parallelism().map_or(1, Into::into);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let _ = panic::take_hook();
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let inputs: usize = results.iter().flatten().sum();
    let failed = results.iter().filter(|result| result.is_err()).count();
    println!("{} targets, {inputs} inputs, {failed} failed", results.len());
    Ok(failed == 0)
}

thread_local! {
    /// What the last panic of this thread said.
    static PANIC: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// The number of inputs that the target took.
fn try_target(target: &Target, options: &Options) -> Result<usize> {
    let corpus = corpus(target)?;
    for (name, input) in &corpus {
        try_input(target, input).with_context(|| format!("on {name} of its corpus"))?;
    }
    let mut mutator = Mutator::new(options.seed);
    let runs = options.runs.unwrap_or(target.runs);
    for _ in 0..runs {
        let (_, input) = &corpus[mutator.below(corpus.len())];
        let (_, other) = &corpus[mutator.below(corpus.len())];
        try_input(target, &mutator.mutate(input, other, target.longest))?;
    }
    Ok(corpus.len() + usize::try_from(runs)?)
}

fn try_input(target: &Target, input: &[u8]) -> Result<()> {
    let result: Result<(), Box<dyn Any + Send>> = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if result.is_ok() {
        return Ok(());
    }
    let folder = workspace::root().join("fuzz/artifacts").join(target.name);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(format!("{:016x}", fingerprint(input)));
    fs::write(&path, input).with_context(|| path.display().to_string())?;
    let said = PANIC.with_borrow(String::clone);
    let shown = path.strip_prefix(workspace::root()).unwrap_or(&path).display();
    bail!("{said}\n    again: cargo xtask fuzz {} --input {shown}", target.name)
}

/// FNV-1a: a name for an input.
fn fingerprint(input: &[u8]) -> u64 {
    input.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The checked-in inputs of a target, in order of their names.
fn corpus(target: &Target) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = workspace::root().join("fuzz/corpus").join(target.name);
    let mut inputs = Vec::new();
    for path in files(&folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        inputs.push((name, fs::read(&path).with_context(|| path.display().to_string())?));
    }
    ensure!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs.sort();
    Ok(inputs)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_file()).collect())
}

/// What the fuzzer finds goes to a folder of its own, so that the checked-in corpus stays small.
fn with_libfuzzer(name: &str, runs: Option<u32>) -> Result<bool> {
    let found = workspace::target().join("fuzz-corpus").join(name);
    fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
    let mut command = Command::new("cargo");
    // The pinned compiler is a stable one: this one call asks for another.
    command.args(["+nightly", "fuzz", "run", name]).current_dir(workspace::root()).env_remove("RUSTUP_TOOLCHAIN");
    command.arg(&found).arg(workspace::root().join("fuzz/corpus").join(name));
    command.args(["--", "-max_total_time=600"]).args(runs.map(|runs| format!("-runs={runs}")));
    let status = command.status().context("cannot start cargo; `cargo install cargo-fuzz` and a nightly are needed")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_corpus_and_a_wrapper_and_nothing_else_has() {
        let fuzz = workspace::root().join("fuzz");
        for target in TARGETS {
            assert!(!corpus(target).expect(target.name).is_empty());
            assert!(fuzz.join(format!("fuzz_targets/{}.rs", target.name)).is_file(), "{}", target.name);
        }
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("the manifest of the fuzzers");
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        assert_eq!(fs::read_dir(fuzz.join("corpus")).expect("the corpora").count(), TARGETS.len());
    }
}
