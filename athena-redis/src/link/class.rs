//! What follows from an error: one table, which the rest of the crate asks.
//!
//! | column | who asks it |
//! |---|---|
//! | `class` | the failure of an operation; what that is to the breaker and to retries is decided in `athena-core/src/resilience/class.rs` |
//! | `class` of a sign of life | `Moved` and `Unready` end trust, in `Remote::prove` of the core; see `Link::prove` here |
//! | `login` | an attempt to connect: who is denied is not hurried, and pauses longer (`backoff`, `supervise`) |
//! | `course` | a script is sent with its source (`batch`), a command to another node or again (`split`, `redirect`) |
//! | `bearing` | the link: a node that says it does not serve is in doubt, and the topology looks for another (`state`) |
//!
//! Nothing is logged where an operation fails: the failure goes to its caller, with the word and the
//! node. A login that fails is told at level warn, and again only when its class changes.
//!
//! Invariant: every error has its consequences; one that is unknown counts as `Rejected`, which blames
//! the request and never the node.

use athena_cache_core::backend::Class;
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
    /// Nothing, or that it serves.
    None,
    /// It ends by itself, and says nothing about who serves.
    Passing,
    /// It does not serve: another node may.
    NotServing,
}

/// The word that an error of a server begins with, and what follows.
const WORDS: [(&str, Class, Course, Bearing); 17] = {
    use Bearing::{None, NotServing, Passing};
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
        ("OOM", Class::WriteRefused, Fail, None),
        ("MISCONF", Class::WriteRefused, Fail, None),
        ("NOREPLICAS", Class::WriteRefused, Fail, None),
        ("NOAUTH", Class::Denied, Fail, None),
        ("WRONGPASS", Class::Denied, Fail, None),
        ("NOPERM", Class::Denied, Fail, None),
        ("DENIED", Class::Denied, Fail, None),
        ("NOSCRIPT", Class::Rejected, SendSource, None),
    ]
};

/// What follows from texts of errors without a word of their own, by how they begin.
const TEXTS: [(&str, Class, Course, Bearing); 3] = [
    ("max number of clients", Class::Unready, Course::Fail, Bearing::NotServing),
    ("invalid password", Class::Denied, Course::Fail, Bearing::None),
    ("operation not permitted", Class::Denied, Course::Fail, Bearing::None),
];

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

    /// What became of an operation, for a message.
    pub(super) fn verb(self) -> &'static str {
        match self.class {
            Class::Disconnected => "was lost",
            _ => "refused",
        }
    }

    const fn failed(class: Class) -> Self {
        Self { class, course: Course::Fail, bearing: Bearing::None }
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

/// The slot of a redirect and where it leads to: the text after `MOVED` or `ASK`.
pub(super) fn target(text: &str) -> Option<(u16, &str)> {
    let mut words = text.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?))
}

/// What went wrong, for a message.
pub(super) fn text(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{ServerErrorKind, Value, make_extension_error};

    use super::*;

    /// The error that a server's line is read as.
    fn server(line: &str) -> RedisError {
        match redis::parse_redis_value(format!("-{line}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => error.into(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn b18_every_word_of_a_server_has_its_consequences() {
        for (line, class, course, bearing) in [
            (
                "LOADING Redis is loading the dataset in memory",
                Class::Unready,
                Course::Fail,
                Bearing::NotServing,
            ),
            (
                "MASTERDOWN Link with MASTER is down",
                Class::Unready,
                Course::Fail,
                Bearing::NotServing,
            ),
            ("CLUSTERDOWN The cluster is down", Class::Unready, Course::Fail, Bearing::NotServing),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Class::Unready,
                Course::TryAgain,
                Bearing::Passing,
            ),
            (
                "BUSY Redis is busy running a script",
                Class::Unready,
                Course::Fail,
                Bearing::NotServing,
            ),
            (
                "ERR max number of clients reached",
                Class::Unready,
                Course::Fail,
                Bearing::NotServing,
            ),
            ("MOVED 3999 127.0.0.1:6381", Class::Moved, Course::Move, Bearing::Passing),
            ("MOVED 3999", Class::Moved, Course::Fail, Bearing::NotServing),
            ("MOVED x 127.0.0.1:6381", Class::Moved, Course::Fail, Bearing::NotServing),
            ("ASK 3999 127.0.0.1:6381", Class::Moved, Course::Ask, Bearing::Passing),
            ("ASK elsewhere", Class::Moved, Course::Fail, Bearing::NotServing),
            (
                "READONLY You can't write against a read only replica.",
                Class::Moved,
                Course::Fail,
                Bearing::NotServing,
            ),
            ("REDIRECT 127.0.0.1:6381", Class::Moved, Course::Fail, Bearing::NotServing),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                Class::WriteRefused,
                Course::Fail,
                Bearing::None,
            ),
            (
                "MISCONF Redis is configured to save RDB snapshots",
                Class::WriteRefused,
                Course::Fail,
                Bearing::None,
            ),
            (
                "NOREPLICAS Not enough good replicas to write.",
                Class::WriteRefused,
                Course::Fail,
                Bearing::None,
            ),
            ("NOAUTH Authentication required.", Class::Denied, Course::Fail, Bearing::None),
            (
                "WRONGPASS invalid username-password pair",
                Class::Denied,
                Course::Fail,
                Bearing::None,
            ),
            ("NOPERM this user has no permissions", Class::Denied, Course::Fail, Bearing::None),
            (
                "DENIED Redis is running in protected mode",
                Class::Denied,
                Course::Fail,
                Bearing::None,
            ),
            ("ERR invalid password", Class::Denied, Course::Fail, Bearing::None),
            ("ERR operation not permitted", Class::Denied, Course::Fail, Bearing::None),
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                Class::Rejected,
                Course::Fail,
                Bearing::None,
            ),
            (
                "NOSCRIPT No matching script. Please use EVAL.",
                Class::Rejected,
                Course::SendSource,
                Bearing::None,
            ),
            (
                "EXECABORT Transaction discarded because of previous errors.",
                Class::Rejected,
                Course::Fail,
                Bearing::None,
            ),
            (
                "CROSSSLOT Keys in request don't hash to the same slot",
                Class::Rejected,
                Course::Fail,
                Bearing::None,
            ),
            (
                "NOTBUSY No scripts in execution right now.",
                Class::Rejected,
                Course::Fail,
                Bearing::None,
            ),
            (
                "NOSUB 'unsubscribe' command executed not in subscribed mode",
                Class::Rejected,
                Course::Fail,
                Bearing::None,
            ),
            ("NOPROTO unsupported protocol version", Class::Rejected, Course::Fail, Bearing::None),
            ("ERR unknown command 'PSETEX2'", Class::Rejected, Course::Fail, Bearing::None),
            ("ERR", Class::Rejected, Course::Fail, Bearing::None),
            ("SOMETHING new", Class::Rejected, Course::Fail, Bearing::None),
        ] {
            let expected = Consequence { class, course, bearing };
            let error = server(line);
            assert_eq!(Consequence::of(&error), expected, "{line}");
            let denied = class == Class::Denied;
            let login = if denied { Class::Denied } else { Class::Unreachable };
            assert_eq!((expected.login(), expected.verb()), (login, "refused"), "{line}");
            assert_eq!(text(&error), line);
        }
    }

    #[test]
    fn every_word_stands_in_the_table_once() {
        for (at, (word, ..)) in WORDS.iter().enumerate() {
            assert!(WORDS[..at].iter().all(|(other, ..)| other != word), "{word}");
        }
    }

    #[test]
    fn an_error_wrapped_by_an_old_script_engine_keeps_its_class() {
        let wrapped = |inner: &str| {
            let place = "Error running script (call to f_2f6b): @user_script:1: @user_script: 1:";
            Consequence::of(&server(&format!("ERR {place} {inner}")))
        };
        for (inner, class, bearing) in [
            ("-OOM command not allowed", Class::WriteRefused, Bearing::None),
            ("-READONLY You can't write", Class::Moved, Bearing::NotServing),
            ("-NOSCRIPT No matching script", Class::Rejected, Bearing::None),
            ("-ERR value is not an integer", Class::Rejected, Bearing::None),
            ("Script attempted to access a nonexisting variable", Class::Rejected, Bearing::None),
        ] {
            let expected = Consequence { class, course: Course::Fail, bearing };
            assert_eq!(wrapped(inner), expected, "{inner}");
        }
    }

    #[test]
    fn b18_every_kind_of_error_has_its_class() {
        use ServerErrorKind as Server;
        for (kind, class) in [
            (ErrorKind::Parse, Class::Rejected),
            (ErrorKind::AuthenticationFailed, Class::Denied),
            (ErrorKind::UnexpectedReturnType, Class::Rejected),
            (ErrorKind::InvalidClientConfig, Class::Rejected),
            (ErrorKind::Io, Class::Disconnected),
            (ErrorKind::Client, Class::Rejected),
            (ErrorKind::Extension, Class::Rejected),
            (ErrorKind::MasterNameNotFoundBySentinel, Class::Unreachable),
            (ErrorKind::NoValidReplicasFoundBySentinel, Class::Unreachable),
            (ErrorKind::EmptySentinelList, Class::Unreachable),
            (ErrorKind::ClusterConnectionNotFound, Class::Unreachable),
            (ErrorKind::RESP3NotSupported, Class::Rejected),
            (Server::ResponseError.into(), Class::Rejected),
            (Server::ExecAbort.into(), Class::Rejected),
            (Server::BusyLoading.into(), Class::Unready),
            (Server::NoScript.into(), Class::Rejected),
            (Server::Moved.into(), Class::Moved),
            (Server::Ask.into(), Class::Moved),
            (Server::TryAgain.into(), Class::Unready),
            (Server::ClusterDown.into(), Class::Unready),
            (Server::CrossSlot.into(), Class::Rejected),
            (Server::MasterDown.into(), Class::Unready),
            (Server::ReadOnly.into(), Class::Moved),
            (Server::NotBusy.into(), Class::Rejected),
            (Server::NoSub.into(), Class::Rejected),
            (Server::NoPerm.into(), Class::Denied),
        ] {
            let error = RedisError::from((kind, "test"));
            assert_eq!(Consequence::of(&error).class, class, "{kind:?}");
        }
        let error = make_extension_error("OOM".into(), None);
        assert_eq!(Consequence::of(&error).class, Class::WriteRefused);
    }

    #[test]
    fn an_io_error_is_a_timeout_or_a_disconnection() {
        for (kind, class) in [
            (io::ErrorKind::TimedOut, Class::Timeout),
            (io::ErrorKind::WouldBlock, Class::Timeout),
            (io::ErrorKind::BrokenPipe, Class::Disconnected),
            (io::ErrorKind::ConnectionReset, Class::Disconnected),
            (io::ErrorKind::UnexpectedEof, Class::Disconnected),
            (io::ErrorKind::Other, Class::Disconnected),
        ] {
            let consequence = Consequence::of(&RedisError::from(io::Error::from(kind)));
            assert_eq!(consequence, Consequence::failed(class), "{kind:?}");
            let verb = if class == Class::Disconnected { "was lost" } else { "refused" };
            assert_eq!((consequence.login(), consequence.verb()), (Class::Unreachable, verb));
        }
    }
}
