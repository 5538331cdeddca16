//! The capability refresh: what the medium in the drive can do, and how fast (io-path-and-errors.md 15.4).

use scsi_cdb::bytes::{be16_at, be32_at};
use scsi_cdb::configuration::{Configuration, ConfigurationRequest, FeatureCode, GetConfiguration};
use scsi_cdb::mode::{HeaderForm, ModeParameters, ModeSense10, PageControl};
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

const CAPABILITIES_PAGE: u8 = 0x2A;
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
            let parsed = Configuration::parse(context.buffers.answer(result.transferred));
            let (true, Ok(configuration)) = (configuration_status(result).is_success(), parsed) else {
                context.device.capability.require_update();
                return Next::success(0);
            };
            context.device.capability.take_over(&configuration);
            let fastest = retry_delay_of_profile(configuration.current_profile);
            Next::send_own(sense_capabilities(context), State::ModePage(fastest))
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

fn sense_capabilities(context: &Context<'_, '_>) -> ScsiCommand {
    let length = context.buffers.scratch_length().min(0xFFF0);
    ScsiCommand::new(&ModeSense10 {
        disable_block_descriptors: true,
        page_control: PageControl::CURRENT,
        page: CAPABILITIES_PAGE,
        subpage: 0,
        allocation_length: u16::try_from(length).unwrap_or(0xFFF0),
    })
}

/// The pause by the maximum write speed (bytes 18-19) of a page 2A with at least 20 bytes.
fn write_speed_of_page(answer: &[u8]) -> Option<Ticks> {
    let parameters = ModeParameters::parse(HeaderForm::Ten, answer).ok()?;
    let page = parameters.pages.find_raw(CAPABILITIES_PAGE)?;
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
