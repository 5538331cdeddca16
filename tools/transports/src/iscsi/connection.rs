//! Messages over TCP, each within a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::error::{IscsiError, protocol};
use super::pdu::{Following, HEADER, Message, Pdu, bytes_of};
use super::url::IscsiUrl;

/// How long to wait for each address of the host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to the target.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Longest data segment that the target may send.
    segment: usize,
}

impl Connection {
    /// Connects to the first address of the host that answers.
    pub(crate) fn open(url: &IscsiUrl, segment: usize) -> Result<Self, IscsiError> {
        let failed = |source| IscsiError::Connect { address: format!("{}:{}", url.host, url.port), source };
        let mut last = ErrorKind::NotFound.into();
        for address in (url.host.as_str(), url.port).to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    // Commands are small and each waits for its answer.
                    stream.set_nodelay(true)?;
                    return Ok(Self { stream, segment });
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// The other end of a connection.
    #[cfg(test)]
    pub(crate) const fn over(stream: TcpStream, segment: usize) -> Self {
        Self { stream, segment }
    }

    /// Sends bytes as they are.
    #[cfg(test)]
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), IscsiError> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Lets the target send longer data segments from now on.
    pub(crate) const fn allow_segment(&mut self, segment: usize) {
        self.segment = segment;
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: &impl Message, data: &[u8], deadline: Instant) -> Result<(), IscsiError> {
        self.stream.set_write_timeout(Some(left(deadline)?))?;
        Ok(self.stream.write_all(&bytes_of(message, data))?)
    }

    /// Waits for a message.
    pub(crate) fn receive(&mut self, deadline: Instant) -> Result<Pdu, IscsiError> {
        let mut header = [0; HEADER];
        self.fill(&mut header, deadline)?;
        let following = Following::of(&header);
        if following.data > self.segment {
            return Err(protocol(format!("{} bytes of data where {} are allowed", following.data, self.segment)));
        }
        let mut rest = vec![0; following.additional + following.data + following.padding];
        self.fill(&mut rest, deadline)?;
        rest.truncate(following.additional + following.data);
        Ok(Pdu { header, data: rest.split_off(following.additional) })
    }

    /// Closes without a word.
    pub(crate) fn close(&self) {
        // The connection is given up either way.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads until `buffer` is full; a target that sends byte after byte gets no more time for that.
    fn fill(&mut self, mut buffer: &mut [u8], deadline: Instant) -> Result<(), IscsiError> {
        while !buffer.is_empty() {
            self.stream.set_read_timeout(Some(left(deadline)?))?;
            match self.stream.read(buffer) {
                Ok(0) => return Err(IscsiError::Closed),
                Ok(read) => buffer = &mut buffer[read..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Time until the deadline, never zero.
fn left(deadline: Instant) -> Result<Duration, IscsiError> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(IscsiError::TimedOut),
        left => Ok(left),
    }
}
