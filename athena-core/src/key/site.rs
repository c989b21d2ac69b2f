//! Numbers for site names, so that keys stay short.
//!
//! Invariant: a name belongs to one function. A second function of that name is told so and gets no
//! number, because its entries could be taken for those of the first.

use std::collections::HashMap;

use crate::lock::RwLock;

/// Every site of the process that was called at least once.
struct Sites {
    numbers: HashMap<&'static str, (u32, usize)>,
    names: Vec<&'static str>,
}

static SITES: RwLock<Option<Sites>> = RwLock::new(None);

/// The number of a site name, or `None` if another function has taken the name.
///
/// `identity` is anything that tells functions apart, such as the address of a static.
pub(crate) fn number(name: &'static str, identity: usize) -> Option<u32> {
    let mut guard = SITES.write();
    let sites = guard.get_or_insert_with(|| Sites { numbers: HashMap::new(), names: Vec::new() });
    if let Some((number, owner)) = sites.numbers.get(name) {
        return (*owner == identity).then_some(*number);
    }
    let number = u32::try_from(sites.names.len()).ok()?;
    sites.names.push(name);
    sites.numbers.insert(name, (number, identity));
    Some(number)
}

/// The name behind a number.
pub(crate) fn name(number: u32) -> &'static str {
    let guard = SITES.read();
    let names = guard.as_ref().map(|sites| sites.names.as_slice()).unwrap_or_default();
    usize::try_from(number).ok().and_then(|place| names.get(place)).copied().unwrap_or("?")
}
