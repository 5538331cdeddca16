//! `info`: what the drive and the disc are.

use std::fmt;

use anyhow::Result;
use ioctl_dispatch::NtStatus;
use ioctl_dispatch::descriptors::DeviceDescriptor;
use scsi_cdb::configuration::{Configuration, FeatureCode};
use serde::Serialize;

use super::config::{self, Named};
use super::{read, toc};
use crate::cli::Common;
use crate::output;
use crate::session::Program;

#[derive(Serialize)]
struct Report {
    drive: String,
    vendor: String,
    product: String,
    revision: String,
    mmc: bool,
    profiles: Vec<Named>,
    features: usize,
    state: String,
    current_profile: Option<Named>,
    capacity: Option<u64>,
    tracks: Option<usize>,
    sessions: Vec<toc::Session>,
    region: Option<Region>,
}

#[derive(Serialize)]
struct Region {
    copy_system: u8,
    disc_regions: Vec<u8>,
    drive_regions: Vec<u8>,
    user_changes_left: u8,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "drive      {} {} {}", self.vendor, self.product, self.revision)?;
        writeln!(f, "at         {}", self.drive)?;
        if self.mmc {
            let profiles: Vec<_> = self.profiles.iter().map(|profile| profile.to_string()).collect();
            writeln!(f, "profiles   {}", profiles.join(", "))?;
            writeln!(f, "features   {}", self.features)?;
        } else {
            writeln!(f, "features   none: the drive does not speak MMC")?;
        }
        writeln!(f, "state      {}", self.state)?;
        if let Some(profile) = &self.current_profile {
            writeln!(f, "disc       {profile}")?;
        }
        if let Some(capacity) = self.capacity {
            writeln!(f, "capacity   {capacity} bytes ({} sectors)", capacity / 2048)?;
        }
        if let Some(tracks) = self.tracks {
            writeln!(f, "tracks     {tracks}")?;
        }
        if !self.sessions.is_empty() {
            writeln!(f, "sessions   {}", self.sessions.len())?;
        }
        if let Some(region) = &self.region {
            writeln!(
                f,
                "region     drive {:?}, disc {:?}, {} user changes left",
                region.drive_regions, region.disc_regions, region.user_changes_left
            )?;
        }
        Ok(())
    }
}

/// Regions whose bit in `bits` is 0.
fn clear_bits(bits: u8) -> Vec<u8> {
    (0..8).filter(|bit| bits & (1 << bit) == 0).map(|bit| bit + 1).collect()
}

/// Shows drive and disc.
pub fn run(common: &Common) -> Result<()> {
    let mut program = Program::open_disc(common)?;
    // STORAGE_PROPERTY_QUERY: StorageDeviceProperty, standard query.
    let descriptor = program.ask("IOCTL_STORAGE_QUERY_PROPERTY", &[0; 12], 1024)?;
    let descriptor = DeviceDescriptor::new(&descriptor).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let configuration = config::fetch(&mut program).ok();
    let configuration = configuration.as_deref().and_then(|answer| Configuration::parse(answer).ok());
    let ready = program.request("IOCTL_STORAGE_CHECK_VERIFY2", &[], 0)?.status;
    let disc = ready.is_success();
    let list = configuration
        .and_then(|configuration| configuration.features().find(|feature| feature.code == FeatureCode::PROFILE_LIST));
    let report = Report {
        drive: program.host.describe(),
        vendor: text(descriptor.vendor()),
        product: text(descriptor.product()),
        revision: text(descriptor.revision()),
        mmc: configuration.is_some(),
        profiles: list.map_or_else(Vec::new, |list| config::profiles(list.data)),
        features: configuration.map_or(0, |configuration| configuration.features().count()),
        state: match ready {
            NtStatus::SUCCESS => "disc ready".into(),
            NtStatus::NO_MEDIA_IN_DEVICE => "no disc".into(),
            other => other.to_string(),
        },
        current_profile: configuration
            .filter(|configuration| configuration.current_profile.0 != 0)
            .map(|configuration| config::profile(configuration.current_profile)),
        capacity: if disc { read::disc_length(&mut program).ok() } else { None },
        tracks: if disc { toc::read_tracks(&mut program).ok().map(|(tracks, _)| tracks.len()) } else { None },
        sessions: if disc { toc::read_sessions(&mut program).unwrap_or_default() } else { Vec::new() },
        region: region(&mut program)?,
    };
    output::report(common, &report)?;
    program.close()
}

/// The regions, where the drive and the disc have any.
fn region(program: &mut Program) -> Result<Option<Region>> {
    let completed = program.request("IOCTL_DVD_GET_REGION", &[], 4)?;
    let Some([copy_system, disc, drive, left]) = completed.returned().first_chunk().copied() else { return Ok(None) };
    Ok(completed.status.is_success().then(|| Region {
        copy_system,
        disc_regions: clear_bits(disc),
        drive_regions: clear_bits(!drive),
        user_changes_left: left,
    }))
}
