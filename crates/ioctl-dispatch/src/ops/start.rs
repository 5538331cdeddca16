//! The start sequence: what is learned of a drive before the first request (device-lifecycle.md, "Start").

use scsi_cdb::bytes::{be32_at, bit, clamp, put, u8_at};
use scsi_cdb::configuration::{Configuration, ConfigurationRequest, FeatureCode};
use scsi_cdb::inquiry::Inquiry;
use scsi_cdb::mode::{HeaderForm, ModeParameters, ModeSelect6, ModeSense6, PageControl};

use super::refresh::{CONFIGURATION_MOST, configuration_status, get_configuration};
use super::{CommandResult, Context, Input, Next, POLL, capacity, poll, refresh, region};
use crate::blob::Blob;
use crate::buffers::SCRATCH_MAX;
use crate::capability::{Scope, css_medium, write_capability};
use crate::effect::{Effect, RegistryWrite};
use crate::event_status::Verdict;
use crate::media::MediaState;
use crate::ntstatus::NtStatus;
use crate::port::SrbStatus;
use crate::step::ScsiCommand;
use crate::{Device, zero_power};

/// Standard INQUIRY data of every drive.
const INQUIRY_LENGTH: u16 = 36;

/// GET EVENT STATUS NOTIFICATION commands of the probe.
const EVENT_PROBES: u8 = 16;

/// Repeats of a probe that met a unit attention.
const ATTENTION_REPEATS: u8 = 3;

/// Rounds of reading all features while the drive says that there are more.
const FEATURE_ROUNDS: u8 = 4;

/// Least time-out in seconds of a drive that can write.
const WRITER_TIMEOUT_S: u32 = 260;

/// Mode parameters that set blocks of 2048 bytes: header, then one block descriptor.
const BLOCKS_OF_2048: [u8; 12] = [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 8, 0];

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// MODE SELECT to blocks of 2048 bytes.
    BlockLength,
    /// INQUIRY of 36 bytes.
    Inquiry,
    /// INQUIRY of the length that the drive announced.
    WholeInquiry {
        /// Bytes asked for.
        asked: u16,
        /// The drive announced none; 31 was assumed.
        assumed: bool,
    },
    /// INQUIRY of the length that the drive could give.
    ShorterInquiry {
        /// The drive announced none; 31 was assumed.
        assumed: bool,
    },
    /// The event classes that the drive knows; how often a unit attention got in the way.
    EventClasses(u8),
    /// An event: how many commands the probe has sent, and how often a unit attention got in the way.
    Event(u8, u8),
    /// The header of all features.
    FeatureHeader,
    /// One feature alone.
    OneFeature,
    /// The header of all features, to know the length.
    FeaturesLength,
    /// All features: bytes asked for, rounds so far.
    Features(u32, u8),
    /// Mode page 2A: in which form.
    Capabilities(HeaderForm),
    /// Zero-power detection.
    ZeroPower(zero_power::Probe),
    /// READ CAPACITY.
    Capacity,
    /// The state of the drive's region.
    RegionState,
    /// The automatic choice of a region.
    Region(region::Pick),
}

/// Begins.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    if !context.device.quirks.dec_rrd {
        return inquire(INQUIRY_LENGTH, State::Inquiry);
    }
    context.put_parameters(&BLOCKS_OF_2048);
    let select = ModeSelect6 {
        page_format: true,
        save_pages: false,
        parameter_list_length: u8::try_from(BLOCKS_OF_2048.len()).unwrap_or(0),
    };
    Next::send_own(ScsiCommand::new(&select), State::BlockLength)
}

fn inquire(allocation_length: u16, state: State) -> Next {
    Next::send_own(ScsiCommand::new(&Inquiry { vpd_page: None, allocation_length }), state)
}

/// Takes an answer over and asks for the next.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    match state {
        State::BlockLength => inquire(INQUIRY_LENGTH, State::Inquiry),
        State::Inquiry => first_inquiry(result, context),
        State::WholeInquiry { asked, assumed } => {
            let could_give = u16::try_from(result.transferred).unwrap_or(u16::MAX);
            if result.srb == SrbStatus::DATA_OVERRUN && (INQUIRY_LENGTH..asked).contains(&could_give) {
                return inquire(could_give, State::ShorterInquiry { assumed });
            }
            whole_inquiry(result, assumed, context)
        }
        State::ShorterInquiry { assumed } => whole_inquiry(result, assumed, context),
        State::EventClasses(repeats) => event_classes(result, repeats, context),
        State::Event(sent, repeats) => event(result, sent, repeats, context),
        State::FeatureHeader => feature_header(result, context),
        State::OneFeature => one_feature(result, context),
        State::FeaturesLength => features_length(result, context),
        State::Features(asked, round) => features(result, asked, round, context),
        State::Capabilities(form) => capabilities(result, form, context),
        State::ZeroPower(probe) => {
            let next = zero_power::resume_probe(probe, input, context);
            next.unwrap_or_else(|| Next::send_own(capacity::command(), State::Capacity))
        }
        State::Capacity => {
            if capacity::take_over(input, context).is_success() {
                context.device.set_media_state(MediaState::Present);
            }
            if context.device.is_dvd {
                return Next::send_own(region::rpc_state(), State::RegionState);
            }
            finish(context)
        }
        State::RegionState => {
            region::note_at_start(input, context);
            region::begin(context, State::Region).unwrap_or_else(|| finish(context))
        }
        State::Region(pick) => region::resume(pick, input, context, State::Region).unwrap_or_else(|| finish(context)),
    }
}

fn first_inquiry(result: CommandResult, context: &mut Context<'_, '_>) -> Next {
    if !result.status.is_success() {
        return Next::fail(result.status);
    }
    let answer = context.buffers.answer(result.transferred);
    let additional = u8_at(answer, 4).unwrap_or(0);
    let whole = answer.len() == usize::from(INQUIRY_LENGTH);
    if whole {
        context.device.inquiry = Blob::new(answer);
    }
    // Old ATAPI drives announce no additional length and have 31 bytes all the same.
    let assumed = additional == 0;
    let announced = if assumed { INQUIRY_LENGTH } else { u16::from(additional).saturating_add(5) };
    if whole && !assumed && announced == INQUIRY_LENGTH {
        return probe_events(context);
    }
    if announced < INQUIRY_LENGTH {
        return Next::fail(NtStatus::DEVICE_PROTOCOL_ERROR);
    }
    inquire(announced, State::WholeInquiry { asked: announced, assumed })
}

/// Takes the larger INQUIRY data over. If it cannot be had, the first 36 bytes are enough.
fn whole_inquiry(result: CommandResult, assumed: bool, context: &mut Context<'_, '_>) -> Next {
    let answer = context.buffers.answer(result.transferred);
    let long_enough = result.brought(u32::from(INQUIRY_LENGTH));
    let empty = assumed && clamp(answer, 0, usize::from(INQUIRY_LENGTH)).iter().all(|byte| *byte == 0);
    if long_enough && !empty {
        context.device.inquiry = Blob::new(answer);
    }
    if context.device.inquiry.as_slice().iter().all(|byte| *byte == 0) {
        let status = if result.status.is_success() { NtStatus::DEVICE_PROTOCOL_ERROR } else { result.status };
        return Next::fail(status);
    }
    probe_events(context)
}

/// Media-change notification, and whether the drive reports events.
fn probe_events(context: &mut Context<'_, '_>) -> Next {
    let device = &mut *context.device;
    device.media.enabled = device.policy.notification;
    if !device.media.enabled {
        return probe_features(context);
    }
    device.polling.asynchronous = device.power.asynchronous_notification && !device.quirks.no_asynchronous_notification;
    if device.policy.mmc_detection_state == poll::DETECTION_UNSUPPORTED {
        return probe_features(context);
    }
    if device.quirks.bad_event_status {
        no_events(device);
        return probe_features(context);
    }
    ask_classes(0)
}

fn ask_classes(repeats: u8) -> Next {
    Next::Send(poll::event_command(0), POLL, State::EventClasses(repeats).into())
}

fn ask_event(device: &Device, sent: u8, repeats: u8) -> Next {
    Next::Send(poll::event_command(device.polling.events.mask), POLL, State::Event(sent, repeats).into())
}

fn no_events(device: &mut Device) {
    let state = RegistryWrite::MmcDetectionState(poll::DETECTION_UNSUPPORTED);
    device.effects.push(Effect::WriteRegistry(state));
    device.polling.events.mask = 0;
}

/// What a failed probe command means: `Ok` to go on, `Err` that the probe is over.
fn event_answered(result: CommandResult, device: &mut Device) -> Result<(), ()> {
    if result.status.is_success() || result.srb == SrbStatus::DATA_OVERRUN {
        return Ok(());
    }
    match result.status {
        NtStatus::INVALID_DEVICE_REQUEST | NtStatus::TIMEOUT | NtStatus::IO_DEVICE_ERROR | NtStatus::IO_TIMEOUT => {
            no_events(device);
        }
        _ => device.polling.events.mask = 0,
    }
    Err(())
}

const fn met_attention(result: &CommandResult, repeats: u8) -> bool {
    !result.status.is_success() && result.sense.valid && result.sense.key == 6 && repeats < ATTENTION_REPEATS
}

fn event_classes(result: CommandResult, repeats: u8, context: &mut Context<'_, '_>) -> Next {
    if met_attention(&result, repeats) {
        return ask_classes(repeats.saturating_add(1));
    }
    let ignore = context.device.quirks.ignore_operational_change;
    if event_answered(result, context.device).is_err() || result.transferred < 4 {
        return probe_features(context);
    }
    let answer = context.buffers.answer(result.transferred);
    if !context.device.polling.events.choose_classes(answer, ignore) {
        return probe_features(context);
    }
    ask_event(context.device, 1, 0)
}

fn event(result: CommandResult, sent: u8, repeats: u8, context: &mut Context<'_, '_>) -> Next {
    if met_attention(&result, repeats) {
        return ask_event(context.device, sent, repeats.saturating_add(1));
    }
    if event_answered(result, context.device).is_err() {
        return probe_features(context);
    }
    let sent = sent.saturating_add(1);
    let answer = context.buffers.answer(result.transferred);
    match context.device.take_event(answer, context.environment) {
        Verdict::ProtocolError => no_events(context.device),
        Verdict::Resend if sent < EVENT_PROBES => return ask_event(context.device, sent, repeats),
        Verdict::Resend | Verdict::Enough => {
            let device = &mut *context.device;
            device.polling.events.supported = device.polling.events.has_media_class();
            if device.polling.events.supported {
                let state = RegistryWrite::MmcDetectionState(poll::DETECTION_SUPPORTED);
                device.effects.push(Effect::WriteRegistry(state));
            } else {
                device.polling.events.mask = 0;
            }
        }
    }
    probe_features(context)
}

/// Whether the drive answers GET CONFIGURATION.
fn probe_features(context: &mut Context<'_, '_>) -> Next {
    let device = &mut *context.device;
    device.quirks.no_get_configuration |= device.policy.non_mmc;
    if device.quirks.no_get_configuration {
        return non_mmc(true, context);
    }
    Next::send_own(get_configuration(ConfigurationRequest::ALL, 8, context), State::FeatureHeader)
}

fn non_mmc(remember: bool, context: &mut Context<'_, '_>) -> Next {
    let device = &mut *context.device;
    if remember && !device.policy.non_mmc {
        device.effects.push(Effect::WriteRegistry(RegistryWrite::NonMmc));
    }
    device.is_mmc = false;
    after_features(context)
}

fn feature_header(result: CommandResult, context: &mut Context<'_, '_>) -> Next {
    let status = configuration_status(result);
    if !status.is_success() {
        let for_good = matches!(
            status,
            NtStatus::INVALID_DEVICE_REQUEST
                | NtStatus::NO_MEDIA_IN_DEVICE
                | NtStatus::IO_DEVICE_ERROR
                | NtStatus::IO_TIMEOUT
        );
        return non_mmc(for_good, context);
    }
    let length = match be32_at(context.buffers.answer(result.transferred), 0) {
        Ok(length) if result.transferred >= 8 => length,
        _ => return non_mmc(true, context),
    };
    if length <= 4 || length.checked_add(4).is_none() || length & 1 != 0 {
        return non_mmc(true, context);
    }
    let device = &mut *context.device;
    device.is_mmc = true;
    if length & 3 == 2 && !device.policy.vendor_profile_known {
        device.effects.push(Effect::WriteRegistry(RegistryWrite::NonMmcVendorSpecificProfile));
    }
    if device.quirks.no_type_one {
        return ask_length(context);
    }
    Next::send_own(get_configuration(ConfigurationRequest::ONE, 12, context), State::OneFeature)
}

fn ask_length(context: &Context<'_, '_>) -> Next {
    Next::send_own(get_configuration(ConfigurationRequest::ALL, 8, context), State::FeaturesLength)
}

fn one_feature(result: CommandResult, context: &mut Context<'_, '_>) -> Next {
    let answer = context.buffers.answer(result.transferred);
    let length = be32_at(answer, 0).unwrap_or(u32::MAX).saturating_add(4);
    let most = u32::from(u8_at(answer, 11).unwrap_or(0)).saturating_add(12);
    let whole = result.transferred.min(length) >= 12;
    if !configuration_status(result).is_success() || !whole || length > most {
        context.device.quirks.no_type_one = true;
        context.device.effects.push(Effect::WriteRegistry(RegistryWrite::NoTypeOneGetConfig));
    }
    ask_length(context)
}

/// The length of a complete answer that can be kept, from its header.
fn kept_length(result: CommandResult, context: &Context<'_, '_>) -> Option<u32> {
    let length = be32_at(context.buffers.answer(result.transferred), 0).ok()?.saturating_add(4);
    let room = context.buffers.features.len().min(SCRATCH_MAX);
    let success = configuration_status(result).is_success() && length > 4;
    success.then(|| length.min(u32::try_from(room).unwrap_or(u32::MAX)))
}

fn features_length(result: CommandResult, context: &mut Context<'_, '_>) -> Next {
    match kept_length(result, context) {
        Some(length) => ask_features(length, 1, context),
        None => non_mmc(false, context),
    }
}

fn ask_features(length: u32, round: u8, context: &Context<'_, '_>) -> Next {
    let length = length.min(CONFIGURATION_MOST);
    Next::send_own(get_configuration(ConfigurationRequest::ALL, length, context), State::Features(length, round))
}

fn features(result: CommandResult, asked: u32, round: u8, context: &mut Context<'_, '_>) -> Next {
    let Some(length) = kept_length(result, context) else { return non_mmc(false, context) };
    if length > asked && round < FEATURE_ROUNDS && asked < CONFIGURATION_MOST {
        return ask_features(length, round.saturating_add(1), context);
    }
    let received = clamp(context.buffers.scratch, 0, usize::try_from(result.transferred.min(length)).unwrap_or(0));
    context.buffers.features.fill(0);
    put(context.buffers.features, 0, received);
    context.device.capability.features_length = length;
    let Ok(configuration) =
        Configuration::parse(clamp(context.buffers.features, 0, usize::try_from(length).unwrap_or(0)))
    else {
        return non_mmc(false, context);
    };
    learn(context.device, &configuration);
    sense_capabilities(HeaderForm::Ten)
}

/// What the complete feature list says of the drive.
fn learn(device: &mut Device, configuration: &Configuration<'_>) {
    let present = |code| configuration.find(FeatureCode(code));
    device.is_aacs = present(0x010D).is_some();
    device.is_dvd = present(0x001F).is_some();
    device.is_writer = write_capability(configuration, Scope::Ever).writable;
    device.capability.is_css = css_medium(configuration);
    device.capability.require_update();
    device.safe_start_unit = true;
    let cd_read = present(0x001E).filter(|feature| feature.data.len() >= 4);
    device.c2_pointers = cd_read.and_then(|feature| u8_at(feature.data, 0).ok()).is_some_and(|byte| bit(byte, 1));
}

fn sense_capabilities(form: HeaderForm) -> Next {
    let command = match form {
        HeaderForm::Ten => refresh::sense_capabilities(40),
        HeaderForm::Six => ScsiCommand::new(&ModeSense6 {
            disable_block_descriptors: true,
            page_control: PageControl::CURRENT,
            page: refresh::CAPABILITIES_PAGE,
            subpage: 0,
            allocation_length: 36,
        }),
    };
    Next::send_own(command, State::Capabilities(form))
}

fn capabilities(result: CommandResult, form: HeaderForm, context: &mut Context<'_, '_>) -> Next {
    // Bounded by what came: some drives leave the length field out.
    let parameters = ModeParameters::parse_whole(form, context.buffers.answer(result.transferred));
    let page = parameters.ok().and_then(|parameters| refresh::capabilities_page(&parameters));
    let flags = page.and_then(|page| u8_at(page.bytes, 5).ok()).filter(|_| result.status.is_success());
    match (flags, form) {
        (Some(flags), _) => {
            context.device.c2_pointers |= bit(flags, 4);
            context.device.raw_sub_channel |= bit(flags, 2);
            after_features(context)
        }
        (None, HeaderForm::Ten) => sense_capabilities(HeaderForm::Six),
        (None, HeaderForm::Six) => after_features(context),
    }
}

fn after_features(context: &mut Context<'_, '_>) -> Next {
    const BUS_UNKNOWN: u32 = 0;
    const BUS_SCSI: u32 = 1;
    const BUS_ATAPI: u32 = 2;
    let device = &mut *context.device;
    let parallel = matches!(device.descriptor.bus_type(), BUS_UNKNOWN | BUS_SCSI | BUS_ATAPI);
    device.safe_start_unit |= device.is_dvd || device.quirks.hitachi_gd2000 || !parallel;
    zero_power::probe(context)
}

fn finish(context: &mut Context<'_, '_>) -> Next {
    let device = &mut *context.device;
    if device.is_writer {
        device.timeout_s = device.timeout_s.max(WRITER_TIMEOUT_S);
    }
    device.initialized = true;
    Next::success(0)
}

#[cfg(test)]
mod tests;
