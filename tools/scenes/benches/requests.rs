//! What the core spends on each request: validation, building of commands, parsing of answers.
//!
//! Each request of the scenes is played once against its drive; the drive's answers are kept. Then the core alone gets
//! the request and the same answers again and again. What the loop itself does (bringing the core to the state before
//! the request, filling buffers, copying answers as a port would) is measured apart and subtracted.
//!
//! With `valgrind` on the machine the instructions are counted: they are the same in every run. Time is shown too.

use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use drive_host::record::{Sent, SentCommand};
use ioctl_dispatch::arrival::Arrival;
use ioctl_dispatch::ioctl::Method;
use ioctl_dispatch::request::{Irql, Mdl, Transfer};
use ioctl_dispatch::step::{Place, PortReply};
use ioctl_dispatch::time::Ticks;
use ioctl_dispatch::{
    Buffers, Device, Dispatcher, Environment, Handle, HandleId, Job, NtStatus, Outcome, Request, Step,
};
use scenes::{Stage, all, make_disc};

/// Set in the run whose instructions are counted.
const COUNTING: &str = "CDROMRS_BENCH_COUNTING";

/// Iterations whose instructions are counted.
const COUNTED: u32 = 20;

/// Iterations whose time is taken.
const TIMED: u32 = 2000;

/// One request with all that is needed to answer it again.
struct Case {
    name: String,
    before: Dispatcher,
    handle: HandleId,
    work: Work,
    input: Vec<u8>,
    system: usize,
    replies: Vec<SentCommand>,
}

#[derive(Clone, Copy)]
enum Work {
    Control(Request),
    Transfer(Transfer),
}

/// Memory lent to the core.
struct Memory {
    scratch: Vec<u8>,
    features: Vec<u8>,
    system: Vec<u8>,
}

fn main() -> Result<()> {
    let cases = cases()?;
    if std::env::var_os(COUNTING).is_some() {
        for case in &cases {
            mark();
            case.repeat(COUNTED, false);
            mark();
            case.repeat(COUNTED, true);
            mark();
        }
        return Ok(());
    }
    let instructions = count(cases.len())?;
    println!("{:<44} {:>8} {:>12} {:>9}", "request", "commands", "instructions", "ns");
    for (index, case) in cases.iter().enumerate() {
        let counted = instructions.as_ref().map_or_else(|| "-".to_owned(), |list| list[index].to_string());
        println!("{:<44} {:>8} {counted:>12} {:>9.0}", case.name, case.replies.len(), case.nanoseconds());
    }
    if instructions.is_none() {
        println!("(valgrind is not installed: no instructions were counted)");
    }
    Ok(())
}

/// All requests of the scenes, and reads.
fn cases() -> Result<Vec<Case>> {
    let folder = std::env::temp_dir().join(format!("cdrom-rs-bench-{}", std::process::id()));
    let sheet = make_disc(&folder)?;
    let mut cases: Vec<Case> = Vec::new();
    for scene in all() {
        let mut stage = Stage::new(&scene.drive.replace("DISC", &sheet.display().to_string()))?;
        for act in scene.acts {
            for earlier in act.before {
                stage.play(earlier)?;
            }
            let before = stage.host().dispatcher().clone();
            let ioctl = stage.request(act)?;
            let line = stage.play(&act.before(&[]))?;
            ensure!(line.fault.is_none(), "{}: {:?}", act.ioctl, line.fault);
            let (input_length, output_length) = (u32::try_from(ioctl.input.len())?, ioctl.output_length);
            let direct = ioctl.code.method() == Method::OutDirect;
            let request = Request {
                code: ioctl.code,
                input_length,
                output_length,
                handle: ioctl.handle,
                kernel_mode: false,
                wow64: false,
                stack_flags: 0,
                irql: Irql::Passive,
                system_address: 0x1000,
                mdl: direct.then_some(Mdl { address: 0x1000, byte_count: output_length }),
                type3_input: None,
            };
            let system = ioctl.input.len().max(if direct { 0 } else { usize::try_from(output_length)? });
            cases.push(Case {
                name: act.ioctl.to_owned(),
                before,
                handle: ioctl.handle.unwrap_or(HandleId(0)),
                work: Work::Control(request),
                input: ioctl.input,
                system,
                replies: stage.sent().iter().filter_map(command).collect(),
            });
        }
    }
    cases.push(read("read of 64 KiB", 0x1_0000)?);
    cases.push(read("read of 1 MiB in 16 commands", 0x10_0000)?);
    let mut names = HashSet::new();
    cases.retain(|case| names.insert(case.name.clone()));
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(cases)
}

fn command(sent: &Sent) -> Option<SentCommand> {
    match sent {
        Sent::Command(command) => Some(SentCommand::clone(command)),
        Sent::Function { .. } => None,
    }
}

/// A read by the system's own rules, without a handle.
fn read(name: &str, length: u32) -> Result<Case> {
    let stage = Stage::new("cdrom-data")?;
    let transfer = Transfer {
        write: false,
        offset: 0x8000,
        length,
        mdl: Mdl { address: 0x1000, byte_count: length },
        handle: None,
        stack_flags: 0,
        minor: 0,
        paging: false,
    };
    let before = stage.host().dispatcher().clone();
    let handle = HandleId(0);
    let work = Work::Transfer(transfer);
    let mut case = Case { name: name.into(), before, handle, work, input: Vec::new(), system: 0, replies: Vec::new() };
    case.replies = case.good_replies();
    Ok(case)
}

impl Case {
    /// Answers the request `times` times; without the core if not `whole`.
    fn repeat(&self, times: u32, whole: bool) {
        let mut memory =
            Memory { scratch: vec![0; 0x1_0000], features: vec![0; 0x1_0000], system: vec![0; self.system] };
        for _ in 0..times {
            let mut dispatcher = black_box(&self.before).clone();
            memory.system[..self.input.len()].copy_from_slice(&self.input);
            if whole {
                self.answer(&mut dispatcher, &mut memory);
            } else {
                self.replies.iter().for_each(|reply| deliver(reply, &mut memory.scratch));
            }
            black_box(&mut memory.system);
            black_box(&mut dispatcher);
        }
    }

    /// The request's whole way through the core.
    fn answer(&self, dispatcher: &mut Dispatcher, memory: &mut Memory) {
        let environment = Environment { now: Ticks::seconds(60), mounted: false, verify: false, cancelled: false };
        let mut handle = Handle::new(self.handle);
        let Memory { scratch, features, system } = memory;
        let mut buffers = Buffers { scratch, features, system };
        let job = match self.work {
            Work::Transfer(transfer) => Job::Transfer(transfer),
            Work::Control(request) => {
                match dispatcher.arrive(&request, Some(&mut handle), &environment, &mut buffers) {
                    Arrival::Queue | Arrival::QueueInCallerThread => Job::Control(request),
                    Arrival::Ask(_) => {
                        dispatcher.answer(&request, NtStatus::NOT_FOUND, 0, &environment, &mut buffers);
                        return;
                    }
                    Arrival::Complete(_) | Arrival::Forward => return,
                }
            }
        };
        let mut replies = self.replies.iter();
        let mut step = dispatcher.begin(job, Some(&mut handle), &environment, &mut buffers);
        loop {
            while black_box(dispatcher.take_effect()).is_some() {}
            let outcome = match step {
                Step::Send(sent) => match replies.next() {
                    Some(reply) => {
                        if sent.place == Place::Scratch {
                            deliver(reply, buffers.scratch);
                        }
                        Outcome::Command(port_reply(reply))
                    }
                    None => return,
                },
                Step::Wait(_) => Outcome::Waited,
                Step::Platform(_) => Outcome::Platform { status: NtStatus::SUCCESS, value: 0 },
                Step::Complete(_) | Step::Forward { .. } | Step::Park => return,
            };
            step = dispatcher.resume(outcome, Some(&mut handle), &environment, &mut buffers);
        }
    }

    /// A good answer to each command of the request.
    fn good_replies(&self) -> Vec<SentCommand> {
        let environment = Environment { now: Ticks::seconds(60), mounted: false, verify: false, cancelled: false };
        let mut dispatcher = self.before.clone();
        let (mut scratch, mut features) = (vec![0; 0x1_0000], vec![0; 0x1_0000]);
        let mut buffers = Buffers { scratch: &mut scratch, features: &mut features, system: &mut [] };
        let Work::Transfer(transfer) = self.work else { return Vec::new() };
        let mut replies = Vec::new();
        let mut step = dispatcher.begin(Job::Transfer(transfer), None, &environment, &mut buffers);
        while let Step::Send(command) = step {
            let reply = SentCommand {
                cdb: command.cdb,
                direction: command.direction,
                length: command.length,
                timeout_s: command.timeout_s,
                transferred: command.length,
                scsi_status: 0,
                port_status: None,
                srb: None,
                sense: Vec::new(),
                data_out: Vec::new(),
                data_in: Vec::new(),
                duration: std::time::Duration::ZERO,
            };
            step = dispatcher.resume(Outcome::Command(port_reply(&reply)), None, &environment, &mut buffers);
            replies.push(reply);
        }
        replies
    }

    fn nanoseconds(&self) -> f64 {
        let time = |whole| {
            self.repeat(TIMED / 10, whole);
            let begun = Instant::now();
            self.repeat(TIMED, whole);
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(TIMED)
        };
        (time(true) - time(false)).max(0.0)
    }
}

/// What a port does: the drive's bytes go to the buffer.
fn deliver(reply: &SentCommand, scratch: &mut [u8]) {
    let length = reply.data_in.len().min(scratch.len());
    scratch[..length].copy_from_slice(&reply.data_in[..length]);
    black_box(scratch);
}

fn port_reply(reply: &SentCommand) -> PortReply<'_> {
    PortReply {
        status: reply.port_status.map_or(NtStatus::SUCCESS, NtStatus),
        scsi_status: reply.scsi_status,
        sense: &reply.sense,
        transferred: reply.transferred,
    }
}

/// A place in the run where the counter writes down what it has and begins anew.
#[inline(never)]
fn mark() {
    black_box(());
}

/// Instructions of each case, counted in a run of this program under callgrind; `None` without valgrind.
fn count(cases: usize) -> Result<Option<Vec<u64>>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(None);
    }
    let folder = std::env::temp_dir().join(format!("cdrom-rs-callgrind-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--dump-before=requests::mark*"]);
    command.arg(format!("--callgrind-out-file={}", folder.join("out").display()));
    let output = command.arg(std::env::current_exe()?).env(COUNTING, "1").output()?;
    ensure!(output.status.success(), "valgrind: {}", String::from_utf8_lossy(&output.stderr));
    // Three marks a case: before the loop alone, between, and after the loop with the core.
    let counted = (0..cases)
        .map(|case| {
            let alone = total(&folder.join(format!("out.{}", 3 * case + 2)))?;
            let whole = total(&folder.join(format!("out.{}", 3 * case + 3)))?;
            Ok(whole.saturating_sub(alone) / u64::from(COUNTED))
        })
        .collect::<Result<_>>()?;
    fs::remove_dir_all(&folder)?;
    Ok(Some(counted))
}

/// The instructions of one dump.
fn total(dump: &Path) -> Result<u64> {
    let text = fs::read_to_string(dump).with_context(|| dump.display().to_string())?;
    let summary = text.lines().find_map(|line| line.strip_prefix("summary: ")).context("a dump without a summary")?;
    summary.trim().parse().context("a summary that is no number")
}

// A device is copied in every iteration: it must stay plain data.
const _: fn(&Device) -> Device = Clone::clone;
