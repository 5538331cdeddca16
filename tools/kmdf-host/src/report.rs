//! What a run leaves: findings, and how much memory a device takes.

use std::fmt;

use nt_machine::findings::Finding;
use nt_machine::memory::{self, Kind};
use serde::Serialize;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Rules that the driver broke.
    pub findings: Vec<Finding>,
    /// Memory of the device after its start.
    pub footprint: Footprint,
}

/// A finding as a line of JSON.
#[derive(Debug, Serialize)]
pub struct FindingLine<'a> {
    rule: String,
    function: &'a str,
    argument: &'a str,
    address: &'a str,
    text: &'a str,
}

impl<'a> From<&'a Finding> for FindingLine<'a> {
    fn from(finding: &'a Finding) -> Self {
        let Finding { rule, function, argument, address, text } = finding;
        Self { rule: format!("{rule:?}"), function, argument, address, text }
    }
}

/// A finding as a sentence: rule, function and argument, what is wrong, and where in the driver.
#[must_use]
pub fn sentence(finding: &Finding) -> String {
    let Finding { rule, function, argument, address, text } = finding;
    let argument = if argument.is_empty() { String::new() } else { format!("({argument})") };
    let place = if address.is_empty() { String::new() } else { format!(" [{address}]") };
    format!("{rule:?}: {function}{argument}: {text}{place}")
}

/// Memory by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Footprint {
    /// Blocks of nonpaged pool.
    pub nonpaged_blocks: usize,
    /// Bytes of nonpaged pool.
    pub nonpaged_bytes: usize,
    /// Blocks of paged pool.
    pub paged_blocks: usize,
    /// Bytes of paged pool.
    pub paged_bytes: usize,
    /// Kernel and framework objects that the host keeps for the driver.
    pub objects: usize,
    /// Their bytes.
    pub object_bytes: usize,
}

impl Footprint {
    /// What is allocated now.
    #[must_use]
    pub fn now() -> Self {
        let mut sum = Self::default();
        for block in memory::live() {
            let (blocks, bytes) = match block.kind {
                Kind::NonPagedPool => (&mut sum.nonpaged_blocks, &mut sum.nonpaged_bytes),
                Kind::PagedPool => (&mut sum.paged_blocks, &mut sum.paged_bytes),
                Kind::Object => (&mut sum.objects, &mut sum.object_bytes),
                _ => continue,
            };
            *blocks += 1;
            *bytes += block.size;
        }
        sum
    }

    /// What came on top of `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            nonpaged_blocks: self.nonpaged_blocks.saturating_sub(before.nonpaged_blocks),
            nonpaged_bytes: self.nonpaged_bytes.saturating_sub(before.nonpaged_bytes),
            paged_blocks: self.paged_blocks.saturating_sub(before.paged_blocks),
            paged_bytes: self.paged_bytes.saturating_sub(before.paged_bytes),
            objects: self.objects.saturating_sub(before.objects),
            object_bytes: self.object_bytes.saturating_sub(before.object_bytes),
        }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nonpaged_blocks, nonpaged_bytes, paged_blocks, paged_bytes, objects, object_bytes } = self;
        writeln!(formatter, "nonpaged pool  {nonpaged_bytes:>8} bytes in {nonpaged_blocks} blocks")?;
        writeln!(formatter, "paged pool     {paged_bytes:>8} bytes in {paged_blocks} blocks")?;
        write!(formatter, "objects        {object_bytes:>8} bytes in {objects} objects of the kernel and framework")
    }
}
