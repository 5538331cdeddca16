/*
 * A KMDF storage class driver for the tests of the host: not a product, but it does to the framework and the kernel what
 * a class driver written in C with the WDK does. It speaks to its drive by SCSI request blocks in every way there is, reads
 * kernel structures directly, and inlines what the kernel's headers inline.
 */
#pragma once

#include <ntifs.h>
#include <ntddk.h>
#include <ntddscsi.h>
#include <ntddstor.h>
#include <ntdddisk.h>
#include <ntddcdrm.h>
#include <srb.h>
#include <scsi.h>
#include <stdarg.h>
#include <stddef.h>

#include "wdf.h"

/* What mingw-w64's headers are too old for, or keep to themselves. */
#define POOL_FLAG_CACHE_ALIGNED 0x08
#define POOL_FLAG_NON_PAGED 0x40
#define POOL_FLAG_PAGED 0x100
#define SRB_FLAGS_D3_PROCESSING 0x800
PVOID NTAPI ExAllocatePool2(ULONG64 flags, SIZE_T size, ULONG tag);
WCHAR NTAPI RtlAnsiCharToUnicodeChar(PUCHAR *cursor);

/* Code that may be paged out, and code that is gone when the driver has loaded. */
#define PAGEABLE __attribute__((section("PAGE"), noinline))
#define INITIAL __attribute__((section("INIT"), noinline))

#define CLASS_TAG 'ssaC'
#define SENSE_LENGTH 18
#define RETRY_LIMIT 3
#define RETRY_DELAY_MS 100
#define POLL_INTERVAL_MS 1000
#define SECTOR_SIZE 2048
#define SRB_CLASS_FLAGS (SRB_FLAGS_DISABLE_SYNCH_TRANSFER | SRB_FLAGS_NO_QUEUE_FREEZE)

#define MILLISECONDS(ms) (-(LONGLONG)(ms) * 10000)
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))

/* One drive. */
typedef struct CLASS_DEVICE {
    WDFDEVICE Device;
    PDEVICE_OBJECT Self;
    PDEVICE_OBJECT Lower;
    PDEVICE_OBJECT Pdo;
    WDFIOTARGET Target;
    BOOLEAN Claimed;
    BOOLEAN Counted;

    ULONG Number;
    WCHAR NameBuffer[40];
    UNICODE_STRING Name;
    UNICODE_STRING Link;
    WDFSTRING InterfaceName;

    WDFQUEUE Serial;
    WDFQUEUE Parked;
    WDFSPINLOCK StateLock;
    WDFWAITLOCK EjectLock;
    /* One flush at a time. Not the other lock: the request in hand may wait for that one, and a flush for the request. */
    WDFWAITLOCK FlushLock;
    WDFWORKITEM SerialWork;
    WDFREQUEST SerialRequest;
    PIO_WORKITEM NotifyWork;
    KMUTEX ScratchMutex;
    PUCHAR Scratch;

    ULONG Timeout;
    ULONG MaxTransfer;
    ULONG MaxPages;
    ULONG LastBlock;
    ULONG BlockSize;
    UNICODE_STRING Vendor;

    ULONG MediaCount;
    BOOLEAN MediaPresent;
    LONG NotifyQueued;
    LONG Prevented;

    /* The driver's own request to itself, which takes its turn among those of programs. */
    PIRP SelfIrp;
    KEVENT SelfIdle;

    WDFTIMER PollTimer;
    WDFREQUEST PollRequest;
    WDFMEMORY PollMemory;
    SCSI_REQUEST_BLOCK PollSrb;
    UCHAR PollSense[SENSE_LENGTH];
    KEVENT PollIdle;

    WDFREQUEST PowerRequest;
    WDFMEMORY PowerMemory;
    SCSI_REQUEST_BLOCK PowerSrb;
    UCHAR PowerSense[SENSE_LENGTH];

    KSPIN_LOCK StatisticsLock;
    ULONG Errors;
    LARGE_INTEGER LastError;
    BOOLEAN AoAc;
} CLASS_DEVICE;

/* One request of the I/O manager; lives as long as the framework's request. */
typedef struct CLASS_REQUEST {
    CLASS_DEVICE *Class;
    WDFREQUEST Request;
    LARGE_INTEGER Arrived;
    ULONG Thread;

    SCSI_REQUEST_BLOCK Srb;
    UCHAR Sense[SENSE_LENGTH];
    WDFMEMORY SrbMemory;
    ULONG Code;
    ULONG Retries;
    KTIMER RetryTimer;
    KDPC RetryDpc;

    /* A transfer that is sent in pieces. */
    BOOLEAN Write;
    ULONG Offset;
    ULONG Length;
    LONGLONG Start;
    LONG Outstanding;
    LONG Failure;

    /* A request that runs in its sender's thread when its turn in the queue comes. */
    PKEVENT Turn;
} CLASS_REQUEST;

typedef struct CLASS_FILE {
    BOOLEAN Locked;
} CLASS_FILE;

CLASS_DEVICE *ClassOf(WDFOBJECT device);
CLASS_REQUEST *RequestOf(WDFOBJECT request);
CLASS_FILE *FileOf(WDFOBJECT file);
extern const WDF_OBJECT_CONTEXT_TYPE_INFO ClassFileType;
extern const WDF_OBJECT_CONTEXT_TYPE_INFO ClassRequestType;
extern const WDF_OBJECT_CONTEXT_TYPE_INFO ClassDeviceType;
extern PDRIVER_OBJECT ClassDriverObject;
extern ULONG ClassDefaultTimeout;

void Say(ULONG level, const char *format, ...);

/* exception.c */
NTSTATUS LockFor(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation);

/* device.c */
EVT_WDF_DRIVER_DEVICE_ADD ClassDeviceAdd;

/* power.c */
EVT_WDF_DEVICE_D0_ENTRY ClassD0Entry;
EVT_WDF_DEVICE_D0_EXIT ClassD0Exit;
EVT_WDF_DEVICE_SELF_MANAGED_IO_INIT ClassIoInit;
EVT_WDF_DEVICE_SELF_MANAGED_IO_CLEANUP ClassIoCleanup;
EVT_WDF_DEVICE_SURPRISE_REMOVAL ClassSurpriseRemoval;
EVT_WDFDEVICE_WDM_IRP_PREPROCESS ClassPowerIrp;
EVT_WDFDEVICE_WDM_IRP_PREPROCESS ClassFlush;
EVT_WDFDEVICE_WDM_IRP_PREPROCESS ClassShutdown;

/* srb.c */
void SrbFill(PSCSI_REQUEST_BLOCK srb, CLASS_DEVICE *class, PUCHAR sense, UCHAR function);
NTSTATUS SrbControl(CLASS_DEVICE *class, UCHAR function);
NTSTATUS SrbExecute(CLASS_DEVICE *class, const UCHAR *cdb, UCHAR cdbLength, PVOID data, ULONG *length, BOOLEAN write);
NTSTATUS SrbExecuteNoData(CLASS_DEVICE *class, const UCHAR *cdb, UCHAR cdbLength, ULONG minor);
NTSTATUS SrbExecuteOnce(CLASS_DEVICE *class, PSCSI_REQUEST_BLOCK srb, PVOID data, ULONG length);
NTSTATUS SrbJudge(CLASS_DEVICE *class, PSCSI_REQUEST_BLOCK srb, NTSTATUS port, BOOLEAN *retry);
void ClassLogError(CLASS_DEVICE *class, PSCSI_REQUEST_BLOCK srb, NTSTATUS status);

/* transfer.c */
void ClassTransfer(CLASS_REQUEST *request);
void ClassSend(CLASS_REQUEST *request);
void ClassComplete(CLASS_REQUEST *request, NTSTATUS status, ULONG_PTR information);

/* control.c */
EVT_WDF_IO_IN_CALLER_CONTEXT ClassInCallerContext;
EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL ClassDeviceControl;
EVT_WDF_IO_QUEUE_IO_READ ClassRead;
EVT_WDF_IO_QUEUE_IO_WRITE ClassWrite;
EVT_WDF_IO_QUEUE_IO_CANCELED_ON_QUEUE ClassCanceledOnQueue;
EVT_WDF_IO_QUEUE_IO_DEFAULT ClassCreate;
EVT_WDF_WORKITEM ClassSerialWork;
EVT_WDF_FILE_CLOSE ClassFileClose;
EVT_WDF_OBJECT_CONTEXT_CLEANUP ClassRequestCleanup;

/* media.c */
NTSTATUS MediaInit(CLASS_DEVICE *class);
void MediaStop(CLASS_DEVICE *class);
void MediaChanged(CLASS_DEVICE *class, BOOLEAN present);
NTSTATUS MediaCapacity(CLASS_DEVICE *class);
