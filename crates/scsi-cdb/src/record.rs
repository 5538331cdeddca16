//! The macro that makes a structure of an answer or of a parameter list out of a list of fields.

/// Declares a structure of fixed length: its documentation, length in bytes, and fields with their places
/// (see [`layout`](crate::layout)).
///
/// `parse` and `to_bytes` come from the one list, and `Default` is the structure of zero bytes.
///
/// ```text
/// record! {
///     /// A speed.
///     pub struct Speed: 4 {
///         /// Kilobytes a second.
///         speed: u32 = Be32(0),
///     }
/// }
/// ```
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident: $length:literal {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $layout:expr ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// The structure at the start of `bytes`; reserved bits and the bytes that follow are ignored.
            ///
            /// # Errors
            /// [`ParseError::TooShort`](crate::ParseError::TooShort) for fewer than [`Self::LENGTH`] bytes.
            pub fn parse(bytes: &[u8]) -> Result<Self, $crate::error::ParseError> {
                let block = $crate::bytes::array_at::<$length>(bytes, 0)?;
                let _ = &block;
                Ok(Self { $( $field: $crate::layout::Layout::<$type>::get(&$layout, &block)?, )* })
            }

            /// The structure on the wire, reserved bits zero; bits of a value that do not fit its field are lost.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $length] {
                let mut block = [0_u8; $length];
                let _ = &mut block;
                $( $crate::layout::Layout::<$type>::set(&$layout, &mut block, self.$field); )*
                block
            }
        }
    };
}
