/* SCSI request blocks that the driver sends for itself: each way a class driver has of sending one is used somewhere. */

#include "class.h"

void SrbFill(PSCSI_REQUEST_BLOCK srb, CLASS_DEVICE *class, PUCHAR sense, UCHAR function) {
    RtlZeroMemory(srb, sizeof(*srb));
    srb->Length = sizeof(*srb);
    srb->Function = function;
    srb->TimeOutValue = class->Timeout;
    srb->SrbFlags = SRB_CLASS_FLAGS;
    if (sense != NULL) {
        RtlZeroMemory(sense, SENSE_LENGTH);
        srb->SenseInfoBuffer = sense;
        srb->SenseInfoBufferLength = SENSE_LENGTH;
    }
}

/* Claim and release: the framework's synchronous internal control, with the SRB's address as first argument. */
NTSTATUS SrbControl(CLASS_DEVICE *class, UCHAR function) {
    SCSI_REQUEST_BLOCK srb;
    WDF_MEMORY_DESCRIPTOR argument = {.Type = WdfMemoryDescriptorTypeBuffer};
    SrbFill(&srb, class, NULL, function);
    argument.u.BufferType.Buffer = &srb;
    argument.u.BufferType.Length = sizeof(srb);
    return WdfIoTargetSendInternalIoctlOthersSynchronously(class->Target, NULL, IOCTL_SCSI_EXECUTE_NONE, &argument, NULL, NULL,
                                                           NULL, NULL);
}

static NTSTATUS NTAPI Finished(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
    (void)device;
    (void)irp;
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* An IRP from IoAllocateIrp, used again with IoReuseIrp as long as the drive asks for a retry. */
NTSTATUS SrbExecuteOnce(CLASS_DEVICE *class, PSCSI_REQUEST_BLOCK srb, PVOID data, ULONG length) {
    KEVENT done;
    PMDL mdl = NULL;
    NTSTATUS status;
    PIRP irp = IoAllocateIrp(class->Lower->StackSize, FALSE);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (length != 0) {
        mdl = IoAllocateMdl(data, length, FALSE, FALSE, NULL);
        if (mdl == NULL) {
            IoFreeIrp(irp);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        MmBuildMdlForNonPagedPool(mdl);
    }
    for (ULONG attempt = 0;; attempt++) {
        BOOLEAN retry = FALSE;
        PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
        KeInitializeEvent(&done, NotificationEvent, FALSE);
        srb->OriginalRequest = irp;
        srb->DataBuffer = mdl == NULL ? NULL : MmGetMdlVirtualAddress(mdl);
        srb->DataTransferLength = length;
        srb->SrbStatus = srb->ScsiStatus = 0;
        irp->MdlAddress = mdl;
        next->MajorFunction = IRP_MJ_SCSI;
        next->MinorFunction = IRP_MN_SCSI_CLASS;
        next->Parameters.DeviceIoControl.IoControlCode =
            mdl == NULL                           ? IOCTL_SCSI_EXECUTE_NONE
            : (srb->SrbFlags & SRB_FLAGS_DATA_IN) ? IOCTL_SCSI_EXECUTE_IN
                                                  : IOCTL_SCSI_EXECUTE_OUT;
        next->Parameters.Scsi.Srb = srb;
        IoSetCompletionRoutine(irp, Finished, &done, TRUE, TRUE, TRUE);
        if (IoCallDriver(class->Lower, irp) == STATUS_PENDING) {
            KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        }
        status = SrbJudge(class, srb, irp->IoStatus.Status, &retry);
        if (!retry || attempt == RETRY_LIMIT) {
            break;
        }
        LARGE_INTEGER delay = {.QuadPart = MILLISECONDS(RETRY_DELAY_MS)};
        KeDelayExecutionThread(KernelMode, FALSE, &delay);
        IoReuseIrp(irp, STATUS_SUCCESS);
    }
    if (mdl != NULL) {
        irp->MdlAddress = NULL;
        IoFreeMdl(mdl);
    }
    IoFreeIrp(irp);
    return status;
}

NTSTATUS SrbExecute(CLASS_DEVICE *class, const UCHAR *cdb, UCHAR cdbLength, PVOID data, ULONG *length, BOOLEAN write) {
    SCSI_REQUEST_BLOCK srb;
    PUCHAR sense = ExAllocatePool2(POOL_FLAG_NON_PAGED, SENSE_LENGTH, CLASS_TAG);
    if (sense == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    SrbFill(&srb, class, sense, SRB_FUNCTION_EXECUTE_SCSI);
    srb.CdbLength = cdbLength;
    RtlCopyMemory(srb.Cdb, cdb, cdbLength);
    srb.SrbFlags |= *length == 0 ? SRB_FLAGS_NO_DATA_TRANSFER : write ? SRB_FLAGS_DATA_OUT : SRB_FLAGS_DATA_IN;
    NTSTATUS status = SrbExecuteOnce(class, &srb, data, *length);
    *length = srb.DataTransferLength;
    ExFreePool(sense);
    return status;
}

/* A command without data inside an IRP that the I/O manager builds and frees. */
NTSTATUS SrbExecuteNoData(CLASS_DEVICE *class, const UCHAR *cdb, UCHAR cdbLength, ULONG minor) {
    KEVENT done;
    IO_STATUS_BLOCK answer;
    SCSI_REQUEST_BLOCK srb;
    BOOLEAN retry = FALSE;
    PUCHAR sense = ExAllocatePool2(POOL_FLAG_NON_PAGED, SENSE_LENGTH, CLASS_TAG);
    if (sense == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    SrbFill(&srb, class, sense, SRB_FUNCTION_EXECUTE_SCSI);
    srb.CdbLength = cdbLength;
    RtlCopyMemory(srb.Cdb, cdb, cdbLength);
    KeInitializeEvent(&done, SynchronizationEvent, FALSE);
    PIRP irp = IoBuildDeviceIoControlRequest(IOCTL_SCSI_EXECUTE_NONE, class->Lower, NULL, 0, NULL, 0, TRUE, &done, &answer);
    if (irp == NULL) {
        ExFreePool(sense);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
    next->MinorFunction = (UCHAR)minor;
    next->Parameters.Scsi.Srb = &srb;
    srb.OriginalRequest = irp;
    NTSTATUS status = IoCallDriver(class->Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        status = answer.Status;
    }
    status = SrbJudge(class, &srb, status, &retry);
    ExFreePool(sense);
    return retry && status == STATUS_SUCCESS ? STATUS_IO_DEVICE_ERROR : status;
}

/* What an SRB's end means, and whether to try it again. */
NTSTATUS SrbJudge(CLASS_DEVICE *class, PSCSI_REQUEST_BLOCK srb, NTSTATUS port, BOOLEAN *retry) {
    NTSTATUS status = port;
    *retry = FALSE;
    if (SRB_STATUS(srb->SrbStatus) == SRB_STATUS_SUCCESS) {
        return STATUS_SUCCESS;
    }
    /* An under-run: the drive had less to say. */
    if (SRB_STATUS(srb->SrbStatus) == SRB_STATUS_DATA_OVERRUN && port == STATUS_BUFFER_OVERFLOW) {
        return STATUS_SUCCESS;
    }
    if (srb->SrbStatus == 0) {
        /* The port refused the IRP before it looked at the SRB. */
        return NT_SUCCESS(port) ? STATUS_IO_DEVICE_ERROR : port;
    }
    if (SRB_STATUS(srb->SrbStatus) == SRB_STATUS_SUCCESS || SRB_STATUS(srb->SrbStatus) == SRB_STATUS_PENDING) {
        return STATUS_IO_DEVICE_ERROR;
    }
    if ((srb->SrbStatus & SRB_STATUS_AUTOSENSE_VALID) && srb->SenseInfoBuffer != NULL) {
        const UCHAR *sense = srb->SenseInfoBuffer;
        UCHAR key = sense[2] & 0x0f, code = sense[12], qualifier = sense[13];
        switch (key) {
        case SCSI_SENSE_NO_SENSE:
        case SCSI_SENSE_RECOVERED_ERROR:
            return STATUS_SUCCESS;
        case SCSI_SENSE_NOT_READY:
            status = STATUS_DEVICE_NOT_READY;
            if (code == SCSI_ADSENSE_NO_MEDIA_IN_DEVICE) {
                status = STATUS_NO_MEDIA_IN_DEVICE;
                MediaChanged(class, FALSE);
            } else if (code == SCSI_ADSENSE_LUN_NOT_READY && qualifier == SCSI_SENSEQ_BECOMING_READY) {
                *retry = TRUE;
            }
            break;
        case SCSI_SENSE_UNIT_ATTENTION:
            status = STATUS_VERIFY_REQUIRED;
            if (code == SCSI_ADSENSE_MEDIUM_CHANGED) {
                MediaChanged(class, TRUE);
            }
            *retry = TRUE;
            break;
        case SCSI_SENSE_ILLEGAL_REQUEST:
            status = STATUS_INVALID_DEVICE_REQUEST;
            break;
        case SCSI_SENSE_DATA_PROTECT:
            status = STATUS_MEDIA_WRITE_PROTECTED;
            break;
        case SCSI_SENSE_MEDIUM_ERROR:
            status = STATUS_DEVICE_DATA_ERROR;
            break;
        default:
            status = STATUS_IO_DEVICE_ERROR;
            *retry = TRUE;
        }
    } else {
        switch (SRB_STATUS(srb->SrbStatus)) {
        case SRB_STATUS_BUSY:
        case SRB_STATUS_BUS_RESET:
        case SRB_STATUS_PARITY_ERROR:
            *retry = TRUE;
            status = STATUS_IO_DEVICE_ERROR;
            break;
        case SRB_STATUS_TIMEOUT:
        case SRB_STATUS_COMMAND_TIMEOUT:
            status = STATUS_IO_TIMEOUT;
            break;
        case SRB_STATUS_NO_DEVICE:
        case SRB_STATUS_SELECTION_TIMEOUT:
            status = STATUS_NO_SUCH_DEVICE;
            break;
        default:
            status = NT_SUCCESS(port) ? STATUS_IO_DEVICE_ERROR : port;
        }
    }
    KIRQL irql;
    KeAcquireSpinLock(&class->StatisticsLock, &irql);
    class->Errors++;
    KeQueryTickCount(&class->LastError);
    KeReleaseSpinLock(&class->StatisticsLock, irql);
    if (!*retry) {
        ClassLogError(class, srb, status);
    }
    return status;
}

void ClassLogError(CLASS_DEVICE *class, PSCSI_REQUEST_BLOCK srb, NTSTATUS status) {
    UCHAR size = (UCHAR)(sizeof(IO_ERROR_LOG_PACKET) + 3 * sizeof(ULONG));
    PIO_ERROR_LOG_PACKET packet = IoAllocateErrorLogEntry(class->Self, size);
    if (packet == NULL) {
        return;
    }
    packet->ErrorCode = IO_ERR_CONTROLLER_ERROR;
    packet->FinalStatus = status;
    packet->MajorFunctionCode = IRP_MJ_SCSI;
    packet->UniqueErrorValue = class->Errors;
    packet->DumpDataSize = 4 * sizeof(ULONG);
    packet->DumpData[0] = srb->SrbStatus;
    packet->DumpData[1] = srb->ScsiStatus;
    packet->DumpData[2] = srb->Cdb[0];
    packet->DumpData[3] = (ULONG)(class->LastError.QuadPart * KeQueryTimeIncrement() / 10000);
    IoWriteErrorLogEntry(packet);
}
