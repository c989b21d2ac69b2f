//! What is in a backend, read by tools: names and values without the types that they are of.
//!
//! Not for services: it changes with the format. Invariant: the parsers are those of the read path; there is no
//! second one.

mod name;
mod value;

pub use self::name::{
    EntryNameSet, NameKind, SeenName, entry_names, namespace_name, see, tag_name,
};
pub use self::value::{SeenStamp, SeenTag, SeenValue, Summary, look, summary};

#[cfg(all(test, feature = "testing"))]
mod tests;
