//! The tasks of the project: `cargo xtask --help` lists them.
#![forbid(unsafe_code)]

mod binary;
mod build_driver;
mod conformance;
mod cost;
mod demo;
mod docs;
mod driver_life;
mod everything;
mod foreign_images;
mod fuzz;
mod host_tests;
mod inf;
mod parallel;
mod peers;
mod sweep;
mod twice;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of the project.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check everything: format, lints, tests, documentation, conformance, demo, fuzz smoke runs.
    Test(everything::Options),
    /// Replay the conformance sets through the core and judge every answer against the reference driver's.
    Conformance(conformance::Options),
    /// Count the instructions that the driver's binary spends on each request; needs valgrind.
    Cost(cost::Options),
    /// Answer every control code of the table against drives in software, and show what came of it.
    Demo(demo::Options),
    /// Check the documentation, or write its generated parts anew.
    Docs(docs::Options),
    /// Build the driver without the Windows Driver Kit, or another driver of tools/off-windows.
    BuildDriver(build_driver::Options),
    /// Measure the driver's memory and stack, and write docs/footprint.md.
    Footprint(build_driver::footprint::Options),
    /// Run the fuzz targets on their corpus and on mutations of it.
    Fuzz(fuzz::Options),
    /// Check the driver's installation file.
    Inf(inf::Options),
    /// Try every failure of load, start and each request of the scenes, one at a time, on the driver's binary.
    Sweep(sweep::Options),
    /// Ask the core and the driver's binary the same on every drive in software; compare line by line.
    Twice(twice::Options),
    /// Compare with drives and tools of others; installs them from Debian where it may.
    Peers(peers::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(options) => everything::run(&options),
        Task::Conformance(options) => conformance::run(&options),
        Task::Cost(options) => cost::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::Docs(options) => docs::run(&options),
        Task::BuildDriver(options) => build_driver::run(&options),
        Task::Footprint(options) => build_driver::footprint::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Inf(options) => inf::run(&options),
        Task::Sweep(options) => sweep::run(&options),
        Task::Twice(options) => twice::run(&options),
        Task::Peers(options) => peers::run(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
