use std::io::Write;
use std::net::TcpListener;

use proptest::prelude::*;
use virtual_drive::sim;

use super::fake_target::{Behaviour, FakeTarget, Instead};
use virtual_drive::DataPhase;

use super::*;

const READY: [u8; 6] = [0; 6];

fn request<'a>(cdb: &'a [u8], data: DataPhase<'a>) -> Request<'a> {
    Request::new(cdb, data, Duration::from_secs(10))
}

fn open(behaviour: Behaviour) -> (FakeTarget, IscsiDrive) {
    let target = FakeTarget::start(behaviour);
    let drive = IscsiDrive::open(&target.url()).unwrap();
    (target, drive)
}

/// Answers over the wire are those of the drive itself, whatever the sizes of the messages.
#[test]
fn a_drive_behind_a_target_is_the_drive_itself() {
    let commands: [(&[u8], DataPhase<'_>); 10] = [
        (&READY, DataPhase::None),
        (&READY, DataPhase::None),
        (&READY, DataPhase::None),
        (&[0x12, 0, 0, 0, 96, 0], DataPhase::In(96)),
        (&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], DataPhase::In(8)),
        (&[0x43, 0, 0, 0, 0, 0, 0, 0x03, 0x24, 0], DataPhase::In(804)),
        (&[0x28, 0, 0, 0, 0, 0, 0, 0, 40, 0], DataPhase::In(81920)),
        (&[0x28, 0, 0, 0, 0, 0, 0, 0, 40, 0], DataPhase::In(5000)),
        (&[0x5A, 0, 0x3F, 0, 0, 0, 0, 0, 0xFF, 0], DataPhase::In(255)),
        (&[0xFF; 16], DataPhase::None),
    ];
    for (segment, status_with_data, nop_in, login_part) in
        [(8192, true, false, usize::MAX), (1000, false, true, 7), (65536, true, true, 2)]
    {
        let (_target, mut remote) =
            open(Behaviour { segment, status_with_data, nop_in, login_part, ..Behaviour::default() });
        let mut local = sim::open("sim:data-cd").unwrap();
        for (cdb, data) in commands {
            let expected = local.execute(request(cdb, data)).after(Duration::ZERO);
            let answer = remote.execute(request(cdb, data)).after(Duration::ZERO);
            assert_eq!(answer, expected, "{cdb:02X?}: {:?}", remote.failure());
        }
    }
}

/// Immediate data, then one R2T after another.
#[test]
fn writes_arrive_whole() {
    let block: Vec<u8> = (0..32 * 2048u32).map(|number| (number % 251) as u8).collect();
    let cases: [&[(&str, &str)]; 4] = [
        &[],
        &[("ImmediateData", "No")],
        &[("MaxRecvDataSegmentLength", "5000"), ("FirstBurstLength", "1000")],
        &[("MaxRecvDataSegmentLength", "262144")],
    ];
    for parameters in cases {
        let (_target, mut drive) = open(Behaviour { drive: "sim:dvd+rw", parameters, ..Behaviour::default() });
        while drive.execute(request(&READY, DataPhase::None)).completion
            != (Completion::Status { status: 0, sense: Vec::new() })
        {}
        let reply = drive.execute(request(&[0x2A, 0, 0, 0, 0, 0x20, 0, 0, 32, 0], DataPhase::Out(&block)));
        assert_eq!(reply.transferred, block.len(), "{:?}", drive.failure());
        let reply = drive.execute(request(&[0x28, 0, 0, 0, 0, 0x20, 0, 0, 32, 0], DataPhase::In(block.len())));
        assert!(reply.data == block, "{parameters:?}");
    }
}

#[test]
fn a_session_ends_with_a_logout() {
    let (target, drive) = open(Behaviour::default());
    drop(drive);
    assert_eq!(target.heard(), [0x43, 0x43, 0x46]);
}

#[test]
fn refusals_are_told() {
    let refusal = |behaviour| IscsiDrive::open(&FakeTarget::start(behaviour).url()).unwrap_err().to_string();
    let demanded = refusal(Behaviour { auth_method: "CHAP", ..Behaviour::default() });
    assert!(demanded.contains("demands authentication (CHAP)"), "{demanded}");
    let demanded = refusal(Behaviour { login_status: (2, 1), ..Behaviour::default() });
    assert!(demanded.contains("demands authentication"), "{demanded}");
    let unknown = refusal(Behaviour { login_status: (2, 3), ..Behaviour::default() });
    assert!(unknown.contains("no such target (status 0x02/0x03)"), "{unknown}");
    let moved = refusal(Behaviour { login_status: (1, 1), ..Behaviour::default() });
    assert!(moved.contains("has moved"), "{moved}");
    let digest = refusal(Behaviour { parameters: &[("HeaderDigest", "CRC32C")], ..Behaviour::default() });
    assert!(digest.contains("HeaderDigest"), "{digest}");
}

#[test]
fn nobody_at_the_address_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = IscsiDrive::open(&format!("iscsi://{free}/iqn.x:y/1")).unwrap_err().to_string();
    assert!(error.contains(&format!("no iSCSI target answers at {free}")), "{error}");
}

/// Each failure of the target is a failure of the port, and the next command tries again.
#[test]
fn failures_become_those_of_a_port() {
    for (instead, status, part) in [
        (Instead::Silence, port_failure::IO_TIMEOUT, "in time"),
        (Instead::Close, port_failure::DEVICE_NOT_CONNECTED, "closed"),
        (Instead::Reject, port_failure::IO_DEVICE_ERROR, "command not supported"),
        (Instead::DropSession, port_failure::DEVICE_NOT_CONNECTED, "event 2"),
        (Instead::Fail, port_failure::IO_DEVICE_ERROR, "response 0x01"),
    ] {
        let (target, drive) = open(Behaviour { instead, ..Behaviour::default() });
        // Only silence is waited for.
        let patience = if instead == Instead::Silence { 100 } else { 60_000 };
        let mut drive = drive.with_timeout(Duration::from_millis(patience));
        for _ in 0..2 {
            let reply = drive.execute(request(&READY, DataPhase::None));
            assert_eq!(reply.completion, Completion::PortFailure(status), "{instead:?}");
            let failure = drive.failure().unwrap().to_string();
            assert!(failure.contains(part), "{failure}");
        }
        assert_eq!(target.heard(), [0x43, 0x43, 0x01, 0x43, 0x43, 0x01], "{instead:?}");
    }
}

#[test]
fn commands_have_up_to_sixteen_bytes() {
    let (target, mut drive) = open(Behaviour::default());
    for cdb in [&[][..], &[0; 17]] {
        let reply = drive.execute(request(cdb, DataPhase::None));
        assert_eq!(reply.completion, Completion::PortFailure(port_failure::INVALID_DEVICE_REQUEST));
    }
    assert!(drive.act(&MediaAction::Remove, Duration::ZERO).unwrap_err().contains("change the disc at the target"));
    assert_eq!(drive.describe(), target.url());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A target that turns bits in a message gets a failure or an answer, never more data than there is room for.
    #[test]
    fn a_broken_message_is_survived(message in 0usize..4, offset in 0usize..60, bits in 1u8..) {
        let tamper = Some((message, offset, bits));
        let (_target, drive) = open(Behaviour { tamper, segment: 1000, ..Behaviour::default() });
        let mut drive = drive.with_timeout(Duration::from_millis(30));
        for _ in 0..3 {
            let reply = drive.execute(request(&[0x12, 0, 0, 0, 96, 0], DataPhase::In(96)));
            prop_assert!(reply.data.len() <= 96 && reply.transferred == reply.data.len());
        }
        if let Some(session) = drive.session.take() {
            session.abandon();
        }
    }

    /// Whatever stands at the address, opening ends with an error.
    #[test]
    fn noise_is_no_target(noise in proptest::collection::vec(any::<u8>(), 0..400), like_login in any::<bool>()) {
        let mut noise = noise;
        if like_login && noise.len() >= 8 {
            noise[0] = 0x23;
            noise[4..7].fill(0);
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("iscsi://{}/iqn.x:y/1", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(&noise));
        prop_assert!(IscsiDrive::open(&url).is_err());
        prop_assert!(server.join().is_ok());
    }
}
