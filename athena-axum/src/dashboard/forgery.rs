//! Requests that somebody else's page has a browser send.
//!
//! Invariant: what passes was sent by a page of this origin, or by a program that says so. A page elsewhere cannot set
//! the header without asking before, and nobody answers that; if somebody in front of us does, its origin is another
//! one than the host that was asked.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, Response, StatusCode};

use crate::routes::document::{JSON, refusal};

const ACTION: HeaderName = HeaderName::from_static("x-athena-action");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request for `action` pass.
///
/// # Errors
///
/// The response to one that may be forged: it says what is missing.
pub(super) fn refuse(parts: &Parts, action: &str) -> Result<(), Box<Response<Body>>> {
    let headers = &parts.headers;
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
    // Browsers say it of each request that acts; programs need not.
    if let Some(origin) = only(&ORIGIN) {
        // HTTP/2 has the host in its target.
        let asked = only(&HOST).or_else(|| parts.uri.authority().map(Authority::as_str));
        if asked.is_none_or(|asked| !is_of(origin, asked)) {
            let why = "its `Origin` is not the `Host` that was asked, expected the same: a proxy in between has to \
                       pass `Host` on as it is";
            return no(StatusCode::FORBIDDEN, why);
        }
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

/// Whether an origin such as `https://ops.example:8443` is the host that was asked.
///
/// A proxy may have taken the TLS off, so the scheme says nothing of the port that we are asked at, and a default port
/// may stand on either side or not.
fn is_of(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_host_that_was_asked_or_another_one() {
        for (origin, host, is_same) in [
            ("http://127.0.0.1:3001", "127.0.0.1:3001", true),
            ("https://ops.example", "ops.example", true),
            ("https://Ops.Example", "ops.example:443", true),
            ("http://ops.example:80", "ops.example", true),
            ("http://[::1]:3001", "[::1]:3001", true),
            ("https://ops.example:80", "ops.example", false),
            ("https://ops.example", "ops.example:8443", false),
            ("https://ops.example.evil.test", "ops.example", false),
            ("https://evil.test", "ops.example", false),
            ("null", "ops.example", false),
            ("", "", false),
            ("http://", "", false),
            ("file://ops.example", "ops.example", false),
        ] {
            assert_eq!(is_of(origin, host), is_same, "{origin} of {host}");
        }
    }
}
