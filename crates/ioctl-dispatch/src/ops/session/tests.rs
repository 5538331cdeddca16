use super::*;
use crate::device::Device;
use crate::effect::{Effect, Notification};
use crate::exclusive::Owner;
use crate::media::MediaState;
use crate::test_host::{Host, Reply};
use crate::{Handle, HandleId, Job};
use std::format;
use std::string::String;
use std::vec::Vec;

const DVD_START: u32 = 0x0033_5000;
const DVD_END: u32 = 0x0033_500C;
const AACS_START: u32 = 0x0033_50C8;
const AACS_END: u32 = 0x0033_50CC;

const GRANT_0: &str = "00 06 00 00 00 00 00 00";

/// Start code, end code, key class in hex.
const CLASSES: [(u32, u32, &str, AgidClass); 2] =
    [(DVD_START, DVD_END, "00", AgidClass::Css), (AACS_START, AACS_END, "02", AgidClass::Aacs)];

fn host() -> Host {
    let mut host = Host::mmc();
    host.dispatcher.device.is_dvd = true;
    host.dispatcher.device.is_aacs = true;
    host
}

fn as_handle(host: &mut Host, id: u64) {
    host.handle = Some(Handle::new(HandleId(id)));
}

fn ask_cdb(class: &str) -> String {
    format!("A4 00 00 00 00 00 00 {class} 00 08 00 00")
}

fn end_cdb(class: &str, agid: u8) -> String {
    format!("A3 00 00 00 00 00 00 {class} 00 00 {:02X} 00", (agid << 6) | 0x3F)
}

fn granted(agid: u8) -> Reply {
    Reply::bytes(&[0, 6, 0, 0, 0, 0, 0, agid << 6])
}

fn grant(class: AgidClass, agid: u8) -> Grant {
    Grant::new(class, Agid::from_session(agid.into()))
}

/// Starts a session that the drive grants.
fn hold(host: &mut Host, class: AgidClass, agid: u8) {
    let (code, _, class, _) = CLASSES[usize::from(class == AgidClass::Aacs)];
    host.on(&ask_cdb(class), granted(agid));
    assert_eq!(host.control(code, "", 4).end(), (NtStatus::SUCCESS, 4));
}

fn held(device: &Device) -> Vec<Grant> {
    Grant::ALL.into_iter().filter(|grant| device.agids.is_held(*grant)).collect()
}

/// The published page: no input, the AGID as a DVD_SESSION_ID, Information = its size, SUCCESS or
/// INSUFFICIENT_RESOURCES.
#[test]
fn owner_page_dvd_start_session_gives_the_agid() {
    for (code, _, class, _) in CLASSES {
        for agid in 0..4 {
            let mut host = host();
            host.on(&ask_cdb(class), granted(agid));
            let answer = host.control(code, "", 4);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, 4));
            assert_eq!(answer.output, [agid, 0, 0, 0]);
            assert_eq!((answer.commands[0].length, answer.commands[0].timeout_s), (8, 10));
        }
    }
}

#[test]
fn owner_page_dvd_start_session_without_an_agid_left_is_insufficient_resources() {
    for (code, _, class, _) in CLASSES {
        let mut host = host();
        for ascq in [0, 1, 0xFF] {
            host.on(&ask_cdb(class), Reply::sense(5, 0x55, ascq));
            assert_eq!(host.control(code, "", 4).end(), (NtStatus::INSUFFICIENT_RESOURCES, 0));
        }
        for (class, agid) in [(AgidClass::Css, 0), (AgidClass::Aacs, 1), (AgidClass::Css, 2)] {
            hold(&mut host, class, agid);
        }
        host.on(&ask_cdb(class), Reply::sense(5, 0x24, 0));
        assert_eq!(host.control(code, "", 4).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0), "one may be left");
        hold(&mut host, AgidClass::Aacs, 3);
        for (asc, ascq) in [(0x24, 0), (0x20, 0), (0x6F, 1)] {
            host.on(&ask_cdb(class), Reply::sense(5, asc, ascq));
            assert_eq!(host.control(code, "", 4).end(), (NtStatus::INSUFFICIENT_RESOURCES, 0));
        }
        host.on(&ask_cdb(class), Reply::sense(2, 0x3A, 0));
        assert_eq!(host.control(code, "", 4).end(), (NtStatus::NO_MEDIA_IN_DEVICE, 0));
    }
}

/// A handle holds AGIDs of both classes and is closed while the drive refuses to take them back.
fn host_with_orphans() -> Host {
    let mut host = host();
    hold(&mut host, AgidClass::Css, 0);
    hold(&mut host, AgidClass::Aacs, 1);
    host.on(&end_cdb("02", 1), Reply::sense(5, 0x2C, 9)).on(&end_cdb("00", 0), Reply::sense(3, 0x11, 0));
    // The first answer means that there is nothing to give back; hold it again to have two orphans.
    host.run(Job::Cleanup);
    hold(&mut host, AgidClass::Aacs, 1);
    host.on(&end_cdb("02", 1), Reply::sense(3, 0x11, 0));
    host.run(Job::Cleanup);
    assert_eq!(held(&host.dispatcher.device), [grant(AgidClass::Aacs, 1), grant(AgidClass::Css, 0)]);
    as_handle(&mut host, 2);
    host
}

#[test]
fn owner_page_dvd_start_session_first_releases_what_closed_handles_left() {
    for (code, _, class, kind) in CLASSES {
        let mut host = host_with_orphans();
        host.on(&ask_cdb(class), Reply::sense(5, 0x55, 0));
        host.on(&end_cdb("02", 1), Reply::sense(4, 0x44, 0).cancelling());
        let cancelled = host.control(code, "", 4);
        assert_eq!((cancelled.end(), cancelled.commands.len()), ((NtStatus::CANCELLED, 0), 2));
        host.environment.cancelled = false;
        host.on(&ask_cdb(class), Reply::sense(5, 0x55, 0));
        host.on(&end_cdb("02", 1), Reply::sense(3, 0x11, 0)).on(&end_cdb("00", 0), Reply::good());
        host.on(&ask_cdb(class), granted(3));
        let answer = host.control(code, "", 4);
        assert_eq!((answer.end(), &answer.output[..]), ((NtStatus::SUCCESS, 4), &[3, 0, 0, 0][..]));
        let mut left = Vec::from([grant(AgidClass::Aacs, 1), grant(kind, 3)]);
        left.sort_by_key(|left| Grant::ALL.iter().position(|grant| grant == left));
        assert_eq!(held(&host.dispatcher.device), left, "an error leaves the orphan for the next time");
    }
}

#[test]
fn owner_page_dvd_start_session_tries_once_more_only() {
    for (second, status) in [
        (Reply::sense(5, 0x55, 0), NtStatus::INSUFFICIENT_RESOURCES),
        (Reply::sense(5, 0x24, 0), NtStatus::INSUFFICIENT_RESOURCES),
        (Reply::sense(2, 0x3A, 0), NtStatus::NO_MEDIA_IN_DEVICE),
        (Reply::data("00 06 00"), NtStatus::IO_DEVICE_ERROR),
    ] {
        let mut host = host_with_orphans();
        host.on(&ask_cdb("00"), Reply::sense(5, 0x55, 0));
        host.on(&end_cdb("02", 1), Reply::good()).on(&end_cdb("00", 0), Reply::good());
        host.on(&ask_cdb("00"), second);
        assert_eq!(host.control(DVD_START, "", 4).end(), (status, 0));
        assert_eq!(held(&host.dispatcher.device), []);
    }
}

#[test]
fn start_checks() {
    for (code, in_drive_of, most) in [(DVD_START, "dvd", 0xFFFF_u32), (AACS_START, "aacs", 4)] {
        for (output, expected) in [
            (0, (NtStatus::BUFFER_TOO_SMALL, 4)),
            (3, (NtStatus::BUFFER_TOO_SMALL, 4)),
            (4, (NtStatus::SUCCESS, 4)),
            (5, if most > 4 { (NtStatus::SUCCESS, 4) } else { (NtStatus::INVALID_BUFFER_SIZE, 0) }),
        ] {
            for input in ["", "FF FF FF FF FF"] {
                let mut host = host();
                if expected.0.is_success() {
                    let class = if code == DVD_START { "00" } else { "02" };
                    host.on(&ask_cdb(class), Reply::data(GRANT_0));
                }
                assert_eq!(host.control(code, input, output).end(), expected, "{code:#x} {output}");
            }
        }
        let mut other = host();
        other.dispatcher.device.is_dvd = in_drive_of != "dvd";
        other.dispatcher.device.is_aacs = in_drive_of != "aacs";
        assert_eq!(other.control(code, "", 4).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }
}

#[test]
fn short_and_lying_grants_are_errors() {
    for (code, _, class, _) in CLASSES {
        for (reply, expected) in [
            (Reply::good(), NtStatus::IO_DEVICE_ERROR),
            (Reply::data("00 06 00 00 00 00 00"), NtStatus::IO_DEVICE_ERROR),
            (Reply::data("00 05 00 00 00 00 00 40"), NtStatus::IO_DEVICE_ERROR),
            (Reply::data("00 00 00 00 00 00 00 40"), NtStatus::IO_DEVICE_ERROR),
            (Reply::data("FF FF 00 00 00 00 00 40"), NtStatus::SUCCESS),
            (Reply::data(GRANT_0).claiming(u32::MAX), NtStatus::SUCCESS),
            (Reply::port(NtStatus::DATA_OVERRUN), NtStatus::DATA_OVERRUN),
            (Reply::port(NtStatus::DATA_OVERRUN).with_data("00 06 00 00 00 00 00"), NtStatus::DATA_OVERRUN),
            (Reply::port(NtStatus::DATA_OVERRUN).with_data(GRANT_0), NtStatus::SUCCESS),
        ] {
            let mut host = host();
            host.on(&ask_cdb(class), reply.clone());
            let information = if expected.is_success() { 4 } else { 0 };
            assert_eq!(host.control(code, "", 4).end(), (expected, information), "{reply:?}");
        }
    }
}

#[test]
fn end_checks() {
    for (code, exact) in [(DVD_END, false), (AACS_END, true)] {
        let too_small = (NtStatus::BUFFER_TOO_SMALL, 0);
        let invalid = (NtStatus::INVALID_PARAMETER, 0);
        for (input, expected) in [
            ("", too_small),
            ("00 00 00", invalid),
            ("04 00 00 00", invalid),
            ("05 00 00 00", invalid),
            ("00 01 00 00", invalid),
            ("FE FF FF FF", invalid),
        ] {
            assert_eq!(host().control(code, input, 0).end(), expected, "{input}");
        }
        let mut host = host();
        if exact {
            assert_eq!(host.control(code, "01 00 00 00 00", 0).end(), invalid);
        } else {
            host.on(&end_cdb("00", 1), Reply::good());
            assert_eq!(host.control(code, "01 00 00 00 00", 64).end(), (NtStatus::SUCCESS, 0));
        }
        host.dispatcher.device.is_dvd = exact;
        host.dispatcher.device.is_aacs = !exact;
        assert_eq!(host.control(code, "", 0).end(), too_small);
        if !exact {
            // A drive that reads no DVDs is left to refuse it itself.
            host.on(&end_cdb("00", 1), Reply::sense(5, 0x20, 0));
        }
        assert_eq!(host.control(code, "01 00 00 00", 0).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }
}

#[test]
fn one_session_is_ended_whoever_has_it() {
    for (_, code, class, kind) in CLASSES {
        for agid in 0..4_u8 {
            let mut host = host();
            hold(&mut host, kind, agid);
            as_handle(&mut host, 2);
            for (reply, status) in [
                (Reply::sense(5, 0x24, 0), NtStatus::INVALID_DEVICE_REQUEST),
                (Reply::sense(5, 0x6F, 2), NtStatus::CSS_KEY_NOT_ESTABLISHED),
                (Reply::sense(2, 0x3A, 0), NtStatus::NO_MEDIA_IN_DEVICE),
                (Reply::good(), NtStatus::SUCCESS),
            ] {
                host.on(&end_cdb(class, agid), reply);
                let answer = host.control(code, &format!("{agid:02X} 00 00 00"), 0);
                assert_eq!(answer.end(), (status, 0));
                assert_eq!((answer.commands[0].length, answer.commands[0].direction), (0, scsi_cdb::Direction::None));
            }
            assert_eq!(held(&host.dispatcher.device), []);
        }
    }
}

#[test]
fn dvd_end_all_tries_every_agid_and_tells_the_first_failure() {
    let mut host = host();
    hold(&mut host, AgidClass::Css, 0);
    hold(&mut host, AgidClass::Css, 3);
    hold(&mut host, AgidClass::Aacs, 3);
    host.on(&end_cdb("00", 0), Reply::good());
    host.on(&end_cdb("00", 1), Reply::sense(5, 0x6F, 1));
    host.on(&end_cdb("00", 2), Reply::sense(2, 0x3A, 0));
    host.on(&end_cdb("00", 3), Reply::good());
    assert_eq!(host.control(DVD_END, "FF FF FF FF", 0).end(), (NtStatus::CSS_KEY_NOT_PRESENT, 0));
    assert_eq!(held(&host.dispatcher.device), [grant(AgidClass::Aacs, 3)]);
    for agid in 0..4 {
        host.on(&end_cdb("00", agid), Reply::good());
    }
    assert_eq!(host.control(DVD_END, "FF FF FF FF", 0).end(), (NtStatus::SUCCESS, 0));
}

/// The published page: DVD_END_ALL_SESSIONS releases the AGIDs of both AACS and CSS; no output.
#[test]
fn owner_page_aacs_end_session_ends_aacs_and_css() {
    let mut host = host();
    for (class, agid) in [(AgidClass::Css, 0), (AgidClass::Css, 1), (AgidClass::Aacs, 2)] {
        hold(&mut host, class, agid);
    }
    for class in ["02", "00"] {
        for agid in 0..4 {
            host.on(&end_cdb(class, agid), Reply::good());
        }
    }
    assert_eq!(host.control(AACS_END, "FF FF FF FF", 0).end(), (NtStatus::SUCCESS, 0));
    assert_eq!(held(&host.dispatcher.device), []);
}

#[test]
fn owner_page_aacs_end_session_leaves_css_alone_without_a_dvd_drive() {
    let mut host = host();
    host.dispatcher.device.is_dvd = false;
    for agid in 0..4 {
        host.on(&end_cdb("02", agid), Reply::good());
    }
    assert_eq!(host.control(AACS_END, "FF FF FF FF", 0).end(), (NtStatus::SUCCESS, 0));
}

#[test]
fn owner_page_aacs_end_session_tells_the_first_real_failure_of_the_aacs_pass() {
    let ok = NtStatus::SUCCESS;
    for (aacs, css, status) in [
        // What the drive says of AGIDs that nobody holds is no failure.
        ([Reply::sense(5, 0x24, 0), Reply::sense(5, 0x2C, 0), Reply::sense(5, 0x6F, 2)], Reply::good(), ok),
        ([Reply::sense(3, 0x6F, 9), Reply::good(), Reply::good()], Reply::good(), ok),
        // Other failures are, and do not keep the others from being tried.
        ([Reply::sense(5, 0x20, 0), Reply::good(), Reply::good()], Reply::good(), NtStatus::INVALID_DEVICE_REQUEST),
        (
            [Reply::good(), Reply::sense(2, 0x3A, 0), Reply::sense(5, 0x20, 0)],
            Reply::good(),
            NtStatus::NO_MEDIA_IN_DEVICE,
        ),
        ([Reply::good(), Reply::good(), Reply::sense(2, 0x3A, 0)], Reply::good(), NtStatus::NO_MEDIA_IN_DEVICE),
        // Failures of the CSS pass are of no interest.
        ([Reply::good(), Reply::good(), Reply::good()], Reply::sense(2, 0x3A, 0), ok),
    ] {
        let mut host = host();
        for (agid, reply) in [0, 1, 3].into_iter().zip(aacs) {
            host.on(&end_cdb("02", agid), reply);
            if agid == 1 {
                host.on(&end_cdb("02", 2), Reply::good());
            }
        }
        for agid in 0..4 {
            host.on(&end_cdb("00", agid), css.clone());
        }
        assert_eq!(host.control(AACS_END, "FF FF FF FF", 0).end(), (status, 0));
    }
}

#[test]
fn owner_page_aacs_end_session_fails_if_the_drive_denies_a_session_that_is_held() {
    let mut host = host();
    hold(&mut host, AgidClass::Aacs, 1);
    for agid in 0..4 {
        host.on(&end_cdb("02", agid), Reply::sense(5, 0x6F, 2));
    }
    for agid in 0..4 {
        host.on(&end_cdb("00", agid), Reply::good());
    }
    assert_eq!(host.control(AACS_END, "FF FF FF FF", 0).end(), (NtStatus::CSS_KEY_NOT_ESTABLISHED, 0));
    assert_eq!(held(&host.dispatcher.device), []);
}

#[test]
fn ending_all_can_be_cancelled_between_commands() {
    let mut host = host();
    host.on(&end_cdb("02", 0), Reply::good()).on(&end_cdb("02", 1), Reply::good().cancelling());
    let answer = host.control(AACS_END, "FF FF FF FF", 0);
    assert_eq!((answer.end(), answer.commands.len()), ((NtStatus::CANCELLED, 0), 2));
}

#[test]
fn a_closed_handle_gives_its_agids_back() {
    let mut host = host();
    hold(&mut host, AgidClass::Css, 3);
    hold(&mut host, AgidClass::Aacs, 1);
    as_handle(&mut host, 2);
    hold(&mut host, AgidClass::Css, 0);
    as_handle(&mut host, 1);
    host.environment.cancelled = true;
    host.on(&end_cdb("02", 1), Reply::good()).on(&end_cdb("00", 3), Reply::sense(5, 0x6F, 2));
    assert_eq!(host.run(Job::Cleanup).end(), (NtStatus::SUCCESS, 0));
    assert_eq!(held(&host.dispatcher.device), [grant(AgidClass::Css, 0)]);
    assert!(host.run(Job::Cleanup).commands.is_empty());
}

#[test]
fn sessions_of_kernel_callers_outlive_handles() {
    let mut host = host();
    let handle = host.handle.take();
    hold(&mut host, AgidClass::Css, 0);
    host.handle = handle;
    assert!(host.run(Job::Cleanup).commands.is_empty());
    assert_eq!(held(&host.dispatcher.device), [grant(AgidClass::Css, 0)]);
    host.handle = None;
    assert_eq!(host.run(Job::Cleanup).end(), (NtStatus::SUCCESS, 0));
}

#[test]
fn another_medium_ends_all_sessions() {
    let mut host = host();
    hold(&mut host, AgidClass::Css, 0);
    host.environment.mounted = true;
    host.on(&ask_cdb("00"), Reply::sense(6, 0x28, 0));
    assert_eq!(host.control(DVD_START, "", 4).end(), (NtStatus::VERIFY_REQUIRED, 0));
    assert_eq!(held(&host.dispatcher.device), []);
}

#[test]
fn a_device_that_is_gone_gets_no_command_from_clean_up() {
    let mut host = host();
    hold(&mut host, AgidClass::Css, 0);
    host.handle.as_mut().unwrap().secure_locks = 1;
    host.dispatcher.device.removal.secure = 1;
    host.dispatcher.device.surprise_removal();
    let answer = host.run(Job::Cleanup);
    assert_eq!((answer.end(), answer.commands.len()), ((NtStatus::SUCCESS, 0), 0));
    assert_eq!(host.handle.unwrap().secure_locks, 0);
}

#[test]
fn clean_up_undoes_what_the_handle_did_in_order() {
    for allow in [Reply::good(), Reply::port(NtStatus::INSUFFICIENT_RESOURCES)] {
        let mut host = host();
        hold(&mut host, AgidClass::Aacs, 0);
        let handle = host.handle.as_mut().unwrap();
        (handle.secure_locks, handle.mcn_disables) = (2, 3);
        (handle.streaming_read, handle.streaming_write) = (true, true);
        let device = &mut host.dispatcher.device;
        device.removal.secure = 2;
        device.exclusive = Some(Owner { handle: HandleId(1), name: [0; 64] });
        let media = &mut device.media;
        (media.enabled, media.disables) = (true, 3);
        (media.known, media.reported) = (MediaState::Present, MediaState::NotPresent);
        host.on("1E 00 00 00 00 00", allow).on(&end_cdb("02", 0), Reply::good());
        let answer = host.run(Job::Cleanup);
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 0));
        let media = &host.dispatcher.device.media;
        assert_eq!((media.disables, media.reported), (0, MediaState::Present));
        assert_eq!(answer.effects.last(), Some(&Effect::Notify(Notification::ExclusiveUnlock)));
        assert_eq!(host.handle, Some(Handle::new(HandleId(1))));
        assert!(host.dispatcher.device.exclusive.is_none() && !host.dispatcher.device.removal.is_locked());
    }
}

#[test]
fn clean_up_leaves_other_handles_alone() {
    let mut host = host();
    let handle = host.handle.as_mut().unwrap();
    (handle.secure_locks, handle.mcn_disables) = (1, 1);
    let device = &mut host.dispatcher.device;
    device.removal.secure = 2;
    device.exclusive = Some(Owner { handle: HandleId(2), name: [0; 64] });
    (device.media.enabled, device.media.disables) = (true, 2);
    device.media.known = MediaState::Present;
    let answer = host.run(Job::Cleanup);
    assert!(answer.commands.is_empty() && answer.effects.is_empty());
    let device = &host.dispatcher.device;
    assert_eq!((device.removal.secure, device.media.disables), (1, 1));
    assert_eq!(device.media.reported, MediaState::Unknown);
    assert!(device.exclusive.is_some());
}

#[test]
fn a_signal_that_the_handle_had_switched_off_is_followed_after_clean_up() {
    let mut host = host();
    host.handle.as_mut().unwrap().mcn_disables = 1;
    let device = &mut host.dispatcher.device;
    device.initialized = true;
    (device.media.enabled, device.media.disables) = (true, 1);
    (device.polling.asynchronous, device.polling.signal_pending) = (true, true);
    assert_eq!(host.run(Job::Cleanup).effects, [Effect::Poll]);
}

#[test]
fn a_lock_that_was_lost_and_given_back_is_not_renewed() {
    let mut host = host();
    host.handle.as_mut().unwrap().secure_locks = 1;
    host.dispatcher.device.removal.secure = 1;
    host.dispatcher.device.drive_was_reset();
    host.on("1E 00 00 00 00 00", Reply::good());
    assert_eq!(host.run(Job::Cleanup).end(), (NtStatus::SUCCESS, 0));
    host.on("00 00 00 00 00 00", Reply::good());
    assert_eq!(host.control(0x002D_4800, "", 0).end(), (NtStatus::SUCCESS, 0));
}
