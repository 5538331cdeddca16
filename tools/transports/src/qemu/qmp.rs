//! QEMU's monitor (QMP): one JSON object per line.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::QemuError;
use super::machine::DRIVE;
use super::qtest::failed;

/// How long QEMU may take to start, and to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The connection to the monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    /// Connects as soon as QEMU listens, and takes the session out of negotiation.
    pub(super) fn connect(socket: &Path) -> Result<Self, QemuError> {
        let deadline = Instant::now() + TIMEOUT;
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                Err(source) => return Err(QemuError::System { doing: "connecting to the monitor of QEMU", source }),
            }
        };
        stream.set_read_timeout(Some(TIMEOUT)).map_err(|error| failed(error, "setting a time-out"))?;
        stream.set_write_timeout(Some(TIMEOUT)).map_err(|error| failed(error, "setting a time-out"))?;
        let mut monitor = Self { stream: BufReader::new(stream) };
        let greeting = monitor.read()?;
        if greeting.get("QMP").is_none() {
            return Err(QemuError::Protocol(greeting.to_string()));
        }
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Executes a monitor command and returns what it returns.
    pub(super) fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, QemuError> {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.stream.get_mut().write_all(line.as_bytes()).map_err(|error| failed(error, "asking the monitor"))?;
        loop {
            let answer = self.read()?;
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(error) = answer.get("error") {
                return Err(QemuError::Refused(error["desc"].as_str().unwrap_or_default().to_owned()));
            }
        }
    }

    /// QEMU's version: major, minor, micro.
    pub(super) fn version(&mut self) -> Result<String, QemuError> {
        let version = self.execute("query-version", &json!({}))?;
        let numbers = ["major", "minor", "micro"].map(|part| version["qemu"][part].to_string());
        Ok(numbers.join("."))
    }

    /// Whether the tray is open.
    pub(super) fn tray_is_open(&mut self) -> Result<bool, QemuError> {
        let drives = self.execute("query-block", &json!({}))?;
        let drive = drives.as_array().and_then(|drives| {
            drives.iter().find(|drive| drive["qdev"].as_str().is_some_and(|path| path.contains(DRIVE)))
        });
        let open = drive.and_then(|drive| drive["tray_open"].as_bool());
        open.ok_or_else(|| QemuError::Protocol(format!("no tray in {drives}")))
    }

    fn read(&mut self) -> Result<Value, QemuError> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(QemuError::Ended("it closed the monitor".into())),
            Ok(_) => serde_json::from_str(&line).map_err(|_| QemuError::Protocol(line.trim().to_owned())),
            Err(error) => Err(failed(error, "the monitor")),
        }
    }
}
