//! Requests on their way into the driver, and how they ended.

use std::time::Duration;

use drive_formats::results::Ended;
use ioctl_dispatch::arrival::Arrival;
use ioctl_dispatch::ioctl::{ControlCode, Method};
use ioctl_dispatch::request::{Irql, Transfer};
use ioctl_dispatch::{Completion, HandleId, Job, NtStatus, Request};

use super::{Host, HostError, Item};
use crate::memory::Memory;
use crate::names::Access;
use crate::record::Cause;

/// Identifies a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// A device-control request.
#[derive(Clone, Debug)]
pub struct Ioctl {
    /// The control code.
    pub code: ControlCode,
    /// The handle; `None` for a request without a file object.
    pub handle: Option<HandleId>,
    /// Input bytes.
    pub input: Vec<u8>,
    /// Output buffer length.
    pub output_length: u32,
    /// RequestorMode is KernelMode.
    pub kernel_mode: bool,
    /// The caller is a 32-bit process.
    pub wow64: bool,
    /// Flags of the stack location.
    pub stack_flags: u8,
    /// Where in a page a direct output buffer starts.
    pub mdl_offset: u32,
}

impl Ioctl {
    /// A request of a user's program.
    #[must_use]
    pub fn new(code: ControlCode, handle: HandleId, input: &[u8], output_length: u32) -> Self {
        Self {
            code,
            handle: Some(handle),
            input: input.to_vec(),
            output_length,
            kernel_mode: false,
            wow64: false,
            stack_flags: 0,
            mdl_offset: 0,
        }
    }
}

/// A request that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// `IoStatus.Status`.
    pub status: NtStatus,
    /// `IoStatus.Information`.
    pub information: u64,
    /// Its buffers.
    pub memory: Memory,
}

impl Completed {
    /// What the caller gets back: the output up to Information, nothing after an error.
    #[must_use]
    pub fn returned(&self) -> &[u8] {
        self.ended().returned()
    }

    /// The same in the terms of the file formats.
    #[must_use]
    pub fn ended(&self) -> Ended<'_> {
        self.memory.ended(self.status.0, self.information)
    }
}

impl Host {
    /// Hands a device-control request to the driver; it is cancelled at `cancel_after` from now.
    ///
    /// # Errors
    /// The handle is not open.
    pub fn control(&mut self, ioctl: &Ioctl, cancel_after: Option<Duration>) -> Result<RequestId, HostError> {
        let memory = match ioctl.code.method() {
            Method::OutDirect => Memory::out_direct(&ioctl.input, ioctl.output_length, ioctl.mdl_offset),
            _ => Memory::buffered(&ioctl.input, ioctl.output_length),
        };
        let request = Request {
            code: ioctl.code,
            input_length: u32::try_from(ioctl.input.len()).unwrap_or(u32::MAX),
            output_length: ioctl.output_length,
            handle: ioctl.handle,
            kernel_mode: ioctl.kernel_mode,
            wow64: ioctl.wow64,
            stack_flags: ioctl.stack_flags,
            irql: Irql::Passive,
            system_address: memory.system_address(),
            mdl: memory.mdl(),
            type3_input: None,
        };
        let mut item = self.item(Job::Control(request), ioctl.handle, memory, Cause::Request, cancel_after);
        let id = RequestId(self.next_id());
        item.id = Some(id);
        let access = match ioctl.handle {
            Some(handle) => self.handles.get(&handle.0).ok_or(HostError::NoHandle(handle))?.access,
            None => Access::ReadWrite,
        };
        if !ioctl.kernel_mode && !access.permits(ioctl.code.0) {
            self.finish(item, Completion::new(NtStatus::ACCESS_DENIED, 0));
            return Ok(id);
        }
        self.port.recorder.go_on(Cause::Request);
        let arrival = self.lend(&mut item, |dispatcher, handle, environment, buffers| {
            dispatcher.arrive(&request, handle, environment, buffers)
        });
        self.arrived(arrival, &request, item);
        Ok(id)
    }

    fn arrived(&mut self, arrival: Arrival, request: &Request, mut item: Item) {
        match arrival {
            Arrival::Complete(completion) => self.finish(item, completion),
            Arrival::Queue | Arrival::QueueInCallerThread => self.queue.push_back(item),
            Arrival::Forward => {
                let completion = self.pass_down(request, None, &mut item);
                self.finish(item, completion);
            }
            Arrival::Ask(call) => {
                let (status, value) = self.ask(call);
                let completion = self.lend(&mut item, |dispatcher, _, environment, buffers| {
                    dispatcher.answer(request, status, value, environment, buffers)
                });
                self.finish(item, completion);
            }
        }
    }

    /// Hands a read or write to the driver.
    ///
    /// # Errors
    /// The handle is not open.
    pub fn transfer(
        &mut self,
        mut transfer: Transfer,
        memory: Memory,
        cancel_after: Option<Duration>,
    ) -> Result<RequestId, HostError> {
        if let Some(handle) = transfer.handle.filter(|handle| !self.handles.contains_key(&handle.0)) {
            return Err(HostError::NoHandle(handle));
        }
        transfer.mdl = memory.mdl().unwrap_or(transfer.mdl);
        Ok(self.submit(Job::Transfer(transfer), transfer.handle, memory, Cause::Request, cancel_after))
    }

    /// Hands a flush (or a shutdown) to the driver.
    ///
    /// # Errors
    /// The handle is not open.
    pub fn flush(&mut self, shutdown: bool, handle: Option<HandleId>) -> Result<RequestId, HostError> {
        if let Some(handle) = handle.filter(|handle| !self.handles.contains_key(&handle.0)) {
            return Err(HostError::NoHandle(handle));
        }
        let job = if shutdown { Job::Shutdown } else { Job::Flush };
        Ok(self.submit(job, handle, Memory::default(), Cause::Request, None))
    }
}
