//! INQUIRY (SPC-4 6.4): standard data and vital product data pages 00, 80, 83.

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::fault::Fault;

/// Peripheral device type: CD/DVD device, connected.
const CD_DVD_DEVICE: u8 = 0x05;
/// Removable medium bit.
const REMOVABLE: u8 = 0x80;
/// Version: SPC-3.
const SPC_3: u8 = 0x05;
/// Version: SCSI-2.
const SCSI_2: u8 = 0x02;

impl Drive {
    /// INQUIRY: enable-vital-product-data bit and page code. A drive from before MMC has no vital product data.
    pub(crate) fn inquiry(&mut self, command: &Command<'_>) -> Outcome {
        let page = command.byte(2);
        let data = match (command.bit(1, 0), page) {
            (false, 0) => self.standard_inquiry(),
            (true, _) if self.model.mmc => self.vital_product_data(page).ok_or(Fault::InvalidFieldInCdb)?,
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        Ok(Answer::cut(data, command.be16(3)))
    }

    fn standard_inquiry(&self) -> Vec<u8> {
        let (vendor, product, revision) = self.model.identity;
        let version = if self.model.mmc { SPC_3 } else { SCSI_2 };
        let mut data = vec![CD_DVD_DEVICE, REMOVABLE, version, 0x02, 31, 0, 0, 0];
        data.extend(padded::<8>(vendor));
        data.extend(padded::<16>(product));
        data.extend(padded::<4>(revision));
        data
    }

    fn vital_product_data(&self, page: u8) -> Option<Vec<u8>> {
        let body = match (page, self.model.serial) {
            (0x00, Some(_)) => vec![0x00, 0x80, 0x83],
            (0x00, None) => vec![0x00, 0x83],
            (0x80, Some(serial)) => serial.as_bytes().to_vec(),
            (0x83, serial) => {
                let (vendor, product, _) = self.model.identity;
                let mut identifier = padded::<8>(vendor).to_vec();
                identifier.extend(padded::<16>(product));
                identifier.extend(serial.unwrap_or_default().bytes());
                // Code set ASCII; association logical unit, type T10 vendor identification (SPC-4 7.8.6).
                [&[0x02, 0x01, 0x00, u8::try_from(identifier.len()).ok()?][..], &identifier].concat()
            }
            _ => return None,
        };
        Some([&[CD_DVD_DEVICE, page, 0, u8::try_from(body.len()).ok()?][..], &body].concat())
    }
}

/// `text` in a field of `N` characters, spaces after it.
fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    for (place, character) in field.iter_mut().zip(text.bytes()) {
        *place = character;
    }
    field
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;

    #[test]
    fn golden_standard_data() {
        let mut bench = Bench::new("cdrom", None);
        let mut expected = vec![0x05, 0x80, 0x05, 0x02, 0x1F, 0, 0, 0];
        expected.extend(b"RUSTSIM CD-ROM 40X      1.00");
        assert_eq!(bench.data("12 00 00 00 24 00"), expected);
        assert_eq!(bench.data("12 00 00 00 05 00"), expected[..5]);
        assert_eq!(Bench::new("oldcd", None).data("12 00 00 00 24 00")[2], 0x02);
    }

    #[test]
    fn golden_vital_product_data() {
        let mut bench = Bench::new("cdrom", None);
        assert_eq!(bench.data("12 01 00 00 FF 00"), [5, 0, 0, 3, 0, 0x80, 0x83]);
        assert_eq!(bench.data("12 01 80 00 FF 00"), *b"\x05\x80\x00\x06CD0001");
        assert_eq!(bench.data("12 01 83 00 FF 00")[..8], [5, 0x83, 0, 34, 2, 1, 0, 30]);
        assert_eq!(bench.sense("12 01 84 00 FF 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("12 00 80 00 FF 00"), (5, 0x24, 0));
        assert_eq!(Bench::new("oldcd", None).sense("12 01 80 00 FF 00"), (5, 0x24, 0));
    }
}
