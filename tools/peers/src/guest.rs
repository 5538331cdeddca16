//! Optical drives of a Linux guest under QEMU, reached by SG_IO through the guest's kernel.
//!
//! The guest is Debian's kernel with `cdromctl` as a static program. It has a CD in an IDE drive, `/dev/sr0`, and a DVD
//! in a drive on a SCSI adapter, `/dev/sr1`. Both are compared with our drive; the first one also with itself, reached
//! without a guest, which shows what the way through the kernel adds. Everything is kept in `target/peers/guest`.

mod ata_layer;
mod debian;
mod disc;
mod fixture;
mod initramfs;
mod machine;
mod program;
mod tour;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;
use transports::qemu::{PACKAGE, PROGRAM, QemuDrive};
use virtual_drive::target::Target;

use crate::compare::Findings;
use crate::part::{Context, Part, Program};

use ata_layer::AtaLayer;
use disc::Disc;
use machine::{Machine, Said};
use tour::{Outcome, Tour};

pub(crate) const PART: Part = Part {
    name: "guest",
    about: "cdromctl in a Linux guest reaches QEMU's drives through /dev/sr0 and /dev/sr1; our drive answers the same \
            requests, and 100 MB read have the same hash. Linux's ATA layer, above the IDE drive, reports no \
            residuals, refuses commands of more than 12 bytes and gives INQUIRY data a version; for that scene our \
            drive has the same layer above it.",
    needs: &[
        Program { name: PROGRAM, package: PACKAGE },
        Program { name: "apt-get", package: "apt" },
        Program { name: "dpkg", package: "dpkg" },
        Program { name: "sha256sum", package: "coreutils" },
    ],
    expected: include_str!("../expected/guest.jsonl"),
    run,
};

/// Our drive that is most like QEMU's, which reads CD and DVD.
const MODEL: &str = "dvdrom-css";

/// One drive of the guest.
#[derive(Clone, Copy, Debug)]
struct Station {
    /// The name of its scenes.
    scene: &'static str,
    device: &'static str,
    disc: Disc,
    /// Who runs the tour in the guest.
    user: &'static str,
    /// Whether the drive is behind Linux's ATA layer.
    ata: bool,
    /// The scene whose tour in the guest this one is compared with; none: the tour on our drive.
    like: &'static str,
}

/// The tours in the order in which the guest makes them.
const STATIONS: &[Station] = &[
    Station { scene: "CD, IDE", device: "sr0", disc: disc::CD, user: "root", ata: true, like: "" },
    Station { scene: "DVD, SCSI", device: "sr1", disc: disc::DVD, user: "root", ata: false, like: "" },
    Station { scene: "CD, IDE, no root", device: "sr0", disc: disc::CD, user: "user", ata: true, like: "CD, IDE" },
];

/// Reports of `cdromctl` that are compared.
const REPORTS: &[&str] = &["info", "toc", "sessions", "config"];

/// 100 MB in blocks.
const READ: u64 = 51_200;

fn run(context: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        findings.skip("the guest's programs are built on Linux on x86-64 only");
        return Ok(());
    }
    let cache = cache();
    std::fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
    let system = match debian::system(&cache) {
        Ok(system) => system,
        Err(problem) => {
            findings.skip(format!("Debian's kernel and BusyBox cannot be fetched: {problem:#}"));
            return Ok(());
        }
    };
    let cdromctl = program::build(&cache.join("build"))?;
    let (cd, dvd) = (disc::CD.whole(&context.scratch)?, disc::DVD.for_tour(&context.scratch)?);
    let initramfs = context.scratch.join("initramfs");
    std::fs::write(&initramfs, file_system(&system, &cdromctl)?)?;
    let machine = Machine {
        program: PROGRAM,
        kernel: system.kernel.clone(),
        initramfs,
        ide: cd.clone(),
        scsi: dvd.clone(),
        logs: cache,
    };
    let said = machine.run()?;
    let kernel = take(&said, "kernel")?;
    let direct = QemuDrive::start(Some(&cd))?;
    let peer = format!("{}; QEMU {}", kernel.trim(), direct.version());
    findings.peer(peer.clone());

    compare_reads(&said, &cd, findings)?;
    for (device, image) in [("sr0", &cd), ("sr1", &dvd)] {
        compare_reports(&said, device, &cdromctl, image, findings)?;
    }
    let mut told: Vec<Tour> = Vec::new();
    for station in STATIONS {
        let outcomes = Outcome::read_all(take(&said, &station.tour())?).context(station.scene)?;
        compare_tours(station.scene, &station.counterpart(&told, &context.scratch)?, &outcomes, findings)?;
        told.push(Tour { scene: station.scene.into(), outcomes });
    }
    compare_tours("CD, the guest apart", &tour::play(Box::new(AtaLayer(direct)))?, &told[0].outcomes, findings)?;
    match &context.record {
        Some(directory) => fixture::store(directory, &peer, &told),
        None => Ok(()),
    }
}

impl Station {
    /// The name of its tour among what the guest says.
    fn tour(&self) -> String {
        format!("tour-{}-{}", self.device, self.user)
    }

    /// What the tour is compared with: one that the guest made before, or one on our drive.
    fn counterpart(&self, told: &[Tour], directory: &Path) -> anyhow::Result<Vec<Outcome>> {
        if let Some(tour) = told.iter().find(|tour| tour.scene == self.like) {
            return Ok(tour.outcomes.clone());
        }
        let drive = our_drive(&self.disc.for_tour(directory)?)?;
        tour::play(if self.ata { Box::new(AtaLayer(drive)) } else { Box::new(drive) })
    }
}

fn our_drive(image: &Path) -> anyhow::Result<impl Target + use<>> {
    virtual_drive::sim::open(&format!("{MODEL}+{}", image.display())).map_err(|problem| anyhow!(problem))
}

/// Where packages, programs and logs are kept from run to run.
fn cache() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    target.join("peers/guest")
}

/// All files of the guest.
fn file_system(system: &debian::System, cdromctl: &Path) -> anyhow::Result<Vec<u8>> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let mut archive = initramfs::Archive::default();
    for directory in ["bin", "dev", "etc", "modules", "proc", "sys"] {
        archive.directory(directory, 0o755);
    }
    archive.device("dev/console", 0o600, 5, 1);
    archive.file("init", 0o755, include_bytes!("guest/init.sh"));
    archive.file("runs.sh", 0o644, runs().as_bytes());
    archive.file("tour.jsonl", 0o644, tour::SCRIPT.as_bytes());
    archive.file("etc/passwd", 0o644, b"root::0:0::/:/bin/sh\nuser::1000:24::/:/bin/sh\n");
    archive.file("etc/group", 0o644, b"root::0:\ncdrom::24:\n");
    archive.file("bin/busybox", 0o755, &read(&system.busybox)?);
    archive.file("bin/cdromctl", 0o755, &read(cdromctl)?);
    for (number, module) in system.modules.iter().enumerate() {
        let name = module.file_name().context("a module without a name")?.to_string_lossy();
        archive.file(&format!("modules/{number:02}-{name}"), 0o644, &read(module)?);
    }
    Ok(archive.finish())
}

/// What the guest runs, in order. The SCSI generic node gives the same report as the other node of its drive.
fn runs() -> String {
    let mut lines = vec!["run kernel uname -srv".to_owned()];
    for device in ["sr0", "sr1", "sg0"] {
        let reports = REPORTS.iter();
        lines.extend(
            reports.map(|report| format!("run {report}-{device} cdromctl --drive /dev/{device} --json {report}")),
        );
    }
    for device in ["sr0", "sg0"] {
        lines.push(format!(
            "run read-{device} sh -c 'cdromctl --drive /dev/{device} read --lba 0 --count {READ} --output - 2>/error \
             | sha256sum; cat /error'"
        ));
    }
    lines.extend(STATIONS.iter().map(|station| {
        let tour = format!("cdromctl --drive /dev/{} batch /tour.jsonl", station.device);
        match station.user {
            "root" => format!("run {} {tour}", station.tour()),
            user => format!("run {} su {user} -c '{tour}'", station.tour()),
        }
    }));
    lines.join("\n") + "\n"
}

/// What a command said that must have ended well.
fn take<'a>(said: &'a BTreeMap<String, Said>, name: &str) -> anyhow::Result<&'a str> {
    let said = said.get(name).with_context(|| format!("the guest said nothing of {name}"))?;
    if said.code != "0" {
        bail!("{name} ended with {} in the guest: {}", said.code, said.text);
    }
    Ok(&said.text)
}

/// The hash of 100 MB as the guest read them, by either node, and of the image.
fn compare_reads(said: &BTreeMap<String, Said>, image: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let bytes = READ * disc::BLOCK;
    let ours = Command::new("sh")
        .args(["-c", &format!("head -c {bytes} \"$0\" | sha256sum")])
        .arg(image)
        .output()
        .context("sha256sum")?;
    let hash = |text: &str| text.split_whitespace().next().unwrap_or("-").to_owned();
    let ours = hash(&String::from_utf8_lossy(&ours.stdout));
    if ours.len() != 64 {
        bail!("sha256sum: `{ours}` is no hash");
    }
    for device in ["sr0", "sg0"] {
        let subject = format!("read {bytes} bytes through /dev/{device}");
        findings.check("CD, IDE", &subject, "SHA-256", &ours, &hash(take(said, &format!("read-{device}"))?));
    }
    Ok(())
}

/// The reports of `cdromctl` on the guest's drive: of the disc, against our drive with the same disc; of everything,
/// against the same drive through its generic node.
fn compare_reports(
    said: &BTreeMap<String, Said>,
    device: &str,
    cdromctl: &Path,
    image: &Path,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    for name in REPORTS {
        let guest = |device: &str| {
            let key = format!("{name}-{device}");
            said.get(&key).with_context(|| format!("the guest said nothing of {key}")).and_then(leaves)
        };
        let subject = format!("cdromctl {name}");
        let theirs = guest(device)?;
        if device == "sr0" {
            findings.check_all("reports, sr0 and sg0", &subject, &theirs, &guest("sg0")?);
        }
        let drive = format!("sim:{MODEL}+{}", image.display());
        let ours = Command::new(cdromctl).args(["--drive", &drive, "--json", name]).output().context("cdromctl")?;
        let code = ours.status.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
        let ours = leaves(&Said { text: String::from_utf8_lossy(&ours.stdout).into_owned(), code })?;
        let [ours, theirs] = [ours, theirs].map(|report| of_the_disc(name, report));
        findings.check_all(&format!("reports, {device}"), &subject, &ours, &theirs);
    }
    Ok(())
}

/// What a report says of the disc; the rest is the drive's own.
fn of_the_disc(report: &str, mut values: Vec<(String, String)>) -> Vec<(String, String)> {
    match report {
        "info" => values.retain(|(name, _)| matches!(name.as_str(), "state" | "capacity" | "tracks")),
        "config" => values.retain(|(name, _)| name.starts_with("current_profile")),
        _ => {}
    }
    values
}

/// Every value of a report by its path, all but the drive's own name; or with which exit code there was none.
fn leaves(report: &Said) -> anyhow::Result<Vec<(String, String)>> {
    fn walk(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
        let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(&join(name), value, found)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, value)| walk(&join(&at.to_string()), value, found));
            }
            leaf => found.push((path.to_owned(), leaf.to_string())),
        }
    }
    if report.code != "0" {
        return Ok(vec![("exit code".into(), report.code.clone())]);
    }
    let text = &report.text;
    let value = serde_json::from_str(text).with_context(|| format!("no report: {text:.500}"))?;
    let mut found = Vec::new();
    walk("", &value, &mut found);
    found.retain(|(name, _)| name != "drive");
    Ok(found)
}

/// Compares two tours, question by question.
fn compare_tours(scene: &str, ours: &[Outcome], theirs: &[Outcome], findings: &mut Findings) -> anyhow::Result<()> {
    let lines = |outcomes: &[Outcome]| outcomes.iter().filter_map(|outcome| outcome.line).collect::<Vec<_>>();
    if lines(ours) != lines(theirs) {
        bail!("{scene}: the tours have different lines: {:?} and {:?}", lines(ours), lines(theirs));
    }
    for (own, other) in ours.iter().zip(theirs) {
        let question = tour::question(own.line.unwrap_or(0))?;
        findings.check_all(
            &format!("{scene}: {}", question.chapter),
            &question.words,
            &own.fields(other),
            &other.fields(own),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_compared_by_their_values() {
        let said = |text: &str, code: &str| leaves(&Said { text: text.into(), code: code.into() });
        let found = said(r#"{"drive":"x","state":"ready","tracks":[{"number":1}],"region":null}"#, "0").unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("region", "null"), ("state", "\"ready\""), ("tracks.0.number", "1")]);
        assert_eq!(said("cdromctl: no disc", "1").unwrap(), [("exit code".to_owned(), "1".to_owned())]);
        assert!(said("cdromctl: no", "0").is_err());
    }

    #[test]
    fn a_command_that_failed_in_the_guest_is_named() {
        let said = [("toc-sr0".to_owned(), Said { text: "no disc".into(), code: "1".into() })].into();
        assert_eq!(take(&said, "toc-sr0").unwrap_err().to_string(), "toc-sr0 ended with 1 in the guest: no disc");
        assert!(take(&said, "info-sr0").is_err());
    }
}
