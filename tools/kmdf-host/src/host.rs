//! A driver in the host: loaded, started, asked, removed, unloaded.

use std::collections::BTreeMap;
use std::time::Duration;

use drive_formats::Adapter;
use drive_formats::record::Cause;
use drive_formats::requests::Pnp;
use drive_formats::results::ResultLine;
use kmdf_framework::Framework;
use nt_kernel::file::File;
use nt_kernel::layout::{DEVICE_OBJECT, DO_DEVICE_INITIALIZING, DRIVER_OBJECT};
use nt_kernel::{Kernel, get, io, status};
use nt_machine::findings::{self, Finding, Rule};
use nt_machine::{Machine, image, threads};
use virtual_drive::Target;

use crate::inject::{Counter, Counts, Injection};
use crate::load;
use crate::manager::pnp;
use crate::play::Pending;
use crate::port::{self, Unit};
use crate::registry::Setting;
use crate::report::{Footprint, Report};
use crate::thread::{self, Ended};

/// How a run is set up.
pub struct Options {
    /// The driver file's bytes.
    pub image: Vec<u8>,
    /// Its path: symbols are looked for beside it.
    pub path: String,
    /// The drive below.
    pub drive: Box<dyn Target>,
    /// The adapter above the drive.
    pub adapter: Adapter,
    /// Registry values.
    pub registry: Vec<Setting>,
    /// Decides every choice of the scheduler.
    pub seed: u64,
    /// One line on standard error for each call between driver and kernel.
    pub trace: bool,
    /// Whole output buffers in result lines.
    pub whole_output: bool,
    /// How long the device is left alone after its start.
    pub settle: Duration,
    /// What goes wrong while the driver is loaded and the device started.
    pub injection: Injection,
}

impl Options {
    /// The usual set-up.
    #[must_use]
    pub fn new(image: Vec<u8>, path: &str, drive: Box<dyn Target>) -> Self {
        Self {
            image,
            path: path.into(),
            drive,
            adapter: Adapter::default(),
            registry: Vec::new(),
            seed: 0,
            trace: false,
            whole_output: false,
            settle: Duration::from_secs(2),
            injection: Injection::default(),
        }
    }
}

/// Why there is no run at all.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The file cannot be loaded.
    #[error(transparent)]
    Load(#[from] image::LoadError),
}

/// How far a driver got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `DriverEntry` failed.
    Loaded,
    /// `AddDevice` failed.
    Entered,
    /// START_DEVICE failed.
    Added,
    /// The device has started.
    Started,
    /// The device was removed.
    Removed,
}

impl Stage {
    /// What failed when a driver got no further.
    #[must_use]
    pub fn failed(self) -> &'static str {
        match self {
            Self::Loaded => "DriverEntry",
            Self::Entered => "AddDevice",
            Self::Added => "START_DEVICE",
            Self::Started | Self::Removed => "nothing",
        }
    }
}

/// A driver in the host. One at a time on each operating-system thread.
pub struct Host {
    pub(crate) stage: Stage,
    /// The last PnP event of the script that changed the device's state.
    pub(crate) changed: Option<Pnp>,
    pub(crate) status: i32,
    pub(crate) pdo: *mut DEVICE_OBJECT,
    pub(crate) handles: BTreeMap<String, File>,
    pub(crate) pending: BTreeMap<String, Option<Pending>>,
    pub(crate) whole_output: bool,
    pub(crate) injection: Injection,
    pub(crate) counter: Counter,
    /// A fatal finding ended the run: the driver's code runs no more.
    pub(crate) over: bool,
    driver: *mut DRIVER_OBJECT,
    image: Option<image::Image>,
    report: Report,
    opening: Vec<ResultLine>,
    // Dropped in this order.
    _framework: Framework,
    _kernel: Kernel,
    _machine: Machine,
}

impl Host {
    /// Loads the driver, starts the device on the drive, and lets it settle. A driver that fails on the way is no
    /// error here: [`Self::stage`] says how far it got.
    ///
    /// # Errors
    /// The file cannot be loaded.
    pub fn start(options: Options) -> Result<Self, HostError> {
        let machine = Machine::new(&nt_machine::Options { seed: options.seed, trace: options.trace });
        let kernel = Kernel::new(nt_kernel::Options::default());
        let pdo = match port::install(Unit::new(options.drive, options.adapter)) {
            Ok(pdo) => pdo,
            Err(status) => unreachable!("the first device object was refused: {}", status::name(status)),
        };
        load::write_registry(&options.registry, pdo);
        let framework = Framework::new();
        let image = load::image(&options.image, &options.path)?;
        let driver = load::driver_object(&image);
        port::with(|port| port.unit.recorder.begin(Cause::Own("start")));
        let counter = Counter::begin(&options.injection);
        let mut host = Self {
            stage: Stage::Loaded,
            changed: None,
            status: 0,
            pdo,
            handles: BTreeMap::new(),
            pending: BTreeMap::new(),
            whole_output: options.whole_output,
            injection: Injection::default(),
            counter,
            over: false,
            driver,
            image: Some(image),
            report: Report::default(),
            opening: Vec::new(),
            _framework: framework,
            _kernel: kernel,
            _machine: machine,
        };
        if let Ok(status) = host.begin() {
            host.status = status;
        }
        if host.stage == Stage::Started {
            port::with(|port| port.unit.recorder.begin(Cause::Own("poll")));
            host.pass(options.settle);
        }
        let mut opening = Vec::new();
        host.give_own(&mut |line| opening.push(line));
        host.note_failure(&mut opening);
        host.opening = opening;
        Ok(host)
    }

    /// DriverEntry, AddDevice, START_DEVICE; gives the status of the step that failed, or success.
    fn begin(&mut self) -> Result<i32, Ended> {
        let (driver, pdo) = (self.driver, self.pdo);
        let entry = self.image.as_ref().map_or(0, |image| image.entry);
        let entered = self.call("DriverEntry", move || load::driver_entry(driver, entry))?;
        if !status::success(entered) {
            return Ok(entered);
        }
        self.stage = Stage::Entered;
        let before = Footprint::now();
        let added = self.call("AddDevice", move || load::add_device(driver, pdo))?;
        if !status::success(added) {
            if !get!(pdo, AttachedDevice).is_null() {
                findings::report(Rule::Leak, "AddDevice", "failed and left its device attached");
            }
            return Ok(added);
        }
        self.stage = Stage::Added;
        let fdo = self.fdo();
        if fdo.is_null() {
            findings::report(Rule::PnpOrder, "AddDevice", "succeeded and attached no device");
            return Ok(added);
        }
        if get!(fdo, Flags) & DO_DEVICE_INITIALIZING != 0 {
            findings::report(Rule::PnpOrder, "AddDevice", "left DO_DEVICE_INITIALIZING set");
        }
        let started = self.call("START_DEVICE", move || pnp::play(pdo, Pnp::Start).status)?;
        if status::success(started) {
            self.stage = Stage::Started;
            self.report.footprint = Footprint::now().since(&before);
        }
        Ok(started)
    }

    /// Runs work of the system; notes when the run ended.
    pub(crate) fn call<R: 'static>(&mut self, name: &str, work: impl FnOnce() -> R + 'static) -> Result<R, Ended> {
        let result = if self.over { Err(Ended::Dead) } else { thread::call(name, work) };
        self.over |= result.is_err();
        result
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        if self.over {
            return;
        }
        let patience = i64::try_from(time.as_nanos() / 100).unwrap_or(i64::MAX);
        self.over |= thread::wait(&|| false, patience).is_err();
        self.settle();
    }

    /// Lets happen what needs no time.
    pub(crate) fn settle(&mut self) {
        threads::settle();
        // Only a run tells whether a fatal finding ended it.
        self.over |= thread::wait(&|| true, 0).is_err();
    }

    /// How far the driver got.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Status of the step that failed, or success.
    #[must_use]
    pub fn start_status(&self) -> i32 {
        self.status
    }

    /// Whether a fatal finding ended the run.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The result lines of start and first polls, once.
    pub fn take_opening(&mut self) -> Vec<ResultLine> {
        std::mem::take(&mut self.opening)
    }

    /// What goes wrong from the next line on.
    pub fn set_injection(&mut self, injection: Injection) {
        self.injection = injection;
    }

    /// What there was during the start, or during the last line.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counter.counts()
    }

    /// The block of the command that was made to fail during the start or the last line; empty if none was.
    #[must_use]
    pub fn failed_command(&self) -> Vec<u8> {
        port::with(|port| port.unit.failed())
    }

    /// Memory that the device took for itself, after its start.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        self.report.footprint
    }

    /// The driver's device, null before it is attached and after it is gone.
    pub(crate) fn fdo(&self) -> *mut DEVICE_OBJECT {
        get!(self.pdo, AttachedDevice)
    }

    /// Findings since the last call; they are kept for the report.
    pub(crate) fn take_findings(&mut self) -> Vec<Finding> {
        let found = findings::take();
        self.report.findings.extend(found.iter().cloned());
        found
    }

    /// Findings so far.
    pub fn findings(&mut self) -> &[Finding] {
        self.take_findings();
        &self.report.findings
    }

    /// Closes handles, removes the device, unloads the driver, looks for what it left; gives the report.
    pub fn finish(mut self, emit: &mut dyn FnMut(ResultLine)) -> Report {
        self.counter = Counter::begin(&Injection::default());
        self.end_pending(emit);
        self.close_all(emit);
        if !self.over {
            port::with(|port| port.unit.recorder.begin(Cause::Own("pnp")));
            let removed = self.remove();
            self.give_own(emit);
            if removed.is_ok() && self.unload().is_ok() {
                drop(port::uninstall());
                nt_kernel::check_at_unload();
            }
        }
        self.take_findings();
        drop(port::uninstall());
        if let Some(image) = self.image.take() {
            image::unload(image);
        }
        std::mem::take(&mut self.report)
    }

    fn remove(&mut self) -> Result<(), Ended> {
        let pdo = self.pdo;
        let started = self.stage == Stage::Started;
        let changed = self.changed;
        if self.stage < Stage::Added || self.stage == Stage::Removed {
            return Ok(());
        }
        self.stage = Stage::Removed;
        self.call("removal", move || {
            if started {
                prepare_removal(pdo, changed);
            }
            pnp::play(pdo, Pnp::Remove);
        })
    }

    fn unload(&mut self) -> Result<(), Ended> {
        let driver = self.driver;
        if self.stage > Stage::Loaded {
            self.call("DriverUnload", move || load::unload(driver))?;
        }
        self.settle();
        io::delete_driver(driver);
        if self.over { Err(Ended::Dead) } else { Ok(()) }
    }
}

/// What precedes REMOVE, as the script left the device: it is asked, unless it was asked already or cannot be.
fn prepare_removal(pdo: *mut DEVICE_OBJECT, changed: Option<Pnp>) {
    match changed {
        Some(Pnp::QueryRemove | Pnp::SurpriseRemove) => return,
        Some(Pnp::QueryStop) => {
            pnp::play(pdo, Pnp::CancelStop);
        }
        _ => {}
    }
    let ask = changed != Some(Pnp::Stop);
    if !ask || !status::success(pnp::play(pdo, Pnp::QueryRemove).status) {
        pnp::play(pdo, Pnp::SurpriseRemove);
    }
}
