/* Start, removal, power, and the IRPs that the framework is asked to hand over. */

#include "class.h"

static EVT_WDF_REQUEST_COMPLETION_ROUTINE PowerDone;

/* The one power request: the stack may not be able to allocate when the system goes to sleep. */
static NTSTATUS PowerSrb(CLASS_DEVICE *class, UCHAR function, ULONG flags, const UCHAR *cdb) {
    WDF_REQUEST_REUSE_PARAMS reuse = {.Size = sizeof(reuse), .Status = STATUS_NOT_SUPPORTED};
    WDF_REQUEST_SEND_OPTIONS options = {
        .Size = sizeof(options),
        .Flags = WDF_REQUEST_SEND_OPTION_SYNCHRONOUS | WDF_REQUEST_SEND_OPTION_TIMEOUT,
        .Timeout = MILLISECONDS(60000),
    };
    BOOLEAN retry;
    NTSTATUS status = WdfRequestReuse(class->PowerRequest, &reuse);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    SrbFill(&class->PowerSrb, class, class->PowerSense, function);
    class->PowerSrb.SrbFlags |= flags;
    if (cdb != NULL) {
        class->PowerSrb.CdbLength = 6;
        RtlCopyMemory(class->PowerSrb.Cdb, cdb, 6);
    }
    status = WdfIoTargetFormatRequestForInternalIoctlOthers(class->Target, class->PowerRequest, IOCTL_SCSI_EXECUTE_NONE,
                                                            class->PowerMemory, NULL, NULL, NULL, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    PIRP irp = WdfRequestWdmGetIrp(class->PowerRequest);
    class->PowerSrb.OriginalRequest = irp;
    IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_SCSI_CLASS;
    WdfRequestSetCompletionRoutine(class->PowerRequest, PowerDone, class);
    (void)WdfRequestSend(class->PowerRequest, class->Target, &options);
    return SrbJudge(class, &class->PowerSrb, WdfRequestGetStatus(class->PowerRequest), &retry);
}

static void NTAPI PowerDone(WDFREQUEST request, WDFIOTARGET target, PWDF_REQUEST_COMPLETION_PARAMS params, WDFCONTEXT context) {
    (void)request;
    (void)target;
    (void)context;
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_TRACE_LEVEL, "class: power request: %08lx\n", params->IoStatus.Status);
}

NTSTATUS NTAPI ClassD0Entry(WDFDEVICE device, WDF_POWER_DEVICE_STATE previous) {
    CLASS_DEVICE *class = ClassOf(device);
    if (previous != WdfPowerDeviceD3Final) {
        const UCHAR start[6] = {SCSIOP_START_STOP_UNIT, 0, 0, 0, 1};
        (void)PowerSrb(class, SRB_FUNCTION_EXECUTE_SCSI, SRB_FLAGS_D3_PROCESSING, start);
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ClassD0Exit(WDFDEVICE device, WDF_POWER_DEVICE_STATE target) {
    CLASS_DEVICE *class = ClassOf(device);
    if (target != WdfPowerDeviceD3Final) {
        const UCHAR stop[6] = {SCSIOP_START_STOP_UNIT};
        ULONG bypass = SRB_FLAGS_BYPASS_LOCKED_QUEUE | SRB_FLAGS_D3_PROCESSING;
        NTSTATUS locked = PowerSrb(class, SRB_FUNCTION_LOCK_QUEUE, SRB_FLAGS_BYPASS_LOCKED_QUEUE, NULL);
        (void)PowerSrb(class, SRB_FUNCTION_EXECUTE_SCSI, bypass, stop);
        if (NT_SUCCESS(locked)) {
            (void)PowerSrb(class, SRB_FUNCTION_UNLOCK_QUEUE, SRB_FLAGS_BYPASS_LOCKED_QUEUE, NULL);
        }
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ClassIoInit(WDFDEVICE device) {
    CLASS_DEVICE *class = ClassOf(device);
    NTSTATUS status = MediaInit(class);
    if (NT_SUCCESS(status)) {
        IoGetConfigurationInformation()->CdRomCount++;
        class->Counted = TRUE;
    }
    return status;
}

void NTAPI ClassSurpriseRemoval(WDFDEVICE device) {
    CLASS_DEVICE *class = ClassOf(device);
    WdfIoQueuePurge(class->Parked, NULL, NULL);
    class->Claimed = FALSE;
}

void NTAPI ClassIoCleanup(WDFDEVICE device) {
    CLASS_DEVICE *class = ClassOf(device);
    MediaStop(class);
    if (class->Claimed) {
        (void)SrbControl(class, SRB_FUNCTION_RELEASE_DEVICE);
        class->Claimed = FALSE;
    }
    WdfIoTargetClose(class->Target);
}

NTSTATUS NTAPI ClassPowerIrp(WDFDEVICE device, PIRP irp) {
    PIO_STACK_LOCATION current = IoGetCurrentIrpStackLocation(irp);
    Say(DPFLTR_TRACE_LEVEL, "class: power state %u of type %u\n", current->Parameters.Power.State.SystemState,
        current->Parameters.Power.Type);
    IoSkipCurrentIrpStackLocation(irp);
    return WdfDeviceWdmDispatchPreprocessedIrp(device, irp);
}

typedef struct FLUSH_WORK {
    CLASS_DEVICE *Class;
    PIRP Irp;
    PIO_WORKITEM Item;
} FLUSH_WORK;

/* The drive's cache, then the adapter's, with the queue at rest. */
static void NTAPI FlushWork(PDEVICE_OBJECT device, PVOID context) {
    const UCHAR synchronize[10] = {SCSIOP_SYNCHRONIZE_CACHE};
    FLUSH_WORK *work = context;
    CLASS_DEVICE *class = work->Class;
    PIRP irp = work->Irp;
    ULONG nothing = 0;
    (void)device;
    (void)WdfWaitLockAcquire(class->FlushLock, NULL);
    WdfIoQueueStopSynchronously(class->Serial);
    NTSTATUS status = SrbExecute(class, synchronize, 10, NULL, &nothing, FALSE);
    if (status == STATUS_INVALID_DEVICE_REQUEST) {
        status = STATUS_SUCCESS;
    }
    if (NT_SUCCESS(status)) {
        status = SrbControl(class, SRB_FUNCTION_FLUSH);
    }
    WdfIoQueueStart(class->Serial);
    WdfWaitLockRelease(class->FlushLock);
    IoFreeWorkItem(work->Item);
    ExFreePool(work);
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_CD_ROM_INCREMENT);
}

NTSTATUS NTAPI ClassFlush(WDFDEVICE device, PIRP irp) {
    CLASS_DEVICE *class = ClassOf(device);
    FLUSH_WORK *work = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*work), CLASS_TAG);
    if (work != NULL) {
        work->Item = IoAllocateWorkItem(class->Self);
    }
    if (work == NULL || work->Item == NULL) {
        if (work != NULL) {
            ExFreePool(work);
        }
        irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
        irp->IoStatus.Information = 0;
        IoCompleteRequest(irp, IO_NO_INCREMENT);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    work->Class = class;
    work->Irp = irp;
    IoMarkIrpPending(irp);
    IoQueueWorkItem(work->Item, FlushWork, DelayedWorkQueue, work);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI ShutdownDone(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
    (void)device;
    (void)irp;
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* The shutdown's own IRP carries the SRB down. */
NTSTATUS NTAPI ClassShutdown(WDFDEVICE device, PIRP irp) {
    CLASS_DEVICE *class = ClassOf(device);
    SCSI_REQUEST_BLOCK srb;
    KEVENT done;
    SrbFill(&srb, class, NULL, SRB_FUNCTION_SHUTDOWN);
    srb.OriginalRequest = irp;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(irp);
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
    next->MajorFunction = IRP_MJ_SCSI;
    next->Parameters.Scsi.Srb = &srb;
    IoSetCompletionRoutine(irp, ShutdownDone, &done, TRUE, TRUE, TRUE);
    if (IoCallDriver(class->Lower, irp) == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    }
    NTSTATUS status = irp->IoStatus.Status;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}
