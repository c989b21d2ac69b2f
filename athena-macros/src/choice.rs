//! Words out of a fixed list: what is allowed, and which one was meant.

/// `` expected one of `a`, `b`; did you mean `a`? `` for a word not in `allowed`.
pub(crate) fn expected(found: &str, allowed: &[impl AsRef<str>]) -> String {
    let expected = listed(allowed);
    let allowed: Vec<_> = allowed.iter().map(AsRef::as_ref).collect();
    match nearest(found, &allowed) {
        Some(meant) => format!("{expected}; did you mean `{meant}`?"),
        None => expected,
    }
}

/// `` expected one of `a`, `b` ``
pub(crate) fn listed(allowed: &[impl AsRef<str>]) -> String {
    let mut sorted: Vec<_> = allowed.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    let quoted: Vec<_> = sorted.iter().map(|word| format!("`{word}`")).collect();
    let list = quoted.join(", ");
    match sorted.len() {
        1 => format!("expected {list}"),
        _ => format!("expected one of {list}"),
    }
}

/// The word at most two edits away from `found`.
fn nearest<'a>(found: &str, words: &[&'a str]) -> Option<&'a str> {
    let (edits, word) = words.iter().map(|word| (distance(found, word), *word)).min()?;
    (edits <= 2 && edits < found.chars().count()).then_some(word)
}

/// Edits between two words: insert, remove, replace (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, left) in from.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, right) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_the_nearest_word_is_suggested() {
        assert_eq!(
            expected("tll", &["ttl", "key", "tags"]),
            "expected one of `key`, `tags`, `ttl`; did you mean `ttl`?"
        );
    }

    #[test]
    fn a_word_like_no_other_gets_no_suggestion() {
        assert_eq!(expected("disk", &["memory"]), "expected `memory`");
        assert_eq!(expected("no", &["on", "key"]), "expected one of `key`, `on`");
    }

    #[test]
    fn distance_counts_inserted_removed_and_replaced_letters() {
        for (from, to, edits) in [
            ("ttl", "ttl", 0),
            ("tl", "ttl", 1),
            ("tttl", "ttl", 1),
            ("tag", "tags", 1),
            ("hardtimeout", "hard_timeout", 1),
            ("json", "Json", 1),
            ("", "key", 3),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }
}
