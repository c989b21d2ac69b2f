//! What a user can say about the Redis to use, and the check of it.
//!
//! Invariant: a [`Settings`] has passed every check; nothing below it checks again.

mod duration;
mod secret;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use self::secret::Secret;

use self::secret::SecretUrl;
use crate::Error;
use crate::link::Tls;
use crate::url::{Endpoint, Scheme, Url};

/// Everything that can be set about a Redis.
///
/// Setters take any value; [`Redis::new`](crate::Redis::new) checks all of them and reports every
/// fault at once. In a file, durations are texts such as `"500ms"` or `"5s"`, and every setting may
/// be left out:
///
/// ```
/// use athena_cache_redis::RedisConfig;
///
/// # fn main() -> Result<(), toml::de::Error> {
/// let config: RedisConfig = toml::from_str(
///     r#"
///     url = "rediss://cache.example:6380/0"
///     username = "shop"
///     password = "…"
///     response_timeout = "250ms"
///     tls = { ca_file = "/etc/ssl/private-ca.pem" }
///     "#,
/// )?;
/// # let _ = config;
/// # Ok(())
/// # }
/// ```
///
/// Neither `Debug` nor serializing shows the password, or the user information of the URL: a
/// configuration that was serialized has to be given its credentials again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    url: SecretUrl,
    username: Option<String>,
    #[serde(skip_serializing)]
    password: Option<Secret>,
    #[serde(with = "duration")]
    connect_timeout: Duration,
    #[serde(with = "duration")]
    response_timeout: Duration,
    abort_on_connect_fail: bool,
    client_name: String,
    max_in_flight: usize,
    tls: Option<TlsConfig>,
}

/// Which certificates to trust and to show; used with `rediss://`.
///
/// Without a `ca_file` the certificate authorities of Mozilla's list are trusted. All files are in
/// PEM format and are read once, when the backend is built. Needs the feature `tls`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names of the settings in a file")]
pub struct TlsConfig {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
}

/// Settings that were checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) db: u32,
    pub(crate) tls: Option<Tls>,
    pub(crate) client_name: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) max_in_flight: usize,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: SecretUrl::new("redis://127.0.0.1:6379"),
            username: None,
            password: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_millis(500),
            abort_on_connect_fail: false,
            client_name: "athena-cache".into(),
            max_in_flight: 512,
            tls: None,
        }
    }
}

impl RedisConfig {
    /// The defaults, for the Redis at a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: SecretUrl::new(url), ..Self::default() }
    }

    /// Who logs in, on servers with several users; needs a password.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password, if the URL holds none.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::new(password));
        self
    }

    /// Bounds one attempt to connect: name lookup, TCP, TLS and login.
    ///
    /// Default 5 s; from 1 ms to 10 min.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Bounds one attempt of one operation.
    ///
    /// Default 500 ms; from 1 ms to 10 min. The first operation of all may spend part of it on
    /// waiting for the connection. A cache that uses the backend puts its own `attempt_timeout` in
    /// its place, so that there is one limit and not two.
    #[must_use]
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// Makes [`Redis::open`](crate::Redis::open) fail if the first attempt to connect does.
    ///
    /// By default a backend is built without a server and connects when there is one.
    #[must_use]
    pub fn abort_on_connect_fail(mut self, abort: bool) -> Self {
        self.abort_on_connect_fail = abort;
        self
    }

    /// How the server lists the connection; printable ASCII without spaces.
    ///
    /// Default `athena-cache`; at most 64 characters, none to send no name.
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = name.into();
        self
    }

    /// How many operations may wait for an answer; the next one waits for a place, for half its time.
    ///
    /// Default 512; from 1 to 65536.
    #[must_use]
    pub fn max_in_flight(mut self, operations: usize) -> Self {
        self.max_in_flight = operations;
        self
    }

    /// Which certificates to trust and to show.
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(crate) fn aborts_on_connect_fail(&self) -> bool {
        self.abort_on_connect_fail
    }

    /// Checks everything and reads the files named.
    pub(crate) fn check(self) -> Result<Settings, Error> {
        let mut faults = Vec::new();
        self.check_limits(&mut faults);
        let url = Url::parse(self.url.expose()).map_err(|fault| faults.push(fault)).ok();
        if let Some(url) = &url {
            self.check_against(url, &mut faults);
        }
        let Some(url) = url.filter(|_| faults.is_empty()) else {
            return Err(Error::settings(format!("redis settings: {}", faults.join("; "))));
        };
        let tls = match url.scheme {
            Scheme::Plain => None,
            Scheme::Tls => Some(Tls::new(&self.tls.unwrap_or_default())?),
        };
        Ok(Settings {
            endpoint: url.endpoint,
            username: self.username.or(url.username),
            password: self.password.or(url.password.map(Secret::new)),
            db: url.db,
            tls,
            client_name: self.client_name,
            connect_timeout: self.connect_timeout,
            response_timeout: self.response_timeout,
            max_in_flight: self.max_in_flight,
        })
    }

    fn check_limits(&self, faults: &mut Vec<String>) {
        let allowed = Duration::from_millis(1)..=Duration::from_secs(600);
        for (name, limit) in
            [("connect_timeout", self.connect_timeout), ("response_timeout", self.response_timeout)]
        {
            if !allowed.contains(&limit) {
                faults.push(format!("`{name}` is {limit:?}, allowed are 1ms to 10min"));
            }
        }
        let operations = self.max_in_flight;
        if !(1..=65536).contains(&operations) {
            faults.push(format!("`max_in_flight` is {operations}, allowed are 1 to 65536"));
        }
        let name = &self.client_name;
        if name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            faults.push(format!(
                "`client_name` is {name:?}, allowed are up to 64 printable ASCII characters \
                 without spaces"
            ));
        }
    }

    fn check_against(&self, url: &Url, faults: &mut Vec<String>) {
        if self.username.is_some() && url.username.is_some() {
            faults.push("the user name is in the url and in `username`, give one".into());
        }
        if self.password.is_some() && url.password.is_some() {
            faults.push("the password is in the url and in `password`, give one".into());
        }
        let has_name = self.username.is_some() || url.username.is_some();
        let has_password = self.password.is_some() || url.password.is_some();
        if has_name && !has_password {
            faults.push("there is a user name and no password, give both".into());
        }
        if self.tls.is_some() && url.scheme == Scheme::Plain {
            faults.push("`tls` is set and the url begins with `redis://`, use `rediss://`".into());
        }
    }
}

impl TlsConfig {
    /// Trusts these certificate authorities, and no others.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Shows this certificate chain to a server that asks for one.
    #[must_use]
    pub fn identity(mut self, cert_file: impl Into<PathBuf>, key_file: impl Into<PathBuf>) -> Self {
        self.cert_file = Some(cert_file.into());
        self.key_file = Some(key_file.into());
        self
    }
}
