//! Names of logs as a store sees them.
//!
//! ```text
//! shop:{all}>      the log, in a store where one node serves every name
//! shop:{1a}>       one part of it, in a store that has several
//! shop:{1a}>n      its head: which log it is, and its last number
//! shop:{1a}>c      how far a store follows the log of that name, which is another store's
//! shop:{1a}>l      whose turn it is to see to that
//! shop:{1a}>x      what could not be applied
//! shop:{1a}>o      the outbox: what another store has to be told still; with a head of its own
//! shop:{1a}>on
//! ```
//!
//! Invariant: no name of an entry, a tag or a generation begins so, since none has a `>` behind its braces; and
//! all names of one part lie in one slot.

/// The only part of a log in a store where one node serves every name; no partition has such a text.
pub const WHOLE: &str = "all";

/// The name of a part of the log of a namespace.
pub fn log_name(namespace: &str, part: &str) -> String {
    format!("{namespace}:{{{part}}}>")
}

/// The name of a part of the outbox of a namespace.
pub fn outbox_name(namespace: &str, part: &str) -> String {
    format!("{namespace}:{{{part}}}>o")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_log_are_as_they_are_written_down() {
        assert_eq!(log_name("shop", WHOLE), "shop:{all}>");
        assert_eq!(outbox_name("shop", "1a"), "shop:{1a}>o");
    }
}
