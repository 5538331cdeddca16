//! Formatted text, as the kernel's printf family makes it.

use super::string::{terminated, terminated_bytes, utf16};
use crate::layout::{STRING, UNICODE_STRING};
use crate::{get, raw};

/// One conversion: `%-08.3I64x`.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternative: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    size: Size,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Size {
    #[default]
    Plain,
    Char,
    Short,
    Long64,
    Wide,
}

/// The arguments: eight bytes each, as the x64 convention has them.
struct Arguments(*const u64);

impl Arguments {
    fn next(&mut self) -> u64 {
        let value = raw::read(self.0);
        self.0 = self.0.wrapping_add(1);
        value
    }
}

/// Formats. `wide`: the format is that of a wide function, so that `%s` is a wide string.
#[must_use]
pub fn format(format: &[u16], wide: bool, arguments: *const u64) -> Vec<u16> {
    let mut arguments = Arguments(arguments);
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&unit) = format.get(at) {
        at += 1;
        if unit != u16::from(b'%') {
            out.push(unit);
            continue;
        }
        let (spec, next) = parse(format, at, &mut arguments);
        let Some(conversion) = format.get(next) else { break };
        at = next + 1;
        convert(&spec, char::from_u32(u32::from(*conversion)).unwrap_or('?'), wide, &mut arguments, &mut out);
    }
    out
}

fn parse(format: &[u16], start: usize, arguments: &mut Arguments) -> (Spec, usize) {
    let mut spec = Spec::default();
    let mut at = start;
    let unit = |at: usize| format.get(at).and_then(|&unit| u8::try_from(unit).ok()).unwrap_or(0);
    loop {
        match unit(at) {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'#' => spec.alternative = true,
            b'0' => spec.zero = true,
            _ => break,
        }
        at += 1;
    }
    let number = |at: &mut usize, arguments: &mut Arguments| {
        if unit(*at) == b'*' {
            *at += 1;
            return arguments.next() as i32;
        }
        let mut value = 0_i32;
        while unit(*at).is_ascii_digit() {
            value = value.saturating_mul(10).saturating_add(i32::from(unit(*at) - b'0'));
            *at += 1;
        }
        value
    };
    let width = number(&mut at, arguments);
    spec.left |= width < 0;
    spec.width = width.unsigned_abs() as usize;
    if unit(at) == b'.' {
        at += 1;
        spec.precision = usize::try_from(number(&mut at, arguments)).ok();
    }
    loop {
        let (size, length) = match (unit(at), unit(at + 1), unit(at + 2)) {
            (b'h', b'h', _) => (Size::Char, 2),
            (b'h', ..) => (Size::Short, 1),
            (b'l', b'l', _) => (Size::Long64, 2),
            // A long has 32 bits, and before `s` and `c` it means wide.
            (b'l' | b'w', ..) => (Size::Wide, 1),
            (b'I', b'6', b'4') => (Size::Long64, 3),
            (b'I', b'3', b'2') => (Size::Plain, 3),
            (b'I' | b'z' | b'j' | b't', ..) => (Size::Long64, 1),
            _ => break,
        };
        spec.size = size;
        at += length;
    }
    (spec, at)
}

fn convert(spec: &Spec, conversion: char, wide: bool, arguments: &mut Arguments, out: &mut Vec<u16>) {
    match conversion {
        '%' => out.push(u16::from(b'%')),
        'd' | 'i' => {
            let value = signed(spec.size, arguments.next());
            let sign = if value < 0 {
                "-"
            } else if spec.plus {
                "+"
            } else if spec.space {
                " "
            } else {
                ""
            };
            number(spec, sign, &value.unsigned_abs().to_string(), out);
        }
        'u' => number(spec, "", &unsigned(spec.size, arguments.next()).to_string(), out),
        'o' => number(spec, "", &format!("{:o}", unsigned(spec.size, arguments.next())), out),
        'x' | 'X' => {
            let value = unsigned(spec.size, arguments.next());
            let digits = if conversion == 'x' { format!("{value:x}") } else { format!("{value:X}") };
            let prefix = match (spec.alternative && value != 0, conversion) {
                (true, 'x') => "0x",
                (true, _) => "0X",
                _ => "",
            };
            number(spec, prefix, &digits, out);
        }
        'p' => pad(spec, &units(&format!("{:016X}", arguments.next())), out),
        'c' | 'C' => {
            let value = arguments.next();
            let is_wide = is_wide(spec.size, wide ^ (conversion == 'C'));
            pad(spec, &[if is_wide { value as u16 } else { u16::from(value as u8) }], out);
        }
        's' | 'S' => {
            let text = text(arguments.next() as usize, is_wide(spec.size, wide ^ (conversion == 'S')));
            pad(spec, cut(spec, &text), out);
        }
        'Z' => {
            let text = counted(arguments.next() as usize, spec.size == Size::Wide);
            pad(spec, cut(spec, &text), out);
        }
        other => out.extend(units(&format!("%{other}"))),
    }
}

fn is_wide(size: Size, otherwise: bool) -> bool {
    match size {
        Size::Wide => true,
        Size::Short => false,
        _ => otherwise,
    }
}

fn signed(size: Size, value: u64) -> i64 {
    match size {
        Size::Char => i64::from(value as i8),
        Size::Short => i64::from(value as i16),
        Size::Long64 => value.cast_signed(),
        Size::Plain | Size::Wide => i64::from(value as i32),
    }
}

fn unsigned(size: Size, value: u64) -> u64 {
    match size {
        Size::Char => u64::from(value as u8),
        Size::Short => u64::from(value as u16),
        Size::Long64 => value,
        Size::Plain | Size::Wide => u64::from(value as u32),
    }
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(address: usize, wide: bool) -> Vec<u16> {
    if address == 0 {
        units("(null)")
    } else if wide {
        terminated(address as *const u16)
    } else {
        terminated_bytes(address as *const u8).into_iter().map(u16::from).collect()
    }
}

fn counted(address: usize, wide: bool) -> Vec<u16> {
    if address == 0 {
        return units("(null)");
    }
    if wide {
        return utf16(address as *const UNICODE_STRING);
    }
    let string = address as *mut STRING;
    raw::bytes(get!(string, Buffer), usize::from(get!(string, Length))).into_iter().map(u16::from).collect()
}

fn cut<'a>(spec: &Spec, text: &'a [u16]) -> &'a [u16] {
    &text[..text.len().min(spec.precision.unwrap_or(usize::MAX))]
}

fn number(spec: &Spec, prefix: &str, digits: &str, out: &mut Vec<u16>) {
    let least = match spec.precision {
        Some(precision) => precision,
        None if spec.zero && !spec.left => spec.width.saturating_sub(prefix.len()),
        None => 1,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    pad(spec, &units(&format!("{prefix}{zeros}{digits}")), out);
}

fn pad(spec: &Spec, text: &[u16], out: &mut Vec<u16>) {
    let blanks = std::iter::repeat_n(u16::from(b' '), spec.width.saturating_sub(text.len()));
    if spec.left {
        out.extend(text);
        out.extend(blanks);
    } else {
        out.extend(blanks);
        out.extend(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(text: &str, arguments: &[u64]) -> String {
        String::from_utf16(&format(&units(text), false, arguments.as_ptr())).unwrap()
    }

    #[test]
    fn numbers_have_the_width_that_their_size_says() {
        assert_eq!(narrow("%d %u %x", &[u64::MAX, u64::MAX, 0x1_0000_00AB]), "-1 4294967295 ab");
        assert_eq!(narrow("%I64d %llx %Ix", &[u64::MAX, 1 << 40, 1 << 33]), "-1 10000000000 200000000");
        assert_eq!(narrow("%hd %hhx", &[0xFFFF_FFFE, 0x1FF]), "-2 ff");
        assert_eq!(
            narrow("%08lX|%-6d|%6d|%+d|%#x|%.3d", &[0xC0DE, 5, 5, 5, 255, 7]),
            "0000C0DE|5     |     5|+5|0xff|007"
        );
        assert_eq!(narrow("%p %%", &[0x1234]), "0000000000001234 %");
    }

    #[test]
    fn strings_are_narrow_or_wide() {
        let wide: Vec<u16> = units("wide\0");
        let string = UNICODE_STRING { Length: 4, MaximumLength: 8, Buffer: wide.as_ptr().cast_mut() };
        let narrow_text = c"narrow".as_ptr() as u64;
        let arguments = [narrow_text, wide.as_ptr() as u64, wide.as_ptr() as u64, &raw const string as u64];
        assert_eq!(narrow("%s %ws %S %wZ", &arguments), "narrow wide wide wi");
        assert_eq!(narrow("[%-*.*s] %s", &[8, 3, narrow_text, 0]), "[nar     ] (null)");
        let text = format(&units("%s %S"), true, [wide.as_ptr() as u64, narrow_text].as_ptr());
        assert_eq!(String::from_utf16(&text).unwrap(), "wide narrow");
    }
}
