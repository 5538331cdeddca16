//! StorageDeviceWriteCacheProperty: what the drive says of its write cache (storage-media-change.md 11.3).

use scsi_cdb::bytes::{bit, u8_at};
use scsi_cdb::mode::{CachingPage, HeaderForm, ModePage, ModeParameters, ModeSense6, PageControl};
use scsi_cdb::read_write::SynchronizeCache10;

use super::HEADER_LENGTH;
use crate::ntstatus::NtStatus;
use crate::ops::{CommandResult, Context, Next};
use crate::step::ScsiCommand;

/// Bytes of `STORAGE_WRITE_CACHE_PROPERTY`, its Version and its Size.
const LENGTH: u32 = 28;

/// Room for the answer of MODE SENSE (6).
const ALLOCATION: u8 = 192;

/// SYNCHRONIZE CACHE may take the default time-out that many times.
const FLUSH_FACTOR: u32 = 4;

/// Bytes of the header of mode parameters. An answer without it is asked for once more.
const PARAMETER_HEADER: u32 = 4;

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// SYNCHRONIZE CACHE: whether it is known.
    Flush,
    /// The caching page in force.
    Current(Attempt),
    /// Which of its bits can be changed.
    Changeable(Attempt),
}

/// How often MODE SENSE has been answered without a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Not yet.
    First,
    /// Once; whether the bytes that came had the DPOFUA bit.
    Second {
        /// They had.
        dpo_fua: bool,
    },
}

/// Flushes, because only the drive's answer tells whether it can be flushed.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    let room = context.output().len();
    if room < HEADER_LENGTH {
        return Next::fail(NtStatus::INFO_LENGTH_MISMATCH);
    }
    context.clear_output(room);
    context.write(0, &LENGTH.to_le_bytes());
    context.write(4, &LENGTH.to_le_bytes());
    if context.request.output_length < LENGTH {
        return Next::success(HEADER_LENGTH);
    }
    let flush = ScsiCommand::new(&SynchronizeCache10 { immediate: false, lba: 0, blocks: 0 });
    send(flush.timeout(context.device.capped_timeout(FLUSH_FACTOR)), State::Flush)
}

/// Notes what an answer tells and asks for the next. A refused MODE SENSE tells nothing, which is no failure.
pub fn resume(state: State, result: CommandResult, context: &mut Context<'_, '_>) -> Next {
    let success = result.status.is_success();
    let answer = context.buffers.answer(if success { result.transferred } else { 0 });
    let dpo_fua = u8_at(answer, 2).is_ok_and(|byte| bit(byte, 4));
    let enabled = write_cache_enable(answer);
    let headless = success && result.transferred < PARAMETER_HEADER;
    match state {
        State::Flush => {
            context.write(24, &[u8::from(success)]);
            sense(PageControl::CURRENT, State::Current(Attempt::First))
        }
        State::Current(Attempt::First) if headless => {
            sense(PageControl::CURRENT, State::Current(Attempt::Second { dpo_fua }))
        }
        State::Current(_) if headless => Next::fail(NtStatus::IO_DEVICE_ERROR),
        State::Current(attempt) => {
            let before = matches!(attempt, Attempt::Second { dpo_fua: true });
            let write_through = if success { dpo_fua } else { before };
            // WRITE_CACHE_TYPE: 2 write-back, 0 unknown.
            context.write(8, &[if enabled == Some(true) { 2 } else { 0 }]);
            context.write(12, &[graded(enabled)]);
            context.write(20, &[graded(Some(write_through))]);
            sense(PageControl::CHANGEABLE, State::Changeable(Attempt::First))
        }
        State::Changeable(Attempt::First) if headless => {
            sense(PageControl::CHANGEABLE, State::Changeable(Attempt::Second { dpo_fua }))
        }
        State::Changeable(_) => {
            context.write(16, &[graded(enabled)]);
            Next::success(usize::try_from(LENGTH).unwrap_or(0))
        }
    }
}

fn send(command: ScsiCommand, state: State) -> Next {
    Next::send(command, super::State::WriteCache(state))
}

fn sense(page_control: PageControl, state: State) -> Next {
    let command = ModeSense6 {
        disable_block_descriptors: false,
        page_control,
        page: CachingPage::CODE,
        subpage: 0,
        allocation_length: ALLOCATION,
    };
    send(ScsiCommand::new(&command), state)
}

/// WRITE_CACHE_ENABLE, WRITE_CACHE_CHANGE and WRITE_THROUGH alike: 0 unknown, 1 no, 2 yes.
const fn graded(answer: Option<bool>) -> u8 {
    match answer {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }
}

/// The WCE bit of the caching page. A page of which more than two bytes are missing is not there, nor is one without
/// the bit.
fn write_cache_enable(answer: &[u8]) -> Option<bool> {
    let parameters = ModeParameters::parse(HeaderForm::Six, answer).ok()?;
    let page = parameters.pages.find_raw(CachingPage::CODE)?;
    let nearly_whole = page.bytes.len().saturating_add(2) >= page.claimed_length;
    u8_at(page.bytes, 2).ok().filter(|_| nearly_whole).map(|byte| bit(byte, 2))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{host, query};
    use super::*;
    use crate::test_host::{Answer, Reply, hex};
    use proptest::prelude::*;

    const WRITE_CACHE: u32 = 4;
    const FLUSH: &str = "35 00 00 00 00 00 00 00 00 00";
    const CURRENT: &str = "1A 00 08 00 C0 00";
    const CHANGEABLE: &str = "1A 00 48 00 C0 00";

    fn ask(flush: Reply, current: Reply, changeable: Reply) -> Answer {
        let mut host = host();
        host.on(FLUSH, flush).on(CURRENT, current).on(CHANGEABLE, changeable);
        query(&mut host, WRITE_CACHE, 0, 28)
    }

    /// Type, enabled, changeable, write-through, flush.
    fn parts(answer: &Answer) -> [u8; 5] {
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 28));
        [8, 12, 16, 20, 24].map(|offset| answer.output[offset])
    }

    fn refused() -> Reply {
        Reply::sense(5, 0x24, 0)
    }

    #[test]
    fn golden_answer() {
        let answer = ask(
            Reply::good(),
            Reply::data("0F 00 10 00 08 0A 04 00 00 00 00 00 00 00 00 00"),
            Reply::data("0F 00 10 00 08 0A 04 00 00 00 00 00 00 00 00 00"),
        );
        assert_eq!(answer.output, hex("1C000000 1C000000 02000000 02000000 02000000 02000000 01 00 00 00"));
        let times: std::vec::Vec<_> = answer.commands.iter().map(|sent| (sent.length, sent.timeout_s)).collect();
        assert_eq!(times, [(0, 40), (192, 10), (192, 10)]);
    }

    #[test]
    fn the_three_bits() {
        let page = |first: u8, wce: u8| Reply::bytes(&[0x0F, 0, first, 0, 8, 10, wce, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for (flush, current, changeable, expected) in [
            (Reply::good(), page(0x10, 4), page(0, 4), [2, 2, 2, 2, 1]),
            (Reply::good(), page(0, 0), page(0, 0), [0, 1, 1, 1, 1]),
            (refused(), page(0x80, 0xFB), page(0, 4), [0, 1, 2, 1, 0]),
            (refused(), refused(), refused(), [0, 0, 0, 1, 0]),
        ] {
            assert_eq!(parts(&ask(flush, current, changeable)), expected);
        }
    }

    #[test]
    fn a_page_that_is_cut_or_hidden() {
        for (text, enabled) in [
            ("0F 00 00 00 08 0A 04 00 00 00 00 00 00 00 00 00", 2),
            // The answer's own length leaves two bytes out, then three.
            ("0D 00 00 00 08 0A 04 00 00 00 00 00 00 00 00 00", 2),
            ("0C 00 00 00 08 0A 04 00 00 00 00 00 00 00 00 00", 0),
            ("0F 00 00 00 08 0A 04 00 00 00 00 00 00 00", 2),
            ("0F 00 00 00 08 0A 04 00 00 00 00 00 00", 0),
            // After a block descriptor, and after another page.
            ("17 00 00 08 00 00 00 00 00 00 08 00 08 0A 04 00 00 00 00 00 00 00 00 00", 2),
            ("13 00 00 00 01 02 00 00 08 0A 04 00 00 00 00 00 00 00 00 00", 2),
            ("13 00 00 00 01 F0 00 00 08 0A 04 00 00 00 00 00 00 00 00 00", 0),
            ("FF 00 00 FF 08 0A 04 00 00 00 00 00 00 00 00 00", 0),
            ("00 00 00 00 08 0A 04 00 00 00 00 00 00 00 00 00", 0),
            ("0F 00 10 00", 0),
            // Just long enough for the bit, and one byte shorter.
            ("06 00 00 00 08 01 04", 2),
            ("05 00 00 00 08 00", 0),
        ] {
            let answer = ask(Reply::good(), Reply::data(text), refused());
            assert_eq!(parts(&answer)[1], enabled, "{text}");
        }
    }

    #[test]
    fn an_answer_without_a_header_is_asked_for_once_more() {
        let page = Reply::data("0F 00 10 00 08 0A 04 00 00 00 00 00 00 00 00 00");
        for (first, second, expected) in [
            ("", page.clone(), Some([2, 2, 0, 2, 1])),
            ("0F 00 10", page, Some([2, 2, 0, 2, 1])),
            ("0F 00 10", refused(), Some([0, 0, 0, 2, 1])),
            ("0F 00", refused(), Some([0, 0, 0, 1, 1])),
            ("0F 00", Reply::data("0F 00 10"), None),
            ("", Reply::good(), None),
        ] {
            let mut host = host();
            host.on(FLUSH, Reply::good()).on(CURRENT, Reply::data(first)).on(CURRENT, second);
            if expected.is_some() {
                host.on(CHANGEABLE, Reply::good()).on(CHANGEABLE, Reply::data("0F"));
            }
            let answer = query(&mut host, WRITE_CACHE, 0, 28);
            match expected {
                Some(expected) => assert_eq!(parts(&answer), expected, "{first}"),
                None => assert_eq!(answer.end(), (NtStatus::IO_DEVICE_ERROR, 0)),
            }
        }
    }

    #[test]
    fn an_over_run_is_an_answer() {
        let over_run = Reply::port(NtStatus::DATA_OVERRUN).with_data("0F 00 00 00 08 0A 04 00 00 00 00 00 00 00 00 00");
        assert_eq!(parts(&ask(Reply::good(), over_run, refused())), [2, 2, 0, 1, 1]);
    }

    #[test]
    fn room_for_the_header_or_all() {
        for (output, end) in [
            (0, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
            (7, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
            (8, (NtStatus::SUCCESS, 8)),
            (27, (NtStatus::SUCCESS, 8)),
        ] {
            let answer = query(&mut host(), WRITE_CACHE, 0, output);
            assert_eq!((answer.end(), answer.commands.len()), (end, 0), "{output}");
            if end.1 == 8 {
                assert_eq!(answer.output, hex("1C000000 1C000000"));
                assert!(answer.whole_output[8..].iter().all(|byte| *byte == 0));
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_the_drive_says(
            current in prop::collection::vec(any::<u8>(), 0..256),
            changeable in prop::collection::vec(any::<u8>(), 4..256),
            claim in 4_u32..,
        ) {
            let answer = ask(Reply::good(), Reply::bytes(&current).claiming(claim), Reply::bytes(&changeable));
            let [kind, enabled, change, through, flush] = parts(&answer);
            prop_assert_eq!(kind, if enabled == 2 { 2 } else { 0 });
            prop_assert!(enabled <= 2 && change <= 2 && matches!(through, 1 | 2) && flush == 1);
        }
    }
}
