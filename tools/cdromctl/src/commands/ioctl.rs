//! `ioctl`: sends one control request.

use std::process::ExitCode;

use anyhow::{Context, Result};
use drive_host::host::Ioctl;
use drive_host::names;
use drive_host::results::{CommandLine, OutcomeLine, ResultLine, hex};
use ioctl_dispatch::NtStatus;
use virtual_drive::script::fields::parse_hex;

use crate::cli::{Common, IoctlArgs, Mode};
use crate::failure;
use crate::output;
use crate::session::Program;

/// Sends the request; shows status, Information, output and commands.
pub fn run(common: &Common, arguments: &IoctlArgs) -> Result<ExitCode> {
    let code = names::control_code(&arguments.code).map_err(anyhow::Error::msg)?;
    let input = parse_hex(&arguments.input).map_err(anyhow::Error::msg).context("--in")?;
    let mut program = Program::open(common)?;
    let handle = program.handle();
    let ioctl = Ioctl {
        kernel_mode: arguments.mode == Mode::Kernel,
        wow64: arguments.wow64,
        ..Ioctl::new(code, handle, &input, arguments.out_len)
    };
    let completed = program.send(&ioctl)?;
    let outcome = OutcomeLine::new(&completed.ended(), common.whole_output);
    let sent = program.host.recorder().take_requests();
    let findings = program.host.take_findings();
    if common.json {
        let commands = sent.into_iter().map(CommandLine::from).collect();
        let line = ResultLine { outcome: Some(outcome), commands, findings, ..ResultLine::default() };
        output::line(serde_json::to_string(&line)?)?;
    } else {
        let name = names::name_of(code).unwrap_or("control code without a name here");
        output::line(format_args!("{name} ({code})"))?;
        output::line(format_args!("status       {} ({:#010X})", completed.status, completed.status.0))?;
        output::line(format_args!("information  {}", completed.information))?;
        for (index, row) in outcome.out.0.chunks(16).enumerate() {
            output::line(format_args!("  {:04x}  {}", index * 16, spaced(row)))?;
        }
        for sent in &sent {
            if let drive_host::record::Sent::Command(command) = sent {
                output::line(format_args!(
                    "sent         {:?}  {}",
                    command.cdb,
                    command.cdb.opcode().name().unwrap_or("(no name)")
                ))?;
            }
        }
        for finding in &findings {
            output::line(format_args!("finding      {finding}"))?;
        }
    }
    program.close()?;
    Ok(if completed.status >= NtStatus(0x8000_0000) { ExitCode::from(failure::DRIVE) } else { ExitCode::SUCCESS })
}

fn spaced(bytes: &[u8]) -> String {
    let text: Vec<String> = bytes.iter().map(|byte| hex(&[*byte])).collect();
    let characters = bytes.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' });
    format!("{:<47}  {}", text.join(" "), characters.collect::<String>())
}
