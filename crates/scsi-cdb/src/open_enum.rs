//! Enumerations over a code space that a drive or a later standard may extend.

/// Declares a newtype over an integer with named values.
///
/// Any value of the integer is representable, so nothing a drive sends has to be refused or cast. `name()` gives the
/// standard's name where there is one; `Debug` prints the name, or the number in hex.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $vis:vis $name:ident: $int:ty {
            $( $(#[$item_meta:meta])* $item:ident = $value:expr => $text:expr ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(pub $int);

        impl $name {
            $( $(#[$item_meta])* pub const $item: Self = Self($value); )*

            /// All named values, in the order of declaration.
            pub const NAMED: &'static [(Self, &'static str)] = &[ $( (Self::$item, $text) ),* ];

            /// The standard's name of this value, if it has one here.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                Self::NAMED.iter().find(|(value, _)| *value == self).map(|(_, text)| *text)
            }
        }

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                Self(value)
            }
        }

        impl From<$name> for $int {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(text) => f.write_str(text),
                    None => write!(f, "{}({:#04x})", stringify!($name), self.0),
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(self, f)
            }
        }
    };
}
