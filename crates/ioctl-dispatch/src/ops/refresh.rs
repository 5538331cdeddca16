//! The capability refresh: what the medium in the drive can do, and how fast (io-path-and-errors.md 15.4).

use scsi_cdb::bytes::{be16_at, be32_at};
use scsi_cdb::configuration::{Configuration, ConfigurationRequest, FeatureCode, GetConfiguration};
use scsi_cdb::mode::{HeaderForm, ModeParameters, ModeSense10, PageControl, RawPage};
use scsi_cdb::performance::{GetPerformance, Performance, PerformanceDataType, PerformanceType};

use super::{CommandResult, Context, Input, Next};
use crate::capability::{SLOWEST_RETRY, Update, retry_delay_of_profile, retry_delay_of_speed};
use crate::ntstatus::NtStatus;
use crate::port::SrbStatus;
use crate::step::ScsiCommand;
use crate::time::Ticks;

/// Time-out of GET CONFIGURATION in seconds.
pub const CONFIGURATION_TIMEOUT_S: u32 = 4;

/// Time-out of GET PERFORMANCE in seconds.
pub const PERFORMANCE_TIMEOUT_S: u32 = 20;

/// Most bytes that one GET CONFIGURATION asks for.
pub const CONFIGURATION_MOST: u32 = 0xFFFC;

/// Bytes of the header of GET CONFIGURATION.
const HEADER_LENGTH: u32 = 8;
const _: () = assert!(Configuration::HEADER_LENGTH == 8);

/// The CD/DVD capabilities and mechanical status page.
pub const CAPABILITIES_PAGE: u8 = 0x2A;

/// Most bytes asked for with the mode page.
const MODE_PAGE_MOST: u32 = 0xFFF0;

const DESCRIPTORS: u16 = 200;

/// Which answer is awaited; the shortest pause found so far, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The current features.
    Features,
    /// Mode page 2A.
    ModePage(Option<Ticks>),
    /// Nominal write performance.
    Nominal(Option<Ticks>),
    /// Write speeds.
    WriteSpeed(Option<Ticks>),
}

/// Starts a refresh; it ends in SUCCESS whatever the drive says.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    let capability = &mut context.device.capability;
    capability.update = Update::Started;
    capability.write_allowed = false;
    capability.streaming_read = false;
    capability.streaming_write = false;
    let length = capability.features_length.clamp(8, CONFIGURATION_MOST);
    Next::send_own(get_configuration(ConfigurationRequest::CURRENT, length, context), State::Features)
}

/// GET CONFIGURATION from the first feature on, as the driver sends it for itself.
#[must_use]
pub fn get_configuration(request: ConfigurationRequest, length: u32, context: &Context<'_, '_>) -> ScsiCommand {
    let length = length.min(context.buffers.scratch_length());
    ScsiCommand::new(&GetConfiguration {
        request,
        starting_feature: FeatureCode(0),
        allocation_length: u16::try_from(length).unwrap_or(u16::MAX),
    })
    .timeout(CONFIGURATION_TIMEOUT_S)
}

/// The driver's own GET CONFIGURATION counts an over-run as success: ATAPI ports report under-runs so.
#[must_use]
pub fn configuration_status(result: CommandResult) -> NtStatus {
    if result.srb == SrbStatus::DATA_OVERRUN { NtStatus::SUCCESS } else { result.status }
}

/// Takes an answer over and asks for the next.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    let brought = if result.status.is_success() { result.transferred } else { 0 };
    match state {
        State::Features => {
            // What did not come of the header was cleared: an answer of fewer bytes is one without features.
            let answer = context.buffers.answer(result.transferred.max(HEADER_LENGTH));
            let (true, Ok(configuration)) = (configuration_status(result).is_success(), Configuration::parse(answer))
            else {
                context.device.capability.require_update();
                return Next::success(0);
            };
            context.device.capability.take_over(&configuration);
            let fastest = retry_delay_of_profile(configuration.current_profile);
            let length = context.buffers.scratch_length().min(MODE_PAGE_MOST);
            Next::send_own(sense_capabilities(u16::try_from(length).unwrap_or(u16::MAX)), State::ModePage(fastest))
        }
        State::ModePage(fastest) => {
            let found = write_speed_of_page(context.buffers.answer(brought));
            Next::send_own(get_performance(PerformanceType::PERFORMANCE), State::Nominal(shorter(fastest, found)))
        }
        State::Nominal(fastest) => {
            let found = fastest_descriptor(context.buffers.answer(brought), true);
            Next::send_own(get_performance(PerformanceType::WRITE_SPEED), State::WriteSpeed(shorter(fastest, found)))
        }
        State::WriteSpeed(fastest) => {
            let found = fastest_descriptor(context.buffers.answer(brought), false);
            let capability = &mut context.device.capability;
            capability.transfer_retry_delay = shorter(fastest, found).unwrap_or(SLOWEST_RETRY);
            if capability.update == Update::Started {
                capability.update = Update::Complete;
            }
            Next::success(0)
        }
    }
}

fn shorter(one: Option<Ticks>, other: Option<Ticks>) -> Option<Ticks> {
    one.into_iter().chain(other).min()
}

/// MODE SENSE (10) for [`CAPABILITIES_PAGE`].
#[must_use]
pub fn sense_capabilities(allocation_length: u16) -> ScsiCommand {
    ScsiCommand::new(&ModeSense10 {
        disable_block_descriptors: true,
        page_control: PageControl::CURRENT,
        page: CAPABILITIES_PAGE,
        subpage: 0,
        allocation_length,
    })
}

/// [`CAPABILITIES_PAGE`] of an answer, if that is the first page in it: no other was asked for.
#[must_use]
pub fn capabilities_page<'a>(parameters: &ModeParameters<'a>) -> Option<RawPage<'a>> {
    parameters.pages.clone().next().filter(|page| page.code == CAPABILITIES_PAGE)
}

/// The pause by the maximum write speed (bytes 18-19) of a page 2A with at least 20 bytes.
fn write_speed_of_page(answer: &[u8]) -> Option<Ticks> {
    let parameters = ModeParameters::parse(HeaderForm::Ten, answer).ok()?;
    let page = capabilities_page(&parameters)?;
    retry_delay_of_speed(be16_at(page.bytes, 18).ok()?.into())
}

fn get_performance(kind: PerformanceType) -> ScsiCommand {
    let write = kind == PerformanceType::PERFORMANCE;
    let data_type = if write { PerformanceDataType::NOMINAL_WRITE } else { PerformanceDataType(0) };
    ScsiCommand::new(&GetPerformance { data_type, starting_lba: 0, max_descriptors: DESCRIPTORS, kind })
        .timeout(PERFORMANCE_TIMEOUT_S)
}

/// The pause by the fastest descriptor, whose speed is in bytes 12-15 of 16; a speed of 0 ends the list.
fn fastest_descriptor(answer: &[u8], write: bool) -> Option<Ticks> {
    let performance = Performance::parse(answer).ok()?;
    let header = performance.header;
    let claimed = header.data_length.checked_sub(4).filter(|length| *length != 0 && length.checked_rem(16) == Some(0));
    if header.except || header.write != write || claimed.is_none() {
        return None;
    }
    let speeds = performance.descriptors.chunks_exact(16).map_while(|descriptor| be32_at(descriptor, 12).ok());
    speeds.map_while(retry_delay_of_speed).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Host, Reply};
    use crate::{Device, Job};

    const FEATURES: &str = "46 01 00 00 00 00 00 00 28 00";
    const PAGE: &str = "5A 08 2A 00 00 00 00 FF F0 00";
    const NOMINAL: &str = "AC 14 00 00 00 00 00 00 00 C8 00 00";
    const WRITE_SPEED: &str = "AC 00 00 00 00 00 00 00 00 C8 03 00";
    const READY: &str = "00 00 00 00 00 00";

    /// A profile of CD-R, random writing and streaming; 40 bytes.
    const CURRENT: &str = "00 00 00 24 00 00 00 09 00 20 01 0C 00 00 08 00 00 01 00 00 00 00 00 00 \
                           01 07 01 04 01 00 00 00 01 06 01 04 00 00 00 01";

    fn illegal() -> Reply {
        Reply::sense(5, 0x24, 0)
    }

    fn host() -> Host {
        let mut host = Host::mmc();
        host.dispatcher.device.capability.features_length = 40;
        host.dispatcher.device.capability.require_update();
        host
    }

    /// Refreshes before a request with these answers; gives the device and the number of commands of the refresh.
    fn refreshed(answers: [Reply; 4]) -> (Device, usize) {
        let mut host = host();
        for (cdb, answer) in [FEATURES, PAGE, NOMINAL, WRITE_SPEED].into_iter().zip(answers) {
            host.on(cdb, answer);
        }
        let sent = host.on(READY, Reply::good()).control(0x002D_4800, "", 0).commands;
        assert_eq!(sent.iter().map(|command| command.timeout_s).collect::<std::vec::Vec<_>>(), [4, 10, 20, 20, 20]);
        (host.dispatcher.device.clone(), sent.len() - 1)
    }

    fn delay(answers: [Reply; 3]) -> Ticks {
        let [page, nominal, speed] = answers;
        refreshed([Reply::data(&CURRENT.replace(' ', "")), page, nominal, speed]).0.capability.transfer_retry_delay
    }

    #[test]
    fn the_medium_and_its_speeds_are_learned_before_the_request() {
        let (device, commands) = refreshed([Reply::data(&CURRENT.replace(' ', "")), illegal(), illegal(), illegal()]);
        let capability = device.capability;
        assert_eq!((commands, capability.update), (4, Update::Complete));
        assert!(
            capability.write_allowed && capability.streaming_read && capability.streaming_write && capability.is_css
        );
        assert_eq!((capability.schema, capability.transfer_retry_delay), (0x20, SLOWEST_RETRY));
    }

    #[test]
    fn a_refresh_that_fails_is_tried_again_with_the_next_request() {
        let mut host = host();
        host.dispatcher.device.capability.write_allowed = true;
        for _ in 0..2 {
            host.on(FEATURES, illegal()).on(READY, Reply::good());
            assert_eq!(host.control(0x002D_4800, "", 0).end(), (NtStatus::SUCCESS, 0));
        }
        assert!(!host.dispatcher.device.capability.write_allowed);
        host.environment.cancelled = true;
        assert_eq!(host.control(0x002D_4800, "", 0).status, NtStatus::CANCELLED);
        assert_eq!(host.dispatcher.device.capability.update, Update::Required);
    }

    #[test]
    fn an_answer_without_a_whole_header_is_one_without_features() {
        for answer in ["", "00 00 00 24", "00 00 00 24 00 00 00"] {
            let (device, commands) = refreshed([Reply::data(answer), illegal(), illegal(), illegal()]);
            let capability = device.capability;
            assert_eq!((commands, capability.update), (4, Update::Complete), "{answer}");
            assert!(!capability.write_allowed && !capability.is_css, "{answer}");
            assert_eq!(capability.transfer_retry_delay, SLOWEST_RETRY);
        }
    }

    #[test]
    fn only_the_first_page_of_the_answer_is_looked_at() {
        let page = std::format!("0026010000000000 0106000000000000 2A16 {} 1B90 {}", "00".repeat(16), "00".repeat(4));
        assert_eq!(delay([Reply::data(&page.replace(' ', "")), illegal(), illegal()]), SLOWEST_RETRY);
    }

    #[test]
    fn the_fastest_speed_decides_the_pause() {
        let page = |speed: u16| {
            let data = std::format!("001E010000000000 2A16 {} {speed:04X} {}", "00".repeat(16), "00".repeat(4));
            Reply::data(&data.replace(' ', ""))
        };
        let nominal = |speed: u32| Reply::data(&std::format!("0000001402000000{}{speed:08X}", "00".repeat(12)));
        let write = |speed: u32| Reply::data(&std::format!("0000001400000000{}{speed:08X}", "00".repeat(12)));
        let of = |speed| retry_delay_of_speed(speed).unwrap();
        assert_eq!(delay([page(7056), illegal(), illegal()]), of(7056));
        assert_eq!(delay([page(7056), nominal(11_080), illegal()]), of(11_080));
        assert_eq!(delay([page(7056), nominal(11_080), write(22_160)]), of(22_160));
        assert_eq!(delay([page(0), nominal(0), write(0)]), SLOWEST_RETRY);
    }

    #[test]
    fn a_refresh_reads_what_came_and_no_more() {
        let behind_a_block_descriptor =
            std::format!("0026010000000008 {} 2A16 {} 1B90 {}", "00".repeat(8), "00".repeat(16), "00".repeat(4));
        let page = Reply::data(&behind_a_block_descriptor.replace(' ', ""));
        assert_eq!(delay([page, illegal(), illegal()]), retry_delay_of_speed(7056).unwrap());
        for lie in [
            "",
            "00 00 00",
            "00 00 00 14 02",
            "FF FF FF FF 02 00 00 00",
            "00 00 00 14 02 00 00 00 00 00",
            "00 00 00 04 02 00 00 00",
        ] {
            assert_eq!(delay([Reply::data(lie), Reply::data(lie), Reply::data(lie)]), SLOWEST_RETRY, "{lie}");
        }
        let wrong_header = Reply::data(&std::format!("0000001403000000{}00002B48", "00".repeat(12)));
        assert_eq!(delay([illegal(), wrong_header.clone(), wrong_header]), SLOWEST_RETRY);
    }

    #[test]
    fn the_drives_own_work_needs_no_refresh() {
        let mut host = host();
        host.on("35 00 00 00 00 00 00 00 00 00", illegal()).on_platform(NtStatus::SUCCESS, 0);
        assert_eq!(host.run(Job::Flush).commands.len(), 1);
    }
}
