//! What can go wrong between the initiator and the target.

use std::io;

/// Why there is no session, or why a command got no answer from the drive.
#[derive(Debug, thiserror::Error)]
pub enum IscsiError {
    /// The address is no `iscsi://host[:port]/target/lun`.
    #[error("{0}; write iscsi://host[:port]/target/lun, for example iscsi://127.0.0.1/iqn.2001-04.com.example:cd/1")]
    Url(String),
    /// Nobody answers at the address.
    #[error("no iSCSI target answers at {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the iSCSI target broke: {0}")]
    Io(io::Error),
    /// The target closed the connection.
    #[error("the iSCSI target closed the connection")]
    Closed,
    /// No answer came in time.
    #[error("the iSCSI target did not answer in time")]
    TimedOut,
    /// The target wants to know who we are.
    #[error(
        "the iSCSI target demands authentication ({0}), which this initiator does not do; let it accept sessions without"
    )]
    AuthenticationDemanded(String),
    /// The target refuses the login (RFC 7143 clause 11.13.5).
    #[error("the iSCSI target refuses the login: {} (status {class:#04X}/{detail:#04X})", login_status(*.class, *.detail))]
    LoginRefused {
        /// Status-Class.
        class: u8,
        /// Status-Detail.
        detail: u8,
    },
    /// The target sends us elsewhere.
    #[error("the iSCSI target has moved to {0}; name that address")]
    Moved(String),
    /// The target wants parameters that this initiator does not offer.
    #[error("no agreement with the iSCSI target about {0}")]
    Negotiation(String),
    /// The target said something that the protocol does not allow.
    #[error("the iSCSI target breaks the protocol: {0}")]
    Protocol(String),
    /// The target rejected what it was sent (RFC 7143 clause 11.17.1).
    #[error("the iSCSI target rejected a message: {} (reason {reason:#04X})", reject_reason(*.reason))]
    Rejected {
        /// Reason.
        reason: u8,
    },
    /// The target could not execute the command and has no SCSI status for it (RFC 7143 clause 11.4.3).
    #[error("the iSCSI target failed to execute the command (response {0:#04X})")]
    TargetFailure(u8),
    /// The target ends the session.
    #[error("the iSCSI target ends the session (asynchronous event {0})")]
    Dropped(u8),
}

impl From<io::Error> for IscsiError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// Shorthand for [`IscsiError::Protocol`].
pub(crate) fn protocol(text: impl Into<String>) -> IscsiError {
    IscsiError::Protocol(text.into())
}

/// RFC 7143 clause 11.13.5.
const fn login_status(class: u8, detail: u8) -> &'static str {
    match (class, detail) {
        (2, 0x01) => "authentication failed",
        (2, 0x02) => "this initiator may not use the target",
        (2, 0x03) => "no such target",
        (2, 0x04) => "the target was removed",
        (2, 0x05) => "unsupported version",
        (2, 0x06) => "too many connections",
        (2, 0x07) => "a parameter is missing",
        (2, 0x09) => "unsupported type of session",
        (2, _) => "the fault is the initiator's",
        (3, 0x01) => "the service is unavailable",
        (3, 0x02) => "out of resources",
        (3, _) => "the fault is the target's",
        _ => "unknown status",
    }
}

/// RFC 7143 clause 11.17.1.
const fn reject_reason(reason: u8) -> &'static str {
    match reason {
        0x02 => "data digest error",
        0x03 => "SNACK reject",
        0x04 => "protocol error",
        0x05 => "command not supported",
        0x06 => "too many immediate commands",
        0x07 => "task in progress",
        0x08 => "invalid data acknowledgement",
        0x09 => "invalid field",
        0x0A => "long operation, out of resources",
        0x0C => "waiting for logout",
        _ => "unknown reason",
    }
}
