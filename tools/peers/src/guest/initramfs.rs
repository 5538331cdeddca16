//! The guest's file system in memory: a cpio archive in the form `newc`, as the kernel unpacks it (kernel
//! documentation, "initramfs buffer format").

/// An archive that grows by entries.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

impl Archive {
    /// Adds a directory; those above it must be there.
    pub(crate) fn directory(&mut self, path: &str, mode: u32) {
        self.entry(path, DIRECTORY | mode, (0, 0), &[]);
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, FILE | mode, (0, 0), content);
    }

    /// Adds the node of a character device.
    pub(crate) fn device(&mut self, path: &str, mode: u32, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE | mode, (major, minor), &[]);
    }

    /// The archive with its end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    /// Header of 13 numbers in hex, name with a zero, content; name and content each end on a multiple of four.
    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.entries += 1;
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let numbers = [
            self.entries,
            mode,
            0, // owner
            0, // group
            1, // links
            0, // time
            length(content.len()),
            0, // device that holds the file
            0,
            device.0,
            device.1,
            length(path.len() + 1),
            0, // checksum, of another form
        ];
        self.bytes.extend(b"070701");
        for number in numbers {
            self.bytes.extend(format!("{number:08X}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_the_form_newc() {
        let mut archive = Archive::default();
        archive.file("init", 0o755, b"abcde");
        let bytes = archive.finish();
        let header = "070701\
            00000001 000081ED 00000000 00000000 00000001 00000000 00000005 \
            00000000 00000000 00000000 00000000 00000005 00000000";
        assert_eq!(bytes[..110], *header.replace(' ', "").as_bytes());
        assert_eq!(bytes[110..124], *b"init\0\0abcde\0\0\0", "name and content end on multiples of four");
        assert_eq!(bytes[124..130], *b"070701");
        assert!(bytes.ends_with(b"TRAILER!!!\0\0\0\0"), "{:?}", &bytes[bytes.len() - 20..]);
    }

    #[test]
    fn a_device_has_its_numbers() {
        let mut archive = Archive::default();
        archive.device("dev/console", 0o600, 5, 1);
        let bytes = archive.finish();
        assert_eq!(bytes[14..22], *b"00002180");
        assert_eq!(bytes[78..94], *b"0000000500000001");
    }
}
