//! Who acts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};

/// Characters of a name that are kept.
const LONGEST: usize = 64;

/// Who acts, as a guard knows them; their name is in the log and in the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(String);

impl Actor {
    /// Somebody with this name: one line of at most 64 characters, control characters replaced.
    pub fn new(name: impl AsRef<str>) -> Self {
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        Self(name.as_ref().chars().take(LONGEST).map(shown).collect())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A guard for a laptop: lets in whoever is on the same machine, as `peer` tells, and nobody else.
///
/// Behind a proxy everybody would be, so a request that came through one is refused, and so is one for another host, as
/// a page elsewhere can have a browser send by a name that leads here.
///
/// ```
/// use std::net::SocketAddr;
/// use athena_cache_axum::{dashboard, loopback_only};
/// use athena_cache_core::Cache;
/// use axum::http::request::Parts;
///
/// // With axum's feature `tokio`, of `ConnectInfo<SocketAddr>`.
/// let guard = loopback_only(|parts: &Parts| parts.extensions.get::<SocketAddr>().copied());
/// let page: axum::Router = dashboard(&Cache::in_memory("shop")).actions(guard).into_router();
/// # drop(page);
/// ```
pub fn loopback_only<P>(
    peer: P,
) -> impl Fn(&Parts) -> Result<Actor, StatusCode> + Send + Sync + 'static
where
    P: Fn(&Parts) -> Option<SocketAddr> + Send + Sync + 'static,
{
    move |parts| {
        let is_near = peer(parts).is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        if is_near && !came_through_proxy(&parts.headers) && is_for_here(parts) {
            Ok(Actor::new("this machine"))
        } else {
            Err(StatusCode::FORBIDDEN)
        }
    }
}

fn came_through_proxy(headers: &HeaderMap) -> bool {
    let told = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    told.iter().any(|name| headers.contains_key(*name))
}

fn is_for_here(parts: &Parts) -> bool {
    let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = header.or_else(|| parts.uri.authority().map(Authority::as_str)) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    name.is_some_and(|name| {
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn asked(peer: &str, headers: &[(&str, &str)]) -> bool {
        let peer = peer.parse().ok();
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        loopback_only(move |_| peer)(&parts).is_ok()
    }

    #[test]
    fn only_who_is_on_this_machine_is_let_in() {
        let here = ("host", "localhost:3000");
        assert!(asked("127.0.0.1:9", &[here]));
        assert!(asked("[::1]:9", &[("host", "[::1]:3000")]));
        assert!(asked("[::ffff:127.0.0.1]:9", &[("host", "127.0.0.1")]));
        assert!(!asked("10.0.0.7:9", &[here]), "from elsewhere");
        assert!(!asked("nobody knows", &[here]), "nobody told from where");
        assert!(!asked("127.0.0.1:9", &[here, ("x-forwarded-for", "10.0.0.7")]), "by a proxy");
        assert!(!asked("127.0.0.1:9", &[("host", "evil.example:3000")]), "by a name of others");
        assert!(!asked("127.0.0.1:9", &[]), "for nobody");
    }

    #[test]
    fn a_name_is_one_line_of_bounded_length() {
        assert_eq!(Actor::new("ada\nroot").name(), "ada\u{fffd}root");
        assert_eq!(Actor::new("a".repeat(1_000)).name().len(), LONGEST);
    }
}
