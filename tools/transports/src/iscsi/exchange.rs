//! One command on its way: what is sent, what comes back, without the wire.

use virtual_drive::{Completion, DataPhase, Reply};

use super::error::{IscsiError, protocol};
use super::pdu::{DataIn, DataOut, Pdu, ReadyToTransfer, ScsiCommand, ScsiResponse, flag, sense_of};
use super::text::Limits;

use std::time::Duration;

/// The state of a command between its first and its last message.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    task_tag: u32,
    lun: [u8; 8],
    data: DataPhase<'a>,
    /// Expected Data Transfer Length.
    expected: u32,
    limits: Limits,
    received: Vec<u8>,
    reply: Option<Reply>,
}

impl<'a> Exchange<'a> {
    /// A command with this data phase.
    ///
    /// # Errors
    /// More than 4 GiB of data.
    pub(crate) fn new(task_tag: u32, lun: [u8; 8], data: DataPhase<'a>, limits: Limits) -> Result<Self, IscsiError> {
        let length = match data {
            DataPhase::None => 0,
            DataPhase::In(room) => room,
            DataPhase::Out(bytes) => bytes.len(),
        };
        let expected =
            u32::try_from(length).map_err(|_| IscsiError::Negotiation(format!("{length} bytes for one command")))?;
        Ok(Self { task_tag, lun, data, expected, limits, received: Vec::new(), reply: None })
    }

    /// The first message and its immediate data; `cdb` has at most 16 bytes.
    pub(crate) fn command(&self, cdb: &[u8]) -> (ScsiCommand, &'a [u8]) {
        let mut block = [0; 16];
        block[..cdb.len()].copy_from_slice(cdb);
        let (direction, immediate): (u8, &[u8]) = match self.data {
            DataPhase::In(1..) => (flag::READ_OR_CONTINUE, &[]),
            DataPhase::Out(bytes) if !bytes.is_empty() => {
                (flag::WRITE, &bytes[..bytes.len().min(self.limits.immediate).min(self.limits.target_segment)])
            }
            _ => (0, &[]),
        };
        let command = ScsiCommand {
            flags: flag::FINAL | direction | flag::SIMPLE,
            lun: self.lun,
            task_tag: self.task_tag,
            expected_length: self.expected,
            cdb: block,
            ..ScsiCommand::default()
        };
        (command, immediate)
    }

    /// Takes a message about this command; gives what must be sent for it.
    ///
    /// # Errors
    /// The message is about another command, or asks or gives what was not agreed.
    pub(crate) fn hear(&mut self, pdu: &Pdu) -> Result<Vec<(DataOut, &'a [u8])>, IscsiError> {
        if pdu.task_tag() != self.task_tag {
            return Err(protocol(format!("message {:#04X} about an unknown task", pdu.opcode())));
        }
        if let Some(message) = pdu.get::<ReadyToTransfer>() {
            return self.burst(&message);
        }
        if let Some(message) = pdu.get::<DataIn>() {
            self.take_data(&message, &pdu.data)?;
        }
        if let Some(message) = pdu.get::<ScsiResponse>() {
            if message.response != 0 {
                return Err(IscsiError::TargetFailure(message.response));
            }
            self.finish(message.status, sense_of(&pdu.data), message.flags, message.residual);
        }
        Ok(Vec::new())
    }

    /// The answer, once.
    pub(crate) const fn take_reply(&mut self) -> Option<Reply> {
        self.reply.take()
    }

    /// The Data-Out sequence that an R2T asks for (RFC 7143 clause 11.8).
    fn burst(&self, message: &ReadyToTransfer) -> Result<Vec<(DataOut, &'a [u8])>, IscsiError> {
        let DataPhase::Out(bytes) = self.data else {
            return Err(protocol("a request for data that are not there"));
        };
        let (begin, length) = (usize_of(message.offset), usize_of(message.length));
        let wanted = begin.checked_add(length).and_then(|end| bytes.get(begin..end));
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty() && wanted.len() <= self.limits.burst) else {
            return Err(protocol(format!("a request for {length} bytes at {begin} of {}", bytes.len())));
        };
        let last = wanted.len().div_ceil(self.limits.target_segment) - 1;
        let parts =
            wanted.chunks(self.limits.target_segment).zip(0u32..).scan(message.offset, |next, (part, number)| {
                let offset = *next;
                *next = next.wrapping_add(u32::try_from(part.len()).unwrap_or(0));
                let flags = if usize_of(number) == last { flag::FINAL } else { 0 };
                let out = DataOut {
                    flags,
                    lun: self.lun,
                    task_tag: self.task_tag,
                    transfer_tag: message.transfer_tag,
                    exp_stat_sn: 0,
                    data_sn: number,
                    offset,
                };
                Some((out, part))
            });
        Ok(parts.collect())
    }

    /// Data in order, as agreed with DataPDUInOrder and DataSequenceInOrder.
    fn take_data(&mut self, message: &DataIn, data: &[u8]) -> Result<(), IscsiError> {
        let DataPhase::In(room) = self.data else {
            return Err(protocol("data that nobody asked for"));
        };
        if !data.is_empty() && usize_of(message.offset) != self.received.len() {
            return Err(protocol(format!("data for {} where {} is due", message.offset, self.received.len())));
        }
        if data.len() > room - self.received.len() {
            return Err(protocol(format!("more data than the {room} bytes that there is room for")));
        }
        self.received.extend_from_slice(data);
        if message.flags & flag::STATUS != 0 {
            self.finish(message.status, Vec::new(), message.flags, message.residual);
        }
        Ok(())
    }

    /// The command ends; bytes that the target counts as missing do not count as moved.
    fn finish(&mut self, status: u8, sense: Vec<u8>, flags: u8, residual: u32) {
        let missing = if flags & flag::UNDERFLOW != 0 { residual } else { 0 };
        let moved = usize_of(self.expected.saturating_sub(missing));
        let mut data = std::mem::take(&mut self.received);
        data.truncate(moved);
        let transferred = match self.data {
            DataPhase::Out(_) => moved,
            _ => data.len(),
        };
        self.reply = Some(Reply {
            completion: Completion::Status { status, sense },
            data,
            transferred,
            duration: Duration::ZERO,
        });
    }
}

/// A 32-bit number as an index; this code runs on machines of 32 bits and more.
fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
