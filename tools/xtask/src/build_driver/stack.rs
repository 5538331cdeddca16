//! How deep the stack of an x86_64 image can get: frames from the unwind information, calls from the code.
//!
//! A call of the framework or of the kernel counts its return address only; what they use, and callbacks they make while
//! serving it, is theirs. A call through a pointer that is not the framework's table can reach every function of its own
//! crate whose address stands in read-only data (tables and such), but not one that it was called from itself. Callbacks
//! begin chains of their own. A function that calls itself has no bound and is an error.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow, bail};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, OpAccess, OpKind, Register};
use object::pe;

use super::image::Image;
use super::symbols::{Function, Symbols};

/// The return address that a call puts on the stack.
const RETURN: u32 = 8;

/// The variable that points to the framework's table of functions.
const TABLE: &str = "wdk_sys::entry::WdfFunctions";

/// The deepest chain of calls.
#[derive(Debug, PartialEq, Eq)]
pub struct Chain {
    /// Bytes of stack from the first function's return address on.
    pub bytes: u32,
    /// Each function with the bytes of its frame, its return address among them.
    pub links: Vec<(String, u32)>,
    /// Functions that call through a pointer that could not be followed, and where it is taken to lead.
    pub indirect: Vec<(String, Vec<String>)>,
}

/// Finds the deepest chain.
pub fn deepest(image: &Image, symbols: &Symbols) -> Result<Chain> {
    let name = |address: u32| symbols.function_at(address).map_or_else(|| format!("{address:#x}"), |f| f.name.clone());
    let mut graph = Graph { frames: frames(image, symbols)?, calls: BTreeMap::new(), deepest: BTreeMap::new() };
    for function in &symbols.functions {
        graph.calls.insert(function.address, Calls::of(image, symbols, function.address, function.size)?);
    }
    let led = graph.lead_pointers(&functions_in_tables(image, symbols), &|address| crate_of(&name(address)).to_owned());
    let mut best = (0, 0);
    for function in &symbols.functions {
        let depth = graph.depth(function.address, &mut Vec::new());
        let bytes = depth.map_err(|cycle| {
            let around: Vec<_> = cycle.iter().map(|address| name(*address)).collect();
            anyhow!("the stack has no bound, functions call each other in a circle: {}", around.join(", "))
        })?;
        best = best.max((bytes, function.address));
    }
    let links = graph.chain(best.1).into_iter().map(|(address, bytes)| (name(address), bytes)).collect();
    let indirect = led.into_iter().map(|(from, to)| (name(from), to.into_iter().map(name).collect())).collect();
    Ok(Chain { bytes: best.0, links, indirect })
}

/// Functions that call, directly, one whose name is chosen; for messages.
pub fn callers(image: &Image, symbols: &Symbols, chosen: impl Fn(&str) -> bool) -> Vec<String> {
    let calls = |from: &&Function| {
        let calls = Calls::of(image, symbols, from.address, from.size).unwrap_or_default();
        let mut callees = calls.to.iter().filter_map(|(address, _)| symbols.function_at(*address));
        callees.any(|callee| chosen(&callee.name))
    };
    symbols.functions.iter().filter(calls).map(|from| from.name.clone()).collect()
}

/// The crate that a function's path begins with.
fn crate_of(name: &str) -> &str {
    name.split("::").next().unwrap_or(name)
}

/// Bytes of each function's frame, by the function's address; those without unwind information have none.
fn frames(image: &Image, symbols: &Symbols) -> Result<BTreeMap<u32, u32>> {
    const ENTRY: usize = 12;
    let mut frames = BTreeMap::new();
    let Some((address, size)) = image.directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION) else {
        bail!("there is no unwind information");
    };
    let table = image.bytes_at(address).and_then(|bytes| bytes.get(..size as usize)).context("unwind information")?;
    for entry in table.chunks_exact(ENTRY) {
        let begin = u32_at(entry, 0)?;
        let Some(function) = symbols.function_at(begin) else { continue };
        let bytes = frame(image, u32_at(entry, 8)?)?;
        let known = frames.entry(function.address).or_insert(0);
        *known = bytes.max(*known);
    }
    Ok(frames)
}

/// Bytes that one piece of unwind information, and those it goes on in, put on the stack.
fn frame(image: &Image, address: u32) -> Result<u32> {
    const CHAINED: u8 = 4;
    let info = image.bytes_at(address).context("unwind information that is not there")?;
    let (flags, count) = (byte_at(info, 0)? >> 3, usize::from(byte_at(info, 2)?));
    let code = |index: usize| info.get(4 + index * 2..6 + index * 2).context("unwind information that is cut off");
    let word = |index: usize| Ok::<u32, anyhow::Error>(u32::from(u16::from_le_bytes(code(index)?.try_into()?)));
    let mut bytes = 0;
    let mut index = 0;
    while index < count {
        let [_, operation] = code(index)?.try_into()?;
        let (operation, operand): (u8, u8) = (operation & 15, operation >> 4);
        index += 1;
        match (operation, operand) {
            (0, _) => bytes += 8,
            (1, 0) => {
                bytes += word(index)? * 8;
                index += 1;
            }
            (1, _) => {
                bytes += word(index)? | word(index + 1)? << 16;
                index += 2;
            }
            (2, _) => bytes += u32::from(operand) * 8 + 8,
            (3, _) => {}
            (4 | 8, _) => index += 1,
            (5 | 9, _) => index += 2,
            _ => bail!("unwind operation {operation} is not expected in a driver"),
        }
    }
    if flags & CHAINED != 0 {
        let parent = 4 + count.next_multiple_of(2) * 2 + 8;
        bytes += frame(image, u32_at(info, parent)?)?;
    }
    Ok(bytes)
}

fn byte_at(bytes: &[u8], at: usize) -> Result<u8> {
    bytes.get(at).copied().context("a table is cut off")
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let bytes = bytes.get(at..at + 4).context("a table is cut off")?;
    Ok(u32::from_le_bytes(bytes.try_into()?))
}

/// Functions whose address stands in read-only data.
fn functions_in_tables(image: &Image, symbols: &Symbols) -> BTreeSet<u32> {
    let constant = |place: &&u32| image.section_at(**place).is_some_and(|section| !section.is(pe::IMAGE_SCN_MEM_WRITE));
    let target = |place: &u32| {
        let value = u64::from_le_bytes(image.bytes_at(*place)?.get(..8)?.try_into().ok()?);
        u32::try_from(value.checked_sub(image.base)?).ok()
    };
    let begins = |address: &u32| symbols.function_at(*address).is_some_and(|function| function.address == *address);
    image.relocations.iter().filter(constant).filter_map(target).filter(begins).collect()
}

/// How control goes to another function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// And comes back: the caller's frame stays.
    Call,
    /// And does not: the caller's frame is gone.
    Jump,
}

/// Where one function goes.
#[derive(Debug, Default)]
struct Calls {
    to: BTreeSet<(u32, Kind)>,
    /// Whether it calls what is not in the image.
    outside: bool,
    /// Whether it calls through a pointer of its own.
    through_pointer: bool,
}

impl Calls {
    fn of(image: &Image, symbols: &Symbols, address: u32, size: u32) -> Result<Self> {
        let code = image.bytes_at(address).and_then(|bytes| bytes.get(..size as usize)).context("code is not there")?;
        let table = symbols.data.get(TABLE).copied();
        let mut calls = Self::default();
        let mut holds_table = BTreeSet::new();
        let inside = address..address + size;
        for instruction in Decoder::with_ip(64, code, u64::from(address), DecoderOptions::NONE).iter() {
            match instruction.flow_control() {
                FlowControl::Call | FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                    let target = instruction.near_branch_target() as u32;
                    let kind = if instruction.flow_control() == FlowControl::Call { Kind::Call } else { Kind::Jump };
                    if kind == Kind::Call || !inside.contains(&target) {
                        calls.add(image, symbols, target, kind);
                    }
                }
                FlowControl::IndirectCall | FlowControl::IndirectBranch => {
                    let imported = rip_target(&instruction).is_some_and(|slot| is_import(image, slot));
                    let framework = instruction.op0_kind() == OpKind::Memory
                        && holds_table.contains(&instruction.memory_base())
                        || instruction.op0_kind() == OpKind::Register
                            && holds_table.contains(&instruction.op0_register());
                    calls.outside |= imported || framework;
                    // A jump through a table of cases stays inside.
                    let cases = instruction.flow_control() == FlowControl::IndirectBranch && !imported && !framework;
                    calls.through_pointer |= !imported && !framework && !cases;
                }
                _ => {}
            }
            follow(&instruction, table, &mut holds_table);
        }
        Ok(calls)
    }

    /// A direct call: to a function, or to the stub of an import.
    fn add(&mut self, image: &Image, symbols: &Symbols, target: u32, kind: Kind) {
        if let Some(function) = symbols.function_at(target) {
            self.to.insert((function.address, kind));
        } else {
            let stub = image
                .bytes_at(target)
                .and_then(|code| Decoder::with_ip(64, code, u64::from(target), DecoderOptions::NONE).iter().next());
            let imported = stub.and_then(|stub| rip_target(&stub)).is_some_and(|slot| is_import(image, slot));
            self.outside |= imported;
            self.through_pointer |= !imported;
        }
    }
}

/// Keeps account of the registers that hold the framework's table, or a function read from it.
fn follow(instruction: &Instruction, table: Option<u32>, holds: &mut BTreeSet<Register>) {
    let from_table = instruction.op_count() == 2
        && instruction.op1_kind() == OpKind::Memory
        && (rip_target(instruction).is_some() && rip_target(instruction) == table
            || holds.contains(&instruction.memory_base()));
    let copied = instruction.op_count() == 2
        && instruction.op1_kind() == OpKind::Register
        && instruction.mnemonic() == iced_x86::Mnemonic::Mov
        && holds.contains(&instruction.op1_register());
    let written = iced_x86::InstructionInfoFactory::new().info(instruction).used_registers().to_vec();
    for register in written.iter().filter(|register| register.access() != OpAccess::Read) {
        holds.remove(&register.register());
    }
    if (from_table && instruction.mnemonic() == iced_x86::Mnemonic::Mov || copied)
        && instruction.op0_kind() == OpKind::Register
    {
        holds.insert(instruction.op0_register());
    }
}

/// The address of an operand that counts from the instruction.
fn rip_target(instruction: &Instruction) -> Option<u32> {
    instruction.is_ip_rel_memory_operand().then(|| instruction.ip_rel_memory_address() as u32)
}

fn is_import(image: &Image, slot: u32) -> bool {
    image.imports.iter().any(|import| import.slot == slot)
}

/// Who calls whom, with the frames.
struct Graph {
    frames: BTreeMap<u32, u32>,
    calls: BTreeMap<u32, Calls>,
    /// Bytes from a function on, and the function it goes on with.
    deepest: BTreeMap<u32, (u32, Option<(u32, Kind)>)>,
}

impl Graph {
    /// The function's own bytes, its return address among them.
    fn own(&self, address: u32) -> u32 {
        self.frames.get(&address).copied().unwrap_or(0) + RETURN
    }

    /// Adds to each call through a pointer where it can lead; gives what was added.
    fn lead_pointers(&mut self, tables: &BTreeSet<u32>, crate_of: &dyn Fn(u32) -> String) -> BTreeMap<u32, Vec<u32>> {
        let callers: Vec<_> =
            self.calls.iter().filter(|(_, calls)| calls.through_pointer).map(|(from, _)| *from).collect();
        let mut led = BTreeMap::new();
        for from in callers {
            let own = crate_of(from);
            let possible = tables.iter().copied().filter(|to| crate_of(*to) == own && !self.reaches(*to, from));
            led.insert(from, possible.collect::<Vec<_>>());
        }
        for (from, to) in &led {
            if let Some(calls) = self.calls.get_mut(from) {
                calls.to.extend(to.iter().map(|address| (*address, Kind::Call)));
            }
        }
        led
    }

    /// Whether direct calls lead from one function to another.
    fn reaches(&self, from: u32, to: u32) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(address) = next.pop() {
            if address == to {
                return true;
            }
            if seen.insert(address)
                && let Some(calls) = self.calls.get(&address)
            {
                next.extend(calls.to.iter().map(|(callee, _)| *callee));
            }
        }
        false
    }

    /// Bytes of stack from a function on; or the functions that call each other in a circle.
    fn depth(&mut self, address: u32, above: &mut Vec<u32>) -> Result<u32, Vec<u32>> {
        if let Some((bytes, _)) = self.deepest.get(&address) {
            return Ok(*bytes);
        }
        if let Some(at) = above.iter().position(|function| *function == address) {
            return Err(above.split_off(at));
        }
        above.push(address);
        let own = self.own(address);
        let calls = self.calls.get(&address);
        let outside = calls.is_some_and(|calls| calls.outside);
        let to: Vec<_> = calls.map(|calls| calls.to.iter().copied().collect()).unwrap_or_default();
        let mut best = (own + if outside { RETURN } else { 0 }, None);
        for (callee, kind) in to {
            let below = self.depth(callee, above)?;
            let bytes = if kind == Kind::Call { own + below } else { below };
            if bytes > best.0 {
                best = (bytes, Some((callee, kind)));
            }
        }
        above.pop();
        self.deepest.insert(address, best);
        Ok(best.0)
    }

    /// The deepest chain from a function on; a frame that is gone counts nothing.
    fn chain(&self, from: u32) -> Vec<(u32, u32)> {
        let mut links = Vec::new();
        let mut at = Some(from);
        while let Some(address) = at {
            let next = self.deepest.get(&address).and_then(|(_, next)| *next);
            let gone = matches!(next, Some((_, Kind::Jump)));
            links.push((address, if gone { 0 } else { self.own(address) }));
            at = next.map(|(address, _)| address);
        }
        links
    }
}
