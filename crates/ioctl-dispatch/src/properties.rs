//! What holds for every control code, whatever a program asks and a drive answers.

use std::vec::Vec;

use proptest::prelude::*;

use crate::Handle;
use crate::handle::HandleId;
use crate::ioctl::{IOCTLS, Operation};
use crate::test_host::{CALLER_FILL, Host, Reply, SCRATCH_FILL};

/// Bytes below 80h: a longer run of a fill byte is memory that nobody wrote.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let lengths = prop_oneof![4 => 0..=48_usize, 1 => 0..=most];
    lengths.prop_flat_map(|length| prop::collection::vec(prop_oneof![2 => Just(0_u8), 1 => 0..0x80_u8], length))
}

fn reply() -> impl Strategy<Value = Reply> {
    let statuses: Vec<_> =
        [0xC000_00B5, 0xC000_003C, 0xC000_009D, 0xC000_0010, 0xC000_009A].into_iter().map(crate::NtStatus).collect();
    prop_oneof![
        6 => (bytes(256), prop::option::of(0..0x2_0000_u32)).prop_map(|(data, claimed)| {
            let reply = Reply::bytes(&data);
            claimed.map_or(reply.clone(), |length| reply.claiming(length))
        }),
        2 => (0..16_u8, any::<u8>(), 0..16_u8).prop_map(|(key, asc, ascq)| Reply::sense(key, asc, ascq)),
        1 => prop::sample::select(std::vec![0x02, 0x08, 0x18, 0x28, 0x40]).prop_map(Reply::scsi_status),
        1 => prop::sample::select(statuses).prop_map(Reply::port),
    ]
}

#[derive(Clone, Debug)]
struct World {
    flags: [bool; 12],
    schema: u16,
    features: Vec<u8>,
    capacity: [u8; 8],
}

fn world() -> impl Strategy<Value = World> {
    let schema = prop::sample::select(std::vec![0, 0x20, 0x21, 0x24, 0x26, 0x2C]);
    (any::<[bool; 12]>(), schema, bytes(512), any::<[u8; 8]>()).prop_map(|(flags, schema, features, capacity)| World {
        flags,
        schema,
        features,
        capacity,
    })
}

fn host(world: &World) -> Host {
    let mut host = Host::default();
    let device = &mut host.dispatcher.device;
    let [mmc, dvd, aacs, c2, sub_channel, playing, no_power, no_type_one, writable, verify, mounted, open] =
        world.flags;
    (device.is_mmc, device.is_dvd, device.is_aacs) = (mmc, dvd, aacs);
    (device.c2_pointers, device.raw_sub_channel, device.audio_playing) = (c2, sub_channel, playing);
    (device.zero_power.active, device.quirks.no_type_one) = (no_power, no_type_one);
    (device.capability.write_allowed, device.capability.schema) = (writable, world.schema);
    device.capability.features_length = u32::try_from(world.features.len()).unwrap();
    device.geometry.update(Ok(&world.capacity));
    host.features[..world.features.len()].copy_from_slice(&world.features);
    (host.environment.verify, host.environment.mounted) = (verify, mounted);
    host.handle = open.then_some(Handle::new(HandleId(1)));
    host
}

fn has_run_of(bytes: &[u8], fill: u8) -> bool {
    bytes.windows(4).any(|window| window == [fill; 4])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn requests_end_and_give_only_what_was_written(
        row in prop::sample::select(IOCTLS),
        world in world(),
        input in bytes(256),
        room in prop_oneof![4 => 0..300_u32, 1 => 0..0x1_1000_u32],
        kernel_mode: bool,
        replies in prop::collection::vec(reply(), 0..12),
    ) {
        let mut host = host(&world);
        host.any(replies);
        let request = crate::Request { kernel_mode, ..host.request(row.code.0, &input, room) };
        let answer = host.send(request, &input);
        prop_assert!(!has_run_of(&answer.output, SCRATCH_FILL), "{}: scratch memory in the answer", row.name);
        if row.operation != Operation::RawRead {
            prop_assert!(!has_run_of(&answer.output, CALLER_FILL), "{}: Information exceeds what was written", row.name);
        }
    }
}
