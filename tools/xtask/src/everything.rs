//! `cargo xtask test`: all that must hold before a change goes in, one line a step.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::workspace::{cargo, output_of};
use crate::{build_driver, driver_life, foreign_images, host_tests};

/// Which steps to run.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only this step; may be given several times.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps.
    #[arg(long)]
    list: bool,
}

/// How a step that did not fail ended.
pub enum Outcome {
    /// Everything holds. A remark for the step's line, if there is something to say.
    Passed(String),
    /// This machine lacks something; says what.
    Skipped(String),
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<Outcome>,
}

const fn step(name: &'static str, what: &'static str, run: fn() -> Result<Outcome>) -> Step {
    Step { name, what, run }
}

/// In the order of what fails soonest.
const STEPS: &[Step] = &[
    step("lock", "Cargo.lock is what the manifests say", || {
        of_each_workspace(&["metadata", "--locked", "--format-version=1"])
    }),
    step("format", "rustfmt has nothing to change", || of_each_workspace(&["fmt", "--all", "--check"])),
    step("clippy", "no lint fires, in no target", || {
        quiet(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
    }),
    step("docs", "generated pages, links and the list of differences are right", || task(&["docs"])),
    step("rustdoc", "the API documentation builds without a warning", || {
        output_of(cargo(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
        Ok(Outcome::Passed(String::new()))
    }),
    step("test", "unit and integration tests", || tests(&["--lib", "--bins", "--tests", "--examples"])),
    step("doctest", "the examples of the documentation", || tests(&["--doc"])),
    step("conformance", "the core gives the reference's answers to the sets", || task(&["conformance"])),
    step("demo", "the driver does what the specification says of every control code", || task(&["demo"])),
    step("binary", "the driver gives the reference's answers to the sets, at several seeds", || {
        task(&["conformance", "--binary"])
    }),
    step("twice", "core and driver answer alike, on every drive in software", || task(&["twice"])),
    step("sweep", "whatever fails, and whenever, the driver says so and leaves nothing behind", || task(&["sweep"])),
    step("host-tests", "the host finds what is wrong with drivers, and nothing else", host_tests::step),
    step("fuzz", "no fuzz target fails on its corpus and some mutations of it", || task(&["fuzz"])),
    step(
        "build-driver",
        "the driver builds without the Windows Driver Kit, and is what a driver has to be",
        build_driver::step,
    ),
    step("clippy-driver", "no lint fires in what is built for the kernel", build_driver::clippy_step),
    step("footprint", "docs/footprint.md is true, and the bounds on code and stack hold", || {
        task(&["footprint", "--check"])
    }),
    step(
        "driver-life",
        "the binary keeps its promises when devices come and go and requests end early",
        driver_life::step,
    ),
    step("inf", "the installation file keeps the rules that can be checked here", || task(&["inf"])),
    step("foreign", "images that other tools made can be used", foreign_images::step),
    step("bench", "the benchmark builds", || quiet(&["bench", "--no-run", "--locked"])),
];

/// Runs the chosen steps; true if none failed. A failure does not stop the steps after it.
pub fn run(options: &Options) -> Result<bool> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{:<14} {}", step.name, step.what));
        return Ok(true);
    }
    if let Some(name) = options.only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step \"{name}\"; the steps are {}", names.join(", "));
    }
    let begun = Instant::now();
    let chosen = |step: &&Step| options.only.is_empty() || options.only.iter().any(|name| name == step.name);
    let mut failed = Vec::new();
    for step in STEPS.iter().filter(chosen) {
        print!("{:<14} ", step.name);
        io::stdout().flush()?;
        let begun = Instant::now();
        let result = (step.run)();
        let seconds = begun.elapsed().as_secs_f32();
        match result {
            Ok(Outcome::Passed(remark)) => println!("ok      {seconds:>6.1} s  {remark}"),
            Ok(Outcome::Skipped(reason)) => println!("skipped {seconds:>6.1} s  {reason}"),
            Err(error) => {
                println!("FAILED  {seconds:>6.1} s  {}", step.what);
                println!("{error:#}");
                failed.push(step.name);
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f32();
    if failed.is_empty() {
        println!("all is well, {seconds:.0} s");
    } else {
        println!("failed: {}; {seconds:.0} s", failed.join(", "));
    }
    Ok(failed.is_empty())
}

/// Manifests of the workspaces that the compiler's release version builds.
const WORKSPACES: &[&str] = &["Cargo.toml", "tools/off-windows/Cargo.toml", "crates/driver/Cargo.toml"];

/// A command of cargo that takes a manifest, for each workspace.
fn of_each_workspace(arguments: &[&str]) -> Result<Outcome> {
    for manifest in WORKSPACES {
        output_of(cargo(arguments).args(["--manifest-path", manifest]))?;
    }
    Ok(Outcome::Passed(String::new()))
}

fn quiet(arguments: &[&str]) -> Result<Outcome> {
    output_of(&mut cargo(arguments))?;
    Ok(Outcome::Passed(String::new()))
}

/// Another task of this program; its last line is the remark.
pub fn task(arguments: &[&str]) -> Result<Outcome> {
    let said = output_of(cargo(["xtask"]).args(arguments))?;
    Ok(Outcome::Passed(said.lines().last().unwrap_or_default().to_owned()))
}

fn tests(kinds: &[&str]) -> Result<Outcome> {
    let said = output_of(cargo(["test", "--workspace", "--locked", "--no-fail-fast"]).args(kinds))?;
    Ok(Outcome::Passed(format!("{} tests", passed(&said))))
}

/// Adds up the summary lines of test programs.
pub fn passed(said: &str) -> usize {
    let count = |line: &str| line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse::<usize>().ok();
    said.lines().filter_map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_added_up() {
        let said = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\
                    test result: ok. 40 passed; 0 failed\ntest result: FAILED. 1 passed; 1 failed\n";
        assert_eq!(passed(said), 42);
    }

    #[test]
    fn a_step_that_is_not_there_is_named() {
        let error = run(&Options { only: vec!["clipy".into()], list: false }).expect_err("no such step");
        assert!(error.to_string().contains("\"clipy\"") && error.to_string().contains("clippy"));
    }
}
