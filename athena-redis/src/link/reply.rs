//! Replies that are made of texts: words in a row, and fields with names.

use std::collections::BTreeMap;

use athena_cache_core::backend::{Class, Excerpt};
use redis::{RedisError, Value};

use super::batch::{Malformed, Replies};
use super::class::{self, Consequence, Denial};
use super::push::text;

/// Texts by their names.
pub(crate) type Fields = BTreeMap<String, String>;

impl Replies {
    /// Takes an error, if one comes next.
    pub(crate) fn error(&mut self) -> Option<(Class, Excerpt)> {
        self.consequence().map(|(consequence, text)| (consequence.class, text))
    }

    /// What of a right is lacking, if the next reply says that; takes nothing.
    pub(super) fn denial(&self) -> Option<Denial> {
        match self.first()? {
            Value::ServerError(error) => class::denial(error),
            _ => None,
        }
    }

    /// Whether an error comes next; takes nothing.
    pub(crate) fn begins_with_error(&self) -> bool {
        matches!(self.first(), Some(Value::ServerError(_)))
    }

    /// Takes an error, if one comes next, and tells what follows from it.
    pub(super) fn consequence(&mut self) -> Option<(Consequence, Excerpt)> {
        match self.take(|value| matches!(value, Value::ServerError(_)))? {
            Value::ServerError(error) => {
                let error = RedisError::from(error);
                Some((Consequence::of(&error), class::text(&error)))
            }
            _ => None,
        }
    }

    /// Takes a list of texts and numbers, or nothing; what is neither reads as an empty text.
    pub(crate) fn words(&mut self) -> Result<Option<Vec<String>>, Malformed> {
        match self.take(|_| true) {
            Some(Value::Array(values)) => {
                Ok(Some(values.iter().map(|value| text(value).unwrap_or_default()).collect()))
            }
            Some(Value::Nil) => Ok(None),
            _ => Err(Malformed::new("expected a list of texts or nothing")),
        }
    }

    /// Takes named texts: a map, or names and texts in turn.
    pub(crate) fn fields(&mut self) -> Result<Fields, Malformed> {
        let value = self.take(|_| true);
        value.and_then(fields).ok_or(Malformed::new("expected a map"))
    }

    /// Takes a list of named texts.
    pub(crate) fn records(&mut self) -> Result<Vec<Fields>, Malformed> {
        let Some(Value::Array(values)) = self.take(|_| true) else {
            return Err(Malformed::new("expected a list of maps"));
        };
        values
            .into_iter()
            .map(|value| fields(value).ok_or(Malformed::new("expected a list of maps")))
            .collect()
    }
}

/// Servers that speak RESP3 send maps, and older commands lists; names that are no texts are left out.
fn fields(value: Value) -> Option<Fields> {
    let pair = |name: &Value, value: &Value| Some((text(name)?, text(value)?));
    match value {
        Value::Map(pairs) => Some(pairs.iter().filter_map(|(name, it)| pair(name, it)).collect()),
        Value::Array(values) => {
            let pairs = values.chunks_exact(2);
            Some(pairs.filter_map(|it| pair(&it[0], &it[1])).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
impl Replies {
    /// One reply, as it comes over the wire.
    pub(crate) fn of_wire(wire: &str) -> Self {
        match redis::parse_redis_value(wire.as_bytes()) {
            Ok(value) => Self::new(vec![value], super::origin::Origin::Nowhere),
            Err(error) => panic!("{wire:?}: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(wire: &str) -> Replies {
        Replies::of_wire(wire)
    }

    #[test]
    fn fields_are_read_from_maps_and_from_lists() {
        let expected = Fields::from([
            ("ip".to_owned(), "::1".to_owned()),
            ("port".to_owned(), "6379".to_owned()),
        ]);
        for wire in [
            "%2\r\n$2\r\nip\r\n$3\r\n::1\r\n$4\r\nport\r\n$4\r\n6379\r\n",
            "*4\r\n$2\r\nip\r\n$3\r\n::1\r\n$4\r\nport\r\n:6379\r\n",
        ] {
            assert_eq!(replies(wire).fields().ok(), Some(expected.clone()), "{wire:?}");
            let list = format!("*1\r\n{wire}");
            assert_eq!(replies(&list).records().ok(), Some(vec![expected.clone()]), "{list:?}");
        }
        assert!(replies("+OK\r\n").fields().is_err());
        assert!(replies("*1\r\n+OK\r\n").records().is_err());
    }

    #[test]
    fn words_are_read_whatever_stands_among_them() {
        let wire = "*4\r\n$6\r\nmaster\r\n:3129\r\n*0\r\n$1\r\nx\r\n";
        let words = ["master", "3129", "", "x"].map(str::to_owned);
        assert_eq!(replies(wire).words().ok(), Some(Some(words.to_vec())));
        assert_eq!(replies("_\r\n").words().ok(), Some(None));
        assert!(replies(":1\r\n").words().is_err());
    }

    #[test]
    fn an_error_is_taken_only_where_it_stands() {
        let mut denied = replies("-NOPERM this user has no permissions\r\n");
        let text = Excerpt::of("NOPERM this user has no permissions");
        assert_eq!(denied.error(), Some((Class::Denied, text)));
        let mut fine = replies("+OK\r\n");
        assert_eq!(fine.error(), None);
        assert!(fine.take(|_| true).is_some());
    }
}
