//! Which name was meant.

/// The name of the same function by another path, else one of few other letters.
pub(crate) fn nearest<'n>(found: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let ranked = names.map(|name| (rank(found, name), name)).min()?;
    (ranked.0 <= MOST_EDITS).then_some(ranked.1)
}

/// Whether a text may be another one with a slip.
pub(crate) fn differ_little(one: &str, other: &str) -> bool {
    one.len().abs_diff(other.len()) <= MOST_EDITS * 4 && distance(one, other) <= MOST_EDITS
}

/// More other letters than this are another name.
const MOST_EDITS: usize = 2;

/// Edits between two names: insert, remove, replace (Levenshtein); 1 where only the path differs.
fn rank(found: &str, name: &str) -> usize {
    if last(found) == last(name) {
        return usize::from(found != name);
    }
    // No name is read further: one that is so much longer is another one.
    if found.len().abs_diff(name.len()) > MOST_EDITS * 4 {
        return usize::MAX;
    }
    distance(found, name).min(distance(last(found), name))
}

/// The function without its path.
fn last(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

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
    use super::nearest;

    #[test]
    fn another_path_or_few_other_letters_are_near() {
        let names = ["shop::products", "shop::orders", "shop::Catalog::books"];
        for (found, meant) in [
            ("shop::product", Some("shop::products")),
            ("products", Some("shop::products")),
            ("store::v2::orders", Some("shop::orders")),
            ("books", Some("shop::Catalog::books")),
            ("shop::users", None),
            ("", None),
        ] {
            assert_eq!(nearest(found, names.into_iter()), meant, "{found}");
        }
        assert_eq!(nearest("a", std::iter::empty()), None);
    }
}
