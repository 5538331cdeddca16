//! Exclusive access: one handle has the drive to itself (storage-media-change.md 2).

use crate::handle::HandleId;
use crate::ioctl::{ControlCode, WhileLocked};

/// Bytes of a caller's name with its terminator.
pub const NAME_LENGTH: usize = 64;

/// Who has the drive to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The handle.
    pub handle: HandleId,
    /// The caller's name, zero-padded.
    pub name: [u8; NAME_LENGTH],
}

/// Whether a name of `CDROM_EXCLUSIVE_LOCK` is one: 1 to 63 of the allowed characters, then NUL. Gives it zero-padded.
#[must_use]
pub fn caller_name(bytes: &[u8]) -> Option<[u8; NAME_LENGTH]> {
    let text = bytes.get(..NAME_LENGTH)?;
    let length = text.iter().position(|byte| *byte == 0)?;
    let text = text.get(..length).filter(|text| !text.is_empty())?;
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b" .,:;_-".contains(byte);
    let mut name = [0; NAME_LENGTH];
    name.get_mut(..length)?.copy_from_slice(text);
    text.iter().all(allowed).then_some(name)
}

/// Whether a request of `handle` with `code` (as given, not normalized) is refused because another handle is `owner`.
///
/// The normalized code is tested too: a tape alias of a storage code must not slip through.
#[must_use]
pub fn denies(owner: Option<&Owner>, handle: Option<HandleId>, code: ControlCode) -> bool {
    is_foreign(owner, handle)
        && [code, code.normalized()].into_iter().any(|code| crate::ioctl::while_locked(code) == WhileLocked::Denied)
}

/// Another handle than `handle` is `owner`; a request without a file object is never the owner's.
#[must_use]
pub fn is_foreign(owner: Option<&Owner>, handle: Option<HandleId>) -> bool {
    owner.is_some_and(|owner| handle != Some(owner.handle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = |text: &[u8]| {
            let mut bytes = [0; 64];
            bytes[..text.len()].copy_from_slice(text);
            caller_name(&bytes)
        };
        assert!(name(b"Burner 1.0, main_window:a;b-c").is_some());
        assert!(name(&[b'a'; 63]).is_some());
        assert!(name(b"").is_none());
        assert!(name(b"a/b").is_none());
        assert!(caller_name(&[b'a'; 64]).is_none());
        assert!(caller_name(b"short\0").is_none());
    }

    #[test]
    fn a_tape_alias_does_not_slip_through() {
        let owner = Owner { handle: HandleId(1), name: [0; 64] };
        let denied = |handle, code| denies(Some(&owner), handle, ControlCode(code));
        assert!(denied(Some(HandleId(2)), 0x001F_4808));
        assert!(denied(None, 0x002D_4808));
        assert!(!denied(Some(HandleId(1)), 0x002D_4808));
        assert!(!denied(None, 0x004D_0000));
        assert!(!denies(None, None, ControlCode(0x002D_4808)));
    }
}
