//! Not yet provided.
/// Functions.
pub const FUNCTIONS: &[crate::functions::Function] = &[];
