//! Why an attempt to connect failed, and what to do about it: one table.
//!
//! Invariant: no text holds a secret, whatever the one who answered repeats.

use std::fmt;
use std::io;

use athena_cache_core::backend::{Class, Excerpt, Message};
use redis::{ErrorKind, RedisError};

use super::class::{self, Consequence};
use super::flow::Beginning;
use super::stranger::Stranger;
use crate::config::Credentials;

/// Why an attempt to connect failed; holds no secret.
#[derive(Debug)]
pub(super) struct Refusal {
    /// `Denied` if the server let us not in, else `Unreachable`.
    pub(super) class: Class,
    /// What was met, as far as it is clear what that is.
    pub(super) hurdle: Option<Hurdle>,
    pub(super) reason: Message,
}

/// What was met in place of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Hurdle {
    /// No node of ours, or none that can be used.
    Stranger(Stranger),
    /// It asks for a password, and we have none.
    NoPassword,
    WrongPassword,
    /// It has no place for another connection.
    Full,
    /// It closed the connection before it said anything to plain words.
    Shut,
    /// It says nothing.
    Mute,
    /// The provider of credentials says nothing.
    NoCredentials,
    /// What answers to TLS is none, or nothing answers.
    Plain,
    /// No authority that we know has signed its certificate.
    Untrusted,
    /// Its certificate is for another name.
    Misnamed,
    /// It asks for a certificate of ours.
    Uncertified,
}

/// Where somebody wants to be let in, by which it is said which setting is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entrance {
    /// There is no TLS.
    pub(super) is_plain: bool,
    /// A sentinel: it has a user and a password of its own in the settings.
    pub(super) is_sentinel: bool,
}

/// How far an attempt has come, to say what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Reaching,
    Asking,
    Securing,
    LoggingIn,
}

/// What errors of a login, and of TLS, say, and what that means.
const TEXTS: [(&str, Hurdle); 7] = [
    ("WRONGPASS", Hurdle::WrongPassword),
    ("invalid password", Hurdle::WrongPassword),
    ("max number of clients", Hurdle::Full),
    ("corrupt message", Hurdle::Plain),
    ("UnknownIssuer", Hurdle::Untrusted),
    ("certificate not valid for name", Hurdle::Misnamed),
    ("CertificateRequired", Hurdle::Uncertified),
];

impl Hurdle {
    /// The same where a sentinel is meant.
    fn advice_at_sentinel(self) -> &'static str {
        match self {
            Self::NoPassword => {
                "the sentinel asks for a password, and none is set: set `sentinel_password`, and \
                 `sentinel_username` where it has several users"
            }
            Self::WrongPassword => {
                "the sentinel does not know the user or the password that it was given: mend `sentinel_username` \
                 and `sentinel_password`"
            }
            other => other.advice(),
        }
    }

    /// What to do about it; strangers say that themselves.
    fn advice(self) -> &'static str {
        match self {
            Self::Stranger(_) => "",
            Self::NoPassword => {
                "it asks for a password, and none is set: set `password`, and `username` where it has several users"
            }
            Self::WrongPassword => {
                "it does not know the user or the password that it was given: mend `username` and `password`, or \
                 give others by `set_credentials`"
            }
            Self::Full => {
                "it has as many connections as it takes: raise `maxclients` there, or have fewer clients"
            }
            Self::Shut => {
                "it closed the connection before it said anything: if it speaks TLS, begin the url with `rediss` in \
                 place of `redis`; else look whether it is a redis, and has room for connections (`maxclients`)"
            }
            Self::Mute => "it took the connection, and has not answered to the login",
            Self::NoCredentials => "the provider of credentials has not answered",
            Self::Plain => {
                "it does not answer in TLS: give its port for TLS, or begin the url with `redis` in place of `rediss`"
            }
            Self::Untrusted => {
                "no authority that we know has signed its certificate: give the certificate of the one that has, as \
                 `ca_file` of `tls`"
            }
            Self::Misnamed => {
                "its certificate is for another name: give the one that it is for, in the url or as `server_name` of \
                 `tls`"
            }
            Self::Uncertified => {
                "it asks for a certificate of ours: give one, as `cert_file` and `key_file` of `tls`"
            }
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        TEXTS.iter().find(|(known, _)| text.contains(known)).map(|(_, hurdle)| *hurdle)
    }
}

impl Refusal {
    pub(super) fn unreachable(reason: impl fmt::Display) -> Self {
        Self { class: Class::Unreachable, hurdle: None, reason: Message::of(reason) }
    }

    pub(super) fn without_credentials(why: &Excerpt) -> Self {
        let reason = Message::of(format_args!("the provider of credentials had none: {why}"));
        Self { class: Class::Denied, hurdle: None, reason }
    }

    /// No node of ours, or none that can be used.
    pub(super) fn stranger(stranger: Stranger, reason: Option<&Excerpt>) -> Self {
        let reason = match reason {
            None => Message::of(stranger),
            Some(reason) => Message::of(format_args!("{stranger} ({reason})")),
        };
        let hurdle = Some(Hurdle::Stranger(stranger));
        Self { class: Class::Unreachable, hurdle, reason }
    }

    /// It took too long, and had come so far.
    pub(super) fn timed_out(stage: Stage, limit: std::time::Duration) -> Self {
        let hurdle = match stage {
            Stage::Reaching => None,
            Stage::Asking => Some(Hurdle::NoCredentials),
            Stage::Securing => Some(Hurdle::Plain),
            Stage::LoggingIn => Some(Hurdle::Mute),
        };
        Self::unreachable(format_args!("no connection within {limit:?}")).at(hurdle)
    }

    /// TLS was not agreed on.
    pub(super) fn insecure(error: io::Error) -> Self {
        let hurdle = match error.kind() {
            // As where what it is told is no command.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Some(Hurdle::Plain),
            _ => Hurdle::of_text(&error.to_string()),
        };
        Self::from(error).at(hurdle)
    }

    /// A login failed; `beginning` is what was heard before.
    pub(super) fn at_login(
        error: &RedisError,
        beginning: &Beginning,
        credentials: Option<&Credentials>,
        entrance: Entrance,
    ) -> Self {
        let text = class::text(error);
        if let Some(stranger) = Stranger::by(beginning) {
            return Self::stranger(stranger, Some(&text));
        }
        let heard = String::from_utf8_lossy(beginning.as_bytes());
        let is_io = error.kind() == ErrorKind::Io;
        let hurdle = if text.as_str().starts_with("NOAUTH") && credentials.is_none() {
            Some(Hurdle::NoPassword)
        } else if is_io && heard.starts_with("-ERR max number of") {
            Some(Hurdle::Full)
        } else if is_io && entrance.is_plain && heard.is_empty() {
            Some(Hurdle::Shut)
        } else {
            Hurdle::of_text(text.as_str())
        };
        let class = Consequence::of(error).login();
        let of = if entrance.is_sentinel { Hurdle::advice_at_sentinel } else { Hurdle::advice };
        let advice = hurdle.map(of);
        let reason = match advice {
            Some(advice) => Message::of(format_args!("{text}: {advice}")),
            None => Message::of(text),
        };
        Self { class, hurdle, reason }
    }

    /// The same, with what to do.
    fn at(self, hurdle: Option<Hurdle>) -> Self {
        let Some(hurdle) = hurdle else { return self };
        let reason = Message::of(format_args!("{}: {}", self.reason, hurdle.advice()));
        Self { hurdle: Some(hurdle), reason, ..self }
    }

    /// Whatever answers may repeat what it was told.
    pub(super) fn without_secret(mut self, credentials: Option<&Credentials>) -> Self {
        if let Some(credentials) = credentials {
            self.reason = Message::of(credentials.hide_in(self.reason.as_str()));
        }
        self
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::unreachable(Excerpt::of(error))
    }
}

impl From<RedisError> for Refusal {
    fn from(error: RedisError) -> Self {
        let class = Consequence::of(&error).login();
        Self { class, hurdle: None, reason: Message::of(class::text(&error)) }
    }
}
