//! Where nodes are reached that announce addresses which do not lead there.
//!
//! Invariant: whatever nodes say about where others are becomes an endpoint here and nowhere else.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use athena_cache_core::backend::Excerpt;
use serde::{Deserialize, Serialize, Serializer};

use crate::url::{self, Endpoint};

/// Stands for every host that nothing else is said of.
const ANY: &str = "*";

/// Tells where to reach what a node announces.
#[derive(Clone)]
pub(crate) struct AddressFn(Arc<Find>);

/// A host and a port for a host and a port.
type Find = dyn Fn(&str, u16) -> (String, u16) + Send + Sync;

/// What to dial in place of what is announced.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    exact: HashMap<Endpoint, Reached>,
    hosts: HashMap<String, Reached>,
    any: Option<Reached>,
    function: Option<AddressFn>,
}

/// What a user says, by what is announced.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct AddressTable(BTreeMap<String, String>);

/// A host; with no port of its own it keeps the one that was announced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reached {
    host: String,
    port: Option<u16>,
}

impl AddressTable {
    pub(super) fn insert(&mut self, announced: String, reached: String) {
        self.0.insert(announced, reached);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with it.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        faults(&self.0)
    }
}

impl fmt::Debug for AddressTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.iter().map(|(announced, reached)| (shown(announced), shown(reached)));
        f.debug_map().entries(entries).finish()
    }
}

impl Serialize for AddressTable {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(announced, reached)| (plain(announced), plain(reached))))
    }
}

impl AddressFn {
    pub(super) fn new(find: impl Fn(&str, u16) -> (String, u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }
}

impl PartialEq for AddressFn {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for AddressFn {}

impl fmt::Debug for AddressFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressFn")
    }
}

impl Addresses {
    /// Puts together a table that was checked, and a function for what is not in it.
    pub(super) fn new(table: &AddressTable, function: Option<AddressFn>) -> Self {
        let mut addresses = Self { function, ..Self::default() };
        for (announced, reached) in &table.0 {
            let (Some((host, port)), Some(place)) = (url::parse_address(announced), place(reached))
            else {
                continue;
            };
            match port {
                Some(port) => {
                    let announced = Endpoint { host: host.to_owned(), port };
                    addresses.exact.insert(announced, place);
                }
                None if host == ANY => addresses.any = Some(place),
                None => drop(addresses.hosts.insert(host.to_owned(), place)),
            }
        }
        addresses
    }

    /// Where to reach a node that is said to be at a host and port; none if they name no place.
    pub(crate) fn find(&self, host: &str, port: &str) -> Option<Endpoint> {
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (url::is_host(host) && host != "?")
            .then(|| self.reach(Endpoint { host: host.to_owned(), port }))
    }

    /// Where to reach a node that is said to be at an endpoint.
    pub(crate) fn reach(&self, announced: Endpoint) -> Endpoint {
        let listed = self.exact.get(&announced).or_else(|| self.hosts.get(&announced.host));
        match (listed, &self.function, &self.any) {
            (None, Some(function), _) => function.call(announced),
            (Some(place), ..) | (None, None, Some(place)) => {
                Endpoint { host: place.host.clone(), port: place.port.unwrap_or(announced.port) }
            }
            (None, None, None) => announced,
        }
    }
}

impl AddressFn {
    /// Asks code that is not ours: where it panics, or names no place, what was announced counts.
    fn call(&self, announced: Endpoint) -> Endpoint {
        let Endpoint { host, port } = &announced;
        match catch_unwind(AssertUnwindSafe(|| (self.0)(host, *port))) {
            Ok((host, port)) if !host.is_empty() && port != 0 => Endpoint { host, port },
            Ok(_) | Err(_) => {
                tracing::debug!(%announced, "`addresses_by` names no place for an address");
                announced
            }
        }
    }
}

fn faults(table: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    table.iter().filter_map(|(announced, reached)| {
        let is_good = match url::parse_address(announced) {
            Some((host, port)) => host != ANY || port.is_none(),
            None => false,
        };
        let is_place = place(reached).is_some_and(|place| place.host != ANY);
        (!is_good || !is_place).then(|| {
            format!(
                "`addresses` has {:?} = {:?}, allowed are `host:port` and `host` on both \
                 sides, and `*` for all other hosts on the left",
                shown(announced),
                shown(reached)
            )
        })
    })
}

/// An address as it is; nothing of what looks like a URL in its place, which may hold a password.
fn plain(text: &str) -> &str {
    if text.contains(['@', '?', '/']) { url::HIDDEN } else { text }
}

fn shown(text: &str) -> Excerpt {
    Excerpt::of(plain(text))
}

fn place(text: &str) -> Option<Reached> {
    let (host, port) = url::parse_address(text)?;
    Some(Reached { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }

    fn table(pairs: &[(&str, &str)]) -> AddressTable {
        let pairs = pairs.iter().map(|&(from, to)| (from.to_owned(), to.to_owned()));
        AddressTable(pairs.collect())
    }

    #[test]
    fn the_most_precise_entry_says_where_a_node_is_reached() {
        let pairs = [
            ("10.0.0.1:6379", "gateway:7001"),
            ("10.0.0.1", "other"),
            ("[fd00::1]:6379", "[::1]:7002"),
            ("*", "rest"),
        ];
        let addresses = Addresses::new(&table(&pairs), None);
        for (announced, reached) in [
            (at("10.0.0.1", 6379), at("gateway", 7001)),
            (at("10.0.0.1", 6380), at("other", 6380)),
            (at("fd00::1", 6379), at("::1", 7002)),
            (at("10.0.0.2", 6379), at("rest", 6379)),
        ] {
            assert_eq!(addresses.reach(announced), reached);
        }
        assert_eq!(Addresses::default().reach(at("a", 1)), at("a", 1));
    }

    #[test]
    fn a_function_is_asked_for_what_the_table_does_not_name() {
        let function = AddressFn::new(|host, port| match host {
            "bad" => panic!("no such host"),
            "none" => (String::new(), port),
            _ => (format!("{host}.example"), port + 1),
        });
        let addresses = Addresses::new(&table(&[("a", "b")]), Some(function));
        for (announced, reached) in [
            (at("a", 1), at("b", 1)),
            (at("c", 1), at("c.example", 2)),
            (at("bad", 1), at("bad", 1)),
            (at("none", 1), at("none", 1)),
        ] {
            assert_eq!(addresses.reach(announced), reached);
        }
    }

    #[test]
    fn what_names_no_place_is_nowhere() {
        let addresses = Addresses::new(&table(&[("a", "b")]), None);
        assert_eq!(addresses.find("a", "1"), Some(at("b", 1)));
        for (host, port) in [("", "1"), ("?", "1"), ("a", "0"), ("a", "x"), ("a", "")] {
            assert_eq!(addresses.find(host, port), None, "{host}:{port}");
        }
    }
}
