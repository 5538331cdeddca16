//! The login: security stage without authentication, then the operational parameters (RFC 7143 clause 6.3).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

use super::connection::Connection;
use super::error::{IscsiError, protocol};
use super::pdu::{LoginRequest, LoginResponse, flag};
use super::session::{CONNECTION_ID, Numbers};
use super::text::{self, Limits, pairs};
use super::url::IscsiUrl;

/// The name by which targets know this initiator.
const INITIATOR_NAME: &str = "iqn.2013-04.io.github.cdrom-rs:initiator";

/// Messages of the target in one login; more is no negotiation any more.
const ROUNDS: usize = 32;
/// Bytes of text that the target may spread over several messages.
const LONGEST_TEXT: usize = 64 * 1024;

/// Stages (clause 11.12.3), as CSG and NSG name them.
const SECURITY: u8 = 0;
const OPERATIONAL: u8 = 1;
const FULL_FEATURE: u8 = 3;

const LOGIN_TAG: u32 = 0;

/// Where the login is.
struct Login<'a> {
    connection: &'a mut Connection,
    numbers: &'a mut Numbers,
    isid: [u8; 6],
    deadline: Instant,
    rounds: usize,
}

/// Logs in; gives what both sides agreed on.
pub(crate) fn log_in(
    connection: &mut Connection,
    numbers: &mut Numbers,
    url: &IscsiUrl,
    deadline: Instant,
) -> Result<Limits, IscsiError> {
    let mut login = Login { connection, numbers, isid: session_id(), deadline, rounds: 0 };
    let introduction = text::text([
        ("InitiatorName", INITIATOR_NAME),
        ("SessionType", "Normal"),
        ("TargetName", &url.target),
        ("AuthMethod", "None"),
    ]);
    let mut limits = Limits::default();
    login.stage(SECURITY, OPERATIONAL, introduction, |text| {
        match pairs(text).into_iter().find(|(key, _)| *key == "AuthMethod") {
            Some((_, method)) if method != "None" => Err(IscsiError::AuthenticationDemanded(method.into())),
            _ => Ok(Vec::new()),
        }
    })?;
    login.stage(OPERATIONAL, FULL_FEATURE, text::offer(), |text| limits.learn(text))?;
    Ok(limits)
}

impl Login<'_> {
    /// Talks until the target goes from `stage` to `next` with us. `hear` gives what to say to a text.
    fn stage(
        &mut self,
        stage: u8,
        next: u8,
        mut say: Vec<u8>,
        mut hear: impl FnMut(&[u8]) -> Result<Vec<u8>, IscsiError>,
    ) -> Result<(), IscsiError> {
        loop {
            let (answer, text) = self.round(stage, next, &say)?;
            say = hear(&text)?;
            let transit = answer.flags & flag::FINAL != 0;
            match (transit, answer.flags & 0x03) {
                (true, to) if to == next && say.is_empty() => return Ok(()),
                (true, to) => return Err(protocol(format!("login from stage {stage} to {to} instead of {next}"))),
                (false, _) => {}
            }
        }
    }

    /// Says `text`, and hears the whole text of the target.
    fn round(&mut self, stage: u8, next: u8, text: &[u8]) -> Result<(LoginResponse, Vec<u8>), IscsiError> {
        self.send(flag::FINAL | stage << 2 | next, text)?;
        let mut heard = Vec::new();
        loop {
            let (answer, part) = self.receive(stage)?;
            heard.extend(part);
            if answer.flags & flag::READ_OR_CONTINUE == 0 {
                return Ok((answer, heard));
            }
            if answer.flags & flag::FINAL != 0 || heard.len() > LONGEST_TEXT {
                return Err(protocol("a login text that does not end"));
            }
            self.send(stage << 2, &[])?;
        }
    }

    fn send(&mut self, flags: u8, text: &[u8]) -> Result<(), IscsiError> {
        let request = LoginRequest {
            flags,
            isid: self.isid,
            tsih: 0,
            task_tag: LOGIN_TAG,
            cid: CONNECTION_ID,
            cmd_sn: self.numbers.cmd_sn,
            exp_stat_sn: self.numbers.exp_stat_sn,
        };
        self.connection.send(&request, text, self.deadline)
    }

    fn receive(&mut self, stage: u8) -> Result<(LoginResponse, Vec<u8>), IscsiError> {
        self.rounds += 1;
        if self.rounds > ROUNDS {
            return Err(protocol("a login without an end"));
        }
        let pdu = self.connection.receive(self.deadline)?;
        let answer = pdu
            .get::<LoginResponse>()
            .filter(|answer| answer.task_tag == LOGIN_TAG)
            .ok_or_else(|| protocol(format!("message {:#04X} during the login", pdu.opcode())))?;
        check_status(&answer, &pdu.data)?;
        if answer.flags >> 2 & 0x03 != stage {
            return Err(protocol(format!("login stage {} instead of {stage}", answer.flags >> 2 & 0x03)));
        }
        self.numbers.begin(answer.stat_sn, answer.max_cmd_sn);
        Ok((answer, pdu.data))
    }
}

/// Clause 11.13.5.
fn check_status(answer: &LoginResponse, data: &[u8]) -> Result<(), IscsiError> {
    match (answer.status_class, answer.status_detail) {
        (0, _) => Ok(()),
        (1, _) => {
            let address = pairs(data).into_iter().find(|(key, _)| *key == "TargetAddress");
            Err(IscsiError::Moved(address.map_or("an address it does not tell", |(_, address)| address).into()))
        }
        (2, 0x01) => Err(IscsiError::AuthenticationDemanded("it refuses a login without".into())),
        (class, detail) => Err(IscsiError::LoginRefused { class, detail }),
    }
}

/// A random session identifier (clause 11.12.5); two sessions with the same one would end each other.
fn session_id() -> [u8; 6] {
    let [a, b, c, d, e, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    [0x80, a, b, c, d, e]
}
