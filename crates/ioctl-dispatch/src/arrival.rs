//! What happens to a device-control request when it arrives, in the caller's context and at the caller's IRQL.

use crate::buffers::Buffers;
use crate::dispatcher::Dispatcher;
use crate::exclusive;
use crate::handle::Handle;
use crate::ioctl::{DeviceType, Facts, Ioctl, Operation, Route, ZeroPower, find};
use crate::ntstatus::NtStatus;
use crate::ops::{self, Context, Input, Next};
use crate::request::{Environment, Irql, Request};
use crate::step::{Completion, PlatformCall};

/// Minor function of a request that the claiming class driver passes to the port.
pub const IRP_MN_SCSI_CLASS: u8 = 1;

/// What the driver does with a request that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Complete it.
    Complete(Completion),
    /// Put it in the serial queue; the worker begins it at PASSIVE_LEVEL when its turn comes.
    Queue,
    /// Let it take its turn in the serial queue, then begin it in the caller's thread.
    QueueInCallerThread,
    /// Pass it down now, asynchronously, unserialized, and complete it with just what the driver below says.
    Forward,
    /// Ask the system, then call [`Dispatcher::answer`].
    Ask(PlatformCall),
}

impl Arrival {
    const fn complete(status: NtStatus, information: u64) -> Self {
        Self::Complete(Completion::new(status, information))
    }
}

impl Dispatcher {
    /// Takes a device-control request in the caller's context.
    ///
    /// Needs no lock longer than the call: callable at IRQL <= DISPATCH_LEVEL.
    pub fn arrive(
        &mut self,
        request: &Request,
        handle: Option<&mut Handle>,
        environment: &Environment,
        buffers: &mut Buffers<'_>,
    ) -> Arrival {
        let arrival = self.sort(request, handle, environment, buffers);
        match arrival {
            Arrival::Complete(completion) => Arrival::Complete(self.finished(completion)),
            other => other,
        }
    }

    fn sort(
        &mut self,
        request: &Request,
        handle: Option<&mut Handle>,
        environment: &Environment,
        buffers: &mut Buffers<'_>,
    ) -> Arrival {
        if exclusive::denies(self.device.exclusive.as_ref(), request.handle, request.code) {
            self.device.polling.note_refused(request.code);
            return Arrival::complete(NtStatus::ACCESS_DENIED, 0);
        }
        let Some(row) = find(request.code.normalized()) else { return unknown(request) };
        if row.operation == Operation::VolumeOnline && request.kernel_mode {
            return Arrival::complete(NtStatus::SUCCESS, 0);
        }
        let zero_power = if self.device.zero_power.active { row.zero_power } else { ZeroPower::Wakes };
        if !row.checked_late
            && let Err((status, information)) = self.check(row, request, buffers)
        {
            let overridden = zero_power == ZeroPower::NoMediaOverrides;
            let status = if overridden { NtStatus::NO_MEDIA_IN_DEVICE } else { status };
            return Arrival::complete(status, u64::from(information));
        }
        if matches!(zero_power, ZeroPower::NoMedia | ZeroPower::NoMediaOverrides) {
            return Arrival::complete(NtStatus::NO_MEDIA_IN_DEVICE, 0);
        }
        match row.route {
            Route::AtOnce => self.at_once(row, request, handle, environment, buffers),
            Route::Serial | Route::SerialUnrefreshed => Arrival::Queue,
            Route::CallerThread | Route::PassThrough => in_callers_thread(request),
            Route::Property => self.at_once(row, request, handle, environment, buffers),
            Route::PassDown => unknown(request),
        }
    }

    /// Runs the checks of `row`.
    pub(crate) fn check(&self, row: &Ioctl, request: &Request, buffers: &Buffers<'_>) -> Result<(), (NtStatus, u32)> {
        let length = usize::try_from(request.input_length).unwrap_or(usize::MAX);
        let device = &self.device;
        let facts = Facts {
            request,
            input: scsi_cdb::bytes::clamp(buffers.system, 0, length),
            alignment_mask: device.limits.alignment_mask,
            is_dvd: device.is_dvd,
            is_aacs: device.is_aacs,
            is_mmc: device.is_mmc,
            transfer_limits: (device.limits.aligned, device.limits.unaligned),
            capacity: device.geometry.capacity(),
            scratch_length: device.limits.scratch_length(),
            has_mounted_interface: !device.mounted_interface.as_slice().is_empty(),
        };
        row.checks.iter().try_for_each(|check| check.run(&facts))
    }

    fn at_once(
        &mut self,
        row: &Ioctl,
        request: &Request,
        handle: Option<&mut Handle>,
        environment: &Environment,
        buffers: &mut Buffers<'_>,
    ) -> Arrival {
        let mut context = Context { device: &mut self.device, request: *request, handle, environment, buffers };
        let next = match row.route {
            Route::Property => match ops::property::answer_at_once(&mut context) {
                ops::property::Routing::Answer(next) => next,
                ops::property::Routing::Queue => return in_callers_thread(request),
                ops::property::Routing::PassDown => return unknown(request),
            },
            _ => ops::mount::answer(row.operation, &mut context),
        };
        match next {
            Next::Done(status, information) => Arrival::complete(status, information),
            Next::Platform(call, _) => Arrival::Ask(call),
            Next::Send(..) | Next::Forward(_) | Next::Park => Arrival::Queue,
        }
    }

    /// Completes a request whose arrival asked the system something.
    pub fn answer(
        &mut self,
        request: &Request,
        status: NtStatus,
        value: u64,
        environment: &Environment,
        buffers: &mut Buffers<'_>,
    ) -> Completion {
        let mut context = Context { device: &mut self.device, request: *request, handle: None, environment, buffers };
        let completion = match ops::mount::suggested_link(Input::Platform { status, value }, &mut context) {
            Next::Done(status, information) => Completion::new(status, information),
            _ => Completion::new(NtStatus::INVALID_DEVICE_REQUEST, 0),
        };
        self.finished(completion)
    }
}

/// A request whose thread has to wait for its turn, which it cannot at DISPATCH_LEVEL.
fn in_callers_thread(request: &Request) -> Arrival {
    if request.irql == Irql::Dispatch {
        Arrival::complete(NtStatus::INVALID_LEVEL, 0)
    } else {
        Arrival::QueueInCallerThread
    }
}

/// A code that this driver does not serve: in serial order where the caller's thread can wait, else at once.
fn unknown(request: &Request) -> Arrival {
    if request.irql != Irql::Passive || request.code.device_type() == DeviceType::ACPI {
        Arrival::Forward
    } else {
        Arrival::QueueInCallerThread
    }
}

#[cfg(test)]
mod tests;
