//! A small image, written byte by byte.

/// The preferred base, which no machine ever has.
const BASE: u64 = 0x1_4000_0000;

/// Offsets in the image.
pub const ENTRY: usize = 0x1000;
pub const READ_POINTER: usize = 0x1020;
pub const WRITE_CONSTANT: usize = 0x1040;
pub const CALL_OTHER: usize = 0x1060;
pub const LOOP: usize = 0x1080;
pub const JUMP: usize = 0x10A0;
pub const POINTER: usize = 0x3000;
pub const COOKIE: usize = 0x3008;
pub const GUARD_CHECK: usize = 0x3010;
pub const GUARD_DISPATCH: usize = 0x3018;
pub const PAGED: usize = 0x4000;
pub const INITIALISATION: usize = 0x5000;

const CODE: u32 = 0x6000_0020;
const CONSTANTS: u32 = 0x4000_0040;
const DATA: u32 = 0xC000_0040;
const DISCARDABLE_CODE: u32 = CODE | 0x0200_0000;
const DISCARDABLE: u32 = CONSTANTS | 0x0200_0000;

/// Imports by name, or by ordinal.
pub struct Shape {
    pub import_by_ordinal: bool,
    pub machine: u16,
    pub thread_local_storage: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { import_by_ordinal: false, machine: 0x8664, thread_local_storage: false }
    }
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

fn put_address(bytes: &mut [u8], offset: usize, target: usize) {
    put(bytes, offset, &(BASE + target as u64).to_le_bytes());
}

fn text() -> Vec<u8> {
    let mut text = vec![0xCC; 0x200];
    // sub rsp, 28h; call [import address table]; add rsp, 28h; ret
    put(&mut text, 0, &[0x48, 0x83, 0xEC, 0x28, 0xFF, 0x15, 0xF6, 0x0F, 0, 0, 0x48, 0x83, 0xC4, 0x28, 0xC3]);
    // mov rax, [pointer]; ret
    put(&mut text, 0x20, &[0x48, 0x8B, 0x05, 0xD9, 0x1F, 0, 0, 0xC3]);
    // mov byte [constants], 1; ret
    put(&mut text, 0x40, &[0xC6, 0x05, 0xB9, 0x0F, 0, 0, 1, 0xC3]);
    // sub rsp, 28h; call [second import]; add rsp, 28h; ret
    put(&mut text, 0x60, &[0x48, 0x83, 0xEC, 0x28, 0xFF, 0x15, 0x9E, 0x0F, 0, 0, 0x48, 0x83, 0xC4, 0x28, 0xC3]);
    // jmp to itself
    put(&mut text, 0x80, &[0xEB, 0xFE]);
    // jmp [import address table]
    put(&mut text, 0xA0, &[0xFF, 0x25, 0x5A, 0x0F, 0, 0]);
    text
}

/// Import addresses at 0, the load configuration at 100h, the import table at 180h.
fn constants(shape: &Shape) -> Vec<u8> {
    let mut constants = vec![0; 0x400];
    for names in [0, 0x1C0] {
        put(&mut constants, names, &0x2200_u64.to_le_bytes());
        let second = if shape.import_by_ordinal { 1 << 63 | 7 } else { 0x2220_u64 };
        put(&mut constants, names + 8, &second.to_le_bytes());
    }
    put(&mut constants, 0x100, &0x94_u32.to_le_bytes());
    put_address(&mut constants, 0x158, COOKIE);
    put_address(&mut constants, 0x170, GUARD_CHECK);
    put_address(&mut constants, 0x178, GUARD_DISPATCH);
    put(&mut constants, 0x180, &0x21C0_u32.to_le_bytes());
    put(&mut constants, 0x18C, &0x2240_u32.to_le_bytes());
    put(&mut constants, 0x190, &0x2000_u32.to_le_bytes());
    put(&mut constants, 0x202, b"KeFirst\0");
    put(&mut constants, 0x222, b"KeSecond\0");
    put(&mut constants, 0x240, b"ntoskrnl.exe\0");
    constants
}

fn data() -> Vec<u8> {
    let mut data = vec![0; 0x200];
    put_address(&mut data, 0, PAGED);
    put(&mut data, 8, &0x2B99_2DDF_A232_u64.to_le_bytes());
    data
}

fn relocations() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (page, offsets) in [(0x2000_u32, &[0x158_u16, 0x170, 0x178][..]), (0x3000, &[0][..])] {
        let count = offsets.len() + offsets.len() % 2;
        bytes.extend(page.to_le_bytes());
        bytes.extend((8 + 2 * count as u32).to_le_bytes());
        bytes.extend(offsets.iter().flat_map(|offset| (0xA000 | offset).to_le_bytes()));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// The file.
pub fn image(shape: &Shape) -> Vec<u8> {
    let relocations = relocations();
    let relocations_size = relocations.len() as u32;
    let answer = vec![0xB8, 0x2A, 0, 0, 0, 0xC3];
    let sections = [
        (".text", text(), CODE),
        (".rdata", constants(shape), CONSTANTS),
        (".data", data(), DATA),
        ("PAGE", answer.clone(), CODE),
        ("INIT", answer, DISCARDABLE_CODE),
        (".reloc", relocations, DISCARDABLE),
    ];
    let mut directories = [(0_u32, 0_u32); 16];
    directories[1] = (0x2180, 40);
    directories[5] = (0x6000, relocations_size);
    directories[10] = (0x2100, 0x94);
    if shape.thread_local_storage {
        directories[9] = (0x2000, 40);
    }

    let mut file = vec![0; 0x40];
    put(&mut file, 0, b"MZ");
    put(&mut file, 0x3C, &0x40_u32.to_le_bytes());
    file.extend(b"PE\0\0");
    file.extend(shape.machine.to_le_bytes());
    file.extend((sections.len() as u16).to_le_bytes());
    file.extend([0; 12]);
    file.extend(240_u16.to_le_bytes());
    file.extend(0x22_u16.to_le_bytes());
    let optional = file.len();
    file.resize(optional + 112, 0);
    put(&mut file, optional, &0x20B_u16.to_le_bytes());
    put(&mut file, optional + 16, &(ENTRY as u32).to_le_bytes());
    put(&mut file, optional + 24, &BASE.to_le_bytes());
    put(&mut file, optional + 32, &0x1000_u32.to_le_bytes());
    put(&mut file, optional + 36, &0x200_u32.to_le_bytes());
    put(&mut file, optional + 56, &0x7000_u32.to_le_bytes());
    put(&mut file, optional + 60, &0x400_u32.to_le_bytes());
    put(&mut file, optional + 108, &16_u32.to_le_bytes());
    for (address, size) in directories {
        file.extend(address.to_le_bytes());
        file.extend(size.to_le_bytes());
    }
    let mut offset = 0x400_u32;
    for (index, (name, bytes, characteristics)) in sections.iter().enumerate() {
        let mut header = [0; 40];
        put(&mut header, 0, name.as_bytes());
        put(&mut header, 8, &(bytes.len() as u32).to_le_bytes());
        put(&mut header, 12, &(0x1000 * (index as u32 + 1)).to_le_bytes());
        put(&mut header, 16, &(bytes.len() as u32).next_multiple_of(0x200).to_le_bytes());
        put(&mut header, 20, &offset.to_le_bytes());
        put(&mut header, 36, &characteristics.to_le_bytes());
        file.extend(header);
        offset += (bytes.len() as u32).next_multiple_of(0x200);
    }
    file.resize(0x400, 0);
    for (_, bytes, _) in sections {
        file.extend(bytes);
        file.resize(file.len().next_multiple_of(0x200), 0);
    }
    add_symbols(&mut file);
    file
}

/// Symbols as GNU tools leave them at the end of the file.
fn add_symbols(file: &mut Vec<u8>) {
    let start = file.len() as u32;
    let symbols = [("entry", 0_u32, 1_u16), ("writer", 0x40, 1), ("answer", 0, 4)];
    for (name, value, section) in symbols {
        let mut symbol = [0; 18];
        put(&mut symbol, 0, name.as_bytes());
        put(&mut symbol, 8, &value.to_le_bytes());
        put(&mut symbol, 12, &section.to_le_bytes());
        put(&mut symbol, 14, &0x20_u16.to_le_bytes());
        symbol[16] = 2;
        file.extend(symbol);
    }
    file.extend(4_u32.to_le_bytes());
    put(file, 0x4C, &start.to_le_bytes());
    put(file, 0x50, &(symbols.len() as u32).to_le_bytes());
}
