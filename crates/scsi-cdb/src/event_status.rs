//! GET EVENT STATUS NOTIFICATION: what happened to drive and medium (MMC-6 6.6).

mod events;

pub use events::{
    DeviceBusyEvent, DeviceBusyStatus, ExternalRequestEvent, ExternalRequestStatus, MediaEvent, MediaStatus,
    MultipleHostEvent, MultipleHostStatus, OperationalChangeEvent, OperationalChangeStatus, PowerEvent, PowerStatus,
};

use crate::bytes::{array_at, put};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Bits, Byte, Flag};

open_enum! {
    /// A class of events (MMC-6 6.6).
    pub EventClass: u8 {
        /// The drive does none of the classes asked for.
        NONE = 0 => "no event class supported",
        /// The drive's abilities changed.
        OPERATIONAL_CHANGE = 1 => "operational change",
        /// The power state changed.
        POWER_MANAGEMENT = 2 => "power management",
        /// A key on the drive was pressed.
        EXTERNAL_REQUEST = 3 => "external request",
        /// The medium came, went or is to go.
        MEDIA = 4 => "media",
        /// Another host wants the drive.
        MULTIPLE_HOST = 5 => "multiple host",
        /// The drive is busy.
        DEVICE_BUSY = 6 => "device busy",
    }
}

impl EventClass {
    /// The bit of this class in a mask of classes.
    #[must_use]
    pub fn mask(self) -> u8 {
        1_u8.checked_shl(self.0.into()).unwrap_or(0)
    }
}

command! {
    /// GET EVENT STATUS NOTIFICATION (MMC-6 6.6): the next event of the highest-priority class that is asked for.
    pub struct GetEventStatusNotification: GET_EVENT_STATUS_NOTIFICATION, 10 {
        /// Whether the drive answers at once; drives need not have the other, asynchronous way.
        polled: bool = Flag(1, 0),
        /// The classes asked for, as the sum of [`EventClass::mask`].
        classes: u8 = Byte(4),
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

record! {
    /// The first four bytes of the answer (MMC-6 6.6).
    pub struct EventHeader: 4 {
        /// Bytes that follow these two.
        data_length: u16 = Be16(0),
        /// Whether the drive does none of the classes asked for (NEA).
        no_event_available: bool = Flag(2, 7),
        /// The class of the event that follows (3 bits).
        class: EventClass = Bits(2, 0, 3),
        /// The classes that the drive can report, as the sum of [`EventClass::mask`].
        supported_classes: u8 = Byte(3),
    }
}

/// The answer to GET EVENT STATUS NOTIFICATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventStatus {
    /// Classes, and the length that the drive claims.
    pub header: EventHeader,
    /// The event, if one came.
    pub event: Event,
}

impl EventStatus {
    /// Bytes of an answer with an event, and so the allocation length that suffices.
    pub const LENGTH: usize = 8;

    /// The answer in the bytes that were received. An event that is cut off, or that the header's length leaves no
    /// room for, is [`Event::None`]. The length must count the event's four bytes; some drives leave the two of the
    /// header uncounted that precede them.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than 4 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let header = EventHeader::parse(bytes)?;
        let event = match array_at::<4>(bytes, EventHeader::LENGTH) {
            Ok(event) if header.data_length >= EVENT_LENGTH && !header.no_event_available => {
                Event::parse(header.class, event)?
            }
            _ => Event::None,
        };
        Ok(Self { header, event })
    }

    /// The answer that carries `event`, from a drive that can report `supported_classes`.
    #[must_use]
    pub const fn new(event: Event, supported_classes: u8) -> Self {
        let (data_length, no_event_available) = match event {
            Event::None => (2, true),
            _ => (6, false),
        };
        Self { header: EventHeader { data_length, no_event_available, class: event.class(), supported_classes }, event }
    }

    /// Writes the answer to `target`, as far as it fits; returns the number of bytes written.
    pub fn write(&self, target: &mut [u8]) -> usize {
        let header = put(target, 0, &self.header.to_bytes());
        match self.event.to_bytes() {
            Some(event) => header.saturating_add(put(target, header, &event)),
            None => header,
        }
    }
}

/// An event with the fields of its class. The code of each says 0 where nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// No event.
    None,
    /// The drive's abilities changed.
    OperationalChange(OperationalChangeStatus),
    /// The power state changed.
    PowerManagement(PowerStatus),
    /// A key on the drive was pressed.
    ExternalRequest(ExternalRequestStatus),
    /// The medium came, went or is to go.
    Media(MediaStatus),
    /// Another host wants the drive.
    MultipleHost(MultipleHostStatus),
    /// The drive is busy.
    DeviceBusy(DeviceBusyStatus),
    /// The bytes of an event of an unknown class.
    Other(EventClass, [u8; 4]),
}

impl Event {
    fn parse(class: EventClass, bytes: [u8; 4]) -> Result<Self, ParseError> {
        Ok(match class {
            EventClass::OPERATIONAL_CHANGE => Self::OperationalChange(OperationalChangeStatus::parse(&bytes)?),
            EventClass::POWER_MANAGEMENT => Self::PowerManagement(PowerStatus::parse(&bytes)?),
            EventClass::EXTERNAL_REQUEST => Self::ExternalRequest(ExternalRequestStatus::parse(&bytes)?),
            EventClass::MEDIA => Self::Media(MediaStatus::parse(&bytes)?),
            EventClass::MULTIPLE_HOST => Self::MultipleHost(MultipleHostStatus::parse(&bytes)?),
            EventClass::DEVICE_BUSY => Self::DeviceBusy(DeviceBusyStatus::parse(&bytes)?),
            _ => Self::Other(class, bytes),
        })
    }

    /// The class of the event.
    #[must_use]
    pub const fn class(&self) -> EventClass {
        match self {
            Self::None => EventClass::NONE,
            Self::OperationalChange(_) => EventClass::OPERATIONAL_CHANGE,
            Self::PowerManagement(_) => EventClass::POWER_MANAGEMENT,
            Self::ExternalRequest(_) => EventClass::EXTERNAL_REQUEST,
            Self::Media(_) => EventClass::MEDIA,
            Self::MultipleHost(_) => EventClass::MULTIPLE_HOST,
            Self::DeviceBusy(_) => EventClass::DEVICE_BUSY,
            Self::Other(class, _) => *class,
        }
    }

    /// The four bytes of the event, if there is one.
    #[must_use]
    pub fn to_bytes(&self) -> Option<[u8; 4]> {
        Some(match self {
            Self::None => return None,
            Self::OperationalChange(status) => status.to_bytes(),
            Self::PowerManagement(status) => status.to_bytes(),
            Self::ExternalRequest(status) => status.to_bytes(),
            Self::Media(status) => status.to_bytes(),
            Self::MultipleHost(status) => status.to_bytes(),
            Self::DeviceBusy(status) => status.to_bytes(),
            Self::Other(_, bytes) => *bytes,
        })
    }
}

/// Bytes of the event alone.
const EVENT_LENGTH: u16 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, prefixes, round_trip, total};

    #[test]
    fn command() {
        let poll = GetEventStatusNotification {
            polled: true,
            classes: EventClass::MEDIA.mask() | EventClass::OPERATIONAL_CHANGE.mask(),
            allocation_length: 8,
        };
        golden(poll, &[0x4A, 1, 0, 0, 0x12, 0, 0, 0, 8, 0], Direction::In, 8);
        round_trip::<GetEventStatusNotification>();
    }

    #[test]
    fn masks_are_bits_by_class() {
        assert_eq!(EventClass::DEVICE_BUSY.mask(), 0x40);
        assert_eq!(EventClass(9).mask(), 0);
    }

    #[track_caller]
    fn both_ways(bytes: [u8; 8], event: Event) {
        let parsed = EventStatus::parse(&bytes).unwrap();
        assert_eq!(parsed.event, event);
        assert_eq!(EventStatus::new(event, bytes[3]), parsed);
        let mut written = [0; 8];
        assert_eq!(parsed.write(&mut written), 8);
        assert_eq!(written, bytes);
        prefixes(&bytes, EventStatus::parse);
    }

    #[test]
    fn every_class() {
        let media = MediaStatus {
            event: MediaEvent::NEW_MEDIA,
            media_present: true,
            tray_open: false,
            start_slot: 1,
            end_slot: 2,
        };
        both_ways([0, 6, 4, 0x10, 2, 2, 1, 2], Event::Media(media));
        let operational = OperationalChangeStatus {
            event: OperationalChangeEvent::CHANGED,
            persistent_prevented: true,
            status: 0,
            change: 1,
        };
        both_ways([0, 6, 1, 0x12, 2, 0x80, 0, 1], Event::OperationalChange(operational));
        let power = PowerStatus { event: PowerEvent::CHANGED, status: 3 };
        both_ways([0, 6, 2, 0x04, 1, 3, 0, 0], Event::PowerManagement(power));
        let request = ExternalRequestStatus {
            event: ExternalRequestEvent::KEY_DOWN,
            persistent_prevented: true,
            status: 0,
            request: 0x0101,
        };
        both_ways([0, 6, 3, 0x08, 1, 0x80, 1, 1], Event::ExternalRequest(request));
        let host = MultipleHostStatus {
            event: MultipleHostEvent::CONTROL_REQUEST,
            persistent_prevented: false,
            status: 0,
            priority: 0x0202,
        };
        both_ways([0, 6, 5, 0x20, 1, 0, 2, 2], Event::MultipleHost(host));
        let busy = DeviceBusyStatus { event: DeviceBusyEvent::BUSY, status: 1, time: 600 };
        both_ways([0, 6, 6, 0x40, 1, 1, 2, 0x58], Event::DeviceBusy(busy));
        both_ways([0, 6, 7, 0x80, 1, 2, 3, 4], Event::Other(EventClass(7), [1, 2, 3, 4]));
    }

    #[test]
    fn no_event() {
        let none = EventStatus::new(Event::None, 0x5E);
        let mut written = [0xEE; 8];
        assert_eq!(none.write(&mut written), 4);
        assert_eq!(written[..5], [0, 2, 0x80, 0x5E, 0xEE]);
        assert_eq!(EventStatus::parse(&written[..4]), Ok(none));
        assert_eq!(EventStatus::parse(&[0, 2, 4, 0x10, 2, 2, 0, 0]).unwrap().event, Event::None);
        assert_eq!(EventStatus::parse(&[0, 3, 4, 0x10, 2, 2, 0, 0]).unwrap().event, Event::None);
        assert_eq!(EventStatus::parse(&[0, 6, 4, 0x10, 2, 2, 0]).unwrap().event, Event::None);
    }

    /// QEMU's ATAPI drive does not count the class bytes.
    #[test]
    fn a_length_of_the_event_alone_is_taken() {
        let counted = EventStatus::parse(&[0, 6, 4, 0x10, 2, 2, 0, 0]).unwrap();
        let uncounted = EventStatus::parse(&[0, 4, 4, 0x10, 2, 2, 0, 0]).unwrap();
        assert_eq!(uncounted.event, counted.event);
    }

    #[test]
    fn any_bytes_are_handled() {
        total(EventStatus::parse);
    }
}
