//! What can go wrong before there is a backend: settings that contradict, a node that refuses.

use std::error::Error as StdError;
use std::fmt;

use athena_cache_core::backend::{Class, Failure, Message};

use crate::no_primary::Absence;

/// Why a Redis backend could not be built or connected.
///
/// Messages never contain a password, nor any part of a URL that may hold one. What a server or a setting says
/// in them is escaped and cut, see [`Excerpt`](athena_cache_core::backend::Excerpt).
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Settings(Message),
    Connect(Failure),
    AdminNotAllowed(&'static str),
}

impl Error {
    pub(crate) fn settings(message: impl fmt::Display) -> Self {
        Self(Kind::Settings(Message::of(message)))
    }

    pub(crate) fn admin(operation: &'static str) -> Self {
        Self(Kind::AdminNotAllowed(operation))
    }

    /// Whether the operation is one for administrators, which `allow_admin` does not allow.
    pub fn is_admin_not_allowed(&self) -> bool {
        matches!(self.0, Kind::AdminNotAllowed(_))
    }

    /// Whether the settings were refused; nothing was sent.
    pub fn is_settings(&self) -> bool {
        matches!(self.0, Kind::Settings(_))
    }

    /// Whether no connection could be made; trying again may help.
    pub fn is_connect(&self) -> bool {
        matches!(self.0, Kind::Connect(_))
    }

    /// Whether sentinels answered, and none knows the service that they were asked for.
    pub fn is_unknown_service(&self) -> bool {
        matches!(self.absence(), Some(Absence::UnknownService { .. }))
    }

    /// Whether no sentinel could be reached.
    pub fn is_sentinel_unreachable(&self) -> bool {
        matches!(self.absence(), Some(Absence::Unreachable(_)))
    }

    fn absence(&self) -> Option<&Absence> {
        match &self.0 {
            Kind::Connect(failure) => Absence::behind(failure),
            _ => None,
        }
    }

    /// What the failure to connect says about the node.
    pub fn class(&self) -> Option<Class> {
        match &self.0 {
            Kind::Settings(_) | Kind::AdminNotAllowed(_) => None,
            Kind::Connect(failure) => Some(failure.class()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Settings(message) => message.fmt(f),
            Kind::Connect(failure) => failure.fmt(f),
            Kind::AdminNotAllowed(operation) => write!(
                f,
                "`{operation}` is for administrators: allow it with `allow_admin` in the redis settings"
            ),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Settings(_) | Kind::AdminNotAllowed(_) => None,
            Kind::Connect(failure) => failure.source(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Kind::Connect(failure))
    }
}
