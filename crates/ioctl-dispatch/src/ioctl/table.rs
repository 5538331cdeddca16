//! One row per control code: how it is routed, what it demands, which operation serves it.

use super::check::Check;
use super::check::Check::{
    Aacs, Dvd, InputAtLeast, InputExactly, InputPresent, OutputAligned, OutputAtLeast, OutputAtLeastSilently,
    OutputAtMost, Rule, U32AtMost,
};
use super::code::{ControlCode, DeviceType};
use super::operation::Operation;
use super::rules;
use crate::ntstatus::NtStatus;

const INVALID_PARAMETER: NtStatus = NtStatus::INVALID_PARAMETER;
const LENGTH_MISMATCH: NtStatus = NtStatus::INFO_LENGTH_MISMATCH;
const BUFFER_SIZE: NtStatus = NtStatus::INVALID_BUFFER_SIZE;

/// Where a request goes after its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Answered in the caller's context without the drive.
    AtOnce,
    /// The serial queue; pending capability refreshes run first.
    Serial,
    /// The serial queue, without a capability refresh.
    SerialUnrefreshed,
    /// Its turn in the serial queue, then run in the caller's thread.
    CallerThread,
    /// Its turn in the serial queue, then passed down in the caller's thread as IRP_MN_SCSI_CLASS.
    PassThrough,
    /// `IOCTL_STORAGE_QUERY_PROPERTY`: some properties are served, the others passed down.
    Property,
    /// Passed down.
    PassDown,
}

impl Route {
    /// The caller's thread waits for the request's turn and then runs it: buffers may belong to its process.
    #[must_use]
    pub const fn takes_the_callers_thread(self) -> bool {
        matches!(self, Self::CallerThread | Self::PassThrough | Self::Property | Self::PassDown)
    }
}

/// What another handle's exclusive access does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileLocked {
    /// ACCESS_DENIED.
    Denied,
    /// Served as always.
    Allowed,
    /// A restricted answer.
    Restricted,
}

/// What zero power (ZPODD) does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroPower {
    /// The drive wakes up.
    Wakes,
    /// NO_MEDIA_IN_DEVICE, after the checks.
    NoMedia,
    /// NO_MEDIA_IN_DEVICE in place of any status of the checks, whose Information stays.
    NoMediaOverrides,
    /// Answered from what is kept.
    Kept,
}

/// One control code.
#[derive(Clone, Copy, Debug)]
pub struct Ioctl {
    /// Name in the headers.
    pub name: &'static str,
    /// The code.
    pub code: ControlCode,
    /// Where it goes.
    pub route: Route,
    /// What is checked, in order.
    pub checks: &'static [Check],
    /// The checks wait until the request's turn has come.
    pub checked_late: bool,
    /// What zero power does.
    pub zero_power: ZeroPower,
    /// Which state machine serves it.
    pub operation: Operation,
}

impl Ioctl {
    /// What exclusive access of another handle does to this request (ioctl-cdrom-disk.md, "Exclusive lock").
    #[must_use]
    pub const fn while_locked(&self) -> WhileLocked {
        while_locked(self.code)
    }
}

/// What exclusive access of another handle does to a request with this code.
#[must_use]
pub const fn while_locked(code: ControlCode) -> WhileLocked {
    match code.0 {
        0x0004_1018 | 0x002D_0C14 | 0x002D_1080 | 0x002D_0C04 | 0x0002_C05C | 0x0002_4064 => WhileLocked::Allowed,
        0x002D_1400 => WhileLocked::Restricted,
        _ => match code.device_type() {
            DeviceType::CONTROLLER
            | DeviceType::DISK
            | DeviceType::CD_ROM
            | DeviceType::MASS_STORAGE
            | DeviceType::DVD => WhileLocked::Denied,
            _ => WhileLocked::Allowed,
        },
    }
}

const fn row(name: &'static str, code: u32, route: Route, checks: &'static [Check], operation: Operation) -> Ioctl {
    Ioctl { name, code: ControlCode(code), route, checks, checked_late: false, zero_power: ZeroPower::Wakes, operation }
}

/// A code that is passed down as it came.
pub(super) const fn passed_down(name: &'static str, code: u32) -> Ioctl {
    row(name, code, Route::PassDown, &[], Operation::None)
}

const fn zero_power(mut row: Ioctl, zero_power: ZeroPower) -> Ioctl {
    row.zero_power = zero_power;
    row
}

const fn checked_late(mut row: Ioctl) -> Ioctl {
    row.checked_late = true;
    row
}

use Operation as O;
use Route::{AtOnce, CallerThread, PassThrough, Property, Serial, SerialUnrefreshed};
use ZeroPower::{Kept, NoMedia, NoMediaOverrides};

/// In = 4 and Out = `$out` exactly, with an AGID in the first four input bytes.
macro_rules! aacs_answer {
    ($out:expr) => {
        &[Aacs, InputExactly(4, LENGTH_MISMATCH), OutputAtLeast($out), OutputAtMost($out, BUFFER_SIZE), U32AtMost(0, 3)]
    };
}

const BINDING_NONCE: &[Check] = &[
    Aacs,
    InputExactly(24, LENGTH_MISMATCH),
    OutputAtLeast(32),
    OutputAtMost(32, BUFFER_SIZE),
    U32AtMost(0, 3),
    U32AtMost(4, 255),
    Rule(rules::start_lba_fits),
];

const GEOMETRY: &[Check] = &[OutputAtLeast(24)];
const GEOMETRY_EX: &[Check] = &[OutputAtLeast(32)];
const ONE_BYTE: &[Check] = &[InputAtLeast(1, LENGTH_MISMATCH)];
const CHECK_VERIFY: &[Check] = &[Rule(rules::count_fits)];
const PASS_THROUGH: &[Check] = &[Rule(rules::pass_through_input)];
const PASS_THROUGH_EX: &[Check] = &[Rule(rules::pass_through_ex_input)];

/// The control codes that this driver serves, by code. All others are passed down.
pub const IOCTLS: &[Ioctl] = &[
    zero_power(
        row("IOCTL_CDROM_READ_TOC", 0x0002_4000, Serial, &[OutputAtLeast(804), OutputAligned], O::ReadToc),
        NoMediaOverrides,
    ),
    row("IOCTL_CDROM_SEEK_AUDIO_MSF", 0x0002_4004, Serial, &[InputAtLeast(3, LENGTH_MISMATCH)], O::SeekAudio),
    row("IOCTL_CDROM_STOP_AUDIO", 0x0002_4008, Serial, &[], O::StopAudio),
    row("IOCTL_CDROM_PAUSE_AUDIO", 0x0002_400C, Serial, &[], O::PauseAudio),
    row("IOCTL_CDROM_RESUME_AUDIO", 0x0002_4010, Serial, &[], O::ResumeAudio),
    row("IOCTL_CDROM_GET_VOLUME", 0x0002_4014, Serial, &[OutputAtLeast(4)], O::GetVolume),
    row("IOCTL_CDROM_PLAY_AUDIO_MSF", 0x0002_4018, Serial, &[InputAtLeast(6, LENGTH_MISMATCH)], O::PlayAudio),
    row("IOCTL_CDROM_SET_VOLUME", 0x0002_4028, Serial, &[InputAtLeast(4, LENGTH_MISMATCH)], O::SetVolume),
    row(
        "IOCTL_CDROM_READ_Q_CHANNEL",
        0x0002_402C,
        Serial,
        &[InputAtLeast(2, LENGTH_MISMATCH), Rule(rules::q_channel)],
        O::ReadQChannel,
    ),
    row("IOCTL_CDROM_GET_LAST_SESSION", 0x0002_4038, Serial, &[OutputAtLeast(12), OutputAligned], O::LastSession),
    row("IOCTL_CDROM_RAW_READ", 0x0002_403E, Serial, &[InputPresent, Rule(rules::raw_read)], O::RawRead),
    zero_power(row("IOCTL_CDROM_GET_DRIVE_GEOMETRY", 0x0002_404C, Serial, GEOMETRY, O::Geometry), NoMedia),
    zero_power(row("IOCTL_CDROM_GET_DRIVE_GEOMETRY_EX", 0x0002_4050, Serial, GEOMETRY_EX, O::GeometryEx), NoMedia),
    zero_power(
        row(
            "IOCTL_CDROM_READ_TOC_EX",
            0x0002_4054,
            Serial,
            &[
                InputAtLeast(4, LENGTH_MISMATCH),
                OutputAtLeast(2),
                OutputAtMost(0xFFFF, INVALID_PARAMETER),
                OutputAligned,
                Rule(rules::toc_format),
            ],
            O::ReadTocEx,
        ),
        NoMediaOverrides,
    ),
    zero_power(
        row(
            "IOCTL_CDROM_GET_CONFIGURATION",
            0x0002_4058,
            Serial,
            &[OutputAtLeast(8), OutputAtMost(0xFFFF, BUFFER_SIZE), OutputAligned, Rule(rules::configuration)],
            O::GetConfiguration,
        ),
        Kept,
    ),
    row(
        "IOCTL_CDROM_SET_SPEED",
        0x0002_4060,
        Serial,
        &[InputAtLeast(12, LENGTH_MISMATCH), Rule(rules::speed)],
        O::SetSpeed,
    ),
    row("IOCTL_CDROM_GET_INQUIRY_DATA", 0x0002_4064, AtOnce, &[OutputAtLeastSilently(1)], O::InquiryData),
    row(
        "IOCTL_CDROM_ENABLE_STREAMING",
        0x0002_4068,
        Serial,
        &[InputAtLeast(4, LENGTH_MISMATCH), Rule(rules::streaming)],
        O::EnableStreaming,
    ),
    row(
        "IOCTL_CDROM_GET_PERFORMANCE",
        0x0002_4070,
        Serial,
        &[
            InputAtLeast(4, LENGTH_MISMATCH),
            Rule(rules::performance),
            OutputAtLeast(8),
            OutputAtMost(0xFFFF, INVALID_PARAMETER),
        ],
        O::GetPerformance,
    ),
    row(
        "IOCTL_CDROM_EXCLUSIVE_ACCESS",
        0x0002_C05C,
        CallerThread,
        &[Rule(rules::exclusive_access)],
        O::ExclusiveAccess,
    ),
    row(
        "IOCTL_CDROM_SEND_OPC_INFORMATION",
        0x0002_C06C,
        Serial,
        &[InputAtLeast(8, LENGTH_MISMATCH), Rule(rules::simple_opc)],
        O::SendOpc,
    ),
    row("IOCTL_SCSI_PASS_THROUGH", 0x0004_D004, PassThrough, PASS_THROUGH, O::PassThrough),
    row("IOCTL_SCSI_PASS_THROUGH_DIRECT", 0x0004_D014, PassThrough, PASS_THROUGH, O::PassThrough),
    row("IOCTL_SCSI_PASS_THROUGH_EX", 0x0004_D044, PassThrough, PASS_THROUGH_EX, O::PassThrough),
    row("IOCTL_SCSI_PASS_THROUGH_DIRECT_EX", 0x0004_D048, PassThrough, PASS_THROUGH_EX, O::PassThrough),
    zero_power(row("IOCTL_DISK_GET_DRIVE_GEOMETRY", 0x0007_0000, Serial, GEOMETRY, O::Geometry), NoMedia),
    row("IOCTL_DISK_VERIFY", 0x0007_0014, Serial, &[InputAtLeast(16, INVALID_PARAMETER)], O::Verify),
    row("IOCTL_DISK_IS_WRITABLE", 0x0007_0024, Serial, &[], O::IsWritable),
    row("IOCTL_DISK_GET_PARTITION_INFO_EX", 0x0007_0048, Serial, &[OutputAtLeast(144)], O::PartitionInfoEx),
    row("IOCTL_DISK_GET_DRIVE_LAYOUT_EX", 0x0007_0050, Serial, &[OutputAtLeast(192)], O::DriveLayoutEx),
    zero_power(row("IOCTL_DISK_GET_DRIVE_GEOMETRY_EX", 0x0007_00A0, Serial, GEOMETRY_EX, O::GeometryEx), NoMedia),
    row("IOCTL_DISK_GET_PARTITION_INFO", 0x0007_4004, Serial, &[OutputAtLeast(32)], O::PartitionInfo),
    row("IOCTL_DISK_GET_DRIVE_LAYOUT", 0x0007_400C, Serial, &[OutputAtLeast(40)], O::DriveLayout),
    zero_power(row("IOCTL_DISK_GET_LENGTH_INFO", 0x0007_405C, Serial, &[OutputAtLeast(8)], O::LengthInfo), NoMedia),
    row("IOCTL_DISK_ARE_VOLUMES_READY", 0x0007_421C, Serial, &[], O::VolumesReady),
    zero_power(row("IOCTL_STORAGE_CHECK_VERIFY2", 0x002D_0800, Serial, CHECK_VERIFY, O::CheckVerify2), NoMedia),
    row("IOCTL_STORAGE_LOAD_MEDIA2", 0x002D_080C, Serial, &[], O::Load),
    row("IOCTL_STORAGE_EJECTION_CONTROL", 0x002D_0940, Serial, ONE_BYTE, O::EjectionControl),
    row("IOCTL_STORAGE_MCN_CONTROL", 0x002D_0944, Serial, ONE_BYTE, O::McnControl),
    row("IOCTL_STORAGE_GET_MEDIA_TYPES_EX", 0x002D_0C04, SerialUnrefreshed, &[Rule(rules::media_types)], O::MediaTypes),
    row("IOCTL_STORAGE_GET_HOTPLUG_INFO", 0x002D_0C14, AtOnce, &[OutputAtLeast(8)], O::GetHotplugInfo),
    row("IOCTL_STORAGE_GET_DEVICE_NUMBER", 0x002D_1080, AtOnce, &[OutputAtLeast(12)], O::DeviceNumber),
    row("IOCTL_STORAGE_QUERY_PROPERTY", 0x002D_1400, Property, &[InputAtLeast(12, LENGTH_MISMATCH)], O::QueryProperty),
    row("IOCTL_STORAGE_CHECK_PRIORITY_HINT_SUPPORT", 0x002D_1880, AtOnce, &[], O::PriorityHint),
    row("IOCTL_STORAGE_EVENT_NOTIFICATION", 0x002D_1C90, AtOnce, &[], O::EventNotification),
    row("IOCTL_STORAGE_SET_READ_AHEAD", 0x002D_4400, Serial, &[InputAtLeast(16, INVALID_PARAMETER)], O::SetReadAhead),
    zero_power(row("IOCTL_STORAGE_CHECK_VERIFY", 0x002D_4800, Serial, CHECK_VERIFY, O::CheckVerify), NoMedia),
    row("IOCTL_STORAGE_MEDIA_REMOVAL", 0x002D_4804, Serial, ONE_BYTE, O::MediaRemoval),
    row("IOCTL_STORAGE_EJECT_MEDIA", 0x002D_4808, Serial, &[], O::Eject),
    row("IOCTL_STORAGE_LOAD_MEDIA", 0x002D_480C, Serial, &[], O::Load),
    row("IOCTL_STORAGE_RESERVE", 0x002D_4810, Serial, &[], O::Reserve),
    row("IOCTL_STORAGE_RELEASE", 0x002D_4814, Serial, &[], O::Release),
    row("IOCTL_STORAGE_FIND_NEW_DEVICES", 0x002D_4818, AtOnce, &[], O::FindNewDevices),
    row(
        "IOCTL_STORAGE_PERSISTENT_RESERVE_IN",
        0x002D_5018,
        Serial,
        &[InputPresent, Rule(rules::persistent_reserve_in)],
        O::PersistentReserveIn,
    ),
    zero_power(row("IOCTL_STORAGE_READ_CAPACITY", 0x002D_5140, Serial, &[OutputAtLeast(32)], O::ReadCapacity), NoMedia),
    row(
        "IOCTL_STORAGE_SET_HOTPLUG_INFO",
        0x002D_CC18,
        AtOnce,
        &[InputAtLeast(8, LENGTH_MISMATCH), Rule(rules::passive)],
        O::SetHotplugInfo,
    ),
    row(
        "IOCTL_STORAGE_PERSISTENT_RESERVE_OUT",
        0x002D_D01C,
        Serial,
        &[InputPresent, Rule(rules::persistent_reserve_out)],
        O::PersistentReserveOut,
    ),
    row("IOCTL_DVD_START_SESSION", 0x0033_5000, Serial, &[OutputAtLeast(4), Dvd], O::DvdStartSession),
    row(
        "IOCTL_DVD_READ_KEY",
        0x0033_5004,
        Serial,
        &[InputPresent, InputAtLeast(24, INVALID_PARAMETER), Rule(rules::read_key_output), OutputAligned, Dvd],
        O::DvdReadKey,
    ),
    row(
        "IOCTL_DVD_SEND_KEY",
        0x0033_5008,
        Serial,
        &[InputPresent, InputAtLeast(24, INVALID_PARAMETER), Rule(rules::send_key), Dvd],
        O::DvdSendKey,
    ),
    row(
        "IOCTL_DVD_END_SESSION",
        0x0033_500C,
        Serial,
        &[InputPresent, InputAtLeast(4, INVALID_PARAMETER), Rule(rules::session_to_end)],
        O::DvdEndSession,
    ),
    row("IOCTL_DVD_SET_READ_AHEAD", 0x0033_5010, Serial, &[InputAtLeast(16, INVALID_PARAMETER)], O::SetReadAhead),
    checked_late(row("IOCTL_DVD_GET_REGION", 0x0033_5014, Serial, &[Dvd, OutputAtLeastSilently(4)], O::DvdGetRegion)),
    row(
        "IOCTL_AACS_READ_MEDIA_KEY_BLOCK_SIZE",
        0x0033_50C0,
        Serial,
        &[Aacs, InputExactly(4, LENGTH_MISMATCH), OutputAtLeast(4), OutputAtMost(4, BUFFER_SIZE), U32AtMost(0, 255)],
        O::AacsMediaKeyBlockSize,
    ),
    row(
        "IOCTL_AACS_READ_MEDIA_KEY_BLOCK",
        0x0033_50C4,
        Serial,
        &[Aacs, InputExactly(4, LENGTH_MISMATCH), OutputAtLeast(8), U32AtMost(0, 255)],
        O::AacsMediaKeyBlock,
    ),
    row(
        "IOCTL_AACS_START_SESSION",
        0x0033_50C8,
        Serial,
        &[Aacs, OutputAtLeast(4), OutputAtMost(4, BUFFER_SIZE)],
        O::AacsStartSession,
    ),
    row(
        "IOCTL_AACS_END_SESSION",
        0x0033_50CC,
        Serial,
        &[InputPresent, Aacs, InputExactly(4, INVALID_PARAMETER), Rule(rules::session_to_end)],
        O::AacsEndSession,
    ),
    row(
        "IOCTL_AACS_SEND_CERTIFICATE",
        0x0033_50D0,
        Serial,
        &[Aacs, InputExactly(116, LENGTH_MISMATCH), U32AtMost(0, 3)],
        O::AacsSendCertificate,
    ),
    row("IOCTL_AACS_GET_CERTIFICATE", 0x0033_50D4, Serial, aacs_answer!(112), O::AacsGetCertificate),
    row("IOCTL_AACS_GET_CHALLENGE_KEY", 0x0033_50D8, Serial, aacs_answer!(80), O::AacsGetChallengeKey),
    row(
        "IOCTL_AACS_SEND_CHALLENGE_KEY",
        0x0033_50DC,
        Serial,
        &[Aacs, InputExactly(84, LENGTH_MISMATCH), U32AtMost(0, 3)],
        O::AacsSendChallengeKey,
    ),
    row("IOCTL_AACS_READ_VOLUME_ID", 0x0033_50E0, Serial, aacs_answer!(32), O::AacsReadVolumeId),
    row("IOCTL_AACS_READ_SERIAL_NUMBER", 0x0033_50E4, Serial, aacs_answer!(32), O::AacsReadSerialNumber),
    row("IOCTL_AACS_READ_MEDIA_ID", 0x0033_50E8, Serial, aacs_answer!(32), O::AacsReadMediaId),
    row("IOCTL_AACS_READ_BINDING_NONCE", 0x0033_50EC, Serial, BINDING_NONCE, O::AacsReadBindingNonce),
    row(
        "IOCTL_DVD_READ_STRUCTURE",
        0x0033_5140,
        Serial,
        &[
            InputAtLeast(17, INVALID_PARAMETER),
            OutputAtLeast(4),
            OutputAtMost(0xFFFF, INVALID_PARAMETER),
            OutputAligned,
            Dvd,
        ],
        O::DvdReadStructure,
    ),
    row(
        "IOCTL_DVD_SEND_KEY2",
        0x0033_D018,
        Serial,
        &[InputPresent, InputAtLeast(24, INVALID_PARAMETER), Rule(rules::send_key2), Dvd],
        O::DvdSendKey,
    ),
    row("IOCTL_AACS_GENERATE_BINDING_NONCE", 0x0033_D0F0, Serial, BINDING_NONCE, O::AacsGenerateBindingNonce),
    row(
        "IOCTL_MOUNTDEV_QUERY_UNIQUE_ID",
        0x004D_0000,
        AtOnce,
        &[Rule(rules::mounted_device), OutputAtLeast(4)],
        O::MountUniqueId,
    ),
    row("IOCTL_MOUNTDEV_QUERY_DEVICE_NAME", 0x004D_0008, AtOnce, &[OutputAtLeast(4)], O::MountDeviceName),
    row(
        "IOCTL_MOUNTDEV_QUERY_SUGGESTED_LINK_NAME",
        0x004D_000C,
        AtOnce,
        &[OutputAtLeast(6), Rule(rules::passive)],
        O::MountSuggestedLink,
    ),
    row("IOCTL_VOLUME_ONLINE", 0x0056_C008, Serial, &[], O::VolumeOnline),
    row("IOCTL_VOLUME_POST_ONLINE", 0x0056_C064, Serial, &[], O::VolumePostOnline),
];

/// The row of `code`, which must be normalized already.
#[must_use]
pub fn find(code: ControlCode) -> Option<&'static Ioctl> {
    IOCTLS.binary_search_by_key(&code, |row| row.code).ok().and_then(|index| IOCTLS.get(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_are_sorted_unique_and_normalized() {
        assert!(IOCTLS.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(IOCTLS.iter().all(|row| row.code.normalized() == row.code), "an alias has no row of its own");
        let names: HashSet<_> = IOCTLS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), IOCTLS.len());
        for row in IOCTLS {
            assert_eq!(find(row.code).map(|found| found.name), Some(row.name));
        }
        assert!(find(ControlCode(0x0002_4034)).is_none());
    }

    #[test]
    fn exclusive_access_denies_by_device_type_with_the_listed_exceptions() {
        let of = |code| while_locked(ControlCode(code));
        for allowed in
            [0x0004_1018, 0x002D_0C14, 0x002D_1080, 0x002D_0C04, 0x0002_C05C, 0x0002_4064, 0x004D_0000, 0x0056_C008]
        {
            assert_eq!(of(allowed), WhileLocked::Allowed);
        }
        for denied in [0x0002_4000, 0x0007_0000, 0x0004_D014, 0x002D_4800, 0x0033_5000, 0x0002_4800] {
            assert_eq!(of(denied), WhileLocked::Denied);
        }
        assert_eq!(of(0x002D_1400), WhileLocked::Restricted);
    }
}
