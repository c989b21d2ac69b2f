//! What an error of the `redis` crate says about the store.
//!
//! Invariant: every error has a class; one that is unknown counts as `Rejected`, which blames the
//! request and never the node.

use athena_cache_core::backend::Class;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The class of an error that an operation met on an open connection.
pub(super) fn of(error: &RedisError) -> Class {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => Class::Timeout,
        ErrorKind::Io => Class::Disconnected,
        ErrorKind::Server(_) | ErrorKind::Extension => {
            of_code(error.code().unwrap_or_default(), error.detail().unwrap_or_default())
        }
        ErrorKind::AuthenticationFailed => Class::Denied,
        ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::EmptySentinelList
        | ErrorKind::ClusterConnectionNotFound => Class::Unreachable,
        _ => Class::Rejected,
    }
}

/// Whether it ends by itself and says nothing about who serves.
pub(super) fn is_passing(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::TryAgain)
}

/// What went wrong, for a message.
pub(super) fn text(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
    }
}

/// The class of the word that a server's error begins with.
fn of_code(code: &str, detail: &str) -> Class {
    match code {
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" => Class::Unready,
        "MOVED" | "ASK" | "READONLY" | "REDIRECT" => Class::Moved,
        "OOM" | "MISCONF" | "NOREPLICAS" => Class::WriteRefused,
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => Class::Denied,
        "ERR" => of_detail(detail),
        _ => Class::Rejected,
    }
}

/// The class of an error without a word of its own.
fn of_detail(detail: &str) -> Class {
    if detail.starts_with("max number of clients") {
        return Class::Unready;
    }
    if detail.starts_with("invalid password") || detail.starts_with("operation not permitted") {
        return Class::Denied;
    }
    // Before 7.0 an error inside a script was wrapped: `Error running script (…): …: -OOM …`.
    let wrapped = detail.strip_prefix("Error running script").and_then(|rest| {
        let (_, error) = rest.split_once(" -")?;
        Some(error.split_once(' ').unwrap_or((error, "")))
    });
    match wrapped {
        Some((code, _)) if code != "ERR" => of_code(code, ""),
        _ => Class::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{Value, make_extension_error};

    use super::*;

    /// The error that a server's line is read as.
    fn server(line: &str) -> RedisError {
        match redis::parse_redis_value(format!("-{line}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => error.into(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn b18_every_word_of_a_server_has_its_class() {
        for (line, class) in [
            ("LOADING Redis is loading the dataset in memory", Class::Unready),
            ("MASTERDOWN Link with MASTER is down", Class::Unready),
            ("CLUSTERDOWN The cluster is down", Class::Unready),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Class::Unready),
            ("BUSY Redis is busy running a script", Class::Unready),
            ("ERR max number of clients reached", Class::Unready),
            ("MOVED 3999 127.0.0.1:6381", Class::Moved),
            ("ASK 3999 127.0.0.1:6381", Class::Moved),
            ("READONLY You can't write against a read only replica.", Class::Moved),
            ("REDIRECT 127.0.0.1:6381", Class::Moved),
            ("OOM command not allowed when used memory > 'maxmemory'.", Class::WriteRefused),
            ("MISCONF Redis is configured to save RDB snapshots", Class::WriteRefused),
            ("NOREPLICAS Not enough good replicas to write.", Class::WriteRefused),
            ("NOAUTH Authentication required.", Class::Denied),
            ("WRONGPASS invalid username-password pair", Class::Denied),
            ("NOPERM this user has no permissions", Class::Denied),
            ("DENIED Redis is running in protected mode", Class::Denied),
            ("ERR invalid password", Class::Denied),
            ("ERR operation not permitted", Class::Denied),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Class::Rejected),
            ("NOSCRIPT No matching script. Please use EVAL.", Class::Rejected),
            ("EXECABORT Transaction discarded because of previous errors.", Class::Rejected),
            ("CROSSSLOT Keys in request don't hash to the same slot", Class::Rejected),
            ("NOTBUSY No scripts in execution right now.", Class::Rejected),
            ("NOSUB 'unsubscribe' command executed not in subscribed mode", Class::Rejected),
            ("NOPROTO unsupported protocol version", Class::Rejected),
            ("ERR unknown command 'PSETEX2'", Class::Rejected),
            ("ERR", Class::Rejected),
            ("SOMETHING new", Class::Rejected),
        ] {
            assert_eq!(of(&server(line)), class, "{line}");
            assert_eq!(text(&server(line)), line);
        }
    }

    #[test]
    fn an_error_wrapped_by_an_old_script_engine_keeps_its_class() {
        let wrapped = |inner: &str| {
            let place = "Error running script (call to f_2f6b): @user_script:1: @user_script: 1:";
            of(&server(&format!("ERR {place} {inner}")))
        };
        assert_eq!(wrapped("-OOM command not allowed"), Class::WriteRefused);
        assert_eq!(wrapped("-READONLY You can't write"), Class::Moved);
        assert_eq!(wrapped("-ERR value is not an integer"), Class::Rejected);
        assert_eq!(wrapped("Script attempted to access a nonexisting variable"), Class::Rejected);
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
            assert_eq!(of(&RedisError::from((kind, "test"))), class, "{kind:?}");
        }
        assert_eq!(of(&make_extension_error("OOM".into(), None)), Class::WriteRefused);
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
            assert_eq!(of(&RedisError::from(io::Error::from(kind))), class, "{kind:?}");
        }
    }
}
