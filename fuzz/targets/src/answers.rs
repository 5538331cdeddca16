//! Answers of a drive: every parser on any bytes.

use scsi_cdb::buffer_capacity::BufferCapacity;
use scsi_cdb::configuration::{Configuration, FeatureDescriptor};
use scsi_cdb::disc_information::{DiscInformation, OpcEntry, PowResources, TrackResources};
use scsi_cdb::disc_structure::{StructureAnswer, aacs as structure_aacs, bd, common, dvd as structure_dvd};
use scsi_cdb::event_status::{EventHeader, EventStatus};
use scsi_cdb::inquiry::StandardInquiry;
use scsi_cdb::key::{self, GrantedAgid, aacs, dvd};
use scsi_cdb::mechanism::{MechanismAnswer, MechanismHeader, Slot};
use scsi_cdb::mode::{
    AudioControlPage, CachingPage, CapabilitiesPage, ErrorRecoveryPage, HeaderForm, ModePages, ModeParameters,
    PowerConditionPage, TimeoutAndProtectPage, WriteParametersPage,
};
use scsi_cdb::performance::{
    DefectiveBlock, DefectiveBlockCacheZone, ExceptionPerformance, NominalPerformance, Performance, UnusableArea,
    WriteSpeed,
};
use scsi_cdb::persistent_reserve::{RegisteredKeys, Reservation, ReservationInForce};
use scsi_cdb::read_capacity::Capacity10;
use scsi_cdb::sense::{Sense, additional_sense_name};
use scsi_cdb::streaming::PerformanceDescriptor;
use scsi_cdb::sub_channel::{CurrentPosition, MediaCatalogNumber, SubChannelHeader, TrackIsrc};
use scsi_cdb::toc::cd_text::PackKind;
use scsi_cdb::toc::{Atip, CdText, FormattedToc, MultiSessionInformation, Pma, RawToc};
use scsi_cdb::track_information::TrackInformation;
use scsi_cdb::vital_product_data::VitalProductData;

/// Structures of fixed length: what was parsed and written is parsed to the same again.
macro_rules! records {
    ($data:expr; $( $type:ty ),* $(,)?) => { $(
        if let Ok(record) = <$type>::parse($data) {
            assert_eq!(<$type>::parse(&record.to_bytes()), Ok(record), stringify!($type));
            let _ = format!("{record:?}");
        } else {
            assert!($data.len() < <$type>::LENGTH, stringify!($type));
        }
    )* };
}

/// Looks at every item; there can be no more than there are bytes.
fn look_at<T: std::fmt::Debug>(data: &[u8], items: impl Iterator<Item = T>) {
    let mut count = 0;
    for item in items {
        let _ = format!("{item:?}");
        count += 1;
        assert!(count <= data.len() + 256, "an iterator that does not end");
    }
}

/// Sense data of both formats.
pub fn sense(data: &[u8]) {
    if let Ok(sense) = Sense::parse(data) {
        let _ = (format!("{sense:?}"), sense.name(), sense.codes());
        let mut written = [0xA5; 64];
        let length = sense.emit_fixed(&mut written);
        let again = Sense::parse(&written[..length]).map(|again| again.codes());
        assert_eq!(again, Ok(sense.codes()), "fixed format");
        let length = sense.emit_descriptors(&mut written);
        let again = Sense::parse(&written[..length]).map(|again| again.codes());
        assert_eq!(again, Ok(sense.codes()), "descriptor format");
    }
    let _ = format!("{:?}", Sense::parse_fixed_as_reference(data));
    if let [asc, ascq, ..] = data {
        let _ = additional_sense_name(*asc, *ascq);
    }
}

/// READ TOC/PMA/ATIP in the formats that are lists of tracks and Q sub-channels.
pub fn toc(data: &[u8]) {
    if let Ok(toc) = FormattedToc::parse(data) {
        look_at(data, toc.descriptors());
        let _ = (toc.lead_out(), toc.is_truncated(), toc.track(1), format!("{:?}", toc.header()));
    }
    if let Ok(sessions) = MultiSessionInformation::parse(data) {
        let _ = (sessions.first_track_of_last_session(), sessions.is_multi_session());
    }
    if let Ok(raw) = RawToc::parse(data) {
        look_at(data, raw.items());
        look_at(data, raw.sessions());
        look_at(data, raw.tracks());
    }
    if let Ok(pma) = Pma::parse(data) {
        for code in [scsi_cdb::toc::TimeCode::Binary, scsi_cdb::toc::TimeCode::Bcd] {
            look_at(data, pma.descriptors().map(|entry| entry.pma_item(code)));
        }
    }
    if let Ok(atip) = Atip::from_answer(data) {
        let _ = (format!("{atip:?}"), atip.recording_speeds());
    }
}

/// CD-TEXT: no text is longer than its buffer.
pub fn cd_text(data: &[u8]) {
    let Ok(text) = CdText::parse(data) else { return };
    look_at(data, text.descriptors().map(|pack| (pack, pack.expected_crc(), pack.crc_is_valid())));
    for block in 0..8 {
        let _ = format!("{:?}", text.size_information(block));
        for kind in 0x80..=0x8F {
            let kind = PackKind(kind);
            look_at(data, text.pieces(block, kind));
            let mut buffer = [0; 64];
            for track in [0, 1, 99] {
                let _ = format!("{:?}", text.write_text(block, kind, track, &mut buffer));
            }
        }
    }
}

/// GET CONFIGURATION: every descriptor, and what it writes back.
pub fn configuration(data: &[u8]) {
    let check = |descriptor: FeatureDescriptor<'_>| {
        let mut written = [0xA5; 4 + 255];
        let length = descriptor.write(&mut written).unwrap_or(0);
        let again = FeatureDescriptor::parse(&written[..length]);
        assert_eq!(again.map(|again| again.code), Ok(descriptor.code));
        format!("{descriptor:?} {:?}", descriptor.body())
    };
    if let Ok(descriptor) = FeatureDescriptor::parse(data) {
        check(descriptor);
    }
    if let Ok(configuration) = Configuration::parse(data) {
        look_at(data, configuration.features().map(check));
        for descriptor in configuration.features() {
            if let Some(found) = configuration.find(descriptor.code) {
                assert_eq!(found.code, descriptor.code);
            }
        }
        assert!(configuration.as_bytes().len() <= data.len());
        let _ = configuration.full_length();
    }
}

/// GET EVENT STATUS NOTIFICATION.
pub fn events(data: &[u8]) {
    records!(data; EventHeader);
    if let Ok(status) = EventStatus::parse(data) {
        let mut written = [0; 64];
        let length = status.write(&mut written);
        assert_eq!(EventStatus::parse(&written[..length]), Ok(status));
        let _ = format!("{status:?}");
    }
}

/// GET PERFORMANCE in all types, and the descriptor of SET STREAMING.
pub fn performance(data: &[u8]) {
    records!(data; PerformanceDescriptor);
    if let Ok(performance) = Performance::parse(data) {
        look_at(data, performance.iter::<NominalPerformance>());
        look_at(data, performance.iter::<ExceptionPerformance>());
        look_at(data, performance.iter::<WriteSpeed>());
        look_at(data, performance.iter::<UnusableArea>());
        look_at(data, performance.iter::<DefectiveBlock>());
        look_at(data, performance.iter::<DefectiveBlockCacheZone>());
    }
}

/// MODE SENSE in both forms, every page.
pub fn mode(data: &[u8]) {
    look_at(data, ModePages::new(data));
    for form in [HeaderForm::Six, HeaderForm::Ten] {
        let _ = format!("{:?}", ModeParameters::parse_whole(form, data));
        let Ok(parameters) = ModeParameters::parse(form, data) else { continue };
        let _ = format!("{parameters:?} {:?}", parameters.block_descriptor());
        for page in parameters.pages {
            look_at(data, page.write_speeds());
            let _ = (
                format!("{:?} {:?}", page.read::<ErrorRecoveryPage>(), page.read::<WriteParametersPage>()),
                format!("{:?} {:?}", page.read::<CachingPage>(), page.read::<AudioControlPage>()),
                format!("{:?} {:?}", page.read::<PowerConditionPage>(), page.read::<TimeoutAndProtectPage>()),
                format!("{:?}", page.read::<CapabilitiesPage>()),
            );
        }
    }
}

/// READ DISC INFORMATION, READ TRACK INFORMATION, READ SUB-CHANNEL.
pub fn disc_information(data: &[u8]) {
    records!(
        data;
        TrackResources, PowResources, OpcEntry, SubChannelHeader, CurrentPosition, MediaCatalogNumber, TrackIsrc,
    );
    let _ = format!("{:?} {:?}", DiscInformation::from_answer(data), TrackInformation::from_answer(data));
    look_at(data, DiscInformation::opc_entries(data));
    let _ = format!("{:?} {:?}", CurrentPosition::from_answer(data), MediaCatalogNumber::from_answer(data));
    let _ = format!("{:?}", TrackIsrc::from_answer(data));
}

/// READ DISC STRUCTURE: DVD, BD and AACS formats.
pub fn disc_structure(data: &[u8]) {
    let body = StructureAnswer::parse(data).map_or(data, |answer| answer.body);
    records!(
        body;
        structure_aacs::AuthenticatedId, structure_aacs::DataKeys, structure_aacs::LbaExtent,
        bd::DiscInformationUnit, bd::CartridgeStatus, bd::SpareArea, bd::DiscDefinition, bd::PacHeader,
        common::LayerList, common::WriteProtection, common::StructureEntry,
        structure_dvd::PhysicalFormat, structure_dvd::Copyright, structure_dvd::CopyrightManagement,
        structure_dvd::RamMediumStatus, structure_dvd::RamSpareArea, structure_dvd::UniqueDiscId,
        structure_dvd::AdipIdentification, structure_dvd::LayerParameter,
    );
    look_at(data, structure_aacs::lba_extents(body));
    look_at(data, structure_aacs::mkb_records(body));
    let _ = structure_aacs::mkb_version(body);
    look_at(data, bd::DiscInformationUnit::list(body).map(|unit| (unit, unit.is_recordable())));
    look_at(data, common::LayerList::formats(body));
    look_at(data, common::StructureEntry::list(body));
    let _ = format!("{:?}", common::WriteProtection::from_body(body));
    let _ = structure_dvd::PhysicalFormat::parse(body).map(|format| format.layers());
    let _ = structure_dvd::UniqueDiscId::parse(body).map(|id| id.date());
}

/// REPORT KEY, and the parameters of SEND KEY.
pub fn keys(data: &[u8]) {
    records!(
        data;
        GrantedAgid, dvd::Challenge, dvd::BusKey, dvd::TitleKey, dvd::AuthenticationSuccess, dvd::RpcState, dvd::SetRpc,
        aacs::CertificateChallenge, aacs::ChallengeKey, aacs::DriveCertificate,
    );
    if let Ok(agid) = key::granted_agid(data) {
        assert!(agid < 4);
    }
    let _ = dvd::RpcState::parse(data).map(|state| state.region());
    let mut written = [0; 128];
    let _ = key::write_parameters(data, &mut written);
}

/// INQUIRY and its vital product data.
pub fn inquiry(data: &[u8]) {
    let _ = StandardInquiry::parse(data).map(|inquiry| (format!("{inquiry:?}"), inquiry.total_length()));
    if let Ok(page) = VitalProductData::parse(data) {
        assert!(page.serial_number().len() <= data.len());
        look_at(data, page.designators());
        look_at(data, page.supported_pages());
    }
}

/// The short answers about the unit: capacity, buffer, mechanism, reservations.
pub fn unit(data: &[u8]) {
    records!(data; Capacity10, BufferCapacity, MechanismHeader, Slot, Reservation);
    let _ = Capacity10::parse(data).map(|capacity| (capacity.blocks(), capacity.power_of_two_block_length()));
    let _ = MechanismAnswer::parse(data).map(|answer| look_at(data, answer.slots()));
    let _ = RegisteredKeys::parse(data).map(|keys| look_at(data, keys.keys()));
    let _ = format!("{:?}", ReservationInForce::parse(data));
}
