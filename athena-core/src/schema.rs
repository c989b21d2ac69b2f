//! Tells apart the definitions of a type that share a name.
//!
//! Postcard's bytes do not describe themselves: bytes written for an older struct may decode into a
//! wrong value without an error. So the key of an entry carries a [`Fingerprint`] of its type, taken
//! by running `T::deserialize` against a probe that writes down every request (names, fields,
//! variants, scalars, lengths, in order) and answers with made-up values.
//!
//! Invariant: the fingerprint depends on the definition of the type and on `version` alone, never
//! on platform, build or the made-up values. The golden values in the tests pin it, because
//! changing one orphans every entry in production.
//!
//! | file | job |
//! |---|---|
//! | `probe`, `access` | the `Deserializer` that types are run against |
//! | `tracer`, `pass` | one run after another until nothing is left to see |
//! | `graph`, `choice`, `shape` | what has been seen so far |
//! | `search`, `sample` | which made-up values to try when a type refuses one |
//! | `digest` | from what was seen to 64 bits |
//! | `outline` | from what was seen to what writers are held against |

mod access;
mod choice;
mod digest;
mod graph;
mod knowledge;
mod outline;
mod pass;
mod probe;
mod refusal;
mod sample;
mod search;
mod shape;
mod tracer;

#[cfg(test)]
mod tests;

use self::graph::Graph;
use self::knowledge::Knowledge;
use serde::de::DeserializeOwned;

pub(crate) use outline::{Expected, Outline};
pub(crate) use shape::{Scalar, TypeShape};

use tracer::Tracer;

/// Fingerprints the definition of `T`, as its `Deserialize` impl shows it.
///
/// A field gained, lost, renamed, retyped or moved changes the result, at any depth; so does
/// `version`. Types that only differ in module or type name aliases do not, nor do owned and
/// borrowed forms of one value (`String`, `Box<str>`), which share their bytes.
///
/// The work is bounded (see [`Fingerprint::is_traced`]) but not free: call it once per type, and
/// keep the result. It runs `T::deserialize` on made-up values, so an impl that panics on unusual
/// input panics here too; then [`untraced`] stands for the type.
pub(crate) fn fingerprint<T: DeserializeOwned>(version: u32) -> Fingerprint {
    let (graph, kind) = Tracer::default().run::<T>();
    of_graph::<T>(&graph, kind, version)
}

/// What `T` asks for of a format without names, to hold against what is written.
///
/// As [`fingerprint`], it runs `T::deserialize` on made-up values.
pub(crate) fn outline<T: DeserializeOwned>() -> Outline {
    let (graph, kind) = Tracer::default().run::<T>();
    Outline::of(&graph, kind)
}

/// The same of a format that people read, such as JSON, and that describes itself.
#[cfg(any(test, feature = "json"))]
pub(crate) fn outline_of_text<T: DeserializeOwned>() -> Outline {
    let (graph, kind) = Tracer::of_text().run::<T>();
    Outline::of(&graph, kind)
}

fn of_graph<T>(graph: &Graph, kind: Knowledge, version: u32) -> Fingerprint {
    let name = match kind {
        Knowledge::Traced => "",
        Knowledge::SelfDescribing | Knowledge::Named => std::any::type_name::<T>(),
    };
    Fingerprint { id: digest::of(graph, kind, name, version), kind }
}

/// Fingerprints a type of which nothing could be seen: its name and `version` speak for it.
pub(crate) fn untraced<T>(version: u32) -> Fingerprint {
    let kind = Knowledge::Named;
    let id = digest::of(&Graph::default(), kind, std::any::type_name::<T>(), version);
    Fingerprint { id, kind }
}

/// Identifies one definition of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint {
    id: u64,
    kind: Knowledge,
}

impl Fingerprint {
    /// The fingerprint itself, the same in every build that has this definition.
    pub(crate) fn id(self) -> u64 {
        self.id
    }

    /// Whether everything the type asks for was seen.
    ///
    /// If not, `id` covers the part that was seen and [`std::any::type_name`]; a change elsewhere
    /// in the type needs another `version`. That happens to types
    /// * that need more than 2000 passes or 64 Ki requests, or nest deeper than 64 levels,
    /// * with a tuple whose element refuses every made-up value, which hides the elements after
    ///   it (fields after a refused field of a struct are seen),
    /// * whose requests depend on values read before,
    /// * that have no finite value.
    pub(crate) fn is_traced(self) -> bool {
        self.kind == Knowledge::Traced
    }

    /// Whether the type needs a format that describes itself, such as JSON.
    ///
    /// True for `serde_json::Value`, `#[serde(untagged)]`, `#[serde(flatten)]` and
    /// `#[serde(tag = "…")]`: postcard can write them, but not read them back.
    pub(crate) fn is_self_describing(self) -> bool {
        self.kind == Knowledge::SelfDescribing
    }
}
