//! An iSCSI target in a thread, with one of our drives behind it and faults on demand.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use virtual_drive::{Completion, DataPhase, Request, Target, sim};

use super::connection::Connection;
use super::error::IscsiError;
use super::pdu::{
    AsyncMessage, DataIn, DataOut, LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, Message, NO_TAG, NopIn,
    NopOut, Pdu, ReadyToTransfer, Reject, ScsiCommand, ScsiResponse, bytes_of, flag,
};
use super::text::{pairs, text};

/// What the target does differently.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behaviour {
    /// The drive of the logical unit.
    pub(crate) drive: &'static str,
    /// Its answer to AuthMethod.
    pub(crate) auth_method: &'static str,
    /// What it says in the operational stage.
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    /// Status of its login response.
    pub(crate) login_status: (u8, u8),
    /// Splits its login text into messages of that many bytes.
    pub(crate) login_part: usize,
    /// Bytes of each Data-In.
    pub(crate) segment: usize,
    /// Bytes of each R2T.
    pub(crate) burst: usize,
    /// Gives the status in the last Data-In.
    pub(crate) status_with_data: bool,
    /// Asks for a sign of life before each answer.
    pub(crate) nop_in: bool,
    /// Instead of answering a command.
    pub(crate) instead: Instead,
    /// Message counted from the first command, offset in it, bits to turn.
    pub(crate) tamper: Option<(usize, usize, u8)>,
}

/// What a target may do with a command other than execute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    Nothing,
    Silence,
    Close,
    Reject,
    DropSession,
    Fail,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            drive: "sim:data-cd",
            auth_method: "None",
            parameters: &[("TargetPortalGroupTag", "1")],
            login_status: (0, 0),
            login_part: usize::MAX,
            segment: 8192,
            burst: 16384,
            status_with_data: true,
            nop_in: false,
            instead: Instead::Nothing,
            tamper: None,
        }
    }
}

/// A running target; it serves one session after another until the test ends.
pub(crate) struct FakeTarget {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl FakeTarget {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = Connection::over(stream.unwrap(), 1 << 20);
                let drive = sim::open(behaviour.drive).unwrap();
                let mut service = Service { connection, behaviour, drive, stat_sn: 100, sent: 0, cmd_sn: 1, log: &log };
                // An initiator that goes away ends the session.
                let _ = service.serve();
            }
        });
        Self { address, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("iscsi://{}/iqn.2001-04.com.example:fake/1", self.address)
    }

    /// First bytes of the messages that came.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

struct Service<'a, T: Target> {
    connection: Connection,
    behaviour: Behaviour,
    drive: T,
    stat_sn: u32,
    sent: usize,
    cmd_sn: u32,
    log: &'a Mutex<Vec<u8>>,
}

impl<T: Target> Service<'_, T> {
    fn serve(&mut self) -> Result<(), IscsiError> {
        self.log_in()?;
        loop {
            let pdu = self.receive()?;
            if let Some(command) = pdu.get::<ScsiCommand>() {
                assert_eq!(command.cmd_sn, self.cmd_sn);
                assert_eq!(command.exp_stat_sn, self.stat_sn);
                self.cmd_sn += 1;
                self.command(&command, pdu.data)?;
            } else if let Some(request) = pdu.get::<LogoutRequest>() {
                let response =
                    LogoutResponse { flags: flag::FINAL, task_tag: request.task_tag, ..LogoutResponse::default() };
                return self.connection.send(&response, &[], deadline());
            }
        }
    }

    fn receive(&mut self) -> Result<Pdu, IscsiError> {
        let pdu = self.connection.receive(deadline())?;
        self.log.lock().unwrap().push(pdu.header[0]);
        Ok(pdu)
    }

    fn log_in(&mut self) -> Result<(), IscsiError> {
        loop {
            let pdu = self.receive()?;
            let request = pdu.get::<LoginRequest>().unwrap();
            let answer = match pairs(&pdu.data).iter().any(|(key, _)| *key == "AuthMethod") {
                true => text([("AuthMethod", self.behaviour.auth_method)]),
                false => text(self.behaviour.parameters.iter().copied()),
            };
            let (status_class, status_detail) = self.behaviour.login_status;
            let whole = [answer.as_slice()].into_iter().filter(|answer| answer.is_empty());
            let mut parts = answer.chunks(self.behaviour.login_part).chain(whole).peekable();
            while let Some(part) = parts.next() {
                let flags =
                    if parts.peek().is_some() { request.flags & 0x0C | flag::READ_OR_CONTINUE } else { request.flags };
                let response = LoginResponse {
                    flags,
                    isid: request.isid,
                    tsih: 1,
                    task_tag: request.task_tag,
                    stat_sn: self.stat_sn,
                    exp_cmd_sn: 1,
                    max_cmd_sn: 1,
                    status_class,
                    status_detail,
                };
                self.stat_sn += 1;
                self.connection.send(&response, part, deadline())?;
                if parts.peek().is_some() {
                    self.receive()?;
                }
            }
            if request.flags & 0x03 == 3 {
                return Ok(());
            }
        }
    }

    fn command(&mut self, command: &ScsiCommand, immediate: Vec<u8>) -> Result<(), IscsiError> {
        match self.behaviour.instead {
            Instead::Nothing => {}
            Instead::Silence => return Ok(()),
            Instead::Close => return Err(IscsiError::Closed),
            Instead::Reject => return self.send(&Reject { reason: 5, task_tag: NO_TAG, ..Reject::default() }, &[]),
            Instead::DropSession => return self.send(&AsyncMessage { event: 2, ..AsyncMessage::default() }, &[]),
            Instead::Fail => {
                let response = ScsiResponse { task_tag: command.task_tag, response: 1, ..ScsiResponse::default() };
                return self.send(&response, &[]);
            }
        }
        if self.behaviour.nop_in {
            let nop = NopIn { task_tag: NO_TAG, transfer_tag: 0x55, stat_sn: self.stat_sn, ..NopIn::default() };
            self.send(&nop, &[])?;
            let answer = self.receive()?.get::<NopOut>().unwrap();
            assert_eq!((answer.task_tag, answer.transfer_tag), (NO_TAG, 0x55));
        }
        let expected = usize::try_from(command.expected_length).unwrap();
        let out = self.collect(command, immediate, expected)?;
        let data = match command.flags & (flag::READ_OR_CONTINUE | flag::WRITE) {
            0 => DataPhase::None,
            flag::WRITE => DataPhase::Out(&out),
            _ => DataPhase::In(expected),
        };
        let reply = self.drive.execute(Request::new(&command.cdb, data, Duration::from_secs(10)));
        let Completion::Status { status, sense } = reply.completion else { panic!("a drive gives a status") };
        let missing = expected.saturating_sub(reply.transferred);
        let flags = flag::FINAL | if missing > 0 { flag::UNDERFLOW } else { 0 };
        let residual = u32::try_from(missing).unwrap();
        let with_status = self.behaviour.status_with_data && status == 0 && !reply.data.is_empty();
        let last = reply.data.len().div_ceil(self.behaviour.segment).saturating_sub(1);
        for (number, part) in reply.data.chunks(self.behaviour.segment).enumerate() {
            let mut message = DataIn {
                task_tag: command.task_tag,
                transfer_tag: NO_TAG,
                data_sn: u32::try_from(number).unwrap(),
                offset: u32::try_from(number * self.behaviour.segment).unwrap(),
                exp_cmd_sn: self.cmd_sn,
                max_cmd_sn: self.cmd_sn,
                ..DataIn::default()
            };
            if number == last {
                message.flags = flag::FINAL;
                if with_status {
                    message = DataIn { flags: flags | flag::STATUS, stat_sn: self.stat_sn, residual, ..message };
                    self.stat_sn += 1;
                }
            }
            self.send(&message, part)?;
        }
        if with_status {
            return Ok(());
        }
        let mut sense_data = u16::try_from(sense.len()).unwrap().to_be_bytes().to_vec();
        sense_data.extend(sense);
        let response = ScsiResponse {
            flags,
            status,
            task_tag: command.task_tag,
            stat_sn: self.stat_sn,
            exp_cmd_sn: self.cmd_sn,
            max_cmd_sn: self.cmd_sn,
            residual,
            ..ScsiResponse::default()
        };
        self.stat_sn += 1;
        self.send(&response, if status == 0 { &[] } else { &sense_data })
    }

    /// Asks for the data that did not come with the command.
    fn collect(&mut self, command: &ScsiCommand, mut out: Vec<u8>, expected: usize) -> Result<Vec<u8>, IscsiError> {
        while command.flags & flag::WRITE != 0 && out.len() < expected {
            let message = ReadyToTransfer {
                flags: flag::FINAL,
                task_tag: command.task_tag,
                transfer_tag: 0x77,
                stat_sn: self.stat_sn,
                offset: u32::try_from(out.len()).unwrap(),
                length: u32::try_from(self.behaviour.burst.min(expected - out.len())).unwrap(),
                ..ReadyToTransfer::default()
            };
            self.send(&message, &[])?;
            loop {
                let pdu = self.receive()?;
                let part = pdu.get::<DataOut>().unwrap();
                assert_eq!((part.transfer_tag, usize::try_from(part.offset).unwrap()), (0x77, out.len()));
                out.extend(pdu.data);
                if part.flags & flag::FINAL != 0 {
                    break;
                }
            }
        }
        Ok(out)
    }

    fn send(&mut self, message: &impl Message, data: &[u8]) -> Result<(), IscsiError> {
        let mut bytes = bytes_of(message, data);
        if let Some((number, offset, bits)) = self.behaviour.tamper
            && number == self.sent
        {
            let offset = offset % bytes.len();
            bytes[offset] ^= bits;
        }
        self.sent += 1;
        self.connection.send_bytes(&bytes)
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(10)
}
