//! The exports of ntoskrnl.exe and hal.dll: one table per subject, found by name.

use nt_machine::call::{self, Export};
use nt_machine::irql::PASSIVE;

/// A row of an export table: a function that may be called from PASSIVE_LEVEL to `max_irql`.
pub(crate) const fn function(name: &'static str, max_irql: u8, address: *const ()) -> Export {
    Export { name, address, max_irql, min_irql: PASSIVE }
}

/// A row for a function with a least IRQL too.
pub(crate) const fn function_at(name: &'static str, min_irql: u8, max_irql: u8, address: *const ()) -> Export {
    Export { name, address, max_irql, min_irql }
}

/// All tables, by subject.
const TABLES: &[&[Export]] = &[
    crate::pool::EXPORTS,
    crate::lookaside::EXPORTS,
    crate::io::EXPORTS,
    crate::mdl::EXPORTS,
    crate::objects::EXPORTS,
    crate::names::EXPORTS,
    crate::pnp::EXPORTS,
    crate::power::EXPORTS,
    crate::sync::EXPORTS,
    crate::sync::LIST_EXPORTS,
    crate::sync::LOCK_EXPORTS,
    crate::sync::RESOURCE_EXPORTS,
    crate::sync::WORK_EXPORTS,
    crate::registry::RTL_EXPORTS,
    crate::registry::ZW_EXPORTS,
    crate::rtl::MEMORY_EXPORTS,
    crate::rtl::PRINT_EXPORTS,
    crate::rtl::STRING_EXPORTS,
    crate::rtl::TEXT_EXPORTS,
    crate::error_log::EXPORTS,
    crate::system::CLOCK_EXPORTS,
    crate::system::MISC_EXPORTS,
    crate::system::THREAD_EXPORTS,
    crate::system::TRACE_EXPORTS,
    crate::exception::EXPORTS,
];

/// Whether a module's exports are this crate's.
fn is_kernel(module: &str) -> bool {
    ["ntoskrnl.exe", "hal.dll"].iter().any(|own| own.eq_ignore_ascii_case(module))
}

fn find(name: &str) -> Option<&'static Export> {
    let all = || TABLES.iter().copied().flatten();
    all().find(|export| export.name == name).or_else(|| all().find(|export| export.name.eq_ignore_ascii_case(name)))
}

/// An exported function; the module's name matches without regard to case, the function's does if it must.
#[must_use]
pub fn export(module: &str, name: &str) -> Option<Export> {
    if !is_kernel(module) {
        return None;
    }
    find(name).map(|&Export { name, address, max_irql, min_irql }| Export { name, address, max_irql, min_irql })
}

/// What an import of the kernel resolves to: the stub of a function, a variable, or a stub that ends the run and names
/// what is missing. `None` for modules that are not the kernel's.
#[must_use]
pub fn resolve(module: &str, name: &str) -> Option<*const ()> {
    if !is_kernel(module) {
        return None;
    }
    Some(routine(name).unwrap_or_else(|| call::missing(name)))
}

/// A function's stub or a variable, by name.
pub(crate) fn routine(name: &str) -> Option<*const ()> {
    // Called in the middle of other functions' entries, by rules of its own: no stub may stand before it.
    if name == "__chkstk" {
        return Some(crate::rtl::check_stack_address());
    }
    crate::system::variable(name).or_else(|| find(name).map(call::thunk))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use std::collections::BTreeSet;

    use super::{TABLES, export};

    #[test]
    fn irql_limits_are_those_of_the_fact_table() {
        let table: Value = serde_json::from_str(include_str!("../tables/kernel-imports.json")).unwrap();
        for import in table["imports"].as_array().unwrap() {
            let name = import["name"].as_str().unwrap();
            let own = export("NTOSKRNL.EXE", name).unwrap_or_else(|| panic!("{name} is not provided"));
            let level = |text: &str| match text {
                "PASSIVE_LEVEL" => 0,
                "APC_LEVEL" => 1,
                "DISPATCH_LEVEL" => 2,
                "HIGH_LEVEL" | "any" => 15,
                other => panic!("{name}: {other}"),
            };
            if let Some(limit) = import["max_irql"].as_str() {
                assert_eq!(own.max_irql, level(limit), "{name}");
                let exact = import["exact_irql"].as_bool() == Some(true);
                assert_eq!(own.min_irql == own.max_irql && own.max_irql != 0, exact, "{name}");
            } else {
                // A limit that depends on an argument: the widest here, the rest inside.
                let cases = import["max_irql_when"].as_array().unwrap();
                let widest = cases.iter().map(|case| level(case["max_irql"].as_str().unwrap())).max();
                assert_eq!(Some(own.max_irql), widest, "{name}");
            }
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut seen = BTreeSet::new();
        for export in TABLES.iter().copied().flatten() {
            assert!(seen.insert(export.name), "{}", export.name);
        }
    }

    #[test]
    fn the_readme_names_all() {
        let readme = include_str!("../README.md");
        for export in TABLES.iter().copied().flatten() {
            assert!(readme.contains(&format!("`{}`", export.name)), "{} is not in README.md", export.name);
        }
    }

    /// What a host for storage class drivers must provide at the least.
    const LEAST: &str = "DbgPrint DbgPrintEx vDbgPrintEx ExAllocatePoolWithTag ExAllocatePool2 ExFreePool ExFreePoolWithTag \
        IoAllocateErrorLogEntry IoAllocateIrp IoAllocateMdl IoBuildDeviceIoControlRequest IoBuildPartialMdl \
        IoBuildSynchronousFsdRequest IoCancelIrp IoDeleteSymbolicLink IoFreeIrp IoFreeMdl IoGetAttachedDeviceReference \
        IoGetConfigurationInformation IoInvalidateDeviceRelations IoQueueWorkItem IoReportTargetDeviceChangeAsynchronous \
        IoReuseIrp IoSetHardErrorOrVerifyDevice IoWriteErrorLogEntry IofCallDriver IofCompleteRequest \
        KeAcquireSpinLockRaiseToDpc KeCancelTimer KeDelayExecutionThread KeFlushQueuedDpcs KeInitializeDpc KeInitializeEvent \
        KeInitializeMutex KeInitializeTimer KeQueryTimeIncrement KeReadStateEvent KeReleaseMutex KeReleaseSpinLock KeSetEvent \
        KeSetTimer KeWaitForSingleObject MmBuildMdlForNonPagedPool MmProbeAndLockPages MmUnlockPages MmUnmapLockedPages \
        MmMapLockedPagesSpecifyCache ObfDereferenceObject PsIsThreadTerminating RtlAnsiCharToUnicodeChar \
        RtlAnsiStringToUnicodeString RtlAssert RtlCompareMemory RtlCopyUnicodeString RtlDeleteRegistryValue \
        RtlFreeUnicodeString RtlInitUnicodeString RtlMultiByteToUnicodeN RtlMultiByteToUnicodeSize RtlQueryRegistryValues \
        RtlUnwind RtlUnwindEx ZwPowerInformation";

    #[test]
    fn the_least_set_is_there() {
        for name in LEAST.split_whitespace() {
            assert!(export("ntoskrnl.exe", name).is_some(), "{name}");
        }
        assert!(export("ntoskrnl.exe", "kesetevent").is_some());
        assert!(export("WDFLDR.SYS", "KeSetEvent").is_none());
    }
}
