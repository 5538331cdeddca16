//! `docs/ioctls.md`, made from the table of control codes.

use std::fmt::Write;

use ioctl_dispatch::NtStatus;
use ioctl_dispatch::ioctl::{ALIASES, Check, IOCTLS, Ioctl, PASSED_DOWN, Route, WhileLocked, ZeroPower};

const INTRODUCTION: &str = "\
<!-- Generated from ioctl_dispatch::ioctl::IOCTLS by `cargo xtask docs --write`. Do not edit. -->

# The control codes

One row per code that the driver serves, then the aliases, then what is passed down to the port; codes that are not here
are passed down too.

- **Checks** run in the order given; the first that fails answers. \"else\" names the status; `BUFFER_TOO_SMALL (n)`
  reports n in Information. \"fields\" stands for checks of the input's fields. *late*: made when the request's turn has
  come, not on arrival.
- **Route**: *at once*: answered in the caller's context without the drive; *serial*: in the serial queue, after a
  pending capability refresh; *serial, no refresh*; *caller's thread*: takes its turn, runs in the caller's thread;
  *pass-through*: takes its turn, then goes to the port as IRP_MN_SCSI_CLASS; *property*: by property: served or passed
  down.
- **Locked**: what a request of another handle meets while a handle has exclusive access.
- **Zero power**: what a request meets while the drive is without power (ZPODD).

Codes of the device types CD_ROM (0x02), CONTROLLER (0x04), DISK (0x07), TAPE (0x1F) and DVD (0x33) with functions 0x200
to 0x300 are aliases: they are served as the MASS_STORAGE code (0x2D) with the same function, access and method.

## Served

";

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("| Name | Code | Method | Access | Checks | Route | Locked | Zero power |\n");
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    for row in IOCTLS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            code(row),
            method(row),
            access(row),
            checks(row),
            route(row.route),
            locked(row.while_locked()),
            zero_power(row.zero_power),
        );
    }
    let _ = writeln!(page, "\n{} codes.", IOCTLS.len());
    page.push_str("\n## Aliases\n\n| Name | Code | Served as |\n|---|---|---|\n");
    for (name, alias) in ALIASES {
        let served = IOCTLS.iter().find(|row| row.code == alias.normalized()).map_or("", |row| row.name);
        let _ = writeln!(page, "| {name} | 0x{:08X} | {served} |", alias.0);
    }
    page.push_str("\n## Passed down\n\n| Name | Code | Method | Access | Locked |\n|---|---|---|---|---|\n");
    for row in PASSED_DOWN {
        let (name, locked) = (row.name, locked(row.while_locked()));
        let _ = writeln!(page, "| {name} | {} | {} | {} | {locked} |", code(row), method(row), access(row));
    }
    page
}

fn code(row: &Ioctl) -> String {
    format!("0x{:08X}", row.code.0)
}

fn method(row: &Ioctl) -> String {
    format!("{:?}", row.code.method()).to_lowercase().replace("direct", " direct")
}

fn access(row: &Ioctl) -> &'static str {
    match (row.code.needs_read_access(), row.code.needs_write_access()) {
        (false, false) => "any",
        (true, false) => "read",
        (false, true) => "write",
        (true, true) => "read, write",
    }
}

fn checks(row: &Ioctl) -> String {
    let each: Vec<_> = row.checks.iter().map(check).collect();
    let late = if row.checked_late && !each.is_empty() { "*late:* " } else { "" };
    format!("{late}{}", each.join("; "))
}

fn check(check: &Check) -> String {
    match *check {
        Check::InputPresent => "input, else BUFFER_TOO_SMALL".into(),
        Check::InputAtLeast(least, status) => format!("input ≥ {least}, else {}", name(status)),
        Check::InputExactly(length, status) => format!("input = {length}, else {}", name(status)),
        Check::OutputAtLeast(least) => format!("output ≥ {least}, else BUFFER_TOO_SMALL ({least})"),
        Check::OutputAtLeastSilently(least) => format!("output ≥ {least}, else BUFFER_TOO_SMALL"),
        Check::OutputAtMost(most, status) => format!("output ≤ {most}, else {}", name(status)),
        Check::OutputAligned => "output length aligned, else INVALID_PARAMETER".into(),
        Check::Dvd => "DVD drive, else INVALID_DEVICE_REQUEST".into(),
        Check::Aacs => "AACS drive, else INVALID_DEVICE_REQUEST".into(),
        Check::U32AtMost(offset, most) => format!("u32 at {offset} ≤ {most}, else INVALID_PARAMETER"),
        Check::Rule(_) => "fields".into(),
    }
}

fn name(status: NtStatus) -> String {
    format!("{status:?}").trim_start_matches("STATUS_").to_owned()
}

const fn route(route: Route) -> &'static str {
    match route {
        Route::AtOnce => "at once",
        Route::Serial => "serial",
        Route::SerialUnrefreshed => "serial, no refresh",
        Route::CallerThread => "caller's thread",
        Route::PassThrough => "pass-through",
        Route::Property => "property",
        Route::PassDown => "passed down",
    }
}

const fn locked(locked: WhileLocked) -> &'static str {
    match locked {
        WhileLocked::Denied => "denied",
        WhileLocked::Allowed => "allowed",
        WhileLocked::Restricted => "restricted",
    }
}

const fn zero_power(zero_power: ZeroPower) -> &'static str {
    match zero_power {
        ZeroPower::Wakes => "wakes",
        ZeroPower::NoMedia => "NO_MEDIA",
        ZeroPower::NoMediaOverrides => "NO_MEDIA, before the checks",
        ZeroPower::Kept => "kept answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_line_of_eight_cells() {
        let page = page();
        for row in IOCTLS {
            let line = page.lines().find(|line| line.starts_with(&format!("| {} |", row.name))).expect(row.name);
            assert!(line.contains(&code(row)));
            assert_eq!(line.matches('|').count(), 9, "{line}");
        }
    }
}
