//! CD Capabilities and Mechanical Status, page 2Ah (MMC-3; legacy since MMC-4).
//!
//! The page grew with each MMC: 20 bytes in SFF-8020i, 22 in MMC, 24 to 28 in MMC-2, 32 and a list of write speeds in
//! MMC-3. Fields that an older drive does not have read as zero. Drives keep it because Windows asks for it.

use super::page::{ModePage, RawPage};
use crate::bytes::{be16_at, put};
use crate::layout::{Be16, Bits, Flag};

open_enum! {
    /// How the disc gets into the drive.
    pub LoadingMechanism: u8 {
        /// In a caddy.
        CADDY = 0 => "caddy",
        /// On a tray.
        TRAY = 1 => "tray",
        /// Under a lid.
        POP_UP = 2 => "pop-up",
        /// A changer whose discs are placed one by one.
        CHANGER_SINGLE = 4 => "changer with individual discs",
        /// A changer with a magazine.
        CHANGER_MAGAZINE = 5 => "changer with magazine",
    }
}

mode_page! {
    /// CD Capabilities and Mechanical Status without its list of write speeds, page 2Ah. Speeds are in kB/s of 1000
    /// bytes.
    pub struct CapabilitiesPage: 0x2A, 32, at least 8 {
        /// Reads DVD-RAM.
        reads_dvd_ram: bool = Flag(2, 5),
        /// Reads DVD-R.
        reads_dvd_r: bool = Flag(2, 4),
        /// Reads DVD-ROM.
        reads_dvd_rom: bool = Flag(2, 3),
        /// Reads CD-R with fixed packets by addressing method 2.
        method_2: bool = Flag(2, 2),
        /// Reads CD-RW.
        reads_cd_rw: bool = Flag(2, 1),
        /// Reads CD-R.
        reads_cd_r: bool = Flag(2, 0),
        /// Writes DVD-RAM.
        writes_dvd_ram: bool = Flag(3, 5),
        /// Writes DVD-R.
        writes_dvd_r: bool = Flag(3, 4),
        /// Can go through the motions of writing.
        test_write: bool = Flag(3, 2),
        /// Writes CD-RW.
        writes_cd_rw: bool = Flag(3, 1),
        /// Writes CD-R.
        writes_cd_r: bool = Flag(3, 0),
        /// Recovers from buffer under-runs (BUF).
        buffer_underrun_free: bool = Flag(4, 7),
        /// Reads all sessions of a disc.
        multi_session: bool = Flag(4, 6),
        /// Reads mode 2 form 2.
        mode_2_form_2: bool = Flag(4, 5),
        /// Reads mode 2 form 1.
        mode_2_form_1: bool = Flag(4, 4),
        /// Digital output on port 2.
        digital_port_2: bool = Flag(4, 3),
        /// Digital output on port 1.
        digital_port_1: bool = Flag(4, 2),
        /// Composite audio and video output.
        composite: bool = Flag(4, 1),
        /// Plays audio by itself.
        audio_play: bool = Flag(4, 0),
        /// Reads bar codes.
        read_bar_code: bool = Flag(5, 7),
        /// Reads the media catalogue number.
        upc: bool = Flag(5, 6),
        /// Reads ISRCs.
        isrc: bool = Flag(5, 5),
        /// Returns C2 error pointers.
        c2_pointers: bool = Flag(5, 4),
        /// De-interleaves and corrects sub-channels R to W.
        rw_deinterleaved_and_corrected: bool = Flag(5, 3),
        /// Returns sub-channels R to W.
        rw_supported: bool = Flag(5, 2),
        /// Resumes reading audio without losing its place.
        cd_da_stream_accurate: bool = Flag(5, 1),
        /// Reads audio with READ CD.
        cd_da_commands: bool = Flag(5, 0),
        /// How the disc gets in.
        loading_mechanism: LoadingMechanism = Bits(6, 5, 3),
        /// Ejects by START STOP UNIT.
        eject: bool = Flag(6, 3),
        /// The jumper is absent that makes the drive start with its tray locked.
        prevent_jumper: bool = Flag(6, 2),
        /// The tray is locked now.
        lock_state: bool = Flag(6, 1),
        /// Locks by PREVENT ALLOW MEDIUM REMOVAL.
        lock: bool = Flag(6, 0),
        /// Reads sub-channels R to W of the lead-in.
        rw_in_lead_in: bool = Flag(7, 5),
        /// Reads both sides of a disc.
        side_change: bool = Flag(7, 4),
        /// The changer can pretend an empty slot is loaded.
        software_slot_selection: bool = Flag(7, 3),
        /// The changer knows which slots hold discs.
        disc_present_reported: bool = Flag(7, 2),
        /// Each channel can be muted by itself.
        separate_channel_mute: bool = Flag(7, 1),
        /// Each channel has a volume of its own.
        separate_volume_levels: bool = Flag(7, 0),
        /// Highest read speed (obsolete since MMC-3).
        maximum_read_speed: u16 = Be16(8),
        /// Steps of volume, 2 for on and off alone.
        volume_levels: u16 = Be16(10),
        /// Buffer, in units of 1024 bytes.
        buffer_size: u16 = Be16(12),
        /// Read speed in force (obsolete since MMC-3).
        current_read_speed: u16 = Be16(14),
        /// Bits in a sample of the digital output: 0 means 32, 1 and 2 mean 16 and 24, 3 means 24 in I2S.
        digital_length: u8 = Bits(17, 4, 2),
        /// The digital output sends the least significant bit first (LSBF).
        digital_lsb_first: bool = Flag(17, 3),
        /// The left channel is marked by a high clock (RCK).
        digital_left_high: bool = Flag(17, 2),
        /// The digital data is valid at the falling edge (BCKF).
        digital_falling_edge: bool = Flag(17, 1),
        /// Highest write speed (obsolete since MMC-3).
        maximum_write_speed: u16 = Be16(18),
        /// Write speed in force (obsolete since MMC-3).
        current_write_speed: u16 = Be16(20),
        /// Copy management revision: 1 if the drive knows CSS or CPPM.
        copy_management_revision: u16 = Be16(22),
        /// Rotation in force: 0 constant linear velocity, 1 constant angular velocity.
        rotation_control: u8 = Bits(27, 0, 2),
        /// Write speed in force (MMC-3).
        selected_write_speed: u16 = Be16(28),
        /// Entries in the list of write speeds that follows (MMC-3).
        write_speed_descriptors: u16 = Be16(30),
    }
}

record! {
    /// A write speed for the present medium.
    pub struct WriteSpeed: 4 {
        /// 0 constant linear velocity, 1 constant angular velocity.
        rotation_control: u8 = Bits(1, 0, 2),
        /// Speed in kB/s.
        speed: u16 = Be16(2),
    }
}

impl CapabilitiesPage {
    /// Writes the page with `speeds` at its end, counted and included in its length, to the start of `buffer`, cut to its
    /// length; returns the number of bytes written. Of more than 56 speeds the first 56 are written.
    pub fn emit_with_speeds(&self, speeds: &[WriteSpeed], buffer: &mut [u8]) -> usize {
        let speeds = speeds.get(..MAX_WRITE_SPEEDS).unwrap_or(speeds);
        let count = u8::try_from(speeds.len()).unwrap_or(0);
        let mut written = Self { write_speed_descriptors: count.into(), ..*self }.emit(buffer);
        put(buffer, 1, &[count.saturating_mul(4).saturating_add(30)]);
        for speed in speeds {
            written = written.saturating_add(put(buffer, written, &speed.to_bytes()));
        }
        written
    }
}

/// Speeds that the one-byte page length leaves room for.
const MAX_WRITE_SPEEDS: usize = 56;

impl<'a> RawPage<'a> {
    /// The write speeds at the end of page 2Ah, as many as the page counts and has in full; none for other pages.
    pub fn write_speeds(&self) -> impl Iterator<Item = WriteSpeed> + use<'a> {
        let is_capabilities = self.code == 0x2A && self.subpage.is_none();
        let bytes = if is_capabilities { self.bytes } else { &[] };
        let count = usize::from(be16_at(bytes, 30).unwrap_or(0));
        let list = bytes.get(32..).unwrap_or(&[]);
        list.chunks_exact(WriteSpeed::LENGTH).take(count).filter_map(|speed| WriteSpeed::parse(speed).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::ModePages;
    use crate::mode::tests::page;
    use crate::test_support::{hex, total};

    const WRITER: &str =
        "2A 1E 3F 37 F1 77 2B 23 1B 90 01 00 02 00 1B 90 00 10 1B 90 1B 90 00 01 00 00 00 00 1B 90 00 00";

    #[test]
    fn all_fields() {
        let bytes = hex(WRITER);
        let capabilities = CapabilitiesPage::parse(&bytes).unwrap();
        assert!(capabilities.reads_dvd_ram && capabilities.writes_dvd_r && capabilities.buffer_underrun_free);
        assert!(capabilities.c2_pointers && capabilities.rw_supported && !capabilities.rw_deinterleaved_and_corrected);
        assert!(capabilities.lock && capabilities.lock_state && capabilities.eject && !capabilities.prevent_jumper);
        assert_eq!(capabilities.loading_mechanism, LoadingMechanism::TRAY);
        assert_eq!((capabilities.maximum_write_speed, capabilities.buffer_size), (7056, 512));
        assert_eq!((capabilities.digital_length, capabilities.copy_management_revision), (1, 1));
        assert_eq!(capabilities.selected_write_speed, 7056);
        page(capabilities, &bytes);
    }

    #[test]
    fn an_old_page_is_shorter() {
        let capabilities = CapabilitiesPage::parse(&hex("2A 12 00 00 71 65 29 03 10 8A 01 00 00 80 10 8A 00 00 00 00"));
        let capabilities = capabilities.unwrap();
        assert!(capabilities.audio_play && capabilities.rw_supported && !capabilities.c2_pointers);
        assert_eq!((capabilities.maximum_read_speed, capabilities.maximum_write_speed), (4234, 0));
    }

    #[test]
    fn write_speeds() {
        let mut bytes = hex(WRITER);
        bytes[1] += 8;
        bytes[31] = 3;
        bytes.extend(hex("00 00 1B 90 00 01 0D C8"));
        let raw = ModePages::new(&bytes).find_raw(0x2A).unwrap();
        let speeds: std::vec::Vec<_> = raw.write_speeds().collect();
        let fast = WriteSpeed { rotation_control: 0, speed: 7056 };
        let slow = WriteSpeed { rotation_control: 1, speed: 3528 };
        assert_eq!(speeds, [fast, slow], "the page counts three but has two");
        assert_eq!([fast.to_bytes(), slow.to_bytes()].concat(), bytes[32..]);

        let capabilities = CapabilitiesPage::parse(&bytes).unwrap();
        let mut buffer = [0; 300];
        assert_eq!(capabilities.emit_with_speeds(&speeds, &mut buffer), 40);
        assert_eq!((&buffer[..31], buffer[31], &buffer[32..40]), (&bytes[..31], 2, &bytes[32..]));
        assert_eq!(capabilities.emit_with_speeds(&[fast; 99], &mut buffer), 32 + 56 * 4);
        assert_eq!(ModePages::new(&buffer).next().map(|page| page.write_speeds().count()), Some(56));
        assert_eq!(capabilities.emit_with_speeds(&speeds, &mut buffer[..35]), 35);
        total(|bytes| ModePages::new(bytes).map(|page| page.write_speeds().count()).sum::<usize>());
    }
}
