/* Requests of the I/O manager: which are answered at once, which take their turn, and what each does. */

#include "class.h"

#define IOCTL_STORAGE_READ_CAPACITY_CODE 0x002D5140
#define IOCTL_DISK_ARE_VOLUMES_READY_CODE 0x0007421C
#define IOCTL_VOLUME_ONLINE_CODE 0x0056C008
/* The old names' codes: those of the storage class with the device type of a CD-ROM. */
#define OF_CDROM(code) (((code) & 0xffff) | FILE_DEVICE_CD_ROM << 16)

static void Begin(CLASS_DEVICE *class, WDFREQUEST handle) {
    CLASS_REQUEST *request = RequestOf(handle);
    request->Class = class;
    request->Request = handle;
    request->Thread = (ULONG)(ULONG_PTR)KeGetCurrentThread() ^ __readgsdword(0x184);
    KeQueryTickCount(&request->Arrived);
}

static void NTAPI PassDone(WDFREQUEST handle, WDFIOTARGET target, PWDF_REQUEST_COMPLETION_PARAMS params, WDFCONTEXT context) {
    (void)target;
    (void)params;
    (void)context;
    WdfRequestCompleteWithInformation(handle, WdfRequestGetStatus(handle), WdfRequestGetInformation(handle));
}

/* What is none of ours goes to the port as it came. */
static void PassDown(CLASS_REQUEST *request) {
    WdfRequestFormatRequestUsingCurrentType(request->Request);
    WdfRequestSetCompletionRoutine(request->Request, PassDone, request);
    if (!WdfRequestSend(request->Request, request->Class->Target, NULL)) {
        ClassComplete(request, WdfRequestGetStatus(request->Request), 0);
    }
}

/* A pass-through's buffers belong to its sender's process, so its sender's thread waits for its turn and sends it. */
static void PassThrough(CLASS_REQUEST *request, size_t inputLength) {
    CLASS_DEVICE *class = request->Class;
    PIRP irp = WdfRequestWdmGetIrp(request->Request);
    size_t needed = WdfRequestIsFrom32BitProcess(request->Request) ? 0x2c : sizeof(SCSI_PASS_THROUGH);
    KEVENT turn;
    if (inputLength < needed) {
        ClassComplete(request, STATUS_INVALID_PARAMETER, 0);
        return;
    }
    if (KeGetCurrentIrql() >= DISPATCH_LEVEL) {
        ClassComplete(request, STATUS_INVALID_LEVEL, 0);
        return;
    }
    KeInitializeEvent(&turn, SynchronizationEvent, FALSE);
    request->Turn = &turn;
    NTSTATUS status = WdfDeviceEnqueueRequest(class->Device, request->Request);
    if (!NT_SUCCESS(status)) {
        request->Turn = NULL;
        ClassComplete(request, status, 0);
        return;
    }
    while (KeWaitForSingleObject(&turn, Executive, KernelMode, TRUE, NULL) == STATUS_ALERTED) {
        if (PsIsThreadTerminating(PsGetCurrentThread())) {
            IoCancelIrp(irp);
        }
    }
    request->Turn = NULL;
    if (WdfRequestIsCanceled(request->Request)) {
        ClassComplete(request, STATUS_CANCELLED, 0);
        return;
    }
    WDF_REQUEST_SEND_OPTIONS options = {.Size = sizeof(options), .Flags = WDF_REQUEST_SEND_OPTION_SYNCHRONOUS};
    WdfRequestFormatRequestUsingCurrentType(request->Request);
    IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_SCSI_CLASS;
    (void)WdfRequestSend(request->Request, class->Target, &options);
    WdfRequestCompleteWithInformation(request->Request, WdfRequestGetStatus(request->Request),
                                      WdfRequestGetInformation(request->Request));
}

static void DeviceNumber(CLASS_REQUEST *request) {
    PSTORAGE_DEVICE_NUMBER answer;
    NTSTATUS status = WdfRequestRetrieveOutputBuffer(request->Request, sizeof(*answer), (PVOID *)&answer, NULL);
    if (NT_SUCCESS(status)) {
        answer->DeviceType = FILE_DEVICE_CD_ROM;
        answer->DeviceNumber = request->Class->Number;
        answer->PartitionNumber = (ULONG)-1;
    }
    ClassComplete(request, status, NT_SUCCESS(status) ? sizeof(*answer) : 0);
}

void NTAPI ClassInCallerContext(WDFDEVICE device, WDFREQUEST handle) {
    CLASS_DEVICE *class = ClassOf(device);
    CLASS_REQUEST *request = RequestOf(handle);
    WDF_REQUEST_PARAMETERS parameters = {.Size = sizeof(parameters)};
    Begin(class, handle);
    WdfRequestGetParameters(handle, &parameters);
    if (parameters.Type == WdfRequestTypeDeviceControl) {
        switch (parameters.Parameters.DeviceIoControl.IoControlCode) {
        case IOCTL_STORAGE_GET_DEVICE_NUMBER:
            DeviceNumber(request);
            return;
        case IOCTL_SCSI_PASS_THROUGH:
        case IOCTL_SCSI_PASS_THROUGH_DIRECT:
            PassThrough(request, parameters.Parameters.DeviceIoControl.InputBufferLength);
            return;
        case IOCTL_STORAGE_QUERY_PROPERTY:
            PassDown(request);
            return;
        }
    } else if (parameters.Type == WdfRequestTypeDeviceControlInternal) {
        PassDown(request);
        return;
    }
    NTSTATUS status = WdfDeviceEnqueueRequest(device, handle);
    if (!NT_SUCCESS(status)) {
        ClassComplete(request, status, 0);
    }
}

void NTAPI ClassCreate(WDFQUEUE queue, WDFREQUEST handle) {
    CLASS_DEVICE *class = ClassOf(WdfIoQueueGetDevice(queue));
    WDF_REQUEST_SEND_OPTIONS options = {.Size = sizeof(options), .Flags = WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET};
    WdfRequestFormatRequestUsingCurrentType(handle);
    if (!WdfRequestSend(handle, class->Target, &options)) {
        WdfRequestCompleteWithInformation(handle, WdfRequestGetStatus(handle), 0);
    }
}

void NTAPI ClassFileClose(WDFFILEOBJECT file) {
    CLASS_DEVICE *class = ClassOf(WdfFileObjectGetDevice(file));
    if (FileOf(file)->Locked && InterlockedDecrement(&class->Prevented) == 0) {
        const UCHAR allow[6] = {SCSIOP_MEDIUM_REMOVAL};
        (void)SrbExecuteNoData(class, allow, 6, IRP_MN_SCSI_CLASS);
    }
}

void NTAPI ClassRequestCleanup(WDFOBJECT handle) {
    CLASS_REQUEST *request = RequestOf(handle);
    if (request->Turn != NULL) {
        RtlAssert("Turn == NULL", __FILE__, __LINE__, "a request ended while its sender waits");
    }
}

void NTAPI ClassCanceledOnQueue(WDFQUEUE queue, WDFREQUEST handle) {
    CLASS_REQUEST *request = RequestOf(handle);
    (void)queue;
    if (request->Turn != NULL) {
        KeSetEvent(request->Turn, IO_NO_INCREMENT, FALSE);
    } else {
        ClassComplete(request, STATUS_CANCELLED, 0);
    }
}

static void Transfer(CLASS_REQUEST *request, BOOLEAN write, size_t length) {
    WDF_REQUEST_PARAMETERS parameters = {.Size = sizeof(parameters)};
    WdfRequestGetParameters(request->Request, &parameters);
    request->Write = write;
    request->Start = parameters.Parameters.Read.DeviceOffset;
    request->Length = (ULONG)length;
    ClassTransfer(request);
}

void NTAPI ClassRead(WDFQUEUE queue, WDFREQUEST handle, size_t length) {
    (void)queue;
    Transfer(RequestOf(handle), FALSE, length);
}

void NTAPI ClassWrite(WDFQUEUE queue, WDFREQUEST handle, size_t length) {
    (void)queue;
    Transfer(RequestOf(handle), TRUE, length);
}

/* One at a time, as the queue is sequential: the work item needs no list. */
void NTAPI ClassDeviceControl(WDFQUEUE queue, WDFREQUEST handle, size_t output, size_t input, ULONG code) {
    CLASS_DEVICE *class = ClassOf(WdfIoQueueGetDevice(queue));
    CLASS_REQUEST *request = RequestOf(handle);
    (void)output;
    (void)input;
    if (request->Turn != NULL) {
        KeSetEvent(request->Turn, IO_NO_INCREMENT, FALSE);
        return;
    }
    if (code == IOCTL_CDROM_CHECK_VERIFY || code == IOCTL_STORAGE_CHECK_VERIFY) {
        request->Code = code;
        ClassSend(request);
        return;
    }
    class->SerialRequest = handle;
    WdfWorkItemEnqueue(class->SerialWork);
}

static NTSTATUS Geometry(CLASS_REQUEST *request, ULONG_PTR *information) {
    PDISK_GEOMETRY answer;
    NTSTATUS status = WdfRequestRetrieveOutputBuffer(request->Request, sizeof(*answer), (PVOID *)&answer, NULL);
    if (NT_SUCCESS(status)) {
        status = MediaCapacity(request->Class);
    }
    if (NT_SUCCESS(status)) {
        RtlZeroMemory(answer, sizeof(*answer));
        answer->MediaType = RemovableMedia;
        answer->TracksPerCylinder = 64;
        answer->SectorsPerTrack = 32;
        answer->BytesPerSector = request->Class->BlockSize;
        answer->Cylinders.QuadPart = ((LONGLONG)request->Class->LastBlock + 1) / (64 * 32);
        *information = sizeof(*answer);
    }
    return status;
}

static NTSTATUS Capacity(CLASS_REQUEST *request, ULONG code, ULONG_PTR *information) {
    struct {
        ULONG Version, Size, BlockLength;
        LARGE_INTEGER Blocks, DiskLength;
    } *answer;
    PLARGE_INTEGER length;
    CLASS_DEVICE *class = request->Class;
    size_t size = code == IOCTL_DISK_GET_LENGTH_INFO ? sizeof(*length) : sizeof(*answer);
    NTSTATUS status = WdfRequestRetrieveOutputBuffer(request->Request, size, (PVOID *)&answer, NULL);
    if (NT_SUCCESS(status)) {
        status = MediaCapacity(class);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    LONGLONG blocks = (LONGLONG)class->LastBlock + 1;
    *information = size;
    if (code == IOCTL_DISK_GET_LENGTH_INFO) {
        length = (PLARGE_INTEGER)answer;
        length->QuadPart = blocks * class->BlockSize;
    } else {
        answer->Version = answer->Size = sizeof(*answer);
        answer->BlockLength = class->BlockSize;
        answer->Blocks.QuadPart = blocks;
        answer->DiskLength.QuadPart = blocks * class->BlockSize;
    }
    return STATUS_SUCCESS;
}

/* READ TOC by way of pageable memory: locked, described by a partial MDL, mapped. */
static NTSTATUS Toc(CLASS_REQUEST *request, ULONG_PTR *information) {
    CLASS_DEVICE *class = request->Class;
    PVOID answer;
    size_t room;
    ULONG length = sizeof(CDROM_TOC);
    SCSI_REQUEST_BLOCK srb;
    UCHAR sense[SENSE_LENGTH];
    NTSTATUS status = WdfRequestRetrieveOutputBuffer(request->Request, 4, &answer, &room);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    PUCHAR block = ExAllocatePool2(POOL_FLAG_PAGED, length, CLASS_TAG);
    PMDL whole = block == NULL ? NULL : IoAllocateMdl(block, length, FALSE, FALSE, NULL);
    PMDL part = whole == NULL ? NULL : IoAllocateMdl(block, length, FALSE, FALSE, NULL);
    status = STATUS_INSUFFICIENT_RESOURCES;
    if (part != NULL) {
        MmProbeAndLockPages(whole, KernelMode, IoWriteAccess);
        IoBuildPartialMdl(whole, part, block, length);
        PUCHAR mapped = MmGetSystemAddressForMdlSafe(part, NormalPagePriority);
        if (mapped != NULL) {
            SrbFill(&srb, class, sense, SRB_FUNCTION_EXECUTE_SCSI);
            srb.CdbLength = 10;
            srb.Cdb[0] = SCSIOP_READ_TOC;
            srb.Cdb[1] = 2;
            srb.Cdb[7] = (UCHAR)(length >> 8);
            srb.Cdb[8] = (UCHAR)length;
            srb.SrbFlags |= SRB_FLAGS_DATA_IN;
            status = SrbExecuteOnce(class, &srb, mapped, length);
            if (NT_SUCCESS(status)) {
                *information = MIN_OF(room, (size_t)srb.DataTransferLength);
                RtlCopyMemory(answer, mapped, *information);
            }
        }
        MmPrepareMdlForReuse(part);
        MmUnlockPages(whole);
    }
    if (part != NULL) {
        IoFreeMdl(part);
    }
    if (whole != NULL) {
        IoFreeMdl(whole);
    }
    if (block != NULL) {
        ExFreePoolWithTag(block, CLASS_TAG);
    }
    return status;
}

static NTSTATUS Eject(CLASS_DEVICE *class, BOOLEAN load) {
    const UCHAR cdb[6] = {SCSIOP_START_STOP_UNIT, 0, 0, 0, load ? 3 : 2};
    if (WdfWaitLockAcquire(class->EjectLock, NULL) != STATUS_SUCCESS) {
        return STATUS_DEVICE_BUSY;
    }
    NTSTATUS status = SrbExecuteNoData(class, cdb, 6, IRP_MN_SCSI_CLASS);
    WdfWaitLockRelease(class->EjectLock);
    return status;
}

static NTSTATUS Prevent(CLASS_REQUEST *request) {
    CLASS_DEVICE *class = request->Class;
    PPREVENT_MEDIA_REMOVAL input;
    WDFFILEOBJECT file = WdfRequestGetFileObject(request->Request);
    NTSTATUS status = WdfRequestRetrieveInputBuffer(request->Request, sizeof(*input), (PVOID *)&input, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (file == NULL && WdfRequestGetRequestorMode(request->Request) == UserMode) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    const UCHAR cdb[6] = {SCSIOP_MEDIUM_REMOVAL, 0, 0, 0, input->PreventMediaRemoval ? 1 : 0};
    BOOLEAN prevent = input->PreventMediaRemoval != 0;
    if (file != NULL && FileOf(file)->Locked == prevent) {
        return prevent ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_STATE;
    }
    status = SrbExecuteNoData(class, cdb, 6, IRP_MN_SCSI_CLASS);
    if (NT_SUCCESS(status) && file != NULL) {
        FileOf(file)->Locked = prevent;
        prevent ? InterlockedIncrement(&class->Prevented) : InterlockedDecrement(&class->Prevented);
    }
    return status;
}

static NTSTATUS VolumesOnline(CLASS_DEVICE *class) {
    WDFREQUEST parked;
    while (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(class->Parked, &parked))) {
        WdfRequestCompleteWithInformation(parked, STATUS_SUCCESS, 0);
    }
    return STATUS_SUCCESS;
}

void NTAPI ClassSerialWork(WDFWORKITEM item) {
    CLASS_DEVICE *class = ClassOf(WdfWorkItemGetParentObject(item));
    CLASS_REQUEST *request = RequestOf(class->SerialRequest);
    WDF_REQUEST_PARAMETERS parameters = {.Size = sizeof(parameters)};
    NTSTATUS status;
    ULONG_PTR information = 0;
    WdfRequestGetParameters(request->Request, &parameters);
    ULONG code = parameters.Parameters.DeviceIoControl.IoControlCode;
    switch (code) {
    case IOCTL_CDROM_GET_DRIVE_GEOMETRY:
    case IOCTL_DISK_GET_DRIVE_GEOMETRY:
        status = Geometry(request, &information);
        break;
    case IOCTL_STORAGE_READ_CAPACITY_CODE:
    case IOCTL_DISK_GET_LENGTH_INFO:
        status = Capacity(request, code, &information);
        break;
    case IOCTL_CDROM_READ_TOC:
        status = Toc(request, &information);
        break;
    case OF_CDROM(IOCTL_STORAGE_EJECT_MEDIA):
    case IOCTL_STORAGE_EJECT_MEDIA:
        status = Eject(class, FALSE);
        break;
    case OF_CDROM(IOCTL_STORAGE_LOAD_MEDIA):
    case IOCTL_STORAGE_LOAD_MEDIA:
        status = Eject(class, TRUE);
        break;
    case OF_CDROM(IOCTL_STORAGE_MEDIA_REMOVAL):
    case IOCTL_STORAGE_MEDIA_REMOVAL:
        status = Prevent(request);
        break;
    case IOCTL_STORAGE_FIND_NEW_DEVICES:
        IoInvalidateDeviceRelations(class->Pdo, BusRelations);
        status = STATUS_SUCCESS;
        break;
    case IOCTL_DISK_ARE_VOLUMES_READY_CODE:
        status = WdfRequestForwardToIoQueue(request->Request, class->Parked);
        if (NT_SUCCESS(status)) {
            return;
        }
        break;
    case IOCTL_VOLUME_ONLINE_CODE:
        status = VolumesOnline(class);
        break;
    default:
        PassDown(request);
        return;
    }
    ClassComplete(request, status, information);
}
