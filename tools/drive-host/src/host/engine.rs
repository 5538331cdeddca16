//! The serial queue's worker, and the order in which things happen in time.

use std::time::Duration;

use drive_formats::results::GIVEN_UP;
use ioctl_dispatch::step::PortReply;
use ioctl_dispatch::{
    Buffers, Completion, Dispatcher, Environment, Handle, HandleId, Job, NtStatus, Outcome, Request, Step,
};

use super::{Completed, Goal, Host, HostError, Item, RequestId};
use crate::clock::span;
use crate::memory::Memory;
use crate::pass_through;
use crate::record::Cause;

impl Host {
    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn item(
        &self,
        job: Job,
        handle: Option<HandleId>,
        memory: Memory,
        cause: Cause,
        cancel_after: Option<Duration>,
    ) -> Item {
        let cancel_at = cancel_after.map(|time| self.clock.now().saturating_add(time));
        Item { id: None, job, handle, cause, memory, cancel_at, steps: 0 }
    }

    pub(super) fn submit(
        &mut self,
        job: Job,
        handle: Option<HandleId>,
        memory: Memory,
        cause: Cause,
        cancel_after: Option<Duration>,
    ) -> RequestId {
        let id = RequestId(self.next_id());
        let mut item = self.item(job, handle, memory, cause, cancel_after);
        item.id = Some(id);
        self.queue.push_back(item);
        id
    }

    /// Runs the queue and moves the clock until `goal` is reached.
    pub(super) fn run(&mut self, goal: Goal) -> Result<(), HostError> {
        loop {
            self.happen();
            if let Goal::Done(id) = goal
                && self.ended.contains_key(&id)
            {
                return Ok(());
            }
            let now = self.clock.now();
            let wake = match self.waiting.take() {
                Some((item, wake)) if wake <= now || self.cancelled(&item) => {
                    self.resume_waiting(item)?;
                    continue;
                }
                Some((item, wake)) => {
                    self.waiting = Some((item, wake));
                    Some(wake)
                }
                None => match self.queue.pop_front() {
                    Some(item) => {
                        self.begin(item)?;
                        continue;
                    }
                    None => None,
                },
            };
            let held = self.waiting.as_ref().map(|(item, _)| item).into_iter().chain(&self.queue).chain(&self.parked);
            let next = held.filter_map(|item| item.cancel_at).chain(wake).chain(self.next_poll).min();
            match (goal, next) {
                (Goal::Now, _) => return Ok(()),
                (Goal::Time(end), next) if next.is_none_or(|next| next > end) => {
                    self.clock.advance_to(end);
                    self.happen();
                    if self.waiting.is_some() || self.queue.is_empty() {
                        return Ok(());
                    }
                }
                (Goal::Done(id), _) if self.is_stuck(id) => self.give_up(id),
                (_, Some(next)) => self.clock.advance_to(next),
                (_, None) => return Ok(()),
            }
        }
    }

    /// A parked request that has no cancellation ahead: only another request could end it.
    fn is_stuck(&self, id: RequestId) -> bool {
        self.parked.iter().any(|item| item.id == Some(id) && item.cancel_at.is_none())
    }

    fn give_up(&mut self, id: RequestId) {
        let now = self.clock.now();
        for item in self.parked.iter_mut().filter(|item| item.id == Some(id)) {
            item.cancel_at = Some(now);
        }
        self.port.find(GIVEN_UP);
    }

    fn cancelled(&self, item: &Item) -> bool {
        item.cancel_at.is_some_and(|time| time <= self.clock.now())
    }

    /// Lets happen what is due: polls, and cancellations of requests that are in nobody's hands.
    fn happen(&mut self) {
        let now = self.clock.now();
        if let Some(due) = self.next_poll.filter(|due| *due <= now) {
            let device = &mut self.dispatcher.device;
            self.next_poll = device.poll_period().map(span).map(|period| {
                let missed = (now - due).as_nanos() / period.as_nanos();
                due + period * (u32::try_from(missed).unwrap_or(u32::MAX - 1) + 1)
            });
            if device.tick() {
                self.queue.push_back(Item::own(Job::Poll, "poll"));
            }
        }
        let is_due = |item: &Item| item.id.is_some() && item.cancel_at.is_some_and(|time| time <= now);
        let mut due = Vec::new();
        while let Some(index) = self.queue.iter().position(is_due) {
            due.extend(self.queue.remove(index));
        }
        while let Some(index) = self.parked.iter().position(is_due) {
            due.push(self.parked.remove(index));
        }
        for item in due {
            let completion = self.dispatcher.completion(NtStatus::CANCELLED, 0);
            self.finish(item, completion);
        }
    }

    /// Calls the core with all that it borrows, then takes care of its effects.
    pub(super) fn lend<R>(
        &mut self,
        item: &mut Item,
        call: impl FnOnce(&mut Dispatcher, Option<&mut Handle>, &Environment, &mut Buffers<'_>) -> R,
    ) -> R {
        let environment = Environment {
            now: self.clock.ticks(),
            mounted: self.system.mounted,
            verify: self.system.verify,
            cancelled: self.cancelled(item),
        };
        let handle = item.handle.and_then(|handle| self.handles.get_mut(&handle.0)).map(|open| &mut open.state);
        let mut buffers =
            Buffers { scratch: &mut self.scratch, features: &mut self.features, system: &mut item.memory.system };
        let result = call(&mut self.dispatcher, handle, &environment, &mut buffers);
        self.take_effects();
        result
    }

    fn begin(&mut self, mut item: Item) -> Result<(), HostError> {
        self.port.recorder.begin(item.cause);
        let job = item.job;
        let step = self.lend(&mut item, |dispatcher, handle, environment, buffers| {
            dispatcher.begin(job, handle, environment, buffers)
        });
        self.follow(item, step)
    }

    fn resume(&mut self, item: &mut Item, outcome: Outcome<'_>) -> Step {
        self.lend(item, |dispatcher, handle, environment, buffers| {
            dispatcher.resume(outcome, handle, environment, buffers)
        })
    }

    fn resume_waiting(&mut self, mut item: Item) -> Result<(), HostError> {
        self.port.recorder.go_on(item.cause);
        let step = self.resume(&mut item, Outcome::Waited);
        self.follow(item, step)
    }

    /// Does what the core asks until the work ends, or has to wait.
    fn follow(&mut self, mut item: Item, mut step: Step) -> Result<(), HostError> {
        loop {
            item.steps += 1;
            if item.steps > self.step_limit {
                return Err(HostError::Endless { what: format!("{:?}", item.job), steps: self.step_limit });
            }
            step = match step {
                Step::Send(command) => {
                    let answer = self.send(&command, &mut item.memory);
                    let reply = PortReply {
                        status: answer.status,
                        scsi_status: answer.scsi_status,
                        sense: &answer.sense,
                        transferred: answer.transferred,
                    };
                    self.resume(&mut item, Outcome::Command(reply))
                }
                Step::Platform(call) => {
                    let (status, value) = self.ask(call);
                    self.resume(&mut item, Outcome::Platform { status, value })
                }
                Step::Wait(time) => {
                    let wake = self.clock.now().saturating_add(span(time));
                    self.waiting = Some((item, wake));
                    return Ok(());
                }
                Step::Complete(completion) => {
                    self.finish(item, completion);
                    return Ok(());
                }
                Step::Forward { minor } => {
                    let completion = match item.job {
                        Job::Control(request) => self.pass_down_in_turn(&request, minor, &mut item),
                        _ => Completion::new(NtStatus::INVALID_DEVICE_REQUEST, 0),
                    };
                    self.finish(item, completion);
                    return Ok(());
                }
                Step::Park => {
                    self.parked.push(item);
                    return Ok(());
                }
            };
        }
    }

    /// Passes a request down when its turn has come, and lets the core see how it ended.
    fn pass_down_in_turn(&mut self, request: &Request, minor: Option<u8>, item: &mut Item) -> Completion {
        let input_length = usize::try_from(request.input_length).unwrap_or(usize::MAX);
        let input = item.memory.system.iter().copied().take(input_length).collect::<Vec<_>>();
        let Completion { status, information, .. } = self.pass_down(request, minor, item);
        let completion = self.dispatcher.passed_down(request, &input, status, information);
        self.take_effects();
        completion
    }

    pub(super) fn pass_down(&mut self, request: &Request, minor: Option<u8>, item: &mut Item) -> Completion {
        pass_through::answer(&mut self.port, &mut self.clock, request, minor, &mut item.memory.system)
    }

    /// Keeps how a request ended.
    pub(crate) fn finish(&mut self, item: Item, completion: Completion) {
        let Item { id: Some(id), job, memory, .. } = item else { return };
        let Completion { status, information, .. } = completion;
        let room = match job {
            Job::Control(_) => memory.output().len() as u64,
            Job::Transfer(transfer) => u64::from(transfer.length),
            _ => u64::MAX,
        };
        if !status.is_error() && information > room {
            self.port.find(format!("Information {information} is more than the {room} bytes of the buffer"));
        }
        self.ended.insert(id, Completed { status, information, memory });
    }
}
