//! The page itself, and what it may do in a browser.
//!
//! Invariant: what the policy allows is exactly what the file holds; its hashes are those of the file.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::routes::document::document;

pub(super) const HTML: &str = include_str!("dashboard.html");

/// The policy of content that the page needs, for a service whose own layer would override it.
///
/// Nothing but the page's own script and style, and requests to where it came from.
pub fn content_policy() -> String {
    let hash = |tag: &str| {
        let held = between(HTML, &format!("<{tag}>"), &format!("</{tag}>")).unwrap_or_default();
        format!("'sha256-{}'", base64(&Sha256::digest(held)))
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; require-trusted-types-for 'script'; \
         trusted-types 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
}

/// The page, made once.
#[derive(Debug, Clone)]
pub(super) struct Page {
    policy: Arc<str>,
}

impl Page {
    pub(super) fn new() -> Self {
        Self { policy: content_policy().into() }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = document(StatusCode::OK, "text/html; charset=utf-8", HTML);
        let headers = response.headers_mut();
        let fixed = [
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::from_str(&self.policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    Some(text.split_once(begin)?.1.split_once(end)?.0)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]);
            text.push(if place > three.len() { '=' } else { digit });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the page may weigh.
    const HEAVIEST: usize = 80 * 1024;

    #[test]
    fn the_page_is_light_and_keeps_to_its_policy() {
        assert!(HTML.len() < HEAVIEST, "{} bytes", HTML.len());
        for tag in ["script", "style"] {
            assert_eq!(HTML.matches(&format!("<{tag}")).count(), 1, "one {tag}, which is hashed");
            assert!(
                between(HTML, &format!("<{tag}>"), &format!("</{tag}>"))
                    .is_some_and(|it| it.len() > 1_000)
            );
        }
        for refused in [
            " style=",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            " onclick=",
            "eval(",
            "http://",
            "https://",
        ] {
            let allowed = if refused == "http://" {
                HTML.matches("http://www.w3.org/2000/svg").count()
            } else {
                0
            };
            assert_eq!(HTML.matches(refused).count(), allowed, "`{refused}`");
        }
    }

    #[test]
    fn hashes_are_written_as_browsers_read_them() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
