//! Any request to a drive in any state, as far as it is answered without the drive.

use ioctl_dispatch::arrival::Arrival;
use ioctl_dispatch::ioctl::{Check, ControlCode, IOCTLS, Ioctl};
use ioctl_dispatch::limits::TransferLimits;
use ioctl_dispatch::request::{Irql, Mdl};
use ioctl_dispatch::time::Ticks;
use ioctl_dispatch::{Buffers, Device, Dispatcher, Environment, Handle, HandleId, Request};

use crate::source::Source;

/// Lengths around which checks turn.
const LENGTHS: [u32; 20] = [0, 1, 2, 3, 4, 5, 8, 12, 16, 17, 20, 24, 28, 32, 64, 116, 804, 2048, 0x1_0000, u32::MAX];

/// The most bytes of a system buffer that a fuzzer's request really has.
const ROOM: usize = 0x1_0400;

/// A request drawn from `source`: mostly one that passes the checks of its row, now and then anything. Its lengths fit
/// in [`ROOM`].
pub(crate) fn request(source: &mut Source<'_>, handle: Option<HandleId>) -> Request {
    let row = &IOCTLS[source.below(IOCTLS.len())];
    let code = match source.below(16) {
        0 => ControlCode(source.word()),
        1 => ControlCode(row.code.0 ^ 1 << source.below(32)),
        _ => row.code,
    };
    let (input_length, output_length) =
        if source.one_in(4) { (length(source), length(source)) } else { fitting_lengths(row, source) };
    let flags = source.byte();
    Request {
        code,
        input_length,
        output_length,
        handle,
        kernel_mode: flags & 1 != 0,
        wow64: flags & 6 == 6,
        stack_flags: if flags & 8 != 0 { source.byte() } else { 0 },
        irql: if source.one_in(16) { source.pick(&[Irql::Apc, Irql::Dispatch]) } else { Irql::Passive },
        system_address: 0xFFFF_8000_0000_1000 + u64::from(flags >> 6),
        mdl: (flags & 0x10 == 0).then_some(Mdl { address: 0x1000 * u64::from(flags), byte_count: output_length }),
        type3_input: (flags & 0x20 != 0).then(|| {
            let mut input = [0; 16];
            fill_input(source, &mut input);
            input
        }),
    }
}

fn length(source: &mut Source<'_>) -> u32 {
    let length = match source.below(4) {
        0 => source.word() & 0x3FF,
        _ => source.pick(&LENGTHS),
    };
    length.min(ROOM as u32)
}

/// Input and output lengths with which the row's checks of lengths pass.
fn fitting_lengths(row: &Ioctl, source: &mut Source<'_>) -> (u32, u32) {
    let [mut input, mut output] = [0; 2];
    let mut most = ROOM as u32;
    let mut exact = false;
    for check in row.checks {
        match *check {
            Check::InputAtLeast(least, _) => input = input.max(least),
            Check::InputExactly(length, _) => (input, exact) = (length, true),
            Check::OutputAtLeast(least) | Check::OutputAtLeastSilently(least) => output = output.max(least),
            Check::OutputAtMost(length, _) => most = length,
            // A rule of its own: room for anything that is asked for.
            Check::Rule(_) => (input, output) = (input.max(16), output.max(2048)),
            _ => {}
        }
    }
    if !exact && source.one_in(4) {
        input += source.word() & 0xFF;
    }
    if source.one_in(4) {
        output += source.word() & 0xFFF;
    }
    (input, output.min(most))
}

/// Input bytes: as fields mostly are, or anything.
fn fill_input(source: &mut Source<'_>, input: &mut [u8]) {
    let mask = source.pick(&[0x01, 0x03, 0x07, 0x1F, 0xFF]);
    let from = source.below(4);
    input.iter_mut().skip(from).for_each(|byte| *byte = if source.one_in(2) { source.byte() & mask } else { 0 });
}

/// The system buffer of `request`: its input drawn from `source`, the rest `fill`.
pub(crate) fn system_buffer(source: &mut Source<'_>, request: &Request, fill: u8) -> Vec<u8> {
    let [input, output] = [request.input_length, request.output_length].map(|length| length as usize);
    let mut system = vec![fill; input.max(output)];
    system[..input].fill(0);
    fill_input(source, &mut system[..input.min(64)]);
    system
}

/// One request to a device whose facts are drawn too, twice: with other bytes where nobody has written yet.
///
/// # Panics
/// When the answers differ, or more is said to be returned than the output holds.
pub fn run(data: &[u8]) {
    assert_eq!(once(data, 0xA5), once(data, 0x5A), "the answer depends on bytes that nobody wrote");
}

fn once(data: &[u8], fill: u8) -> (Arrival, Vec<u8>) {
    let mut source = Source::new(data);
    let flags = source.byte();
    let mut device = Device {
        is_mmc: flags & 1 != 0,
        is_dvd: flags & 2 != 0,
        is_aacs: flags & 4 != 0,
        is_writer: flags & 8 != 0,
        surprise_removed: flags & 0x30 == 0x30,
        limits: TransferLimits::new(source.word(), source.word(), source.pick(&[0, 1, 3, 0x1FF, u32::MAX])),
        ..Device::default()
    };
    device.zero_power.active = flags & 0xC0 == 0xC0;
    let mut dispatcher = Dispatcher::new(device);
    let mut handle = Handle::new(HandleId(1));
    let opened = source.one_in(2);
    let request = request(&mut source, opened.then_some(handle.id));
    let mut system = system_buffer(&mut source, &request, fill);
    let environment =
        Environment { now: Ticks(source.long()), mounted: flags & 1 == 0, verify: flags & 2 == 0, cancelled: false };
    let (mut scratch, mut features) = (vec![fill; 0x1_0000], vec![0; 0x1_0000]);
    let mut buffers = Buffers { scratch: &mut scratch, features: &mut features, system: &mut system };
    let arrival = dispatcher.arrive(&request, opened.then_some(&mut handle), &environment, &mut buffers);
    while dispatcher.take_effect().is_some() {}
    assert_eq!(dispatcher.device.effects.lost(), 0);
    let mut returned = Vec::new();
    if let Arrival::Complete(completion) = arrival
        && !completion.status.is_error()
    {
        let length = usize::try_from(completion.information).expect("a length");
        assert!(length <= request.output_length as usize, "{} of {request:?}", completion.information);
        returned = system[..length].to_vec();
    }
    (arrival, returned)
}
