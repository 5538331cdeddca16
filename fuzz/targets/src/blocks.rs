//! Command descriptor blocks: what a drive is sent.

use scsi_cdb::{AnyCommand, Cdb, Transfer};

/// Any block: parsing what was built gives the same command.
///
/// # Panics
/// When it does not.
pub fn cdb(data: &[u8]) {
    let Ok(command) = AnyCommand::parse(data) else { return };
    let block = command.cdb();
    assert!((1..=16).contains(&block.as_bytes().len()));
    assert_eq!(AnyCommand::parse(block.as_bytes()), Ok(command));
    assert_eq!(Cdb::from_slice(block.as_bytes()), Some(block));
    if let Some(transfer) = command.transfer() {
        assert_eq!(transfer.length() == 0, transfer.direction() == Transfer::None.direction());
    }
    let _ = (format!("{command:?}"), command.name(), command.opcode());
}
