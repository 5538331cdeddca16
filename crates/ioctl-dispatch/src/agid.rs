//! Which handle holds which authentication grant (ioctl-dvd-aacs.md, "AGID lifecycle").

use scsi_cdb::key::{KeyClass, SendKey};

use crate::handle::HandleId;

/// Key class of an AGID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgidClass {
    /// Key class 00: CSS, CPPM.
    Css,
    /// Key class 02: AACS.
    Aacs,
}

impl AgidClass {
    /// The key class of REPORT KEY and SEND KEY.
    #[must_use]
    pub const fn key_class(self) -> KeyClass {
        match self {
            Self::Css => KeyClass::DVD,
            Self::Aacs => KeyClass::AACS,
        }
    }
}

/// An authentication grant id: 0 to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Agid(u8);

impl Agid {
    /// All four.
    pub const ALL: [Self; 4] = [Self(0), Self(1), Self(2), Self(3)];

    /// The low two bits of a session id: what drives look at.
    #[must_use]
    pub const fn from_session(session: u32) -> Self {
        let [.., low] = session.to_be_bytes();
        Self(low & 3)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// An AGID of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The class.
    pub class: AgidClass,
    /// The AGID.
    pub agid: Agid,
}

impl Grant {
    /// All eight, AACS first: the order in which IOCTL_AACS_END_SESSION gives them back.
    pub const ALL: [Self; 8] = [
        Self::new(AgidClass::Aacs, Agid(0)),
        Self::new(AgidClass::Aacs, Agid(1)),
        Self::new(AgidClass::Aacs, Agid(2)),
        Self::new(AgidClass::Aacs, Agid(3)),
        Self::new(AgidClass::Css, Agid(0)),
        Self::new(AgidClass::Css, Agid(1)),
        Self::new(AgidClass::Css, Agid(2)),
        Self::new(AgidClass::Css, Agid(3)),
    ];

    /// `agid` of `class`.
    #[must_use]
    pub const fn new(class: AgidClass, agid: Agid) -> Self {
        Self { class, agid }
    }

    /// SEND KEY that gives it back.
    #[must_use]
    pub const fn invalidate(self) -> SendKey {
        SendKey::invalidate(self.class.key_class(), self.agid.0)
    }
}

/// A set of grants, one bit for each of [`Grant::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants(u8);

impl Grants {
    /// The grants that `wanted` picks.
    #[must_use]
    pub fn all_that(mut wanted: impl FnMut(Grant) -> bool) -> Self {
        let bits = Grant::ALL.into_iter().rev().fold(0_u8, |bits, grant| (bits << 1) | u8::from(wanted(grant)));
        Self(bits)
    }

    /// Takes the first one out, in the order of [`Grant::ALL`].
    pub fn take_first(&mut self) -> Option<Grant> {
        let index = usize::try_from(self.0.trailing_zeros()).ok()?;
        self.0 &= self.0.wrapping_sub(1);
        Grant::ALL.get(index).copied()
    }

    /// There is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Who holds an AGID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Holder {
    #[default]
    Nobody,
    Handle(HandleId),
    /// A request without a file object: released by no clean-up.
    Kernel,
    /// A handle that is closed, whose invalidation did not reach the drive.
    Gone,
}

/// The ledger of both classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agids {
    /// By [`Grant::ALL`].
    holders: [Holder; 8],
}

impl Agids {
    fn entries(&self) -> impl Iterator<Item = (Grant, Holder)> {
        Grant::ALL.into_iter().zip(self.holders)
    }

    fn set(&mut self, grant: Grant, holder: Holder) {
        let slots = Grant::ALL.into_iter().zip(&mut self.holders);
        slots.filter(|(other, _)| *other == grant).for_each(|(_, slot)| *slot = holder);
    }

    fn holder(&self, grant: Grant) -> Holder {
        self.entries().find(|(other, _)| *other == grant).map_or(Holder::Nobody, |(_, holder)| holder)
    }

    /// The drive gave `grant` to `handle`.
    pub fn grant(&mut self, grant: Grant, handle: Option<HandleId>) {
        self.set(grant, handle.map_or(Holder::Kernel, Holder::Handle));
    }

    /// The drive took `grant` back.
    pub fn release(&mut self, grant: Grant) {
        self.set(grant, Holder::Nobody);
    }

    /// A reset or another medium took all AGIDs back.
    pub fn forget_all(&mut self) {
        *self = Self::default();
    }

    /// `handle` is closed: what it held has no owner from now on. Gives what that is.
    pub fn orphan(&mut self, handle: HandleId) -> Grants {
        let held = Grants::all_that(|grant| self.holder(grant) == Holder::Handle(handle));
        for slot in self.holders.iter_mut().filter(|slot| **slot == Holder::Handle(handle)) {
            *slot = Holder::Gone;
        }
        held
    }

    /// Somebody holds this one, as far as is known.
    #[must_use]
    pub fn is_held(&self, grant: Grant) -> bool {
        self.holder(grant) != Holder::Nobody
    }

    /// All four numbers are taken, in one class or the other: drives share them among the classes.
    #[must_use]
    pub fn all_taken(&self) -> bool {
        Agid::ALL.into_iter().all(|agid| {
            [AgidClass::Css, AgidClass::Aacs].into_iter().any(|class| self.is_held(Grant::new(class, agid)))
        })
    }

    /// Those whose handle is gone.
    #[must_use]
    pub fn orphans(&self) -> Grants {
        Grants::all_that(|grant| self.holder(grant) == Holder::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn css(number: u32) -> Grant {
        Grant::new(AgidClass::Css, Agid::from_session(number))
    }

    fn aacs(number: u32) -> Grant {
        Grant::new(AgidClass::Aacs, Agid::from_session(number))
    }

    fn listed(mut grants: Grants) -> Vec<Grant> {
        core::iter::from_fn(|| grants.take_first()).collect()
    }

    #[test]
    fn sets_are_taken_apart_in_order() {
        assert_eq!(listed(Grants::all_that(|_| true)), Grant::ALL);
        assert_eq!(listed(Grants::all_that(|grant| grant.agid.number() == 2)), [aacs(2), css(2)]);
        assert_eq!(listed(Grants::default()), []);
        assert!(Grants::default().is_empty() && !Grants::all_that(|grant| grant == css(3)).is_empty());
    }

    #[test]
    fn a_closed_handle_leaves_orphans_of_both_classes() {
        let mut agids = Agids::default();
        let (mine, yours) = (HandleId(1), HandleId(2));
        agids.grant(css(0), Some(mine));
        agids.grant(css(1), Some(yours));
        agids.grant(aacs(3), Some(mine));
        assert!(agids.orphans().is_empty());
        assert_eq!(listed(agids.orphan(mine)), [aacs(3), css(0)]);
        assert_eq!(listed(agids.orphans()), [aacs(3), css(0)]);
        agids.release(css(0));
        assert_eq!(listed(agids.orphans()), [aacs(3)]);
        agids.grant(aacs(3), Some(yours));
        assert!(agids.orphans().is_empty(), "the drive gave it to somebody else meanwhile");
        assert!(agids.is_held(css(1)) && !agids.is_held(css(0)));
        agids.forget_all();
        assert_eq!(agids, Agids::default());
    }

    #[test]
    fn kernel_callers_have_no_clean_up() {
        let mut agids = Agids::default();
        agids.grant(aacs(6), None);
        assert!(agids.is_held(aacs(2)) && !agids.is_held(css(2)));
        assert!(agids.orphan(HandleId(0)).is_empty() && agids.orphans().is_empty());
    }

    #[test]
    fn the_classes_share_four_numbers() {
        let mut agids = Agids::default();
        for grant in [css(0), css(1), aacs(2)] {
            agids.grant(grant, None);
        }
        assert!(!agids.all_taken());
        agids.grant(aacs(0), None);
        assert!(!agids.all_taken(), "number 3 is free");
        agids.grant(aacs(3), None);
        assert!(agids.all_taken());
    }
}
