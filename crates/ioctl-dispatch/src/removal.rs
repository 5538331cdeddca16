//! Who keeps the medium in (storage-media-change.md 5).

use crate::handle::Handle;
use crate::ntstatus::NtStatus;

/// Which kind of lock a request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// `IOCTL_STORAGE_MEDIA_REMOVAL`: counted, owned by nobody.
    Simple,
    /// `IOCTL_STORAGE_EJECTION_CONTROL`: counted by handle, released with it.
    Secure,
}

/// The lock counts of the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Simple locks.
    pub simple: u32,
    /// Secure locks of all handles.
    pub secure: u32,
    /// The drive was reset while locked and forgot it: PREVENT is due again.
    pub lost_in_drive: bool,
}

/// Counts as they will be when the command that goes with them has succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    removal: Removal,
    handle_locks: u32,
    /// The command that has to succeed first: PREVENT (true), ALLOW (false), or none.
    pub command: Option<bool>,
}

impl Removal {
    /// Any lock is held.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.simple != 0 || self.secure != 0
    }

    /// Works out one request.
    ///
    /// # Errors
    /// INVALID_HANDLE for a secure lock without a handle, INVALID_DEVICE_STATE for a secure unlock without a lock.
    pub fn plan(&self, kind: LockKind, lock: bool, handle: Option<&Handle>) -> Result<Change, NtStatus> {
        let mut removal = *self;
        let mut handle_locks = handle.map_or(0, |handle| handle.secure_locks);
        match (kind, lock) {
            (LockKind::Simple, true) => removal.simple = self.simple.saturating_add(1),
            (LockKind::Simple, false) => removal.simple = self.simple.saturating_sub(1),
            (LockKind::Secure, _) if handle.is_none() => return Err(NtStatus::INVALID_HANDLE),
            (LockKind::Secure, true) => {
                removal.secure = self.secure.saturating_add(1);
                handle_locks = handle_locks.saturating_add(1);
            }
            (LockKind::Secure, false) => {
                let none = NtStatus::INVALID_DEVICE_STATE;
                removal.secure = self.secure.checked_sub(1).ok_or(none)?;
                handle_locks = handle_locks.checked_sub(1).ok_or(none)?;
            }
        }
        let changed = self.is_locked() != removal.is_locked() || (self.lost_in_drive && removal.is_locked());
        Ok(Change { command: changed.then_some(removal.is_locked()), removal, handle_locks })
    }

    /// Makes `change` true.
    pub fn commit(&mut self, change: Change, handle: Option<&mut Handle>) {
        *self = change.removal;
        if change.command.is_some() {
            self.lost_in_drive = false;
        }
        if let Some(handle) = handle {
            handle.secure_locks = change.handle_locks;
        }
    }

    /// A handle is closed: its secure locks end. True if ALLOW has to be sent.
    pub fn drop_handle(&mut self, handle: &mut Handle) -> bool {
        let held = core::mem::take(&mut handle.secure_locks);
        self.secure = self.secure.saturating_sub(held);
        self.lost_in_drive &= self.is_locked();
        held != 0 && !self.is_locked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::HandleId;

    #[test]
    fn only_the_first_lock_and_the_last_unlock_reach_the_drive() {
        let mut removal = Removal::default();
        let mut handle = Handle::new(HandleId(1));
        let mut step = |kind, lock| {
            let change = removal.plan(kind, lock, Some(&handle))?;
            removal.commit(change, Some(&mut handle));
            Ok::<_, NtStatus>(change.command)
        };
        assert_eq!(step(LockKind::Simple, false), Ok(None), "unlock at 0 is silent");
        assert_eq!(step(LockKind::Secure, false), Err(NtStatus::INVALID_DEVICE_STATE));
        assert_eq!(step(LockKind::Simple, true), Ok(Some(true)));
        assert_eq!(step(LockKind::Secure, true), Ok(None));
        assert_eq!(step(LockKind::Simple, false), Ok(None));
        assert_eq!(step(LockKind::Secure, false), Ok(Some(false)));
        assert_eq!((removal, handle.secure_locks), (Removal::default(), 0));
    }

    #[test]
    fn a_secure_lock_belongs_to_a_handle() {
        let mut removal = Removal::default();
        assert_eq!(
            removal.plan(LockKind::Secure, true, None).map(|change| change.command),
            Err(NtStatus::INVALID_HANDLE)
        );
        let mut handle = Handle::new(HandleId(1));
        let change = removal.plan(LockKind::Secure, true, Some(&handle)).unwrap();
        removal.commit(change, Some(&mut handle));
        assert!(removal.drop_handle(&mut handle));
        assert!(!removal.drop_handle(&mut handle));
    }

    #[test]
    fn a_lock_lost_in_a_reset_is_renewed_by_the_next_lock() {
        let mut removal = Removal { simple: 1, secure: 0, lost_in_drive: true };
        let change = removal.plan(LockKind::Simple, true, None).unwrap();
        assert_eq!(change.command, Some(true));
        removal.commit(change, None);
        assert!(!removal.lost_in_drive);
    }
}
