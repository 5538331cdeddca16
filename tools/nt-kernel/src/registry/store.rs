//! Keys and values.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::status;

/// No type.
pub const REG_NONE: u32 = 0;
/// A string.
pub const REG_SZ: u32 = 1;
/// A string with environment variables.
pub const REG_EXPAND_SZ: u32 = 2;
/// Bytes.
pub const REG_BINARY: u32 = 3;
/// A 32-bit number.
pub const REG_DWORD: u32 = 4;
/// Strings, with an empty one at the end.
pub const REG_MULTI_SZ: u32 = 7;
/// A 64-bit number.
pub const REG_QWORD: u32 = 11;

/// A value: its type and its bytes as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// One of the `REG_` numbers.
    pub kind: u32,
    /// The bytes; strings are UTF-16 with their terminators.
    pub data: Vec<u8>,
}

impl Value {
    /// A 32-bit number.
    #[must_use]
    pub fn dword(value: u32) -> Self {
        Self { kind: REG_DWORD, data: value.to_le_bytes().to_vec() }
    }

    /// A 64-bit number.
    #[must_use]
    pub fn qword(value: u64) -> Self {
        Self { kind: REG_QWORD, data: value.to_le_bytes().to_vec() }
    }

    /// A string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self { kind: REG_SZ, data: utf16(text) }
    }

    /// Strings.
    #[must_use]
    pub fn strings(texts: &[&str]) -> Self {
        let mut data: Vec<u8> = texts.iter().flat_map(|text| utf16(text)).collect();
        data.extend([0, 0]);
        Self { kind: REG_MULTI_SZ, data }
    }

    /// Bytes.
    #[must_use]
    pub fn binary(data: &[u8]) -> Self {
        Self { kind: REG_BINARY, data: data.to_vec() }
    }

    /// The number of a 32-bit value.
    #[must_use]
    pub fn as_dword(&self) -> Option<u32> {
        (self.kind == REG_DWORD).then(|| self.data.as_slice().try_into().ok().map(u32::from_le_bytes))?
    }

    /// The text of a string value, without terminator.
    #[must_use]
    pub fn as_string(&self) -> Option<String> {
        let units: Vec<u16> = self.data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let text = String::from_utf16_lossy(&units);
        matches!(self.kind, REG_SZ | REG_EXPAND_SZ).then(|| text.trim_end_matches('\0').to_owned())
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// A key with the spelling it was made with.
struct Node {
    path: String,
    values: Vec<(String, Value)>,
}

thread_local! {
    static KEYS: RefCell<BTreeMap<String, Node>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn reset() {
    KEYS.with_borrow_mut(|keys| {
        keys.clear();
        for path in [super::SERVICES, super::CONTROL] {
            create(keys, path);
        }
    });
}

/// How a path is looked up.
fn index(path: &str) -> String {
    path.trim_end_matches('\\').to_lowercase()
}

/// Creates a key and what is missing above it; whether it was made now.
fn create(keys: &mut BTreeMap<String, Node>, path: &str) -> bool {
    let path = path.trim_end_matches('\\');
    if path.is_empty() || keys.contains_key(&index(path)) {
        return false;
    }
    if let Some((above, _)) = path.rsplit_once('\\') {
        create(keys, above);
    }
    keys.insert(index(path), Node { path: path.to_owned(), values: Vec::new() });
    true
}

/// An open key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    path: String,
}

/// Opens a key by its full path; `create` makes it, and what is missing above it.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND`; `OBJECT_PATH_INVALID` for a path that does not begin with a backslash.
pub fn open(path: &str, create: bool) -> Result<Key, i32> {
    if !path.starts_with('\\') {
        return Err(status::OBJECT_PATH_INVALID);
    }
    KEYS.with_borrow_mut(|keys| {
        if create {
            self::create(keys, path);
        }
        let node = keys.get(&index(path)).ok_or(status::OBJECT_NAME_NOT_FOUND)?;
        Ok(Key { path: node.path.clone() })
    })
}

/// A value of the key with this path.
///
/// # Errors
/// As [`open`] and [`Key::query`].
pub fn query(path: &str, name: &str) -> Result<Value, i32> {
    open(path, false)?.query(name)
}

/// Sets a value of the key with this path, which is made when there is none.
///
/// # Errors
/// As [`open`].
pub fn set(path: &str, name: &str, value: Value) -> Result<(), i32> {
    open(path, true)?.set(name, value)
}

/// Deletes a value of the key with this path.
///
/// # Errors
/// As [`open`] and [`Key::delete_value`].
pub fn delete(path: &str, name: &str) -> Result<(), i32> {
    open(path, false)?.delete_value(name)
}

impl Key {
    /// The full path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Opens a key below this one.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(&self, below: &str, create: bool) -> Result<Self, i32> {
        if below.is_empty() { Ok(self.clone()) } else { open(&format!(r"{}\{below}", self.path), create) }
    }

    /// A value; the empty name is the key's default value.
    ///
    /// # Errors
    /// `OBJECT_NAME_NOT_FOUND` without such a value, `KEY_DELETED` without the key.
    pub fn query(&self, name: &str) -> Result<Value, i32> {
        self.with(|node| node.find(name).map(|at| node.values[at].1.clone()).ok_or(status::OBJECT_NAME_NOT_FOUND))
    }

    /// Sets a value.
    ///
    /// # Errors
    /// `KEY_DELETED` when the key is gone.
    pub fn set(&self, name: &str, value: Value) -> Result<(), i32> {
        self.with(|node| {
            match node.find(name) {
                Some(at) => node.values[at].1 = value,
                None => node.values.push((name.to_owned(), value)),
            }
            Ok(())
        })
    }

    /// Deletes a value.
    ///
    /// # Errors
    /// As [`Key::query`].
    pub fn delete_value(&self, name: &str) -> Result<(), i32> {
        self.with(|node| {
            let at = node.find(name).ok_or(status::OBJECT_NAME_NOT_FOUND)?;
            node.values.remove(at);
            Ok(())
        })
    }

    /// Deletes the key.
    ///
    /// # Errors
    /// `ACCESS_DENIED` while there are keys below it, `KEY_DELETED` when it is gone already.
    pub fn delete(&self) -> Result<(), i32> {
        if !self.subkeys().is_empty() {
            return Err(status::ACCESS_DENIED);
        }
        KEYS.with_borrow_mut(|keys| keys.remove(&index(&self.path)).map(|_| ()).ok_or(status::KEY_DELETED))
    }

    /// The names of the keys directly below, in alphabetical order.
    #[must_use]
    pub fn subkeys(&self) -> Vec<String> {
        let prefix = format!(r"{}\", index(&self.path));
        KEYS.with_borrow(|keys| {
            let below = keys.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
            below
                .filter(|(path, _)| !path[prefix.len()..].contains('\\'))
                .filter_map(|(_, node)| node.path.rsplit_once('\\').map(|(_, name)| name.to_owned()))
                .collect()
        })
    }

    /// All values, in the order in which they were made.
    #[must_use]
    pub fn values(&self) -> Vec<(String, Value)> {
        self.with(|node| Ok(node.values.clone())).unwrap_or_default()
    }

    fn with<T>(&self, action: impl FnOnce(&mut Node) -> Result<T, i32>) -> Result<T, i32> {
        KEYS.with_borrow_mut(|keys| action(keys.get_mut(&index(&self.path)).ok_or(status::KEY_DELETED)?))
    }
}

impl Node {
    fn find(&self, name: &str) -> Option<usize> {
        self.values.iter().position(|(own, _)| own.to_lowercase() == name.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_without_regard_to_case() {
        reset();
        set(r"\Registry\Machine\Software\Thing", "Number", Value::dword(7)).unwrap();
        assert_eq!(query(r"\REGISTRY\machine\software\THING\", "nUMBER").unwrap().as_dword(), Some(7));
        assert_eq!(open(r"\Registry\Machine\Software", false).unwrap().subkeys(), ["Thing"]);
    }

    #[test]
    fn what_is_missing_says_so() {
        reset();
        assert_eq!(open(r"\Registry\Machine\Nothing", false), Err(status::OBJECT_NAME_NOT_FOUND));
        assert_eq!(open("Relative", true), Err(status::OBJECT_PATH_INVALID));
        assert_eq!(query(super::super::SERVICES, "Nothing"), Err(status::OBJECT_NAME_NOT_FOUND));
        assert_eq!(delete(super::super::SERVICES, "Nothing"), Err(status::OBJECT_NAME_NOT_FOUND));
    }

    #[test]
    fn a_key_with_keys_below_stays() {
        reset();
        let above = open(r"\Registry\Machine\A", true).unwrap();
        let below = above.open("B", true).unwrap();
        assert_eq!(above.delete(), Err(status::ACCESS_DENIED));
        below.delete().unwrap();
        above.delete().unwrap();
        assert_eq!(above.set("x", Value::dword(1)), Err(status::KEY_DELETED));
    }

    #[test]
    fn strings_keep_their_terminators() {
        assert_eq!(Value::string("ab").data, [b'a', 0, b'b', 0, 0, 0]);
        assert_eq!(Value::strings(&["a"]).data, [b'a', 0, 0, 0, 0, 0]);
        assert_eq!(Value::string("ab").as_string().as_deref(), Some("ab"));
    }
}
