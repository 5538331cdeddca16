//! `config`: profiles and features.

use std::fmt;

use anyhow::{Context, Result};
use drive_host::results::hex;
use scsi_cdb::configuration::{Configuration, FeatureCode, Profile};
use serde::Serialize;

use crate::cli::Common;
use crate::output;
use crate::session::Program;

#[derive(Serialize)]
struct Report {
    current_profile: Named,
    features: Vec<FeatureReport>,
}

/// A code with its name.
#[derive(Serialize)]
pub struct Named {
    code: String,
    name: Option<&'static str>,
}

#[derive(Serialize)]
struct FeatureReport {
    #[serde(flatten)]
    feature: Named,
    version: u8,
    persistent: bool,
    current: bool,
    data: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<Named>,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.name.unwrap_or("(no name)"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "current profile  {}", self.current_profile)?;
        for feature in &self.features {
            let marks = match (feature.current, feature.persistent) {
                (true, true) => "current, persistent",
                (true, false) => "current",
                (false, true) => "persistent",
                (false, false) => "",
            };
            writeln!(f, "{:<44} version {}  {marks}", feature.feature.to_string(), feature.version)?;
            for profile in &feature.profiles {
                writeln!(f, "    profile {profile}")?;
            }
        }
        Ok(())
    }
}

/// The whole answer to GET CONFIGURATION.
pub fn fetch(program: &mut Program) -> Result<Vec<u8>> {
    // GET_CONFIGURATION_IOCTL_INPUT: first feature 0, all features, reserved pointers.
    program.ask("IOCTL_CDROM_GET_CONFIGURATION", &[0; 24], 0xFFF8)
}

/// The profile's code and name.
pub fn profile(profile: Profile) -> Named {
    Named { code: format!("{:04X}", profile.0), name: profile.name() }
}

/// Profiles of a profile list's data: 4 bytes each, the code first.
pub fn profiles(data: &[u8]) -> Vec<Named> {
    data.chunks_exact(4).map(|entry| profile(Profile(u16::from_be_bytes([entry[0], entry[1]])))).collect()
}

/// Shows profiles and features.
pub fn run(common: &Common) -> Result<()> {
    let mut program = Program::open_disc(common)?;
    let answer = fetch(&mut program)?;
    let configuration = Configuration::parse(&answer).context("the answer has no header")?;
    let features = configuration.features().map(|feature| FeatureReport {
        feature: Named { code: format!("{:04X}", feature.code.0), name: feature.code.name() },
        version: feature.version,
        persistent: feature.persistent,
        current: feature.current,
        data: hex(feature.data),
        profiles: if feature.code == FeatureCode::PROFILE_LIST { profiles(feature.data) } else { Vec::new() },
    });
    output::report(
        common,
        &Report { current_profile: profile(configuration.current_profile), features: features.collect() },
    )?;
    program.close()
}
