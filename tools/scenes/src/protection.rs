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
            Act::new("IOCTL_DVD_END_SESSION", does!("gives the AGID back"))
                .input("00000000")
                .sends(&["A3 00 00 00 00 00 00 00 00 00 3F"]),
            Act::new("IOCTL_DVD_SET_READ_AHEAD", does!("at block 256, reads on from block 512"))
                .input("0000080000000000 0000100000000000")
                .sends(&["A7 00 00 00 01 00 00 00 02 00"]),
            Act::new("IOCTL_STORAGE_SET_READ_AHEAD", does!("at block 256, reads on from block 512"))
                .input("0000080000000000 0000100000000000")
                .sends(&["A7 00 00 00 01 00 00 00 02 00"]),
        ],
    },
    Scene {
        drive: "dvdrom-css+dvd-rom",
        title: "DVD-ROM drive whose region is not set yet",
        acts: &[Act::new("IOCTL_DVD_SEND_KEY2", does!("sets region 2"))
            .input("1C000000 00000000 06000000 00000000 0000000000000000 FD000000")
            .sends(&["A3 00 00 00 00 00 00 00 00 08 06"])],
    },
    Scene {
        drive: "bdwriter-movie",
        title: "Blu-ray writer with a disc under AACS",
        acts: &[
            Act::new("IOCTL_AACS_READ_MEDIA_KEY_BLOCK_SIZE", block_size)
                .input("00000000")
                .room(4)
                .sends(&["AD 00 00 00 00 00 00 83 00 04", "AD 00 00 00 00 01 00 83 00 04"]),
            Act::new("IOCTL_AACS_READ_MEDIA_KEY_BLOCK", block)
                .input("00000000")
                .room(65536)
                .sends(&["AD 00 00 00 00 00 00 83 80 04", "AD 00 00 00 00 01 00 83 80 04"]),
            START,
            SEND_CERTIFICATE,
            GET_CERTIFICATE,
            GET_CHALLENGE,
            SEND_CHALLENGE,
            Act::new("IOCTL_AACS_READ_VOLUME_ID", |seen| seen.sized(32, "the volume's identifier"))
                .input("00000000")
                .room(32)
                .sends(&["AD 00 00 00 00 00 00 80 00 24"]),
            Act::new("IOCTL_AACS_READ_SERIAL_NUMBER", |seen| seen.sized(32, "the serial number"))
                .before(HANDSHAKE)
                .input("00000000")
                .room(32)
                .sends(&["AD 00 00 00 00 00 00 81 00 24"]),
            Act::new("IOCTL_AACS_READ_MEDIA_ID", does!("a pressed disc has no identifier of its own"))
                .before(HANDSHAKE)
                .input("00000000")
                .room(32)
                .fails(NtStatus::CSS_KEY_NOT_PRESENT)
                .sends(&["AD 00 00 00 00 00 00 82 00 24"]),
            END,
            Act::new("IOCTL_AACS_READ_BINDING_NONCE", |seen| seen.sized(32, "the nonce of block 16"))
                .before(HANDSHAKE)
                .input(NONCE)
                .room(32)
                .sends(&["A4 00 00 00 00 10 01 02 00 24 21"]),
            Act::new("IOCTL_AACS_GENERATE_BINDING_NONCE", |seen| seen.sized(32, "a new nonce for block 16"))
                .before(HANDSHAKE)
                .input(NONCE)
                .room(32)
                .sends(&["A4 00 00 00 00 10 01 02 00 24 20"]),
            END,
        ],
    },
];

// The steps of the AACS handshake, as a host with keys would go them; the drive's own stand-ins for signatures serve.
const HANDSHAKE: &[Act] = &[START, SEND_CERTIFICATE, GET_CERTIFICATE, GET_CHALLENGE, SEND_CHALLENGE];

const START: Act = Act::new("IOCTL_AACS_START_SESSION", session).room(4).sends(&["A4 00 00 00 00 00 00 02 00 08 00"]);

const SEND_CERTIFICATE: Act = Act::new("IOCTL_AACS_SEND_CERTIFICATE", does!("sends the host's certificate"))
    .input("00000000 0000000000000000000000000000000000000000 0200005C")
    .zeros(88)
    .sends(&["A3 00 00 00 00 00 00 02 00 74 01"]);

const GET_CERTIFICATE: Act = Act::new("IOCTL_AACS_GET_CERTIFICATE", |seen| seen.sized(112, "the drive's certificate"))
    .input("00000000")
    .room(112)
    .sends(&["A4 00 00 00 00 00 00 02 00 74 01"]);

const GET_CHALLENGE: Act = Act::new("IOCTL_AACS_GET_CHALLENGE_KEY", |seen| seen.sized(80, "the drive's key"))
    .input("00000000")
    .room(80)
    .sends(&["A4 00 00 00 00 00 00 02 00 54 02"]);

const SEND_CHALLENGE: Act = Act::new("IOCTL_AACS_SEND_CHALLENGE_KEY", does!("sends the host's key"))
    .input(
        "00000000 00000000000000000000 00000000000000000000 00000000000000000000 00000000000000000000 \
         68696A6B6C6D6E6F606162636465666778797A7B7C7D7E7F707172737475767748494A4B4C4D4E4F",
    )
    .sends(&["A3 00 00 00 00 00 00 02 00 54 02"]);

const END: Act = Act::new("IOCTL_AACS_END_SESSION", does!("gives the AGID back"))
    .input("00000000")
    .sends(&["A3 00 00 00 00 00 00 02 00 00 3F"]);

/// Session 0, one sector, block 16, no file handle.
const NONCE: &str = "00000000 01000000 1000000000000000 0000000000000000";

fn region(seen: &Seen) -> Says {
    let says = format!("disc {:02X}, drive {:02X}, {} changes left", seen.u8(1), seen.u8(2), seen.u8(3));
    seen.holds(seen.out.len() == 4 && seen.u8(2) != 0, says, "a region that is set")
}

fn copyright(seen: &Seen) -> Says {
    let says = format!("copyright: protection {}, regions {:#04X}", seen.u8(4), seen.u8(5));
    seen.holds(seen.out.len() == 8 && seen.u8(4) == 1, says, "CSS")
}

fn session(seen: &Seen) -> Says {
    seen.sized(4, format!("AGID {}", seen.le32(0)))
}

fn bus_key(seen: &Seen) -> Says {
    seen.sized(32, "the drive's key 1")
}

fn block_size(seen: &Seen) -> Says {
    let says = format!("{} bytes", seen.le32(0));
    seen.holds(seen.le32(0) == 65536, says, "two packs of 32 KiB")
}

fn block(seen: &Seen) -> Says {
    seen.holds(seen.out.len() > 32768, format!("media key block, {} bytes", seen.out.len()), "two packs")
}
