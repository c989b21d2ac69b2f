//! Whether the entries of a function can be invalidated together, as far as this process knows.

use super::{Doubt, Sites};
use crate::key::site::{self, Grouping};
use crate::telemetry::log;

/// So many names are told of: a program may make them up.
const MOST_TOLD: usize = 64;

impl Sites {
    /// Whether the function was called here, and is not `grouped`.
    ///
    /// One that was not may be called elsewhere, or nowhere: it is told of.
    pub(crate) fn lacks_group(&self, name: &str) -> bool {
        let known = site::find(name);
        if known.is_none() && self.is_news(name, Doubt::Unknown) {
            log::function_unknown(&self.cache, name, site::nearest(name));
        }
        known.is_some_and(|(_, grouping)| grouping == Grouping::Single)
    }

    /// The same for a name that stands in the program, where nobody takes an error.
    ///
    /// Whoever writes may do so before anybody reads: one that was not called is told of only if it looks like a mistake.
    pub(crate) fn expect_group(&self, name: &str) {
        let is_likely = || site::find(name).is_some() || site::nearest(name).is_some();
        if is_likely() && self.lacks_group(name) && self.is_news(name, Doubt::Ungrouped) {
            log::not_grouped(&self.cache, name);
        }
    }

    fn is_news(&self, name: &str, doubt: Doubt) -> bool {
        let mut told = self.told.lock();
        told.len() < MOST_TOLD && told.insert((name.into(), doubt))
    }
}
