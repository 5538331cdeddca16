//! The four bytes of an event, class by class (MMC-6 6.6).

use crate::layout::{Be16, Bits, Byte, Flag};

open_enum! {
    /// What happened to the drive's abilities.
    pub OperationalChangeEvent: u8 {
        /// Nothing.
        NO_CHANGE = 0 => "no change",
        /// Abilities may have changed by themselves.
        REQUESTED = 1 => "operational change requested",
        /// Abilities have changed.
        CHANGED = 2 => "operational change",
    }
}

record! {
    /// Operational change class; also told of mode pages and features that change.
    pub struct OperationalChangeStatus: 4 {
        /// What happened (4 bits).
        event: OperationalChangeEvent = Bits(0, 0, 4),
        /// Whether another host holds the persistent prevention.
        persistent_prevented: bool = Flag(1, 7),
        /// 0: ready; 1: temporarily busy with another host; 2: kept by another host (4 bits).
        status: u8 = Bits(1, 0, 4),
        /// 0: no change; 1: features added, or current features or mode pages changed; 2: reset.
        change: u16 = Be16(2),
    }
}

open_enum! {
    /// What happened to the power state.
    pub PowerEvent: u8 {
        /// Nothing.
        NO_CHANGE = 0 => "no change",
        /// The drive went to the state given.
        CHANGED = 1 => "power change successful",
        /// The drive could not go to the state asked for.
        CHANGE_FAILED = 2 => "power change failed",
    }
}

record! {
    /// Power management class.
    pub struct PowerStatus: 4 {
        /// What happened (4 bits).
        event: PowerEvent = Bits(0, 0, 4),
        /// 1: active; 2: idle; 3: standby; 4: sleep.
        status: u8 = Byte(1),
    }
}

open_enum! {
    /// What happened at the drive's front.
    pub ExternalRequestEvent: u8 {
        /// Nothing.
        NO_CHANGE = 0 => "no change",
        /// A key was pressed.
        KEY_DOWN = 1 => "key down",
        /// A key was released.
        KEY_UP = 2 => "key up",
        /// A request from elsewhere, such as a remote control.
        EXTERNAL = 3 => "external request notification",
    }
}

record! {
    /// External request class.
    pub struct ExternalRequestStatus: 4 {
        /// What happened (4 bits).
        event: ExternalRequestEvent = Bits(0, 0, 4),
        /// Whether another host holds the persistent prevention.
        persistent_prevented: bool = Flag(1, 7),
        /// 0: ready; 1: another host holds the drive (4 bits).
        status: u8 = Bits(1, 0, 4),
        /// 0: the request queue overflowed; 0x0101: play; 0x0102: rewind; 0x0103: fast forward; 0x0104: pause;
        /// 0x0106: stop; 0x0200 and on: keys by ASCII code.
        request: u16 = Be16(2),
    }
}

open_enum! {
    /// What happened to the medium.
    pub MediaEvent: u8 {
        /// Nothing.
        NO_CHANGE = 0 => "no change",
        /// The user asked for the medium.
        EJECT_REQUEST = 1 => "eject request",
        /// A medium arrived and is ready.
        NEW_MEDIA = 2 => "new media",
        /// The medium is gone.
        MEDIA_REMOVAL = 3 => "media removal",
        /// The user asked for another medium.
        MEDIA_CHANGED = 4 => "media changed",
        /// Background formatting has ended.
        BACKGROUND_FORMAT_COMPLETED = 5 => "background format completed",
        /// Background formatting has been started again.
        BACKGROUND_FORMAT_RESTARTED = 6 => "background format restarted",
    }
}

record! {
    /// Media class.
    pub struct MediaStatus: 4 {
        /// What happened (4 bits).
        event: MediaEvent = Bits(0, 0, 4),
        /// Whether there is a medium in the drive.
        media_present: bool = Flag(1, 1),
        /// Whether tray or door is open.
        tray_open: bool = Flag(1, 0),
        /// The first slot of a changer that the event is about.
        start_slot: u8 = Byte(2),
        /// The last such slot.
        end_slot: u8 = Byte(3),
    }
}

open_enum! {
    /// What another host did.
    pub MultipleHostEvent: u8 {
        /// Nothing.
        NO_CHANGE = 0 => "no change",
        /// Another host asked for the drive.
        CONTROL_REQUEST = 1 => "control request",
        /// Another host was given the drive.
        CONTROL_GRANT = 2 => "control grant",
        /// Another host gave the drive back.
        CONTROL_RELEASE = 3 => "control release",
    }
}

record! {
    /// Multiple host class.
    pub struct MultipleHostStatus: 4 {
        /// What happened (4 bits).
        event: MultipleHostEvent = Bits(0, 0, 4),
        /// Whether another host holds the persistent prevention.
        persistent_prevented: bool = Flag(1, 7),
        /// 0: ready; 1: another host holds the drive (4 bits).
        status: u8 = Bits(1, 0, 4),
        /// 0: none; 1: low; 2: medium; 3: high.
        priority: u16 = Be16(2),
    }
}

open_enum! {
    /// How busy the drive is.
    pub DeviceBusyEvent: u8 {
        /// Nothing changed, or the drive answers within its usual time.
        NO_EVENT = 0 => "no event",
        /// The drive is or was busy.
        BUSY = 1 => "busy",
        /// The drive went from one kind of business to another.
        LOGICAL_UNIT_CHANGE = 2 => "logical unit change",
    }
}

record! {
    /// Device busy class.
    pub struct DeviceBusyStatus: 4 {
        /// What happened (4 bits).
        event: DeviceBusyEvent = Bits(0, 0, 4),
        /// 0: not busy; 1: busy with a power or immediate operation; 2: deferring commands.
        status: u8 = Byte(1),
        /// Estimated time until the drive is ready, in units of 100 ms.
        time: u16 = Be16(2),
    }
}
