//! Tray, locks, readiness and news about the disc.

use ioctl_dispatch::NtStatus;

use super::scene::{Act, Says, Scene, Seen, does};

pub const SCENES: &[Scene] = &[Scene {
    drive: "cdrom-data",
    title: "CD-ROM drive with a data CD: the tray",
    acts: &[
        Act::new("IOCTL_STORAGE_CHECK_VERIFY", count).room(4).sends(&["00"]),
        Act::new("IOCTL_STORAGE_CHECK_VERIFY2", does!("ready")).sends(&["00"]),
        Act::new("IOCTL_STORAGE_GET_MEDIA_TYPES_EX", media_types).room(256).sends(&["00"]),
        Act::new("IOCTL_STORAGE_MCN_CONTROL", does!("no news for this handle")).input("01"),
        Act::new("IOCTL_STORAGE_MCN_CONTROL", does!("news again")).input("00"),
        Act::new("IOCTL_STORAGE_MEDIA_REMOVAL", does!("locks the tray")).input("01").sends(&["1E 00 00 00 01 00"]),
        Act::new("IOCTL_STORAGE_EJECT_MEDIA", does!("is refused: locked"))
            .fails(NtStatus::INVALID_DEVICE_REQUEST)
            .sends(&["1B 00 00 00 02 00"]),
        Act::new("IOCTL_STORAGE_MEDIA_REMOVAL", does!("unlocks it")).input("00").sends(&["1E 00 00 00 00 00"]),
        Act::new("IOCTL_STORAGE_EJECTION_CONTROL", does!("locks the tray for this handle"))
            .input("01")
            .sends(&["1E 00 00 00 01 00"]),
        Act::new("IOCTL_STORAGE_EJECTION_CONTROL", does!("unlocks it")).input("00").sends(&["1E 00 00 00 00 00"]),
        Act::new("IOCTL_STORAGE_EJECT_MEDIA", does!("opens the tray")).sends(&["1B 00 00 00 02 00"]),
        Act::new("IOCTL_STORAGE_LOAD_MEDIA", does!("looks at the drive anew, closes the tray")).sends(&[
            "46 01",
            "5A 08 2A",
            "AC 14",
            "AC 00",
            "1B 00 00 00 03 00",
        ]),
        Act::new("IOCTL_STORAGE_LOAD_MEDIA2", does!("closes the tray")).sends(&["1B 00 00 00 03 00"]).after_ms(20_000),
    ],
}];

fn count(seen: &Seen) -> Says {
    seen.sized(4, format!("ready; media changed {} times", seen.le32(0)))
}

fn media_types(seen: &Seen) -> Says {
    let says = format!("device type {}, {} media types", seen.le32(0), seen.le32(4));
    seen.holds(seen.le32(4) > 0 && seen.out.len() >= 40, says, "a media type at least")
}
