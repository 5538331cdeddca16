//! Audio volume in mode page 0Eh (ioctl-cdrom-disk.md, IOCTL_CDROM_GET_VOLUME and IOCTL_CDROM_SET_VOLUME).

use scsi_cdb::bytes::{array_at, be16_at, bits, put, u8_at};
use scsi_cdb::mode::{AudioControlPage, HeaderForm, ModePage, ModeSelect10, ModeSense10, PageControl};

use super::{Context, Input, Next};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// Room for the answer to MODE SENSE: header, two block descriptors and the page, and as much again.
const SENSE_LENGTH: u16 = 64;

/// Header and page of MODE SELECT.
const SELECT_LENGTH: u16 = 24;

/// Bit IMMED of page byte 2: PLAY AUDIO answers when play has started.
const IMMEDIATE: u8 = 0x04;

type Page = [u8; AudioControlPage::LENGTH];

/// What the command in hand is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The volume for the caller.
    Get,
    /// The page that the caller's volume goes into.
    Sense,
    /// The page's way back.
    Select,
}

/// Asks for the page.
pub fn start(operation: Operation, _context: &mut Context<'_, '_>) -> Next {
    let sense = ModeSense10 {
        disable_block_descriptors: false,
        page_control: PageControl::CURRENT,
        page: AudioControlPage::CODE,
        subpage: 0,
        allocation_length: SENSE_LENGTH,
    };
    let state = if operation == Operation::SetVolume { State::Sense } else { State::Get };
    Next::send(ScsiCommand::new(&sense), state)
}

/// Gives the volume, or sends it in the page that the drive gave.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    if !result.status.is_success() || state == State::Select {
        return Next::fail(result.status);
    }
    let Some(page) = find_page(context.buffers.answer(result.transferred)) else {
        return Next::fail(NtStatus::INVALID_DEVICE_REQUEST);
    };
    if state == State::Get {
        let [.., _, front_left, _, front_right, _, rear_left, _, rear_right] = page;
        return Next::success(context.write(0, &[front_left, front_right, rear_left, rear_right]));
    }
    context.put_parameters(&parameter_list(page, context.input_array()));
    let select = ModeSelect10 { page_format: true, save_pages: false, parameter_list_length: SELECT_LENGTH };
    Next::send(ScsiCommand::new(&select), State::Select)
}

/// The audio control page in an answer to MODE SENSE (10), as far as its bytes came and whatever lengths it claims.
///
/// The page code counts without the bits above it, and the walk takes every page for one with a 2-byte header: drives
/// that set the sub-page bit for nothing are found so.
fn find_page(answer: &[u8]) -> Option<Page> {
    let mut start = HeaderForm::Ten.length().checked_add(usize::from(be16_at(answer, 6).ok()?))?;
    loop {
        let code = bits(u8_at(answer, start).ok()?, 0, 6);
        let length = u8_at(answer, start.checked_add(1)?).ok()?;
        let end = start.checked_add(usize::from(length))?.checked_add(2)?;
        if code == AudioControlPage::CODE {
            return if end <= answer.len() { array_at(answer, start).ok() } else { None };
        }
        start = end;
    }
}

/// The data of MODE SELECT: a header of zeros, then the page with this volume.
fn parameter_list(page: Page, volume: [u8; 4]) -> [u8; 24] {
    let mut list = [0; 24];
    put(&mut list, 8, &page);
    put(&mut list, 8, &[AudioControlPage::CODE, 0x0E, IMMEDIATE]);
    for (level, offset) in volume.into_iter().zip((17_usize..).step_by(2)) {
        put(&mut list, offset, &[level]);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Host, Reply, hex};
    use scsi_cdb::Direction;
    use std::format;

    const GET: u32 = 0x0002_4014;
    const SET: u32 = 0x0002_4028;

    const SENSE: &str = "5A 00 0E 00 00 00 00 00 40 00";
    const SELECT: &str = "55 10 00 00 00 00 00 00 18 00";

    const HEADER: &str = "00 16 01 00 00 00 00 00";
    const PAGE: &str = "0E 0E 04 31 32 33 34 4B 01 C0 02 B0 04 A0 08 90";
    const LIST: &str = "00 00 00 00 00 00 00 00 0E 0E 04 31 32 33 34 4B 01 11 02 22 04 33 08 44";

    const NOT_FOUND: (NtStatus, u64) = (NtStatus::INVALID_DEVICE_REQUEST, 0);

    /// Both requests with this answer to MODE SENSE: they find the page or they do not.
    fn is_found(answer: &str) -> bool {
        let mut host = Host::default();
        let got = host.on(SENSE, Reply::data(answer)).control(GET, "", 4);
        host.on(SENSE, Reply::data(answer));
        if got.status == NtStatus::SUCCESS {
            assert_eq!((got.information, got.output), (4, hex("C0 B0 A0 90")));
            let set = host.on(SELECT, Reply::good()).control(SET, "11 22 33 44", 0);
            assert_eq!(set.end(), (NtStatus::SUCCESS, 0));
            assert_eq!(set.commands[1].data_out, hex(LIST));
            true
        } else {
            assert_eq!((got.end(), host.control(SET, "11 22 33 44", 0).end()), (NOT_FOUND, NOT_FOUND));
            false
        }
    }

    #[test]
    fn lengths_are_checked() {
        for length in 0..4 {
            let mut host = Host::default();
            assert_eq!(host.control(GET, "", length).end(), (NtStatus::BUFFER_TOO_SMALL, 4));
            let input = "01".repeat(usize::try_from(length).unwrap());
            assert_eq!(host.control(SET, &input, 0).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
        }
    }

    #[test]
    fn commands_and_their_data() {
        let mut host = Host::default();
        host.on(SENSE, Reply::data(&format!("{HEADER} {PAGE}"))).on(SELECT, Reply::good());
        let answer = host.control(SET, "11 22 33 44 55", 8);
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 0));
        let [sense, select] = &answer.commands[..] else { panic!() };
        assert_eq!((sense.direction, sense.length, sense.timeout_s), (Direction::In, 64, 10));
        assert_eq!((select.direction, select.length, select.timeout_s), (Direction::Out, 24, 10));
        assert_eq!(select.data_out, hex(LIST));
    }

    #[test]
    fn the_header_is_zero_and_the_page_is_the_drives_own() {
        assert!(is_found(&format!("00 16 01 80 00 00 00 00 {PAGE}")));
        assert!(is_found(&format!("00 1E 01 00 00 00 00 08 00 00 00 00 00 00 08 00 {PAGE}")), "a block descriptor");
        assert!(is_found(&format!("{HEADER} 8E {}", &PAGE[3..])), "the PS bit goes");
    }

    #[test]
    fn the_page_is_found_behind_descriptors_and_other_pages() {
        assert!(is_found(&format!("{HEADER} {PAGE}")));
        assert!(is_found(&format!("{HEADER} 0D 06 00 00 00 00 00 00 {PAGE}")));
        assert!(is_found(&format!("{HEADER} 01 00 {PAGE}")));
        assert!(is_found(&format!("00 00 00 00 00 00 00 00 {PAGE}")), "the length field is not believed");
        assert!(is_found(&format!("{HEADER} 4E {}", &PAGE[3..])), "nor the sub-page bit");
        assert!(is_found(&format!("{HEADER} {PAGE} 00 00 00")));
        assert!(!is_found(&format!("{HEADER} 0D 0E {}", &PAGE[6..])));
        assert!(!is_found(&"00".repeat(64)));
        assert!(!is_found(&"FF".repeat(64)));
    }

    #[test]
    fn the_block_descriptor_length_has_16_bits() {
        assert!(!is_found(&format!("01 2C 00 00 00 00 01 00 {PAGE}")));
        assert!(!is_found(&format!("01 2C 00 00 00 00 01 08 00 00 00 00 00 00 00 00 {PAGE}")));
    }

    #[test]
    fn an_incomplete_page_is_none() {
        let whole = hex(&format!("{HEADER} {PAGE}"));
        for length in 0..whole.len() {
            let text: std::string::String = whole[..length].iter().map(|byte| format!("{byte:02X}")).collect();
            assert!(!is_found(&text), "{length}");
        }
        assert!(is_found(&format!("{HEADER} 0E 00 {}", &PAGE[6..])), "its length may be too small");
        assert!(!is_found(&format!("{HEADER} 0E 0F {}", &PAGE[6..])), "but not reach past the answer");
        assert!(is_found(&format!("{HEADER} 0E 0F {} 00", &PAGE[6..])));
        assert!(!is_found(&format!("{HEADER} 0E 10 {}", &PAGE[6..])));
        assert!(!is_found(&format!("{HEADER} 0E FF {}", &PAGE[6..])));
    }

    #[test]
    fn failures_end_the_request() {
        for code in [GET, SET] {
            let mut host = Host::default();
            let answer = host.on(SENSE, Reply::sense(5, 0x24, 0)).control(code, "11 22 33 44", 4);
            assert_eq!(answer.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
        }
        let mut host = Host::default();
        host.on(SENSE, Reply::data(&format!("{HEADER} {PAGE}"))).on(SELECT, Reply::sense(5, 0x26, 0));
        assert_eq!(host.control(SET, "11 22 33 44", 0).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }

    #[test]
    fn an_over_run_of_the_page_is_an_answer() {
        let overrun = Reply::port(NtStatus::DATA_OVERRUN).with_data(&format!("{HEADER} {PAGE}"));
        let mut host = Host::default();
        assert_eq!(host.on(SENSE, overrun.clone()).control(GET, "", 4).end(), (NtStatus::SUCCESS, 4));
        host.on(SENSE, overrun).on(SELECT, Reply::good());
        assert_eq!(host.control(SET, "11 22 33 44", 0).end(), (NtStatus::SUCCESS, 0));
    }
}
