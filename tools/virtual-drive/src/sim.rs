//! Drives by name: `sim:DRIVE`, `sim:DISC`, `sim:DRIVE+DISC`, a few named pairs, and drives for image files.

use std::path::Path;

use crate::disc::{Disc, MediaType, generated};
use crate::drive::{Drive, MODELS, Model};
use crate::image;
use crate::nearest::hint;

/// What every name begins with; it may be left out.
pub const PREFIX: &str = "sim:";

/// Pairs with a name of their own: name, model, disc, description.
const PAIRS: &[(&str, &str, Option<&str>, &str)] = &[
    ("cdrom-empty", "cdrom", None, "CD-ROM drive without a disc"),
    ("cdrom-audio", "cdrom", Some("audio-cd"), "CD-ROM drive with an audio CD"),
    ("cdrom-data", "cdrom", Some("data-cd"), "CD-ROM drive with a data CD"),
    ("cdrom-twosession", "cdrom", Some("mixed-cd"), "CD-ROM drive with a mixed CD of two sessions"),
    ("cdrw-blank", "cdrw", Some("cd-r-blank"), "CD writer with a blank CD-R"),
    ("cdrw-appendable", "cdrw", Some("cd-r-appendable"), "CD writer with an appendable CD-R"),
    ("dvdrom-empty", "dvdrom-css", None, "DVD-ROM drive without a disc"),
    ("dvdrom-movie", "dvdrom-css", Some("dvd-rom"), "DVD-ROM drive with a disc under CSS, region 1 set"),
    ("dvdwriter-ram", "dvdwriter", Some("dvd-ram"), "DVD writer with a DVD-RAM"),
    ("bdwriter-movie", "bdwriter", Some("bd-rom"), "Blu-ray writer with a disc under AACS"),
    ("oldcd-data", "oldcd", Some("data-cd"), "SCSI-2 CD-ROM drive with a data CD"),
];

/// Names and descriptions: pairs, models without a disc, and discs, which get a drive that fits.
///
/// Any model and any disc also go together as `DRIVE+DISC`, where the disc may be an image file.
#[must_use]
pub fn list() -> Vec<(&'static str, &'static str)> {
    let pairs = PAIRS.iter().map(|(name, _, _, description)| (*name, *description));
    let models = MODELS.iter().map(|model| (model.name, model.description));
    pairs.chain(models).chain(generated::list().iter().copied()).collect()
}

/// The drive with this name, with or without `sim:` in front.
///
/// # Errors
/// A sentence that names the unknown part and the nearest known names.
pub fn open(spec: &str) -> Result<Drive, String> {
    let name = spec.strip_prefix(PREFIX).unwrap_or(spec);
    if let Some((_, model, disc, _)) = PAIRS.iter().find(|(known, ..)| *known == name) {
        let drive = Drive::new(model_named(model)?, disc.map(disc_named).transpose()?);
        return Ok(if *disc == Some("dvd-rom") { drive.with_region(1) } else { drive });
    }
    if let Some(model) = Model::by_name(name) {
        return Ok(Drive::new(model, None));
    }
    if let Some(disc) = generated::by_name(name) {
        return Ok(for_disc(disc));
    }
    // Names of discs have plus signs of their own, so every one is tried.
    for (at, _) in name.match_indices('+') {
        if let Some(model) = Model::by_name(&name[..at]) {
            return Ok(Drive::new(model, Some(disc_named(&name[at + 1..])?)));
        }
    }
    let known: Vec<&str> = list().iter().map(|(name, _)| *name).collect();
    Err(unknown("drive or disc", name, &known))
}

/// A drive that reads the disc in this image file, with the disc in it.
///
/// # Errors
/// What is wrong with the file.
pub fn open_image(path: &Path) -> Result<Drive, String> {
    open_disc(path).map(for_disc)
}

/// The disc of `sim:NAME`, or of an image file.
///
/// # Errors
/// A sentence that says which name is unknown, or what is wrong with the file.
pub fn open_disc(path: &Path) -> Result<Disc, String> {
    image::open(path).map_err(|error| error.to_string())
}

/// The simplest drive that handles the disc: one that writes it if it can be written, one that reads it if not.
#[must_use]
pub fn for_disc(disc: Disc) -> Drive {
    let pressed = matches!(disc.media, MediaType::CdRom | MediaType::DvdRom | MediaType::BdRom);
    let fits = |model: &&Model| if pressed { model.can_read(disc.media) } else { model.can_write(disc.media) };
    let model = MODELS.iter().find(fits).or_else(|| MODELS.iter().find(|model| model.can_read(disc.media)));
    Drive::new(model.unwrap_or(&MODELS[0]), Some(disc))
}

fn model_named(name: &str) -> Result<&'static Model, String> {
    let known: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
    Model::by_name(name).ok_or_else(|| unknown("drive", name, &known))
}

/// A generated disc, or an image file when there is one at this path.
fn disc_named(name: &str) -> Result<Disc, String> {
    match generated::by_name(name) {
        Some(disc) => Ok(disc),
        None if Path::new(name).is_file() => open_disc(Path::new(name)),
        None => open_disc(Path::new(&format!("{PREFIX}{name}"))),
    }
}

/// A sentence about an unknown name.
fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    format!("no {kind} is named `{name}`{}", hint(name, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    #[test]
    fn every_listed_name_opens() {
        for (name, description) in list() {
            let drive = open(&format!("sim:{name}")).expect(name);
            assert!(!drive.describe().is_empty() && !description.is_empty());
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = list().into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn drives_and_discs_go_together() {
        let drive = open("sim:bdwriter+dvd+rw-blank").unwrap();
        assert_eq!(drive.model().name, "bdwriter");
        assert_eq!(drive.disc().unwrap().media, MediaType::DvdPlusRw);
        assert_eq!(open("dvd+r").unwrap().model().name, "dvdwriter");
        assert_eq!(open("sim:bd-rom").unwrap().model().name, "bdwriter");
    }

    #[test]
    fn unknown_names_list_the_nearest() {
        let error = open("sim:cdrom-twosesion").unwrap_err();
        assert!(error.contains("cdrom-twosession"), "{error}");
        let error = open("sim:cdrom+data-dc").unwrap_err();
        assert!(error.contains("data-cd"), "{error}");
        assert!(open_image(Path::new("/nonexistent/disc.iso")).is_err());
        assert!(open_disc(Path::new("sim:nothing")).is_err());
    }
}
