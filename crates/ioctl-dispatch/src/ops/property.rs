//! `IOCTL_STORAGE_QUERY_PROPERTY`: two properties are served here, the others are the port's
//! (storage-media-change.md 11).

pub mod unique_id;
pub mod write_cache;

use scsi_cdb::bytes::array_at;

use super::{Context, Input, Next};
use crate::descriptors::STRING_FIELDS;
use crate::exclusive;
use crate::ntstatus::NtStatus;

/// `STORAGE_PROPERTY_ID` StorageDeviceProperty.
const DEVICE: u32 = 0;
/// `STORAGE_PROPERTY_ID` StorageAdapterProperty.
const ADAPTER: u32 = 1;
/// `STORAGE_PROPERTY_ID` StorageDeviceIdProperty.
const DEVICE_ID: u32 = 2;
/// `STORAGE_PROPERTY_ID` StorageDeviceUniqueIdProperty.
const UNIQUE_ID: u32 = 3;
/// `STORAGE_PROPERTY_ID` StorageDeviceWriteCacheProperty.
const WRITE_CACHE: u32 = 4;

/// `STORAGE_QUERY_TYPE` PropertyStandardQuery.
const STANDARD: u32 = 0;
/// `STORAGE_QUERY_TYPE` PropertyExistsQuery.
const EXISTS: u32 = 1;

/// Bytes of `STORAGE_DESCRIPTOR_HEADER`: Version and Size.
const HEADER_LENGTH: usize = 8;

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The port's device identifiers, for the unique id.
    UniqueId,
    /// A command that tells something of the write cache.
    WriteCache(write_cache::State),
}

/// Where a query goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// It is answered already.
    Answer(Next),
    /// It is served when its turn comes.
    Queue,
    /// It is the port's.
    PassDown,
}

/// Decides where a query goes. While another handle has the drive to itself there is little to be had: the two
/// descriptors that were fetched at start.
pub fn answer_at_once(context: &mut Context<'_, '_>) -> Routing {
    let (property, query) = (context.input_u32(0), context.input_u32(4));
    let foreign = exclusive::is_foreign(context.device.exclusive.as_ref(), context.request.handle);
    match (foreign && query != EXISTS, property, query) {
        (true, DEVICE, STANDARD) => Routing::Answer(device_descriptor(context)),
        (true, ADAPTER, STANDARD) => {
            let descriptor = context.device.adapter;
            Routing::Answer(give(descriptor.bytes(), context))
        }
        (true, ..) => Routing::Answer(Next::fail(NtStatus::ACCESS_DENIED)),
        (false, UNIQUE_ID | WRITE_CACHE, _) => Routing::Queue,
        (false, ..) => Routing::PassDown,
    }
}

/// Serves a query whose turn has come; who has the drive to itself may have changed while it waited.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    match answer_at_once(context) {
        Routing::Answer(next) => next,
        Routing::PassDown => Next::Forward(None),
        Routing::Queue => match (context.input_u32(4), context.input_u32(0)) {
            (EXISTS, _) => Next::success(0),
            (STANDARD, UNIQUE_ID) => unique_id::start(context),
            (STANDARD, _) => write_cache::start(context),
            _ => Next::fail(NtStatus::NOT_SUPPORTED),
        },
    }
}

/// Goes on with what an answer brought.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    match state {
        State::UniqueId => unique_id::resume(input, context),
        State::WriteCache(state) => write_cache::resume(state, input.command(), context),
    }
}

/// The Size field of a descriptor; 0 if it is not there.
fn size_field(descriptor: &[u8]) -> u32 {
    array_at(descriptor, 4).map(u32::from_le_bytes).unwrap_or(0)
}

/// The bytes of a descriptor that its Size field covers.
fn sized(descriptor: &[u8]) -> &[u8] {
    scsi_cdb::bytes::clamp(descriptor, 0, usize::try_from(size_field(descriptor)).unwrap_or(usize::MAX))
}

/// As much of a cached descriptor as fits.
fn give(descriptor: &[u8], context: &mut Context<'_, '_>) -> Next {
    match context.output().len() {
        0 => Next::success(0),
        room if room < HEADER_LENGTH => Next::Done(NtStatus::BUFFER_TOO_SMALL, size_field(descriptor).into()),
        _ => Next::success(context.write(0, sized(descriptor))),
    }
}

/// The cached device descriptor, without the offsets of strings that are cut. A string that lacks only its terminator
/// counts as whole.
fn device_descriptor(context: &mut Context<'_, '_>) -> Next {
    let descriptor = context.device.descriptor;
    let given = give(descriptor.bytes(), context);
    let length = sized(descriptor.bytes()).len().min(context.output().len());
    for field in STRING_FIELDS {
        let offset = array_at(descriptor.bytes(), field).map(u32::from_le_bytes).unwrap_or(0);
        let end = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(descriptor.string(field).len());
        if field.saturating_add(4) <= length && !matches!(offset, 0 | u32::MAX) && length < end {
            context.write(field, &[0; 4]);
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HandleId;
    use crate::descriptors::{AdapterDescriptor, DeviceDescriptor};
    use crate::exclusive::Owner;
    use crate::request::Irql;
    use crate::test_host::{Answer, Host, hex};
    use proptest::prelude::*;
    use std::vec::Vec;

    const CODE: u32 = 0x002D_1400;

    /// A device descriptor with vendor "VEND" at 36, product "PR" at 41 and no revision; the serial number runs to
    /// the end without a terminator.
    pub(super) fn descriptor() -> Vec<u8> {
        let mut bytes = hex("28000000 32000000 05 00 01 00 24000000 29000000 FFFFFFFF 2C000000 02000000 00000000");
        bytes.extend(b"VEND\0PR\0SERIAL");
        bytes
    }

    pub(super) fn host() -> Host {
        let mut host = Host::default();
        let device = &mut host.dispatcher.device;
        device.descriptor = DeviceDescriptor::new(&descriptor()).unwrap();
        device.adapter = AdapterDescriptor::new(&hex("20000000 14000000 00000100 11000000 01000000")).unwrap();
        host
    }

    pub(super) fn query(host: &mut Host, property: u32, query: u32, output: u32) -> Answer {
        let mut input = Vec::new();
        input.extend(property.to_le_bytes());
        input.extend(query.to_le_bytes());
        input.extend([0; 4]);
        host.send(host.request(CODE, &input, output), &input)
    }

    fn locked() -> Host {
        let mut host = host();
        host.dispatcher.device.exclusive = Some(Owner { handle: HandleId(9), name: [0; 64] });
        host
    }

    #[test]
    fn what_is_not_served_is_passed_down() {
        let mut host = host();
        assert_eq!(
            host.control(CODE, "00 00 00 00 00 00 00 00 00 00 00", 64).end(),
            (NtStatus::INFO_LENGTH_MISMATCH, 0)
        );
        for property in [0, 1, 2, 5, 6, 7, 8, 12, u32::MAX] {
            for kind in [0, 1, 2, 7] {
                assert!(query(&mut host, property, kind, 64).forwarded, "{property} {kind}");
            }
        }
    }

    #[test]
    fn served_properties_exist_and_have_no_mask() {
        for (kind, end) in
            [(1, (NtStatus::SUCCESS, 0)), (2, (NtStatus::NOT_SUPPORTED, 0)), (7, (NtStatus::NOT_SUPPORTED, 0))]
        {
            for property in [UNIQUE_ID, WRITE_CACHE] {
                for output in [0, 64] {
                    assert_eq!(query(&mut host(), property, kind, output).end(), end, "{property} {kind}");
                }
            }
        }
        let mut host = host();
        let input = hex("04000000 00000000 00000000");
        let mut request = host.request(CODE, &input, 28);
        request.irql = Irql::Dispatch;
        assert_eq!(host.send(request, &input).end(), (NtStatus::INVALID_LEVEL, 0));
    }

    #[test]
    fn a_stranger_gets_cached_descriptors_only() {
        for (property, kind, denied) in [
            (DEVICE, STANDARD, false),
            (ADAPTER, STANDARD, false),
            (DEVICE, 2, true),
            (ADAPTER, 3, true),
            (DEVICE_ID, STANDARD, true),
            (UNIQUE_ID, STANDARD, true),
            (WRITE_CACHE, STANDARD, true),
            (WRITE_CACHE, 2, true),
            (UNIQUE_ID, EXISTS, false),
            (WRITE_CACHE, EXISTS, false),
        ] {
            let answer = query(&mut locked(), property, kind, 64);
            assert_eq!(answer.status == NtStatus::ACCESS_DENIED, denied, "{property} {kind}");
            assert!(!answer.forwarded && answer.commands.is_empty());
        }
        assert!(query(&mut locked(), DEVICE, EXISTS, 64).forwarded);
        let mut own = locked();
        own.dispatcher.device.exclusive = Some(Owner { handle: HandleId(1), name: [0; 64] });
        assert!(query(&mut own, DEVICE, STANDARD, 64).forwarded);
    }

    #[test]
    fn a_lock_that_came_while_a_query_waited_counts() {
        use crate::{Buffers, Completion, Job, Step};
        for (property, status, information) in
            [(WRITE_CACHE, NtStatus::ACCESS_DENIED, 0), (ADAPTER, NtStatus::SUCCESS, 20)]
        {
            let mut host = locked();
            let mut system = [0; 64];
            system[..4].copy_from_slice(&property.to_le_bytes());
            let request = host.request(CODE, &system[..12], 64);
            let mut buffers = Buffers { scratch: &mut [], features: &mut [], system: &mut system };
            let step = host.dispatcher.begin(Job::Control(request), None, &host.environment, &mut buffers);
            assert_eq!(step, Step::Complete(Completion::new(status, information)));
        }
    }

    #[test]
    fn lengths_of_cached_descriptors() {
        let bytes = descriptor();
        for (property, size) in [(DEVICE, 50), (ADAPTER, 20)] {
            assert_eq!(query(&mut locked(), property, STANDARD, 0).end(), (NtStatus::SUCCESS, 0));
            for output in [1, 7] {
                let answer = query(&mut locked(), property, STANDARD, output);
                assert_eq!(
                    (answer.end(), answer.whole_output[0]),
                    ((NtStatus::BUFFER_TOO_SMALL, size), property_byte(property))
                );
            }
            for output in [8, 12, size, 200] {
                let answer = query(&mut locked(), property, STANDARD, u32::try_from(output).unwrap());
                assert_eq!(answer.end(), (NtStatus::SUCCESS, output.min(size)));
            }
        }
        assert_eq!(query(&mut locked(), DEVICE, STANDARD, 50).output, bytes);
    }

    /// The first input byte, which the output shares and which a refused request leaves alone.
    fn property_byte(property: u32) -> u8 {
        property.to_le_bytes()[0]
    }

    #[test]
    fn offsets_of_strings_that_are_cut_are_withheld() {
        // Vendor 36..40, product 41..43, serial number 44..50.
        for (output, vendor, product, serial) in [
            (50, 36, 41, 44),
            (49, 36, 41, 0),
            (43, 36, 41, 0),
            (42, 36, 0, 0),
            (40, 36, 0, 0),
            (39, 0, 0, 0),
            (28, 0, 0, 0),
        ] {
            let answer = query(&mut locked(), DEVICE, STANDARD, output);
            let at = |field: usize| u32::from_le_bytes(answer.output[field..field + 4].try_into().unwrap());
            assert_eq!((at(12), at(16), at(20), at(24)), (vendor, product, u32::MAX, serial), "{output}");
        }
        let half = query(&mut locked(), DEVICE, STANDARD, 14);
        assert_eq!(half.output[12..], [36, 0], "a field that is not whole stays as it is");
    }

    proptest! {
        #[test]
        fn whatever_the_port_said_at_start(bytes in prop::collection::vec(any::<u8>(), 0x24..200), output in 0_u32..260) {
            let mut host = locked();
            host.dispatcher.device.descriptor = DeviceDescriptor::new(&bytes).unwrap();
            let answer = query(&mut host, DEVICE, STANDARD, output);
            if answer.status == NtStatus::SUCCESS {
                prop_assert!(answer.output.len() <= bytes.len());
                prop_assert!(answer.output.iter().zip(&bytes).all(|(given, cached)| given == cached || *given == 0));
            }
        }
    }
}
