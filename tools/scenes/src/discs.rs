//! Discs: their tables of contents, audio, raw sectors, sizes, what drive and disc can do.

use virtual_drive::disc::generated;

use super::scene::{Act, Says, Scene, Seen, does};

pub const SCENES: &[Scene] = &[
    Scene {
        drive: "cdrom+DISC",
        title: "CD-ROM drive with the disc just made",
        acts: &[
            Act::new("IOCTL_CDROM_READ_TOC", toc).room(804).sends(&["43 02 00 00 00 00 00 03 24 00"]),
            Act::new("IOCTL_CDROM_READ_TOC_EX", full_toc)
                .input("02010000")
                .room(804)
                .sends(&["43 00 02 00 00 00 01 03 24"]),
            Act::new("IOCTL_CDROM_READ_TOC_EX", cd_text)
                .input("05000000")
                .room(804)
                .sends(&["43 00 05 00 00 00 00 03 24"]),
            Act::new("IOCTL_CDROM_READ_Q_CHANNEL", catalogue)
                .input("0200")
                .room(24)
                .sends(&["42 00 40 02 00 00 00 00 18 00"]),
            Act::new("IOCTL_CDROM_RAW_READ", raw_audio)
                .input("0000190000000000 01000000 02000000")
                .room(2352)
                .sends(&["BE 04 00 00 03 20 00 00 01 F0 00 00"]),
            Act::new("IOCTL_CDROM_PLAY_AUDIO_MSF", does!("plays from 00:12:00 to 00:18:00"))
                .input("000C00 001200")
                .sends(&["47 00 00 00 0C 00 00 12 00"]),
            Act::new("IOCTL_CDROM_READ_Q_CHANNEL", position)
                .input("0100")
                .room(16)
                .sends(&["42 02 40 01 00 00 00 00 10 00"])
                .after_ms(2000),
            Act::new("IOCTL_CDROM_PAUSE_AUDIO", does!("pauses")).sends(&["4B 00 00 00 00 00 00 00 00"]),
            Act::new("IOCTL_CDROM_RESUME_AUDIO", does!("goes on")).sends(&["4B 00 00 00 00 00 00 00 01"]),
            Act::new("IOCTL_CDROM_SEEK_AUDIO_MSF", does!("moves to 00:13:00"))
                .input("000D00")
                .sends(&["2B 00 00 00 03 39"]),
            Act::new("IOCTL_CDROM_GET_VOLUME", volume).room(4).sends(&["5A 00 0E 00 00 00 00 00 40 00"]),
            Act::new("IOCTL_CDROM_SET_VOLUME", does!("sets ports 0 and 1 to half volume"))
                .input("80800000")
                .sends(&["5A 00 0E", "55 10 00 00 00 00 00 00 18 00"]),
            Act::new("IOCTL_CDROM_STOP_AUDIO", does!("stops")).sends(&["1B 01 00 00 00 00"]),
            Act::new("IOCTL_CDROM_GET_DRIVE_GEOMETRY", geometry).room(24).sends(&["25"]),
            Act::new("IOCTL_CDROM_GET_DRIVE_GEOMETRY_EX", geometry_ex).room(32).sends(&["25"]),
            Act::new("IOCTL_DISK_GET_DRIVE_GEOMETRY", geometry).room(24).sends(&["25"]),
            Act::new("IOCTL_DISK_GET_DRIVE_GEOMETRY_EX", geometry_ex).room(32).sends(&["25"]),
            Act::new("IOCTL_DISK_GET_LENGTH_INFO", length).room(8).sends(&["25"]),
            Act::new("IOCTL_STORAGE_READ_CAPACITY", capacity).room(32).sends(&["25"]),
            Act::new("IOCTL_DISK_GET_PARTITION_INFO", partition).room(32),
            Act::new("IOCTL_DISK_GET_PARTITION_INFO_EX", partition_ex).room(144),
            Act::new("IOCTL_DISK_GET_DRIVE_LAYOUT", layout).room(40),
            Act::new("IOCTL_DISK_GET_DRIVE_LAYOUT_EX", layout_ex).room(192),
            Act::new("IOCTL_CDROM_GET_CONFIGURATION", configuration)
                .input("0000 0000 00000000 0000000000000000 0000000000000000")
                .room(1024)
                .sends(&["46 00 00 00 00 00 00 04 00"]),
            Act::new("IOCTL_CDROM_SET_SPEED", does!("sets 1764 kB/s"))
                .input("00000000 E406 FFFF 00000000")
                .sends(&["BB 00 06 E4 FF FF"]),
        ],
    },
    Scene {
        drive: "cdrom-twosession",
        title: "CD-ROM drive with a CD of two sessions",
        acts: &[Act::new("IOCTL_CDROM_GET_LAST_SESSION", last_session)
            .room(12)
            .sends(&["43 00 01 00 00 00 00 00 0C 00"])],
    },
    Scene {
        drive: "cdrw-blank",
        title: "CD writer with a blank CD-R",
        acts: &[
            Act::new("IOCTL_CDROM_GET_PERFORMANCE", write_speeds)
                .input("02000000")
                .room(512)
                .sends(&["AC 00 00 00 00 00 00 00 00 1F 03"]),
            Act::new("IOCTL_CDROM_SEND_OPC_INFORMATION", does!("calibrates the laser"))
                .input("01000000 01 000000")
                .sends(&["54 01 01"]),
        ],
    },
    Scene {
        drive: "dvdwriter-ram",
        title: "DVD writer with a DVD-RAM",
        acts: &[
            Act::new("IOCTL_DISK_IS_WRITABLE", does!("is writable")),
            Act::new("IOCTL_DISK_VERIFY", does!("verifies 16 blocks from block 32"))
                .input("0000010000000000 00800000 00000000")
                .sends(&["2F 00 00 00 00 20 00 00 10 00"]),
            Act::new("IOCTL_CDROM_ENABLE_STREAMING", does!("streaming on")).input("02000000"),
            Act::new("IOCTL_STORAGE_RESERVE", does!("reserves the drive")).sends(&["16"]),
            Act::new("IOCTL_STORAGE_RELEASE", does!("releases it")).sends(&["17"]),
            Act::new("IOCTL_STORAGE_PERSISTENT_RESERVE_OUT", does!("registers a key"))
                .input("0C000000 24000000 00 00 0000000000000000 1122334455667788 0000000000000000 0000")
                .sends(&["5F 00 00 00 00 00 00 00 18 00"]),
            Act::new("IOCTL_STORAGE_PERSISTENT_RESERVE_IN", keys)
                .input("0C000000 0C000000 00 00 1000")
                .room(64)
                .sends(&["5E 00 00 00 00 00 00 00 10 00"]),
        ],
    },
];

fn msf(seen: &Seen, at: usize) -> String {
    format!("{:02}:{:02}:{:02}", seen.u8(at), seen.u8(at + 1), seen.u8(at + 2))
}

fn toc(seen: &Seen) -> Says {
    let end = seen.out.len().saturating_sub(3);
    let says = format!("tracks {} to {}, lead-out at {}", seen.u8(2), seen.u8(3), msf(seen, end));
    seen.holds(seen.out.len() == 4 + 4 * 8 && (seen.u8(2), seen.u8(3)) == (1, 3), says, "three tracks were made")
}

fn full_toc(seen: &Seen) -> Says {
    let entries = seen.out.len().saturating_sub(4) / 11;
    seen.holds(
        entries >= 6 && seen.u8(3) == 1,
        format!("full TOC: {entries} entries, one session"),
        "six entries at least",
    )
}

fn cd_text(seen: &Seen) -> Says {
    let packs = seen.out.len().saturating_sub(4) / 18;
    let title = seen.text(8, 12);
    seen.holds(
        title.starts_with("A demonstra"),
        format!("CD-TEXT: {packs} packs, \"{title}…\""),
        "the title that was made",
    )
}

fn catalogue(seen: &Seen) -> Says {
    let number = seen.text(9, 13);
    seen.holds(
        number == "4012345678905" && seen.u8(8) & 0x80 != 0,
        format!("catalogue number {number}"),
        number.clone(),
    )
}

fn raw_audio(seen: &Seen) -> Says {
    // Track 2 begins at block 750 with the first sector of the tone that was written.
    let same = seen.out == generated::audio_sector(50);
    seen.holds(same, "one sector of audio, as it was written", "the fifty-first sector of the first tone")
}

fn position(seen: &Seen) -> Says {
    let says = format!("plays track {}, at {}", seen.u8(6), msf(seen, 9));
    seen.holds(seen.u8(1) == 0x11 && seen.out.len() == 16, says, "audio is playing")
}

fn volume(seen: &Seen) -> Says {
    seen.sized(4, format!("volumes {:?}", seen.out))
}

fn geometry(seen: &Seen) -> Says {
    let says = format!("{} bytes a sector, {} cylinders", seen.le32(20), seen.le64(0));
    seen.holds(
        seen.out.len() == 24 && seen.le32(20) == 2048 && seen.le32(8) == 0x0B,
        says,
        "removable, 2048 bytes a sector",
    )
}

fn geometry_ex(seen: &Seen) -> Says {
    let says = format!("{} bytes a sector, {} bytes in all", seen.le32(20), seen.le64(24));
    seen.holds(seen.out.len() == 32 && seen.le64(24).is_multiple_of(2048), says, "a size in sectors")
}

fn length(seen: &Seen) -> Says {
    seen.sized(8, format!("{} bytes", seen.le64(0)))
}

fn capacity(seen: &Seen) -> Says {
    let says = format!("{} blocks of {} bytes", seen.le64(16), seen.le32(8));
    seen.holds(seen.le64(16) * u64::from(seen.le32(8)) == seen.le64(24), says, "blocks times block length is the size")
}

fn partition(seen: &Seen) -> Says {
    seen.sized(32, format!("one partition of {} bytes", seen.le64(8)))
}

fn partition_ex(seen: &Seen) -> Says {
    seen.sized(144, format!("one partition of {} bytes", seen.le64(16)))
}

fn layout(seen: &Seen) -> Says {
    let says = format!("{} partition", seen.le32(0));
    seen.holds(seen.out.len() == 40 && seen.le32(0) == 1, says, "one partition")
}

fn layout_ex(seen: &Seen) -> Says {
    let says = format!("{} partition", seen.le32(4));
    seen.holds(seen.out.len() == 192 && seen.le32(4) == 1, says, "one partition")
}

fn configuration(seen: &Seen) -> Says {
    let mut count = 0;
    let mut at = 8;
    while at + 4 <= seen.out.len() {
        count += 1;
        at += 4 + usize::from(seen.u8(at + 3));
    }
    let says = format!("profile {:#06X}, {count} features", seen.be16(6));
    seen.holds(seen.be16(6) == 0x0008 && at == seen.out.len(), says, "the profile of a CD-ROM")
}

fn last_session(seen: &Seen) -> Says {
    let says = format!("sessions {} to {}, the last begins at block {}", seen.u8(2), seen.u8(3), seen.be32(8));
    seen.holds(seen.out.len() == 12 && (seen.u8(2), seen.u8(3)) == (1, 2), says, "two sessions")
}

fn write_speeds(seen: &Seen) -> Says {
    let speeds: Vec<_> = (8..seen.out.len()).step_by(16).map(|at| seen.be32(at + 12).to_string()).collect();
    seen.holds(!speeds.is_empty(), format!("writes at {} kB/s", speeds.join(", ")), "a speed at least")
}

fn keys(seen: &Seen) -> Says {
    let key = u64::from(seen.be32(8)) << 32 | u64::from(seen.be32(12));
    seen.holds(key == 0x1122_3344_5566_7788, format!("key {key:016X} is registered"), "the key that was registered")
}
