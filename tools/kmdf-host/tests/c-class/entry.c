/* The framework's entry stub, the driver's entry, and what belongs to no device. */

#include "class.h"

PWDF_DRIVER_GLOBALS WdfDriverGlobals;
PDRIVER_OBJECT ClassDriverObject;
ULONG ClassDefaultTimeout;

extern NTSTATUS NTAPI WdfVersionBind(PDRIVER_OBJECT, PUNICODE_STRING, PWDF_BIND_INFO, PWDF_DRIVER_GLOBALS *);
extern NTSTATUS NTAPI WdfVersionUnbind(PUNICODE_STRING, PWDF_BIND_INFO, PWDF_DRIVER_GLOBALS);

/* KMDF 1.15 unless told otherwise. From 1.15 on the framework stores a pointer to its functions, before that it copies them. */
#ifndef KMDF_MINOR
#define KMDF_MINOR 15
#define KMDF_FUNCTIONS 444
#endif
#if KMDF_MINOR >= 15
const WDFFUNC *WdfFunctions;
#define FUNCTION_TABLE ((WDFFUNC *)&WdfFunctions)
#else
static WDFFUNC FunctionTable[KMDF_FUNCTIONS];
const WDFFUNC *WdfFunctions = FunctionTable;
#define FUNCTION_TABLE FunctionTable
#endif

static WCHAR ComponentName[] = L"KmdfLibrary";
static WDF_BIND_INFO BindInfo = {
    .Size = sizeof(WDF_BIND_INFO),
    .Component = ComponentName,
    .Version = {1, KMDF_MINOR, 0},
    .FuncCount = KMDF_FUNCTIONS,
    .FuncTable = FUNCTION_TABLE,
};

static UNICODE_STRING ServiceKey;
static WCHAR ServiceKeyBuffer[260];
static PDRIVER_UNLOAD FrameworkUnload;

const WDF_OBJECT_CONTEXT_TYPE_INFO ClassDeviceType = {
    sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), (PCHAR) "CLASS_DEVICE", sizeof(CLASS_DEVICE), &ClassDeviceType, NULL};
const WDF_OBJECT_CONTEXT_TYPE_INFO ClassRequestType = {
    sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), (PCHAR) "CLASS_REQUEST", sizeof(CLASS_REQUEST), &ClassRequestType, NULL};
const WDF_OBJECT_CONTEXT_TYPE_INFO ClassFileType = {
    sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), (PCHAR) "CLASS_FILE", sizeof(CLASS_FILE), &ClassFileType, NULL};

CLASS_DEVICE *ClassOf(WDFOBJECT device) { return WdfObjectGetTypedContextWorker(device, &ClassDeviceType); }

CLASS_REQUEST *RequestOf(WDFOBJECT request) { return WdfObjectGetTypedContextWorker(request, &ClassRequestType); }

CLASS_FILE *FileOf(WDFOBJECT file) { return WdfObjectGetTypedContextWorker(file, &ClassFileType); }

void Say(ULONG level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vDbgPrintEx(DPFLTR_IHVDRIVER_ID, level, format, arguments);
    va_end(arguments);
}

/* The default time-out of commands and the polling interval's veto come from the service's Parameters key. */
INITIAL static void ReadParameters(PUNICODE_STRING path) {
    ULONG fallback = 10, count = 0;
    PWCHAR key = ExAllocatePoolWithTag(PagedPool, path->Length + sizeof(L"\\Parameters"), CLASS_TAG);
    if (key == NULL) {
        ClassDefaultTimeout = fallback;
        return;
    }
    RtlCopyMemory(key, path->Buffer, path->Length);
    RtlCopyMemory(key + path->Length / sizeof(WCHAR), L"\\Parameters", sizeof(L"\\Parameters"));
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {.Flags = RTL_QUERY_REGISTRY_DIRECT, .Name = L"TimeOutValue", .EntryContext = &ClassDefaultTimeout,
         .DefaultType = REG_DWORD, .DefaultData = &fallback, .DefaultLength = sizeof(fallback)},
        {.Flags = RTL_QUERY_REGISTRY_DIRECT, .Name = L"LoadCount", .EntryContext = &count,
         .DefaultType = REG_NONE},
        {.QueryRoutine = NULL},
    };
    if (!NT_SUCCESS(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, key, table, NULL, NULL))) {
        ClassDefaultTimeout = fallback;
    }
    ExFreePoolWithTag(key, CLASS_TAG);

    WDFKEY parameters;
    DECLARE_CONST_UNICODE_STRING(name, L"LoadCount");
    NTSTATUS status =
        WdfDriverOpenParametersRegistryKey(WdfDriverGlobals->Driver, KEY_READ | KEY_WRITE, NULL, &parameters);
    if (NT_SUCCESS(status)) {
        ULONG stored = 0;
        if (!NT_SUCCESS(WdfRegistryQueryULong(parameters, &name, &stored))) {
            stored = 0;
        }
        (void)WdfRegistryAssignULong(parameters, &name, stored + 1);
        /* Left over by versions that never were: the value goes whether it is there or not. */
        (void)RtlDeleteRegistryValue(RTL_REGISTRY_HANDLE, WdfRegistryWdmGetHandle(parameters), L"Obsolete");
        WdfRegistryClose(parameters);
    }
}

INITIAL static void DetectSetup(void) {
    WDFKEY key;
    DECLARE_CONST_UNICODE_STRING(path, L"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\MiniNT");
    if (NT_SUCCESS(WdfRegistryOpenKey(NULL, &path, KEY_READ, NULL, &key))) {
        Say(DPFLTR_INFO_LEVEL, "class: in setup\n");
        WdfRegistryClose(key);
    }
}

static void NTAPI DriverCleanup(WDFOBJECT driver) {
    (void)driver;
    DbgPrint("class: unloaded\n");
}

INITIAL static NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path) {
    WDF_DRIVER_CONFIG config = {.Size = sizeof(config), .EvtDriverDeviceAdd = ClassDeviceAdd, .DriverPoolTag = CLASS_TAG};
    WDF_OBJECT_ATTRIBUTES attributes = {
        .Size = sizeof(attributes),
        .EvtCleanupCallback = DriverCleanup,
        .ExecutionLevel = WdfExecutionLevelInheritFromParent,
        .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
    };
    WDFDRIVER handle;
    NTSTATUS status = WdfDriverCreate(driver, path, &attributes, &config, &handle);
    if (!NT_SUCCESS(status)) {
        DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "class: no driver object: %08lx\n", status);
        return status;
    }
    ClassDriverObject = WdfDriverWdmGetDriverObject(handle);
    ReadParameters(path);
    DetectSetup();
    return STATUS_SUCCESS;
}

PAGEABLE static void NTAPI StubUnload(PDRIVER_OBJECT driver) {
    if (FrameworkUnload != NULL) {
        FrameworkUnload(driver);
    }
    WdfVersionUnbind(&ServiceKey, &BindInfo, WdfDriverGlobals);
}

INITIAL NTSTATUS NTAPI FxDriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path) {
    if (driver == NULL) {
        return DriverEntry(driver, path);
    }
    ServiceKey.Buffer = ServiceKeyBuffer;
    ServiceKey.MaximumLength = sizeof(ServiceKeyBuffer);
    RtlCopyUnicodeString(&ServiceKey, path);
    NTSTATUS status = WdfVersionBind(driver, &ServiceKey, &BindInfo, &WdfDriverGlobals);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = DriverEntry(driver, path);
    if (!NT_SUCCESS(status)) {
        WdfVersionUnbind(&ServiceKey, &BindInfo, WdfDriverGlobals);
        return status;
    }
    if (WdfDriverGlobals->DisplaceDriverUnload) {
        FrameworkUnload = driver->DriverUnload;
        driver->DriverUnload = StubUnload;
    }
    return STATUS_SUCCESS;
}
