//! What can go wrong, and how a client is told: problem documents of RFC 9457.

use std::fmt;
use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::task::JoinError;

/// Why a request was not served.
///
/// `Clone`, so that all who wait for one load get its error, and a database in trouble is asked once.
#[derive(Debug, Clone)]
pub(crate) enum Error {
    /// What was asked for is not there.
    NotFound(String),
    /// The request cannot be understood.
    Rejected(StatusCode, String),
    /// The database refused.
    Database(Arc<rusqlite::Error>),
    /// A query panicked.
    Panicked(Arc<JoinError>),
    /// The cache gave up waiting for the database.
    Cache(athena_cache::Error),
}

impl Error {
    pub(crate) fn no_product(id: i64) -> Self {
        Self::NotFound(format!("there is no product {id}"))
    }

    pub(crate) fn no_category(name: &str) -> Self {
        Self::NotFound(format!("there is no category `{name}`"))
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::Rejected(StatusCode::UNPROCESSABLE_ENTITY, detail.into())
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Rejected(status, _) => *status,
            Self::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Cache(error) if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            Self::Panicked(_) | Self::Cache(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the client may know; the rest is for the log.
    fn detail(&self) -> String {
        match self {
            Self::NotFound(detail) | Self::Rejected(_, detail) => detail.clone(),
            Self::Database(_) | Self::Cache(_) => "the database does not answer".to_owned(),
            Self::Panicked(_) => "something went wrong here".to_owned(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = %self, "request failed");
        }
        let problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, content_type, problem.to_string()).into_response()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(detail) | Self::Rejected(_, detail) => f.write_str(detail),
            Self::Database(error) => error.fmt(f),
            Self::Panicked(error) => error.fmt(f),
            Self::Cache(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        Self::Panicked(Arc::new(error))
    }
}

impl From<athena_cache::Error> for Error {
    fn from(error: athena_cache::Error) -> Self {
        Self::Cache(error)
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        Self::Rejected(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Error {
    fn from(rejection: PathRejection) -> Self {
        Self::Rejected(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Error {
    fn from(rejection: QueryRejection) -> Self {
        Self::Rejected(rejection.status(), rejection.body_text())
    }
}
