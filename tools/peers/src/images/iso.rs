//! ISO 9660 and UDF images.

use super::Image;
use super::control::Cdromctl;
use super::shell::Shell;

/// An image of 2048-byte blocks: what makes it, in a folder that holds `tree`, `more` and boot images.
pub(super) struct Recipe {
    /// Name of the image.
    pub name: &'static str,
    /// Whether ISO 9660 tools can read it.
    iso9660: bool,
    /// The commands, without the name of the image.
    commands: &'static [&'static [&'static str]],
}

/// Declares recipes of one command of which the rest is the same.
macro_rules! recipes {
    ($($name:literal: $($command:expr),+;)*) => {
        &[$(Recipe { name: $name, iso9660: true, commands: &[$(&$command),+] }),*]
    };
}

const G: &str = "genisoimage";
const X: &str = "xorriso";

/// All images. Options that take no part in what is compared keep them small.
pub(super) static RECIPES: &[Recipe] = recipes! {
    "level-1": [G, "-quiet", "-iso-level", "1", "-V", "LEVEL1", "-o", "disc.iso", "tree"];
    "level-2": [G, "-quiet", "-iso-level", "2", "-V", "LEVEL2", "-o", "disc.iso", "tree"];
    "level-3": [G, "-quiet", "-iso-level", "3", "-V", "LEVEL3", "-o", "disc.iso", "tree"];
    "level-4": [G, "-quiet", "-iso-level", "4", "-V", "Level 4", "-o", "disc.iso", "tree"];
    "joliet": [G, "-quiet", "-J", "-V", "JOLIET", "-o", "disc.iso", "tree"];
    "joliet-long": [G, "-quiet", "-J", "-joliet-long", "-V", "JOLIETLONG", "-o", "disc.iso", "tree"];
    "rock-ridge": [G, "-quiet", "-R", "-V", "ROCKRIDGE", "-o", "disc.iso", "tree"];
    "deep": [G, "-quiet", "-R", "-D", "-V", "DEEP", "-o", "disc.iso", "deep"];
    "many-files": [G, "-quiet", "-J", "-R", "-V", "MANY", "-o", "disc.iso", "many"];
    "udf-hybrid": [G, "-quiet", "-udf", "-J", "-R", "-V", "UDFHYBRID", "-o", "disc.iso", "tree"];
    "no-pad": [G, "-quiet", "-no-pad", "-V", "NOPAD", "-o", "disc.iso", "tree"];
    "long-names": [G, "-quiet", "-sysid", "SYSTEM", "-publisher", "PUBLISHER", "-p", "PREPARER",
        "-V", "A_VOLUME_WITH_32_CHARACTERS_____", "-o", "disc.iso", "tree"];
    "boot": [G, "-quiet", "-R", "-V", "BOOT", "-b", "BOOT.IMG", "-no-emul-boot", "-boot-load-size", "4",
        "-c", "BOOT.CAT", "-o", "disc.iso", "boot"];
    "boot-floppy": [G, "-quiet", "-V", "FLOPPY", "-b", "FLOPPY.IMG", "-c", "BOOT.CAT", "-o", "disc.iso", "boot"];
    "boot-efi": [X, "-as", "mkisofs", "-quiet", "-R", "-V", "EFI", "-b", "BOOT.IMG", "-no-emul-boot", "-boot-load-size",
        "4", "-c", "BOOT.CAT", "-eltorito-alt-boot", "-e", "FLOPPY.IMG", "-no-emul-boot", "-o", "disc.iso", "boot"];
    "two-images": [G, "-quiet", "-graft-points", "-V", "GRAFT", "-o", "disc.iso", "/a/=tree", "/b/=more"];
    "xorriso": [X, "-as", "mkisofs", "-quiet", "-V", "XORRISO", "-o", "disc.iso", "tree"];
    "xorriso-joliet": [X, "-as", "mkisofs", "-quiet", "-J", "-R", "-V", "XJOLIET", "-o", "disc.iso", "tree"];
    "xorriso-level-3": [X, "-as", "mkisofs", "-quiet", "-iso-level", "3", "-V", "XLEVEL3", "-o", "disc.iso", "tree"];
    "partition-offset": [X, "-as", "mkisofs", "-quiet", "-partition_offset", "16", "-V", "OFFSET", "-o", "disc.iso", "tree"];
    "native": [X, "-report_about", "WARNING", "-outdev", "stdio:disc.iso", "-volid", "NATIVE", "-map", "tree", "/"];
    "grown-2":
        [X, "-report_about", "WARNING", "-outdev", "stdio:disc.iso", "-volid", "ONE", "-map", "tree", "/"],
        [X, "-report_about", "WARNING", "-dev", "stdio:disc.iso", "-volid", "TWO", "-map", "more", "/more"];
    "grown-3":
        [X, "-report_about", "WARNING", "-outdev", "stdio:disc.iso", "-volid", "ONE", "-map", "tree", "/"],
        [X, "-report_about", "WARNING", "-dev", "stdio:disc.iso", "-volid", "TWO", "-map", "more", "/more"],
        [X, "-report_about", "WARNING", "-dev", "stdio:disc.iso", "-volid", "THREE", "-rm", "/HELLO.TXT", "--"];
};

/// An image without an ISO 9660 volume.
pub(super) static UDF: Recipe = Recipe {
    name: "udf",
    iso9660: false,
    commands: &[
        &["truncate", "-s", "4M", "disc.iso"],
        &["mkudffs", "-b", "2048", "--media-type=hd", "--label=UDF", "disc.iso"],
    ],
};

impl Recipe {
    /// Makes the image, and a sheet for tools that read only whole sectors: our core makes those of the blocks.
    pub fn make(&self, shell: &mut Shell, control: &Cdromctl) -> anyhow::Result<Image> {
        write_trees(shell)?;
        for command in self.commands {
            shell.run(command)?;
        }
        let made = shell.commands.clone();
        let disc = shell.folder.join("disc.iso");
        let whole = shell.folder.join("whole.bin");
        let arguments = ["raw-read", "--track", "1", "--output", whole.to_str().unwrap_or_default()];
        control.run(&disc, &arguments)?;
        shell.write("whole.cue", "FILE \"whole.bin\" BINARY\n  TRACK 01 MODE1/2352\n    INDEX 01 00:00:00\n")?;
        shell.commands = made;
        Ok(Image {
            name: self.name.into(),
            disc: "disc.iso".into(),
            files: vec!["disc.iso".into()],
            sheet: Some("whole.cue".into()),
            toc: None,
            iso: self.iso9660.then(|| "disc.iso".into()),
            first_block: 0,
        })
    }
}

/// The files that go into the images.
pub(super) fn write_trees(shell: &Shell) -> anyhow::Result<()> {
    let long: String = (0..1000).map(|line| format!("Line {} of a file.\n", line % 50)).collect();
    for tree in ["tree", "boot"] {
        shell.write(&format!("{tree}/HELLO.TXT"), "A file of one line.\n")?;
        shell.write(&format!("{tree}/SUB/LONG.DAT"), &long)?;
        shell.write(&format!("{tree}/EMPTY.TXT"), "")?;
    }
    shell.write("tree/A longer name with blanks.text", "A name that ISO 9660 cannot keep.\n")?;
    shell.write("more/MORE.TXT", "Added later.\n")?;
    shell.write("boot/BOOT.IMG", [0xF4_u8; 2048])?;
    shell.write("boot/FLOPPY.IMG", vec![0; 1_474_560])?;
    shell.write("deep/a/b/c/d/e/f/g/h/i/j/END.TXT", "Ten folders down.\n")?;
    for number in 0..150 {
        shell.write(&format!("many/FILE{number:03}.TXT"), format!("File {number}.\n"))?;
    }
    Ok(())
}
