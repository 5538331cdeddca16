//! The drives there are: what each calls itself and what it can do.

use crate::disc::MediaType;

/// What never changes about a drive.
#[derive(Debug)]
pub struct Model {
    /// The name in `sim:NAME`.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// Vendor, product and revision of INQUIRY, 8, 16 and 4 characters.
    pub identity: (&'static str, &'static str, &'static str),
    /// Serial number of feature 0x0108 and of the vital product data, if the drive gives one.
    pub serial: Option<&'static str>,
    /// Kinds of media that it reads.
    pub reads: &'static [MediaType],
    /// Kinds of media that it writes.
    pub writes: &'static [MediaType],
    /// Whether it answers the MMC commands (GET CONFIGURATION, GET EVENT STATUS NOTIFICATION and others).
    pub mmc: bool,
    /// Whether it takes part in CSS authentication and has an RPC-II region.
    pub css: bool,
    /// Whether it takes part in AACS authentication.
    pub aacs: bool,
    /// Whether it plays audio by itself.
    pub audio: bool,
    /// Physical interface standard of feature 0x0001: 2 ATAPI, 7 Serial ATA.
    pub interface: u32,
    /// Buffer in KiB.
    pub buffer: u16,
    /// Fastest reading of a CD in 1000 bytes a second.
    pub cd_speed: u16,
}

/// Every model.
pub const MODELS: &[Model] = &[
    Model {
        name: "cdrom",
        description: "CD-ROM drive, ATAPI",
        identity: ("RUSTSIM", "CD-ROM 40X", "1.00"),
        serial: Some("CD0001"),
        reads: CDS,
        writes: &[],
        mmc: true,
        css: false,
        aacs: false,
        audio: true,
        interface: 2,
        buffer: 128,
        cd_speed: 7056,
    },
    Model {
        name: "cdrw",
        description: "CD-R/RW writer, ATAPI",
        identity: ("RUSTSIM", "CD-RW 24X", "1.10"),
        serial: Some("RW0001"),
        reads: CDS,
        writes: &[MediaType::CdR, MediaType::CdRw],
        mmc: true,
        css: false,
        aacs: false,
        audio: true,
        interface: 2,
        buffer: 2048,
        cd_speed: 7056,
    },
    Model {
        name: "dvdrom-css",
        description: "DVD-ROM drive with CSS and a region (RPC-II)",
        identity: ("RUSTSIM", "DVD-ROM 16X CSS", "2.00"),
        serial: Some("DV0001"),
        reads: DVDS,
        writes: &[],
        mmc: true,
        css: true,
        aacs: false,
        audio: true,
        interface: 2,
        buffer: 512,
        cd_speed: 8467,
    },
    Model {
        name: "dvdwriter",
        description: "DVD+-R/RW and DVD-RAM writer, Serial ATA",
        identity: ("RUSTSIM", "DVDRAM WRITER", "3.00"),
        serial: Some("DW0001"),
        reads: DVDS,
        writes: DVD_WRITES,
        mmc: true,
        css: true,
        aacs: false,
        audio: true,
        interface: 7,
        buffer: 2048,
        cd_speed: 8467,
    },
    Model {
        name: "bdwriter",
        description: "Blu-ray writer with AACS, Serial ATA",
        identity: ("RUSTSIM", "BD-RE WRITER", "4.00"),
        serial: Some("BD0001"),
        reads: MediaType::ALL,
        writes: BD_WRITES,
        mmc: true,
        css: true,
        aacs: true,
        audio: false,
        interface: 7,
        buffer: 4096,
        cd_speed: 8467,
    },
    Model {
        name: "oldcd",
        description: "SCSI-2 CD-ROM drive from before MMC",
        identity: ("RUSTSIM", "OLD CD-ROM 2X", "0.90"),
        serial: None,
        reads: CDS,
        writes: &[],
        mmc: false,
        css: false,
        aacs: false,
        audio: true,
        interface: 1,
        buffer: 64,
        cd_speed: 353,
    },
];

const CDS: &[MediaType] = &[MediaType::CdRom, MediaType::CdR, MediaType::CdRw];

const DVDS: &[MediaType] = &[
    MediaType::CdRom,
    MediaType::CdR,
    MediaType::CdRw,
    MediaType::DvdRom,
    MediaType::DvdR,
    MediaType::DvdRam,
    MediaType::DvdRwRestricted,
    MediaType::DvdRwSequential,
    MediaType::DvdRDualLayer,
    MediaType::DvdPlusRw,
    MediaType::DvdPlusR,
    MediaType::DvdPlusRDualLayer,
];

const DVD_WRITES: &[MediaType] = &[
    MediaType::CdR,
    MediaType::CdRw,
    MediaType::DvdR,
    MediaType::DvdRam,
    MediaType::DvdRwRestricted,
    MediaType::DvdRwSequential,
    MediaType::DvdRDualLayer,
    MediaType::DvdPlusRw,
    MediaType::DvdPlusR,
    MediaType::DvdPlusRDualLayer,
];

const BD_WRITES: &[MediaType] = &[
    MediaType::CdR,
    MediaType::CdRw,
    MediaType::DvdR,
    MediaType::DvdRam,
    MediaType::DvdRwRestricted,
    MediaType::DvdRwSequential,
    MediaType::DvdRDualLayer,
    MediaType::DvdPlusRw,
    MediaType::DvdPlusR,
    MediaType::DvdPlusRDualLayer,
    MediaType::BdR,
    MediaType::BdRe,
];

impl Model {
    /// The model with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.name == name)
    }

    /// Whether it reads this kind of medium.
    #[must_use]
    pub fn can_read(&self, media: MediaType) -> bool {
        self.reads.contains(&media)
    }

    /// Whether it writes this kind of medium.
    #[must_use]
    pub fn can_write(&self, media: MediaType) -> bool {
        self.writes.contains(&media)
    }

    /// Every drive.
    pub(crate) const fn has_all(&self) -> bool {
        true
    }

    /// Drives that answer MMC commands.
    pub(crate) const fn has_mmc(&self) -> bool {
        self.mmc
    }

    /// Writers.
    pub(crate) const fn has_writing(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Drives that read DVD.
    pub(crate) fn has_dvd(&self) -> bool {
        self.can_read(MediaType::DvdRom)
    }

    /// Drives that read BD.
    pub(crate) fn has_bd(&self) -> bool {
        self.can_read(MediaType::BdRom)
    }

    /// Drives that play audio.
    pub(crate) const fn has_audio(&self) -> bool {
        self.audio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_fit_the_inquiry_fields() {
        for model in MODELS {
            let (vendor, product, revision) = model.identity;
            assert!(vendor.len() <= 8 && product.len() <= 16 && revision.len() == 4, "{}", model.name);
            assert!(model.writes.iter().all(|media| model.can_read(*media)), "{}", model.name);
        }
    }
}
