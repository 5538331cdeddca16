//! What the core asks of the system: commands, calls with an answer, and effects without one.

use ioctl_dispatch::effect::Effect;
use ioctl_dispatch::ioctl::ControlCode;
use ioctl_dispatch::step::{Place, PlatformCall, PortFunction, ScsiCommand};
use ioctl_dispatch::{Completion, Job, NtStatus, Request};
use scsi_cdb::{Cdb, Direction};

use crate::host::{Host, Item};
use crate::memory::Memory;
use crate::port::{PortAnswer, PortCommand};
use crate::record::Sent;

const IOCTL_STORAGE_EJECT_MEDIA: ControlCode = ControlCode(0x002D_4808);

impl Host {
    /// Sends a command with its data in the scratch buffer or in the caller's pages.
    pub(crate) fn send(&mut self, command: &ScsiCommand, memory: &mut Memory) -> PortAnswer {
        let Self { port, clock, scratch, .. } = self;
        let to_usize = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        let (buffer, start, address): (&mut [u8], usize, u64) = match (command.place, memory.mdl()) {
            (Place::Scratch, _) => (scratch, 0, 0),
            (Place::Caller { offset }, Some(mdl)) => {
                let bytes = memory.pages.as_mut().map_or(&mut [][..], |pages| &mut pages.bytes);
                (bytes, to_usize(offset), mdl.address.saturating_add(u64::from(offset)))
            }
            (Place::Caller { offset }, None) => (&mut [], to_usize(offset), 0),
        };
        let refused = |status| PortAnswer {
            status,
            scsi_status: 0,
            sense: Vec::new(),
            transferred: 0,
            duration: std::time::Duration::ZERO,
        };
        if !port.admits(command.cdb, address, command.length) {
            return refused(NtStatus::INVALID_PARAMETER);
        }
        let (room, end) = (buffer.len(), start.saturating_add(to_usize(command.length)));
        let Some(data) = buffer.get_mut(start..end) else {
            port.find(format!("{:?}: bytes {start} to {end} of a buffer of {room}", command.cdb));
            return refused(NtStatus::INSUFFICIENT_RESOURCES);
        };
        let command = PortCommand { cdb: command.cdb, direction: command.direction, timeout_s: command.timeout_s };
        port.execute(&command, data, clock)
    }

    /// Answers what only the system can know.
    pub(crate) fn ask(&mut self, call: PlatformCall) -> (NtStatus, u64) {
        match call {
            PlatformCall::ReadDefaultRegion => {
                let region = self.system.registry.get(r"Parameters\DefaultDvdRegion");
                (NtStatus::SUCCESS, u64::from(region.unwrap_or(0)))
            }
            PlatformCall::ReadSuggestedLink => match self.system.registry.packed_link() {
                Some(link) => (NtStatus::SUCCESS, link),
                None => (NtStatus::OBJECT_NAME_NOT_FOUND, 0),
            },
            PlatformCall::QueryPortProperty { property } => match self.port.descriptor(property) {
                Some(descriptor) => {
                    let scratch = &mut self.scratch;
                    let length = descriptor.len().min(scratch.len());
                    scratch[..length].copy_from_slice(&descriptor[..length]);
                    (NtStatus::SUCCESS, length as u64)
                }
                None => (NtStatus::NOT_SUPPORTED, 0),
            },
            PlatformCall::PortFunction { function, timeout_s } => {
                let code = match function {
                    PortFunction::Shutdown => 0x07,
                    PortFunction::Flush => 0x08,
                    PortFunction::LockQueue => 0x18,
                    PortFunction::UnlockQueue => 0x19,
                    PortFunction::QuiesceDevice => 0x1A,
                };
                self.port.recorder.add(Sent::Function { code, timeout_s });
                (NtStatus::SUCCESS, 0)
            }
            // A port of this kind serves neither the volume's code nor idle power.
            PlatformCall::VolumesAreReady
            | PlatformCall::EnableIdlePower { .. }
            | PlatformCall::QueryD3Cold
            | PlatformCall::IdlePowerupReason => (NtStatus::NOT_SUPPORTED, 0),
        }
    }

    /// Turns the core's effects into work and state.
    pub(crate) fn take_effects(&mut self) {
        while let Some(effect) = self.dispatcher.take_effect() {
            self.apply(effect);
        }
        if self.dispatcher.device.effects.lost() > 0 {
            self.port.find("the core had more effects than places for them");
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Notify(notification) => self.system.notifications.push((self.clock.now(), notification)),
            Effect::SetVerifyVolume => self.system.verify = true,
            Effect::InvalidateBusRelations => self.system.invalidated += 1,
            Effect::StartUnit => self.start_unit(),
            Effect::WriteRegistry(write) => self.system.registry.write(write),
            Effect::Log(record) => self.system.log.push(record),
            Effect::LogExclusiveLock(name) => {
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                self.system.exclusive_log.push(String::from_utf8_lossy(name).into_owned());
            }
            Effect::CompleteParked => {
                for item in std::mem::take(&mut self.parked) {
                    self.finish(item, Completion::new(NtStatus::SUCCESS, 0));
                }
            }
            Effect::RestoreSpeed => self.queue.push_back(Item::own(Job::RestoreSpeed, "restore_speed")),
            Effect::Poll => self.queue.push_back(Item::own(Job::Poll, "poll")),
            Effect::SoftEject => {
                self.queue.push_back(Item::own(Job::Control(Request::of_driver(IOCTL_STORAGE_EJECT_MEDIA)), "eject"))
            }
            Effect::DeleteSuggestedLink => self.system.registry.suggested_link = None,
            Effect::MarkActive(active) => self.system.active = Some(active),
        }
    }

    /// Sent without waiting: it takes no time here, and nobody looks at its result.
    fn start_unit(&mut self) {
        const START: Cdb = Cdb::new6([0x1B, 0, 0, 0, 1, 0]);
        let command = PortCommand { cdb: START, direction: Direction::None, timeout_s: 240 };
        let now = self.clock.now();
        self.port.execute_at(&command, &mut [], now);
    }
}
