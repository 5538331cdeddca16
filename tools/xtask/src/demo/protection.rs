//! Copy protection: sessions, keys, regions, structures of DVD and BD discs.

use ioctl_dispatch::NtStatus;

use super::scene::{Act, Says, Scene, Seen, does};

pub const SCENES: &[Scene] = &[
    Scene {
        drive: "dvdrom-movie",
        title: "DVD-ROM drive with a disc under CSS",
        acts: &[
            Act::new("IOCTL_DVD_GET_REGION", region)
                .room(4)
                .sends(&["AD 00 00 00 00 00 00 01 00 08", "A4 00 00 00 00 00 00 00 00 08 08"]),
            Act::new("IOCTL_DVD_READ_STRUCTURE", copyright)
                .input("0000000000000000 01000000 00000000 00")
                .room(8)
                .sends(&["AD 00 00 00 00 00 00 01 00 08"]),
            Act::new("IOCTL_DVD_START_SESSION", session).room(4).sends(&["A4 00 00 00 00 00 00 00 00 08 00"]),
            Act::new("IOCTL_DVD_SEND_KEY", does!("sends the host's challenge"))
                .input("24000000 00000000 01000000 00000000 0000000000000000 30313233343536373839 0000")
                .sends(&["A3 00 00 00 00 00 00 00 00 10 01"]),
            Act::new("IOCTL_DVD_READ_KEY", bus_key)
                .input("20000000 00000000 02000000 00000000 0000000000000000 0000000000000000")
                .room(32)
                .sends(&["A4 00 00 00 00 00 00 00 00 0C 02"]),
            Act::new("IOCTL_DVD_SEND_KEY2", does!("has no key that the drive would take"))
                .input("20000000 00000000 03000000 00000000 0000000000000000 0000000000000000")
                .fails(NtStatus::CSS_AUTHENTICATION_FAILURE)
                .sends(&["A3 00 00 00 00 00 00 00 00 0C 03"]),
            Act::new("IOCTL_DVD_END_SESSION", does!("gives the AGID back"))
                .input("00000000")
                .sends(&["A3 00 00 00 00 00 00 00 00 00 3F"]),
            Act::new("IOCTL_DVD_SET_READ_AHEAD", does!("reads on from block 512 at block 256"))
                .input("0000080000000000 0000100000000000")
                .sends(&["A7 00 00 00 01 00 00 00 02 00"]),
            Act::new("IOCTL_STORAGE_SET_READ_AHEAD", does!("reads on from block 512 at block 256"))
                .input("0000080000000000 0000100000000000")
                .sends(&["A7 00 00 00 01 00 00 00 02 00"]),
        ],
    },
    Scene {
        drive: "bdwriter-movie",
        title: "Blu-ray writer with a disc under AACS",
        acts: &[
            Act::new("IOCTL_AACS_READ_MEDIA_KEY_BLOCK_SIZE", block_size)
                .input("00000000")
                .room(4)
                .sends(&["AD 01 00 00 00 00 00 83"]),
            Act::new("IOCTL_AACS_READ_MEDIA_KEY_BLOCK", block)
                .input("00000000")
                .room(65536)
                .sends(&["AD 01 00 00 00 00 00 83", "AD 01 00 00 00 00 01 83"]),
            Act::new("IOCTL_AACS_START_SESSION", session).room(4).sends(&["A4 00 00 00 00 00 00 02 00 08 00"]),
            Act::new("IOCTL_AACS_SEND_CERTIFICATE", does!("sends the host's certificate"))
                .input("00000000")
                .zeros(112)
                .sends(&["A3 00 00 00 00 00 00 02 00 74 01"]),
            Act::new("IOCTL_AACS_GET_CERTIFICATE", |seen| seen.sized(112, "the drive's certificate"))
                .input("00000000")
                .room(112)
                .sends(&["A4 00 00 00 00 00 00 02 00 74 01"]),
            Act::new("IOCTL_AACS_GET_CHALLENGE_KEY", |seen| seen.sized(80, "the drive's key"))
                .input("00000000")
                .room(80)
                .sends(&["A4 00 00 00 00 00 00 02 00 54 02"]),
            Act::new("IOCTL_AACS_SEND_CHALLENGE_KEY", does!("sends the host's key"))
                .input("00000000")
                .zeros(80)
                .sends(&["A3 00 00 00 00 00 00 02 00 54 02"]),
            Act::new("IOCTL_AACS_READ_VOLUME_ID", |seen| seen.sized(32, "the volume's identifier"))
                .input("00000000")
                .room(32)
                .sends(&["AD 01 00 00 00 00 00 80 00 24"]),
            Act::new("IOCTL_AACS_READ_SERIAL_NUMBER", |seen| seen.sized(32, "the serial number"))
                .input("00000000")
                .room(32)
                .sends(&["AD 01 00 00 00 00 00 81 00 24"]),
            Act::new("IOCTL_AACS_READ_MEDIA_ID", |seen| seen.sized(32, "the medium's identifier"))
                .input("00000000")
                .room(32)
                .sends(&["AD 01 00 00 00 00 00 82 00 24"]),
            Act::new("IOCTL_AACS_GENERATE_BINDING_NONCE", |seen| seen.sized(32, "a new nonce"))
                .input(NONCE)
                .room(32)
                .sends(&["A4"]),
            Act::new("IOCTL_AACS_READ_BINDING_NONCE", |seen| seen.sized(32, "the nonce of block 0"))
                .input(NONCE)
                .room(32)
                .sends(&["A4"]),
            Act::new("IOCTL_AACS_END_SESSION", does!("gives the AGID back"))
                .input("00000000")
                .sends(&["A3 00 00 00 00 00 00 02 00 00 3F"]),
        ],
    },
];

/// Session 0, one sector, block 0, no file handle.
const NONCE: &str = "00000000 01000000 0000000000000000 0000000000000000";

fn region(seen: &Seen<'_>) -> Says {
    let says =
        format!("disc for regions {:#04X}, drive set to {:#04X}, {} changes left", seen.u8(1), seen.u8(2), seen.u8(3));
    seen.holds(seen.out.len() == 4 && seen.u8(2) != 0, says, "a region that is set")
}

fn copyright(seen: &Seen<'_>) -> Says {
    let says = format!("copyright: protection {}, regions {:#04X}", seen.u8(4), seen.u8(5));
    seen.holds(seen.out.len() == 8 && seen.u8(4) == 1, says, "CSS")
}

fn session(seen: &Seen<'_>) -> Says {
    seen.sized(4, format!("AGID {}", seen.le32(0)))
}

fn bus_key(seen: &Seen<'_>) -> Says {
    seen.sized(32, "the drive's key 1")
}

fn block_size(seen: &Seen<'_>) -> Says {
    let says = format!("{} bytes", seen.le32(0));
    seen.holds(seen.le32(0) == 65536, says, "two packs of 32 KiB")
}

fn block(seen: &Seen<'_>) -> Says {
    seen.holds(seen.out.len() > 32768, format!("media key block, {} bytes", seen.out.len()), "two packs")
}
