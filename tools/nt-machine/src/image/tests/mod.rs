//! Loading, running and naming images.

mod file;

use super::*;
use crate::call::{self, Export};
use crate::findings::{self, Finding, Rule};
use crate::threads::RunEnd;
use crate::{irql, testing};
use file::Shape;

extern "win64" fn first() -> u64 {
    findings::report(Rule::Leak, "x", "said by the first function");
    17
}

fn resolve(module: &str, name: &str) -> *const () {
    assert_eq!(module, "ntoskrnl.exe");
    match name {
        "KeFirst" => call::thunk(&Export { name: "KeFirst", address: first as *const (), max_irql: 2, min_irql: 0 }),
        other => call::missing(other),
    }
}

fn loaded() -> Image {
    load(&file::image(&Shape::default()), "/drivers/small.sys", &mut resolve).expect("the image loads")
}

/// Calls a function of the image on a simulated thread.
fn call_at(address: usize, irql: u8) -> (RunEnd, Vec<Finding>, u64) {
    let result = std::rc::Rc::new(std::cell::Cell::new(0));
    let cell = std::rc::Rc::clone(&result);
    let (end, findings) = testing::on_thread_at(irql, move || {
        // SAFETY: the images of these tests have functions without arguments where they are called.
        let function: extern "win64" fn() -> u64 = unsafe { std::mem::transmute(address) };
        cell.set(call::driver("Routine", || function()));
    });
    (end, findings, result.get())
}

fn word(address: usize) -> usize {
    // SAFETY: the tests read the image's data.
    unsafe { (address as *const usize).read() }
}

#[test]
fn an_image_is_loaded_relocated_and_bound() {
    let _machine = testing::machine();
    let image = loaded();
    assert_eq!(image.entry, image.base + file::ENTRY);
    assert_eq!(word(image.base + file::POINTER), image.base + file::PAGED);
    let names: Vec<&str> = image.sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, [".text", ".rdata", ".data", "PAGE", "INIT", ".reloc"]);
    let (end, findings, result) = call_at(image.entry, irql::PASSIVE);
    assert_eq!((end, result), (RunEnd::Done, 17));
    assert_eq!(findings[0].function, "KeFirst");
    assert_eq!(findings[0].address, "small!entry+0xa");
    assert_eq!(call_at(image.base + file::READ_POINTER, irql::PASSIVE).2 as usize, image.base + file::PAGED);
}

#[test]
fn names_end_with_their_section() {
    let _machine = testing::machine();
    let image = loaded();
    assert_eq!(symbolise(image.base + file::LOOP), "small!writer+0x40");
    assert_eq!(symbolise(image.base + file::POINTER), "small+0x3000");
    assert_eq!(symbolise(0x10), "0x10");
}

#[test]
fn the_load_configuration_is_served() {
    let _machine = testing::machine();
    let image = loaded();
    let cookie = word(image.base + file::COOKIE);
    assert!(cookie != 0x2B99_2DDF_A232 && cookie != 0 && cookie >> 48 == 0);
    // The check returns; the dispatcher goes where rax says.
    let check = word(image.base + file::GUARD_CHECK);
    assert_eq!(call_at(check, irql::PASSIVE).0, RunEnd::Done);
    let dispatch = word(image.base + file::GUARD_DISPATCH);
    // SAFETY: two bytes of a code page.
    assert_eq!(unsafe { (dispatch as *const [u8; 2]).read() }, [0xFF, 0xE0]);
}

#[test]
fn a_missing_import_ends_the_run_when_it_is_called() {
    let _machine = testing::machine();
    let image = loaded();
    let (end, findings, _) = call_at(image.base + file::CALL_OTHER, irql::PASSIVE);
    assert_eq!((end, findings[0].rule), (RunEnd::Dead, Rule::Missing));
    assert_eq!(findings[0].text, "KeSecond is not provided");
}

#[test]
fn constants_are_protected() {
    let _machine = testing::machine();
    let image = loaded();
    let (end, findings, _) = call_at(image.base + file::WRITE_CONSTANT, irql::PASSIVE);
    assert_eq!((end, findings[0].rule), (RunEnd::Dead, Rule::Crash));
    assert_eq!((findings[0].function.as_str(), findings[0].address.as_str()), ("Routine", "small!writer+0x0"));
    assert!(memory::access(image.base + 0x3000, 8, true) && !memory::access(image.base + 0x2000, 8, true));
}

#[test]
fn pageable_code_runs_below_dispatch_level_only() {
    let _machine = testing::machine();
    let image = loaded();
    assert_eq!(call_at(image.base + file::PAGED, irql::PASSIVE).2, 42);
    let (end, findings, _) = call_at(image.base + file::PAGED, irql::DISPATCH);
    assert_eq!((end, findings[0].rule), (RunEnd::Dead, Rule::PagedAtDispatch));
    assert!(findings[0].text.contains("pageable small!answer+0x0"), "{}", findings[0]);
}

#[test]
fn discarded_and_unloaded_code_is_gone() {
    let _machine = testing::machine();
    let image = loaded();
    let (initialisation, text) = (image.base + file::INITIALISATION, image.base + file::READ_POINTER);
    assert_eq!(call_at(initialisation, irql::PASSIVE).2, 42);
    discard(&image);
    assert!(!memory::access(initialisation, 1, false) && memory::access(text, 1, false));
    unload(image);
    let (end, findings, _) = call_at(text, irql::PASSIVE);
    assert_eq!((end, findings[0].rule), (RunEnd::Dead, Rule::UseAfterFree));
    assert!(findings[0].text.contains("(unloaded)"), "{}", findings[0]);
}

#[test]
fn what_is_no_driver_is_refused() {
    let _machine = testing::machine();
    let refused = |shape: Shape| load(&file::image(&shape), "x.sys", &mut resolve).expect_err("refused").to_string();
    assert_eq!(
        refused(Shape { import_by_ordinal: true, ..Shape::default() }),
        "the image imports ordinal 7 of ntoskrnl.exe"
    );
    assert_eq!(refused(Shape { machine: 0xAA64, ..Shape::default() }), "the image is not for x86-64");
    assert_eq!(refused(Shape { thread_local_storage: true, ..Shape::default() }), "the image has thread-local storage");
    assert!(load(b"MZ", "x.sys", &mut resolve).is_err());
    let unresolved = load(&file::image(&Shape::default()), "x.sys", &mut |_, _| std::ptr::null());
    assert_eq!(
        unresolved.expect_err("unresolved").to_string(),
        "the image imports ntoskrnl.exe!KeFirst, which nobody provides"
    );
}

#[test]
fn a_loop_without_kernel_calls_ends_the_run() {
    let _machine = testing::machine();
    let image = loaded();
    let (end, findings, _) = call_at(image.base + file::LOOP, irql::PASSIVE);
    assert_eq!((end, findings[0].rule), (RunEnd::Dead, Rule::Stuck));
    assert!(findings[0].address.starts_with("small!writer+0x40"), "{}", findings[0]);
}

/// Any file of the right length must be refused or loaded, without harm to the host.
#[test]
fn damaged_files_do_no_harm() {
    let good = file::image(&Shape::default());
    for index in 0..good.len().min(0x400) {
        let _machine = testing::machine();
        let mut bad = good.clone();
        bad[index] ^= 0xFF;
        drop(load(&bad, "bad.sys", &mut |_, _| call::missing("anything")));
    }
}

const SOURCE: &str = r#"
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
#[unsafe(no_mangle)]
pub static _fltused: u32 = 0;
macro_rules! unused { ($($name:ident)*) => { $(#[unsafe(no_mangle)] pub extern "system" fn $name() {})* } }
unused! { memcpy memset memcmp memmove __CxxFrameHandler3 }
pub mod inner {
    #[inline(never)]
    pub fn fault(address: *mut u8) { unsafe { address.write_volatile(1) } }
}
#[unsafe(no_mangle)]
pub extern "system" fn entry() -> u64 { inner::fault(0x20 as *mut u8); 1 }
"#;

#[test]
fn a_pdb_names_functions_and_lines() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(path) = testing::compile(directory.path(), "tiny", SOURCE) else { return };
    let bytes = std::fs::read(&path).expect("the image was built");
    let _machine = testing::machine();
    let image = load(&bytes, &path.to_string_lossy(), &mut resolve).expect("the image loads");
    let (end, findings, _) = call_at(image.entry, irql::PASSIVE);
    assert_eq!(end, RunEnd::Dead);
    let address = &findings[0].address;
    assert!(address.starts_with("tiny!") && address.contains("rs:"), "{}", findings[0]);
    let fault = function(&image, "tiny::inner::fault").expect("a function of the source");
    assert!(symbolise(fault).starts_with("tiny!tiny::inner::fault+0x0 ("), "{}", symbolise(fault));
    assert!(symbolise(fault).ends_with("tiny.rs:11)"), "{}", symbolise(fault));
}

#[test]
fn a_jump_to_the_kernel_is_named_by_its_callback() {
    let _machine = testing::machine();
    let image = loaded();
    let (_, findings, result) = call_at(image.base + file::JUMP, irql::PASSIVE);
    assert_eq!((findings[0].address.as_str(), result), ("the end of Routine", 17));
}
