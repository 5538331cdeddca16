//! Validation of WDF_OBJECT_ATTRIBUTES, in the framework's order.

use std::rc::Rc;

use super::context::ContextPlan;
use super::{Handle, Kind, ParentRule, any};
use crate::client::Client;
use crate::status;
use crate::structs::{self, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO};

/// Execution level of an object's callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As the parent's; resolved at creation.
    Inherit,
    /// Callbacks at PASSIVE_LEVEL.
    Passive,
    /// Callbacks up to DISPATCH_LEVEL.
    Dispatch,
}

/// Which callbacks exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// As the parent's; resolved at creation.
    Inherit,
    /// All of the device.
    Device,
    /// All of the queue.
    Queue,
    /// None.
    None,
}

/// A validated intention to create an object.
pub struct Plan {
    /// The driver that creates it.
    pub client: Rc<Client>,
    /// Its type.
    pub kind: Kind,
    /// Its parent; NULL for none.
    pub parent: Handle,
    /// Execution level, as asked for: the creator resolves `Inherit`.
    pub level: Level,
    /// Synchronisation scope, as asked for: the creator resolves `Inherit`.
    pub scope: Scope,
    /// Disposal at PASSIVE_LEVEL although the kind does not ask for it.
    pub passive: bool,
    pub(crate) context: ContextPlan,
}

impl Plan {
    /// Validates attributes by the rules of the kind. `default_parent` is the parent when the attributes name none
    /// (or may not name one).
    ///
    /// # Errors
    /// The status of the first rule that fails.
    pub fn check(
        client: &Rc<Client>,
        kind: Kind,
        attributes: *const WDF_OBJECT_ATTRIBUTES,
        default_parent: Handle,
    ) -> Result<Plan, i32> {
        Plan::check_with(client, kind, attributes, default_parent, kind.rules().parent)
    }

    /// As [`Plan::check`], with another rule for the parent than the kind's.
    ///
    /// # Errors
    /// The status of the first rule that fails.
    pub fn check_with(
        client: &Rc<Client>,
        kind: Kind,
        attributes: *const WDF_OBJECT_ATTRIBUTES,
        default_parent: Handle,
        parent_rule: ParentRule,
    ) -> Result<Plan, i32> {
        let mut plan = Plan {
            client: Rc::clone(client),
            kind,
            parent: default_parent,
            level: Level::Inherit,
            scope: Scope::Inherit,
            passive: false,
            context: ContextPlan::default(),
        };
        if attributes.is_null() {
            return if parent_rule == ParentRule::Required { Err(status::WDF_PARENT_NOT_SPECIFIED) } else { Ok(plan) };
        }
        let attributes = structs::read(attributes).ok_or(status::INFO_LENGTH_MISMATCH)?;
        plan.context = context_plan(&attributes)?;
        let parent = attributes.ParentObject;
        match parent_rule {
            ParentRule::Forbidden if !parent.is_null() => return Err(status::WDF_PARENT_ASSIGNMENT_NOT_ALLOWED),
            ParentRule::Required if parent.is_null() => return Err(status::WDF_PARENT_NOT_SPECIFIED),
            _ if parent.is_null() => {}
            _ => plan.parent = any(parent, "Attributes.ParentObject").handle,
        }
        plan.level = level(attributes.ExecutionLevel).ok_or(status::WDF_OBJECT_ATTRIBUTES_INVALID)?;
        plan.scope = scope(attributes.SynchronizationScope).ok_or(status::WDF_OBJECT_ATTRIBUTES_INVALID)?;
        let rules = kind.rules();
        if !rules.scope && !matches!(plan.scope, Scope::Inherit | Scope::None) {
            return Err(status::WDF_SYNCHRONIZATION_SCOPE_INVALID);
        }
        if !rules.level && plan.level != Level::Inherit {
            return Err(status::WDF_EXECUTION_LEVEL_INVALID);
        }
        Ok(plan)
    }
}

/// Validates the part of attributes that describes a context.
pub(super) fn context_plan(attributes: &WDF_OBJECT_ATTRIBUTES) -> Result<ContextPlan, i32> {
    let mut plan = ContextPlan {
        cleanup: attributes.EvtCleanupCallback,
        destroy: attributes.EvtDestroyCallback,
        ..ContextPlan::default()
    };
    if attributes.ContextTypeInfo.is_null() {
        return if attributes.ContextSizeOverride == 0 { Ok(plan) } else { Err(status::WDF_OBJECT_ATTRIBUTES_INVALID) };
    }
    let info = structs::read::<WDF_OBJECT_CONTEXT_TYPE_INFO>(attributes.ContextTypeInfo)
        .ok_or(status::INFO_LENGTH_MISMATCH)?;
    if info.ContextSize > 0 && info.ContextName.is_null() {
        return Err(status::WDF_OBJECT_ATTRIBUTES_INVALID);
    }
    let size = match attributes.ContextSizeOverride {
        0 => info.ContextSize,
        larger if larger < info.ContextSize => return Err(status::WDF_OBJECT_ATTRIBUTES_INVALID),
        larger => larger,
    };
    plan.key = super::context::identity(attributes.ContextTypeInfo);
    plan.size = size;
    plan.name = super::context::type_name(info.ContextName);
    Ok(plan)
}

const fn level(value: u32) -> Option<Level> {
    match value {
        1 => Some(Level::Inherit),
        2 => Some(Level::Passive),
        3 => Some(Level::Dispatch),
        _ => None,
    }
}

const fn scope(value: u32) -> Option<Scope> {
    match value {
        1 => Some(Scope::Inherit),
        2 => Some(Scope::Device),
        3 => Some(Scope::Queue),
        4 => Some(Scope::None),
        _ => None,
    }
}
