//! What the keys of a template look like, and whether two templates can make one key.
//!
//! Invariant: where two templates make one key for some values, [`may_meet`] says so. It also does for
//! some that never do: it knows what values are made of, not which ones there are.

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart {
    /// Text, as it is.
    Text(&'static str),
    /// The escaped text of any value.
    Value,
    /// The text of an integer.
    Integer,
}

/// Whether some key is made by both templates.
pub(crate) fn may_meet(one: &[KeyPart], other: &[KeyPart]) -> bool {
    let (one, other) = (pieces(one), pieces(other));
    // Whether what is left of both, from these places on, may be the same; the last first.
    let mut below = vec![false; other.len() + 1];
    for left in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for right in (0..=other.len()).rev() {
            row[right] = match (one.get(left), other.get(right)) {
                (None, None) => true,
                (Some(Piece::One(a)), Some(Piece::One(b))) => a == b && below[right + 1],
                (Some(Piece::Many(many)), Some(Piece::One(letter))) => {
                    below[right] || (many.has(*letter) && row[right + 1])
                }
                (Some(Piece::One(letter)), Some(Piece::Many(many))) => {
                    row[right + 1] || (many.has(*letter) && below[right])
                }
                (Some(Piece::Many(_)), Some(Piece::Many(_))) => below[right] || row[right + 1],
                (Some(Piece::Many(_)), None) => below[right],
                (None, Some(Piece::Many(_))) => row[right + 1],
                (Some(Piece::One(_)), None) | (None, Some(Piece::One(_))) => false,
            };
        }
        below = row;
    }
    below[0]
}

/// What comes next in a key.
#[derive(Clone, Copy)]
enum Piece {
    One(char),
    /// Any number of letters out of these, none included.
    Many(Letters),
}

#[derive(Clone, Copy)]
enum Letters {
    OfValues,
    OfIntegers,
}

impl Letters {
    /// Whether a text as templates escape it may contain this letter.
    fn has(self, letter: char) -> bool {
        match self {
            Self::OfValues => letter.is_alphanumeric() || "_.~-%".contains(letter),
            Self::OfIntegers => letter.is_ascii_digit() || letter == '-',
        }
    }
}

fn pieces(parts: &[KeyPart]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in parts {
        match part {
            KeyPart::Text(text) => pieces.extend(text.chars().map(Piece::One)),
            KeyPart::Value => pieces.push(Piece::Many(Letters::OfValues)),
            KeyPart::Integer => pieces.push(Piece::Many(Letters::OfIntegers)),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::KeyPart::{self, Integer, Text, Value};
    use super::may_meet;

    #[test]
    fn templates_meet_where_values_can_make_one_key_of_them() {
        let table: [(&[KeyPart], &[KeyPart], bool); 13] = [
            (&[Text("all")], &[Text("all")], true),
            (&[Text("all")], &[Text("any")], false),
            (&[Text("user:"), Value], &[Text("user:"), Value], true),
            (&[Text("user:"), Value], &[Text("users:"), Value], false),
            (&[Text("user:"), Value], &[Text("user:me")], true),
            (&[Text("user:"), Integer], &[Text("user:me")], false),
            (&[Text("user:"), Integer], &[Text("user:-1")], true),
            (&[Text("user:"), Value], &[Text("user:"), Integer], true),
            (&[Text("user:"), Value], &[Text("user:"), Value, Text(":"), Value], false),
            (&[Text("user:"), Value], &[Text("user:x"), Value], true),
            (&[Text("a"), Value, Text("é")], &[Text("aéé")], true),
            (
                &[Text("a"), Value, Text(":"), Integer],
                &[Text("a"), Integer, Text(":"), Value],
                true,
            ),
            (&[Text("a"), Value, Text(":b")], &[Text("a"), Integer, Text(":"), Integer], false),
        ];
        for (one, other, expected) in table {
            assert_eq!(may_meet(one, other), expected, "{one:?} {other:?}");
            assert_eq!(may_meet(other, one), expected, "{other:?} {one:?}");
        }
    }
}
