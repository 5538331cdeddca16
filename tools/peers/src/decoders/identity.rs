//! INQUIRY: standard data and vital product data.

use scsi_cdb::inquiry::StandardInquiry;
use scsi_cdb::vital_product_data::{VitalProductData, VpdPage};
use virtual_drive::drive::Drive;

use super::Facts;
use super::answers::answer;
#[cfg(unix)]
use super::bridge::Bridge;

/// What the tool says of standard INQUIRY data.
#[cfg(unix)]
pub(super) fn ask_inquiry(bridge: &Bridge) -> anyhow::Result<Facts> {
    bridge.ask(&["sg_inq", "--only"]).map(|said| parse_inquiry(&said))
}

fn parse_inquiry(said: &str) -> Facts {
    let mut facts = Facts::new();
    for line in said.lines() {
        for (label, name) in [
            ("Vendor identification: ", "vendor"),
            ("Product identification: ", "product"),
            ("Product revision level: ", "revision"),
        ] {
            if let Some((_, value)) = line.split_once(label) {
                facts.insert(name.into(), value.trim().into());
            }
        }
        for word in line.split_whitespace() {
            let Some((key, value)) = word.split_once('=') else { continue };
            let name = match key {
                "PQual" => "qualifier",
                "PDT" => "type",
                "RMB" => "removable",
                "version" => "version",
                "Resp_data_format" => "format",
                _ => continue,
            };
            facts.insert(name.into(), super::fields::number(value).unwrap_or_else(|| value.into()));
        }
        if let Some((_, length)) = line.split_once("length=") {
            facts.insert("length".into(), length.split_whitespace().next().unwrap_or_default().into());
        }
    }
    facts
}

/// What our parser says of it.
pub(super) fn inquiry(drive: &mut Drive) -> Facts {
    let data = answer(drive, &[0x12, 0, 0, 0, 96, 0]);
    let Ok(inquiry) = StandardInquiry::parse(&data) else { return Facts::new() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let facts = [
        ("vendor", text(&data[8..16])),
        ("product", text(&data[16..32])),
        ("revision", text(&data[32..36])),
        ("qualifier", inquiry.peripheral_qualifier.to_string()),
        ("type", inquiry.peripheral_type.0.to_string()),
        ("removable", u8::from(inquiry.removable).to_string()),
        ("version", inquiry.version.to_string()),
        ("format", inquiry.response_data_format.to_string()),
        ("length", inquiry.total_length().to_string()),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What the tool says of the pages 00, 80 and 83.
#[cfg(unix)]
pub(super) fn ask_vpd(bridge: &Bridge) -> anyhow::Result<Facts> {
    let pages = ["0", "0x80", "0x83"].map(|page| bridge.ask(&["sg_vpd", "--page", page]));
    let [list, serial, device] = pages;
    Ok(parse_vpd(&list?, &serial?, &device?))
}

fn parse_vpd(list: &str, serial: &str, device: &str) -> Facts {
    let mut facts = Facts::new();
    // `  0x80  Unit serial number [sn]`; with the short names alone in older versions.
    let codes: Vec<String> = list
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            let code = line.strip_prefix("0x").and_then(|rest| rest.get(..2));
            code.map(str::to_uppercase).or_else(|| match line {
                line if line.contains("[sv]") => Some("00".into()),
                line if line.contains("[sn]") => Some("80".into()),
                line if line.contains("[di]") => Some("83".into()),
                _ => None,
            })
        })
        .collect();
    if !codes.is_empty() {
        facts.insert("pages".into(), codes.join(" "));
    }
    for (text, labels) in [
        (serial, &[("Unit serial number: ", "serial")][..]),
        (
            device,
            &[
                ("vendor id: ", "designator vendor"),
                ("vendor specific: ", "designator name"),
                ("code set: ", "designator code set"),
            ],
        ),
    ] {
        for line in text.lines() {
            for (label, name) in labels {
                if let Some((_, value)) = line.split_once(label) {
                    facts.insert((*name).into(), value.trim().into());
                }
            }
        }
    }
    facts
}

/// What our parser says of them.
pub(super) fn vpd(drive: &mut Drive) -> Facts {
    let mut facts = Facts::new();
    let mut read = |page: u8| answer(drive, &[0x12, 1, page, 0, 252, 0]);
    let (list, serial, device) = (read(0), read(0x80), read(0x83));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if let Ok(page) = VitalProductData::parse_as(VpdPage::SUPPORTED_PAGES, &list) {
        let codes: Vec<_> = page.supported_pages().map(|page| format!("{:02X}", page.0)).collect();
        facts.insert("pages".into(), codes.join(" "));
    }
    if let Ok(page) = VitalProductData::parse_as(VpdPage::UNIT_SERIAL_NUMBER, &serial) {
        facts.insert("serial".into(), text(page.serial_number()));
    }
    if let Ok(page) = VitalProductData::parse_as(VpdPage::DEVICE_IDENTIFICATION, &device)
        && let Some(designator) = page.designators().find(|designator| designator.kind == 1)
    {
        let (vendor, name) = designator.bytes.split_at(designator.bytes.len().min(8));
        facts.insert("designator vendor".into(), text(vendor));
        facts.insert("designator name".into(), text(name));
        let code_set = ["", "Binary", "ASCII", "UTF-8"].get(usize::from(designator.code_set));
        facts.insert("designator code set".into(), code_set.copied().unwrap_or_default().into());
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tools_print_is_read() {
        let facts = parse_inquiry(
            "standard INQUIRY:\n  PQual=0  PDT=5  RMB=1  LU_CONG=0  version=0x05  [SPC-3]\n  Resp_data_format=2\n    \
             length=36 (0x24)   Peripheral device type: cd/dvd\n Vendor identification: VENDOR  \n",
        );
        assert_eq!([&facts["type"], &facts["version"], &facts["format"], &facts["length"]], ["5", "5", "2", "36"]);
        assert_eq!(facts["vendor"], "VENDOR");
        let facts = parse_vpd(
            "Supported VPD pages VPD page:\n  0x00  Supported VPD pages [sv]\n  0x80  Unit serial number [sn]\n",
            "Unit serial number VPD page:\n  Unit serial number: ABCD\n",
            "",
        );
        assert_eq!([&facts["pages"], &facts["serial"]], ["00 80", "ABCD"]);
    }
}
