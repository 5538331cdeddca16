//! `events`: watches what the driver reports.

use std::time::Duration;

use anyhow::Result;
use ioctl_dispatch::effect::Notification;

use crate::cli::Common;
use crate::output;
use crate::session::Program;

/// How often the reports are looked at.
const SLICE: Duration = Duration::from_millis(250);

/// Shows events for `seconds`.
pub fn run(common: &Common, seconds: u64) -> Result<()> {
    let mut program = Program::open(common)?;
    let end = program.host.now() + Duration::from_secs(seconds);
    loop {
        for (time, notification) in std::mem::take(&mut program.host.system().notifications) {
            let text = describe(notification);
            if common.json {
                output::line(serde_json::json!({ "seconds": time.as_secs_f64(), "event": text }))?;
            } else {
                output::line(format_args!("{:9.3} s  {text}", time.as_secs_f64()))?;
            }
        }
        if program.host.now() >= end {
            return program.close();
        }
        program.host.advance(SLICE)?;
    }
}

fn describe(notification: Notification) -> String {
    match notification {
        Notification::Media { arrival: true, change_count, .. } => format!("media arrived (change {change_count})"),
        Notification::Media { state: 3, .. } => "media not available".into(),
        Notification::Media { change_count, .. } => format!("media removed (change {change_count})"),
        Notification::EjectRequest => "eject requested".into(),
        Notification::ExternalRequest { button_status, request } => {
            format!("button: request {request}, status {button_status}")
        }
        Notification::BecomingReady { reason, estimated_100ms } => {
            format!("becoming ready in about {} ms (reason {reason})", u64::from(estimated_100ms) * 100)
        }
        Notification::ExclusiveLock => "exclusive access taken".into(),
        Notification::ExclusiveUnlock => "exclusive access given back".into(),
    }
}
