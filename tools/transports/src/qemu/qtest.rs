//! I/O ports over QEMU's qtest protocol: one line per access, one line per answer.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::QemuError;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Accesses that are under way at once; their answers fit the buffers of the socket.
const BATCH: usize = 512;

/// The I/O ports of the machine.
#[derive(Debug)]
pub(super) struct Ports {
    stream: BufReader<UnixStream>,
}

impl Ports {
    pub(super) fn new(stream: UnixStream) -> Result<Self, QemuError> {
        let refused = |source| QemuError::System { doing: "setting a time-out", source };
        stream.set_read_timeout(Some(TIMEOUT)).map_err(refused)?;
        stream.set_write_timeout(Some(TIMEOUT)).map_err(refused)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Reads a byte.
    pub(super) fn read8(&mut self, port: u16) -> Result<u8, QemuError> {
        self.send(&format!("inb {port:#x}\n"))?;
        self.value()
    }

    /// Writes bytes to their ports, in this order.
    pub(super) fn write8(&mut self, bytes: &[(u16, u8)]) -> Result<(), QemuError> {
        let lines: String = bytes.iter().map(|(port, byte)| format!("outb {port:#x} {byte:#x}\n")).collect();
        self.send(&lines)?;
        bytes.iter().try_for_each(|_| self.answer().map(drop))
    }

    /// Writes bytes to one port, two at a time, the last one with a zero if it is alone.
    pub(super) fn write_words(&mut self, port: u16, bytes: &[u8]) -> Result<(), QemuError> {
        for batch in bytes.chunks(2 * BATCH) {
            let word = |pair: &[u8]| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
            let lines: String = batch.chunks(2).map(|pair| format!("outw {port:#x} {:#x}\n", word(pair))).collect();
            self.send(&lines)?;
            batch.chunks(2).try_for_each(|_| self.answer().map(drop))?;
        }
        Ok(())
    }

    /// Reads `length` bytes from one port: four at a time, then two. `length` is even.
    pub(super) fn read_words(&mut self, port: u16, length: usize) -> Result<Vec<u8>, QemuError> {
        let mut data = Vec::with_capacity(length);
        while data.len() < length {
            let left = length - data.len();
            if left >= 4 {
                let count = (left / 4).min(BATCH);
                self.send(&format!("inl {port:#x}\n").repeat(count))?;
                for _ in 0..count {
                    data.extend(self.value::<u32>()?.to_le_bytes());
                }
            } else {
                self.send(&format!("inw {port:#x}\n"))?;
                data.extend(self.value::<u16>()?.to_le_bytes());
            }
        }
        Ok(data)
    }

    fn send(&mut self, lines: &str) -> Result<(), QemuError> {
        self.stream.get_mut().write_all(lines.as_bytes()).map_err(|error| failed(error, "writing a port"))
    }

    /// The words after `OK` in the next answer.
    fn answer(&mut self) -> Result<String, QemuError> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(QemuError::Ended("it closed the connection".into())),
            Ok(_) => match line.strip_prefix("OK") {
                Some(rest) => Ok(rest.trim().to_owned()),
                None => Err(QemuError::Protocol(line.trim().to_owned())),
            },
            Err(error) => Err(failed(error, "reading a port")),
        }
    }

    fn value<T: TryFrom<u64>>(&mut self) -> Result<T, QemuError> {
        let answer = self.answer()?;
        let digits = answer.strip_prefix("0x").unwrap_or(&answer);
        let value = u64::from_str_radix(digits, 16).ok().and_then(|value| T::try_from(value).ok());
        value.ok_or(QemuError::Protocol(answer))
    }
}

pub(super) fn failed(error: std::io::Error, doing: &'static str) -> QemuError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => QemuError::TimedOut(TIMEOUT, doing),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => QemuError::Ended(error.to_string()),
        _ => QemuError::System { doing, source: error },
    }
}
