//! Lists names, each at the node that serves it.
//!
//! Invariant: nothing is listed by a node that did not say so itself, and no place in one process is taken for one in
//! another.

use std::hash::{DefaultHasher, Hash, Hasher};

use athena_cache_core::backend::operate::{ScanCursor, ScanPage, ScannedNode};
use athena_cache_core::backend::{Failure, Node};
use tokio::time::Instant;

use super::state::OperationsState;
use crate::link::{Batch, Malformed, Replies, inside_runtime};

/// What a node is asked to look at in one go.
const MOST: usize = 10_000;

impl OperationsState {
    pub(super) fn scanned_nodes(&self) -> Vec<ScannedNode> {
        let terms = self.topology.terms().into_iter();
        let scanned = terms.map(|(node, slots)| {
            let endpoint = self.topology.endpoint(node);
            // A place in one server means nothing to another one, nor to itself after a start.
            let connection = self.spare_to(node).map_or(0, |spare| spare.number());
            let mut term = DefaultHasher::new();
            (slots, &endpoint, connection).hash(&mut term);
            ScannedNode::new(node, endpoint, term.finish())
        });
        scanned.collect()
    }

    pub(super) async fn scan(
        &self,
        node: Node,
        from: ScanCursor,
        prefix: &str,
        count: usize,
    ) -> Result<ScanPage, Failure> {
        inside_runtime()?;
        let spare = self.spare_to(node)?;
        let mut batch = Batch::new();
        let words = batch.command("SCAN").number(from.position);
        let words = words.arg("MATCH").arg(pattern(prefix));
        words.arg("COUNT").number(count.clamp(1, MOST) as u64);
        let mut replies = spare.ask(&batch, Instant::now() + self.limit()).await?;
        if let Some(failure) = spare.refusal(&replies) {
            return Err(failure);
        }
        page(&mut replies).map_err(|malformed| spare.malformed(&malformed))
    }
}

/// The names of a cache: behind its prefix stands one of four characters, none of which may be in a prefix, so
/// that `shop:` takes in nothing of `shop:eu:`.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 8);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + "[{#*@]*"
}

fn page(replies: &mut Replies) -> Result<ScanPage, Malformed> {
    let mut page = replies.list()?;
    let position = page.text()?.parse().map_err(|_| Malformed::new("expected a cursor"))?;
    let names = page.words()?.unwrap_or_default();
    // What is no text is nothing of ours, and reads as an empty one.
    let names = names.into_iter().filter(|name| !name.is_empty()).collect();
    Ok(ScanPage::new(names, ScanCursor::at(position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_names_of_one_cache() {
        assert_eq!(pattern("shop:"), "shop:[{#*@]*");
        assert_eq!(pattern("s[o]*p?:"), "s\\[o\\]\\*p\\?:[{#*@]*");
    }

    #[test]
    fn a_page_ends_where_the_node_says_0() {
        let page_of = |wire: &str| page(&mut Replies::of_wire(wire)).unwrap();
        let more = page_of("*2\r\n$2\r\n17\r\n*1\r\n$6\r\nshop:#\r\n");
        assert_eq!((more.names, more.next), (vec!["shop:#".to_owned()], ScanCursor::at(17)));
        let last = page_of("*2\r\n$1\r\n0\r\n*0\r\n");
        assert_eq!((last.names.len(), last.next), (0, None));
        assert!(page(&mut Replies::of_wire("*2\r\n$1\r\nx\r\n*0\r\n")).is_err());
    }
}
