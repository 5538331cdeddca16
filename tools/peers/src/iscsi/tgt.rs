//! tgt's target daemon: started on a free port of this machine, told what to offer, ended with its value.
//!
//! Port, control socket and log are its own, so that a daemon of the system is neither needed nor touched. It needs no
//! privileges.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use transports::iscsi::IscsiDrive;
use virtual_drive::target::{Completion, MediaAction, Reply, Request, Target};

use crate::part::find;

/// The program that serves.
pub(crate) const DAEMON: &str = "tgtd";
/// The program that tells it what to serve.
pub(crate) const TOOL: &str = "tgtadm";

const NAME: &str = "iqn.2001-04.com.example:drive";
const UNIT: &str = "1";
/// How long the daemon may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a port that somebody else took meanwhile is given up for another.
const ATTEMPTS: usize = 3;

/// A running daemon with one drive, and a session with it.
pub(crate) struct Tgt {
    daemon: Daemon,
    drive: IscsiDrive,
    leftovers: usize,
}

impl Tgt {
    /// Starts the daemon in `directory` with `image` in its drive, and logs in.
    pub(crate) fn start(directory: &Path, image: Option<&Path>) -> anyhow::Result<Self> {
        let mut started = Daemon::start(directory);
        for _ in 1..ATTEMPTS {
            if started.is_err() {
                started = Daemon::start(directory);
            }
        }
        let daemon = started?;
        daemon.offer(image)?;
        let drive = IscsiDrive::open(&format!("iscsi://127.0.0.1:{}/{NAME}/{UNIT}", daemon.port))?;
        Ok(Self { daemon, drive: drive.with_timeout(Duration::from_secs(20)), leftovers: 0 })
    }

    /// The version that the tool gives.
    pub(crate) fn version(&self) -> String {
        self.daemon.tell_raw(&["--version"]).map_or_else(|_| "of unknown version".into(), |text| text.trim().into())
    }

    /// Bytes that came with CHECK CONDITION: whatever lay in the daemon's buffer.
    pub(crate) const fn leftovers(&self) -> usize {
        self.leftovers
    }
}

impl Target for Tgt {
    /// Leaves out the data of CHECK CONDITION, which differ from run to run, and counts them.
    fn execute(&mut self, request: Request<'_>) -> Reply {
        let mut reply = self.drive.execute(request);
        if !matches!(reply.completion, Completion::Status { status: 0, .. }) {
            self.leftovers += reply.data.len();
            reply.data.clear();
            reply.transferred = 0;
        }
        reply
    }

    fn act(&mut self, action: &MediaAction, _: Duration) -> Result<(), String> {
        let update = ["--mode", "logicalunit", "--op", "update", "--tid", "1", "--lun", UNIT];
        let parameter = match action {
            MediaAction::Remove => "online=No".into(),
            // A new path puts the drive online again; `online=Yes` does not.
            MediaAction::Insert(path) => format!("path={}", path.display()),
            MediaAction::EjectButton => return Err("tgt's drive has no button".into()),
        };
        let change = ["--params", &parameter];
        self.daemon.tell(&[&update[..], &change].concat()).map(drop).map_err(|problem| format!("{problem:#}"))
    }

    fn describe(&self) -> String {
        format!("tgt, {}", self.drive.describe())
    }
}

/// The process; it ends with this value.
struct Daemon {
    process: Child,
    /// For the control socket and the log, removed with this value.
    directory: TempDir,
    port: u16,
}

impl Daemon {
    /// Starts it and waits until it can be told something.
    fn start(directory: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let directory = TempDir::new_in(directory)?;
        let log = directory.path().join("log");
        let output = File::create(&log)?;
        let process = Command::new(find(DAEMON).context(DAEMON)?)
            .args(["--foreground", "--control-port", CONTROL_PORT])
            .args(["--iscsi", &format!("portal=127.0.0.1:{port}")])
            .env(CONTROL, control(&directory))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context(DAEMON)?;
        let mut daemon = Self { process, directory, port };
        let begin = Instant::now();
        // The socket is there before the portal: an answer to a question about the target driver says that both are.
        while daemon.tell(&["--mode", "target", "--op", "show"]).is_err() {
            let ended = daemon.process.try_wait()?;
            if ended.is_some() || begin.elapsed() > START_TIMEOUT {
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("no answer; its log says: {}", text.trim().replace('\n', "; "));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    /// Makes the target and its drive, for everybody who can reach the port.
    fn offer(&self, image: Option<&Path>) -> anyhow::Result<()> {
        self.tell(&["--mode", "target", "--op", "new", "--tid", "1", "--targetname", NAME])?;
        let image = image.map(|image| image.display().to_string());
        let mut unit = vec!["--mode", "logicalunit", "--op", "new", "--tid", "1", "--lun", UNIT, "--device-type", "cd"];
        if let Some(image) = &image {
            unit.extend(["--backing-store", image]);
        }
        self.tell(&unit)?;
        self.tell(&["--mode", "target", "--op", "bind", "--tid", "1", "--initiator-address", "ALL"]).map(drop)
    }

    /// Tells the daemon something about the iSCSI driver; gives what the tool prints.
    fn tell(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.tell_raw(&[&["--control-port", CONTROL_PORT, "--lld", "iscsi"], arguments].concat())
    }

    fn tell_raw(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(find(TOOL).context(TOOL)?)
            .args(arguments)
            .env(CONTROL, control(&self.directory))
            .stdin(Stdio::null())
            .output()
            .context(TOOL)?;
        if !output.status.success() {
            bail!("{TOOL} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It ignores a polite signal as long as it has targets.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The variable that names the control socket, to which daemon and tool add the control port.
const CONTROL: &str = "TGT_IPC_SOCKET";

/// The daemon's number among those that share the control socket's name; nobody shares ours.
const CONTROL_PORT: &str = "1";

fn control(directory: &TempDir) -> PathBuf {
    directory.path().join("control")
}
