//! Which cache a request is about.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::document::refusal;
use crate::caches::Caches;

/// The place of the cache that a query names as `cache=…`; the first one where it names none.
///
/// # Errors
///
/// The response where it asks for something else, or for a cache that is not shown.
pub(crate) fn cache_of(caches: &Caches, query: Option<&str>) -> Result<usize, Box<Response<Body>>> {
    let bad = |why: String| Box::new(refusal(StatusCode::BAD_REQUEST, &why));
    let mut wanted = None;
    for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name != "cache" {
            return Err(bad("the query has a parameter that is unknown, expected `cache`".into()));
        }
        let value = decoded(value);
        wanted = Some(value.ok_or_else(|| bad("`cache` is not UTF-8, percent-encoded".into()))?);
    }
    let found = caches.named(wanted.as_deref()).map(|(place, _)| place);
    found.ok_or_else(|| {
        let known = caches.names().join("`, `");
        Box::new(refusal(
            StatusCode::NOT_FOUND,
            &format!("no such cache, expected one of `{known}`"),
        ))
    })
}

/// The text that a part of a query stands for, as browsers write it; `None` if it is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_query_is_read_or_refused() {
        for (text, expected) in [
            ("shop", Some("shop")),
            ("shop%3Aeu+1", Some("shop:eu 1")),
            ("%e2%82%ac", Some("€")),
            ("%ff", None),
            // What is no escape stands for itself, as it does for browsers.
            ("%4", Some("%4")),
            ("%zz", Some("%zz")),
        ] {
            assert_eq!(decoded(text).as_deref(), expected, "{text}");
        }
    }
}
