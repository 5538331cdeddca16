//! All that the driver knows of one drive. Plain data; every transition is a method with a test.

use scsi_cdb::Opcode;

use crate::agid::Agids;
use crate::blob::Blob;
use crate::capability::Capability;
use crate::descriptors::{AdapterDescriptor, DeviceDescriptor, PowerDescriptor};
use crate::effect::Effects;
use crate::exclusive::Owner;
use crate::geometry::Geometry;
use crate::ioctl::DeviceType;
use crate::limits::TransferLimits;
use crate::media::Media;
use crate::ops::poll::Polling;
use crate::ops::region::RegionPick;
use crate::quirks::Quirks;
use crate::registry::Settings;
use crate::removal::Removal;
use crate::sense::log::LogHistory;
use crate::zero_power::ZeroPowerState;

/// Longest interface link or device name kept, in UTF-16 units.
pub const NAME_LIMIT: usize = 512;

/// How the system knows the device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity<'a> {
    /// N of `\Device\CdRomN`.
    pub number: u32,
    /// `\Device\CdRomN`.
    pub device_name: &'a [u16],
    /// Symbolic-link name of the mounted-device interface; empty if it is not registered.
    pub mounted_interface: &'a [u16],
    /// DevicePropertyRemovalPolicy: 1 none, 2 orderly, 3 surprise.
    pub removal_policy: u32,
}

/// One drive.
#[derive(Clone, Debug)]
pub struct Device {
    /// N of `\Device\CdRomN`.
    pub number: u32,
    /// `\Device\CdRomN`.
    pub device_name: Blob<u16, 64>,
    /// Symbolic-link name of the mounted-device interface.
    pub mounted_interface: Blob<u16, NAME_LIMIT>,
    /// What the port said of the adapter.
    pub adapter: AdapterDescriptor,
    /// What the port said of the device.
    pub descriptor: DeviceDescriptor,
    /// What the port said of the device's power.
    pub power: PowerDescriptor,
    /// Transfer limits.
    pub limits: TransferLimits,
    /// Default command time-out in seconds.
    pub timeout_s: u32,
    /// What this drive cannot do or does wrong.
    pub quirks: Quirks,
    /// Registry settings that later decisions need.
    pub policy: Policy,
    /// Cached INQUIRY data.
    pub inquiry: Blob<u8, 260>,
    /// GET CONFIGURATION works.
    pub is_mmc: bool,
    /// The drive reads DVDs (feature 001F at start).
    pub is_dvd: bool,
    /// The drive knows AACS (feature 010D at start).
    pub is_aacs: bool,
    /// The drive can ever write.
    pub is_writer: bool,
    /// READ CD gives C2 error pointers.
    pub c2_pointers: bool,
    /// READ CD gives R-W sub-channels.
    pub raw_sub_channel: bool,
    /// START UNIT may be sent without harm.
    pub safe_start_unit: bool,
    /// What the medium in the drive can do.
    pub capability: Capability,
    /// Sector size and capacity.
    pub geometry: Geometry,
    /// The medium's state.
    pub media: Media,
    /// Media-change polling.
    pub polling: Polling,
    /// Locks on the medium.
    pub removal: Removal,
    /// Who has the drive to itself.
    pub exclusive: Option<Owner>,
    /// Authentication grants.
    pub agids: Agids,
    /// The automatic choice of a DVD region.
    pub region: RegionPick,
    /// Audio is playing, as far as is known.
    pub audio_playing: bool,
    /// Give the drive its default speeds back when the medium changes.
    pub restore_speed_on_media_change: bool,
    /// The volume has not been reported online yet.
    pub online_pending: bool,
    /// `STORAGE_HOTPLUG_INFO`.
    pub hotplug: Hotplug,
    /// Zero power (ZPODD).
    pub zero_power: ZeroPowerState,
    /// What has been logged.
    pub log: LogHistory,
    /// The start sequence has ended well.
    pub initialized: bool,
    /// The device was removed without warning.
    pub surprise_removed: bool,
    /// Effects not yet taken.
    pub effects: Effects,
}

/// Registry settings that decisions after the start need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Media-change notification is wanted and the device is on no list.
    pub notification: bool,
    /// `MMCDetectionState`.
    pub mmc_detection_state: u32,
    /// `CdRom\NonMmc`.
    pub non_mmc: bool,
    /// `CdRom\NonMmcVendorSpecificProfile`.
    pub vendor_profile_known: bool,
    /// `ZeroPowerODDEnabled`.
    pub zero_power: bool,
}

/// `STORAGE_HOTPLUG_INFO`, without its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hotplug {
    /// MediaRemovable.
    pub media_removable: u8,
    /// MediaHotplug.
    pub media_hotplug: u8,
    /// DeviceHotplug.
    pub device_hotplug: u8,
    /// WriteCacheEnableOverride.
    pub write_cache_enable_override: u8,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            number: 0,
            device_name: Blob::default(),
            mounted_interface: Blob::default(),
            adapter: AdapterDescriptor::default(),
            descriptor: DeviceDescriptor::default(),
            power: PowerDescriptor::default(),
            limits: TransferLimits::default(),
            timeout_s: 10,
            quirks: Quirks::default(),
            policy: Policy::default(),
            inquiry: Blob::default(),
            is_mmc: false,
            is_dvd: false,
            is_aacs: false,
            is_writer: false,
            c2_pointers: false,
            raw_sub_channel: false,
            safe_start_unit: false,
            capability: Capability::default(),
            geometry: Geometry::default(),
            media: Media::default(),
            polling: Polling::default(),
            removal: Removal::default(),
            exclusive: None,
            agids: Agids::default(),
            region: RegionPick::default(),
            audio_playing: false,
            restore_speed_on_media_change: false,
            online_pending: true,
            hotplug: Hotplug::default(),
            zero_power: ZeroPowerState::default(),
            log: LogHistory::default(),
            initialized: false,
            surprise_removed: false,
            effects: Effects::default(),
        }
    }
}

impl Device {
    /// A drive before its start sequence.
    #[must_use]
    pub fn new(
        identity: &Identity<'_>,
        settings: &Settings<'_>,
        adapter: AdapterDescriptor,
        descriptor: DeviceDescriptor,
        power: PowerDescriptor,
    ) -> Self {
        let mut device = Self::default();
        device.set_up(identity, settings, adapter, &descriptor, power);
        device
    }

    /// Makes a new drive (the default) the one that the system and the port describe: [`Self::new`] in place, for those
    /// who have little stack.
    pub fn set_up(
        &mut self,
        identity: &Identity<'_>,
        settings: &Settings<'_>,
        adapter: AdapterDescriptor,
        descriptor: &DeviceDescriptor,
        power: PowerDescriptor,
    ) {
        let policy = |value: u32| matches!(value, 2 | 3).then_some(value);
        let removal_policy =
            policy(identity.removal_policy).map(|own| settings.user_removal_policy.and_then(policy).unwrap_or(own));
        self.number = identity.number;
        self.device_name = Blob::new(identity.device_name);
        self.mounted_interface = Blob::new(identity.mounted_interface);
        self.quirks = Quirks::find(descriptor, settings);
        self.limits = adapter.limits();
        self.timeout_s = self.quirks.timeout_s.unwrap_or(settings.command_timeout());
        self.policy = Policy {
            notification: settings.wants_notification()
                && !settings.lists_device(descriptor.identification().as_slice()),
            mmc_detection_state: settings.mmc_detection_state.unwrap_or(0),
            non_mmc: settings.non_mmc.unwrap_or(0) != 0,
            vendor_profile_known: settings.non_mmc_vendor_specific_profile.unwrap_or(0) != 0,
            zero_power: settings.zero_power_enabled.unwrap_or(1) != 0,
        };
        self.hotplug = Hotplug {
            media_removable: u8::from(descriptor.removable()),
            media_hotplug: u8::from(self.quirks.cannot_lock),
            device_hotplug: u8::from(removal_policy == Some(3)),
            write_cache_enable_override: u8::from(settings.write_cache_enable_override.unwrap_or(0) != 0),
        };
        self.adapter = adapter;
        self.descriptor = *descriptor;
        self.power = power;
    }

    /// The device type that media-type answers carry.
    #[must_use]
    pub const fn drive_type(&self) -> DeviceType {
        if self.is_dvd { DeviceType::DVD } else { DeviceType::CD_ROM }
    }

    /// The default time-out times `factor`, at most 260 seconds unless the default is longer itself.
    #[must_use]
    pub fn capped_timeout(&self, factor: u32) -> u32 {
        const MOST: u32 = 260;
        if self.timeout_s > MOST { self.timeout_s } else { self.timeout_s.saturating_mul(factor).min(MOST) }
    }

    /// The device is gone without warning: no capacity, and failures say so from now on.
    pub fn surprise_removal(&mut self) {
        self.surprise_removed = true;
        self.geometry.remove();
    }

    /// A command ended well, sent for a program's request (`linked`) or the driver's own.
    pub fn command_succeeded(&mut self, linked: bool, opcode: Opcode) {
        self.log.command_succeeded(linked, opcode);
        self.zero_power.command_succeeded();
    }
}
