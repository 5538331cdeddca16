//! The PACKET command by programmed I/O on the secondary channel of a PC (ATA/ATAPI-6 9.8).
//!
//! QEMU's drive never hands over the last byte of an odd number: a word that reaches past the data reads as zero and does
//! not count. Such a transfer is ended with DEVICE RESET, and its last byte is missing.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use virtual_drive::target::DataPhase;

use super::QemuError;
use super::qtest::Ports;

/// Data, 16 or 32 bits at a time.
const DATA: u16 = 0x170;
/// Features when written.
const FEATURES: u16 = 0x171;
/// Why the drive wants attention.
const INTERRUPT_REASON: u16 = 0x172;
/// Low and high byte of the number of bytes that move at once.
const BYTE_COUNT: [u16; 2] = [0x174, 0x175];
/// Which device.
const DEVICE: u16 = 0x176;
/// Command when written, status when read.
const COMMAND_STATUS: u16 = 0x177;
/// Device control.
const CONTROL: u16 = 0x376;

const STATUS_BUSY: u8 = 0x80;
const STATUS_DATA_REQUEST: u8 = 0x08;
const STATUS_CHECK: u8 = 0x01;
const REASON_TO_HOST: u8 = 0x02;
const REASON_COMMAND: u8 = 0x01;
const PACKET: u8 = 0xA0;
const DEVICE_RESET: u8 = 0x08;
const DEVICE_0: u8 = 0xA0;
const NO_INTERRUPTS: u8 = 0x02;

/// The most bytes that the drive may move at once: even, as every piece but the last must be.
const PIECE: u16 = 0xFFFE;
/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The channel with the drive as its first device.
#[derive(Debug)]
pub(super) struct Channel {
    ports: Ports,
}

/// How a packet ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Whether sense data is to be fetched.
    pub(super) checked: bool,
    /// Data from the drive, as much as there was room for.
    pub(super) data: Vec<u8>,
    /// Bytes that moved.
    pub(super) transferred: usize,
}

impl Channel {
    /// Selects the drive and turns interrupts off.
    pub(super) fn open(stream: UnixStream) -> Result<Self, QemuError> {
        let mut ports = Ports::new(stream)?;
        ports.write8(&[(CONTROL, NO_INTERRUPTS), (DEVICE, DEVICE_0)])?;
        Ok(Self { ports })
    }

    /// Sends a packet and moves its data; data beyond the room is read and dropped, missing data is sent as zeros.
    pub(super) fn packet(&mut self, packet: &[u8; 12], phase: DataPhase<'_>) -> Result<Ended, QemuError> {
        let deadline = Instant::now() + TIMEOUT;
        let [low, high] = PIECE.to_le_bytes();
        self.wait(deadline)?;
        self.ports.write8(&[(FEATURES, 0), (BYTE_COUNT[0], low), (BYTE_COUNT[1], high), (COMMAND_STATUS, PACKET)])?;
        if self.wait(deadline)? & STATUS_DATA_REQUEST == 0 {
            return Err(QemuError::Protocol("the drive does not want the packet".into()));
        }
        self.ports.write_words(DATA, packet)?;
        let (mut data, mut sent, mut transferred) = (Vec::new(), 0, 0);
        loop {
            let status = self.wait(deadline)?;
            if Instant::now() > deadline {
                return Err(QemuError::TimedOut(TIMEOUT, "the transfer does not end"));
            }
            if status & STATUS_DATA_REQUEST == 0 {
                return Ok(Ended { checked: status & STATUS_CHECK != 0, data, transferred });
            }
            let count = [self.ports.read8(BYTE_COUNT[0])?, self.ports.read8(BYTE_COUNT[1])?];
            let count = usize::from(u16::from_le_bytes(count));
            let reason = self.ports.read8(INTERRUPT_REASON)?;
            if count == 0 || reason & REASON_COMMAND != 0 {
                return Err(QemuError::Protocol(format!("{count} bytes to move, interrupt reason {reason:#04x}")));
            }
            if reason & REASON_TO_HOST != 0 {
                let piece = self.ports.read_words(DATA, count & !1)?;
                let room = if let DataPhase::In(room) = phase { room - data.len() } else { 0 };
                data.extend_from_slice(&piece[..piece.len().min(room)]);
                transferred = data.len();
                if !count.is_multiple_of(2) && self.wait(deadline)? & STATUS_DATA_REQUEST != 0 {
                    self.ports.write8(&[(COMMAND_STATUS, DEVICE_RESET)])?;
                    return Ok(Ended { checked: false, data, transferred });
                }
            } else {
                let source = if let DataPhase::Out(bytes) = phase { bytes } else { &[] };
                let mut piece = source.get(sent..).unwrap_or_default().to_vec();
                piece.resize(count, 0);
                self.ports.write_words(DATA, &piece)?;
                sent += count;
                transferred = sent.min(source.len());
            }
        }
    }

    /// The status once the drive is not busy.
    fn wait(&mut self, deadline: Instant) -> Result<u8, QemuError> {
        loop {
            let status = self.ports.read8(COMMAND_STATUS)?;
            if status & STATUS_BUSY == 0 {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(QemuError::TimedOut(TIMEOUT, "the drive stays busy"));
            }
            std::thread::sleep(Duration::from_micros(20));
        }
    }
}
