//! Whether the entries of a function can be invalidated together, as far as this process knows.

use super::{Doubt, Sites};
use crate::key::site::{self, Grouping};
use crate::telemetry::log;

/// So many names are told of: a program may make them up.
const MOST_TOLD: usize = 64;

impl Sites {
    /// Whether the function was called here, and is not `grouped`.
    ///
    /// One that was not may be called elsewhere; a name that looks like a mistake is told of.
    pub(crate) fn lacks_group(&self, name: &str) -> bool {
        if let Some((_, grouping)) = site::find(name) {
            return grouping == Grouping::Single;
        }
        if let Some(nearest) = site::nearest(name).filter(|_| self.is_news(name, Doubt::Unknown)) {
            log::function_unknown(&self.cache, name, nearest);
        }
        false
    }

    /// The same for a name that stands in the program, where nobody takes an error.
    pub(crate) fn expect_group(&self, name: &str) {
        if self.lacks_group(name) && self.is_news(name, Doubt::Ungrouped) {
            log::not_grouped(&self.cache, name);
        }
    }

    fn is_news(&self, name: &str, doubt: Doubt) -> bool {
        let mut told = self.told.lock();
        told.len() < MOST_TOLD && told.insert((name.into(), doubt))
    }
}
