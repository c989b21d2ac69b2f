//! Requests that somebody else's page has a browser send.
//!
//! Invariant: what passes was sent by a page of this origin, or by a program that says so. A page elsewhere cannot set
//! the header without asking before, and nobody answers that.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderName, Response, StatusCode};

use crate::routes::document::{JSON, refusal};

const ACTION: HeaderName = HeaderName::from_static("x-athena-action");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request for `action` pass.
///
/// # Errors
///
/// The response to one that may be forged: it says what is missing.
pub(super) fn refuse(headers: &HeaderMap, action: &str) -> Result<(), Box<Response<Body>>> {
    let no = |status, why: &str| Err(Box::new(refusal(status, why)));
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let value = values.next().map(|it| it.to_str().unwrap_or_default());
        // Twice is never meant well.
        if values.next().is_some() { Some("") } else { value }
    };
    if only(&SITE).is_some_and(|site| site != "same-origin") {
        return no(StatusCode::FORBIDDEN, "it comes from another site");
    }
    if only(&ACTION) != Some(action) {
        let why =
            format!("the header `x-athena-action` is missing or another one, expected `{action}`");
        return no(StatusCode::FORBIDDEN, &why);
    }
    let kind = only(&CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(JSON) {
        return no(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is of another type, expected `application/json`",
        );
    }
    Ok(())
}
