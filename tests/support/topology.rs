//! How Redis runs, by the names of the command line.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    Standalone,
    Sentinel,
    Cluster,
}

pub(crate) const TOPOLOGIES: [(&str, Topology); 3] = [
    ("standalone", Topology::Standalone),
    ("sentinel", Topology::Sentinel),
    ("cluster", Topology::Cluster),
];

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(self, &TOPOLOGIES))
    }
}

/// The name of one of several things; nothing if it has none.
pub(crate) fn name_of<T: PartialEq>(it: &T, names: &'static [(&str, T)]) -> &'static str {
    names.iter().find(|(_, named)| named == it).map_or("", |(name, _)| name)
}
