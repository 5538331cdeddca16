/*
 * Structured exceptions. The personality routine that compilers name for C is part of this driver, as it is of drivers that
 * are linked with a run-time library of their own: it asks the filters and lets the kernel unwind.
 */

/* The run-time library is in this file, not in another image. */
#define _CRTIMP
#include <excpt.h>

#include "class.h"

#define UNWINDING 0x66

typedef struct SCOPE {
    ULONG Begin, End, Filter, Target;
} SCOPE;

typedef struct SCOPE_LIST {
    ULONG Count;
    SCOPE Scopes[1];
} SCOPE_LIST;

typedef struct DISPATCHER {
    ULONG64 ControlPc;
    ULONG64 ImageBase;
    PVOID FunctionEntry;
    ULONG64 EstablisherFrame;
    ULONG64 TargetIp;
    PVOID ContextRecord;
    PVOID LanguageHandler;
    SCOPE_LIST *HandlerData;
    PVOID HistoryTable;
} DISPATCHER;

typedef struct POINTERS {
    PEXCEPTION_RECORD ExceptionRecord;
    PVOID ContextRecord;
} POINTERS;

typedef LONG (NTAPI *FILTER)(POINTERS *, PVOID);

extern void NTAPI RtlUnwind(PVOID frame, PVOID target, PEXCEPTION_RECORD record, PVOID value);
extern void NTAPI RtlUnwindEx(PVOID frame, PVOID target, PEXCEPTION_RECORD record, PVOID value, PVOID context, PVOID history);

EXCEPTION_DISPOSITION __C_specific_handler(PEXCEPTION_RECORD record, PVOID frame, struct _CONTEXT *context,
                                           struct _DISPATCHER_CONTEXT *argument) {
    DISPATCHER *dispatcher = (DISPATCHER *)argument;
    ULONG64 control = dispatcher->ControlPc - dispatcher->ImageBase;
    POINTERS pointers = {record, context};
    if (record->ExceptionFlags & UNWINDING) {
        return ExceptionContinueSearch;
    }
    for (ULONG i = 0; i < dispatcher->HandlerData->Count; i++) {
        const SCOPE *scope = &dispatcher->HandlerData->Scopes[i];
        if (control < scope->Begin || control >= scope->End || scope->Target == 0) {
            continue;
        }
        FILTER filter = (FILTER)(dispatcher->ImageBase + scope->Filter);
        LONG answer = scope->Filter == 1 ? 1 : filter(&pointers, frame);
        if (answer < 0) {
            return ExceptionContinueExecution;
        }
        if (answer > 0) {
            PVOID target = (PVOID)(dispatcher->ImageBase + scope->Target);
            PVOID code = (PVOID)(ULONG_PTR)(ULONG)record->ExceptionCode;
            if (dispatcher->HistoryTable == NULL && dispatcher->ContextRecord == NULL) {
                RtlUnwind(frame, target, record, code);
            }
            RtlUnwindEx(frame, target, record, code, dispatcher->ContextRecord, dispatcher->HistoryTable);
        }
    }
    return ExceptionContinueSearch;
}

static volatile NTSTATUS Raised;

__attribute__((used)) static LONG NTAPI Note(POINTERS *pointers, PVOID frame) {
    (void)frame;
    Raised = pointers->ExceptionRecord->ExceptionCode;
    return 1;
}

/* Locks the pages of a buffer in the name of its owner; an exception becomes its status. */
__attribute__((noinline)) NTSTATUS LockFor(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation) {
    volatile BOOLEAN locked = FALSE;
    Raised = STATUS_SUCCESS;
#ifdef __clang__
    __try {
        MmProbeAndLockPages(mdl, mode, operation);
        locked = TRUE;
    } __except (Note(_exception_info(), NULL)) {
        locked = FALSE;
    }
#else
    __try1(Note)
    MmProbeAndLockPages(mdl, mode, operation);
    locked = TRUE;
    __except1
#endif
    return locked ? STATUS_SUCCESS : Raised;
}
