//! Runs one piece of work at a time: the serial queue's owner of the drive.

use scsi_cdb::{Cdb, Command, Direction, Opcode};

use crate::buffers::Buffers;
use crate::capability::Update;
use crate::device::Device;
use crate::effect::Effect;
use crate::exclusive;
use crate::handle::Handle;
use crate::ioctl::{ControlCode, Operation, Route, find};
use crate::ntstatus::NtStatus;
use crate::ops::{self, CommandResult, Context, Input, Mode, Next, State};
use crate::port::{self, PortResult, SrbStatus};
use crate::request::{Environment, Job, Request};
use crate::sense::{self, Failure, Origin, SenseCode, Verdict};
use crate::step::{Completion, Outcome, Place, PortReply, ScsiCommand, Step};
use crate::time::Ticks;

/// The drive and the work in hand.
#[derive(Clone, Debug, Default)]
pub struct Dispatcher {
    /// What is known of the drive.
    pub device: Device,
    running: Option<Running>,
}

/// The work in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    job: Job,
    request: Request,
    origin: Origin,
    operation: Operation,
    /// What runs first.
    preparation: Option<Preparation>,
    state: Option<State>,
    active: Option<Active>,
    /// The command that waits while READ CAPACITY learns the geometry of a changed medium, and its delay.
    suspended: Option<(Active, Ticks)>,
    first_sent: Option<Ticks>,
}

/// What runs before requests that find the drive in another state than they left it in, if it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preparation {
    /// The capability refresh.
    Refresh,
    /// PREVENT, because a reset took the lock away.
    Lock,
}

impl Preparation {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Refresh => Some(Self::Lock),
            Self::Lock => None,
        }
    }
}

/// The command in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Active {
    command: ScsiCommand,
    mode: Mode,
    attempt: u32,
}

/// Arguments that every step needs.
struct World<'a, 'b> {
    handle: Option<&'a mut Handle>,
    environment: &'a Environment,
    buffers: &'a mut Buffers<'b>,
}

impl Dispatcher {
    /// A dispatcher for `device`.
    #[must_use]
    pub const fn new(device: Device) -> Self {
        Self { device, running: None }
    }

    /// The oldest effect not yet taken. Drain after every call.
    pub fn take_effect(&mut self) -> Option<Effect> {
        self.device.effects.take()
    }

    /// Where the work in hand stands, for a debugger or a trace.
    #[must_use]
    pub fn state(&self) -> Option<(Job, Option<State>)> {
        self.running.map(|running| (running.job, running.state))
    }

    /// Begins `job`, whose turn has come. There must be none in hand.
    pub fn begin(
        &mut self,
        job: Job,
        handle: Option<&mut Handle>,
        environment: &Environment,
        buffers: &mut Buffers<'_>,
    ) -> Step {
        let mut world = World { handle, environment, buffers };
        let mut running = Running {
            job,
            request: Request::of_driver(ControlCode(0)),
            origin: Origin::Driver,
            operation: Operation::None,
            preparation: None,
            state: None,
            active: None,
            suspended: None,
            first_sent: None,
        };
        let admitted = match job {
            Job::Control(request) => {
                running.request = request;
                running.origin = Origin::Control { code: request.code, override_verify: request.override_verify() };
                self.admit(&mut running, world.environment)
            }
            Job::Transfer(transfer) => {
                running.origin = Origin::Transfer {
                    write: transfer.write,
                    override_verify: transfer.override_verify(),
                    paging: transfer.paging,
                };
                running.preparation = Some(Preparation::Refresh);
                ops::transfer::admit(&mut self.device, &transfer, world.environment)
            }
            Job::Poll => {
                running.preparation = Some(Preparation::Refresh);
                ops::poll::admit(&mut self.device)
            }
            _ => Ok(()),
        };
        if let Err(completion) = admitted {
            return self.complete(completion);
        }
        let next = self.prepare(&mut running, &mut world);
        self.follow(running, next, &mut world)
    }

    /// Goes on with the work in hand.
    pub fn resume(
        &mut self,
        outcome: Outcome<'_>,
        handle: Option<&mut Handle>,
        environment: &Environment,
        buffers: &mut Buffers<'_>,
    ) -> Step {
        let mut world = World { handle, environment, buffers };
        let Some(mut running) = self.running.take() else {
            return Step::Complete(Completion::new(NtStatus::INVALID_DEVICE_STATE, 0));
        };
        match (outcome, running.active.take(), running.state) {
            (Outcome::Command(reply), Some(active), _) => self.command_ended(running, active, reply, &mut world),
            (Outcome::Waited, Some(active), _) => self.send(running, active, &mut world),
            (Outcome::Platform { status, value }, None, Some(state)) => {
                let next =
                    ops::resume(state, Input::Platform { status, value }, &mut self.context(&running, &mut world));
                self.follow(running, next, &mut world)
            }
            _ => self.complete(Completion::new(NtStatus::INVALID_DEVICE_STATE, 0)),
        }
    }

    fn context<'a, 'b>(&'a mut self, running: &Running, world: &'a mut World<'_, 'b>) -> Context<'a, 'b> {
        Context {
            device: &mut self.device,
            request: running.request,
            handle: world.handle.as_deref_mut(),
            environment: world.environment,
            buffers: world.buffers,
        }
    }

    /// Checks that are made when a control request's turn has come.
    fn admit(&mut self, running: &mut Running, environment: &Environment) -> Result<(), Completion> {
        let request = running.request;
        let row = find(request.code.normalized());
        if environment.cancelled && row.is_none_or(|row| row.route.takes_the_callers_thread()) {
            return Err(Completion::new(NtStatus::CANCELLED, 0));
        }
        if exclusive::denies(self.device.exclusive.as_ref(), request.handle, request.code) {
            return Err(Completion::new(NtStatus::ACCESS_DENIED, 0));
        }
        let Some(row) = row else { return Ok(()) };
        running.operation = row.operation;
        if matches!(row.operation, Operation::IsWritable | Operation::Verify) && !self.device.capability.write_allowed {
            self.device.capability.require_update();
        }
        running.preparation = (row.route == Route::Serial).then_some(Preparation::Refresh);
        Ok(())
    }

    /// Starts the first preparation that is due, or else what the job is about. Each runs once, however it ends.
    fn prepare(&mut self, running: &mut Running, world: &mut World<'_, '_>) -> Next {
        while let Some(preparation) = running.preparation {
            let device = &self.device;
            // Lock requests see to a lost lock themselves.
            let locks = matches!(running.operation, Operation::MediaRemoval | Operation::EjectionControl);
            match preparation {
                Preparation::Refresh if device.is_mmc && device.capability.update == Update::Required => {
                    return ops::refresh::start(&mut self.context(running, world));
                }
                Preparation::Lock if device.removal.lost_in_drive && !locks => return ops::locks::renew(),
                _ => running.preparation = preparation.next(),
            }
        }
        // A transfer is given up by the time of its own commands.
        running.first_sent = None;
        self.enter(running, world)
    }

    /// Starts what the job is about, once its preparations are over.
    fn enter(&mut self, running: &Running, world: &mut World<'_, '_>) -> Next {
        if let Some(row) = find(running.request.code.normalized())
            && row.checked_late
            && let Err((status, information)) = self.check(row, &running.request, world.buffers)
        {
            return Next::Done(status, u64::from(information));
        }
        let operation = running.operation;
        let job = running.job;
        let context = &mut self.context(running, world);
        match job {
            Job::Control(_) => ops::start(operation, context),
            Job::Transfer(transfer) => ops::transfer::start(transfer, context),
            Job::Flush => ops::flush::start(false, context),
            Job::Shutdown => ops::flush::start(true, context),
            Job::Start => ops::start::start(context),
            Job::Poll => ops::poll::start(context),
            Job::Cleanup => ops::session::clean_up(context),
            Job::RestoreSpeed => ops::speed::restore(context),
            Job::PowerDown { last, watchdog_s } => ops::power::down(last, watchdog_s, context),
            Job::PowerUp => ops::power::up(context),
            Job::Display(on) => ops::power::display(on, context),
        }
    }

    /// Does what an operation wants next.
    fn follow(&mut self, mut running: Running, mut next: Next, world: &mut World<'_, '_>) -> Step {
        loop {
            match next {
                Next::Send(command, mode, state) => {
                    running.state = Some(state);
                    return self.send(running, Active { command, mode, attempt: 0 }, world);
                }
                Next::Platform(call, state) => {
                    running.state = Some(state);
                    self.running = Some(running);
                    return Step::Platform(call);
                }
                Next::Done(..) if running.preparation.is_some() => {
                    running.preparation = running.preparation.and_then(Preparation::next);
                    running.state = None;
                    next = self.prepare(&mut running, world);
                }
                Next::Done(status, information) => return self.complete(Completion::new(status, information)),
                Next::Forward(minor) => return Step::Forward { minor },
                Next::Park => return Step::Park,
            }
        }
    }

    fn complete(&mut self, completion: Completion) -> Step {
        Step::Complete(self.finished(completion))
    }

    /// How a request ends that ended outside: passed down in the caller's thread, cancelled in the queue, or refused by
    /// it.
    #[must_use]
    pub const fn completion(&self, status: NtStatus, information: u64) -> Completion {
        self.finished(Completion::new(status, information))
    }

    /// The rule of every completion: failures of a device that was removed say so. Whether a person could mend the
    /// failure was settled before.
    pub(crate) const fn finished(&self, completion: Completion) -> Completion {
        if self.device.surprise_removed && !completion.status.is_success() {
            Completion { status: NtStatus::DEVICE_DOES_NOT_EXIST, ..completion }
        } else {
            completion
        }
    }

    fn send(&mut self, mut running: Running, mut active: Active, world: &mut World<'_, '_>) -> Step {
        if world.environment.cancelled && matches!(running.job, Job::Control(_) | Job::Transfer(_)) {
            return self.cancel(&running);
        }
        let command = &mut active.command;
        if command.place == Place::Scratch {
            command.length = command.length.min(world.buffers.scratch_length());
            if command.direction == Direction::In {
                world.buffers.clear_scratch(command.length);
            }
        }
        if command.timeout_s == 0 {
            command.timeout_s = self.device.timeout_s.clamp(1, 108_000);
        }
        let command = *command;
        running.first_sent = running.first_sent.or(Some(world.environment.now));
        running.active = Some(active);
        self.running = Some(running);
        Step::Send(command)
    }

    fn cancel(&mut self, running: &Running) -> Step {
        let information = running.state.map_or(0, |state| ops::abandon(state, &mut self.device));
        self.complete(Completion::new(NtStatus::CANCELLED, information))
    }

    fn command_ended(
        &mut self,
        mut running: Running,
        mut active: Active,
        reply: PortReply<'_>,
        world: &mut World<'_, '_>,
    ) -> Step {
        let result = port::translate(reply, active.command.length);
        if result.srb == SrbStatus::SUCCESS {
            self.device.command_succeeded(active.mode.linked, active.command.cdb.opcode());
            return self.command_over(running, NtStatus::SUCCESS, &result, world);
        }
        if reply.status == NtStatus::CANCELLED {
            return self.command_over(running, NtStatus::CANCELLED, &result, world);
        }
        let verdict = self.interpret(&running, &active, result, world);
        let allowed = !active.mode.poll && active.mode.retry_limit.is_none_or(|limit| active.attempt < limit);
        if !verdict.retry || !allowed {
            return self.command_over(running, verdict.status, &result, world);
        }
        active.attempt = active.attempt.saturating_add(1);
        if verdict.rebuild {
            active.command.cdb = plainer_form(active.command.cdb);
        }
        if verdict.refresh_geometry && running.suspended.is_none() {
            running.suspended = Some((active, verdict.delay));
            let command = ops::capacity::command();
            return self.send(running, Active { command, mode: ops::OWN, attempt: 0 }, world);
        }
        self.pause(running, active, verdict.delay, world)
    }

    fn interpret(
        &mut self,
        running: &Running,
        active: &Active,
        result: PortResult<'_>,
        world: &World<'_, '_>,
    ) -> Verdict {
        let failure = Failure {
            result,
            cdb: active.command.cdb,
            low_priority: active.mode.poll,
            origin: if active.mode.linked { running.origin } else { Origin::Driver },
            attempt: active.attempt,
            elapsed: running.first_sent.map(|sent| world.environment.now.since(sent)),
        };
        sense::interpret(&mut self.device, &failure, world.environment)
    }

    fn pause(&mut self, mut running: Running, active: Active, delay: Ticks, world: &mut World<'_, '_>) -> Step {
        if delay == Ticks::ZERO {
            return self.send(running, active, world);
        }
        if world.environment.cancelled && matches!(running.job, Job::Control(_) | Job::Transfer(_)) {
            return self.cancel(&running);
        }
        running.active = Some(active);
        self.running = Some(running);
        Step::Wait(delay)
    }

    /// A command has come to its end: back to the command that waits for it, or to the operation.
    fn command_over(
        &mut self,
        mut running: Running,
        status: NtStatus,
        result: &PortResult<'_>,
        world: &mut World<'_, '_>,
    ) -> Step {
        if let Some((active, delay)) = running.suspended.take() {
            let came = world.buffers.answer(result.transferred);
            self.device.geometry.update(if status.is_success() { Ok(came) } else { Err(came) });
            return self.pause(running, active, delay, world);
        }
        let Some(state) = running.state else {
            return self.complete(Completion::new(NtStatus::INVALID_DEVICE_STATE, 0));
        };
        let sense = SenseCode::parse(result.sense);
        let input = Input::Command(CommandResult { status, transferred: result.transferred, srb: result.srb, sense });
        let next = ops::resume(state, input, &mut self.context(&running, world));
        self.follow(running, next, world)
    }
}

/// The form of a command that more drives know: READ and WRITE without streaming, reservations in 10 bytes.
fn plainer_form(cdb: Cdb) -> Cdb {
    use scsi_cdb::{read_write as block, reserve};
    let bytes = cdb.as_bytes();
    let blocks = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
    match cdb.opcode() {
        Opcode::RESERVE_6 => reserve::Reserve10::WHOLE_UNIT.cdb(),
        Opcode::RELEASE_6 => reserve::Release10::WHOLE_UNIT.cdb(),
        Opcode::READ_12 => block::Read12::parse(bytes).map_or(cdb, |read| {
            block::Read10 { lba: read.lba, blocks: blocks(read.blocks), force_unit_access: false }.cdb()
        }),
        Opcode::WRITE_12 => block::Write12::parse(bytes).map_or(cdb, |write| {
            block::Write10 { lba: write.lba, blocks: blocks(write.blocks), force_unit_access: false }.cdb()
        }),
        _ => cdb,
    }
}
