//! The machine that the guest runs in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long the guest may take, from power on to power off.
const TIME_OUT: Duration = Duration::from_secs(240);

/// What QEMU is given.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) program: &'static str,
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: PathBuf,
    /// The disc in the drive on the IDE channel, `/dev/sr0`.
    pub(crate) ide: PathBuf,
    /// The disc in the drive on the virtio SCSI adapter, `/dev/sr1`.
    pub(crate) scsi: PathBuf,
    /// Where the two serial logs are kept.
    pub(crate) logs: PathBuf,
}

/// What one command said in the guest, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) code: String,
}

impl Machine {
    /// Runs the guest until it powers off; gives what its commands said, by name.
    ///
    /// # Errors
    /// QEMU does not start, the guest does not come to its end in time.
    pub(crate) fn run(&self) -> anyhow::Result<BTreeMap<String, Said>> {
        let (console, answers) = (self.logs.join("console.log"), self.logs.join("answers.log"));
        let started = Instant::now();
        let mut qemu = Command::new(self.program)
            .args(["-accel", "tcg", "-machine", "pc", "-m", "512", "-nodefaults", "-no-reboot", "-display", "none"])
            .args(["-append", "console=ttyS0 panic=-1 rdinit=/init"])
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initramfs)
            .args(["-device", "virtio-scsi-pci,id=scsi"])
            .args(drive("ide", &self.ide, "ide-cd"))
            .args(drive("scsi", &self.scsi, "scsi-cd,bus=scsi.0"))
            .args(serial("console", &console))
            .args(serial("answers", &answers))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| self.program.to_owned())?;
        let ended = loop {
            if let Some(status) = qemu.try_wait()? {
                break Some(status);
            }
            if started.elapsed() > TIME_OUT {
                break None;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        if ended.is_none() {
            qemu.kill()?;
        }
        let output = qemu.wait_with_output()?;
        let answers = read(&answers);
        let complain = |what: &str| {
            let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let console = read(&console);
            let last = console.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>();
            format!("{what}; {error}\nlogs in {}; the console ends with:\n{}", self.logs.display(), last.join("\n"))
        };
        match ended {
            None => bail!(complain(&format!("the guest was not done within {TIME_OUT:?}"))),
            Some(status) if !status.success() => bail!(complain(&format!("QEMU: {status}"))),
            Some(_) if !answers.lines().any(|line| line == "@done") => bail!(complain("the guest did not finish")),
            Some(_) => Ok(sections(&answers)),
        }
    }
}

fn drive(id: &str, image: &Path, device: &str) -> [String; 4] {
    let file = image.display().to_string().replace(',', ",,");
    let backend = format!("id={id}-disc,if=none,media=cdrom,format=raw,readonly=on,file={file}");
    ["-drive".into(), backend, "-device".into(), format!("{device},drive={id}-disc")]
}

fn serial(id: &str, log: &Path) -> [String; 4] {
    let path = log.display().to_string().replace(',', ",,");
    ["-chardev".into(), format!("file,id={id},path={path}"), "-serial".into(), format!("chardev:{id}")]
}

fn read(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\r', "")
}

/// Takes the parts between `@begin NAME` and `@end NAME CODE`.
fn sections(answers: &str) -> BTreeMap<String, Said> {
    let mut found = BTreeMap::new();
    let mut said: Vec<&str> = Vec::new();
    for line in answers.lines() {
        if line.starts_with("@begin ") {
            said.clear();
        } else if let Some((name, code)) = line.strip_prefix("@end ").and_then(|rest| rest.split_once(' ')) {
            found.insert(name.to_owned(), Said { text: said.join("\n"), code: code.to_owned() });
        } else {
            said.push(line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_by_name() {
        let found = sections("noise\n@begin a\none\ntwo\n@end a 0\n@begin b\n@end b 143\n@done\n");
        assert_eq!(found["a"], Said { text: "one\ntwo".into(), code: "0".into() });
        assert_eq!(found["b"], Said { text: String::new(), code: "143".into() });
        assert_eq!(found.len(), 2);
    }
}
