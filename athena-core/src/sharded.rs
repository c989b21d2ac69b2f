//! State in parts, so that threads which are after different keys do not wait for each other.

/// Parts, found by a hash; a power of two of them.
#[derive(Debug)]
pub(crate) struct Sharded<T>(Box<[T]>);

impl<T: Default> Sharded<T> {
    /// At least `count` parts.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count.next_power_of_two()).map(|_| T::default()).collect())
    }
}

impl<T> Sharded<T> {
    /// The part of a hash.
    #[inline]
    pub(crate) fn of(&self, hash: u64) -> &T {
        // Tables inside a part take the lowest and the highest bits.
        &self.0[usize::try_from(hash >> 40).unwrap_or_default() & (self.0.len() - 1)]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}
