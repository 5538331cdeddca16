//! The drive in software that a name stands for.

use std::path::Path;

use crate::script::ScriptDrive;
use crate::{Target, sim};

/// What the names of scripted drives begin with.
const SCRIPT: &str = "script:";

/// Opens `script:FILE`, `sim:NAME` or an image file.
///
/// # Errors
/// A sentence that says what is wrong with the name or the file.
pub fn open(name: &str) -> Result<Box<dyn Target>, String> {
    if let Some(file) = name.strip_prefix(SCRIPT) {
        return Ok(Box::new(ScriptDrive::load(Path::new(file)).map_err(|error| error.to_string())?));
    }
    if name.starts_with(sim::PREFIX) {
        return Ok(Box::new(sim::open(name)?));
    }
    if !Path::new(name).exists() {
        return Err(format!("no such file; give an image file, sim:NAME or {SCRIPT}FILE"));
    }
    Ok(Box::new(sim::open_image(Path::new(name))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_opens_or_says_why_not() {
        assert!(open("sim:cdrom-data").is_ok());
        for (name, message) in [
            ("sim:cdrm-data", "cdrom-data"),
            ("script:/nowhere.jsonl", "/nowhere.jsonl"),
            ("nowhere.iso", "no such file; give an image file"),
        ] {
            let error = open(name).err().unwrap();
            assert!(error.contains(message), "{error}");
        }
    }
}
