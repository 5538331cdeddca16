//! The commands that drives are asked: built with `scsi-cdb`, or spelt out where they are wrong on purpose.
//!
//! The order matters where a command changes the drive: those that lock, stop or eject come last and undo what they
//! did.

use scsi_cdb::configuration::{ConfigurationRequest, FeatureCode, GetConfiguration};
use scsi_cdb::disc_information::{DiscInformationType, ReadDiscInformation};
use scsi_cdb::disc_structure::{MediaType, ReadDiscStructure};
use scsi_cdb::event_status::GetEventStatusNotification;
use scsi_cdb::inquiry::Inquiry;
use scsi_cdb::mechanism::MechanismStatus;
use scsi_cdb::mode::{ModeSense6, ModeSense10, PageControl};
use scsi_cdb::performance::{GetPerformance, PerformanceDataType, PerformanceType};
use scsi_cdb::read_capacity::ReadCapacity10;
use scsi_cdb::read_cd::ReadCd;
use scsi_cdb::read_write::{Read10, Read12, Seek10};
use scsi_cdb::sense::RequestSense;
use scsi_cdb::start_stop::{PreventAllowMediumRemoval, StartStopUnit};
use scsi_cdb::streaming::SetCdSpeed;
use scsi_cdb::sub_channel::{ReadSubChannel, SubChannelFormat};
use scsi_cdb::test_unit_ready::TestUnitReady;
use scsi_cdb::toc::{ReadTocPmaAtip, TocFormat};
use scsi_cdb::track_information::{ReadTrackInformation, TrackAddressType};
use scsi_cdb::{Command, Transfer};

/// A command as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The command descriptor block.
    pub(crate) cdb: Vec<u8>,
    /// Room for data from the drive, in bytes.
    pub(crate) room: usize,
}

impl Listed {
    /// A command that reads as many bytes as its block says, or none.
    pub(crate) fn of<C: Command>(command: C) -> Self {
        let room = match command.transfer() {
            Transfer::In(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Transfer::None | Transfer::Out(_) => 0,
        };
        Self { cdb: command.cdb().as_bytes().to_vec(), room }
    }

    /// A block byte by byte, with `room` for data.
    pub(crate) fn raw(cdb: &[u8], room: usize) -> Self {
        Self { cdb: cdb.to_vec(), room }
    }
}

/// Everything that any drive can be asked, with or without a disc; `blocks` is the size of the disc.
pub(crate) fn all(blocks: u32) -> Vec<Listed> {
    let parts = [
        attention(),
        identity(),
        configuration(),
        events(),
        mode_sense(),
        tables_of_contents(),
        information(),
        structures(),
        reads(blocks),
        cd_reads(blocks),
        refused(),
        state(),
    ];
    parts.concat()
}

/// Fetches what a drive has to report after it was switched on.
pub(crate) fn attention() -> Vec<Listed> {
    let mut list = vec![Listed::of(RequestSense { descriptor_format: false, allocation_length: 18 })];
    list.extend(vec![Listed::of(TestUnitReady {}); 4]);
    list
}

/// INQUIRY and REQUEST SENSE.
pub(crate) fn identity() -> Vec<Listed> {
    let standard = [0, 1, 4, 5, 8, 35, 36, 37, 96, 255, 512].map(|length| (None, length));
    let pages = [(0x00, 255), (0x00, 4), (0x80, 255), (0x83, 255), (0x83, 8), (0xB0, 255), (0xC0, 255)];
    let pages = pages.map(|(page, length)| (Some(page), length));
    let inquiries = standard.into_iter().chain(pages);
    let mut list: Vec<Listed> =
        inquiries.map(|(vpd_page, allocation_length)| Listed::of(Inquiry { vpd_page, allocation_length })).collect();
    // A page code without the bit that asks for pages.
    list.push(Listed::raw(&[0x12, 0, 0x80, 0, 36, 0], 36));
    list.extend(
        [0, 1, 8, 14, 18, 252]
            .map(|allocation_length| Listed::of(RequestSense { descriptor_format: false, allocation_length })),
    );
    list.push(Listed::of(RequestSense { descriptor_format: true, allocation_length: 18 }));
    list
}

/// GET CONFIGURATION.
pub(crate) fn configuration() -> Vec<Listed> {
    let features = [0x0000, 0x0001, 0x0002, 0x0003, 0x0010, 0x001D, 0x001E, 0x001F, 0x0020, 0x0021];
    let features = features.into_iter().chain([0x002B, 0x0100, 0x0103, 0x0105, 0x0106, 0x0107, 0x0108, 0xFFFF]);
    let ones = features.map(|feature| (ConfigurationRequest::ONE, feature, 1024));
    let lengths = [0, 4, 8, 12, 16, 20, 255, 65535].map(|length| (ConfigurationRequest::ALL, 0, length));
    let rest = [
        (ConfigurationRequest::CURRENT, 0, 1024),
        (ConfigurationRequest::CURRENT, 0x0010, 1024),
        (ConfigurationRequest::CURRENT, 0x001F, 1024),
        (ConfigurationRequest::CURRENT, 0xFFFF, 1024),
        (ConfigurationRequest::ALL, 0x0002, 1024),
        (ConfigurationRequest::ALL, 0x001F, 1024),
        (ConfigurationRequest::ALL, 0x0100, 1024),
        (ConfigurationRequest::ALL, 0xFFFF, 1024),
        (ConfigurationRequest(3), 0, 1024),
    ];
    let all = ones.chain(lengths).chain(rest);
    all.map(|(request, feature, allocation_length)| {
        Listed::of(GetConfiguration { request, starting_feature: FeatureCode(feature), allocation_length })
    })
    .collect()
}

/// GET EVENT STATUS NOTIFICATION.
pub(crate) fn events() -> Vec<Listed> {
    let classes = [0x00, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x12, 0x5E, 0x7E, 0xFF];
    let whole = classes.map(|classes| (true, classes, 8));
    let cut =
        [(true, 0x10, 4), (true, 0x10, 0), (true, 0x10, 2), (true, 0x10, 6), (true, 0x10, 128), (true, 0x10, 65535)];
    let asynchronous = [(false, 0x10, 8), (false, 0x00, 8)];
    whole
        .into_iter()
        .chain(cut)
        .chain(asynchronous)
        .map(|(polled, classes, allocation_length)| {
            Listed::of(GetEventStatusNotification { polled, classes, allocation_length })
        })
        .collect()
}

/// MODE SENSE (10) and (6).
pub(crate) fn mode_sense() -> Vec<Listed> {
    let controls = [PageControl::CURRENT, PageControl::CHANGEABLE, PageControl::DEFAULT, PageControl::SAVED];
    let pages = [0x01, 0x05, 0x08, 0x0D, 0x0E, 0x1A, 0x1C, 0x1D, 0x2A, 0x3E, 0x3F];
    let ten = |page_control, page, subpage, allocation_length| {
        Listed::of(ModeSense10 { disable_block_descriptors: true, page_control, page, subpage, allocation_length })
    };
    let mut list: Vec<Listed> =
        pages.iter().flat_map(|page| controls.map(|control| ten(control, *page, 0, 512))).collect();
    list.extend([0, 2, 8, 10, 12, 20, 28, 65535].map(|length| ten(PageControl::CURRENT, 0x2A, 0, length)));
    list.extend([ten(PageControl::CURRENT, 0x01, 0x01, 512), ten(PageControl::CURRENT, 0x3F, 0xFF, 512)]);
    list.push(Listed::of(ModeSense10 {
        disable_block_descriptors: false,
        page_control: PageControl::CURRENT,
        page: 0x01,
        subpage: 0,
        allocation_length: 512,
    }));
    list.extend([(0x01, 255), (0x2A, 255), (0x2A, 4), (0x3F, 255)].map(|(page, allocation_length)| {
        Listed::of(ModeSense6 {
            disable_block_descriptors: false,
            page_control: PageControl::CURRENT,
            page,
            subpage: 0,
            allocation_length,
        })
    }));
    list
}

/// READ TOC/PMA/ATIP in the standard's form and in the older one, with the format in byte 9.
pub(crate) fn tables_of_contents() -> Vec<Listed> {
    let toc = |format, msf, track_session, allocation_length, old: bool| {
        let command =
            ReadTocPmaAtip { msf, track_session, ..ReadTocPmaAtip::new(TocFormat(format), allocation_length) };
        Listed::of(if old { command.with_legacy_format() } else { command })
    };
    let mut list = Vec::new();
    for msf in [false, true] {
        list.extend([0, 1, 2, 0xAA, 0xAB, 0xFF].map(|track| toc(0, msf, track, 804, false)));
        list.extend([0, 1, 2].map(|format| toc(format, msf, 0, 804, true)));
        list.extend([1, 2, 3, 4, 5, 6, 15].map(|format| toc(format, msf, 0, 804, false)));
        list.extend([1, 2].map(|session| toc(2, msf, session, 804, true)));
    }
    list.extend([0, 1, 2, 4, 8, 12, 19, 20, 21, 65535].map(|length| toc(0, false, 0, length, false)));
    list.extend([4, 12].map(|length| toc(1, false, 0, length, true)));
    list.extend([4, 15, 48].map(|length| toc(2, true, 1, length, true)));
    // The format in byte 9 alone.
    list.extend([0x40, 0x80, 0xC0].map(|control| Listed::raw(&[0x43, 2, 0, 0, 0, 0, 0, 3, 0x24, control], 804)));
    list
}

/// Capacity, disc, tracks, mechanism, position, speeds.
pub(crate) fn information() -> Vec<Listed> {
    let mut list = vec![Listed::of(ReadCapacity10 {})];
    list.extend([(0, 34), (0, 255), (0, 4), (0, 2), (0, 0), (0, 65535), (1, 255), (2, 255), (7, 255)].map(
        |(data_type, allocation_length)| {
            Listed::of(ReadDiscInformation { data_type: DiscInformationType(data_type), allocation_length })
        },
    ));
    list.extend([0, 4, 8, 12, 1024].map(|allocation_length| Listed::of(MechanismStatus { allocation_length })));
    list.extend([(0, 0), (0, 16), (1, 1), (1, 2), (1, 0), (2, 1)].map(|(kind, address)| {
        Listed::of(ReadTrackInformation {
            open: false,
            address_type: TrackAddressType(kind),
            address,
            allocation_length: 48,
        })
    }));
    list.extend([0, 1, 2, 3].map(|format| {
        Listed::of(ReadSubChannel {
            msf: false,
            subq: true,
            format: SubChannelFormat(format),
            track: u8::from(format == 3),
            allocation_length: 24,
        })
    }));
    list.extend([(0x10, PerformanceType::PERFORMANCE), (0, PerformanceType::WRITE_SPEED)].map(|(bits, kind)| {
        Listed::of(GetPerformance { data_type: PerformanceDataType(bits), starting_lba: 0, max_descriptors: 4, kind })
    }));
    list.push(Listed::of(SetCdSpeed { rotation_control: 0, read_speed: 0xFFFF, write_speed: 0xFFFF }));
    list.push(Listed::raw(&[0x23, 0, 0, 0, 0, 0, 0, 0, 252, 0], 252));
    list
}

/// READ DISC STRUCTURE.
pub(crate) fn structures() -> Vec<Listed> {
    let dvd = |format, layer, allocation_length| {
        Listed::of(ReadDiscStructure { layer, ..ReadDiscStructure::new(MediaType::DVD, format, allocation_length) })
    };
    let mut list: Vec<Listed> =
        [0x00, 0x01, 0x03, 0x04, 0x05, 0x06, 0x0F, 0x7F, 0xC0, 0xFF].map(|format| dvd(format, 0, 2052)).into();
    list.extend([dvd(0, 1, 2052), dvd(0, 0, 4), dvd(0, 0, 0), dvd(0, 0, 20), dvd(1, 0, 8)]);
    list.push(Listed::of(ReadDiscStructure::new(MediaType::BD, 0, 4100)));
    list
}

/// READ (10), READ (12) and SEEK around the boundaries of a disc.
pub(crate) fn reads(blocks: u32) -> Vec<Listed> {
    let starts = [(0, 1), (0, 0), (0, 2), (16, 1), (15, 3), (blocks / 2, 4), (blocks - 1, 1), (blocks - 2, 2)];
    let beyond = [(blocks, 0), (blocks, 1), (blocks - 1, 2), (0x7FFF_FFFF, 1), (0xFFFF_FFFF, 1), (blocks + 150, 1)];
    let mut list = Vec::new();
    for (lba, blocks) in starts.into_iter().chain(beyond) {
        list.push(Listed::of(Read10 { lba, blocks, force_unit_access: false }));
        list.push(Listed::of(Read12 { lba, blocks: blocks.into(), force_unit_access: false, streaming: false }));
    }
    list.push(Listed::of(Read10 { lba: 3, blocks: 2, force_unit_access: true }));
    // The drive has more than the initiator takes.
    list.push(Listed::raw(&[0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0], 2048));
    list.extend([0, 16, blocks - 1, blocks, 0xFFFF_FFFF].map(|lba| Listed::of(Seek10 { lba })));
    list
}

/// READ CD with sector types and selections of fields.
pub(crate) fn cd_reads(blocks: u32) -> Vec<Listed> {
    let read = |lba, count, flags| Listed::of(ReadCd::from_flag_bytes(lba, count, flags));
    let mut list = Vec::new();
    for expected in 0..8 {
        list.push(read(16, 1, [expected << 2, 0x10, 0]));
    }
    for fields in [0x00, 0x08, 0x10, 0x18, 0x20, 0x30, 0x38, 0x78, 0x80, 0xA0, 0xB0, 0xF8, 0x12, 0x14] {
        list.push(read(17, 1, [0, fields, 0]));
    }
    list.extend([1, 2, 4].map(|sub_channel| read(18, 1, [0, 0x10, sub_channel])));
    list.extend([
        read(0, 2, [0, 0x10, 0]),
        read(0, 2, [0, 0xF8, 0]),
        read(blocks - 1, 1, [0, 0xF8, 0]),
        read(blocks - 1, 1, [0, 0x10, 0]),
        read(0, 0, [0, 0x10, 0]),
        read(blocks, 0, [0, 0x10, 0]),
        read(blocks, 1, [0, 0x10, 0]),
        read(blocks - 1, 2, [0, 0x10, 0]),
        read(0xFFFF_FF6A, 1, [0, 0x10, 0]),
        // Digital audio play.
        read(19, 1, [2, 0x10, 0]),
    ]);
    // READ CD MSF from 00:02:16 to 00:02:17.
    list.push(Listed::raw(&[0xB9, 0, 0, 0, 2, 16, 0, 2, 17, 0x10, 0, 0], 2048));
    list
}

/// Operation codes that a reader of CD and DVD does not have.
pub(crate) fn refused() -> Vec<Listed> {
    let six = [0x02, 0x08, 0x0A, 0x0B, 0x13, 0x18, 0x1C, 0x1F];
    let ten = [0x2A, 0x2E, 0x34, 0x36, 0x3B, 0x3C, 0x53, 0x5B, 0x5D];
    let twelve = [0x9F, 0xA1, 0xAA, 0xAB, 0xB4, 0xBF, 0xC0, 0xD8, 0xE5, 0xFF];
    let of = |opcodes: &[u8], length: usize| -> Vec<Listed> {
        let block = |opcode: &u8| [&[*opcode][..], &vec![0; length - 1]].concat();
        opcodes.iter().map(|opcode| Listed::raw(&block(opcode), 0)).collect()
    };
    [of(&six, 6), of(&ten, 10), of(&twelve, 12)].concat()
}

/// Lock, stop, eject and load.
pub(crate) fn state() -> Vec<Listed> {
    let prevent = |prevent| Listed::of(PreventAllowMediumRemoval { prevent, persistent: false });
    let ready = || Listed::of(TestUnitReady {});
    let media = || Listed::of(GetEventStatusNotification { polled: true, classes: 0x10, allocation_length: 8 });
    let mechanism = || Listed::of(MechanismStatus { allocation_length: 8 });
    let capabilities = || {
        Listed::of(ModeSense10 {
            disable_block_descriptors: true,
            page_control: PageControl::CURRENT,
            page: 0x2A,
            subpage: 0,
            allocation_length: 512,
        })
    };
    vec![
        prevent(true),
        capabilities(),
        Listed::of(StartStopUnit::EJECT),
        ready(),
        media(),
        prevent(false),
        capabilities(),
        Listed::of(StartStopUnit::STOP),
        ready(),
        Listed::of(StartStopUnit::START),
        ready(),
        Listed::of(StartStopUnit::EJECT),
        media(),
        ready(),
        mechanism(),
        Listed::of(ReadCapacity10 {}),
        Listed::of(StartStopUnit::EJECT),
        Listed::of(StartStopUnit::LOAD),
        media(),
        media(),
        ready(),
        ready(),
        ready(),
        mechanism(),
        Listed::of(StartStopUnit::LOAD),
        // Power conditions: standby, active.
        Listed::raw(&[0x1B, 0, 0, 0, 0x30, 0], 0),
        Listed::raw(&[0x1B, 0, 0, 0, 0x10, 0], 0),
        ready(),
    ]
}

/// What a host asks after somebody did something to the drive, until it has learnt all.
pub(crate) fn after_act() -> Vec<Listed> {
    let media = || Listed::of(GetEventStatusNotification { polled: true, classes: 0x10, allocation_length: 8 });
    let ready = || Listed::of(TestUnitReady {});
    let mut list = vec![media(), media(), ready(), media(), ready(), ready(), ready(), media()];
    list.push(Listed::of(ReadCapacity10 {}));
    list.push(Listed::of(GetConfiguration {
        request: ConfigurationRequest::ALL,
        starting_feature: FeatureCode(0),
        allocation_length: 8,
    }));
    list.push(Listed::of(Read10 { lba: 0, blocks: 1, force_unit_access: false }));
    list
}

/// PREVENT ALLOW MEDIUM REMOVAL, and what it forbids.
pub(crate) fn lock(prevent: bool) -> Vec<Listed> {
    let lock = Listed::of(PreventAllowMediumRemoval { prevent, persistent: false });
    if prevent { vec![lock, Listed::of(StartStopUnit::EJECT), Listed::of(TestUnitReady {})] } else { vec![lock] }
}

/// START STOP UNIT that ejects, and what a host asks afterwards.
pub(crate) fn eject_and_look() -> Vec<Listed> {
    [vec![Listed::of(StartStopUnit::EJECT)], after_act()].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn enough_commands_are_asked() {
        let distinct: BTreeSet<_> = all(1000).into_iter().map(|command| command.cdb).collect();
        assert!(distinct.len() >= 250, "{}", distinct.len());
        assert!(distinct.iter().all(|cdb| cdb.len() <= 12), "a packet has 12 bytes");
    }
}
