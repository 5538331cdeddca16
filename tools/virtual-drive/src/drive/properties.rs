//! Whatever a host sends: no panic, and never more data than there is room for.

use std::time::Duration;

use proptest::prelude::*;

use super::opcodes::OPERATIONS;
use super::{Drive, MODELS};
use crate::disc::generated;
use crate::target::{Completion, DataPhase, MediaAction, Request, Target};

/// A step of a host that knows no rules.
#[derive(Clone, Debug)]
enum Step {
    Command { cdb: Vec<u8>, room: Option<usize>, out: Vec<u8>, pause: u16 },
    Act(MediaAction),
    PowerOn,
}

fn step() -> impl Strategy<Value = Step> {
    let known = (0..OPERATIONS.len(), prop::collection::vec(any::<u8>(), 15)).prop_map(|(row, tail)| {
        let row = &OPERATIONS[row];
        [&[row.opcode][..], &tail[..row.length - 1]].concat()
    });
    // Small fields meet more code than random ones.
    let tame = (0..OPERATIONS.len(), prop::collection::vec(prop_oneof![Just(0_u8), Just(1), 0..16_u8], 15)).prop_map(
        |(row, tail)| {
            let row = &OPERATIONS[row];
            [&[row.opcode][..], &tail[..row.length - 1]].concat()
        },
    );
    let cdb = prop_oneof![4 => tame, 3 => known, 1 => prop::collection::vec(any::<u8>(), 0..20)];
    let out = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        prop::collection::vec(0..16_u8, 0..64),
        (0_usize..9).prop_map(|blocks| vec![0x5A; blocks * 2048]),
    ];
    prop_oneof![
        40 => (cdb, prop::option::of(0_usize..100_000), out, any::<u16>())
            .prop_map(|(cdb, room, out, pause)| Step::Command { cdb, room, out, pause }),
        1 => Just(Step::Act(MediaAction::Remove)),
        1 => Just(Step::Act(MediaAction::EjectButton)),
        2 => (0..generated::list().len())
            .prop_map(|disc| Step::Act(MediaAction::Insert(format!("sim:{}", generated::list()[disc].0).into()))),
        1 => Just(Step::PowerOn),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_command_at_any_time(
        model in 0..MODELS.len(),
        disc in 0..generated::list().len(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut drive = Drive::new(&MODELS[model], generated::by_name(generated::list()[disc].0));
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Command { cdb, room, out, pause } => {
                    let data = room.map_or(DataPhase::Out(&out), DataPhase::In);
                    let reply = drive.execute(Request::new(&cdb, data, now));
                    prop_assert!(reply.data.len() <= room.unwrap_or(0));
                    prop_assert!(reply.transferred <= room.unwrap_or(out.len()));
                    let Completion::Status { status, sense } = &reply.completion else {
                        return Err(TestCaseError::fail("a drive gives a status"));
                    };
                    prop_assert_eq!((*status == 2, *status == 0), (sense.len() == 18, sense.is_empty()));
                    now += reply.duration + Duration::from_millis(u64::from(pause));
                }
                Step::Act(action) => drive.act(&action, now).map_err(TestCaseError::fail)?,
                Step::PowerOn => drive.power_on(),
            }
        }
    }
}
