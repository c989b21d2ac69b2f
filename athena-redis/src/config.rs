//! What a user can say about the Redis to use, and the check of it.
//!
//! Invariant: a [`Settings`] has passed every check; nothing below it checks again.

mod addresses;
mod check;
mod credentials;
mod duration;
mod notices;
mod secret;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::{count, size};
use serde::{Deserialize, Serialize};

pub(crate) use self::addresses::Addresses;
pub use self::credentials::Credentials;
pub(crate) use self::credentials::Login;
pub use self::notices::MaintenanceNotices;
pub(crate) use self::secret::Secret;

use self::addresses::{AddressFn, AddressTable};
use self::credentials::Provider;
use self::secret::SecretUrl;
use crate::Error;
use crate::tls::{Tls, TlsConfig};
use crate::url::{Endpoint, Nodes, Scheme, Url};

/// Everything that can be set about a Redis.
///
/// Setters take any value; [`Redis::new`](crate::Redis::new) checks all of them and reports every
/// fault at once. In a file, durations are texts such as `"500ms"` or `"5s"`, and every setting may
/// be left out; sizes may have units:
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
///     max_reply = "128 MiB"
///     tls = { ca_file = "/etc/ssl/private-ca.pem" }
///     "#,
/// )?;
/// # let _ = config;
/// # Ok(())
/// # }
/// ```
///
/// Neither `Debug` nor serializing shows a password, or what of the URL may be one: its user information, `?` and
/// what follows it, and all of a URL that cannot be used. A configuration that was serialized, to be looked at
/// or compared, has to be given its credentials again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    url: SecretUrl,
    username: Option<String>,
    #[serde(skip_serializing)]
    password: Option<Secret>,
    #[serde(skip)]
    credentials: Option<Provider>,
    #[serde(with = "duration")]
    connect_timeout: Duration,
    #[serde(with = "duration")]
    response_timeout: Duration,
    abort_on_connect_fail: bool,
    #[serde(with = "count")]
    connect_retry: u32,
    allow_admin: bool,
    client_name: String,
    #[serde(with = "count")]
    max_in_flight: usize,
    #[serde(with = "size")]
    max_reply: u64,
    #[serde(with = "duration")]
    heartbeat: Duration,
    #[serde(with = "duration")]
    probe_interval: Duration,
    tracking: bool,
    tracking_table_max_keys: Option<u64>,
    maintenance: MaintenanceNotices,
    tls: Option<TlsConfig>,
    service_name: Option<String>,
    sentinel_username: Option<String>,
    #[serde(skip_serializing)]
    sentinel_password: Option<Secret>,
    sentinel_tls: Option<bool>,
    addresses: AddressTable,
    #[serde(skip)]
    addresses_by: Option<AddressFn>,
}

/// Settings that were checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) deployment: Deployment,
    /// How data nodes are reached.
    pub(crate) access: Arc<Access>,
    pub(crate) allow_admin: bool,
}

/// Which nodes there are.
#[derive(Debug)]
pub(crate) enum Deployment {
    Standalone(Endpoint),
    Sentinel { service: String, sentinels: Vec<Endpoint>, access: Arc<Access> },
    Cluster { seeds: Vec<Endpoint> },
}

impl Deployment {
    /// One word for it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Standalone(_) => "standalone",
            Self::Sentinel { .. } => "sentinel",
            Self::Cluster { .. } => "cluster",
        }
    }
}

/// How the nodes of one kind are reached.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) login: Arc<Login>,
    pub(crate) db: u32,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) client_name: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) max_in_flight: usize,
    /// The most bytes that one reply may take.
    pub(crate) max_reply: u64,
    /// Pause between two heartbeats, and how long one may stay unanswered.
    pub(crate) heartbeat: Duration,
    /// Shortest pause between two attempts to replace a connection that is open.
    pub(crate) probe_interval: Duration,
    /// Attempts before a link that never connected gives up; `None` for never.
    pub(crate) attempts: Option<u32>,
    /// Whether the node is asked to announce changes of what is read from it.
    pub(crate) tracking: bool,
    /// How many names a node remembers the readers of, if it does not say.
    pub(crate) tracking_table_max_keys: Option<u64>,
    /// Whether the node is asked to announce its maintenance.
    pub(crate) maintenance: MaintenanceNotices,
    /// Where nodes are reached that others, or they themselves, tell of.
    pub(crate) addresses: Arc<Addresses>,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: SecretUrl::new("redis://127.0.0.1:6379"),
            username: None,
            password: None,
            credentials: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_millis(500),
            abort_on_connect_fail: false,
            connect_retry: 3,
            allow_admin: false,
            client_name: "athena-cache".into(),
            max_in_flight: 512,
            max_reply: 64 << 20,
            heartbeat: Duration::from_millis(200),
            probe_interval: Duration::from_secs(2),
            tracking: true,
            tracking_table_max_keys: None,
            maintenance: MaintenanceNotices::default(),
            tls: None,
            service_name: None,
            sentinel_username: None,
            sentinel_password: None,
            sentinel_tls: None,
            addresses: AddressTable::default(),
            addresses_by: None,
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

    /// Asks for the credentials at each login, for tokens that expire and passwords that rotate.
    ///
    /// In place of [`username`](Self::username) and [`password`](Self::password), for data nodes. What it
    /// takes is part of the [`connect_timeout`](Self::connect_timeout); while it fails, nothing is connected,
    /// and it is asked again after 1 s to 5 s. Several nodes may ask at a time.
    ///
    /// ```
    /// use athena_cache_redis::{Credentials, RedisConfig};
    ///
    /// let config = RedisConfig::new("rediss://cache.example:6379").credentials_from(|| async {
    ///     let token = std::fs::read_to_string("/var/run/secrets/redis-token")?;
    ///     Ok::<_, std::io::Error>(Credentials::user("shop", token.trim()))
    /// });
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn credentials_from<F, E>(mut self, provide: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.credentials = Some(Provider::new(provide));
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

    /// Makes [`Redis::open`](crate::Redis::open) fail if there is no connection after
    /// [`connect_retry`](Self::connect_retry) attempts.
    ///
    /// By default a backend is built without a server and connects when there is one.
    #[must_use]
    pub fn abort_on_connect_fail(mut self, abort: bool) -> Self {
        self.abort_on_connect_fail = abort;
        self
    }

    /// How often [`Redis::open`](crate::Redis::open) tries to connect before it fails.
    ///
    /// Default 3, from 1 to 1000, with growing, random pauses. Acts only with
    /// [`abort_on_connect_fail`](Self::abort_on_connect_fail): a backend that need not connect at once
    /// goes on trying for as long as it lives.
    #[must_use]
    pub fn connect_retry(mut self, attempts: u32) -> Self {
        self.connect_retry = attempts;
        self
    }

    /// Allows operations for administrators, such as [`Redis::optimize`](crate::Redis::optimize).
    ///
    /// Default no: they are refused in this process, and nothing is sent.
    #[must_use]
    pub fn allow_admin(mut self, allow: bool) -> Self {
        self.allow_admin = allow;
        self
    }

    /// How often each connection is asked for a sign of life, and how long that may take.
    ///
    /// Default 200 ms; from 10 ms to 1 min. A connection without one is in doubt: Sentinel and Cluster
    /// then look for a successor of its node. When three exchanges, heartbeats or others, have one after the
    /// other had no answer in time, and nothing was on its way, a new connection is tried.
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = interval;
        self
    }

    /// Shortest pause between two attempts to replace a connection that is open, whoever wants that.
    ///
    /// Default 2 s, spread by 20 % so that instances do not try together; from 10 ms to 10 min.
    /// A replacement that does not answer either is let go, and the old connection is kept.
    #[must_use]
    pub fn probe_interval(mut self, interval: Duration) -> Self {
        self.probe_interval = interval;
        self
    }

    /// Has each node announce changes of what was read from it (`CLIENT TRACKING`).
    ///
    /// Default yes: changes by other processes are then heard of within milliseconds. A server that
    /// refuses is used without, with one warning per node. It costs the server some memory for each name
    /// that is read, within its `tracking-table-max-keys`.
    #[must_use]
    pub fn tracking(mut self, track: bool) -> Self {
        self.tracking = track;
        self
    }

    /// What the sentinels call the primary, if the URL does not say; such as `mymaster`.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// Who logs in at the sentinels; needs a [`sentinel_password`](Self::sentinel_password).
    ///
    /// Credentials of data nodes are never shown to sentinels, nor the other way round.
    #[must_use]
    pub fn sentinel_username(mut self, username: impl Into<String>) -> Self {
        self.sentinel_username = Some(username.into());
        self
    }

    /// The password for the sentinels, if they ask for one.
    #[must_use]
    pub fn sentinel_password(mut self, password: impl Into<String>) -> Self {
        self.sentinel_password = Some(Secret::new(password));
        self
    }

    /// Whether the sentinels speak TLS, if it is not the same as for data nodes.
    #[must_use]
    pub fn sentinel_tls(mut self, tls: bool) -> Self {
        self.sentinel_tls = Some(tls);
        self
    }

    /// Where a node is reached whose announced address does not lead there; once for each.
    ///
    /// For nodes behind NAT or port forwarding, and in containers. `announced` is `host:port`, a host for all
    /// of its ports, or `*` for every host that nothing else is said of; `reached` is `host:port`, or a host
    /// that keeps the port. It acts on what sentinels and nodes of a cluster say about each other and about
    /// themselves, redirects included, and not on the URL. With TLS, `reached` has to be a host of the
    /// certificate. In a file it is a table:
    ///
    /// ```
    /// # fn main() -> Result<(), toml::de::Error> {
    /// let config: athena_cache_redis::RedisConfig = toml::from_str(
    ///     r#"
    ///     url = "redis-cluster://localhost:7001"
    ///
    ///     [addresses]
    ///     "10.0.0.1:6379" = "localhost:7001"
    ///     "10.0.0.2:6379" = "localhost:7002"
    ///     "*" = "localhost"
    ///     "#,
    /// )?;
    /// # let _ = config;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn address(mut self, announced: impl Into<String>, reached: impl Into<String>) -> Self {
        self.addresses.insert(announced.into(), reached.into());
        self
    }

    /// Finds where a node is reached by its announced host and port, if no
    /// [`address`](Self::address) names that host.
    ///
    /// It takes the place of `*`, is asked each time, and must not block. Where it panics, or names no host,
    /// what was announced counts.
    ///
    /// ```
    /// use athena_cache_redis::RedisConfig;
    ///
    /// let config = RedisConfig::new("redis-cluster://gateway:7000")
    ///     .addresses_by(|host, port| match host.strip_prefix("10.0.0.") {
    ///         Some(_) => ("gateway".to_owned(), port),
    ///         None => (host.to_owned(), port),
    ///     });
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn addresses_by(
        mut self,
        find: impl Fn(&str, u16) -> (String, u16) + Send + Sync + 'static,
    ) -> Self {
        self.addresses_by = Some(AddressFn::new(find));
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

    /// How many bytes one reply of a server may take, with 64 for each of its parts; beyond that the
    /// connection ends.
    ///
    /// Default 64 MiB; from 1 MiB to 1 TiB, in a file also as `"64 MiB"` ([`size`](athena_cache_core::size)). No value is written that would be larger when it is read, whatever
    /// `Resilience::max_value` says. Of values that are read together and are more than this, those are left
    /// out that do not fit; so are those beyond three times as much of one batch.
    #[must_use]
    pub fn max_reply(mut self, bytes: u64) -> Self {
        self.max_reply = bytes;
        self
    }

    /// How many names the servers remember the readers of (`tracking-table-max-keys`), where they do not let us ask
    /// (`CONFIG GET`), as managed ones; 0 is no limit.
    ///
    /// Servers have a million unless they are configured otherwise. One whose table is full announces not everything,
    /// so that where nobody says how large it is, changes by other processes are noticed after
    /// [`trust_window`](athena_cache_core::Resilience::trust_window).
    #[must_use]
    pub fn tracking_table_max_keys(mut self, count: u64) -> Self {
        self.tracking_table_max_keys = Some(count);
        self
    }

    /// Which servers are asked to announce their maintenance. Default: those whose hosts are known to.
    ///
    /// An announcement is a hint: everything works without it. A process that has another region leaves the one that is
    /// about to be maintained before its connections are closed.
    #[must_use]
    pub fn maintenance(mut self, notices: MaintenanceNotices) -> Self {
        self.maintenance = notices;
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
        let mut faults = self.faults();
        let url = Url::parse(self.url.expose()).map_err(|fault| faults.push(fault)).ok();
        faults.extend(url.iter().flat_map(|url| self.faults_against(url)));
        let Some(url) = url.filter(|_| faults.is_empty()) else {
            return Err(Error::settings(format!("redis settings: {}", faults.join("; "))));
        };
        self.settle(url)
    }

    /// Puts together what was checked.
    fn settle(self, url: Url) -> Result<Settings, Error> {
        let has_tls = url.scheme == Scheme::Tls;
        let tls_of_sentinels = self.sentinel_tls.unwrap_or(has_tls);
        let tls = if has_tls || tls_of_sentinels {
            Some(Arc::new(Tls::new(&self.tls.unwrap_or_default())?))
        } else {
            None
        };
        let login = |username: Option<String>, password: Option<Secret>, provider| {
            let credentials = password.map(|password| Credentials::of(username, password));
            Arc::new(Login::new(credentials, provider))
        };
        let (username, password) =
            (self.username.or(url.username), self.password.or(url.password.map(Secret::new)));
        let access = Access {
            login: login(username, password, self.credentials),
            db: url.db,
            tls: tls.clone().filter(|_| has_tls),
            client_name: self.client_name,
            connect_timeout: self.connect_timeout,
            response_timeout: self.response_timeout,
            max_in_flight: self.max_in_flight,
            max_reply: self.max_reply,
            heartbeat: self.heartbeat,
            probe_interval: self.probe_interval,
            attempts: self.abort_on_connect_fail.then_some(self.connect_retry),
            tracking: self.tracking,
            tracking_table_max_keys: self.tracking_table_max_keys,
            maintenance: self.maintenance,
            addresses: Arc::new(Addresses::new(&self.addresses, self.addresses_by)),
        };
        let deployment = match url.nodes {
            Nodes::Standalone(endpoint) => Deployment::Standalone(endpoint),
            Nodes::Cluster { seeds } => Deployment::Cluster { seeds },
            Nodes::Sentinel { sentinels, service } => Deployment::Sentinel {
                service: service.or(self.service_name).unwrap_or_default(),
                sentinels,
                access: Arc::new(Access {
                    login: login(self.sentinel_username, self.sentinel_password, None),
                    db: 0,
                    tls: tls.filter(|_| tls_of_sentinels),
                    ..access.clone()
                }),
            },
        };
        Ok(Settings { deployment, access: Arc::new(access), allow_admin: self.allow_admin })
    }
}
