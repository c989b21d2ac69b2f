//! What a cache has stored, kept in one file and brought back.
//!
//! Not a point in time: names are read one after another while they are written. Invariant: what a file says
//! counts only if all of it is whole, and nothing that comes back is fresh unless somebody vouches for it.

pub mod file;
