//! What became of what was to be removed, and how that is said; pure.
//!
//! Invariant: nothing is said to be removed that the servers did not acknowledge.

use serde::Serialize;

use crate::exit::Exit;
use crate::plain;

/// What became of one thing that was to be removed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Removal {
    /// A key, `tag …`, or `everything`.
    pub(super) what: String,
    pub(super) is_done: bool,
    /// Whether there was anything to remove; `null` if the servers did not say.
    pub(super) was_there: Option<bool>,
    /// The nodes that were told, if it is done; else those that were to be.
    pub(super) nodes: Vec<String>,
    /// How many names were changed or removed there, all values and the lease of an entry counted.
    pub(super) names: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Whether the user may not do it.
    #[serde(skip)]
    pub(super) is_refused: bool,
    /// Whether it is all of the namespace, and no key of that name.
    #[serde(skip)]
    pub(super) is_all: bool,
}

impl Removal {
    pub(super) fn new(what: String, was_there: Option<bool>) -> Self {
        let (nodes, names) = (Vec::new(), 0);
        let (error, is_done, is_refused, is_all) = (None, false, false, false);
        Self { what, is_done, was_there, nodes, names, error, is_refused, is_all }
    }
}

pub(super) fn exit(removals: &[Removal], wanted: usize) -> Exit {
    let done = removals.iter().filter(|removal| removal.is_done).count();
    if removals.iter().any(|removal| removal.is_refused) {
        return Exit::Refused;
    }
    if done == wanted { Exit::Fine } else { Exit::Incomplete }
}

pub(super) fn line(removal: &Removal) -> String {
    let what = match removal.what.strip_prefix("tag ") {
        Some(tag) => format!("tag {}", plain::word(tag)),
        None => plain::word(&removal.what),
    };
    match (&removal.error, removal.was_there) {
        (Some(error), _) => format!("NOT removed {what}: {error}"),
        (None, Some(false)) if removal.is_all => {
            "nothing to remove: nothing is stored in the namespace".to_owned()
        }
        (None, Some(false)) => format!("nothing to remove: nothing was there of {what}"),
        (None, _) if removal.is_all => {
            let (count, nodes) = (removal.nodes.len(), removal.nodes.join(", "));
            let nodes = format!("{count} node{}: {nodes}", if count == 1 { "" } else { "s" });
            let names = match removal.names {
                1 => "the generation of the namespace".to_owned(),
                names => format!("{names} generations, which all entries depend on,"),
            };
            format!("removed {what}: {names} changed at {nodes}")
        }
        (None, Some(true) | None) => format!("removed {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(what: &str, was_there: Option<bool>, error: Option<&str>) -> Removal {
        let error = error.map(str::to_owned);
        Removal { is_done: error.is_none(), error, ..Removal::new(what.to_owned(), was_there) }
    }

    #[test]
    fn what_was_not_there_is_not_called_removed_and_names_are_words_for_a_shell() {
        for (removal, said) in [
            (of("k:a$20b", Some(true), None), "removed 'k:a$20b'"),
            (of("a b", None, None), "removed 'a b'"),
            (of("a", Some(false), None), "nothing to remove: nothing was there of a"),
            (of("tag it's", Some(true), None), r"removed tag 'it'\''s'"),
            (of("a", Some(false), Some("OOM")), "NOT removed a: OOM"),
        ] {
            assert_eq!(line(&removal), said);
        }
    }

    #[test]
    fn whoever_removes_everything_is_told_what_was_reached() {
        let all = |nodes: &[&str], names| Removal {
            nodes: nodes.iter().map(|&node| node.to_owned()).collect(),
            names,
            is_all: true,
            ..of("everything", Some(true), None)
        };
        let one = "removed everything: the generation of the namespace changed at 1 node: a:1";
        assert_eq!(line(&all(&["a:1"], 1)), one);
        let many = "removed everything: 1024 generations, which all entries depend on, changed at 2 nodes: a:1, b:2";
        assert_eq!(line(&all(&["a:1", "b:2"], 1024)), many);
        assert_eq!(line(&of("everything", Some(true), None)), "removed everything", "a key");
        let nothing = Removal { was_there: Some(false), ..all(&["a:1"], 1) };
        assert_eq!(line(&nothing), "nothing to remove: nothing is stored in the namespace");
    }

    #[test]
    fn it_ends_with_what_became_of_all_of_it() {
        let done = || of("a", Some(false), None);
        let failed = || of("b", None, Some("away"));
        let refused = || Removal { is_refused: true, ..failed() };
        assert_eq!(exit(&[done(), done()], 2), Exit::Fine);
        assert_eq!(exit(&[done()], 2), Exit::Incomplete, "it was interrupted");
        assert_eq!(exit(&[done(), failed()], 2), Exit::Incomplete);
        assert_eq!(exit(&[failed(), refused(), done()], 3), Exit::Refused);
    }
}
