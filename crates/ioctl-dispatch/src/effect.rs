//! Things that happen on the way and need no answer.

use crate::ntstatus::NtStatus;

/// `STORAGE_MEDIA_...` states as broadcasts carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// `GUID_IO_MEDIA_ARRIVAL` or `GUID_IO_MEDIA_REMOVAL` with {u32 change count, u32 state}.
    Media {
        /// Arrival; else removal.
        arrival: bool,
        /// The media change count.
        change_count: u32,
        /// The new state (1 present, 2 not present, 3 unavailable).
        state: u32,
    },
    /// `GUID_IO_MEDIA_EJECT_REQUEST`, no data.
    EjectRequest,
    /// `GUID_IO_DEVICE_EXTERNAL_REQUEST` with {Version 1, DeviceClass 0, ButtonStatus, Request, SystemTime}.
    ExternalRequest {
        /// ButtonStatus: 1 down.
        button_status: u16,
        /// Request as the drive gave it.
        request: u16,
    },
    /// `GUID_IO_DEVICE_BECOMING_READY` with {Version 1, Reason, Estimated100msToReady}.
    BecomingReady {
        /// Reason.
        reason: u32,
        /// Estimated100msToReady.
        estimated_100ms: u32,
    },
    /// `GUID_IO_CDROM_EXCLUSIVE_LOCK`, no data.
    ExclusiveLock,
    /// `GUID_IO_CDROM_EXCLUSIVE_UNLOCK`, no data.
    ExclusiveUnlock,
}

/// A value that the driver learned and keeps in the registry (DWORD, device key).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryWrite {
    /// `Classpnp\MMCDetectionState`: 1 GESN unsupported, 2 supported.
    MmcDetectionState(u32),
    /// `Classpnp\UserRemovalPolicy`: 2 orderly, 3 surprise.
    UserRemovalPolicy(u32),
    /// `CdRom\NonMmc` = 1.
    NonMmc,
    /// `CdRom\NoTypeOneGetConfig` = 1.
    NoTypeOneGetConfig,
    /// `CdRom\NonMmcVendorSpecificProfile` = 1.
    NonMmcVendorSpecificProfile,
}

/// What goes into an `IO_ERROR_LOG_PACKET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// ErrorCode.
    pub error_code: u32,
    /// UniqueErrorValue.
    pub unique_value: u32,
    /// FinalStatus: SUCCESS if the command will be retried.
    pub final_status: NtStatus,
    /// MajorFunctionCode of the original request, 0 if none.
    pub major_function: u8,
    /// IoControlCode of the original request, 0 if none.
    pub control_code: u32,
    /// RetryCount, low 8 bits.
    pub retry_count: u8,
    /// DeviceOffset in bytes.
    pub device_offset: u64,
    /// Bit 0 paging, bit 1 will be retried, bit 2 unhandled SRB status.
    pub flags: u32,
    /// The command descriptor block.
    pub cdb: [u8; 16],
    /// SRB status as mapped from the port's answer.
    pub srb_status: u8,
    /// SCSI status.
    pub scsi_status: u8,
    /// The first 18 sense bytes, zeros where there were fewer.
    pub sense: [u8; 18],
}

/// Something to do that needs no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Report a target-device custom notification on the PDO.
    Notify(Notification),
    /// Set DO_VERIFY_VOLUME on the device object.
    SetVerifyVolume,
    /// `IoInvalidateDeviceRelations(PDO, BusRelations)`.
    InvalidateBusRelations,
    /// Send START STOP UNIT `1B 00 00 00 01 00` (240 s) without waiting; its result is of no interest.
    StartUnit,
    /// Keep a value in the registry; create the subkey if it is missing.
    WriteRegistry(RegistryWrite),
    /// Write an error-log entry.
    Log(LogRecord),
    /// Write the informational entry IO_CDROM_EXCLUSIVE_LOCK with the caller's name as dump data.
    LogExclusiveLock([u8; 64]),
    /// Complete every parked `IOCTL_DISK_ARE_VOLUMES_READY` with SUCCESS.
    CompleteParked,
    /// Put [`Job::RestoreSpeed`](crate::request::Job::RestoreSpeed) in the serial queue.
    RestoreSpeed,
    /// Put [`Job::Poll`](crate::request::Job::Poll) in the serial queue.
    Poll,
    /// Put an `IOCTL_STORAGE_EJECT_MEDIA` of our own in the serial queue.
    SoftEject,
    /// Delete the suggested drive letter below `\Registry\Machine\System\DISK`.
    DeleteSuggestedLink,
    /// `IOCTL_STORAGE_POWER_ACTIVE` (true) or `IOCTL_STORAGE_POWER_IDLE` (false) to the PDO, not waited for.
    MarkActive(bool),
}

/// Effects of one call, in order.
///
/// The driver drains it after every call, so a few places are enough: one interpreted command causes at most six.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    items: [Option<Effect>; 16],
    lost: u32,
}

impl Effects {
    /// Adds an effect at the end.
    pub fn push(&mut self, effect: Effect) {
        match self.items.iter_mut().find(|item| item.is_none()) {
            Some(free) => *free = Some(effect),
            None => self.lost = self.lost.saturating_add(1),
        }
    }

    /// Takes the oldest effect.
    pub fn take(&mut self) -> Option<Effect> {
        let first = self.items.first_mut()?.take()?;
        self.items.rotate_left(1);
        Some(first)
    }

    /// Effects that found no place since the start; 0 as long as the driver drains after every call.
    #[must_use]
    pub const fn lost(&self) -> u32 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_come_out_in_order_and_overflow_is_counted() {
        let mut effects = Effects::default();
        effects.push(Effect::SetVerifyVolume);
        effects.push(Effect::StartUnit);
        assert_eq!(effects.take(), Some(Effect::SetVerifyVolume));
        assert_eq!(effects.take(), Some(Effect::StartUnit));
        assert_eq!(effects.take(), None);
        for _ in 0..17 {
            effects.push(Effect::Poll);
        }
        assert_eq!(effects.lost(), 1);
    }
}
