//! Small pieces of code whose depth can be added up by hand.

use super::super::image::{ImportedSymbol, Section};
use super::*;

const CODE: u32 = 0x1000;
const DATA: u32 = 0x2000;
const TABLE_AT: u32 = 0x3000;

/// One function: its name, its code, and the codes of its unwind information.
struct Piece(&'static str, Vec<u8>, &'static [u8]);

/// An image of those functions, each at its own multiple of 0x40.
fn image(pieces: &[Piece]) -> (Image, Symbols) {
    let (mut code, mut unwind, mut table) = (vec![0xCC; 0x40 * pieces.len()], Vec::new(), Vec::new());
    let mut symbols = Symbols::default();
    for (index, Piece(name, bytes, codes)) in pieces.iter().enumerate() {
        let address = CODE + 0x40 * index as u32;
        code[0x40 * index..][..bytes.len()].copy_from_slice(bytes);
        symbols.functions.push(Function { address, size: bytes.len() as u32, name: (*name).to_owned() });
        if !codes.is_empty() {
            let info = DATA + unwind.len() as u32;
            table.extend([address, address + bytes.len() as u32, info].iter().flat_map(|word| word.to_le_bytes()));
            unwind.extend([1, 0, codes.len() as u8 / 2, 0]);
            unwind.extend(*codes);
            unwind.resize(unwind.len().next_multiple_of(4), 0);
        }
    }
    let mut directories = vec![(0, 0); 16];
    directories[3] = (TABLE_AT, table.len() as u32);
    let section = |name: &str, flags: u32, address: u32, data: Vec<u8>| Section {
        name: name.to_owned(),
        characteristics: pe::SectionFlags(flags),
        address,
        size: data.len() as u32,
        data,
    };
    let image = Image {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        characteristics: pe::FileFlags(0x22),
        dll_characteristics: pe::DllFlags(0),
        subsystem: pe::IMAGE_SUBSYSTEM_NATIVE,
        subsystem_version: (10, 0),
        entry: CODE,
        base: 0,
        sections: vec![
            section(".text", 0x6000_0020, CODE, code),
            section(".rdata", 0x4000_0040, DATA, unwind),
            section(".pdata", 0x4000_0040, TABLE_AT, table),
        ],
        imports: vec![ImportedSymbol { module: "ntoskrnl.exe".into(), name: "IofCallDriver".into(), slot: 0x5000 }],
        directories,
        checksum: (0, 0),
        relocations: Vec::new(),
        has_version: true,
    };
    symbols.data.insert(TABLE.to_owned(), 0x6000);
    (image, symbols)
}

const RET: u8 = 0xC3;

/// `call` or `jmp` from a place in piece `from` to piece `to`, then a return.
fn branch(opcode: u8, from: u32, to: u32) -> Vec<u8> {
    let distance = (0x40 * to).wrapping_sub(0x40 * from + 5);
    [&[opcode][..], &distance.to_le_bytes(), &[RET]].concat()
}

fn call(from: u32, to: u32) -> Vec<u8> {
    branch(0xE8, from, to)
}

/// `mov rax, [rip + …]` of a variable, for an instruction that begins at the piece's first byte.
fn load(from: u32, variable: u32) -> Vec<u8> {
    let distance = variable.wrapping_sub(CODE + 0x40 * from + 7);
    [&[0x48, 0x8B, 0x05][..], &distance.to_le_bytes()].concat()
}

fn depth(pieces: &[Piece]) -> (u32, Vec<(String, u32)>) {
    let (image, symbols) = image(pieces);
    let chain = deepest(&image, &symbols).expect("a depth");
    (chain.bytes, chain.links)
}

/// `push`; a small and a large allocation: 8, 40, 0x200 and 0x12340 bytes.
const PUSH: &[u8] = &[0, 0x30];
const SMALL: &[u8] = &[0, 0x42];
const LARGE: &[u8] = &[0, 0x01, 0x40, 0x00];
const HUGE: &[u8] = &[0, 0x11, 0x40, 0x23, 0x01, 0x00];

#[test]
fn frames_are_what_the_unwind_information_says() {
    for (codes, bytes) in [(PUSH, 8), (SMALL, 40), (LARGE, 0x200), (HUGE, 0x12340)] {
        assert_eq!(depth(&[Piece("a::f", vec![RET], codes)]).0, bytes + RETURN);
    }
}

#[test]
fn calls_add_up_and_a_jump_leaves_its_frame() {
    let called = depth(&[Piece("a::f", call(0, 1), SMALL), Piece("a::g", vec![RET], LARGE)]);
    assert_eq!(called, (40 + 8 + 0x200 + 8, vec![("a::f".to_owned(), 48), ("a::g".to_owned(), 0x208)]));
    let jumped = depth(&[Piece("a::f", branch(0xE9, 0, 1), SMALL), Piece("a::g", vec![RET], LARGE)]);
    assert_eq!(jumped.0, 0x200 + 8);
}

#[test]
fn what_is_outside_counts_its_return_address() {
    // call [rip + …] of an import's slot.
    let distance = 0x5000_u32.wrapping_sub(CODE + 6);
    let imported = [&[0xFF, 0x15][..], &distance.to_le_bytes(), &[RET]].concat();
    assert_eq!(depth(&[Piece("a::f", imported, SMALL)]).0, 40 + 8 + 8);
    // The framework's: mov rax, [table]; call [rax + 8].
    let framework = [load(0, 0x6000), vec![0xFF, 0x50, 0x08, RET]].concat();
    let (image, symbols) = image(&[Piece("a::f", framework, SMALL)]);
    let chain = deepest(&image, &symbols).expect("a depth");
    assert_eq!((chain.bytes, chain.indirect), (40 + 8 + 8, Vec::new()));
}

#[test]
fn a_pointer_leads_to_functions_in_constant_tables_of_its_crate() {
    let pieces = [
        Piece("a::f", vec![0xFF, 0xD1, RET], SMALL),
        Piece("a::in_table", vec![RET], LARGE),
        Piece("b::in_table", vec![RET], HUGE),
    ];
    let (mut image, symbols) = image(&pieces);
    let at = DATA + image.sections[1].data.len() as u32;
    for index in [1_u64, 2] {
        image.sections[1].data.extend((u64::from(CODE) + 0x40 * index).to_le_bytes());
    }
    image.sections[1].size = image.sections[1].data.len() as u32;
    image.relocations = vec![at, at + 8];
    let led = deepest(&image, &symbols).expect("a depth").indirect;
    assert_eq!(led, [("a::f".to_owned(), vec!["a::in_table".to_owned()])]);
}

#[test]
fn a_circle_has_no_bound() {
    let (image, symbols) = image(&[Piece("a::f", call(0, 1), SMALL), Piece("a::g", call(1, 0), SMALL)]);
    let error = deepest(&image, &symbols).expect_err("no bound");
    assert!(error.to_string().contains("a::f, a::g"), "{error}");
}

#[test]
fn callers_are_named() {
    let (image, symbols) =
        image(&[Piece("a::f", call(0, 1), SMALL), Piece("core::panicking::panic_fmt", vec![RET], &[])]);
    assert_eq!(callers(&image, &symbols, |name| name.contains("panic_fmt")), ["a::f"]);
}
