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
    use Bearing::{Forbidden, LoggedOut, NotServing, Nothing, Passing};
    use Course::{Ask, Fail, Move, SendSource, TryAgain};
    for (line, class, course, bearing) in [
        ("LOADING Redis is loading the dataset in memory", Class::Unready, Fail, NotServing),
        ("MASTERDOWN Link with MASTER is down", Class::Unready, Fail, NotServing),
        ("CLUSTERDOWN The cluster is down", Class::Unready, Fail, NotServing),
        (
            "TRYAGAIN Multiple keys request during rehashing of slot",
            Class::Unready,
            TryAgain,
            Passing,
        ),
        ("BUSY Redis is busy running a script", Class::Unready, Fail, NotServing),
        ("ERR max number of clients reached", Class::Unready, Fail, NotServing),
        ("MOVED 3999 127.0.0.1:6381", Class::Moved, Move, Passing),
        ("MOVED 3999", Class::Moved, Fail, NotServing),
        ("MOVED x 127.0.0.1:6381", Class::Moved, Fail, NotServing),
        ("ASK 3999 127.0.0.1:6381", Class::Moved, Ask, Passing),
        ("ASK elsewhere", Class::Moved, Fail, NotServing),
        ("READONLY You can't write against a read only replica.", Class::Moved, Fail, NotServing),
        ("REDIRECT 127.0.0.1:6381", Class::Moved, Fail, NotServing),
        (
            "OOM command not allowed when used memory > 'maxmemory'.",
            Class::WriteRefused,
            Fail,
            Nothing,
        ),
        ("MISCONF Redis is configured to save RDB snapshots", Class::WriteRefused, Fail, Nothing),
        ("NOREPLICAS Not enough good replicas to write.", Class::WriteRefused, Fail, Nothing),
        ("NOAUTH Authentication required.", Class::Denied, Fail, LoggedOut),
        ("WRONGPASS invalid username-password pair", Class::Denied, Fail, Nothing),
        ("NOPERM this user has no permissions", Class::Denied, Fail, Forbidden),
        ("DENIED Redis is running in protected mode", Class::Denied, Fail, Nothing),
        ("ERR invalid password", Class::Denied, Fail, Nothing),
        ("ERR operation not permitted", Class::Denied, Fail, LoggedOut),
        (
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            Class::Rejected,
            Fail,
            Nothing,
        ),
        ("NOSCRIPT No matching script. Please use EVAL.", Class::Rejected, SendSource, Nothing),
        (
            "EXECABORT Transaction discarded because of previous errors.",
            Class::Rejected,
            Fail,
            Nothing,
        ),
        ("CROSSSLOT Keys in request don't hash to the same slot", Class::Rejected, Fail, Nothing),
        ("NOTBUSY No scripts in execution right now.", Class::Rejected, Fail, Nothing),
        (
            "NOSUB 'unsubscribe' command executed not in subscribed mode",
            Class::Rejected,
            Fail,
            Nothing,
        ),
        ("NOPROTO unsupported protocol version", Class::Rejected, Fail, Nothing),
        ("ERR unknown command 'PSETEX2'", Class::Rejected, Fail, Forbidden),
        (
            "ERR The user executing the script can't run this command or subcommand",
            Class::Denied,
            Fail,
            Forbidden,
        ),
        ("ERR unknown subcommand 'X'. Try CLIENT HELP.", Class::Rejected, Fail, Forbidden),
        ("ERR", Class::Rejected, Fail, Nothing),
        ("SOMETHING new", Class::Rejected, Fail, Nothing),
    ] {
        let expected = Consequence { class, course, bearing };
        let error = server(line);
        assert_eq!(Consequence::of(&error), expected, "{line}");
        let denied = class == Class::Denied;
        let login = if denied { Class::Denied } else { Class::Unreachable };
        assert_eq!((expected.login(), expected.verb()), (login, "refused"), "{line}");
        assert_eq!(text(&error).as_str(), line);
    }
}

#[test]
fn what_a_server_repeats_of_a_command_is_not_told() {
    for (line, expected) in [
        (
            "ERR unknown command 'MGET', with args beginning with: 'shop:{f:f#tok3n}:1' ",
            "ERR unknown command 'MGET'…",
        ),
        (
            "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `app`, `tok3n`, ",
            "ERR unknown command `HELLO`…",
        ),
        ("ERR bad\x1b[2Jthing", r"ERR bad\u{1b}[2Jthing"),
    ] {
        assert_eq!(text(&server(line)).as_str(), expected);
    }
    let endless = text(&server(&format!("ERR {}", "x".repeat(1_000_000))));
    assert_eq!(endless.as_str().chars().count(), 200);
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
        ("-OOM command not allowed", Class::WriteRefused, Bearing::Nothing),
        ("-READONLY You can't write", Class::Moved, Bearing::NotServing),
        ("-NOSCRIPT No matching script", Class::Rejected, Bearing::Nothing),
        ("-ERR value is not an integer", Class::Rejected, Bearing::Nothing),
        ("Script attempted to access a nonexisting variable", Class::Rejected, Bearing::Nothing),
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
