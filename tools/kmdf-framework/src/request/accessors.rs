//! What a request tells about itself.

use nt_kernel::layout::IRP;
use nt_kernel::{get, io, put, raw};

use super::{Origin, open};
use crate::client::Globals;
use crate::fail::{misuse, require};
use crate::functions::Function;
use crate::objects::Handle;
use crate::structs::WDF_REQUEST_PARAMETERS;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfRequestGetParameters", get_parameters as *const ()),
    ("WdfRequestGetInformation", get_information as *const ()),
    ("WdfRequestSetInformation", set_information as *const ()),
    ("WdfRequestGetStatus", get_status as *const ()),
    ("WdfRequestGetRequestorMode", get_requestor_mode as *const ()),
    ("WdfRequestIsFrom32BitProcess", is_from_32_bit as *const ()),
    ("WdfRequestGetFileObject", get_file_object as *const ()),
    ("WdfRequestGetIoQueue", get_io_queue as *const ()),
    ("WdfRequestWdmGetIrp", wdm_get_irp as *const ()),
    ("WdfRequestIsReserved", is_reserved as *const ()),
    ("WdfRequestGetRequestorProcessId", get_process_id as *const ()),
];

/// Copies type, minor function and raw parameters of a stack location.
pub(crate) fn parameters(request: &super::Request) -> WDF_REQUEST_PARAMETERS {
    let location = request.location();
    WDF_REQUEST_PARAMETERS {
        Size: size_of::<WDF_REQUEST_PARAMETERS>() as u16,
        MinorFunction: get!(location, MinorFunction),
        Type: u32::from(get!(location, MajorFunction)),
        Parameters: raw::read(nt_kernel::field!(location, Parameters).cast()),
    }
}

unsafe extern "win64" fn get_parameters(_: Globals, request: Handle, out: *mut WDF_REQUEST_PARAMETERS) {
    let Some(request) = open(request) else { return };
    require(out, "Parameters");
    if usize::from(get!(out, Size)) != size_of::<WDF_REQUEST_PARAMETERS>() {
        misuse("Parameters", "the size member is wrong: nothing is written");
        return;
    }
    let irp = request.irp.get();
    if irp.is_null() || get!(irp, CurrentLocation) > get!(irp, StackCount) {
        misuse("Request", "the request has no current stack location");
        return;
    }
    raw::write(out, parameters(&request));
}

unsafe extern "win64" fn get_information(_: Globals, request: Handle) -> usize {
    let request = super::get(request);
    if request.irp.get().is_null() { 0 } else { get!(request.irp.get(), IoStatus.Information) }
}

unsafe extern "win64" fn set_information(_: Globals, request: Handle, information: usize) {
    let Some(request) = open(request) else { return };
    if !request.irp.get().is_null() {
        put!(request.irp.get(), IoStatus.Information, information);
    }
}

unsafe extern "win64" fn get_status(_: Globals, request: Handle) -> i32 {
    let request = super::get(request);
    request.sending.status(request.irp.get())
}

unsafe extern "win64" fn get_requestor_mode(_: Globals, request: Handle) -> u8 {
    let Some(request) = open(request) else { return 0 };
    if request.irp.get().is_null() { 0 } else { get!(request.irp.get(), RequestorMode) }
}

unsafe extern "win64" fn is_from_32_bit(_: Globals, request: Handle) -> u8 {
    let Some(request) = open(request) else { return 0 };
    u8::from(!request.irp.get().is_null() && io::is_32_bit(request.irp.get()))
}

unsafe extern "win64" fn get_file_object(_: Globals, request: Handle) -> Handle {
    open(request).map_or(Handle::NULL, |request| request.file.get())
}

unsafe extern "win64" fn get_io_queue(_: Globals, request: Handle) -> Handle {
    open(request).map_or(Handle::NULL, |request| request.queue.get())
}

unsafe extern "win64" fn wdm_get_irp(_: Globals, request: Handle) -> *mut IRP {
    let request = super::get(request);
    let irp = request.irp.get();
    if irp.is_null() && request.origin == Origin::Io {
        misuse("Request", "asks a completed request for its IRP");
    }
    irp
}

unsafe extern "win64" fn is_reserved(_: Globals, request: Handle) -> u8 {
    u8::from(!super::get(request).reserve.get().is_null())
}

unsafe extern "win64" fn get_process_id(_: Globals, request: Handle) -> u32 {
    /// The process of the programs that the host runs.
    const PROGRAM: u32 = 4;
    open(request).map_or(0, |_| PROGRAM)
}
