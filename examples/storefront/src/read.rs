//! Answers of cached reads, which say where they come from.
//!
//! ```text
//! x-athena-cache: STALE
//! age: 61
//! ```

use athena_cache::{Outcome, of};
use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Error;

const X_ATHENA_CACHE: HeaderName = HeaderName::from_static("x-athena-cache");

/// What a cached read came to.
#[derive(Debug)]
pub(crate) struct Read<T> {
    result: Result<T, Error>,
    outcome: Outcome,
}

/// Makes a call of a cached function.
pub(crate) async fn read<T>(
    call: impl Future<Output = Result<T, Error>>,
) -> Result<Read<T>, Error> {
    let seen = of(call).observe().await?;
    Ok(Read { result: seen.value, outcome: seen.outcome })
}

impl<T> Read<Option<T>> {
    /// Makes absence the client's error; the headers still say who remembered it.
    pub(crate) fn or(self, absent: impl FnOnce() -> Error) -> Read<T> {
        let result = self.result.and_then(|value| value.ok_or_else(absent));
        Read { result, outcome: self.outcome }
    }
}

impl<T: Serialize> IntoResponse for Read<T> {
    fn into_response(self) -> Response {
        let mut response = match self.result {
            Ok(value) => Json(value).into_response(),
            Err(error) => error.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(X_ATHENA_CACHE, HeaderValue::from_static(self.outcome.label()));
        headers.insert(header::AGE, self.outcome.age.as_secs().into());
        response
    }
}
