//! The answer to a command as named values, read with the views of `scsi-cdb`.

use std::fmt::Debug;

use scsi_cdb::configuration::Configuration;
use scsi_cdb::disc_information::{DiscInformation, DiscInformationType};
use scsi_cdb::disc_structure::dvd::{Copyright, CopyrightManagement, PhysicalFormat};
use scsi_cdb::disc_structure::{DvdFormat, StructureAnswer};
use scsi_cdb::event_status::EventStatus;
use scsi_cdb::inquiry::StandardInquiry;
use scsi_cdb::mechanism::MechanismAnswer;
use scsi_cdb::mode::{
    AudioControlPage, CachingPage, CapabilitiesPage, ErrorRecoveryPage, HeaderForm, ModePage, ModeParameters,
    PowerConditionPage, RawPage, TimeoutAndProtectPage, WriteParametersPage,
};
use scsi_cdb::performance::Performance;
use scsi_cdb::read_capacity::Capacity10;
use scsi_cdb::recording::FormatCapacities;
use scsi_cdb::sense::Sense;
use scsi_cdb::sub_channel::SubChannelHeader;
use scsi_cdb::toc::{FormattedToc, MultiSessionInformation, RawToc, TocFormat};
use scsi_cdb::track_information::TrackInformation;
use scsi_cdb::vital_product_data::VitalProductData;
use scsi_cdb::{AnyCommand, ParseError};

use crate::compare::{Answer, hex};
use crate::fields;

type Fields = Vec<(String, String)>;

/// The most bytes that are shown one by one.
const SHOWN: usize = 64;

/// How the command ended, and the data as `scsi-cdb` reads it.
pub(crate) fn fields(cdb: &[u8], answer: &Answer) -> Fields {
    let mut list = vec![(OUTCOME.to_owned(), outcome(answer)), ("length".into(), answer.data.len().to_string())];
    if !answer.data.is_empty() {
        list.extend(data(cdb, &answer.data).unwrap_or_else(|_| bytes(&answer.data)));
    }
    list
}

/// The name of the value that says how a command ended.
pub(crate) const OUTCOME: &str = "outcome";

/// `good`, another status in hex, or for CHECK CONDITION the sense code.
pub(crate) fn outcome(answer: &Answer) -> String {
    match (answer.status, Sense::parse(&answer.sense)) {
        (Some(0x00), _) => "good".into(),
        (Some(0x02), Ok(sense)) => codes(&sense),
        (Some(status), _) => format!("status {status:02X} {}", hex(&answer.sense)),
        (None, _) => "none".into(),
    }
}

/// Key, code and qualifier as the standards write them.
fn codes(sense: &Sense) -> String {
    format!("{:X}/{:02X}/{:02X}", sense.key.0, sense.asc, sense.ascq)
}

/// The data as one value.
fn bytes(data: &[u8]) -> Fields {
    let shown = match data.len() {
        0..=SHOWN => hex(data),
        length => format!("{} ... ({length} bytes, FNV-1a {:016x})", hex(&data[..16]), digest(data)),
    };
    vec![("data".into(), shown)]
}

/// FNV-1a with 64 bits.
fn digest(data: &[u8]) -> u64 {
    data.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The data field by field; an error when its view does not fit, as for an answer that was cut short.
fn data(cdb: &[u8], data: &[u8]) -> Result<Fields, ParseError> {
    Ok(match AnyCommand::parse(cdb)? {
        AnyCommand::Inquiry(inquiry) if inquiry.vpd_page.is_some() => {
            let page = VitalProductData::parse(data)?;
            let mut list = vec![("page".into(), format!("{:02X}", page.page.0))];
            list.push(("claimed_length".into(), page.claimed_length.to_string()));
            list.push(("body".into(), hex(page.body)));
            list
        }
        AnyCommand::Inquiry(_) => fields::of(&StandardInquiry::parse(data)?),
        AnyCommand::RequestSense(_) => {
            let sense = Sense::parse(data)?;
            vec![("sense_data".into(), codes(&sense)), ("deferred".into(), sense.deferred.to_string())]
        }
        AnyCommand::ReadCapacity10(_) => fields::of(&Capacity10::parse(data)?),
        AnyCommand::ReadTocPmaAtip(toc) => match toc.format {
            TocFormat::FORMATTED_TOC => {
                let toc = FormattedToc::parse(data)?;
                listed(&toc.header(), "track", toc.descriptors())
            }
            TocFormat::MULTI_SESSION_INFORMATION => {
                let toc = MultiSessionInformation::parse(data)?;
                listed(&toc.header(), "session", toc.descriptors())
            }
            TocFormat::RAW_TOC => {
                let toc = RawToc::parse(data)?;
                listed(&toc.header(), "entry", toc.descriptors())
            }
            _ => bytes(data),
        },
        AnyCommand::GetConfiguration(_) => configuration(&Configuration::parse(data)?),
        AnyCommand::GetEventStatusNotification(_) => fields::of(&EventStatus::parse(data)?),
        AnyCommand::ModeSense6(_) => mode(&ModeParameters::parse(HeaderForm::Six, data)?),
        AnyCommand::ModeSense10(_) => mode(&ModeParameters::parse(HeaderForm::Ten, data)?),
        AnyCommand::ReadDiscInformation(command) if command.data_type == DiscInformationType::STANDARD => {
            fields::of(&DiscInformation::from_answer(data)?)
        }
        AnyCommand::ReadTrackInformation(_) => fields::of(&TrackInformation::from_answer(data)?),
        AnyCommand::MechanismStatus(_) => {
            let answer = MechanismAnswer::parse(data)?;
            listed(&answer.header, "slot", answer.slots())
        }
        AnyCommand::ReadDiscStructure(command) => {
            let answer = StructureAnswer::parse(data)?;
            let body = match DvdFormat(command.format) {
                DvdFormat::PHYSICAL => fields::of(&PhysicalFormat::parse(answer.body)?),
                DvdFormat::COPYRIGHT => fields::of(&Copyright::parse(answer.body)?),
                DvdFormat::COPYRIGHT_MANAGEMENT => fields::of(&CopyrightManagement::parse(answer.body)?),
                _ => bytes(answer.body),
            };
            [vec![("data_length".to_owned(), answer.data_length.to_string())], body].concat()
        }
        AnyCommand::ReadSubChannel(_) => {
            [fields::of(&SubChannelHeader::parse(data)?), bytes(data.get(4..).unwrap_or_default())].concat()
        }
        AnyCommand::GetPerformance(_) => {
            let answer = Performance::parse(data)?;
            [fields::of(&answer.header), bytes(data.get(8..).unwrap_or_default())].concat()
        }
        AnyCommand::ReadFormatCapacities(_) => {
            let answer = FormatCapacities::parse(data)?;
            listed(&answer.capacity, "format", answer.formats())
        }
        _ => bytes(data),
    })
}

/// Values with a name in front.
fn prefixed(prefix: &str, fields: Fields) -> Fields {
    let name = |name: String| if name.is_empty() { prefix.to_owned() } else { format!("{prefix}.{name}") };
    fields.into_iter().map(|(path, value)| (name(path), value)).collect()
}

/// A header and what follows it, numbered from 0.
fn listed<T: Debug>(header: &dyn Debug, name: &str, items: impl Iterator<Item = T>) -> Fields {
    let mut list = fields::of(header);
    for (number, item) in items.enumerate() {
        list.extend(prefixed(&format!("{name}.{number}"), fields::of(&item)));
    }
    list
}

/// Header and features, these by their codes.
fn configuration(answer: &Configuration<'_>) -> Fields {
    let mut list = vec![
        ("data_length".to_owned(), answer.data_length.to_string()),
        ("current_profile".to_owned(), answer.current_profile.to_string()),
    ];
    for feature in answer.features() {
        let name = format!("feature {:04X}", feature.code.0);
        list.push((format!("{name}.version"), feature.version.to_string()));
        list.push((format!("{name}.persistent"), feature.persistent.to_string()));
        list.push((format!("{name}.current"), feature.current.to_string()));
        list.extend(prefixed(&name, fields::of(&feature.body())));
    }
    list
}

/// Header, block descriptors and pages, these by their codes.
fn mode(answer: &ModeParameters<'_>) -> Fields {
    let mut list = vec![
        ("claimed_length".to_owned(), answer.claimed_length.to_string()),
        ("medium_type".to_owned(), format!("{:02X}", answer.medium_type)),
        ("write_protected".to_owned(), answer.write_protected.to_string()),
        ("dpo_fua".to_owned(), answer.dpo_fua.to_string()),
        ("block_descriptors".to_owned(), hex(answer.block_descriptors)),
    ];
    for page in answer.pages.clone() {
        let name = format!("page {:02X}", page.code);
        list.push((format!("{name}.claimed_length"), page.claimed_length.to_string()));
        list.push((format!("{name}.saveable"), page.saveable.to_string()));
        list.extend(prefixed(&name, mode_page(&page).unwrap_or_else(|_| bytes(page.bytes))));
    }
    list
}

fn mode_page(page: &RawPage<'_>) -> Result<Fields, ParseError> {
    macro_rules! typed {
        ($($page:ident),+) => {
            match page.code {
                $( $page::CODE => fields::of(&page.read::<$page>()?), )+
                _ => bytes(page.bytes),
            }
        };
    }
    Ok(typed!(
        ErrorRecoveryPage,
        WriteParametersPage,
        CachingPage,
        AudioControlPage,
        PowerConditionPage,
        TimeoutAndProtectPage,
        CapabilitiesPage
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cdb: &[u8], data: &[u8]) -> Fields {
        fields(cdb, &Answer { status: Some(0), sense: Vec::new(), data: data.to_vec() })
    }

    fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
        fields.iter().find(|(known, _)| known == name).map_or("-", |(_, value)| value)
    }

    #[test]
    fn answers_are_read_by_their_views() {
        let capacity = of(&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0, 0, 3, 0xE7, 0, 0, 8, 0]);
        assert_eq!((value(&capacity, "last_lba"), value(&capacity, "block_length")), ("999", "2048"));
        let toc = of(&[0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0], &[0, 0x12, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0]);
        assert_eq!((value(&toc, "length"), value(&toc, "track.0.track")), ("12", "1"));
        let configuration =
            of(&[0x46, 0, 0, 0, 0, 0, 0, 0, 16, 0], &[0, 0, 0, 12, 0, 0, 0, 8, 0, 3, 3, 4, 0x29, 0, 0, 0]);
        assert_eq!(value(&configuration, "feature 0003.current"), "true");
        let mode = of(&[0x5A, 0, 1, 0, 0, 0, 0, 0, 16, 0], &[0, 14, 0, 0, 0, 0, 0, 0, 1, 6, 0, 5, 0, 0, 0, 0]);
        assert_eq!((value(&mode, "page 01.claimed_length"), value(&mode, "page 01.read_retry_count")), ("8", "5"));
    }

    #[test]
    fn what_no_view_reads_is_compared_as_bytes() {
        assert_eq!(value(&of(&[0xC5; 6], &[1, 2]), "data"), "01 02");
        assert_eq!(value(&of(&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2]), "data"), "01 02", "cut short");
        assert!(value(&of(&[0x28; 10], &[0; 2048]), "data").contains("2048 bytes"));
        let failed =
            Answer { status: Some(2), sense: vec![0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0], data: vec![] };
        assert_eq!(value(&fields(&[0; 6], &failed), OUTCOME), "5/24/00");
    }
}
