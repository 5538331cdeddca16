//! MODE SENSE and MODE SELECT, 6 and 10 bytes (SPC-4 6.9 to 6.12).

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::fault::{Failure, Fault};
use super::mode_data::{self, CAPABILITIES, Page};
use super::model::Model;
use crate::disc::MediaFamily;

/// The page code that asks for all pages.
const ALL_PAGES: u8 = 0x3F;
/// The subpage code that asks for all subpages.
const ALL_SUBPAGES: u8 = 0xFF;

/// The pages with their current and saved values.
#[derive(Clone, Debug)]
pub(crate) struct ModePages(Vec<Stored>);

#[derive(Clone, Debug)]
struct Stored {
    page: Page,
    current: Vec<u8>,
    saved: Vec<u8>,
}

/// The header of a parameter list, of the 6 or 10-byte command.
#[derive(Clone, Copy)]
enum Header {
    Six,
    Ten,
}

impl ModePages {
    /// The pages of a new drive.
    pub(crate) fn new(model: &Model) -> Self {
        let stored = |page: Page| Stored { current: page.default.clone(), saved: page.default.clone(), page };
        Self(mode_data::pages_of(model).into_iter().map(stored).collect())
    }

    /// What power-on does: the saved values become current.
    pub(crate) fn restore_saved(&mut self) {
        for stored in &mut self.0 {
            stored.current.clone_from(&stored.saved);
        }
    }

    /// The current bytes of a page.
    pub(crate) fn current(&self, code: u8) -> Option<&[u8]> {
        self.0.iter().find(|stored| stored.page.code() == code).map(|stored| stored.current.as_slice())
    }
}

impl Drive {
    /// MODE SENSE (6).
    pub(crate) fn mode_sense_6(&mut self, command: &Command<'_>) -> Outcome {
        let data = self.mode_sense(command, Header::Six)?;
        Ok(Answer::cut(data, command.byte(4)))
    }

    /// MODE SENSE (10).
    pub(crate) fn mode_sense_10(&mut self, command: &Command<'_>) -> Outcome {
        let data = self.mode_sense(command, Header::Ten)?;
        Ok(Answer::cut(data, command.be16(7)))
    }

    /// MODE SELECT (6).
    pub(crate) fn mode_select_6(&mut self, command: &Command<'_>) -> Outcome {
        self.mode_select(command, usize::from(command.byte(4)), Header::Six)
    }

    /// MODE SELECT (10).
    pub(crate) fn mode_select_10(&mut self, command: &Command<'_>) -> Outcome {
        self.mode_select(command, usize::from(command.be16(7)), Header::Ten)
    }

    fn mode_sense(&self, command: &Command<'_>, header: Header) -> Result<Vec<u8>, Failure> {
        let (control, code, subpage) = (command.byte(2) >> 6, command.byte(2) & 0x3F, command.byte(3));
        if subpage != 0 && !(self.model.mmc && subpage == ALL_SUBPAGES && code == ALL_PAGES) {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let pages: Vec<&Stored> =
            self.modes.0.iter().filter(|stored| code == ALL_PAGES || stored.page.code() == code).collect();
        if pages.is_empty() {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        if control == 3 && !pages.iter().any(|stored| stored.page.savable) {
            return Err(Fault::SavingNotSupported.into());
        }
        let mut body = Vec::new();
        for stored in pages {
            let savable = u8::from(stored.page.savable) << 7;
            let start = body.len();
            body.extend(match control {
                0 => self.with_present_state(&stored.current),
                1 => self.mask(stored),
                2 => self.with_present_state(&stored.page.default),
                _ => stored.saved.clone(),
            });
            body[start] |= savable;
        }
        let descriptor: &[u8] = if self.model.mmc || command.bit(1, 3) { &[] } else { &[0, 0, 0, 0, 0, 0, 8, 0] };
        Ok(self.with_header(header, descriptor, &body))
    }

    /// Mode data length, medium type, device-specific parameter, block descriptor length; then all the rest.
    fn with_header(&self, header: Header, descriptor: &[u8], pages: &[u8]) -> Vec<u8> {
        let medium_type = self.medium_type();
        let total = descriptor.len() + pages.len();
        let descriptor_length = u8::try_from(descriptor.len()).unwrap_or(0);
        let head = match header {
            Header::Six => vec![u8::try_from(total + 3).unwrap_or(u8::MAX), medium_type, 0, descriptor_length],
            Header::Ten => {
                let [high, low] = u16::try_from(total + 6).unwrap_or(u16::MAX).to_be_bytes();
                vec![high, low, medium_type, 0, 0, 0, 0, descriptor_length]
            }
        };
        [&head, descriptor, pages].concat()
    }

    /// The medium type code of drives before MMC-3, which many still give: data, audio, both, none, tray open.
    fn medium_type(&self) -> u8 {
        if self.loader.tray_open {
            return 0x71;
        }
        let Some(disc) = self.known_disc() else { return if self.disc.is_some() { 0x00 } else { 0x70 } };
        if disc.media.family() != MediaFamily::Cd {
            return 0x00;
        }
        match (disc.tracks().any(|track| track.mode.is_data()), disc.tracks().any(|track| !track.mode.is_data())) {
            (true, false) => 0x01,
            (false, true) => 0x02,
            (true, true) => 0x03,
            (false, false) => 0x00,
        }
    }

    /// A page with what only the moment knows: in page 2A the lock and the speeds.
    fn with_present_state(&self, page: &[u8]) -> Vec<u8> {
        let mut page = page.to_vec();
        if page[0] != CAPABILITIES {
            return page;
        }
        page[6] |= u8::from(self.loader.is_locked()) << 1;
        page[8..10].copy_from_slice(&self.fastest_read().to_be_bytes());
        page[14..16].copy_from_slice(&self.read_speed().to_be_bytes());
        if page.len() >= 32 && self.model.has_writing() {
            page[18..20].copy_from_slice(&self.fastest_write().to_be_bytes());
            page[20..22].copy_from_slice(&self.write_speed().to_be_bytes());
            page[28..30].copy_from_slice(&self.write_speed().to_be_bytes());
            let speeds = self.write_speeds();
            page[30..32].copy_from_slice(&u16::try_from(speeds.len()).unwrap_or(0).to_be_bytes());
            for speed in speeds {
                page.extend([0, 0]);
                page.extend(speed.to_be_bytes());
            }
            page[1] = u8::try_from(page.len() - 2).unwrap_or(u8::MAX);
        }
        page
    }

    /// Which bits of a page can be changed: as long as the page itself, its list of write speeds included.
    fn mask(&self, stored: &Stored) -> Vec<u8> {
        let present = self.with_present_state(&stored.current);
        let mut mask = stored.page.changeable.clone();
        mask.resize(present.len(), 0);
        mask[1] = present[1];
        mask
    }

    /// MODE SELECT: nothing changes unless the whole parameter list is right.
    fn mode_select(&mut self, command: &Command<'_>, length: usize, header: Header) -> Outcome {
        let save = command.bit(1, 0);
        if self.model.mmc && !command.bit(1, 4) {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let list = command.parameters(length)?;
        if list.is_empty() {
            return Ok(Answer::done());
        }
        let (head, descriptor_length) = match header {
            Header::Six => (4, list.get(3).copied().map(usize::from)),
            Header::Ten => (8, list.get(6..8).map(|bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]))),
        };
        let descriptor_length = descriptor_length.ok_or(Fault::ParameterListLength)?;
        if descriptor_length != 0 && (self.model.mmc || descriptor_length != 8) {
            return Err(Fault::InvalidFieldInParameterList.into());
        }
        let mut rest = list.get(head + descriptor_length..).ok_or(Fault::ParameterListLength)?;
        let mut changes: Vec<(usize, Vec<u8>)> = Vec::new();
        while let [code, page_length, ..] = *rest {
            let size = usize::from(page_length) + 2;
            let bytes = rest.get(..size).ok_or(Fault::ParameterListLength)?;
            changes.push(self.checked_change(code & 0x3F, bytes, save)?);
            rest = &rest[size..];
        }
        if !rest.is_empty() {
            return Err(Fault::ParameterListLength.into());
        }
        for (place, bytes) in changes {
            let stored = &mut self.modes.0[place];
            if save && stored.page.savable {
                stored.saved.clone_from(&bytes);
            }
            stored.current = bytes;
        }
        Ok(Answer::done())
    }

    /// The new value of a page: known, of its length, and different in changeable bits only (SPC-4 6.11).
    fn checked_change(&self, code: u8, bytes: &[u8], save: bool) -> Result<(usize, Vec<u8>), Failure> {
        let wrong = || Failure::from(Fault::InvalidFieldInParameterList);
        let place = self.modes.0.iter().position(|stored| stored.page.code() == code).ok_or_else(wrong)?;
        let stored = &self.modes.0[place];
        let present = self.with_present_state(&stored.current);
        if bytes.len() != present.len() || (save && !stored.page.savable) {
            return Err(wrong());
        }
        let mut value = stored.current.clone();
        for offset in 2..present.len() {
            let mask = stored.page.changeable.get(offset).copied().unwrap_or(0);
            if (bytes[offset] ^ present[offset]) & !mask != 0 {
                return Err(wrong());
            }
            if mask != 0 {
                value[offset] = (value[offset] & !mask) | (bytes[offset] & mask);
            }
        }
        Ok((place, value))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    #[test]
    fn golden_audio_control() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(
            bench.data("5A 00 0E 00 00 00 00 00 FF 00"),
            hex("00 16 03 00 00 00 00 00 0E 0E 04 00 00 00 00 4B 01 FF 02 FF 00 00 00 00")
        );
        assert_eq!(bench.data("1A 00 4E 00 FF 00"), hex("13 03 00 00 0E 0E 06 00 00 00 00 00 0F FF 0F FF 00 00 00 00"));
        assert_eq!(bench.sense("1A 00 CE 00 FF 00"), (5, 0x39, 0));
        assert_eq!(bench.sense("1A 00 05 00 FF 00"), (5, 0x24, 0));
    }

    #[test]
    fn golden_capabilities() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let page = "2A 1E 07 00 71 77 29 03 1B 90 01 00 00 80 1B 90 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00";
        assert_eq!(bench.data("5A 08 2A 00 00 00 00 00 FF 00")[8..], hex(page));
        bench.good("1E 00 00 00 01 00");
        assert_eq!(bench.data("5A 08 2A 00 00 00 00 00 FF 00")[14], 0x2B);
    }

    /// MMC-6 7.5: where group 3 can be enabled, its time-out has a field.
    #[test]
    fn golden_timeout_and_protect() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let page = |bench: &mut Bench, control: &str| {
            bench.data(&format!("5A 08 {control} 00 00 00 00 00 FF 00"))[8..].to_vec()
        };
        assert_eq!(page(&mut bench, "1D"), hex("9D 0A 00 00 04 00 00 14 00 3C 00 00"));
        assert_eq!(page(&mut bench, "5D"), hex("9D 0A 00 00 0E 00 FF FF FF FF FF FF"));
    }

    #[test]
    fn writers_list_their_write_speeds() {
        let mut bench = Bench::ready("dvdwriter", Some(disc("dvd-r-blank")));
        let data = bench.data("5A 08 2A 00 00 00 00 00 FF 00");
        let count = usize::from(data[8 + 31]);
        assert!(count > 0);
        assert_eq!(data.len(), 8 + 32 + 4 * count);
        assert_eq!(usize::from(data[9]), 30 + 4 * count);
    }

    /// SPC-3 6.9.1: each page control gives the same page, so sdparm takes another length for a fault.
    #[test]
    fn a_page_has_one_length() {
        let mut bench = Bench::ready("dvdwriter", Some(disc("dvd+rw")));
        for page in [0x01, 0x05, 0x08, 0x1A, 0x1D, 0x2A] {
            let mut length =
                |control: u8| bench.data(&format!("5A 08 {:02X} 00 00 00 00 00 FF 00", control << 6 | page)).len();
            assert_eq!([length(1), length(2)], [length(0); 2], "page {page:02X}");
        }
    }

    #[test]
    fn volume_changes_until_power_off() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let list = hex("00 00 00 00 00 00 00 00 0E 0E 04 00 00 00 00 4B 01 40 02 41 00 00 00 00");
        bench.send("55 10 00 00 00 00 00 00 18 00", &list);
        assert_eq!(bench.data("5A 00 0E 00 00 00 00 00 FF 00")[17..20], [0x40, 2, 0x41]);
        assert_eq!(bench.data("5A 00 8E 00 00 00 00 00 FF 00")[17..20], [0xFF, 2, 0xFF]);
        bench.drive.power_on();
        bench.pass(std::time::Duration::from_secs(5));
        bench.drain_attention();
        assert_eq!(bench.data("5A 00 0E 00 00 00 00 00 FF 00")[17], 0xFF);
    }

    #[test]
    fn saved_pages_outlive_power_off() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let list = hex("00 00 00 00 00 00 00 00 81 0A C0 05 00 00 00 00 20 00 00 00");
        bench.send("55 11 00 00 00 00 00 00 14 00", &list);
        bench.drive.power_on();
        bench.pass(std::time::Duration::from_secs(5));
        bench.drain_attention();
        assert_eq!(bench.data("5A 00 01 00 00 00 00 00 FF 00")[8..12], [0x81, 0x0A, 0xC0, 5]);
    }

    #[test]
    fn wrong_lists_change_nothing() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let list = hex("00 00 00 00 00 00 00 00 0E 0E 04 00 00 00 00 4C 01 40 02 41 00 00 00 00");
        let select = "55 10 00 00 00 00 00 00 18 00";
        assert_eq!(bench.send_sense(select, &list), (5, 0x26, 0));
        assert_eq!(bench.send_sense(select, &list[..20]), (5, 0x1A, 0));
        assert_eq!(bench.send_sense("55 00 00 00 00 00 00 00 18 00", &list), (5, 0x24, 0));
        assert_eq!(bench.data("5A 00 0E 00 00 00 00 00 FF 00")[17], 0xFF);
    }

    #[test]
    fn an_old_drive_gives_a_block_descriptor() {
        let mut bench = Bench::ready("oldcd", Some(cd()));
        assert_eq!(bench.data("1A 00 01 00 FF 00"), hex("13 03 00 08 00 00 00 00 00 00 08 00 01 06 00 10 00 00 00 00"));
        assert_eq!(bench.data("1A 08 01 00 FF 00")[..4], [0x0B, 3, 0, 0]);
    }
}
