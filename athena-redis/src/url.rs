//! Reads `redis://[user[:password]@]host[:port][/db]`, `redis-sentinel://…host,host[/db]#service` and
//! `redis-cluster://…host,host`; with `rediss` in front for TLS.
//!
//! Invariant: nothing repeats a part of the URL in which a password may stand, however the URL is misspelt:
//! neither what is in front of an `@`, nor what follows a `?`, nor anything of a text that is not understood.

use std::borrow::Cow;
use std::fmt;

use athena_cache_core::backend::Excerpt;
use percent_encoding::percent_decode_str;

/// The port of data nodes whose address has none.
const DATA_PORT: u16 = 6379;
/// The port of sentinels whose address has none.
const SENTINEL_PORT: u16 = 26379;

/// Where a node listens.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    /// A name or an address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (Excerpt::of(&self.host), self.port);
        if self.host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Plain,
    Tls,
}

/// Which nodes there are, and where to ask for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Nodes {
    /// One node serves everything.
    Standalone(Endpoint),
    /// The sentinels know the one that does.
    Sentinel { sentinels: Vec<Endpoint>, service: Option<String> },
    /// Each serves some slots; these know the others.
    Cluster { seeds: Vec<Endpoint> },
}

/// Everything that a URL says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    pub(crate) nodes: Nodes,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) db: u32,
}

impl Url {
    /// Reads a URL; the message of a fault is lower case and holds no secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("the url has no `://`, expected `redis://[user[:password]@]host[:port][/db]`")?;
        let (scheme, form) = parse_scheme(scheme)?;
        let (authority, path) = split_path(rest);
        if path.contains('@') {
            return Err(
                "the url has `/`, `?` or `#` before `@`: write them as `%2F`, `%3F`, `%23` \
                        inside the user name and the password"
                    .into(),
            );
        }
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, authority),
        };
        let (username, password) = user_info.map_or(Ok((None, None)), parse_user_info)?;
        let (nodes, db) = match form {
            Form::Standalone => {
                let nodes = Nodes::Standalone(parse_endpoint(host, DATA_PORT)?);
                (nodes, parse_db(path)?)
            }
            Form::Sentinel => {
                let (path, service) = parse_service(path)?;
                let sentinels = parse_endpoints(host, SENTINEL_PORT)?;
                (Nodes::Sentinel { sentinels, service }, parse_db(path)?)
            }
            Form::Cluster => {
                if parse_db(path)? != 0 {
                    return Err("a cluster has one database, leave out the number".into());
                }
                (Nodes::Cluster { seeds: parse_endpoints(host, DATA_PORT)? }, 0)
            }
        };
        Ok(Self { scheme, nodes, username, password, db })
    }
}

/// Stands for what is not shown.
pub(crate) const HIDDEN: &str = "***";

/// The URL as it may be shown: without user name and password, and without `?` and what follows it.
///
/// Of one that cannot be used even so nobody knows where a password stands in it: nothing is shown.
pub(crate) fn shown(text: &str) -> String {
    let shown = || {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = split_path(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let is_clear = !rest[authority.len()..].contains('@');
        let shown = format!("{scheme}://{host}{path}");
        (is_clear && Url::parse(&shown).is_ok()).then_some(shown)
    };
    shown().unwrap_or_else(|| HIDDEN.to_owned())
}

/// Splits what follows the scheme in front of the path, the query or the fragment.
fn split_path(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// What the scheme says about the nodes.
#[derive(Debug, Clone, Copy)]
enum Form {
    Standalone,
    Sentinel,
    Cluster,
}

fn parse_scheme(scheme: &str) -> Result<(Scheme, Form), String> {
    Ok(match scheme {
        "redis" => (Scheme::Plain, Form::Standalone),
        "rediss" => (Scheme::Tls, Form::Standalone),
        "redis-sentinel" => (Scheme::Plain, Form::Sentinel),
        "rediss-sentinel" => (Scheme::Tls, Form::Sentinel),
        "redis-cluster" => (Scheme::Plain, Form::Cluster),
        "rediss-cluster" => (Scheme::Tls, Form::Cluster),
        _ => {
            return Err("the scheme of the url is unknown, expected `redis://`, \
                        `redis-sentinel://` or `redis-cluster://`, or `rediss` in its place for TLS"
                .into());
        }
    })
}

/// Splits `/db#service`.
fn parse_service(path: &str) -> Result<(&str, Option<String>), String> {
    let Some((path, service)) = path.split_once('#') else {
        return Ok((path, None));
    };
    let service = decode_percent(service).filter(|name| is_service(name)).ok_or(
        "the name behind `#` is none that sentinels know a service by: letters, digits and `.-_`",
    )?;
    Ok((path, Some(service)))
}

/// Whether sentinels accept this as the name of what they watch.
pub(crate) fn is_service(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !name.is_empty() && name.bytes().all(legal)
}

/// Reads `host[:port],host[:port]`; each counts once.
fn parse_endpoints(text: &str, default_port: u16) -> Result<Vec<Endpoint>, String> {
    let mut endpoints = Vec::new();
    for part in text.split(',') {
        let endpoint = parse_endpoint(part, default_port)?;
        if !endpoints.contains(&endpoint) {
            endpoints.push(endpoint);
        }
    }
    Ok(endpoints)
}

fn parse_user_info(text: &str) -> Result<(Option<String>, Option<String>), String> {
    let (username, password) = match text.split_once(':') {
        Some((username, password)) => (username, Some(password)),
        None => (text, None),
    };
    let decode = |part: &str| {
        decode_percent(part).ok_or(
            "the user name or the password of the url is not percent-encoded UTF-8 (a `%` is \
             written `%25`)",
        )
    };
    let username = Some(username).filter(|name| !name.is_empty()).map(decode).transpose()?;
    Ok((username, password.map(decode).transpose()?))
}

fn parse_endpoint(text: &str, default_port: u16) -> Result<Endpoint, String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("the url has `[` without `]`")?;
            (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
    };
    let port = match port {
        Some("") => Some(default_port),
        Some(port) => port.parse().ok().filter(|port| *port != 0),
        None => None,
    };
    let port = port.ok_or("the port of the url is not a number from 1 to 65535")?;
    if host.is_empty() {
        return Err("the url names no host".into());
    }
    if host.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control()) {
        return Err("the host of the url has a comma or a space: `redis://` takes one host, \
                    `redis-sentinel://` and `redis-cluster://` take several"
            .into());
    }
    Ok(Endpoint { host: host.into(), port })
}

/// Reads `host`, `host:port`, or the same of an IPv6 address in brackets.
pub(crate) fn parse_address(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port {
        "" => None,
        port => Some(port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?),
    };
    is_host(host).then_some((host, port))
}

/// Longest name of a host, in bytes.
const LONGEST_HOST: usize = 255;

/// Whether something may be the name or the address of a host.
pub(crate) fn is_host(text: &str) -> bool {
    let is_odd = |c: char| ",/@".contains(c) || c.is_whitespace() || c.is_control();
    !text.is_empty() && text.len() <= LONGEST_HOST && !text.contains(is_odd)
}

fn parse_db(path: &str) -> Result<u32, String> {
    let db = path.strip_prefix('/').unwrap_or(path);
    if db.is_empty() {
        return Ok(0);
    }
    if path.contains('?') {
        return Err("the url has `?`, and nothing behind it is read: set it in the settings, and write the \
                    user name and the password in front of the host"
            .into());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let found = if path.bytes().all(is_plain) { path } else { HIDDEN };
    db.parse().map_err(|_| {
        let found = Excerpt::of(found);
        format!("`{found}` after the host is not `/` and the number of a database, such as `/0`")
    })
}

/// The text that is meant; `None` unless each `%` begins an escape, and UTF-8 comes of it.
fn decode_percent(text: &str) -> Option<String> {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    // What is none would stand for itself: another password than somebody may have meant.
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }

    #[test]
    fn every_part_of_a_url_is_read() {
        let url = Url::parse("rediss://us%65r:p%40ss%2Fw%C3%B6rd@cache.example:7000/3").unwrap();
        assert_eq!(url.scheme, Scheme::Tls);
        assert_eq!(url.nodes, Nodes::Standalone(endpoint("cache.example", 7000)));
        assert_eq!(url.username.as_deref(), Some("user"));
        assert_eq!(url.password.as_deref(), Some("p@ss/wörd"));
        assert_eq!(url.db, 3);
    }

    #[test]
    fn parts_that_are_left_out_have_their_defaults() {
        for (text, host, port) in [
            ("redis://localhost", "localhost", 6379),
            ("redis://localhost/", "localhost", 6379),
            ("redis://127.0.0.1:1", "127.0.0.1", 1),
            ("redis://[::1]", "::1", 6379),
            ("redis://[fe80::1]:6380/", "fe80::1", 6380),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(url.nodes, Nodes::Standalone(endpoint(host, port)), "{text}");
            assert_eq!((url.username, url.password, url.db), (None, None, 0), "{text}");
        }
        let url = Url::parse("redis://:secret@localhost").unwrap();
        assert_eq!((url.username, url.password.as_deref()), (None, Some("secret")));
        let url = Url::parse("redis://app@localhost").unwrap();
        assert_eq!((url.username.as_deref(), url.password), (Some("app"), None));
    }

    #[test]
    fn a06_several_hosts_are_read_and_sentinels_have_their_own_port() {
        let url = Url::parse("redis-sentinel://:pw@s1,s2:7000,[::1],s1/2#my.master").unwrap();
        let sentinels = vec![endpoint("s1", 26379), endpoint("s2", 7000), endpoint("::1", 26379)];
        let service = Some("my.master".to_owned());
        assert_eq!(url.nodes, Nodes::Sentinel { sentinels, service });
        assert_eq!((url.password.as_deref(), url.db), (Some("pw"), 2));
        let url = Url::parse("rediss-cluster://a,b:7001").unwrap();
        assert_eq!(url.scheme, Scheme::Tls);
        let seeds = vec![endpoint("a", 6379), endpoint("b", 7001)];
        assert_eq!(url.nodes, Nodes::Cluster { seeds });
        let url = Url::parse("redis-sentinel://s1").unwrap();
        assert!(matches!(url.nodes, Nodes::Sentinel { service: None, .. }));
    }

    #[test]
    fn an_address_has_a_host_and_may_have_a_port() {
        for (text, expected) in [
            ("a", Some(("a", None))),
            ("a:1", Some(("a", Some(1)))),
            ("[::1]", Some(("::1", None))),
            ("[::1]:1", Some(("::1", Some(1)))),
            ("::1", None),
            ("a:", None),
            ("a:0", None),
            ("a:65536", None),
            (":1", None),
            ("", None),
            ("[::1", None),
            ("[::1]1", None),
            ("a b:1", None),
            ("u@a:1", None),
        ] {
            assert_eq!(parse_address(text), expected, "{text}");
        }
    }

    #[test]
    fn an_ipv6_endpoint_is_shown_in_brackets() {
        assert_eq!(endpoint("::1", 6379).to_string(), "[::1]:6379");
        assert_eq!(endpoint("localhost", 6379).to_string(), "localhost:6379");
    }

    #[test]
    fn a_misspelt_url_says_what_is_expected_and_tells_no_secret() {
        for (text, expected) in [
            ("localhost:6379", "no `://`"),
            ("http://localhost", "expected `redis://`, `redis-sentinel://` or `redis-cluster://`"),
            ("redis-sentinel://a,,b/0#main", "names no host"),
            ("redis-sentinel://a,b/0#two words", "the name behind `#`"),
            ("redis-sentinel://a,b/x#main", "`/x` after the host"),
            ("redis-cluster://a,b/1", "a cluster has one database"),
            ("redis://", "names no host"),
            ("redis://:s3cret", "not a number from 1 to 65535"),
            ("redis://host:0", "not a number from 1 to 65535"),
            ("redis://host:65536", "not a number from 1 to 65535"),
            ("redis://[::1", "`[` without `]`"),
            ("redis://[::1]x", "not a number from 1 to 65535"),
            ("redis://a,b", "`redis://` takes one host"),
            ("redis://a b", "one host"),
            ("redis://host/x", "`/x` after the host"),
            ("redis://host/0?protocol=resp3", "nothing behind it is read"),
            ("redis://host/0?password=s3cret", "the url has `?`"),
            ("redis://host?password=s3cret", "the url has `?`"),
            ("redis://host/0?password=s3@cret", "write them as `%2F`"),
            ("redis-sentinel://host/0?password=s3cret#main", "the url has `?`"),
            ("redis://host/0#s3cret", "after the host is not `/` and the number"),
            ("redis://host/-1", "`/-1` after the host"),
            ("redis://:s3/cret@host", "write them as `%2F`"),
            ("redis://:s3%cret@host", "percent-encoded"),
            ("redis://:s3cret%@host", "percent-encoded"),
            ("redis://:s3cret%ff@host", "percent-encoded"),
        ] {
            let message = Url::parse(text).err().unwrap_or_default();
            assert!(message.contains(expected), "{text}: {message:?}");
            assert!(!message.contains("s3") && !message.contains("cret"), "{text}: {message}");
        }
    }

    #[test]
    fn a_url_is_shown_as_far_as_it_is_understood_and_without_what_may_be_a_secret() {
        for (text, expected) in [
            ("redis://user:pw@host/0", "redis://host/0"),
            ("redis://:p@w@host", "redis://host"),
            ("redis://host/0?password=pw", "redis://host/0"),
            ("redis-sentinel://:pw@a,b/0?pw#main", "redis-sentinel://a,b/0"),
            ("redis-sentinel://:p%w@a,b/0#main", "redis-sentinel://a,b/0#main"),
            ("redis://host", "redis://host"),
            ("redis://:p/w@host", "***"),
            ("redis://:p?w@host", "***"),
            ("redis://host/0?password=p@w", "***"),
            ("redis://:pw", "***"),
            ("redis://user:pw", "***"),
            ("redis://host/0#pw", "***"),
            ("user:pw@host", "***"),
            ("a@b://host", "***"),
            ("pw", "***"),
            ("", "***"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
