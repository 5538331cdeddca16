/* A device is added: names, framework objects, the claim. */

#include "class.h"

static const GUID CdromInterface = {0x53f56308, 0xb6bf, 0x11d0, {0x94, 0xf2, 0x00, 0xa0, 0xc9, 0x1e, 0xfb, 0x8b}};

PAGEABLE static void Decimal(PWCHAR text, ULONG number) {
    ULONG digits = 1;
    for (ULONG rest = number; rest >= 10; rest /= 10) {
        digits++;
    }
    text[digits] = 0;
    do {
        text[--digits] = (WCHAR)(L'0' + number % 10);
        number /= 10;
    } while (digits != 0);
}

PAGEABLE static void DeviceCleanup(CLASS_DEVICE *class) {
    if (class->Counted) {
        IoGetConfigurationInformation()->CdRomCount--;
        class->Counted = FALSE;
    }
    if (class->NotifyWork != NULL) {
        IoFreeWorkItem(class->NotifyWork);
        class->NotifyWork = NULL;
    }
    if (class->SelfIrp != NULL) {
        IoFreeIrp(class->SelfIrp);
        class->SelfIrp = NULL;
    }
    if (class->Link.Buffer != NULL) {
        IoDeleteSymbolicLink(&class->Link);
        RtlFreeUnicodeString(&class->Link);
    }
    if (class->Vendor.Buffer != NULL) {
        ExFreePoolWithTag(class->Vendor.Buffer, CLASS_TAG);
        class->Vendor.Buffer = NULL;
    }
    if (class->Scratch != NULL) {
        ExFreePoolWithTag(class->Scratch, CLASS_TAG);
        class->Scratch = NULL;
    }
}

static void NTAPI EvtDeviceCleanup(WDFOBJECT device) { DeviceCleanup(ClassOf(device)); }

PAGEABLE static void Configure(PWDFDEVICE_INIT init) {
    WDF_PNPPOWER_EVENT_CALLBACKS power = {
        .Size = sizeof(power),
        .EvtDeviceD0Entry = ClassD0Entry,
        .EvtDeviceD0Exit = ClassD0Exit,
        .EvtDeviceSurpriseRemoval = ClassSurpriseRemoval,
        .EvtDeviceSelfManagedIoInit = ClassIoInit,
        .EvtDeviceSelfManagedIoCleanup = ClassIoCleanup,
    };
    WDF_FILEOBJECT_CONFIG file = {
        .Size = sizeof(file),
        .EvtFileClose = ClassFileClose,
        .AutoForwardCleanupClose = WdfTrue,
        .FileObjectClass = (WDF_FILEOBJECT_CLASS)(WdfFileObjectWdfCannotUseFsContexts | WdfFileObjectCanBeOptional),
    };
    WDF_OBJECT_ATTRIBUTES fileAttributes = {
        .Size = sizeof(fileAttributes),
        .ExecutionLevel = WdfExecutionLevelPassive,
        .SynchronizationScope = WdfSynchronizationScopeNone,
        .ContextTypeInfo = &ClassFileType,
    };
    WDF_OBJECT_ATTRIBUTES requestAttributes = {
        .Size = sizeof(requestAttributes),
        .EvtCleanupCallback = ClassRequestCleanup,
        .ExecutionLevel = WdfExecutionLevelInheritFromParent,
        .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
        .ContextTypeInfo = &ClassRequestType,
    };
    WDF_REMOVE_LOCK_OPTIONS lock = {.Size = sizeof(lock), .Flags = WDF_REMOVE_LOCK_OPTION_ACQUIRE_FOR_IO};

    WdfDeviceInitSetPnpPowerEventCallbacks(init, &power);
    WdfDeviceInitSetFileObjectConfig(init, &file, &fileAttributes);
    WdfDeviceInitSetRequestAttributes(init, &requestAttributes);
    WdfDeviceInitSetIoInCallerContextCallback(init, ClassInCallerContext);
    WdfDeviceInitSetRemoveLockOptions(init, &lock);
    WdfDeviceInitSetPowerPolicyOwnership(init, FALSE);
    WdfDeviceInitSetExclusive(init, FALSE);
    WdfDeviceInitSetDeviceType(init, FILE_DEVICE_CD_ROM);
    WdfDeviceInitSetCharacteristics(init, FILE_REMOVABLE_MEDIA, FALSE);
    WdfDeviceInitSetIoType(init, WdfDeviceIoDirect);
    WdfDeviceInitSetPowerPageable(init);
}

PAGEABLE static NTSTATUS Preprocess(PWDFDEVICE_INIT init) {
    UCHAR setPower = IRP_MN_SET_POWER;
    NTSTATUS status = WdfDeviceInitAssignWdmIrpPreprocessCallback(init, ClassPowerIrp, IRP_MJ_POWER, &setPower, 1);
    if (NT_SUCCESS(status)) {
        status = WdfDeviceInitAssignWdmIrpPreprocessCallback(init, ClassFlush, IRP_MJ_FLUSH_BUFFERS, NULL, 0);
    }
    if (NT_SUCCESS(status)) {
        status = WdfDeviceInitAssignWdmIrpPreprocessCallback(init, ClassShutdown, IRP_MJ_SHUTDOWN, NULL, 0);
    }
    return status;
}

/* The lowest number whose name is free. */
PAGEABLE static NTSTATUS CreateDevice(PWDFDEVICE_INIT *init, WDFDEVICE *device) {
    WDF_OBJECT_ATTRIBUTES attributes = {
        .Size = sizeof(attributes),
        .EvtCleanupCallback = EvtDeviceCleanup,
        .ExecutionLevel = WdfExecutionLevelDispatch,
        .SynchronizationScope = WdfSynchronizationScopeNone,
        .ContextTypeInfo = &ClassDeviceType,
    };
    for (ULONG number = 0;; number++) {
        WCHAR text[40] = L"\\Device\\CdRom";
        UNICODE_STRING name;
        Decimal(text + wcslen(text), number);
        RtlInitUnicodeString(&name, text);
        NTSTATUS status = WdfDeviceInitAssignName(*init, &name);
        if (NT_SUCCESS(status)) {
            status = WdfDeviceCreate(init, &attributes, device);
        }
        if (NT_SUCCESS(status)) {
            CLASS_DEVICE *class = ClassOf(*device);
            class->Number = number;
            RtlCopyMemory(class->NameBuffer, text, sizeof(text));
            RtlInitUnicodeString(&class->Name, class->NameBuffer);
        }
        if (status != STATUS_OBJECT_NAME_COLLISION) {
            return status;
        }
    }
}

/* The link's text is made from 8-bit characters and kept for its deletion. */
PAGEABLE static NTSTATUS CreateLink(CLASS_DEVICE *class) {
    CHAR narrow[40] = "\\DosDevices\\CdRom";
    WCHAR digits[12];
    ANSI_STRING text;
    Decimal(digits, class->Number);
    size_t at = strlen(narrow);
    for (size_t i = 0; digits[i] != 0; i++) {
        narrow[at++] = (CHAR)digits[i];
    }
    narrow[at] = 0;
    text.Buffer = narrow;
    text.Length = (USHORT)at;
    text.MaximumLength = (USHORT)(at + 1);
    UNICODE_STRING link;
    NTSTATUS status = RtlAnsiStringToUnicodeString(&link, &text, TRUE);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = WdfDeviceCreateSymbolicLink(class->Device, &link);
    if (!NT_SUCCESS(status)) {
        RtlFreeUnicodeString(&link);
        return status;
    }
    class->Link = link;
    return STATUS_SUCCESS;
}

PAGEABLE static NTSTATUS CreateInterface(CLASS_DEVICE *class) {
    NTSTATUS status = WdfDeviceCreateDeviceInterface(class->Device, &CdromInterface, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WDF_OBJECT_ATTRIBUTES attributes = {
        .Size = sizeof(attributes),
        .ExecutionLevel = WdfExecutionLevelInheritFromParent,
        .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
        .ParentObject = class->Device,
    };
    status = WdfStringCreate(NULL, &attributes, &class->InterfaceName);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = WdfDeviceRetrieveDeviceInterfaceString(class->Device, &CdromInterface, NULL, class->InterfaceName);
    if (NT_SUCCESS(status)) {
        UNICODE_STRING name;
        WdfStringGetUnicodeString(class->InterfaceName, &name);
        Say(DPFLTR_INFO_LEVEL, "class: interface %wZ\n", &name);
    }
    return status;
}

PAGEABLE static NTSTATUS CreateQueues(CLASS_DEVICE *class) {
    WDF_IO_QUEUE_CONFIG serial = {
        .Size = sizeof(serial),
        .DispatchType = WdfIoQueueDispatchSequential,
        .PowerManaged = WdfFalse,
        .DefaultQueue = TRUE,
        .AllowZeroLengthRequests = TRUE,
        .EvtIoRead = ClassRead,
        .EvtIoWrite = ClassWrite,
        .EvtIoDeviceControl = ClassDeviceControl,
        .EvtIoCanceledOnQueue = ClassCanceledOnQueue,
    };
    NTSTATUS status = WdfIoQueueCreate(class->Device, &serial, NULL, &class->Serial);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WDF_IO_QUEUE_CONFIG create = {
        .Size = sizeof(create),
        .DispatchType = WdfIoQueueDispatchParallel,
        .PowerManaged = WdfFalse,
        .EvtIoDefault = ClassCreate,
        .Settings.Parallel.NumberOfPresentedRequests = (ULONG)-1,
    };
    WDF_OBJECT_ATTRIBUTES passive = {
        .Size = sizeof(passive),
        .ExecutionLevel = WdfExecutionLevelPassive,
        .SynchronizationScope = WdfSynchronizationScopeNone,
    };
    WDFQUEUE queue;
    status = WdfIoQueueCreate(class->Device, &create, &passive, &queue);
    if (NT_SUCCESS(status)) {
        status = WdfDeviceConfigureRequestDispatching(class->Device, queue, WdfRequestTypeCreate);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WDF_IO_QUEUE_CONFIG parked = {
        .Size = sizeof(parked), .DispatchType = WdfIoQueueDispatchManual, .PowerManaged = WdfFalse};
    return WdfIoQueueCreate(class->Device, &parked, NULL, &class->Parked);
}

PAGEABLE static NTSTATUS OpenTarget(CLASS_DEVICE *class) {
    NTSTATUS status = WdfIoTargetCreate(class->Device, NULL, &class->Target);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WDF_IO_TARGET_OPEN_PARAMS open = {
        .Size = sizeof(open), .Type = WdfIoTargetOpenUseExistingDevice, .TargetDeviceObject = class->Lower};
    status = WdfIoTargetOpen(class->Target, &open);
    if (!NT_SUCCESS(status)) {
        WdfObjectDelete(class->Target);
        class->Target = NULL;
    }
    return status;
}

/* A request that the driver makes itself, with the SRB that it sends. */
PAGEABLE static NTSTATUS CreateOwnRequest(CLASS_DEVICE *class, WDFREQUEST *request, WDFMEMORY *memory, PSCSI_REQUEST_BLOCK srb) {
    WDF_OBJECT_ATTRIBUTES attributes = {
        .Size = sizeof(attributes),
        .ExecutionLevel = WdfExecutionLevelInheritFromParent,
        .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
        .ParentObject = class->Device,
    };
    NTSTATUS status = WdfRequestCreate(&attributes, class->Target, request);
    if (NT_SUCCESS(status)) {
        status = WdfMemoryCreatePreallocated(&attributes, srb, sizeof(*srb), memory);
    }
    return status;
}

PAGEABLE static NTSTATUS CreateObjects(CLASS_DEVICE *class) {
    WDF_OBJECT_ATTRIBUTES child = {
        .Size = sizeof(child),
        .ExecutionLevel = WdfExecutionLevelInheritFromParent,
        .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
        .ParentObject = class->Device,
    };
    WDF_WORKITEM_CONFIG work = {.Size = sizeof(work), .EvtWorkItemFunc = ClassSerialWork};
    NTSTATUS status = WdfSpinLockCreate(&child, &class->StateLock);
    if (NT_SUCCESS(status)) {
        status = WdfWaitLockCreate(&child, &class->EjectLock);
    }
    if (NT_SUCCESS(status)) {
        status = WdfWaitLockCreate(&child, &class->FlushLock);
    }
    if (NT_SUCCESS(status)) {
        status = WdfWorkItemCreate(&work, &child, &class->SerialWork);
    }
    if (NT_SUCCESS(status)) {
        status = CreateOwnRequest(class, &class->PollRequest, &class->PollMemory, &class->PollSrb);
    }
    if (NT_SUCCESS(status)) {
        status = CreateOwnRequest(class, &class->PowerRequest, &class->PowerMemory, &class->PowerSrb);
    }
    if (NT_SUCCESS(status)) {
        class->NotifyWork = IoAllocateWorkItem(class->Self);
        class->SelfIrp = IoAllocateIrp(class->Self->StackSize, FALSE);
        class->Scratch = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED, SECTOR_SIZE, CLASS_TAG);
        if (class->NotifyWork == NULL || class->SelfIrp == NULL || class->Scratch == NULL) {
            status = STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    return status;
}

/* What the port driver and the installation said about this device. */
PAGEABLE static void ReadDeviceKey(CLASS_DEVICE *class) {
    WDFKEY key;
    DECLARE_CONST_UNICODE_STRING(name, L"TimeOutValue");
    ULONG state, length, seconds;
    class->Timeout = ClassDefaultTimeout;
    if (NT_SUCCESS(WdfDeviceOpenRegistryKey(class->Device, PLUGPLAY_REGKEY_DEVICE, KEY_READ, NULL, &key))) {
        if (NT_SUCCESS(WdfRegistryQueryULong(key, &name, &seconds)) && seconds != 0) {
            class->Timeout = seconds;
        }
        WdfRegistryClose(key);
    }
    if (NT_SUCCESS(WdfDeviceQueryProperty(class->Device, DevicePropertyInstallState, sizeof(state), &state, &length))) {
        Say(DPFLTR_INFO_LEVEL, "class: install state %lu\n", state);
    }
}

PAGEABLE NTSTATUS NTAPI ClassDeviceAdd(WDFDRIVER driver, PWDFDEVICE_INIT init) {
    (void)driver;
    PAGED_CODE();
    PDEVICE_OBJECT pdo = WdfFdoInitWdmGetPhysicalDevice(init);
    Configure(init);
    NTSTATUS status = Preprocess(init);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WDFDEVICE device;
    status = CreateDevice(&init, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    CLASS_DEVICE *class = ClassOf(device);
    class->Device = device;
    class->Pdo = pdo;
    class->Self = WdfDeviceWdmGetDeviceObject(device);
    class->Lower = WdfDeviceWdmGetAttachedDevice(device);
    KeInitializeMutex(&class->ScratchMutex, 0);
    KeInitializeSpinLock(&class->StatisticsLock);
    KeInitializeEvent(&class->PollIdle, NotificationEvent, TRUE);
    KeInitializeEvent(&class->SelfIdle, NotificationEvent, TRUE);

    status = OpenTarget(class);
    if (NT_SUCCESS(status)) {
        ReadDeviceKey(class);
        status = SrbControl(class, SRB_FUNCTION_CLAIM_DEVICE);
        class->Claimed = NT_SUCCESS(status);
    }
    if (NT_SUCCESS(status)) {
        status = CreateQueues(class);
    }
    if (NT_SUCCESS(status)) {
        if (class->Pdo->AlignmentRequirement > class->Self->AlignmentRequirement) {
            WdfDeviceSetAlignmentRequirement(device, class->Pdo->AlignmentRequirement);
        }
        status = CreateObjects(class);
    }
    if (NT_SUCCESS(status)) {
        status = CreateLink(class);
    }
    if (NT_SUCCESS(status)) {
        status = CreateInterface(class);
    }
    if (!NT_SUCCESS(status) && class->Claimed) {
        (void)SrbControl(class, SRB_FUNCTION_RELEASE_DEVICE);
        class->Claimed = FALSE;
    }
    return status;
}
