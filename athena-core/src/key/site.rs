//! Numbers for site names, so that keys stay short.
//!
//! Invariant: a name belongs to one function. A second function of that name is told so and gets no
//! number, because its entries could be taken for those of the first.

use std::collections::HashMap;

use super::near;
use crate::lock::RwLock;

/// Every site of the process that was called at least once.
struct KnownSites {
    numbers: HashMap<&'static str, Registered>,
    names: Vec<&'static str>,
}

#[derive(Clone, Copy)]
struct Registered {
    number: u32,
    /// Anything that tells functions apart, such as the address of a static.
    identity: usize,
    grouping: Grouping,
}

/// Whether all entries of a function can be invalidated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// They have a tag in common.
    Grouped,
    /// They have not.
    Single,
}

static SITES: RwLock<Option<KnownSites>> = RwLock::new(None);

/// The number of a site name, or `None` if another function has taken the name.
///
/// `identity` is anything that tells functions apart, such as the address of a static.
pub(crate) fn number(name: &'static str, identity: usize, grouping: Grouping) -> Option<u32> {
    let mut guard = SITES.write();
    let sites =
        guard.get_or_insert_with(|| KnownSites { numbers: HashMap::new(), names: Vec::new() });
    if let Some(registered) = sites.numbers.get(name) {
        return (registered.identity == identity).then_some(registered.number);
    }
    let number = u32::try_from(sites.names.len()).ok()?;
    sites.names.push(name);
    sites.numbers.insert(name, Registered { number, identity, grouping });
    Some(number)
}

/// The name behind a number.
pub(crate) fn name(number: u32) -> &'static str {
    let guard = SITES.read();
    let names = guard.as_ref().map(|sites| sites.names.as_slice()).unwrap_or_default();
    usize::try_from(number).ok().and_then(|place| names.get(place)).copied().unwrap_or("?")
}

/// The function of this name, if it was called in this process.
pub(crate) fn find(name: &str) -> Option<(&'static str, Grouping)> {
    let guard = SITES.read();
    let (name, registered) = guard.as_ref()?.numbers.get_key_value(name)?;
    Some((*name, registered.grouping))
}

/// The name that may have been meant by one that no function has.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let guard = SITES.read();
    near::nearest(name, guard.as_ref()?.names.iter().copied())
}
