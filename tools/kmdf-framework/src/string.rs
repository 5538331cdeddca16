//! String objects.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::layout::UNICODE_STRING;
use nt_kernel::{pool, raw};

use crate::client::{self, Globals};
use crate::fail::require;
use crate::functions::Function;
use crate::objects::{self, Body, Handle, Kind, Plan, store};
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::{status, unicode};

/// What this module implements.
pub const FUNCTIONS: &[Function] =
    &[("WdfStringCreate", create as *const ()), ("WdfStringGetUnicodeString", get_unicode_string as *const ())];

/// A string: its units lie in a block of pool that the driver may read, with a NUL behind them.
pub struct Text {
    tag: u32,
    block: Cell<*mut u16>,
    units: Cell<u16>,
}

impl Body for Text {
    fn destroy(&self, _handle: Handle) {
        self.clear();
    }
}

impl Text {
    fn empty(tag: u32) -> Text {
        Text { tag, block: Cell::new(std::ptr::null_mut()), units: Cell::new(0) }
    }

    fn clear(&self) {
        let block = self.block.replace(std::ptr::null_mut());
        self.units.set(0);
        if !block.is_null() {
            pool::free(block.cast());
        }
    }

    /// Replaces the text.
    ///
    /// # Errors
    /// STATUS_INSUFFICIENT_RESOURCES; STATUS_INVALID_PARAMETER for a text that no UNICODE_STRING can hold.
    pub fn assign(&self, text: &str) -> Result<(), i32> {
        let text: Vec<u16> = text.encode_utf16().collect();
        let units = u16::try_from(text.len()).ok().filter(|units| *units < 0x7FFF).ok_or(status::INVALID_PARAMETER)?;
        let block = pool::allocate(true, 2 * (text.len() + 1), self.tag).cast::<u16>();
        if block.is_null() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        raw::copy_bytes(text.as_ptr().cast(), block.cast(), 2 * text.len());
        raw::write(block.wrapping_add(text.len()), 0);
        self.clear();
        self.block.set(block);
        self.units.set(units);
        Ok(())
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        unicode::read(&self.view()).unwrap_or_default()
    }

    /// The text as drivers see it: valid while the object lives and gets no other text.
    fn view(&self) -> UNICODE_STRING {
        let block = self.block.get();
        let length = 2 * self.units.get();
        UNICODE_STRING { Length: length, MaximumLength: if block.is_null() { 0 } else { length + 2 }, Buffer: block }
    }
}

/// The string of a handle.
#[must_use]
pub fn get(handle: Handle) -> Rc<Text> {
    objects::get(handle, Kind::String, "String")
}

/// Makes a string object with a text.
///
/// # Errors
/// STATUS_INSUFFICIENT_RESOURCES; STATUS_DELETE_PENDING.
pub(crate) fn create_with(plan: Plan, text: &str) -> Result<Handle, i32> {
    let body = Rc::new(Text::empty(plan.client.tag.get()));
    body.assign(text)?;
    let made: Rc<Text> = Rc::clone(&body);
    objects::create(plan, made).inspect_err(|_| body.clear())
}

unsafe extern "win64" fn create(
    globals: Globals,
    string: *const UNICODE_STRING,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    store(out, "String", || {
        let plan = Plan::check(&client, Kind::String, attributes, client.driver.get())?;
        match unicode::read_optional(string)? {
            Some(text) => create_with(plan, &text),
            None => {
                let body = Rc::new(Text::empty(client.tag.get()));
                objects::create(plan, body)
            }
        }
    })
}

unsafe extern "win64" fn get_unicode_string(_: Globals, string: Handle, out: *mut UNICODE_STRING) {
    let body = get(string);
    require(out, "UnicodeString");
    raw::write(out, body.view());
}
