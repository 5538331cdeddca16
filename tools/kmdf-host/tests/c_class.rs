//! A KMDF storage class driver in C, which speaks SRBs, in the host: it has to work and to be found without fault, whatever
//! fails below it.

mod support;

use std::collections::BTreeSet;

use kmdf_host::{Injection, Stage};
use object::read::pe::PeFile64;
use support::run::{Outcome, Run, run};
use support::{Compiler, c_class, c_class_for_version, c_class_sources, c_class_tables};
use virtual_drive::{CommandFault, FaultKind};

/// Kernel functions that class drivers in C are known to import, and the host has to have.
const KERNEL_FUNCTIONS: &str = include_str!("c-class/kernel-functions.txt");

/// Seeds of the scheduler.
const SEEDS: [u64; 4] = [0, 1, 2, 4711];

/// A bit of everything that the driver serves.
const SCRIPT: &str = include_str!("c-class/tour.jsonl");

/// The tour with one thing going wrong in one stage.
fn tour(stage: usize, injection: Injection) -> Outcome {
    run(&Run { injection: Some((stage, injection)), ..Run::new(&c_class(Compiler::Gcc), SCRIPT) })
}

/// The tour with nothing going wrong.
fn plain() -> Outcome {
    run(&Run::new(&c_class(Compiler::Gcc), SCRIPT))
}

fn assert_clean(outcome: &Outcome, what: &str) {
    assert!(outcome.findings.is_empty(), "{what}:\n{}", outcome.complaints());
}

#[test]
fn it_uses_what_class_drivers_use() {
    let tables = c_class_tables();
    let sources = c_class_sources();
    let called = tables.called_functions(&sources);
    let uncalled: Vec<_> = tables.needed_functions().difference(&called).copied().collect();
    assert_eq!(uncalled, [""; 0], "functions of the framework that the driver does not call");

    let needed: BTreeSet<String> = KERNEL_FUNCTIONS.split_whitespace().map(str::to_owned).collect();
    for compiler in Compiler::ALL {
        let imported = imports(&c_class(compiler));
        let missing: Vec<_> = needed.difference(&imported).collect();
        assert_eq!(missing, [""; 0], "functions of the kernel that the driver does not import, {compiler:?}");
    }
}

fn imports(path: &std::path::Path) -> BTreeSet<String> {
    let file = std::fs::read(path).expect("the driver is built");
    let parsed = PeFile64::parse(&*file).expect("it is a PE file");
    let table = parsed.import_table().expect("its imports").expect("it imports");
    let mut names = BTreeSet::new();
    let mut libraries = table.descriptors().expect("its libraries");
    while let Some(library) = libraries.next().expect("a library") {
        let mut thunks = table.thunks(library.original_first_thunk.get(object::LittleEndian)).expect("thunks");
        while let Some(thunk) = thunks.next::<object::pe::ImageNtHeaders64>().expect("a thunk") {
            let (_, name) = table.hint_name(object::read::pe::ImageThunkData::address(thunk)).expect("a name");
            names.insert(String::from_utf8_lossy(name).into_owned());
        }
    }
    names
}

#[test]
fn it_serves_the_tour_without_fault_at_every_seed() {
    let mut before: Option<Vec<(u32, u64)>> = None;
    for (compiler, seed) in Compiler::ALL.into_iter().flat_map(|compiler| SEEDS.map(|seed| (compiler, seed))) {
        let outcome = run(&Run { seed, ..Run::new(&c_class(compiler), SCRIPT) });
        assert_clean(&outcome, &format!("{compiler:?}, seed {seed}"));
        assert_eq!(outcome.stage, Stage::Started, "{:#010x}", outcome.start_status);
        let answers = outcome.answers();
        assert_eq!(before.get_or_insert_with(|| answers.clone()), &answers, "{compiler:?}, seed {seed}");
    }
}

/// Versions of the framework that a driver may be built for, and how many functions each has.
const VERSIONS: [(u32, u32); 4] = [(11, 432), (13, 438), (21, 448), (33, 458)];

#[test]
fn it_binds_whatever_version_it_is_built_for() {
    for (minor, functions) in VERSIONS {
        let driver = c_class_for_version(minor, functions);
        let outcome = run(&Run::new(&driver, SCRIPT));
        assert_clean(&outcome, &format!("1.{minor}"));
        assert_eq!(outcome.stage, Stage::Started, "1.{minor}: {:#010x}", outcome.start_status);
    }
}

/// Plug and play and power.
const PNP: &str = include_str!("c-class/pnp.jsonl");

#[test]
fn it_lives_through_plug_and_play() {
    for seed in SEEDS {
        let outcome = run(&Run { seed, ..Run::new(&c_class(Compiler::Clang), PNP) });
        assert_clean(&outcome, &format!("seed {seed}"));
    }
}

#[test]
fn it_copes_with_every_drive_in_software() {
    for (name, _) in virtual_drive::sim::list() {
        let drive = format!("sim:{name}");
        assert_clean(&run(&Run { drive: &drive, seed: 1, ..Run::new(&c_class(Compiler::Gcc), SCRIPT) }), &drive);
    }
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let results = |seed| {
        let outcome = run(&Run { seed, ..Run::new(&c_class(Compiler::Gcc), SCRIPT) });
        (serde_json::to_string(&outcome.lines).expect("result lines are JSON"), format!("{:?}", outcome.counts))
    };
    for seed in SEEDS {
        assert!(results(seed) == results(seed), "seed {seed}");
    }
}

/// A drive given by its answers: slow, with retries in many places.
#[test]
fn it_copes_with_a_weak_drive() {
    let drive = format!("script:{}", support::c_class_folder().join("drive.jsonl").display());
    for seed in SEEDS {
        let outcome = run(&Run { drive: &drive, seed, ..Run::new(&c_class(Compiler::Clang), SCRIPT) });
        assert_clean(&outcome, &format!("seed {seed}"));
        assert_eq!(outcome.stage, Stage::Started, "{:#010x}", outcome.start_status);
    }
}

/// What a failing allocation may bring: the request's own answer, or one of these: INSUFFICIENT_RESOURCES, NO_MEMORY for
/// strings, DEVICE_POWER_FAILURE for a start, and INVALID_PARAMETER when there is no memory for a driver's globals.
const NO_MEMORY: [u32; 4] = [0xC000_009A, 0xC000_0017, 0xC000_009E, 0xC000_000D];

#[test]
fn it_survives_each_failing_allocation() {
    let plain = plain();
    for (stage, counts) in plain.counts.iter().enumerate() {
        for nth in 1..=counts.allocations {
            let outcome = tour(stage, Injection { allocation: Some(nth), ..Injection::default() });
            let what = format!("allocation {nth} of {} in stage {stage}", counts.allocations);
            assert_clean(&outcome, &what);
            if outcome.stage != Stage::Started {
                assert!(NO_MEMORY.contains(&outcome.start_status), "{what}: {:#010x}", outcome.start_status);
            }
            let (answer, usual) = (outcome.status_of(stage), plain.status_of(stage));
            let allowed = answer == usual || answer.is_some_and(|status| NO_MEMORY.contains(&status));
            assert!(allowed, "{what}: {answer:#x?} instead of {usual:#x?}");
        }
    }
}

#[test]
fn it_survives_each_failing_command() {
    for (stage, counts) in plain().counts.iter().enumerate() {
        for (nth, kind) in (1..=counts.commands).flat_map(|nth| FaultKind::ALL.map(|kind| (nth, kind))) {
            let injection = Injection { command: Some(CommandFault { nth, kind }), ..Injection::default() };
            assert_clean(&tour(stage, injection), &format!("{kind} of command {nth} in stage {stage}"));
        }
    }
}

/// Cancelled at a scheduling point, each of them or, of a long request, some.
#[test]
fn it_completes_requests_that_are_cancelled_anywhere() {
    for (stage, counts) in plain().counts.iter().enumerate().skip(1) {
        let step = usize::try_from(counts.points / 40 + 1).expect("a small number");
        for nth in (1..=counts.points).step_by(step) {
            let injection = Injection { cancel_at: Some(nth), ..Injection::default() };
            assert_clean(
                &tour(stage, injection),
                &format!("cancelled at point {nth} of {} in stage {stage}", counts.points),
            );
        }
    }
}
