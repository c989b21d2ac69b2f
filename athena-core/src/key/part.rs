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
    let (one, other) = (steps(one), steps(other));
    // Whether what is left of both, from these places on, may be the same; the last first.
    let mut below = vec![false; other.len() + 1];
    for left in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for right in (0..=other.len()).rev() {
            row[right] = match (one.get(left), other.get(right)) {
                (None, None) => true,
                (Some(Step::One(a)), Some(Step::One(b))) => a == b && below[right + 1],
                (Some(Step::Many(many)), Some(Step::One(letter))) => {
                    below[right] || (many.has(*letter) && row[right + 1])
                }
                (Some(Step::One(letter)), Some(Step::Many(many))) => {
                    row[right + 1] || (many.has(*letter) && below[right])
                }
                (Some(Step::Many(_)), Some(Step::Many(_))) => below[right] || row[right + 1],
                (Some(Step::Many(_)), None) => below[right],
                (None, Some(Step::Many(_))) => row[right + 1],
                (Some(Step::One(_)), None) | (None, Some(Step::One(_))) => false,
            };
        }
        below = row;
    }
    below[0]
}

/// What comes next in a key.
#[derive(Clone, Copy)]
enum Step {
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

fn steps(parts: &[KeyPart]) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in parts {
        match part {
            KeyPart::Text(text) => steps.extend(text.chars().map(Step::One)),
            KeyPart::Value => steps.push(Step::Many(Letters::OfValues)),
            KeyPart::Integer => steps.push(Step::Many(Letters::OfIntegers)),
        }
    }
    steps
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
