//! What follows from an error: one table, which the rest of the crate asks.
//!
//! | column | who asks it |
//! |---|---|
//! | `class` | the failure of an operation, and of a question to a node (`poller`: who refuses `ROLE` is asked `HELLO`); what that is to the breaker and to retries is decided in `athena-core/src/resilience/class.rs` |
//! | `class` of a sign of life | `Moved` and `Unready` end trust, in `Remote::prove` of the core; see `Link::prove` here |
//! | `login` | an attempt to connect: who is denied is not hurried, and pauses longer (`backoff`, `supervise`) |
//! | `course` | a script is sent with its source (`batch`), a command to another node or again (`split`, `redirect`) |
//! | `bearing` of a sign of life | `Link::prove`: what says nothing about who serves is one (`is_sign_of_life`) |
//! | `bearing` | the connection: one that says it is not logged in is given up (`state`); the rights of the user (`rights`) |
//! | `bearing` | the link: a node that says it does not serve is in doubt, and the topology looks for another (`state`) |
//!
//! Nothing is logged where an operation fails: the failure goes to its caller, with the word and the
//! node. A login that fails is told at level warn, and again only when its class changes.
//!
//! Invariant: every error has its consequences; one that is unknown counts as `Rejected`, which blames
//! the request and never the node.

use athena_cache_core::backend::{Class, Excerpt};
use redis::{ErrorKind, RedisError, ServerError};

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Consequence {
    /// What the operation fails with, if it does.
    pub(super) class: Class,
    pub(super) course: Course,
    pub(super) bearing: Bearing,
}

/// How it goes on with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It has failed.
    Fail,
    /// It goes to another node, which serves its slot from now on.
    Move,
    /// It goes to another node, which may not get the next one.
    Ask,
    /// It is sent again: its names are on their way.
    TryAgain,
    /// It is sent again with the source of its script.
    SendSource,
}

/// What an error says about the node that answered with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearing {
    /// It is about what was asked, or about the data.
    Nothing,
    /// The user may not have this done, or the server does not know how: it is the same next time.
    Forbidden,
    /// The connection is not logged in, or not any more.
    LoggedOut,
    /// It ends by itself, and says nothing about who serves.
    Passing,
    /// It does not serve: another node may.
    NotServing,
}

/// What of a right is lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// The command, to this user.
    Command,
    /// The names that it is used with.
    Names,
    /// The command, to everybody: it was renamed, or what answers does not have it.
    Unknown,
}

/// The word that an error of a server begins with, and what follows.
const WORDS: [(&str, Class, Course, Bearing); 17] = {
    use Bearing::{Forbidden, LoggedOut, NotServing, Nothing, Passing};
    use Course::{Ask, Fail, Move, SendSource, TryAgain};
    [
        ("LOADING", Class::Unready, Fail, NotServing),
        ("MASTERDOWN", Class::Unready, Fail, NotServing),
        ("CLUSTERDOWN", Class::Unready, Fail, NotServing),
        ("BUSY", Class::Unready, Fail, NotServing),
        ("TRYAGAIN", Class::Unready, TryAgain, Passing),
        ("MOVED", Class::Moved, Move, Passing),
        ("ASK", Class::Moved, Ask, Passing),
        ("READONLY", Class::Moved, Fail, NotServing),
        ("REDIRECT", Class::Moved, Fail, NotServing),
        ("OOM", Class::WriteRefused, Fail, Nothing),
        ("MISCONF", Class::WriteRefused, Fail, Nothing),
        ("NOREPLICAS", Class::WriteRefused, Fail, Nothing),
        ("NOAUTH", Class::Denied, Fail, LoggedOut),
        ("WRONGPASS", Class::Denied, Fail, Nothing),
        ("NOPERM", Class::Denied, Fail, Forbidden),
        ("DENIED", Class::Denied, Fail, Nothing),
        ("NOSCRIPT", Class::Rejected, SendSource, Nothing),
    ]
};

/// What follows from texts of errors without a word of their own, by how they begin.
const TEXTS: [(&str, Class, Course, Bearing); 6] = [
    ("max number of clients", Class::Unready, Course::Fail, Bearing::NotServing),
    ("invalid password", Class::Denied, Course::Fail, Bearing::Nothing),
    ("operation not permitted", Class::Denied, Course::Fail, Bearing::LoggedOut),
    ("The user executing the script can't", Class::Denied, Course::Fail, Bearing::Forbidden),
    ("unknown command", Class::Rejected, Course::Fail, Bearing::Forbidden),
    ("unknown subcommand", Class::Rejected, Course::Fail, Bearing::Forbidden),
];

/// What stands in front of the arguments that an error repeats.
const REPEATED: &str = ", with args beginning with:";

impl Consequence {
    /// That of an error that an operation met on an open connection, or an attempt to open one.
    pub(super) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => Self::failed(Class::Timeout),
            ErrorKind::Io => Self::failed(Class::Disconnected),
            ErrorKind::Server(_) | ErrorKind::Extension => {
                Self::of_line(error.code().unwrap_or_default(), error.detail().unwrap_or_default())
            }
            ErrorKind::AuthenticationFailed => Self::failed(Class::Denied),
            ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::NoValidReplicasFoundBySentinel
            | ErrorKind::EmptySentinelList
            | ErrorKind::ClusterConnectionNotFound => Self::failed(Class::Unreachable),
            _ => Self::failed(Class::Rejected),
        }
    }

    /// That of an error among replies.
    pub(super) fn of_reply(error: &ServerError) -> Self {
        Self::of_line(error.code(), error.details().unwrap_or_default())
    }

    /// What an attempt to connect fails with: `Denied` if the server let us not in, else `Unreachable`.
    pub(super) fn login(self) -> Class {
        match self.class {
            Class::Denied => Class::Denied,
            _ => Class::Unreachable,
        }
    }

    /// Whether what was asked for a sign of life, and answered with it, has given one: it says nothing about
    /// who serves.
    pub(super) fn is_sign_of_life(self) -> bool {
        matches!(self.bearing, Bearing::Nothing | Bearing::Forbidden)
    }

    /// What became of an operation, for a message.
    pub(super) fn verb(self) -> &'static str {
        match self.class {
            Class::Disconnected => "was lost",
            _ => "refused",
        }
    }

    const fn failed(class: Class) -> Self {
        Self { class, course: Course::Fail, bearing: Bearing::Nothing }
    }

    fn of_line(word: &str, text: &str) -> Self {
        if word == "ERR" {
            return Self::of_text(text);
        }
        let known = WORDS.iter().find(|(known, ..)| *known == word);
        let Some(&(_, class, course, bearing)) = known else {
            return Self::failed(Class::Rejected);
        };
        match course {
            // It does not say who serves instead.
            Course::Move | Course::Ask if target(text).is_none() => {
                Self { class, course: Course::Fail, bearing: Bearing::NotServing }
            }
            _ => Self { class, course, bearing },
        }
    }

    fn of_text(text: &str) -> Self {
        let known = TEXTS.iter().find(|(known, ..)| text.starts_with(known));
        if let Some(&(_, class, course, bearing)) = known {
            return Self { class, course, bearing };
        }
        // Before 7.0 an error inside a script was wrapped: `Error running script (…): …: -OOM …`.
        let wrapped = text.strip_prefix("Error running script").and_then(|rest| {
            let (_, error) = rest.split_once(" -")?;
            Some(error.split_once(' ').map_or(error, |(word, _)| word))
        });
        match wrapped {
            // The script has begun: it is not for us to send again.
            Some(word) if word != "ERR" => Self { course: Course::Fail, ..Self::of_line(word, "") },
            _ => Self::failed(Class::Rejected),
        }
    }
}

/// What of a right is lacking, if a reply says that.
pub(super) fn denial(error: &ServerError) -> Option<Denial> {
    if Consequence::of_reply(error).bearing != Bearing::Forbidden {
        return None;
    }
    let text = error.details().unwrap_or_default();
    Some(match error.code() {
        "NOPERM" if text.contains("key") && !text.contains("command") => Denial::Names,
        "NOPERM" => Denial::Command,
        _ => Denial::Unknown,
    })
}

/// The slot of a redirect and where it leads to: the text after `MOVED` or `ASK`.
pub(super) fn target(text: &str) -> Option<(u16, &str)> {
    let mut words = text.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?))
}

/// What went wrong, for a message.
///
/// A server that does not know a command repeats what it was sent with: names of entries, a password.
pub(super) fn text(error: &RedisError) -> Excerpt {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => {
            let (said, repeats) = match detail.split_once(REPEATED) {
                Some((said, _)) => (said, true),
                None => (detail, false),
            };
            Excerpt::of(format_args!("{code} {said}{}", if repeats { "…" } else { "" }))
        }
        (Some(code), None) => Excerpt::of(code),
        (None, _) => Excerpt::of(error),
    }
}

#[cfg(test)]
mod tests;
