//! AGIDs and the end of a handle (ioctl-dvd-aacs.md, "AGID lifecycle"; storage-media-change.md 1.5).

use scsi_cdb::key::{ReportKey, granted_agid};

use super::{CommandResult, Context, Input, LINKED, Mode, Next, OWN, exclusive_access, locks};
use crate::agid::{Agid, AgidClass, Grant, Grants};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// `DVD_END_ALL_SESSIONS`.
const ALL_SESSIONS: u32 = u32::MAX;

/// Bytes of an answer that grants an AGID.
const GRANT_LENGTH: u16 = 8;

/// The AGID format of REPORT KEY, in every class.
const AGID_FORMAT: u8 = 0;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Asking for an AGID.
    Asking {
        /// The class.
        class: AgidClass,
        /// AGIDs were given back since the drive said that it has none.
        again: bool,
    },
    /// Giving AGIDs back.
    Releasing {
        /// The one that is being given back.
        grant: Grant,
        /// Those that follow.
        rest: Grants,
        /// What for.
        purpose: Purpose,
    },
    /// Letting the medium out for a handle that is closed.
    Unlocking,
}

/// Why AGIDs are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A program ends its session.
    EndOne,
    /// A program ends all sessions: those of this class count, with the first failure so far.
    EndAll(AgidClass, NtStatus),
    /// To have one for a program that asks for one.
    MakeRoom(AgidClass),
    /// The handle is closed.
    CleanUp,
}

impl Purpose {
    const fn mode(self) -> Mode {
        match self {
            Self::CleanUp => OWN,
            _ => LINKED,
        }
    }
}

/// Starts a session or ends one or all.
#[must_use]
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    match operation {
        Operation::DvdStartSession => ask(AgidClass::Css, false),
        Operation::AacsStartSession => ask(AgidClass::Aacs, false),
        Operation::AacsEndSession => end(AgidClass::Aacs, context),
        _ => end(AgidClass::Css, context),
    }
}

/// Undoes what a closed handle left: its locks, its MCN disables, its exclusive access, its AGIDs. All failures are
/// ignored.
pub fn clean_up(context: &mut Context<'_, '_>) -> Next {
    let Some(handle) = context.handle.as_deref_mut() else { return Next::success(0) };
    if context.device.removal.drop_handle(handle) && !context.device.surprise_removed {
        return Next::send_own(locks::prevent(false), State::Unlocking);
    }
    clean_up_unlocked(context)
}

/// Takes the answer over.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    match state {
        State::Asking { class, again } => asked(class, again, result, context),
        State::Releasing { grant, rest, purpose } => released(grant, rest, purpose, result, context),
        State::Unlocking => clean_up_unlocked(context),
    }
}

fn ask(class: AgidClass, again: bool) -> Next {
    let command = ReportKey::new(class.key_class(), AGID_FORMAT, 0, GRANT_LENGTH);
    Next::send(ScsiCommand::new(&command), State::Asking { class, again })
}

fn asked(class: AgidClass, again: bool, result: CommandResult, context: &mut Context<'_, '_>) -> Next {
    match result.answered(GRANT_LENGTH.into()) {
        Ok(()) => match granted_agid(context.buffers.answer(result.transferred)) {
            Ok(agid) => {
                let agid = Agid::from_session(agid.into());
                context.device.agids.grant(Grant::new(class, agid), context.request.handle);
                Next::success(context.write(0, &u32::from(agid.number()).to_le_bytes()))
            }
            Err(_) => Next::fail(NtStatus::IO_DEVICE_ERROR),
        },
        Err(_) if again && result.sense.valid && result.sense.key == 5 => Next::fail(NtStatus::INSUFFICIENT_RESOURCES),
        Err(_) if !again && has_none_left(result, context) => {
            let orphans = context.device.agids.orphans();
            if orphans.is_empty() {
                return Next::fail(NtStatus::INSUFFICIENT_RESOURCES);
            }
            release(orphans, Purpose::MakeRoom(class))
        }
        Err(status) => Next::fail(status),
    }
}

/// The drive refuses for want of an AGID: it says so, or it refuses while all are taken.
fn has_none_left(result: CommandResult, context: &Context<'_, '_>) -> bool {
    let sense = result.sense;
    sense.is(5, 0x55) || (sense.valid && sense.key == 5 && context.device.agids.all_taken())
}

fn end(class: AgidClass, context: &mut Context<'_, '_>) -> Next {
    let session = context.input_u32(0);
    if session != ALL_SESSIONS {
        let one = Grant::new(class, Agid::from_session(session));
        return release(Grants::all_that(|grant| grant == one), Purpose::EndOne);
    }
    let also_css = class == AgidClass::Aacs && context.device.is_dvd;
    let all = Grants::all_that(|grant| grant.class == class || also_css);
    release(all, Purpose::EndAll(class, NtStatus::SUCCESS))
}

/// Gives the first of `grants` back, or goes on with the purpose when there is none left.
fn release(mut grants: Grants, purpose: Purpose) -> Next {
    if let Some(grant) = grants.take_first() {
        let state = State::Releasing { grant, rest: grants, purpose };
        return Next::Send(ScsiCommand::new(&grant.invalidate()), purpose.mode(), state.into());
    }
    match purpose {
        Purpose::EndOne | Purpose::CleanUp => Next::success(0),
        Purpose::EndAll(_, status) => Next::fail(status),
        Purpose::MakeRoom(class) => ask(class, true),
    }
}

fn released(
    grant: Grant,
    rest: Grants,
    mut purpose: Purpose,
    result: CommandResult,
    context: &mut Context<'_, '_>,
) -> Next {
    let was_held = context.device.agids.is_held(grant);
    let had_nothing = had_nothing_to_release(result);
    if result.status.is_success() || had_nothing {
        context.device.agids.release(grant);
    }
    match &mut purpose {
        Purpose::EndOne if !result.status.is_success() => return Next::fail(result.status),
        Purpose::EndAll(class, first_failure) if grant.class == *class && first_failure.is_success() => {
            let forgiven = *class == AgidClass::Aacs && had_nothing && !was_held;
            if !forgiven {
                *first_failure = result.status;
            }
        }
        _ => {}
    }
    release(rest, purpose)
}

/// The drive has no such AGID: 5/24, 5/2C or 6F/xx.
fn had_nothing_to_release(result: CommandResult) -> bool {
    let sense = result.sense;
    sense.is(5, 0x24) || sense.is(5, 0x2C) || (sense.valid && sense.asc == 0x6F)
}

fn clean_up_unlocked(context: &mut Context<'_, '_>) -> Next {
    let Some(handle) = context.handle.as_deref_mut() else { return Next::success(0) };
    let id = handle.id;
    handle.streaming_read = false;
    handle.streaming_write = false;
    let disables = core::mem::take(&mut handle.mcn_disables);
    context.device.enable_notifications(disables);
    if context.device.exclusive.is_some_and(|owner| owner.handle == id) {
        exclusive_access::release(context, false);
    }
    let held = context.device.agids.orphan(id);
    if context.device.surprise_removed {
        return Next::success(0);
    }
    release(held, Purpose::CleanUp)
}

#[cfg(test)]
mod senses;
#[cfg(test)]
mod tests;
