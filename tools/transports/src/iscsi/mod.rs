//! A drive behind an iSCSI target: a small initiator (RFC 7143) over TCP.
//!
//! One session of one connection, one command at a time, error recovery level 0, no digests and no authentication. That is
//! what the targets of emulated drives and of gateways offer by default; a target that demands more is refused with a
//! sentence that says what it demanded. Lengths, offsets and tags from the target are checked before they are used.
//!
//! After a failure of the connection the next command logs in again; the target then reports a unit attention.

mod connection;
mod error;
mod exchange;
#[cfg(test)]
mod fake_target;
mod login;
mod pdu;
mod session;
mod text;
mod url;

use std::time::{Duration, Instant};

use virtual_drive::{Completion, MediaAction, Reply, Request, Target};

pub use error::IscsiError;
pub use url::IscsiUrl;

use session::Session;

/// NTSTATUS values of [`Completion::PortFailure`].
mod port_failure {
    pub(super) const INVALID_DEVICE_REQUEST: u32 = 0xC000_0010;
    pub(super) const DEVICE_NOT_CONNECTED: u32 = 0xC000_009D;
    pub(super) const IO_TIMEOUT: u32 = 0xC000_00B5;
    pub(super) const IO_DEVICE_ERROR: u32 = 0xC000_0185;
}

/// A logical unit of an iSCSI target.
#[derive(Debug)]
pub struct IscsiDrive {
    url: IscsiUrl,
    /// The longest time of a command, whatever it asks for itself.
    longest: Duration,
    /// `None` after a failure, until the next command.
    session: Option<Session>,
    failure: Option<IscsiError>,
}

impl IscsiDrive {
    /// Logs in to the target of `iscsi://host[:port]/target/lun`.
    ///
    /// # Errors
    /// The address is wrong, nobody answers there, or the target refuses the session; the text says which.
    pub fn open(url: &str) -> Result<Self, IscsiError> {
        let url: IscsiUrl = url.parse()?;
        let session = Session::open(&url)?;
        Ok(Self { url, longest: Duration::MAX, session: Some(session), failure: None })
    }

    /// The same drive with a limit for the time of any command.
    #[must_use]
    pub const fn with_timeout(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Why the last command got no answer from the drive; `None` when it got one.
    #[must_use]
    pub const fn failure(&self) -> Option<&IscsiError> {
        self.failure.as_ref()
    }

    /// Executes on the session there is, or on a new one.
    fn exchange(&mut self, request: &Request<'_>) -> Result<Reply, IscsiError> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.url)?,
        };
        match session.execute(request.cdb, request.data, Instant::now() + request.timeout.min(self.longest)) {
            Ok(reply) => {
                self.session = Some(session);
                Ok(reply)
            }
            // What is still under way on that connection belongs to nobody now.
            Err(error) => {
                session.abandon();
                Err(error)
            }
        }
    }
}

impl Target for IscsiDrive {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        let begin = Instant::now();
        if request.cdb.is_empty() || request.cdb.len() > 16 {
            return port_failed(port_failure::INVALID_DEVICE_REQUEST);
        }
        self.failure = None;
        let reply = match self.exchange(&request) {
            Ok(reply) => reply,
            Err(error) => {
                let status = status_of(&error);
                self.failure = Some(error);
                port_failed(status)
            }
        };
        reply.after(begin.elapsed())
    }

    fn act(&mut self, _: &MediaAction, _: Duration) -> Result<(), String> {
        Err(format!("iSCSI has no command for the hand at the drive; change the disc at the target of {}", self.url))
    }

    fn describe(&self) -> String {
        self.url.to_string()
    }
}

/// The answer when the drive gave none.
pub(crate) const fn port_failed(status: u32) -> Reply {
    Reply { completion: Completion::PortFailure(status), data: Vec::new(), transferred: 0, duration: Duration::ZERO }
}

/// What a port driver would report.
const fn status_of(error: &IscsiError) -> u32 {
    match error {
        IscsiError::TimedOut => port_failure::IO_TIMEOUT,
        IscsiError::TargetFailure(_) | IscsiError::Protocol(_) | IscsiError::Rejected { .. } => {
            port_failure::IO_DEVICE_ERROR
        }
        _ => port_failure::DEVICE_NOT_CONNECTED,
    }
}

#[cfg(test)]
mod tests;
