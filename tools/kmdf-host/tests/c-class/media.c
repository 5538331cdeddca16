/* What the driver knows about its drive and medium: found at start, kept by polling. */

#include "class.h"

static EVT_WDF_TIMER PollTick;

/* The adapter's limits: one property by the framework's synchronous control, the address by an IRP of the I/O manager. */
PAGEABLE static NTSTATUS AdapterLimits(CLASS_DEVICE *class) {
    STORAGE_PROPERTY_QUERY query = {.PropertyId = StorageAdapterProperty, .QueryType = PropertyStandardQuery};
    STORAGE_ADAPTER_DESCRIPTOR adapter;
    WDF_MEMORY_DESCRIPTOR input = {.Type = WdfMemoryDescriptorTypeBuffer}, output = {.Type = WdfMemoryDescriptorTypeBuffer};
    ULONG_PTR returned = 0;
    RtlZeroMemory(&adapter, sizeof(adapter));
    input.u.BufferType.Buffer = &query;
    input.u.BufferType.Length = sizeof(query);
    output.u.BufferType.Buffer = &adapter;
    output.u.BufferType.Length = sizeof(adapter);
    NTSTATUS status = WdfIoTargetSendIoctlSynchronously(class->Target, NULL, IOCTL_STORAGE_QUERY_PROPERTY, &input, &output, NULL,
                                                        &returned);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    class->MaxTransfer = adapter.MaximumTransferLength == 0 ? 65536 : adapter.MaximumTransferLength;
    class->MaxPages = adapter.MaximumPhysicalPages < 2 ? 17 : adapter.MaximumPhysicalPages;

    KEVENT done;
    IO_STATUS_BLOCK answer = {0};
    SCSI_ADDRESS address;
    PDEVICE_OBJECT top = IoGetAttachedDeviceReference(class->Pdo);
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    PIRP irp = IoBuildDeviceIoControlRequest(IOCTL_SCSI_GET_ADDRESS, class->Lower, NULL, 0, &address, sizeof(address), FALSE,
                                             &done, &answer);
    if (irp == NULL) {
        ObDereferenceObject(top);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = IoCallDriver(class->Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        status = answer.Status;
    }
    ObDereferenceObject(top);
    if (NT_SUCCESS(status)) {
        Say(DPFLTR_INFO_LEVEL, "class: at %u.%u.%u\n", address.PathId, address.TargetId, address.Lun);
    }
    return STATUS_SUCCESS;
}

/* The vendor's name, widened by each of the kernel's ways, which have to agree. */
PAGEABLE static NTSTATUS Inquiry(CLASS_DEVICE *class) {
    const UCHAR cdb[6] = {SCSIOP_INQUIRY, 0, 0, 0, 36};
    ULONG length = 36, wide, used;
    NTSTATUS status = SrbExecute(class, cdb, 6, class->Scratch, &length, FALSE);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (length < 16) {
        return STATUS_DEVICE_DATA_ERROR;
    }
    PCHAR vendor = (PCHAR)class->Scratch + 8;
    status = RtlMultiByteToUnicodeSize(&wide, vendor, 8);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    PWCHAR text = ExAllocatePoolWithTag(NonPagedPoolNx, wide + sizeof(WCHAR), CLASS_TAG);
    if (text == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = RtlMultiByteToUnicodeN(text, wide, &used, vendor, 8);
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(text, CLASS_TAG);
        return status;
    }
    text[used / sizeof(WCHAR)] = 0;
    PUCHAR cursor = (PUCHAR)vendor;
    WCHAR first = RtlAnsiCharToUnicodeChar(&cursor);
    if (first != text[0] || cursor != (PUCHAR)vendor + 1) {
        RtlAssert("first == text[0]", __FILE__, __LINE__, "the conversions differ");
    }
    if (class->Vendor.Buffer != NULL) {
        ExFreePoolWithTag(class->Vendor.Buffer, CLASS_TAG);
    }
    RtlInitUnicodeString(&class->Vendor, text);
    if (RtlCompareMemory(vendor, "        ", 8) == 8) {
        Say(DPFLTR_WARNING_LEVEL, "class: a nameless drive\n");
    }
    if ((class->Scratch[1] & 0x80) == 0) {
        WdfDeviceSetCharacteristics(class->Device, WdfDeviceGetCharacteristics(class->Device) | FILE_READ_ONLY_DEVICE);
    }
    return STATUS_SUCCESS;
}

/* READ CAPACITY into a buffer that start and requests share. */
NTSTATUS MediaCapacity(CLASS_DEVICE *class) {
    const UCHAR cdb[10] = {SCSIOP_READ_CAPACITY};
    ULONG length = 8;
    KeWaitForSingleObject(&class->ScratchMutex, Executive, KernelMode, FALSE, NULL);
    NTSTATUS status = SrbExecute(class, cdb, 10, class->Scratch, &length, FALSE);
    const UCHAR *data = class->Scratch;
    if (NT_SUCCESS(status) && length >= 8) {
        class->LastBlock = (ULONG)data[0] << 24 | (ULONG)data[1] << 16 | (ULONG)data[2] << 8 | data[3];
        class->BlockSize = (ULONG)data[4] << 24 | (ULONG)data[5] << 16 | (ULONG)data[6] << 8 | data[7];
        if (class->BlockSize == 0 || (class->BlockSize & (class->BlockSize - 1)) != 0) {
            class->BlockSize = SECTOR_SIZE;
        }
    } else if (NT_SUCCESS(status)) {
        status = STATUS_DEVICE_DATA_ERROR;
    }
    KeReleaseMutex(&class->ScratchMutex, FALSE);
    return status;
}

/* Mode sense with a data buffer whose pages the driver locks itself. */
PAGEABLE static NTSTATUS Capabilities(CLASS_DEVICE *class) {
    SCSI_REQUEST_BLOCK srb;
    KEVENT done;
    IO_STATUS_BLOCK answer;
    NTSTATUS status;
    LARGE_INTEGER offset = {0};
    PUCHAR block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 64 + SENSE_LENGTH, CLASS_TAG);
    if (block == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    SrbFill(&srb, class, block + 64, SRB_FUNCTION_EXECUTE_SCSI);
    srb.CdbLength = 10;
    srb.Cdb[0] = SCSIOP_MODE_SENSE10;
    srb.Cdb[2] = 0x2a;
    srb.Cdb[8] = 64;
    srb.SrbFlags |= SRB_FLAGS_DATA_IN;
    srb.DataTransferLength = 64;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    /* Built as a read, sent as an SRB: the lower device's buffering decides whether an MDL is there already. */
    PIRP irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, class->Lower, block, 64, &offset, &done, &answer);
    if (irp == NULL) {
        ExFreePool(block);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (irp->MdlAddress == NULL) {
        PMDL mdl = IoAllocateMdl(block, 64, FALSE, FALSE, irp);
        if (mdl == NULL) {
            /* There is no way to give back an IRP of the I/O manager but to complete it. */
            irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
            IoSetNextIrpStackLocation(irp);
            IoCompleteRequest(irp, IO_NO_INCREMENT);
            ExFreePool(block);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        status = LockFor(mdl, KernelMode, IoWriteAccess);
        if (!NT_SUCCESS(status)) {
            RtlAssert("NT_SUCCESS(status)", __FILE__, __LINE__, "the driver's own memory cannot be locked");
        }
    }
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
    next->MajorFunction = IRP_MJ_SCSI;
    next->MinorFunction = IRP_MN_SCSI_CLASS;
    next->Parameters.Scsi.Srb = &srb;
    srb.OriginalRequest = irp;
    srb.DataBuffer = MmGetMdlVirtualAddress(irp->MdlAddress);
    status = IoCallDriver(class->Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        status = answer.Status;
    }
    BOOLEAN retry;
    status = SrbJudge(class, &srb, status, &retry);
    if (NT_SUCCESS(status)) {
        Say(DPFLTR_INFO_LEVEL, "class: %lu bytes of capabilities\n", srb.DataTransferLength);
    }
    ExFreePool(block);
    return status;
}

/* Memory of the system is no program's to lock. */
static NTSTATUS RefusesSystemMemory(CLASS_DEVICE *class) {
    PMDL mdl = IoAllocateMdl(class->Scratch, SECTOR_SIZE, FALSE, FALSE, NULL);
    if (mdl == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NTSTATUS status = LockFor(mdl, UserMode, IoWriteAccess);
    if (NT_SUCCESS(status)) {
        MmUnlockPages(mdl);
    }
    IoFreeMdl(mdl);
    return status == STATUS_ACCESS_VIOLATION ? STATUS_SUCCESS : STATUS_INTERNAL_ERROR;
}

PAGEABLE NTSTATUS MediaInit(CLASS_DEVICE *class) {
    UCHAR aoac = 0;
    NTSTATUS status = AdapterLimits(class);
    if (NT_SUCCESS(status)) {
        status = RefusesSystemMemory(class);
    }
    if (NT_SUCCESS(status)) {
        status = Inquiry(class);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    (void)Capabilities(class);
    (void)MediaCapacity(class);
    class->AoAc = NT_SUCCESS(ZwPowerInformation(PlatformInformation, NULL, 0, &aoac, sizeof(aoac))) && aoac;

    WDF_TIMER_CONFIG timer = {
        .Size = sizeof(timer), .EvtTimerFunc = PollTick, .Period = POLL_INTERVAL_MS, .AutomaticSerialization = FALSE};
    WDF_OBJECT_ATTRIBUTES child = {
        .Size = sizeof(child),
        .ExecutionLevel = WdfExecutionLevelDispatch,
        .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
        .ParentObject = class->Device,
    };
    status = WdfTimerCreate(&timer, &child, &class->PollTimer);
    if (NT_SUCCESS(status)) {
        (void)WdfTimerStart(class->PollTimer, MILLISECONDS(POLL_INTERVAL_MS));
    }
    return status;
}

void MediaStop(CLASS_DEVICE *class) {
    if (class->PollTimer != NULL) {
        (void)WdfTimerStop(class->PollTimer, TRUE);
    }
    KeWaitForSingleObject(&class->PollIdle, Executive, KernelMode, FALSE, NULL);
    KeFlushQueuedDpcs();
    /* The notification's work item holds the device until it has run. */
    while (InterlockedCompareExchange(&class->NotifyQueued, 0, 0) != 0) {
        LARGE_INTEGER delay = {.QuadPart = MILLISECONDS(10)};
        KeDelayExecutionThread(KernelMode, FALSE, &delay);
    }
    KeWaitForSingleObject(&class->SelfIdle, Executive, KernelMode, FALSE, NULL);
}

static void NTAPI PollDone(WDFREQUEST request, WDFIOTARGET target, PWDF_REQUEST_COMPLETION_PARAMS params, WDFCONTEXT context) {
    CLASS_DEVICE *class = context;
    BOOLEAN retry;
    if (ClassOf(WdfIoTargetGetDevice(target)) != class || request != class->PollRequest) {
        RtlAssert("target", __FILE__, __LINE__, "a completion of somebody else's request");
    }
    if (NT_SUCCESS(SrbJudge(class, &class->PollSrb, params->IoStatus.Status, &retry))) {
        MediaChanged(class, TRUE);
    }
    KeSetEvent(&class->PollIdle, IO_NO_INCREMENT, FALSE);
}

/* At DISPATCH_LEVEL: one request, made at device add, is sent again and again. */
static void NTAPI PollTick(WDFTIMER timer) {
    CLASS_DEVICE *class = ClassOf(WdfTimerGetParentObject(timer));
    if (KeReadStateEvent(&class->PollIdle) == 0) {
        return;
    }
    KeClearEvent(&class->PollIdle);
    WDF_REQUEST_REUSE_PARAMS reuse = {.Size = sizeof(reuse), .Status = STATUS_NOT_SUPPORTED};
    NTSTATUS status = WdfRequestReuse(class->PollRequest, &reuse);
    if (NT_SUCCESS(status)) {
        SrbFill(&class->PollSrb, class, class->PollSense, SRB_FUNCTION_EXECUTE_SCSI);
        class->PollSrb.CdbLength = 6;
        class->PollSrb.SrbFlags |= SRB_FLAGS_NO_DATA_TRANSFER;
        status = WdfIoTargetFormatRequestForInternalIoctlOthers(class->Target, class->PollRequest, IOCTL_SCSI_EXECUTE_NONE,
                                                                class->PollMemory, NULL, NULL, NULL, NULL, NULL);
    }
    if (NT_SUCCESS(status)) {
        PIRP irp = WdfRequestWdmGetIrp(class->PollRequest);
        class->PollSrb.OriginalRequest = irp;
        IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_SCSI_CLASS;
        WdfRequestSetCompletionRoutine(class->PollRequest, PollDone, class);
        if (WdfRequestSend(class->PollRequest, class->Target, NULL)) {
            return;
        }
        status = WdfRequestGetStatus(class->PollRequest);
    }
    Say(DPFLTR_WARNING_LEVEL, "class: no poll: %08lx\n", status);
    KeSetEvent(&class->PollIdle, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS NTAPI SelfDone(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
    CLASS_DEVICE *class = context;
    (void)device;
    (void)irp;
    KeSetEvent(&class->SelfIdle, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* A request of nobody's: no thread, no file object, the kernel as requestor. Sent and left alone. */
static void AskSelf(CLASS_DEVICE *class) {
    if (KeReadStateEvent(&class->SelfIdle) == 0) {
        return;
    }
    KeClearEvent(&class->SelfIdle);
    IoReuseIrp(class->SelfIrp, STATUS_NOT_SUPPORTED);
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(class->SelfIrp);
    next->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    next->Parameters.DeviceIoControl.IoControlCode = IOCTL_STORAGE_CHECK_VERIFY;
    IoSetCompletionRoutine(class->SelfIrp, SelfDone, class, TRUE, TRUE, TRUE);
    (void)IoCallDriver(class->Self, class->SelfIrp);
}

static void NTAPI Notify(PDEVICE_OBJECT device, PVOID context) {
    static const GUID arrival = {0xd07433c0, 0xa98e, 0x11d2, {0x91, 0x7a, 0x00, 0xa0, 0xc9, 0x06, 0x8f, 0xf3}};
    static const GUID removal = {0xd07433c1, 0xa98e, 0x11d2, {0x91, 0x7a, 0x00, 0xa0, 0xc9, 0x06, 0x8f, 0xf3}};
    CLASS_DEVICE *class = context;
    ULONG data[2] = {class->MediaCount, class->MediaPresent ? 1 : 2};
    UCHAR buffer[sizeof(TARGET_DEVICE_CUSTOM_NOTIFICATION) + sizeof(data)];
    PTARGET_DEVICE_CUSTOM_NOTIFICATION notification = (PTARGET_DEVICE_CUSTOM_NOTIFICATION)buffer;
    (void)device;
    RtlZeroMemory(buffer, sizeof(buffer));
    notification->Version = 1;
    notification->Size = (USHORT)(FIELD_OFFSET(TARGET_DEVICE_CUSTOM_NOTIFICATION, CustomDataBuffer) + sizeof(data));
    notification->Event = class->MediaPresent ? arrival : removal;
    notification->NameBufferOffset = -1;
    RtlCopyMemory(notification->CustomDataBuffer, data, sizeof(data));
    (void)IoReportTargetDeviceChangeAsynchronous(class->Pdo, notification, NULL, NULL);
    AskSelf(class);
    InterlockedExchange(&class->NotifyQueued, 0);
}

/* May be called at DISPATCH_LEVEL. */
void MediaChanged(CLASS_DEVICE *class, BOOLEAN present) {
    BOOLEAN changed;
    if (class->StateLock == NULL) {
        return;
    }
    WdfSpinLockAcquire(class->StateLock);
    changed = class->MediaPresent != present;
    class->MediaPresent = present;
    if (changed) {
        class->MediaCount++;
        if (class->Self->Vpb != NULL && (class->Self->Vpb->Flags & VPB_MOUNTED)) {
            class->Self->Flags |= DO_VERIFY_VOLUME;
        }
    }
    WdfSpinLockRelease(class->StateLock);
    if (changed && class->NotifyWork != NULL && InterlockedExchange(&class->NotifyQueued, 1) == 0) {
        IoQueueWorkItem(class->NotifyWork, Notify, DelayedWorkQueue, class);
    }
}
