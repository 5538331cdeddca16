//! A short run of items kept inline.

/// At most `N` items; what does not fit is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob<T, const N: usize> {
    items: [T; N],
    length: usize,
}

impl<T: Copy + Default, const N: usize> Default for Blob<T, N> {
    fn default() -> Self {
        Self { items: [T::default(); N], length: 0 }
    }
}

impl<T: Copy + Default, const N: usize> Blob<T, N> {
    /// Keeps the first `N` items of `source`.
    #[must_use]
    pub fn new(source: &[T]) -> Self {
        let mut blob = Self::default();
        let length = source.len().min(N);
        if let (Some(room), Some(part)) = (blob.items.get_mut(..length), source.get(..length)) {
            room.copy_from_slice(part);
            blob.length = length;
        }
        blob
    }

    /// The items.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        self.items.get(..self.length).unwrap_or(&[])
    }
}
