//! The end of requests that the class driver only hands on.

use scsi_cdb::Opcode;
use scsi_cdb::bytes::{bits, u8_at};

use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::request::Request;
use crate::{Completion, Dispatcher, ioctl};

/// Codes of the extended structures.
const EXTENDED: [u32; 2] = [0x0004_D044, 0x0004_D048];

/// LoEj set, Start clear: open the tray.
const EJECT: u8 = 0b10;

impl Dispatcher {
    /// Completes a request that [`Step::Forward`](crate::Step::Forward) passed down, with what the driver below said.
    ///
    /// `input` is the input of the request as the caller gave it. A drawer gives no event for an eject that a program
    /// sent itself, so the drive is marked in use here.
    pub fn passed_down(&mut self, request: &Request, input: &[u8], status: NtStatus, information: u64) -> Completion {
        let is_pass_through = ioctl::find(request.code).is_some_and(|row| row.operation == Operation::PassThrough);
        if is_pass_through && status.is_success() && is_eject(request, input) {
            self.device.ejected();
        }
        self.completion(status, information)
    }
}

fn is_eject(request: &Request, input: &[u8]) -> bool {
    let cdb = match (EXTENDED.contains(&request.code.0), request.wow64) {
        (false, false) => 36,
        (false, true) => 28,
        (true, false) => 56,
        (true, true) => 48,
    };
    let byte = |offset: usize| u8_at(input, offset).unwrap_or(0);
    byte(cdb) == Opcode::START_STOP_UNIT.0 && bits(byte(cdb.saturating_add(4)), 0, 2) == EJECT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Effect;
    use crate::test_host::Host;
    use crate::zero_power::Mechanism;
    use std::vec;

    fn marked(code: u32, offset: usize, wow64: bool, last: u8, status: NtStatus) -> bool {
        let mut host = Host::default();
        host.dispatcher.device.zero_power.mechanism = Some(Mechanism::Drawer);
        let mut input = vec![0; 72];
        (input[offset], input[offset + 4]) = (0x1B, last);
        let mut request = host.request(code, &input, 72);
        request.wow64 = wow64;
        let completion = host.dispatcher.passed_down(&request, &input, status, 8);
        assert_eq!(completion, Completion::new(status, 8));
        host.dispatcher.take_effect() == Some(Effect::MarkActive(true))
    }

    #[test]
    fn an_eject_that_succeeded_marks_a_drawer_in_use() {
        let good = NtStatus::SUCCESS;
        for (code, offset, wow64) in [
            (0x0004_D004, 36, false),
            (0x0004_D014, 36, false),
            (0x0004_D004, 28, true),
            (0x0004_D044, 56, false),
            (0x0004_D048, 48, true),
        ] {
            assert!(marked(code, offset, wow64, 0x02, good), "{code:#x}");
            assert!(!marked(code, offset, wow64, 0x03, good), "a load");
            assert!(!marked(code, offset, wow64, 0x02, NtStatus::IO_DEVICE_ERROR), "a failure");
        }
        assert!(!marked(0x0002_4008, 36, false, 0x02, good), "no pass-through");
    }

    #[test]
    fn what_the_port_of_a_removed_device_refuses_does_not_exist() {
        let mut host = Host::default();
        host.dispatcher.device.surprise_removal();
        let request = host.request(0x0002_4034, &[], 0);
        for (status, expected) in
            [(NtStatus::NOT_SUPPORTED, NtStatus::DEVICE_DOES_NOT_EXIST), (NtStatus::SUCCESS, NtStatus::SUCCESS)]
        {
            assert_eq!(host.dispatcher.passed_down(&request, &[], status, 4), Completion::new(expected, 4));
        }
    }
}
