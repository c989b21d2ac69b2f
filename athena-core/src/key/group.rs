//! What the entries of one function have in common, if it says `grouped`.
//!
//! Invariant: whatever such a function reads from a backend carries its tag. So the brand is in the fingerprint of its
//! values: what another function, or a build in which it was not grouped, wrote under the same name is unreadable.

use sha2::{Digest, Sha256};

use crate::tag::Tag;

/// The group of a function.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) tag: Tag,
    /// Tells its fingerprints from those of others.
    pub(crate) brand: u64,
}

impl Group {
    pub(crate) fn of(function: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"athena-cache group 1");
        hash.update(function);
        let digest: [u8; 32] = hash.finalize().into();
        let brand = digest.iter().take(8).fold(0, |brand, &byte| brand << 8 | u64::from(byte));
        Self { tag: Self::tag(function), brand }
    }

    /// The tag alone, which is all that an invalidation needs.
    pub(crate) fn tag(function: &str) -> Tag {
        Tag::new(format!("f:{function}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brand_is_the_same_in_every_build_and_another_for_every_function() {
        // In production: another number makes what is stored unreadable.
        assert_eq!(Group::of("shop::products").brand, 0xd818_e9a0_8a01_406e);
        assert_ne!(Group::of("shop::products").brand, Group::of("shop::product").brand);
        assert_eq!(Group::of("shop::products").tag.as_str(), "f:shop::products");
    }
}
