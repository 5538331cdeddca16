//! What the core cannot show of the driver: how the device lives, how requests wait, and how they end early. Each case
//! is a script that runs through the binary in the user-mode host at several seeds; a finding of the host fails it too.

use anyhow::{Context, Result, bail, ensure};

use crate::binary::{Binary, Played, Run, ScriptFile, answer_to};
use crate::everything::Outcome;

const SUCCESS: u64 = 0;
const CANCELLED: u64 = 0xC000_0120;
const DEVICE_DOES_NOT_EXIST: u64 = 0xC000_00C0;
const DEVICE_BUSY: u64 = 0x8000_0011;

/// The usual adapter.
const ADAPTER: &str = "alignment-mask=1,max-transfer=65536,max-pages=17";

/// PREVENT/ALLOW MEDIUM REMOVAL that allows it.
const ALLOW: &str = "1e0000000000";

/// SYNCHRONIZE CACHE.
const SYNCHRONIZE: &str = "35000000000000000000";

/// Seeds of the scheduler: threads that run until they wait, and other orders.
const SEEDS: [u64; 4] = [0, 1, 2, 3];

/// A script and what must come of it.
struct Case {
    name: &'static str,
    script: &'static str,
    /// Line numbers and their statuses.
    statuses: &'static [(u64, u64)],
    /// What else must hold.
    holds: fn(&Played) -> Result<()>,
}

const NOTHING_ELSE: fn(&Played) -> Result<()> = |_| Ok(());

const CASES: [fn() -> Case; 8] = [
    failures_of_a_removed_drive_say_so,
    requests_wait_for_the_volume_until_it_is_online,
    a_closed_handle_ends_what_waits_for_the_volume,
    a_closed_handle_undoes_its_locks,
    a_request_that_waits_in_its_thread_can_be_cancelled,
    flush_and_shutdown_let_queued_requests_wait,
    polls_pause_outside_d0,
    a_lock_does_not_keep_the_device_from_going,
];

/// Whether `line` sent a command with this block.
fn sent(played: &Played, line: u64, block: &str) -> Result<bool> {
    Ok(answer_to(played, line)?.commands.iter().any(|command| command.cdb.eq_ignore_ascii_case(block)))
}

fn polls(played: &Played) -> usize {
    let own = played.answers.iter().filter(|answer| answer.cause.as_deref() == Some("poll"));
    own.map(|answer| answer.commands.len()).sum()
}

fn failures_of_a_removed_drive_say_so() -> Case {
    Case {
        name: "failures_of_a_removed_drive_say_so",
        script: r#"
            {"open": "A"}
            {"pnp": "surprise_remove"}
            {"ioctl": "IOCTL_CDROM_READ_TOC", "handle": "A", "out_len": 804}
            {"read": {"offset": 0, "length": 2048}, "handle": "A"}
            {"ioctl": "IOCTL_SCSI_PASS_THROUGH", "handle": "A", "in_len": 56, "out_len": 56}
            {"flush": {}, "handle": "A"}
            {"ioctl": "IOCTL_STORAGE_GET_DEVICE_NUMBER", "handle": "A", "out_len": 12}
            {"close": "A"}
            {"pnp": "remove"}"#,
        statuses: &[
            (3, DEVICE_DOES_NOT_EXIST),
            (4, DEVICE_DOES_NOT_EXIST),
            (5, DEVICE_DOES_NOT_EXIST),
            (6, DEVICE_DOES_NOT_EXIST),
            (7, SUCCESS),
            (8, SUCCESS),
        ],
        holds: NOTHING_ELSE,
    }
}

fn requests_wait_for_the_volume_until_it_is_online() -> Case {
    Case {
        name: "requests_wait_for_the_volume_until_it_is_online",
        script: r#"
            {"open": "A"}
            {"ioctl": "IOCTL_DISK_ARE_VOLUMES_READY", "handle": "A", "async": true, "label": "ready"}
            {"ioctl": "IOCTL_CDROM_CHECK_VERIFY", "handle": "A"}
            {"ioctl": "IOCTL_VOLUME_ONLINE", "handle": "A"}
            {"wait": "ready"}
            {"ioctl": "IOCTL_DISK_ARE_VOLUMES_READY", "handle": "A"}
            {"close": "A"}"#,
        statuses: &[(2, SUCCESS), (3, SUCCESS), (4, SUCCESS), (6, SUCCESS)],
        holds: NOTHING_ELSE,
    }
}

fn a_closed_handle_ends_what_waits_for_the_volume() -> Case {
    Case {
        name: "a_closed_handle_ends_what_waits_for_the_volume",
        script: r#"
            {"open": "A"}
            {"open": "B"}
            {"ioctl": "IOCTL_DISK_ARE_VOLUMES_READY", "handle": "A", "async": true, "label": "a"}
            {"ioctl": "IOCTL_DISK_ARE_VOLUMES_READY", "handle": "B", "async": true, "label": "b"}
            {"close": "A"}
            {"ioctl": "IOCTL_VOLUME_ONLINE", "handle": "B"}
            {"wait": "b"}
            {"close": "B"}"#,
        statuses: &[(3, CANCELLED), (4, SUCCESS), (5, SUCCESS)],
        holds: NOTHING_ELSE,
    }
}

fn a_closed_handle_undoes_its_locks() -> Case {
    Case {
        name: "a_closed_handle_undoes_its_locks",
        script: r#"
            {"open": "A"}
            {"open": "B"}
            {"ioctl": "IOCTL_STORAGE_EJECTION_CONTROL", "handle": "A", "in": "01"}
            {"ioctl": "IOCTL_STORAGE_EJECT_MEDIA", "handle": "B"}
            {"close": "A"}
            {"ioctl": "IOCTL_STORAGE_EJECT_MEDIA", "handle": "B"}
            {"close": "B"}"#,
        statuses: &[(3, SUCCESS), (4, DEVICE_BUSY), (5, SUCCESS), (6, SUCCESS)],
        holds: |played| {
            ensure!(sent(played, 5, ALLOW)?, "the close did not let the tray go");
            Ok(())
        },
    }
}

fn a_request_that_waits_in_its_thread_can_be_cancelled() -> Case {
    Case {
        name: "a_request_that_waits_in_its_thread_can_be_cancelled",
        script: r#"
            {"open": "A"}
            {"open": "B"}
            {"read": {"offset": 0, "length": 131072}, "handle": "A", "async": true, "label": "read"}
            {"ioctl": "IOCTL_SCSI_PASS_THROUGH", "handle": "B", "in_len": 56, "out_len": 56, "cancel_after_ms": 1}
            {"wait": "read"}
            {"ioctl": "IOCTL_CDROM_CHECK_VERIFY", "handle": "B"}"#,
        statuses: &[(3, SUCCESS), (4, CANCELLED), (6, SUCCESS)],
        holds: NOTHING_ELSE,
    }
}

fn flush_and_shutdown_let_queued_requests_wait() -> Case {
    Case {
        name: "flush_and_shutdown_let_queued_requests_wait",
        script: r#"
            {"open": "A"}
            {"read": {"offset": 0, "length": 65536}, "handle": "A", "async": true, "label": "1"}
            {"read": {"offset": 65536, "length": 65536}, "handle": "A", "async": true, "label": "2"}
            {"flush": {}, "handle": "A"}
            {"wait": "1"}
            {"wait": "2"}
            {"x_shutdown": {}}
            {"ioctl": "IOCTL_CDROM_CHECK_VERIFY", "handle": "A"}"#,
        statuses: &[(2, SUCCESS), (3, SUCCESS), (4, SUCCESS), (7, SUCCESS), (8, SUCCESS)],
        holds: |played| {
            ensure!(sent(played, 4, SYNCHRONIZE)? && sent(played, 7, SYNCHRONIZE)?, "the cache was not written back");
            ensure!(sent(played, 7, ALLOW)?, "the shutdown did not let the tray go");
            Ok(())
        },
    }
}

fn polls_pause_outside_d0() -> Case {
    Case {
        name: "polls_pause_outside_d0",
        script: r#"
            {"power": "D3"}
            {"advance_ms": 10000}
            {"power": "D0"}"#,
        statuses: &[(1, SUCCESS), (3, SUCCESS)],
        holds: |played| {
            // Those of the two seconds before the first line, with the capability refreshes among them.
            let polls = polls(played);
            ensure!(polls < 20, "{polls} commands of polls in two seconds of D0");
            Ok(())
        },
    }
}

fn a_lock_does_not_keep_the_device_from_going() -> Case {
    Case {
        name: "a_lock_does_not_keep_the_device_from_going",
        script: r#"
            {"open": "A"}
            {"ioctl": "IOCTL_STORAGE_MEDIA_REMOVAL", "handle": "A", "in": "01"}
            {"pnp": "query_remove"}
            {"pnp": "cancel_remove"}
            {"ioctl": "IOCTL_CDROM_CHECK_VERIFY", "handle": "A"}
            {"pnp": "query_stop"}
            {"pnp": "stop"}
            {"pnp": "start"}
            {"ioctl": "IOCTL_CDROM_CHECK_VERIFY", "handle": "A"}
            {"close": "A"}
            {"pnp": "query_remove"}
            {"pnp": "remove"}"#,
        statuses: &[(3, SUCCESS), (5, SUCCESS), (6, SUCCESS), (8, SUCCESS), (9, SUCCESS), (11, SUCCESS), (12, SUCCESS)],
        holds: NOTHING_ELSE,
    }
}

/// Runs all cases at all seeds.
pub fn step() -> Result<Outcome> {
    let binary = Binary::build(None)?;
    for case in CASES.map(|case| case()) {
        let script = ScriptFile::new(case.name, case.script.trim_start())?;
        for seed in SEEDS {
            let run = Run { drive: "sim:cdrom-data", adapter: ADAPTER, script: script.path(), seed, more: &[] };
            judge(&case, &binary.play(&run)?).with_context(|| format!("{} at seed {seed}", case.name))?;
        }
    }
    Ok(Outcome::Passed(format!("{} scripts at {} seeds", CASES.len(), SEEDS.len())))
}

fn judge(case: &Case, played: &Played) -> Result<()> {
    if !played.complaint.is_empty() {
        bail!("{}", played.complaint);
    }
    for (line, status) in case.statuses {
        let answer = answer_to(played, *line)?;
        ensure!(answer.status == *status, "line {line} ended with {:#010x}, not {status:#010x}", answer.status);
    }
    (case.holds)(played)
}
