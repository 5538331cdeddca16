//! Whatever is asked of whatever drive: every request ends, within the adapter's limits and the caller's buffers.

use std::time::Duration;

use drive_host::{Access, Host, Ioctl, Options};
use ioctl_dispatch::ioctl::{ControlCode, IOCTLS};
use proptest::collection::vec;
use proptest::prelude::*;
use virtual_drive::hostile::Hostile;
use virtual_drive::{Target, sim};

/// A control request: row of the table or any code, input, output length, who asks.
type Asked = (Result<usize, u32>, Vec<u8>, u32, bool, bool);

fn asked() -> impl Strategy<Value = Asked> {
    let code = prop_oneof![9 => (0..IOCTLS.len()).prop_map(Ok), 1 => any::<u32>().prop_map(Err)];
    let small = vec(prop_oneof![2 => 0_u8..4, 1 => any::<u8>()], 0..80);
    let output = prop_oneof![3 => 0_u32..64, 3 => 64_u32..5000, 1 => Just(65536_u32), 1 => Just(65537_u32)];
    (code, small, output, any::<bool>(), any::<bool>())
}

fn run(target: Box<dyn Target>, requests: &[Asked]) -> Result<(), TestCaseError> {
    let mut host = Host::prepare(target, &Options::default());
    if host.power_up(Duration::from_secs(2)).is_err() {
        return Ok(());
    }
    let handles = [host.open(Access::ReadWrite), host.open(Access::Read)];
    for (code, input, output_length, kernel_mode, second) in requests {
        let code = code.map_or_else(ControlCode, |row| IOCTLS[row].code);
        let request = Ioctl {
            kernel_mode: *kernel_mode,
            ..Ioctl::new(code, handles[usize::from(*second)], input, *output_length)
        };
        let id = host.control(&request, Some(Duration::from_secs(600))).unwrap();
        let completed = host.wait(id).map_err(|error| TestCaseError::fail(format!("{code}: {error}")))?;
        prop_assert!(completed.returned().len() <= usize::try_from(*output_length).unwrap());
        let findings = host.take_findings();
        prop_assert!(findings.is_empty(), "{code} ({input:02x?}, {output_length}): {findings:?}");
    }
    for handle in handles {
        host.close(handle, drive_host::record::Cause::Request).unwrap();
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn on_drives_that_are_honest(drive in 0..sim::list().len(), requests in vec(asked(), 1..24)) {
        let (name, _) = sim::list()[drive];
        run(Box::new(sim::open(name).unwrap()), &requests)?;
    }

    #[test]
    fn on_drives_that_lie(
        drive in 0..sim::list().len(),
        lies in vec(any::<u8>(), 0..400),
        requests in vec(asked(), 1..24),
    ) {
        let (name, _) = sim::list()[drive];
        run(Box::new(Hostile::around(sim::open(name).unwrap(), &lies)), &requests)?;
    }
}
