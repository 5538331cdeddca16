//! Object types and what their creators accept.

/// Type of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the WDF type of that name")]
pub enum Kind {
    Driver,
    Device,
    Queue,
    FileObject,
    Request,
    IoTarget,
    Timer,
    WorkItem,
    Dpc,
    SpinLock,
    WaitLock,
    Memory,
    Lookaside,
    String,
    Collection,
    Key,
    Object,
    ResourceList,
    ChildList,
}

/// Whether the attributes may name a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentRule {
    /// The creator chooses it.
    Forbidden,
    /// The driver object, unless named.
    Optional,
    /// Must be named.
    Required,
}

/// What the creator of a kind accepts, and how its objects are deleted.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Parent in the attributes.
    pub parent: ParentRule,
    /// May have an execution level.
    pub level: bool,
    /// May have a synchronisation scope.
    pub scope: bool,
    /// Cleanup and destroy callbacks are promised PASSIVE_LEVEL.
    pub passive: bool,
    /// The driver may delete it (individual objects can differ).
    pub deletable: bool,
}

const fn rules(parent: ParentRule, level: bool, scope: bool, passive: bool, deletable: bool) -> Rules {
    Rules { parent, level, scope, passive, deletable }
}

impl Kind {
    /// The rules of this kind.
    #[must_use]
    pub const fn rules(self) -> Rules {
        use ParentRule::{Forbidden, Optional, Required};
        match self {
            //                            parent     level  scope  passive delete
            Kind::Driver => rules(Forbidden, true, true, true, false),
            Kind::Device => rules(Forbidden, true, true, true, false),
            Kind::Queue => rules(Optional, true, true, true, true),
            Kind::FileObject => rules(Forbidden, true, true, false, false),
            Kind::Request => rules(Optional, false, false, false, true),
            Kind::IoTarget => rules(Optional, false, false, true, true),
            Kind::Timer => rules(Required, true, false, true, true),
            Kind::WorkItem => rules(Required, false, false, true, true),
            Kind::Dpc => rules(Required, false, false, true, true),
            Kind::SpinLock | Kind::WaitLock | Kind::Memory | Kind::Collection => {
                rules(Optional, false, false, false, true)
            }
            Kind::Lookaside => rules(Optional, false, false, false, true),
            Kind::String | Kind::Key => rules(Optional, false, false, true, true),
            Kind::Object => rules(Optional, true, false, false, true),
            Kind::ResourceList | Kind::ChildList => rules(Forbidden, false, false, true, false),
        }
    }

    /// The WDF name of its handle type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Driver => "WDFDRIVER",
            Kind::Device => "WDFDEVICE",
            Kind::Queue => "WDFQUEUE",
            Kind::FileObject => "WDFFILEOBJECT",
            Kind::Request => "WDFREQUEST",
            Kind::IoTarget => "WDFIOTARGET",
            Kind::Timer => "WDFTIMER",
            Kind::WorkItem => "WDFWORKITEM",
            Kind::Dpc => "WDFDPC",
            Kind::SpinLock => "WDFSPINLOCK",
            Kind::WaitLock => "WDFWAITLOCK",
            Kind::Memory => "WDFMEMORY",
            Kind::Lookaside => "WDFLOOKASIDE",
            Kind::String => "WDFSTRING",
            Kind::Collection => "WDFCOLLECTION",
            Kind::Key => "WDFKEY",
            Kind::Object => "WDFOBJECT",
            Kind::ResourceList => "WDFCMRESLIST",
            Kind::ChildList => "WDFCHILDLIST",
        }
    }
}
