//! Arguments: 19 bytes each.

use std::sync::Arc;

const LENGTH: usize = 19;
/// Coprime to every number of names that is used, and far from its multiples.
const STEP: u64 = 2_654_435_761;

pub(crate) fn name(number: u64) -> String {
    format!("product-{number:011}")
}

/// Many names in one text, so that reading them costs no more than reading one.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<str>);

impl Names {
    /// So many different ones, from that number on.
    pub(crate) fn from(first: u64, count: u64) -> Self {
        Self((first..first + count).map(name).collect::<String>().into())
    }

    /// The same in an order that nobody foresees.
    pub(crate) fn shuffled(count: u64) -> Self {
        Self((0..count).map(|place| name(place * STEP % count)).collect::<String>().into())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len() / LENGTH
    }

    /// The name at a place; after the last comes the first again.
    pub(crate) fn at(&self, place: usize) -> &str {
        &self.0[place % self.count() * LENGTH..][..LENGTH]
    }
}

impl<'n> FromIterator<&'n str> for Names {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        Self(names.into_iter().collect::<String>().into())
    }
}
