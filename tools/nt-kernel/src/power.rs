//! The power manager's services: requested power IRPs, power settings, platform information.

use std::cell::{Cell, RefCell};

use nt_machine::call::{self, Export};
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, DISPATCH, PASSIVE};

use crate::exports::function;
use crate::io;
use crate::layout::{DEVICE_OBJECT, GUID, IO_STATUS_BLOCK, IRP, IRP_MJ_POWER, NTSTATUS, PVOID};
use crate::ledger::Left;
use crate::{objects, pool, put, raw, status, sync};

/// The setting, its value and length, and the context of the registration.
type SettingCallback = extern "win64" fn(*const GUID, PVOID, u32, PVOID) -> NTSTATUS;
/// The device, the minor function, the power state, the context, and the final status.
type RequestCallback = extern "win64" fn(*mut DEVICE_OBJECT, u8, u32, PVOID, *mut IO_STATUS_BLOCK);

struct Registration {
    handle: usize,
    setting: GUID,
    callback: SettingCallback,
    context: usize,
}

thread_local! {
    static REGISTRATIONS: RefCell<Vec<Registration>> = const { RefCell::new(Vec::new()) };
    static SETTINGS: RefCell<Vec<(GUID, Vec<u8>)>> = const { RefCell::new(Vec::new()) };
    static NEXT: Cell<usize> = const { Cell::new(1) };
    static MODERN_STANDBY: Cell<bool> = const { Cell::new(false) };
    static WATCHDOG: Cell<Option<u32>> = const { Cell::new(None) };
}

/// GUID_CONSOLE_DISPLAY_STATE: off, on, dimmed.
const CONSOLE_DISPLAY_STATE: GUID =
    GUID { Data1: 0x6FE6_9556, Data2: 0x704A, Data3: 0x47A0, Data4: [0x8F, 0x24, 0xC2, 0x8D, 0x93, 0x6F, 0xDA, 0x47] };
/// GUID_MONITOR_POWER_ON: off, on.
const MONITOR_POWER_ON: GUID =
    GUID { Data1: 0x0273_1015, Data2: 0x4510, Data3: 0x4526, Data4: [0x99, 0xE6, 0xE5, 0xA1, 0x7E, 0xBD, 0x1A, 0xEA] };

pub(crate) fn reset() {
    REGISTRATIONS.replace(Vec::new());
    // A display that is on.
    let on = 1_u32.to_le_bytes().to_vec();
    SETTINGS.replace(vec![(CONSOLE_DISPLAY_STATE, on.clone()), (MONITOR_POWER_ON, on)]);
    NEXT.set(1);
    MODERN_STANDBY.set(false);
    WATCHDOG.set(None);
}

/// Whether the platform does modern standby (`AoAc`).
pub fn set_modern_standby(on: bool) {
    MODERN_STANDBY.set(on);
}

/// Seconds until a power IRP in progress times out, as `PoQueryWatchdogTime` tells; `None` when there is none.
pub fn set_watchdog(seconds: Option<u32>) {
    WATCHDOG.set(seconds);
}

/// Gives a power setting a value and tells those who registered for it.
pub fn set_setting(setting: &GUID, value: &[u8]) {
    SETTINGS.with_borrow_mut(|all| {
        all.retain(|(own, _)| own != setting);
        all.push((*setting, value.to_vec()));
    });
    let told: Vec<_> = REGISTRATIONS.with_borrow(|all| {
        all.iter().filter(|own| own.setting == *setting).map(|own| (own.handle, own.callback, own.context)).collect()
    });
    for (handle, callback, context) in told {
        let (setting, value) = (*setting, value.to_vec());
        sync::queue_work(
            "power setting change",
            Box::new(move || {
                // Unregistered meanwhile: not called any more.
                if REGISTRATIONS.with_borrow(|all| all.iter().any(|own| own.handle == handle)) {
                    tell(setting, value, callback, context);
                }
            }),
        );
    }
}

fn tell(setting: GUID, mut value: Vec<u8>, callback: SettingCallback, context: usize) {
    let length = value.len() as u32;
    let data = value.as_mut_ptr().cast();
    call::driver("power setting callback", || callback(&raw const setting, data, length, context as PVOID));
}

extern "win64" fn register_power_setting_callback(
    _device: *mut DEVICE_OBJECT,
    setting: *const GUID,
    callback: SettingCallback,
    context: PVOID,
    handle: *mut PVOID,
) -> NTSTATUS {
    if !pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    let (setting, own, context) = (raw::read(setting), NEXT.get(), context as usize);
    NEXT.set(own + 1);
    REGISTRATIONS.with_borrow_mut(|all| all.push(Registration { handle: own, setting, callback, context }));
    raw::write(handle, own as PVOID);
    let value =
        SETTINGS.with_borrow(|all| all.iter().find(|(known, _)| *known == setting).map(|(_, value)| value.clone()));
    if let Some(value) = value {
        tell(setting, value, callback, context);
    }
    status::SUCCESS
}

extern "win64" fn unregister_power_setting_callback(handle: PVOID) -> NTSTATUS {
    let gone = REGISTRATIONS.with_borrow_mut(|all| {
        let before = all.len();
        all.retain(|own| own.handle != handle as usize);
        all.len() != before
    });
    if !gone {
        findings::report(Rule::BadArgument, "Handle", "no power setting is registered with this handle");
        return status::INVALID_PARAMETER;
    }
    status::SUCCESS
}

/// Power settings that are registered still.
pub(crate) fn left() -> Vec<Left> {
    REGISTRATIONS.with_borrow(|all| {
        all.iter()
            .map(|own| format!("registration for the power setting {}", crate::pnp::guid_text(&own.setting)))
            .map(Left::of_unknown_origin)
            .collect()
    })
}

/// Sends a power IRP from the top of a device's stack, on a system thread; `done` gets the final status.
pub fn request_power(
    device: *mut DEVICE_OBJECT,
    minor: u8,
    system: bool,
    state: u32,
    action: u32,
    done: Box<dyn FnOnce(i32)>,
) {
    objects::reference(device.cast());
    sync::queue_work(
        "power request",
        Box::new(move || {
            let sent = io::send(io::attached_top(device), |_, location| {
                put!(location, MajorFunction, IRP_MJ_POWER);
                put!(location, MinorFunction, minor);
                put!(location, Parameters.Power.Type, u32::from(!system));
                put!(location, Parameters.Power.State, state);
                put!(location, Parameters.Power.ShutdownType, action);
            });
            objects::dereference(device.cast());
            done(sent.status);
        }),
    );
}

extern "win64" fn request_power_irp(
    device: *mut DEVICE_OBJECT,
    minor: u8,
    state: u32,
    callback: Option<RequestCallback>,
    context: PVOID,
    irp: *mut *mut IRP,
) -> NTSTATUS {
    const WAIT_WAKE: u8 = 0;
    const SET_POWER: u8 = 2;
    const QUERY_POWER: u8 = 3;
    if !matches!(minor, SET_POWER | QUERY_POWER) {
        if minor == WAIT_WAKE {
            findings::fatal(Rule::Missing, "MinorFunction", "wake requests are not provided");
        }
        return status::INVALID_PARAMETER_2;
    }
    if !pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    if !irp.is_null() {
        raw::write(irp, core::ptr::null_mut());
    }
    let done = move |result: i32| {
        if let Some(callback) = callback {
            let mut block = IO_STATUS_BLOCK { Status: result, Information: 0 };
            call::driver("power request callback", || callback(device, minor, state, context, &raw mut block));
        }
    };
    request_power(device, minor, false, state, 0, Box::new(done));
    status::PENDING
}

extern "win64" fn set_power_state(_device: *mut DEVICE_OBJECT, _kind: u32, state: u32) -> u32 {
    state
}

extern "win64" fn start_next_power_irp(_irp: *mut IRP) {}

extern "win64" fn query_watchdog_time(_pdo: *mut DEVICE_OBJECT, seconds: *mut u32) -> u8 {
    let Some(left) = WATCHDOG.get() else { return 0 };
    raw::write(seconds, left);
    1
}

extern "win64" fn register_device_for_idle_detection(
    _device: *mut DEVICE_OBJECT,
    _conservation: u32,
    _performance: u32,
    _state: u32,
) -> *mut u32 {
    // Idle detection is refused, as it may be for lack of memory.
    core::ptr::null_mut()
}

/// `PlatformInformation`.
const PLATFORM_INFORMATION: u32 = 66;

extern "win64" fn power_information(
    level: u32,
    input: PVOID,
    input_length: u32,
    output: *mut u8,
    length: u32,
) -> NTSTATUS {
    if level != PLATFORM_INFORMATION {
        findings::fatal(Rule::Missing, "InformationLevel", format_args!("level {level} is not provided"));
    }
    if !input.is_null() || input_length != 0 || output.is_null() {
        return status::INVALID_PARAMETER;
    }
    if length < 1 {
        return status::BUFFER_TOO_SMALL;
    }
    raw::write(output, u8::from(MODERN_STANDBY.get()));
    status::SUCCESS
}

pub(crate) const EXPORTS: &[Export] = &[
    function("PoRegisterPowerSettingCallback", APC, register_power_setting_callback as *const ()),
    function("PoUnregisterPowerSettingCallback", APC, unregister_power_setting_callback as *const ()),
    function("PoRequestPowerIrp", DISPATCH, request_power_irp as *const ()),
    function("PoSetPowerState", DISPATCH, set_power_state as *const ()),
    function("PoStartNextPowerIrp", DISPATCH, start_next_power_irp as *const ()),
    function("PoQueryWatchdogTime", DISPATCH, query_watchdog_time as *const ()),
    function("PoRegisterDeviceForIdleDetection", PASSIVE, register_device_for_idle_detection as *const ()),
    function("ZwPowerInformation", PASSIVE, power_information as *const ()),
];

#[cfg(test)]
mod tests {
    use nt_machine::threads;

    use super::*;
    use crate::testing::{clean, found};

    thread_local! {
        static SEEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    }

    extern "win64" fn seen(_setting: *const GUID, value: PVOID, length: u32, context: PVOID) -> NTSTATUS {
        assert_eq!((length, context as usize), (4, 7));
        SEEN.with_borrow_mut(|seen| seen.push(raw::read(value.cast())));
        status::SUCCESS
    }

    fn register() -> PVOID {
        let mut handle = core::ptr::null_mut();
        let (device, setting) = (core::ptr::null_mut(), CONSOLE_DISPLAY_STATE);
        register_power_setting_callback(device, &raw const setting, seen, 7 as PVOID, &raw mut handle);
        handle
    }

    #[test]
    fn settings_are_told_at_once_and_when_they_change() {
        clean(|| {
            SEEN.take();
            let handle = register();
            assert_eq!(SEEN.with_borrow(Vec::clone), [1]);
            set_setting(&CONSOLE_DISPLAY_STATE, &0_u32.to_le_bytes());
            threads::block("the callback", None, &|| SEEN.with_borrow(Vec::len) == 2);
            assert_eq!(unregister_power_setting_callback(handle), status::SUCCESS);
            set_setting(&CONSOLE_DISPLAY_STATE, &1_u32.to_le_bytes());
            sync::delay(-1000);
            assert_eq!(SEEN.take(), [1, 0]);
        });
        found(Rule::BadArgument, "no power setting", || _ = unregister_power_setting_callback(99 as PVOID));
        found(Rule::Leak, "is left", || {
            register();
            crate::check_at_unload();
        });
    }

    #[test]
    fn the_platform_is_asked_with_an_output_alone() {
        clean(|| {
            let (null, mut out) = (core::ptr::null_mut(), 9_u8);
            set_modern_standby(true);
            let mut ask = |input, length| power_information(PLATFORM_INFORMATION, input, 0, &raw mut out, length);
            assert_eq!(ask(null, 0), status::BUFFER_TOO_SMALL);
            assert_eq!(ask(8 as PVOID, 1), status::INVALID_PARAMETER);
            assert_eq!(ask(null, 1), status::SUCCESS);
            assert_eq!(out, 1);
        });
    }

    #[test]
    fn a_requested_power_irp_goes_to_the_top_and_reports_back() {
        extern "win64" fn serve(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
            let own = io::current(irp);
            let all = [crate::get!(own, Parameters.Power.Type), crate::get!(own, Parameters.Power.State)];
            SEEN.set(all.to_vec());
            put!(irp, IoStatus.Status, status::SUCCESS);
            io::complete(irp, 0);
            status::SUCCESS
        }
        extern "win64" fn done(
            _device: *mut DEVICE_OBJECT,
            minor: u8,
            state: u32,
            _context: PVOID,
            block: *mut IO_STATUS_BLOCK,
        ) {
            let result = crate::get!(block, Status);
            SEEN.with_borrow_mut(|seen| seen.extend([u32::from(minor), state, result.cast_unsigned()]));
        }
        clean(|| {
            SEEN.take();
            const D3: u32 = 4;
            let device = crate::testing::device("port", serve, None);
            let null = core::ptr::null_mut();
            assert_eq!(request_power_irp(device, 2, D3, Some(done), null, null.cast()), status::PENDING);
            threads::block("the callback", None, &|| SEEN.with_borrow(Vec::len) == 5);
            assert_eq!(SEEN.take(), [1, D3, 2, D3, 0]);
            assert_eq!(request_power_irp(device, 9, D3, None, null, null.cast()), status::INVALID_PARAMETER_2);
        });
    }
}
