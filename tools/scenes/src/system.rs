//! What the system asks: names, numbers, properties, volumes, pass-through, exclusive access.

use ioctl_dispatch::NtStatus;

use super::scene::{Act, Says, Scene, Seen, does};

pub const SCENES: &[Scene] = &[Scene {
    drive: "cdrw+data-cd",
    title: "CD writer with a data CD: what the system asks",
    acts: &[
        Act::new("IOCTL_CDROM_GET_INQUIRY_DATA", inquiry).room(36),
        Act::new("IOCTL_STORAGE_QUERY_PROPERTY", descriptor).input("00000000 00000000 00000000").room(512),
        Act::new("IOCTL_STORAGE_GET_DEVICE_NUMBER", number).room(12),
        Act::new("IOCTL_STORAGE_GET_HOTPLUG_INFO", hotplug).room(8),
        Act::new("IOCTL_STORAGE_SET_HOTPLUG_INFO", does!("keeps it")).input("08000000 01000000"),
        Act::new("IOCTL_STORAGE_FIND_NEW_DEVICES", does!("has the bus looked at again")),
        Act::new("IOCTL_STORAGE_CHECK_PRIORITY_HINT_SUPPORT", does!("is never supported"))
            .fails(NtStatus::NOT_SUPPORTED),
        Act::new("IOCTL_STORAGE_EVENT_NOTIFICATION", does!("has the drive polled for news"))
            .input("01000000 10000000 0100000000000000"),
        Act::new("IOCTL_MOUNTDEV_QUERY_UNIQUE_ID", unique_id).room(512),
        Act::new("IOCTL_MOUNTDEV_QUERY_DEVICE_NAME", device_name).room(64),
        Act::new("IOCTL_MOUNTDEV_QUERY_SUGGESTED_LINK_NAME", does!("no drive letter is kept"))
            .room(64)
            .fails(NtStatus::OBJECT_NAME_NOT_FOUND),
        Act::new("IOCTL_VOLUME_ONLINE", does!("the volume is online")),
        Act::new("IOCTL_VOLUME_POST_ONLINE", does!("says so")),
        Act::new("IOCTL_DISK_ARE_VOLUMES_READY", does!("the volumes are ready")),
        Act::new("IOCTL_CDROM_EXCLUSIVE_ACCESS", does!("takes the drive for this handle alone"))
            .input("01000000 01000000 64656D6F")
            .zeros(60),
        Act::new("IOCTL_CDROM_EXCLUSIVE_ACCESS", owner).input("00000000 00000000").room(65),
        Act::new("IOCTL_CDROM_EXCLUSIVE_ACCESS", does!("gives it back")).input("02000000 01000000"),
        Act::new("IOCTL_SCSI_PASS_THROUGH", pass_through).input(INQUIRY).room(92).sends(&["12 00 00 00 24 00"]),
        Act::new("IOCTL_SCSI_PASS_THROUGH_DIRECT", test_unit_ready).input(TEST_UNIT_READY).room(56).sends(&["00"]),
        Act::new("IOCTL_SCSI_PASS_THROUGH_EX", does!("goes to the port, which does not know it"))
            .zeros(128)
            .room(256)
            .fails(NtStatus::NOT_SUPPORTED),
        Act::new("IOCTL_SCSI_PASS_THROUGH_DIRECT_EX", does!("goes to the port, which does not know it"))
            .zeros(128)
            .room(256)
            .fails(NtStatus::NOT_SUPPORTED),
    ],
}];

/// `SCSI_PASS_THROUGH`: INQUIRY of 36 bytes into the buffer after the structure.
const INQUIRY: &str = "3800 00 00 00 00 06 00 01 000000 24000000 0A000000 00000000 3800000000000000 00000000 \
                       12000000240000000000000000000000 00000000";

/// `SCSI_PASS_THROUGH_DIRECT`: TEST UNIT READY.
const TEST_UNIT_READY: &str = "3800 00 00 00 00 06 00 02 000000 00000000 0A000000 00000000 0000000000000000 00000000 \
                               00000000000000000000000000000000 00000000";

fn inquiry(seen: &Seen) -> Says {
    seen.holds(
        seen.out.len() == 36 && seen.u8(0) & 0x1F == 5,
        format!("\"{}\"", seen.text(8, 28)),
        "36 bytes of a CD-ROM drive",
    )
}

fn descriptor(seen: &Seen) -> Says {
    let says = format!("device descriptor, {} bytes, bus type {}", seen.out.len(), seen.le32(28));
    seen.holds(seen.out.len() >= 36 && seen.u8(8) == 5, says, "a descriptor of a CD-ROM drive")
}

fn number(seen: &Seen) -> Says {
    seen.sized(12, format!("device type {}, number {}", seen.le32(0), seen.le32(4)))
}

fn hotplug(seen: &Seen) -> Says {
    seen.sized(8, format!("media removable {}, hot-plug {}", seen.u8(4), seen.u8(6)))
}

fn unique_id(seen: &Seen) -> Says {
    let length = usize::from(seen.le16(0));
    seen.sized(2 + length, format!("{length} bytes"))
}

fn device_name(seen: &Seen) -> Says {
    let name = seen.wide_text(2, usize::from(seen.le16(0)));
    seen.holds(name == r"\Device\CdRom0", name.clone(), "the device's name")
}

fn owner(seen: &Seen) -> Says {
    let name = seen.text(1, 64);
    let taken = seen.out.len() == 65 && seen.u8(0) == 1 && name == "demo";
    seen.holds(taken, format!("\"{name}\" has exclusive access"), "65 bytes that name the owner")
}

fn pass_through(seen: &Seen) -> Says {
    let name = seen.text(0x38 + 8, 28);
    seen.holds(
        seen.u8(2) == 0 && seen.u8(0x38) & 0x1F == 5,
        format!("INQUIRY by a program: \"{name}\""),
        "INQUIRY data",
    )
}

fn test_unit_ready(seen: &Seen) -> Says {
    seen.holds(seen.u8(2) == 0, "TEST UNIT READY by a program: ready", "GOOD status")
}
