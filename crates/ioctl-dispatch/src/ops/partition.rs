//! One partition that spans the disc, made up for programs that expect one (ioctl-cdrom-disk.md).
//!
//! The drive is not asked: the length is that of the last READ CAPACITY. Number 0 and the type of FAT32 are what
//! programs have always been told, whatever the disc holds.

use super::{Context, Next};
use crate::ioctl::Operation;

/// PartitionType FAT32.
const FAT32: u8 = 0x0B;

/// A structure: its size and where its parts lie.
struct Layout {
    size: usize,
    /// The two words that count partitions and carry the disk's signature, in a layout.
    counts: Option<[usize; 2]>,
    /// PartitionLength.
    length: usize,
    /// PartitionType, BootIndicator, RecognizedPartition.
    kind: usize,
}

const fn layout(operation: Operation) -> Layout {
    match operation {
        Operation::PartitionInfo => Layout { size: 32, counts: None, length: 8, kind: 24 },
        Operation::PartitionInfoEx => Layout { size: 144, counts: None, length: 16, kind: 32 },
        Operation::DriveLayout => Layout { size: 40, counts: Some([0, 4]), length: 16, kind: 32 },
        _ => Layout { size: 192, counts: Some([4, 8]), length: 64, kind: 80 },
    }
}

/// Fills the caller's structure.
pub fn answer(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    let layout = layout(operation);
    let length = context.device.geometry.capacity().to_le_bytes();
    context.clear_output(layout.size);
    for offset in layout.counts.into_iter().flatten() {
        context.write(offset, &1_u32.to_le_bytes());
    }
    context.write(layout.length, &length);
    context.write(layout.kind, &[FAT32, 0, 1]);
    Next::success(layout.size)
}

#[cfg(test)]
mod tests {
    use crate::NtStatus;
    use crate::test_host::{CALLER_FILL, Host, hex};

    const INFO: u32 = 0x0007_4004;
    const INFO_EX: u32 = 0x0007_0048;
    const LAYOUT: u32 = 0x0007_400C;
    const LAYOUT_EX: u32 = 0x0007_0050;

    const SIZES: [(u32, u32); 4] = [(INFO, 32), (INFO_EX, 144), (LAYOUT, 40), (LAYOUT_EX, 192)];

    #[test]
    fn room_is_needed_for_the_whole_structure() {
        for (code, size) in SIZES {
            for room in [0, size - 1] {
                let answer = Host::default().control(code, "", room);
                assert_eq!(answer.end(), (NtStatus::BUFFER_TOO_SMALL, u64::from(size)));
            }
        }
    }

    #[test]
    fn structures_are_those_of_the_headers() {
        // Offsets of PARTITION_INFORMATION and DRIVE_LAYOUT_INFORMATION, and of their EX forms, with every byte that
        // is not zero.
        let length = [0x00, 0x40, 0x1F];
        for (code, bytes) in [
            (INFO, &[(8, &length[..]), (24, &[0x0B]), (26, &[1])][..]),
            (INFO_EX, &[(16, &length), (32, &[0x0B]), (34, &[1])]),
            (LAYOUT, &[(0, &[1]), (4, &[1]), (16, &length), (32, &[0x0B]), (34, &[1])]),
            (LAYOUT_EX, &[(4, &[1]), (8, &[1]), (64, &length), (80, &[0x0B]), (82, &[1])]),
        ] {
            let mut host = Host::default();
            host.dispatcher.device.geometry.update(Ok(&hex("00 00 03 E7 00 00 08 00")));
            let size = SIZES.iter().find(|(of, _)| *of == code).unwrap().1;
            let answer = host.control(code, &"FF".repeat(8), size + 3);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, u64::from(size)));
            let mut expected = std::vec![0; usize::try_from(size).unwrap()];
            for (offset, part) in bytes {
                expected[*offset..offset + part.len()].copy_from_slice(part);
            }
            assert_eq!(answer.output, expected, "{code:#x}");
            assert!(answer.whole_output.ends_with(&[CALLER_FILL; 3]));
        }
    }

    #[test]
    fn the_length_may_be_unknown() {
        let mut host = Host::default();
        assert_eq!(host.control(INFO, "", 32).output[8..16], [0; 8]);
        host.dispatcher.device.geometry.update(Err(&[]));
        assert_eq!(host.control(INFO, "", 32).output[8..16], 0x7FFF_FFFF_u64.to_le_bytes());
    }
}
