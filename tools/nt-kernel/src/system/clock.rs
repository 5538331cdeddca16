//! The clock and the processor.

use nt_machine::call::Export;
use nt_machine::irql::{self, DISPATCH, HIGH, PASSIVE};
use nt_machine::time;

use crate::exports::function;
use crate::layout::PVOID;
use crate::{raw, status};

/// Units of 100 ns in a clock tick.
const TIME_INCREMENT: u32 = 156_250;
const UNITS_PER_SECOND: i64 = 10_000_000;

extern "win64" fn query_time_increment() -> u32 {
    TIME_INCREMENT
}

extern "win64" fn query_performance_counter(frequency: *mut i64) -> i64 {
    if !frequency.is_null() {
        raw::write(frequency, UNITS_PER_SECOND);
    }
    time::now()
}

extern "win64" fn query_system_time(to: *mut i64) {
    raw::write(to, time::system_time());
}

extern "win64" fn query_interrupt_time() -> i64 {
    time::now()
}

extern "win64" fn query_interrupt_time_precise(counter: *mut i64) -> i64 {
    if !counter.is_null() {
        raw::write(counter, time::now());
    }
    time::now()
}

extern "win64" fn query_tick_count(to: *mut i64) {
    raw::write(to, time::now() / i64::from(TIME_INCREMENT));
}

extern "win64" fn stall_execution_processor(microseconds: u32) {
    time::stall(i64::from(microseconds) * 10);
}

/// Local time is universal time here.
extern "win64" fn convert_time(from: *const i64, to: *mut i64) {
    raw::write(to, raw::read(from));
}

/// Days since 1 January 1601 to year, month and day.
fn date(days: i64) -> (i64, i64, i64) {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut left) = (1601, days);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    (year, month as i64 + 1, left + 1)
}

extern "win64" fn time_to_time_fields(from: *const i64, to: *mut i16) {
    let milliseconds = raw::read(from) / 10_000;
    let (seconds, days) = (milliseconds / 1000, milliseconds / 86_400_000);
    let (year, month, day) = date(days);
    // 1 January 1601 was a Monday.
    let weekday = (days + 1) % 7;
    let fields = [year, month, day, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, milliseconds % 1000, weekday];
    for (at, field) in fields.into_iter().enumerate() {
        raw::write(to.wrapping_add(at), field as i16);
    }
}

extern "win64" fn get_current_irql() -> u8 {
    irql::current()
}

extern "win64" fn raise_irql(new: u8) -> u8 {
    irql::raise(new)
}

extern "win64" fn raise_irql_to_dpc_level() -> u8 {
    irql::raise(DISPATCH)
}

extern "win64" fn lower_irql(new: u8) {
    irql::lower(new);
}

extern "win64" fn one() -> u32 {
    1
}

extern "win64" fn one_in_group(_group: u16) -> u32 {
    1
}

extern "win64" fn active_processors(mask: *mut usize) -> u32 {
    if !mask.is_null() {
        raw::write(mask, 1);
    }
    1
}

extern "win64" fn active_processor_mask() -> usize {
    1
}

extern "win64" fn current_processor(number: PVOID) -> u32 {
    if !number.is_null() {
        // PROCESSOR_NUMBER: group, number, reserved.
        raw::fill(number.cast(), 0, 4);
    }
    0
}

extern "win64" fn get_version(to: *mut u32) -> i32 {
    const PLAIN: u32 = 0x114;
    const EXTENDED: u32 = 0x11C;
    let size = raw::read(to);
    if size < PLAIN {
        return status::INVALID_PARAMETER;
    }
    raw::fill(to.cast(), 0, size.min(EXTENDED) as usize);
    // Size, major, minor, build, platform (2: NT).
    for (at, value) in [size, 10, 0, super::variables::BUILD, 2].into_iter().enumerate() {
        raw::write(to.wrapping_add(at), value);
    }
    if size >= EXTENDED {
        const WORKSTATION: u8 = 1;
        raw::write(to.cast::<u8>().wrapping_add(0x11A), WORKSTATION);
    }
    status::SUCCESS
}

pub(super) const EXPORTS: &[Export] = &[
    function("KeQueryTimeIncrement", HIGH, query_time_increment as *const ()),
    function("KeQueryPerformanceCounter", HIGH, query_performance_counter as *const ()),
    function("KeQuerySystemTime", HIGH, query_system_time as *const ()),
    function("KeQuerySystemTimePrecise", HIGH, query_system_time as *const ()),
    function("KeQueryInterruptTime", HIGH, query_interrupt_time as *const ()),
    function("KeQueryUnbiasedInterruptTime", HIGH, query_interrupt_time as *const ()),
    function("KeQueryInterruptTimePrecise", HIGH, query_interrupt_time_precise as *const ()),
    function("KeQueryTickCount", HIGH, query_tick_count as *const ()),
    function("KeStallExecutionProcessor", HIGH, stall_execution_processor as *const ()),
    function("ExSystemTimeToLocalTime", HIGH, convert_time as *const ()),
    function("ExLocalTimeToSystemTime", HIGH, convert_time as *const ()),
    function("RtlTimeToTimeFields", HIGH, time_to_time_fields as *const ()),
    function("KeGetCurrentIrql", HIGH, get_current_irql as *const ()),
    function("KfRaiseIrql", HIGH, raise_irql as *const ()),
    function("KeRaiseIrqlToDpcLevel", HIGH, raise_irql_to_dpc_level as *const ()),
    function("KeLowerIrql", HIGH, lower_irql as *const ()),
    function("KfLowerIrql", HIGH, lower_irql as *const ()),
    function("KeQueryActiveProcessorCount", HIGH, active_processors as *const ()),
    function("KeQueryActiveProcessorCountEx", HIGH, one_in_group as *const ()),
    function("KeQueryMaximumProcessorCount", HIGH, one as *const ()),
    function("KeQueryMaximumProcessorCountEx", HIGH, one_in_group as *const ()),
    function("KeQueryActiveGroupCount", HIGH, one as *const ()),
    function("KeQueryActiveProcessors", HIGH, active_processor_mask as *const ()),
    function("KeGetCurrentProcessorNumberEx", HIGH, current_processor as *const ()),
    function("RtlGetVersion", PASSIVE, get_version as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_split_into_fields() {
        // 2024-02-29 12:34:56.789, a Thursday.
        let days = 423 * 365 + 102 + 59;
        let time = (((days * 24 + 12) * 60 + 34) * 60 + 56) * UNITS_PER_SECOND + 7_890_000;
        let mut fields = [0_i16; 8];
        time_to_time_fields(&raw const time, fields.as_mut_ptr());
        assert_eq!(fields, [2024, 2, 29, 12, 34, 56, 789, 4]);
    }
}
