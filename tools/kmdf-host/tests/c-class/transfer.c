/* Requests that go to the drive without a waiting thread: sent, judged, sent again after a while, in pieces where they are long. */

#include "class.h"

static EVT_WDF_REQUEST_COMPLETION_ROUTINE SrbDone;
static EVT_WDF_REQUEST_CANCEL RetryCanceled;

void ClassComplete(CLASS_REQUEST *request, NTSTATUS status, ULONG_PTR information) {
    PIRP irp = WdfRequestWdmGetIrp(request->Request);
    if (!NT_SUCCESS(status)) {
        if (IoIsErrorUserInduced(status) && irp->Tail.Overlay.Thread != NULL) {
            IoSetHardErrorOrVerifyDevice(irp, request->Class->Self);
        }
        information = 0;
    }
    WdfRequestCompleteWithInformation(request->Request, status, information);
}

static void NTAPI RetryNow(PKDPC dpc, PVOID context, PVOID one, PVOID two) {
    CLASS_REQUEST *request = context;
    WDFREQUEST handle = request->Request;
    (void)dpc;
    (void)one;
    (void)two;
    /* Whoever is told of the cancellation completes. */
    if (WdfRequestUnmarkCancelable(handle) != STATUS_CANCELLED) {
        ClassSend(request);
    }
    WdfObjectDereferenceActual(handle, request, __LINE__, (PCHAR) __FILE__);
}

static void NTAPI RetryCanceled(WDFREQUEST handle) {
    CLASS_REQUEST *request = RequestOf(handle);
    KIRQL irql;
    KeAcquireSpinLock(&request->Class->StatisticsLock, &irql);
    BOOLEAN stopped = KeCancelTimer(&request->RetryTimer);
    KeReleaseSpinLock(&request->Class->StatisticsLock, irql);
    ClassComplete(request, STATUS_CANCELLED, 0);
    if (stopped) {
        WdfObjectDereferenceActual(handle, request, __LINE__, (PCHAR) __FILE__);
    }
}

/* The timer holds the request; cancellation and timer meet under the lock. */
static void RetryLater(CLASS_REQUEST *request) {
    LARGE_INTEGER delay = {.QuadPart = MILLISECONDS(RETRY_DELAY_MS)};
    KIRQL irql;
    KeInitializeTimer(&request->RetryTimer);
    KeInitializeDpc(&request->RetryDpc, RetryNow, request);
    WdfObjectReferenceActual(request->Request, request, __LINE__, (PCHAR) __FILE__);
    KeAcquireSpinLock(&request->Class->StatisticsLock, &irql);
    NTSTATUS status = WdfRequestMarkCancelableEx(request->Request, RetryCanceled);
    if (NT_SUCCESS(status)) {
        KeSetTimer(&request->RetryTimer, delay, &request->RetryDpc);
    }
    KeReleaseSpinLock(&request->Class->StatisticsLock, irql);
    if (!NT_SUCCESS(status)) {
        WDFREQUEST handle = request->Request;
        ClassComplete(request, status, 0);
        WdfObjectDereferenceActual(handle, request, __LINE__, (PCHAR) __FILE__);
    }
}

/* What the caller gets when the drive has done its part. */
static void Succeeded(CLASS_REQUEST *request) {
    ULONG_PTR information = 0;
    if (request->Code == 0) {
        information = request->Srb.DataTransferLength;
    } else if (NT_SUCCESS(WdfRequestGetStatus(request->Request)) || TRUE) {
        PULONG count;
        if (NT_SUCCESS(WdfRequestRetrieveOutputBuffer(request->Request, sizeof(ULONG), (PVOID *)&count, NULL))) {
            *count = request->Class->MediaCount;
            information = sizeof(ULONG);
        }
    }
    ClassComplete(request, STATUS_SUCCESS, information);
}

static void NTAPI SrbDone(WDFREQUEST handle, WDFIOTARGET target, PWDF_REQUEST_COMPLETION_PARAMS params, WDFCONTEXT context) {
    CLASS_REQUEST *request = context;
    BOOLEAN retry;
    (void)handle;
    (void)target;
    NTSTATUS status = SrbJudge(request->Class, &request->Srb, params->IoStatus.Status, &retry);
    if (retry && request->Retries < RETRY_LIMIT && params->IoStatus.Status != STATUS_CANCELLED) {
        request->Retries++;
        RetryLater(request);
    } else if (NT_SUCCESS(status)) {
        Succeeded(request);
    } else {
        ClassComplete(request, status, 0);
    }
}

static void FillTransfer(PSCSI_REQUEST_BLOCK srb, BOOLEAN write, LONGLONG offset, ULONG length) {
    ULONG block = (ULONG)(offset / SECTOR_SIZE), blocks = length / SECTOR_SIZE;
    srb->CdbLength = 10;
    srb->SrbFlags |= write ? SRB_FLAGS_DATA_OUT : SRB_FLAGS_DATA_IN;
    srb->DataTransferLength = length;
    srb->Cdb[0] = write ? SCSIOP_WRITE : SCSIOP_READ;
    srb->Cdb[2] = (UCHAR)(block >> 24);
    srb->Cdb[3] = (UCHAR)(block >> 16);
    srb->Cdb[4] = (UCHAR)(block >> 8);
    srb->Cdb[5] = (UCHAR)block;
    srb->Cdb[7] = (UCHAR)(blocks >> 8);
    srb->Cdb[8] = (UCHAR)blocks;
}

/* The caller's own IRP goes down with an SRB; also from the retry's DPC. */
void ClassSend(CLASS_REQUEST *request) {
    CLASS_DEVICE *class = request->Class;
    PSCSI_REQUEST_BLOCK srb = &request->Srb;
    PIRP irp = WdfRequestWdmGetIrp(request->Request);
    ULONG code = IOCTL_SCSI_EXECUTE_NONE;
    NTSTATUS status = STATUS_SUCCESS;
    if (request->SrbMemory == NULL) {
        WDF_OBJECT_ATTRIBUTES attributes = {
            .Size = sizeof(attributes),
            .ExecutionLevel = WdfExecutionLevelInheritFromParent,
            .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
            .ParentObject = request->Request,
        };
        status = WdfMemoryCreatePreallocated(&attributes, srb, sizeof(*srb), &request->SrbMemory);
    } else {
        WDF_REQUEST_REUSE_PARAMS reuse = {.Size = sizeof(reuse), .Status = STATUS_SUCCESS};
        status = WdfRequestReuse(request->Request, &reuse);
    }
    if (!NT_SUCCESS(status)) {
        ClassComplete(request, status, 0);
        return;
    }
    SrbFill(srb, class, request->Sense, SRB_FUNCTION_EXECUTE_SCSI);
    if (request->Code == 0) {
        FillTransfer(srb, request->Write, request->Start, request->Length);
        srb->DataBuffer = MmGetMdlVirtualAddress(irp->MdlAddress);
        code = request->Write ? IOCTL_SCSI_EXECUTE_OUT : IOCTL_SCSI_EXECUTE_IN;
    } else {
        srb->CdbLength = 6;
    }
    status = WdfIoTargetFormatRequestForInternalIoctlOthers(class->Target, request->Request, code, request->SrbMemory, NULL, NULL,
                                                            NULL, NULL, NULL);
    if (NT_SUCCESS(status)) {
        srb->OriginalRequest = irp;
        IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_SCSI_CLASS;
        WdfRequestSetCompletionRoutine(request->Request, SrbDone, request);
        if (WdfRequestSend(request->Request, class->Target, NULL)) {
            return;
        }
        status = WdfRequestGetStatus(request->Request);
    }
    ClassComplete(request, status, 0);
}

/* One piece of a long transfer: its own IRP, inside a framework request that frees it. */
typedef struct PIECE {
    CLASS_REQUEST *Whole;
    PMDL Mdl;
    SCSI_REQUEST_BLOCK Srb;
    UCHAR Sense[SENSE_LENGTH];
} PIECE;

static const WDF_OBJECT_CONTEXT_TYPE_INFO PieceType = {sizeof(PieceType), (PCHAR) "PIECE", sizeof(PIECE), &PieceType, NULL};

static void PieceFinished(CLASS_REQUEST *whole, NTSTATUS status) {
    if (!NT_SUCCESS(status)) {
        InterlockedCompareExchange(&whole->Failure, status, 0);
    }
    if (InterlockedDecrement(&whole->Outstanding) == 0) {
        ClassComplete(whole, whole->Failure, whole->Length);
    }
}

static void NTAPI PieceDone(WDFREQUEST handle, WDFIOTARGET target, PWDF_REQUEST_COMPLETION_PARAMS params, WDFCONTEXT context) {
    PIECE *piece = context;
    CLASS_REQUEST *whole = piece->Whole;
    BOOLEAN retry;
    (void)target;
    NTSTATUS status = SrbJudge(whole->Class, &piece->Srb, params->IoStatus.Status, &retry);
    if (NT_SUCCESS(status) && piece->Srb.DataTransferLength != MmGetMdlByteCount(piece->Mdl)) {
        status = STATUS_DEVICE_DATA_ERROR;
    }
    WdfRequestWdmGetIrp(handle)->MdlAddress = NULL;
    IoFreeMdl(piece->Mdl);
    WdfObjectDelete(handle);
    PieceFinished(whole, status);
}

static NTSTATUS SendPiece(CLASS_REQUEST *whole, ULONG at, ULONG length) {
    CLASS_DEVICE *class = whole->Class;
    PMDL source = WdfRequestWdmGetIrp(whole->Request)->MdlAddress;
    PCHAR from = (PCHAR)MmGetMdlVirtualAddress(source) + at;
    WDF_OBJECT_ATTRIBUTES attributes = {
        .Size = sizeof(attributes),
        .ExecutionLevel = WdfExecutionLevelInheritFromParent,
        .SynchronizationScope = WdfSynchronizationScopeInheritFromParent,
        .ContextTypeInfo = &PieceType,
    };
    WDFREQUEST handle;
    PIRP irp = IoAllocateIrp(class->Lower->StackSize, FALSE);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NTSTATUS status = WdfRequestCreateFromIrp(&attributes, irp, TRUE, &handle);
    if (!NT_SUCCESS(status)) {
        IoFreeIrp(irp);
        return status;
    }
    PIECE *piece = WdfObjectGetTypedContextWorker(handle, &PieceType);
    WDFMEMORY memory;
    attributes.ContextTypeInfo = NULL;
    attributes.ParentObject = handle;
    piece->Whole = whole;
    piece->Mdl = IoAllocateMdl(from, length, FALSE, FALSE, NULL);
    status = piece->Mdl == NULL ? STATUS_INSUFFICIENT_RESOURCES
                                : WdfMemoryCreatePreallocated(&attributes, &piece->Srb, sizeof(piece->Srb), &memory);
    if (NT_SUCCESS(status)) {
        IoBuildPartialMdl(source, piece->Mdl, from, length);
        SrbFill(&piece->Srb, class, piece->Sense, SRB_FUNCTION_EXECUTE_SCSI);
        FillTransfer(&piece->Srb, whole->Write, whole->Start + at, length);
        piece->Srb.DataBuffer = from;
        status = WdfIoTargetFormatRequestForInternalIoctlOthers(class->Target, handle,
                                                                whole->Write ? IOCTL_SCSI_EXECUTE_OUT : IOCTL_SCSI_EXECUTE_IN,
                                                                memory, NULL, NULL, NULL, NULL, NULL);
    }
    if (NT_SUCCESS(status)) {
        irp->MdlAddress = piece->Mdl;
        piece->Srb.OriginalRequest = irp;
        IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_SCSI_CLASS;
        WdfRequestSetCompletionRoutine(handle, PieceDone, piece);
        if (WdfRequestSend(handle, class->Target, NULL)) {
            return STATUS_SUCCESS;
        }
        status = WdfRequestGetStatus(handle);
        irp->MdlAddress = NULL;
    }
    if (piece->Mdl != NULL) {
        IoFreeMdl(piece->Mdl);
    }
    WdfObjectDelete(handle);
    return status;
}

void ClassTransfer(CLASS_REQUEST *request) {
    CLASS_DEVICE *class = request->Class;
    ULONG limit = MIN_OF(class->MaxTransfer, (class->MaxPages - 1) * PAGE_SIZE) & ~(ULONG)(SECTOR_SIZE - 1);
    LONGLONG end = ((LONGLONG)class->LastBlock + 1) * SECTOR_SIZE;
    if (request->Start % SECTOR_SIZE != 0 || request->Length % SECTOR_SIZE != 0 || request->Start < 0 ||
        request->Start + request->Length > end) {
        ClassComplete(request, STATUS_INVALID_PARAMETER, 0);
    } else if (request->Length == 0) {
        ClassComplete(request, STATUS_SUCCESS, 0);
    } else if (request->Length <= limit) {
        ClassSend(request);
    } else {
        request->Outstanding = 1;
        for (ULONG at = 0; at < request->Length && request->Failure == 0; at += limit) {
            InterlockedIncrement(&request->Outstanding);
            NTSTATUS status = SendPiece(request, at, MIN_OF(limit, request->Length - at));
            if (!NT_SUCCESS(status)) {
                PieceFinished(request, status);
            }
        }
        PieceFinished(request, STATUS_SUCCESS);
    }
}
