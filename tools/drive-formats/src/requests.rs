//! Request scripts: what programs and the system do, one step a line.

use std::path::PathBuf;
use std::time::Duration;

use virtual_drive::MediaAction;
use virtual_drive::nearest;
use virtual_drive::script::fields::{Fields, FormatError, objects};

use crate::names::{Access, control_code};

mod system;

pub use system::{Pnp, Power, State, pnp_names, power_names};

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Line number in the file, from 1.
    pub number: usize,
    /// What to do.
    pub action: Action,
}

/// What a line does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Opens a handle by that label.
    Open {
        /// The label.
        label: String,
        /// What for.
        access: Access,
    },
    /// Closes a handle.
    Close(String),
    /// Sends a request.
    Request(Box<Request>),
    /// Waits for an asynchronous request.
    Wait(String),
    /// Lets time pass.
    Advance(Duration),
    /// Does something to the drive by hand.
    Media(MediaAction),
    /// A file system is mounted on the device (or no more).
    Mounted(bool),
    /// Sets or clears the device's verify flag.
    Verify(bool),
    /// The PnP manager does something; for the kernel binary only.
    Pnp(Pnp),
    /// The power manager sets a state; for the kernel binary only.
    Power(Power),
}

/// A request of a program or of the system.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is asked.
    pub kind: Kind,
    /// Label of the handle; `None` for a request without a file object.
    pub handle: Option<String>,
    /// RequestorMode is KernelMode.
    pub kernel_mode: bool,
    /// The caller is a 32-bit process.
    pub wow64: bool,
    /// Flags of the stack location.
    pub stack_flags: u8,
    /// Minor function code.
    pub minor: u8,
    /// Where in a page the caller's buffer starts.
    pub mdl_offset: u32,
    /// Cancel the request then.
    pub cancel_after: Option<Duration>,
    /// Go on without waiting; the label collects it.
    pub collect: Option<String>,
}

/// The kinds of request.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Device control.
    Ioctl {
        /// The control code.
        code: u32,
        /// Input bytes.
        input: Vec<u8>,
        /// Output buffer length.
        output_length: u32,
    },
    /// IRP_MJ_READ.
    Read {
        /// Byte offset.
        offset: i64,
        /// Bytes to read.
        length: u32,
    },
    /// IRP_MJ_WRITE.
    Write {
        /// Byte offset.
        offset: i64,
        /// Bytes to write.
        data: Vec<u8>,
    },
    /// IRP_MJ_FLUSH_BUFFERS.
    Flush,
    /// IRP_MJ_SHUTDOWN.
    Shutdown,
}

/// The first keys of a line, each with the other keys that it allows.
const LINES: &[(&str, &[&str])] = &[
    ("open", &["access"]),
    ("close", &[]),
    (
        "ioctl",
        &[
            "handle",
            "in",
            "in_len",
            "out_len",
            "mode",
            "wow64",
            "cancel_after_ms",
            "async",
            "label",
            "x_sl_flags",
            "x_minor",
            "x_mdl_offset",
        ],
    ),
    ("read", TRANSFER),
    ("write", TRANSFER),
    ("flush", SIMPLE),
    ("x_shutdown", SIMPLE),
    ("wait", &[]),
    ("advance_ms", &[]),
    ("media", &[]),
    ("button", &[]),
    ("x_mounted", &[]),
    ("x_verify", &[]),
    ("pnp", &["type", "entering"]),
    ("power", &["action"]),
];

const TRANSFER: &[&str] =
    &["handle", "mode", "cancel_after_ms", "async", "label", "x_sl_flags", "x_minor", "x_mdl_offset"];

const SIMPLE: &[&str] = &["handle", "mode", "async", "label"];

/// Longest buffer that a script may ask for.
const LONGEST: u64 = 0x1000_0000;

/// Reads a request script; `name` stands for its file in error texts.
///
/// # Errors
/// A line is wrong; the text names line and key.
pub fn parse(name: &str, text: &str) -> Result<Vec<Line>, FormatError> {
    objects(name, text).map(|fields| fields.and_then(|fields| read_line(&fields))).collect()
}

/// The same for what runs the driver core alone: lines that need the kernel binary are refused.
///
/// # Errors
/// A line is wrong, or needs the kernel binary.
pub fn parse_for_core(name: &str, text: &str) -> Result<Vec<Line>, FormatError> {
    let read = |fields: Fields| match fields.first_of(&["pnp", "power"]) {
        Some(key) => Err(fields.error(format_args!("`{key}` needs the kernel binary: run this script with kmdf-host"))),
        None => read_line(&fields),
    };
    objects(name, text).map(|fields| fields.and_then(read)).collect()
}

fn read_line(fields: &Fields) -> Result<Line, FormatError> {
    let known: Vec<&str> = LINES.iter().map(|(first, _)| *first).collect();
    let Some(first) = fields.first_of(&known) else {
        return Err(fields.error(unknown_line(&fields.key_names(), &known)));
    };
    let others = LINES.iter().find(|(key, _)| *key == first).map_or(&[][..], |(_, others)| others);
    let allowed: Vec<&str> = others.iter().copied().chain([first]).collect();
    fields.allow(&allowed)?;
    let text = |key| Ok::<_, FormatError>(fields.text(key)?.unwrap_or_default().to_owned());
    let flag = |key| Ok::<_, FormatError>(fields.flag(key)?.unwrap_or_default());
    let action = match first {
        "open" => Action::Open { label: text("open")?, access: read_access(fields)? },
        "close" => Action::Close(text("close")?),
        "wait" => Action::Wait(text("wait")?),
        "advance_ms" => Action::Advance(Duration::from_millis(fields.number(first, u64::MAX)?.unwrap_or_default())),
        "media" | "button" => Action::Media(read_media(fields, first)?),
        "x_mounted" => Action::Mounted(flag(first)?),
        "x_verify" => Action::Verify(flag(first)?),
        "pnp" => Action::Pnp(system::read_pnp(fields)?),
        "power" => Action::Power(system::read_power(fields)?),
        _ => Action::Request(Box::new(read_request(fields, first)?)),
    };
    Ok(Line { number: fields.line(), action })
}

fn unknown_line(keys: &[&str], known: &[&str]) -> String {
    let near = keys.iter().find_map(|key| nearest(key, known.iter().copied(), 1).first().copied());
    let hint = near.map_or_else(String::new, |near| format!("; the nearest known key is `{near}`"));
    let keys = keys.join("`, `");
    format!("nothing to do: none of `{keys}` is one of {}{hint}", known.join(", "))
}

fn read_access(fields: &Fields) -> Result<Access, FormatError> {
    match fields.text("access")? {
        None | Some("rw") => Ok(Access::ReadWrite),
        Some("r") => Ok(Access::Read),
        Some("w") => Ok(Access::Write),
        Some("none") => Ok(Access::None),
        Some(other) => Err(fields.error(format_args!("`access` must be r, w, rw or none, not `{other}`"))),
    }
}

fn read_media(fields: &Fields, first: &str) -> Result<MediaAction, FormatError> {
    if first == "button" {
        return match fields.text("button")? {
            Some("eject") => Ok(MediaAction::EjectButton),
            other => {
                Err(fields.error(format_args!("`button` must be \"eject\", not \"{}\"", other.unwrap_or_default())))
            }
        };
    }
    const WANTED: &str = "`media` must be \"remove\" or {\"insert\": \"IMAGE\"}";
    match fields.text("media") {
        Ok(Some("remove")) => Ok(MediaAction::Remove),
        Ok(_) => Err(fields.error(WANTED)),
        Err(_) => {
            let insert = fields.object("media").map_err(|_| fields.error(WANTED))?;
            let insert = insert.ok_or_else(|| fields.error(WANTED))?;
            insert.allow(&["insert"])?;
            let image = insert.text("insert")?.ok_or_else(|| fields.error(WANTED))?;
            Ok(MediaAction::Insert(PathBuf::from(image)))
        }
    }
}

fn read_request(fields: &Fields, first: &str) -> Result<Request, FormatError> {
    let kind = match first {
        "ioctl" => read_ioctl(fields)?,
        "read" | "write" => read_transfer(fields, first)?,
        "flush" => Kind::Flush,
        _ => Kind::Shutdown,
    };
    if matches!(kind, Kind::Flush | Kind::Shutdown)
        && let Some(object) = fields.object(first)?
    {
        object.allow(&[])?;
    }
    let label = fields.text("label")?.map(str::to_owned);
    let collect = match (fields.flag("async")?.unwrap_or(false), label) {
        (true, Some(label)) => Some(label),
        (true, None) => return Err(fields.error("`async` needs a `label`, by which `wait` collects the request")),
        (false, Some(_)) => return Err(fields.error("`label` has a meaning only with `\"async\": true`")),
        (false, None) => None,
    };
    let kernel_mode = match fields.text("mode")? {
        None | Some("user") => false,
        Some("kernel") => true,
        Some(other) => return Err(fields.error(format_args!("`mode` must be user or kernel, not `{other}`"))),
    };
    Ok(Request {
        kind,
        handle: fields.text("handle")?.map(str::to_owned),
        kernel_mode,
        wow64: fields.flag("wow64")?.unwrap_or(false),
        stack_flags: fields.uint("x_sl_flags")?.unwrap_or(0),
        minor: fields.uint("x_minor")?.unwrap_or(0),
        mdl_offset: fields.uint("x_mdl_offset")?.unwrap_or(0),
        cancel_after: fields.uint("cancel_after_ms")?.map(Duration::from_millis),
        collect,
    })
}

fn read_ioctl(fields: &Fields) -> Result<Kind, FormatError> {
    let code = match fields.text("ioctl") {
        Ok(name) => control_code(name.unwrap_or_default()).map_err(|problem| fields.error(problem))?,
        Err(_) => fields.uint("ioctl")?.unwrap_or_default(),
    };
    let input = match (fields.bytes("in")?, fields.number("in_len", LONGEST)?) {
        (Some(_), Some(_)) => return Err(fields.error("`in` and `in_len` both give the input; keep one")),
        (Some(bytes), None) => bytes,
        (None, length) => vec![0; to_usize(length.unwrap_or(0))],
    };
    let output_length = u32::try_from(fields.number("out_len", LONGEST)?.unwrap_or(0)).unwrap_or(u32::MAX);
    Ok(Kind::Ioctl { code, input, output_length })
}

fn read_transfer(fields: &Fields, first: &str) -> Result<Kind, FormatError> {
    let Some(what) = fields.object(first)? else { return Err(fields.error("nothing to transfer")) };
    what.allow(if first == "read" { &["offset", "length"] } else { &["offset", "data", "length"] })?;
    let offset = what.signed("offset")?.unwrap_or(0);
    let length = what.number("length", LONGEST)?;
    if first == "read" {
        let length = length.ok_or_else(|| what.error("`read` needs a `length`"))?;
        return Ok(Kind::Read { offset, length: u32::try_from(length).unwrap_or(u32::MAX) });
    }
    match (what.bytes("data")?, length) {
        (Some(data), None) => Ok(Kind::Write { offset, data }),
        (None, Some(length)) => Ok(Kind::Write { offset, data: vec![0; to_usize(length)] }),
        _ => Err(what.error("`write` needs either `data` or the `length` of zeros")),
    }
}

fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Action {
        parse("r.jsonl", text).unwrap().remove(0).action
    }

    #[test]
    fn requests_have_their_defaults() {
        let Action::Request(request) = one(r#"{"ioctl": "IOCTL_CDROM_READ_TOC", "handle": "A", "out_len": 804}"#)
        else {
            panic!()
        };
        assert_eq!(request.kind, Kind::Ioctl { code: 0x0002_4000, input: vec![], output_length: 804 });
        assert_eq!((request.handle.as_deref(), request.kernel_mode, request.collect), (Some("A"), false, None));
        let Action::Request(request) =
            one(r#"{"read": {"offset": 32768, "length": 2048}, "x_sl_flags": "0x20", "cancel_after_ms": 5}"#)
        else {
            panic!()
        };
        assert_eq!(request.kind, Kind::Read { offset: 32768, length: 2048 });
        assert_eq!((request.stack_flags, request.cancel_after), (0x20, Some(Duration::from_millis(5))));
    }

    #[test]
    fn lines_of_their_own() {
        assert_eq!(one(r#"{"open": "A", "access": "r"}"#), Action::Open { label: "A".into(), access: Access::Read });
        assert_eq!(one(r#"{"media": "remove"}"#), Action::Media(MediaAction::Remove));
        assert_eq!(one(r#"{"media": {"insert": "a.cue"}}"#), Action::Media(MediaAction::Insert("a.cue".into())));
        assert_eq!(one(r#"{"button": "eject"}"#), Action::Media(MediaAction::EjectButton));
        assert_eq!(one(r#"{"advance_ms": 2500}"#), Action::Advance(Duration::from_millis(2500)));
        assert_eq!(one(r#"{"x_verify": false}"#), Action::Verify(false));
        assert_eq!(one(r#"{"pnp": "query_remove"}"#), Action::Pnp(Pnp::QueryRemove));
        assert_eq!(
            one(r#"{"pnp": "usage", "type": "dump", "entering": false}"#),
            Action::Pnp(Pnp::Usage { kind: 3, entering: false })
        );
        assert_eq!(one(r#"{"power": "S3"}"#), Action::Power(Power { state: State::System(3), action: 2 }));
        assert_eq!(
            one(r#"{"power": "D3", "action": "sleep"}"#),
            Action::Power(Power { state: State::Device(3), action: 2 })
        );
    }

    #[test]
    fn the_core_alone_takes_no_lines_of_the_system() {
        let error = parse_for_core("r.jsonl", "{\"pnp\": \"stop\"}").unwrap_err().to_string();
        assert!(error.starts_with("r.jsonl:1: `pnp` needs the kernel binary: run this script with kmdf-host"));
        assert!(parse_for_core("r.jsonl", "{\"flush\": {}}").is_ok());
    }

    #[test]
    fn mistakes_name_line_key_and_a_way_out() {
        for (line, message) in [
            (
                r#"{"ioctl": "0x24000", "outlen": 4}"#,
                "r.jsonl:2: unknown key `outlen`; the nearest known key is `out_len`",
            ),
            (
                r#"{"ioctl": "IOCTL_CDROM_READ_TOK"}"#,
                "r.jsonl:2: `IOCTL_CDROM_READ_TOK` is no control code's name; the nearest are IOCTL_CDROM_READ_TOC",
            ),
            (r#"{"iocttl": 5}"#, "r.jsonl:2: nothing to do: none of `iocttl` is one of open"),
            (r#"{"pnp": "query_removal"}"#, "r.jsonl:2: `pnp` cannot be `query_removal`; write query_remove"),
            (r#"{"pnp": "usage"}"#, "r.jsonl:2: `usage` needs the `type` of the file"),
            (r#"{"pnp": "stop", "type": "paging"}"#, "r.jsonl:2: `type` and `entering` have a meaning for `usage`"),
            (r#"{"power": "D4"}"#, "r.jsonl:2: `power` cannot be `D4`; write D0"),
            (r#"{"open": "A", "access": "x"}"#, "r.jsonl:2: `access` must be r, w, rw or none, not `x`"),
            (r#"{"ioctl": 1, "async": true}"#, "r.jsonl:2: `async` needs a `label`"),
            (r#"{"ioctl": 1, "in": "00", "in_len": 4}"#, "r.jsonl:2: `in` and `in_len` both give the input"),
            (r#"{"ioctl": 1, "mode": "root"}"#, "r.jsonl:2: `mode` must be user or kernel"),
            (r#"{"read": {"offset": 0}}"#, "r.jsonl:2: `read` needs a `length`"),
            (
                r#"{"read": {"offset": 0, "lenght": 5}}"#,
                "r.jsonl:2: unknown key `lenght`; the nearest known key is `length`",
            ),
            (r#"{"media": {"eject": true}}"#, "r.jsonl:2: unknown key `eject`"),
            (r#"{"button": "play"}"#, "r.jsonl:2: `button` must be \"eject\""),
            (r#"{"flush": {"x": 1}}"#, "r.jsonl:2: unknown key `x`"),
        ] {
            let error = parse("r.jsonl", &format!("# comment\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
