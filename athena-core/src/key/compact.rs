//! The bytes of a key as an entry keeps them: in the entry itself where they are few.
//!
//! Invariant: they are those of the key.

use super::Key;

/// Longest key that takes no memory of its own, in bytes.
const SHORT: usize = 30;

/// The name of an entry in memory.
#[derive(Clone)]
pub(crate) enum CompactKey {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl CompactKey {
    pub(crate) fn of(key: &Key) -> Self {
        let given = key.bytes();
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..given.len()), u8::try_from(given.len())) {
            (Some(short), Ok(len)) => {
                short.copy_from_slice(given);
                Self::Short { len, bytes }
            }
            _ => Self::Long(given.into()),
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        }
    }

    /// Bytes that it takes beside those of the entry.
    pub(crate) fn apart(&self) -> usize {
        match self {
            Self::Short { .. } => 0,
            Self::Long(bytes) => bytes.len(),
        }
    }
}

/// Shows nothing of what it is made of.
impl std::fmt::Debug for CompactKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompactKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_its_length_it_is_the_key() {
        assert_eq!(size_of::<CompactKey>(), 32);
        for len in [0, 1, SHORT - 2, SHORT - 1, SHORT, SHORT + 1, 200] {
            let key = Key::named(&"x".repeat(len));
            let compact = CompactKey::of(&key);
            assert_eq!(compact.bytes(), key.bytes());
            let apart = if key.bytes().len() > SHORT { key.bytes().len() } else { 0 };
            assert_eq!(compact.apart(), apart, "{len}");
        }
    }
}
