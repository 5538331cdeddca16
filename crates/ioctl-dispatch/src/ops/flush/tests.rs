use super::*;
use crate::request::Job;
use crate::test_host::{Answer, Host, Reply};

const SYNCHRONIZE: &str = "35 00 00 00 00 00 00 00 00 00";
const ALLOW: &str = "1E 00 00 00 00 00";

fn flush(host: &mut Host, reply: Reply, attempts: usize, port: bool) -> Answer {
    for _ in 0..attempts {
        host.on(SYNCHRONIZE, reply.clone());
    }
    if port {
        host.on_platform(NtStatus::SUCCESS, 0);
    }
    host.run(Job::Flush)
}

#[test]
fn a_flush_reaches_drive_and_port() {
    let answer = flush(&mut Host::default(), Reply::good(), 1, true);
    assert_eq!(answer.status, NtStatus::SUCCESS);
    assert_eq!(answer.commands[0].timeout_s, 40);
    assert_eq!(answer.calls, [PlatformCall::PortFunction { function: PortFunction::Flush, timeout_s: 40 }]);
}

#[test]
fn a_drive_with_nothing_to_flush_is_no_failure() {
    for (reply, attempts) in
        [(Reply::sense(5, 0x20, 0), 1), (Reply::sense(2, 0x3A, 0), 1), (Reply::sense(3, 0x0C, 0), 1)]
    {
        assert_eq!(flush(&mut Host::default(), reply, attempts, true).status, NtStatus::SUCCESS);
    }
    let mut writable = Host::default();
    writable.dispatcher.device.capability.write_allowed = true;
    let failed = flush(&mut writable, Reply::sense(3, 0x0C, 0), 1, false);
    assert_eq!((failed.status, failed.calls.len()), (NtStatus::DEVICE_DATA_ERROR, 0));
    let gone = flush(&mut Host::default(), Reply::port(NtStatus::DEVICE_DOES_NOT_EXIST), 1, false);
    assert_eq!(gone.status, NtStatus::NO_SUCH_DEVICE);
}

#[test]
fn a_shutdown_unlocks_the_tray_whatever_the_flush_said() {
    let mut host = Host::default();
    host.dispatcher.device.capability.write_allowed = true;
    host.on(SYNCHRONIZE, Reply::sense(3, 0x0C, 0)).on(ALLOW, Reply::good()).on_platform(NtStatus::SUCCESS, 0);
    let answer = host.run(Job::Shutdown);
    assert_eq!(answer.status, NtStatus::DEVICE_DATA_ERROR);
    assert_eq!(answer.calls, [PlatformCall::PortFunction { function: PortFunction::Shutdown, timeout_s: 40 }]);
}

#[test]
fn a_removed_device_is_not_asked() {
    let mut host = Host::default();
    host.dispatcher.device.surprise_removal();
    assert_eq!(host.run(Job::Flush).status, NtStatus::DEVICE_DOES_NOT_EXIST);
}
