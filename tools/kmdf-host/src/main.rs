//! `kmdf-host`: runs a KMDF storage class driver's `.sys` file in user mode.
#![cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(unused))]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod command;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::process::ExitCode {
    command::main()
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() -> std::process::ExitCode {
    eprintln!("kmdf-host runs kernel code of x86-64 Windows in its own process, which takes Linux on x86-64");
    std::process::ExitCode::from(2)
}
