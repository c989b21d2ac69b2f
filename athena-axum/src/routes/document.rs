//! Documents as responses.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use serde::Serialize;

pub(crate) const JSON: &str = "application/json";

/// A document that nobody keeps.
pub(crate) fn document(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A value as JSON.
pub(crate) fn json(
    status: StatusCode,
    kind: &'static str,
    value: &impl Serialize,
) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(text) => document(status, kind, text),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// Why there is no such document; says what is allowed.
pub(crate) fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    let text = serde_json::json!({ "error": why }).to_string();
    document(status, JSON, text)
}
