//! Names of codes that this driver does not serve under that number: aliases, and what is passed down.
//!
//! Names and numbers are those of the headers (spec `tables/ioctls.json`).

use super::code::ControlCode;
use super::table::{Ioctl, passed_down as down};

const fn alias(name: &'static str, code: u32) -> (&'static str, ControlCode) {
    (name, ControlCode(code))
}

/// Names of codes that are served as another one: see [`ControlCode::normalized`]. By code.
pub const ALIASES: &[(&str, ControlCode)] = &[
    alias("IOCTL_CDROM_SIMBAD", 0x0002_400C),
    alias("IOCTL_CDROM_CHECK_VERIFY", 0x0002_4800),
    alias("IOCTL_CDROM_MEDIA_REMOVAL", 0x0002_4804),
    alias("IOCTL_CDROM_EJECT_MEDIA", 0x0002_4808),
    alias("IOCTL_CDROM_LOAD_MEDIA", 0x0002_480C),
    alias("IOCTL_CDROM_RESERVE", 0x0002_4810),
    alias("IOCTL_CDROM_RELEASE", 0x0002_4814),
    alias("IOCTL_CDROM_FIND_NEW_DEVICES", 0x0002_4818),
    alias("IOCTL_DISK_CHECK_VERIFY", 0x0007_4800),
    alias("IOCTL_DISK_MEDIA_REMOVAL", 0x0007_4804),
    alias("IOCTL_DISK_EJECT_MEDIA", 0x0007_4808),
    alias("IOCTL_DISK_LOAD_MEDIA", 0x0007_480C),
    alias("IOCTL_DISK_RESERVE", 0x0007_4810),
    alias("IOCTL_DISK_RELEASE", 0x0007_4814),
    alias("IOCTL_DISK_FIND_NEW_DEVICES", 0x0007_4818),
];

/// Codes with a name that are passed down to the port, by code. Codes without one are passed down just so.
pub const PASSED_DOWN: &[Ioctl] = &[
    down("IOCTL_CDROM_DISK_TYPE", 0x0002_0040),
    down("IOCTL_CDROM_GET_CONTROL", 0x0002_4034),
    down("IOCTL_CDROM_UNLOAD_DRIVER", 0x0002_5008),
    down("IOCTL_SCSI_GET_INQUIRY_DATA", 0x0004_100C),
    down("IOCTL_SCSI_GET_CAPABILITIES", 0x0004_1010),
    down("IOCTL_SCSI_GET_ADDRESS", 0x0004_1018),
    down("IOCTL_SCSI_RESCAN_BUS", 0x0004_101C),
    down("IOCTL_SCSI_GET_DUMP_POINTERS", 0x0004_1020),
    down("IOCTL_SCSI_FREE_DUMP_POINTERS", 0x0004_1024),
    down("IOCTL_SCSI_MINIPORT", 0x0004_D008),
    down("IOCTL_ATA_PASS_THROUGH", 0x0004_D02C),
    down("IOCTL_ATA_PASS_THROUGH_DIRECT", 0x0004_D030),
    down("IOCTL_DISK_PERFORMANCE", 0x0007_0020),
    down("IOCTL_DISK_LOGGING", 0x0007_0028),
    down("IOCTL_DISK_HISTOGRAM_STRUCTURE", 0x0007_0030),
    down("IOCTL_DISK_HISTOGRAM_DATA", 0x0007_0034),
    down("IOCTL_DISK_HISTOGRAM_RESET", 0x0007_0038),
    down("IOCTL_DISK_REQUEST_STRUCTURE", 0x0007_003C),
    down("IOCTL_DISK_REQUEST_DATA", 0x0007_0040),
    down("IOCTL_DISK_CONTROLLER_NUMBER", 0x0007_0044),
    down("IOCTL_DISK_PERFORMANCE_OFF", 0x0007_0060),
    down("IOCTL_DISK_GET_PARTITION_ATTRIBUTES", 0x0007_00E8),
    down("IOCTL_DISK_GET_DISK_ATTRIBUTES", 0x0007_00F0),
    down("IOCTL_DISK_IS_CLUSTERED", 0x0007_00F8),
    down("IOCTL_DISK_UPDATE_PROPERTIES", 0x0007_0140),
    down("IOCTL_DISK_GET_CLUSTER_INFO", 0x0007_0214),
    down("IOCTL_DISK_GET_PERFORMANCE_INFO", 0x0007_0224),
    down("IOCTL_DISK_SENSE_DEVICE", 0x0007_03E0),
    down("IOCTL_DISK_INTERNAL_SET_VERIFY", 0x0007_0403),
    down("IOCTL_DISK_INTERNAL_CLEAR_VERIFY", 0x0007_0407),
    down("IOCTL_DISK_INTERNAL_SET_NOTIFY", 0x0007_0408),
    down("IOCTL_DISK_GET_MEDIA_TYPES", 0x0007_0C00),
    down("IOCTL_DISK_GET_CACHE_INFORMATION", 0x0007_40D4),
    down("IOCTL_DISK_GET_WRITE_CACHE_STATE", 0x0007_40DC),
    down("IOCTL_DISK_GET_CACHE_SETTING", 0x0007_40E0),
    down("IOCTL_DISK_GET_SAN_SETTINGS", 0x0007_4200),
    down("IOCTL_DISK_GET_SNAPSHOT_INFO", 0x0007_4208),
    down("IOCTL_DISK_SET_PARTITION_INFO", 0x0007_C008),
    down("IOCTL_DISK_SET_DRIVE_LAYOUT", 0x0007_C010),
    down("IOCTL_DISK_FORMAT_TRACKS", 0x0007_C018),
    down("IOCTL_DISK_REASSIGN_BLOCKS", 0x0007_C01C),
    down("IOCTL_DISK_FORMAT_TRACKS_EX", 0x0007_C02C),
    down("IOCTL_DISK_SET_PARTITION_INFO_EX", 0x0007_C04C),
    down("IOCTL_DISK_SET_DRIVE_LAYOUT_EX", 0x0007_C054),
    down("IOCTL_DISK_CREATE_DISK", 0x0007_C058),
    down("IOCTL_DISK_COPY_DATA", 0x0007_C064),
    down("IOCTL_DISK_REASSIGN_BLOCKS_EX", 0x0007_C0A4),
    down("IOCTL_DISK_UPDATE_DRIVE_SIZE", 0x0007_C0C8),
    down("IOCTL_DISK_GROW_PARTITION", 0x0007_C0D0),
    down("IOCTL_DISK_SET_CACHE_INFORMATION", 0x0007_C0D8),
    down("IOCTL_DISK_SET_CACHE_SETTING", 0x0007_C0E4),
    down("IOCTL_DISK_SET_PARTITION_ATTRIBUTES", 0x0007_C0EC),
    down("IOCTL_DISK_SET_DISK_ATTRIBUTES", 0x0007_C0F4),
    down("IOCTL_DISK_DELETE_DRIVE_LAYOUT", 0x0007_C100),
    down("IOCTL_DISK_SET_SAN_SETTINGS", 0x0007_C204),
    down("IOCTL_DISK_SET_SNAPSHOT_INFO", 0x0007_C20C),
    down("IOCTL_DISK_RESET_SNAPSHOT_INFO", 0x0007_C210),
    down("IOCTL_DISK_SET_CLUSTER_INFO", 0x0007_C218),
    down("IOCTL_DISK_VOLUMES_ARE_READY", 0x0007_C220),
    down("IOCTL_DISK_FORMAT_DRIVE", 0x0007_C3CC),
    down("IOCTL_DISK_SIMBAD", 0x0007_D000),
    down("IOCTL_SCSI_EXECUTE_IN", 0x001B_0011),
    down("IOCTL_SCSI_EXECUTE_OUT", 0x001B_0012),
    down("IOCTL_SCSI_EXECUTE_NONE", 0x001B_0013),
    down("IOCTL_SCSI_MINIPORT_SMART_VERSION", 0x001B_0500),
    down("IOCTL_SCSI_MINIPORT_IDENTIFY", 0x001B_0501),
    down("IOCTL_SCSI_MINIPORT_READ_SMART_ATTRIBS", 0x001B_0502),
    down("IOCTL_SCSI_MINIPORT_READ_SMART_THRESHOLDS", 0x001B_0503),
    down("IOCTL_SCSI_MINIPORT_ENABLE_SMART", 0x001B_0504),
    down("IOCTL_SCSI_MINIPORT_DISABLE_SMART", 0x001B_0505),
    down("IOCTL_SCSI_MINIPORT_RETURN_STATUS", 0x001B_0506),
    down("IOCTL_SCSI_MINIPORT_ENABLE_DISABLE_AUTOSAVE", 0x001B_0507),
    down("IOCTL_SCSI_MINIPORT_SAVE_ATTRIBUTE_VALUES", 0x001B_0508),
    down("IOCTL_SCSI_MINIPORT_EXECUTE_OFFLINE_DIAGS", 0x001B_0509),
    down("IOCTL_SCSI_MINIPORT_ENABLE_DISABLE_AUTO_OFFLINE", 0x001B_050A),
    down("IOCTL_SCSI_MINIPORT_READ_SMART_LOG", 0x001B_050B),
    down("IOCTL_SCSI_MINIPORT_WRITE_SMART_LOG", 0x001B_050C),
    down("IOCTL_SCSI_MINIPORT_NOT_QUORUM_CAPABLE", 0x001B_0520),
    down("IOCTL_SCSI_MINIPORT_NOT_CLUSTER_CAPABLE", 0x001B_0521),
    down("IOCTL_SCSI_MINIPORT_NVCACHE", 0x001B_0600),
    down("IOCTL_SCSI_MINIPORT_HYBRID", 0x001B_0620),
    down("IOCTL_SCSI_MINIPORT_FIRMWARE", 0x001B_0780),
    down("IOCTL_SCSI_MINIPORT_BOOT_PARTITION", 0x001B_0790),
    down("IOCTL_SCSI_MINIPORT_DIAGNOSTIC", 0x001B_0900),
    down("IOCTL_STORAGE_MANAGE_BYPASS_IO", 0x002D_08C0),
    down("IOCTL_STORAGE_GET_MEDIA_TYPES", 0x002D_0C00),
    down("IOCTL_STORAGE_GET_MEDIA_SERIAL_NUMBER", 0x002D_0C10),
    down("IOCTL_STORAGE_GET_DEVICE_NUMBER_EX", 0x002D_1084),
    down("IOCTL_STORAGE_PREDICT_FAILURE", 0x002D_1100),
    down("IOCTL_STORAGE_FAILURE_PREDICTION_CONFIG", 0x002D_1104),
    down("IOCTL_STORAGE_GET_COUNTERS", 0x002D_1108),
    down("IOCTL_STORAGE_FIRMWARE_GET_INFO", 0x002D_1C00),
    down("IOCTL_STORAGE_BOOT_PARTITION_GET_INFO", 0x002D_1C14),
    down("IOCTL_STORAGE_ENABLE_IDLE_POWER", 0x002D_1C80),
    down("IOCTL_STORAGE_GET_IDLE_POWERUP_REASON", 0x002D_1C84),
    down("IOCTL_STORAGE_POWER_ACTIVE", 0x002D_1C88),
    down("IOCTL_STORAGE_POWER_IDLE", 0x002D_1C8C),
    down("IOCTL_STORAGE_DEVICE_POWER_CAP", 0x002D_1C94),
    down("IOCTL_STORAGE_RPMB_COMMAND", 0x002D_1C98),
    down("IOCTL_STORAGE_DIAGNOSTIC", 0x002D_1CA0),
    down("IOCTL_STORAGE_GET_PHYSICAL_ELEMENT_STATUS", 0x002D_1CA4),
    down("IOCTL_STORAGE_REMOVE_ELEMENT_AND_TRUNCATE", 0x002D_1CC0),
    down("IOCTL_STORAGE_GET_DEVICE_INTERNAL_LOG", 0x002D_1CC4),
    down("IOCTL_STORAGE_GET_SYSTEM_FEATURE_SUPPORT", 0x002D_4C1C),
    down("IOCTL_STORAGE_RESET_BUS", 0x002D_5000),
    down("IOCTL_STORAGE_RESET_DEVICE", 0x002D_5004),
    down("IOCTL_STORAGE_BREAK_RESERVATION", 0x002D_5014),
    down("IOCTL_STORAGE_GET_LB_PROVISIONING_MAP_RESOURCES", 0x002D_5408),
    down("IOCTL_STORAGE_GET_BC_PROPERTIES", 0x002D_5800),
    down("IOCTL_STORAGE_SET_PROPERTY", 0x002D_93FC),
    down("IOCTL_STORAGE_MANAGE_DATA_SET_ATTRIBUTES", 0x002D_9404),
    down("IOCTL_STORAGE_REINITIALIZE_MEDIA", 0x002D_9640),
    down("IOCTL_STORAGE_MINIPORT_PASSTHROUGH_REQUEST", 0x002D_D050),
    down("IOCTL_STORAGE_GET_DEVICE_TELEMETRY", 0x002D_D1C0),
    down("IOCTL_STORAGE_DEVICE_TELEMETRY_NOTIFY", 0x002D_D1C4),
    down("IOCTL_STORAGE_DEVICE_TELEMETRY_QUERY_CAPS", 0x002D_D1C8),
    down("IOCTL_STORAGE_GET_DEVICE_TELEMETRY_RAW", 0x002D_D1CC),
    down("IOCTL_STORAGE_SET_TEMPERATURE_THRESHOLD", 0x002D_D200),
    down("IOCTL_STORAGE_PROTOCOL_COMMAND", 0x002D_D3C0),
    down("IOCTL_STORAGE_ALLOCATE_BC_STREAM", 0x002D_D804),
    down("IOCTL_STORAGE_FREE_BC_STREAM", 0x002D_D808),
    down("IOCTL_STORAGE_START_DATA_INTEGRITY_CHECK", 0x002D_D884),
    down("IOCTL_STORAGE_STOP_DATA_INTEGRITY_CHECK", 0x002D_D888),
    down("IOCTL_STORAGE_FIRMWARE_DOWNLOAD", 0x002D_DC04),
    down("IOCTL_STORAGE_FIRMWARE_ACTIVATE", 0x002D_DC08),
    down("IOCTL_STORAGE_BOOT_PARTITION_DOWNLOAD", 0x002D_DC0C),
    down("IOCTL_STORAGE_BOOT_PARTITION_ACTIVATE", 0x002D_DC10),
    down("IOCTL_STORAGE_ATTRIBUTE_MANAGEMENT", 0x002D_DC9C),
    down("IOCTL_MOUNTDEV_QUERY_STABLE_GUID", 0x004D_0018),
    down("IOCTL_MOUNTDEV_UNIQUE_ID_CHANGE_NOTIFY", 0x004D_C004),
    down("IOCTL_MOUNTDEV_LINK_CREATED", 0x004D_C010),
    down("IOCTL_MOUNTDEV_LINK_DELETED", 0x004D_C014),
    down("IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS", 0x0056_0000),
    down("IOCTL_VOLUME_SUPPORTS_ONLINE_OFFLINE", 0x0056_0004),
    down("IOCTL_VOLUME_IS_OFFLINE", 0x0056_0010),
    down("IOCTL_VOLUME_IS_IO_CAPABLE", 0x0056_0014),
    down("IOCTL_VOLUME_QUERY_FAILOVER_SET", 0x0056_0018),
    down("IOCTL_VOLUME_QUERY_VOLUME_NUMBER", 0x0056_001C),
    down("IOCTL_VOLUME_LOGICAL_TO_PHYSICAL", 0x0056_0020),
    down("IOCTL_VOLUME_PHYSICAL_TO_LOGICAL", 0x0056_0024),
    down("IOCTL_VOLUME_IS_PARTITION", 0x0056_0028),
    down("IOCTL_VOLUME_IS_CLUSTERED", 0x0056_0030),
    down("IOCTL_VOLUME_SET_GPT_ATTRIBUTES", 0x0056_0034),
    down("IOCTL_VOLUME_GET_GPT_ATTRIBUTES", 0x0056_0038),
    down("IOCTL_VOLUME_IS_DYNAMIC", 0x0056_0048),
    down("IOCTL_VOLUME_UPDATE_PROPERTIES", 0x0056_0054),
    down("IOCTL_VOLUME_IS_CSV", 0x0056_0060),
    down("IOCTL_VOLUME_READ_PLEX", 0x0056_402E),
    down("IOCTL_VOLUME_GET_BC_PROPERTIES", 0x0056_403C),
    down("IOCTL_VOLUME_QUERY_ALLOCATION_HINT", 0x0056_4052),
    down("IOCTL_VOLUME_QUERY_MINIMUM_SHRINK_SIZE", 0x0056_4058),
    down("IOCTL_VOLUME_OFFLINE", 0x0056_C00C),
    down("IOCTL_VOLUME_ALLOCATE_BC_STREAM", 0x0056_C040),
    down("IOCTL_VOLUME_FREE_BC_STREAM", 0x0056_C044),
    down("IOCTL_VOLUME_PREPARE_FOR_CRITICAL_IO", 0x0056_C04C),
    down("IOCTL_VOLUME_PREPARE_FOR_SHRINK", 0x0056_C05C),
    down("IOCTL_VOLUME_GET_CSVBLOCKCACHE_CALLBACK", 0x0056_C068),
];

/// Every name that a code has here, with the code: served codes first, then aliases, then what is passed down.
pub fn names() -> impl Iterator<Item = (&'static str, ControlCode)> {
    let rows = |rows: &'static [Ioctl]| rows.iter().map(|row| (row.name, row.code));
    rows(super::IOCTLS).chain(ALIASES.iter().copied()).chain(rows(PASSED_DOWN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrival::Arrival;
    use crate::ioctl::{WhileLocked, find};
    use crate::test_host::Host;
    use crate::{HandleId, NtStatus};
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_in_order() {
        let all: HashSet<_> = names().map(|(name, _)| name).collect();
        assert_eq!(all.len(), names().count());
        assert!(ALIASES.is_sorted_by_key(|(_, code)| *code) && PASSED_DOWN.is_sorted_by_key(|row| row.code));
    }

    #[test]
    fn an_alias_is_served_and_nothing_that_is_passed_down_is() {
        for (name, code) in ALIASES {
            assert!(find(code.normalized()).is_some(), "{name}");
        }
        for row in PASSED_DOWN {
            assert!(find(row.code.normalized()).is_none(), "{}", row.name);
        }
    }

    #[test]
    fn what_is_passed_down_sends_nothing_of_its_own_and_keeps_to_exclusive_access() {
        for row in PASSED_DOWN {
            let mut host = Host::default();
            let answer = host.control(row.code.0, "", 0);
            assert!(answer.forwarded && answer.commands.is_empty(), "{}", row.name);
            host.dispatcher.device.exclusive = Some(crate::exclusive::Owner { handle: HandleId(99), name: [0; 64] });
            let answer = host.control(row.code.0, "", 0);
            match row.while_locked() {
                WhileLocked::Denied => assert_eq!(answer.end(), (NtStatus::ACCESS_DENIED, 0), "{}", row.name),
                _ => assert!(answer.forwarded, "{}", row.name),
            }
        }
    }

    #[test]
    fn above_passive_level_it_is_passed_down_at_once() {
        let mut host = Host::default();
        let (mut scratch, mut features) = ([0; 16], [0; 16]);
        for row in PASSED_DOWN {
            let mut request = host.request(row.code.0, &[], 0);
            request.irql = crate::request::Irql::Dispatch;
            let mut buffers = crate::Buffers { scratch: &mut scratch, features: &mut features, system: &mut [] };
            let arrival = host.dispatcher.arrive(&request, None, &host.environment, &mut buffers);
            assert_eq!(arrival, Arrival::Forward, "{}", row.name);
        }
    }
}
