//! Lines that only the kernel binary can be given: what the PnP manager and the power manager do.

use virtual_drive::nearest;
use virtual_drive::script::fields::{Fields, FormatError};

/// What the PnP manager sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pnp {
    /// START_DEVICE, with the queries that follow a start.
    Start,
    /// QUERY_STOP_DEVICE.
    QueryStop,
    /// CANCEL_STOP_DEVICE.
    CancelStop,
    /// STOP_DEVICE.
    Stop,
    /// QUERY_REMOVE_DEVICE.
    QueryRemove,
    /// CANCEL_REMOVE_DEVICE.
    CancelRemove,
    /// REMOVE_DEVICE.
    Remove,
    /// SURPRISE_REMOVAL; the drive answers no more.
    SurpriseRemove,
    /// QUERY_PNP_DEVICE_STATE.
    QueryState,
    /// QUERY_CAPABILITIES.
    QueryCapabilities,
    /// QUERY_DEVICE_RELATIONS for bus relations.
    QueryBusRelations,
    /// QUERY_DEVICE_RELATIONS for the target device.
    QueryTargetRelation,
    /// DEVICE_USAGE_NOTIFICATION.
    Usage {
        /// DeviceUsageType: paging 1, hibernation 2, dump 3, boot 4.
        kind: u32,
        /// A file of that kind comes onto the device, or leaves it.
        entering: bool,
    },
}

const EVENTS: &[(&str, Pnp)] = &[
    ("start", Pnp::Start),
    ("query_stop", Pnp::QueryStop),
    ("cancel_stop", Pnp::CancelStop),
    ("stop", Pnp::Stop),
    ("query_remove", Pnp::QueryRemove),
    ("cancel_remove", Pnp::CancelRemove),
    ("remove", Pnp::Remove),
    ("surprise_remove", Pnp::SurpriseRemove),
    ("query_state", Pnp::QueryState),
    ("query_capabilities", Pnp::QueryCapabilities),
    ("query_bus_relations", Pnp::QueryBusRelations),
    ("query_target_relation", Pnp::QueryTargetRelation),
    ("usage", Pnp::Usage { kind: 0, entering: true }),
];

const USAGES: &[(&str, u32)] = &[("paging", 1), ("hibernation", 2), ("dump", 3), ("boot", 4)];

/// A state that the power manager sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// D0 to D3: a device's SET_POWER alone, as the owner of the power policy sends it.
    Device(u8),
    /// S0 to S5: the whole transition, with the device's part that the port's owner of the policy asks for.
    System(u8),
}

/// A power transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    /// The state.
    pub state: State,
    /// POWER_ACTION in the request's ShutdownType.
    pub action: u32,
}

const STATES: &[(&str, State)] = &[
    ("D0", State::Device(0)),
    ("D1", State::Device(1)),
    ("D2", State::Device(2)),
    ("D3", State::Device(3)),
    ("S0", State::System(0)),
    ("S1", State::System(1)),
    ("S2", State::System(2)),
    ("S3", State::System(3)),
    ("S4", State::System(4)),
    ("S5", State::System(5)),
];

const ACTIONS: &[(&str, u32)] =
    &[("none", 0), ("sleep", 2), ("hibernate", 3), ("shutdown", 4), ("shutdown_reset", 5), ("shutdown_off", 6)];

/// The names that `{"pnp": NAME}` takes.
pub fn pnp_names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|(name, _)| *name)
}

/// The names that `{"power": NAME}` takes.
pub fn power_names() -> impl Iterator<Item = &'static str> {
    STATES.iter().map(|(name, _)| *name)
}

fn choose<T: Copy>(fields: &Fields, key: &str, table: &[(&'static str, T)]) -> Result<Option<T>, FormatError> {
    let Some(given) = fields.text(key)? else { return Ok(None) };
    if let Some((_, value)) = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(given)) {
        return Ok(Some(*value));
    }
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    let near = nearest(given, names.iter().copied(), 1).first().map_or_else(|| names.join(", "), |near| (*near).into());
    Err(fields.error(format_args!("`{key}` cannot be `{given}`; write {near}")))
}

/// Reads `{"pnp": …}`.
pub(super) fn read_pnp(fields: &Fields) -> Result<Pnp, FormatError> {
    let kind = choose(fields, "type", USAGES)?;
    let entering = fields.flag("entering")?;
    match (choose(fields, "pnp", EVENTS)?, kind) {
        (Some(Pnp::Usage { .. }), Some(kind)) => Ok(Pnp::Usage { kind, entering: entering.unwrap_or(true) }),
        (Some(Pnp::Usage { .. }) | None, _) => Err(fields.error("`usage` needs the `type` of the file")),
        (Some(_), _) if kind.is_some() || entering.is_some() => {
            Err(fields.error("`type` and `entering` have a meaning for `usage` only"))
        }
        (Some(event), _) => Ok(event),
    }
}

/// Reads `{"power": …}`.
pub(super) fn read_power(fields: &Fields) -> Result<Power, FormatError> {
    let state = choose(fields, "power", STATES)?.ok_or_else(|| fields.error("`power` needs a state"))?;
    let usual = match state {
        State::Device(_) | State::System(0) => 0,
        State::System(4) => 3,
        State::System(5) => 6,
        State::System(_) => 2,
    };
    Ok(Power { state, action: choose(fields, "action", ACTIONS)?.unwrap_or(usual) })
}
