//! Which handle holds which authentication grant (ioctl-dvd-aacs.md, "AGID lifecycle").

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
    /// The key class byte of REPORT KEY and SEND KEY.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Css => 0x00,
            Self::Aacs => 0x02,
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

    /// The next one, if there is one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|agid| agid.0 > self.0)
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
    css: [Holder; 4],
    aacs: [Holder; 4],
}

impl Agids {
    fn class(&self, class: AgidClass) -> &[Holder; 4] {
        match class {
            AgidClass::Css => &self.css,
            AgidClass::Aacs => &self.aacs,
        }
    }

    fn slot(&mut self, class: AgidClass, agid: Agid) -> Option<&mut Holder> {
        let slots = match class {
            AgidClass::Css => &mut self.css,
            AgidClass::Aacs => &mut self.aacs,
        };
        slots.get_mut(usize::from(agid.0))
    }

    /// The drive granted `agid` to `handle`.
    pub fn grant(&mut self, class: AgidClass, agid: Agid, handle: Option<HandleId>) {
        if let Some(slot) = self.slot(class, agid) {
            *slot = handle.map_or(Holder::Kernel, Holder::Handle);
        }
    }

    /// The drive took `agid` back.
    pub fn release(&mut self, class: AgidClass, agid: Agid) {
        if let Some(slot) = self.slot(class, agid) {
            *slot = Holder::Nobody;
        }
    }

    /// A reset or another medium took all AGIDs back.
    pub fn forget_all(&mut self) {
        *self = Self::default();
    }

    /// Marks what `handle` holds as ownerless, because the handle is closed.
    pub fn orphan(&mut self, handle: HandleId) {
        for slot in self.css.iter_mut().chain(&mut self.aacs) {
            if *slot == Holder::Handle(handle) {
                *slot = Holder::Gone;
            }
        }
    }

    /// Somebody holds this one, as far as is known.
    #[must_use]
    pub fn is_held(&self, class: AgidClass, agid: Agid) -> bool {
        self.class(class).get(usize::from(agid.0)).is_some_and(|holder| *holder != Holder::Nobody)
    }

    /// Any AGID of any class is held: drives share their four among the classes.
    #[must_use]
    pub fn any_held(&self) -> bool {
        self.css.iter().chain(&self.aacs).any(|holder| *holder != Holder::Nobody)
    }

    /// The first AGID whose holder is gone, of either class.
    #[must_use]
    pub fn first_orphan(&self) -> Option<(AgidClass, Agid)> {
        [AgidClass::Css, AgidClass::Aacs].into_iter().find_map(|class| {
            let mut slots = Agid::ALL.into_iter().zip(self.class(class));
            slots.find(|(_, holder)| **holder == Holder::Gone).map(|(agid, _)| (class, agid))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_handle_leaves_orphans_of_both_classes() {
        let mut agids = Agids::default();
        let (mine, yours) = (HandleId(1), HandleId(2));
        agids.grant(AgidClass::Css, Agid::ALL[0], Some(mine));
        agids.grant(AgidClass::Css, Agid::ALL[1], Some(yours));
        agids.grant(AgidClass::Aacs, Agid::ALL[3], Some(mine));
        agids.orphan(mine);
        assert_eq!(agids.first_orphan(), Some((AgidClass::Css, Agid::ALL[0])));
        agids.release(AgidClass::Css, Agid::ALL[0]);
        assert_eq!(agids.first_orphan(), Some((AgidClass::Aacs, Agid::ALL[3])));
        agids.release(AgidClass::Aacs, Agid::ALL[3]);
        assert_eq!(agids.first_orphan(), None);
        assert!(agids.is_held(AgidClass::Css, Agid::ALL[1]) && agids.any_held());
        agids.forget_all();
        assert!(!agids.any_held());
    }

    #[test]
    fn kernel_callers_have_no_clean_up() {
        let mut agids = Agids::default();
        agids.grant(AgidClass::Aacs, Agid::from_session(6), None);
        assert!(agids.is_held(AgidClass::Aacs, Agid::ALL[2]));
        assert_eq!(agids.first_orphan(), None);
        assert_eq!(Agid::ALL[3].next(), None);
        assert_eq!(Agid::ALL[1].next(), Some(Agid::ALL[2]));
    }
}
