//! A session in its full feature phase: numbering, housekeeping messages, logout.

use std::time::{Duration, Instant};

use virtual_drive::{DataPhase, Reply};

use super::connection::Connection;
use super::error::{IscsiError, protocol};
use super::exchange::Exchange;
use super::login;
use super::pdu::{
    AsyncMessage, DataIn, DataOut, LogoutRequest, LogoutResponse, Message, NO_TAG, NopIn, NopOut, Pdu, ReadyToTransfer,
    Reject, ScsiCommand, ScsiResponse, flag,
};
use super::text::{DEFAULT_SEGMENT, Limits, OWN_SEGMENT};
use super::url::IscsiUrl;

/// How long the whole login may take.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a target may take to say goodbye.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(2);

/// The only connection of the session.
pub(crate) const CONNECTION_ID: u16 = 1;

/// Sequence numbers (RFC 7143 clause 4.2.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// Of the next command.
    pub(crate) cmd_sn: u32,
    /// Of the next status.
    pub(crate) exp_stat_sn: u32,
    /// Of the last command that the target has room for.
    max_cmd_sn: u32,
}

impl Numbers {
    /// Takes the numbers of a login response, which begin the count.
    pub(crate) const fn begin(&mut self, stat_sn: u32, max_cmd_sn: u32) {
        self.exp_stat_sn = stat_sn.wrapping_add(1);
        self.max_cmd_sn = max_cmd_sn;
    }

    /// Takes the command window of a message; old news is left out.
    const fn hear(&mut self, exp_cmd_sn: u32, max_cmd_sn: u32) {
        let sane = !before(max_cmd_sn, exp_cmd_sn.wrapping_sub(1));
        if sane && before(self.max_cmd_sn, max_cmd_sn) {
            self.max_cmd_sn = max_cmd_sn;
        }
    }

    /// Whether the target has room for a command.
    const fn window_is_open(&self) -> bool {
        !before(self.max_cmd_sn, self.cmd_sn)
    }
}

/// Serial number arithmetic of 32 bits (RFC 1982).
const fn before(left: u32, right: u32) -> bool {
    left != right && right.wrapping_sub(left) < 1 << 31
}

/// A session with the target of one logical unit.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Connection,
    lun: [u8; 8],
    numbers: Numbers,
    limits: Limits,
    next_tag: u32,
    /// Nothing can be said any more.
    ended: bool,
}

impl Session {
    /// Connects and logs in.
    pub(crate) fn open(url: &IscsiUrl) -> Result<Self, IscsiError> {
        let mut connection = Connection::open(url, DEFAULT_SEGMENT)?;
        let mut numbers = Numbers { cmd_sn: 1, exp_stat_sn: 0, max_cmd_sn: 1 };
        let limits = login::log_in(&mut connection, &mut numbers, url, Instant::now() + LOGIN_TIMEOUT)?;
        connection.allow_segment(OWN_SEGMENT);
        Ok(Self { connection, lun: url.lun_field(), numbers, limits, next_tag: 1, ended: false })
    }

    /// Sends a command and waits for its status.
    ///
    /// After an error only [`Session::abandon`] makes sense.
    pub(crate) fn execute(&mut self, cdb: &[u8], data: DataPhase<'_>, deadline: Instant) -> Result<Reply, IscsiError> {
        while !self.numbers.window_is_open() {
            let pdu = self.connection.receive(deadline)?;
            self.keep_house(&pdu, deadline)?;
        }
        let mut exchange = Exchange::new(self.tag(), self.lun, data, self.limits)?;
        let (command, immediate) = exchange.command(cdb);
        let command = ScsiCommand { cmd_sn: self.numbers.cmd_sn, exp_stat_sn: self.numbers.exp_stat_sn, ..command };
        self.connection.send(&command, immediate, deadline)?;
        self.numbers.cmd_sn = self.numbers.cmd_sn.wrapping_add(1);
        loop {
            let pdu = self.connection.receive(deadline)?;
            if self.keep_house(&pdu, deadline)? {
                continue;
            }
            for (message, bytes) in exchange.hear(&pdu)? {
                let message = DataOut { exp_stat_sn: self.numbers.exp_stat_sn, ..message };
                self.connection.send(&message, bytes, deadline)?;
            }
            if let Some(reply) = exchange.take_reply() {
                return Ok(reply);
            }
        }
    }

    /// Gives the connection up without a logout.
    pub(crate) fn abandon(mut self) {
        self.ended = true;
        self.connection.close();
    }

    /// Takes the numbers of a message, and deals with those that belong to no command; says whether it did.
    fn keep_house(&mut self, pdu: &Pdu, deadline: Instant) -> Result<bool, IscsiError> {
        // Both numbers are at the same place in every message of a target.
        let window = NopIn::decode(&pdu.header);
        self.numbers.hear(window.exp_cmd_sn, window.max_cmd_sn);
        match pdu.opcode() {
            NopIn::OPCODE => {
                if window.transfer_tag != NO_TAG {
                    let answer = NopOut {
                        flags: flag::FINAL,
                        lun: window.lun,
                        task_tag: NO_TAG,
                        transfer_tag: window.transfer_tag,
                        cmd_sn: self.numbers.cmd_sn,
                        exp_stat_sn: self.numbers.exp_stat_sn,
                    };
                    self.connection.send(&answer, &[], deadline)?;
                }
                Ok(true)
            }
            AsyncMessage::OPCODE => {
                self.count_status(window.stat_sn);
                match AsyncMessage::decode(&pdu.header).event {
                    // Sense of the unit, or a wish to negotiate again: neither concerns the command under way.
                    0 | 4 => Ok(true),
                    event => Err(IscsiError::Dropped(event)),
                }
            }
            Reject::OPCODE => Err(IscsiError::Rejected { reason: Reject::decode(&pdu.header).reason }),
            ScsiResponse::OPCODE => {
                self.count_status(window.stat_sn);
                Ok(false)
            }
            DataIn::OPCODE => {
                if pdu.header[1] & flag::STATUS != 0 {
                    self.count_status(window.stat_sn);
                }
                Ok(false)
            }
            ReadyToTransfer::OPCODE => Ok(false),
            opcode => Err(protocol(format!("message {opcode:#04X} outside its place"))),
        }
    }

    const fn count_status(&mut self, stat_sn: u32) {
        self.numbers.exp_stat_sn = stat_sn.wrapping_add(1);
    }

    /// A tag for the next task.
    const fn tag(&mut self) -> u32 {
        let tag = self.next_tag;
        self.next_tag = if tag == NO_TAG - 1 { 1 } else { tag + 1 };
        tag
    }

    /// Says goodbye (clause 11.14).
    fn log_out(&mut self) -> Result<(), IscsiError> {
        let deadline = Instant::now() + LOGOUT_TIMEOUT;
        let request = LogoutRequest {
            flags: flag::FINAL,
            task_tag: self.tag(),
            cid: CONNECTION_ID,
            cmd_sn: self.numbers.cmd_sn,
            exp_stat_sn: self.numbers.exp_stat_sn,
        };
        self.connection.send(&request, &[], deadline)?;
        while self.connection.receive(deadline)?.opcode() != LogoutResponse::OPCODE {}
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended {
            // Whatever the target says, the connection is closed.
            let _ = self.log_out();
            self.connection.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7143 clause 4.2.2.1: windows wrap, and old ones are left out.
    #[test]
    fn the_window_follows_serial_arithmetic() {
        let mut numbers = Numbers { cmd_sn: u32::MAX, exp_stat_sn: 0, max_cmd_sn: u32::MAX - 1 };
        assert!(!numbers.window_is_open());
        numbers.hear(u32::MAX, 4);
        assert!(numbers.window_is_open());
        numbers.hear(u32::MAX, 2);
        assert_eq!(numbers.max_cmd_sn, 4);
        numbers.hear(100, 50);
        assert_eq!(numbers.max_cmd_sn, 4);
    }
}
