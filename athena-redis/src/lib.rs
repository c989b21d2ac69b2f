//! The Redis backend of athena-cache.
//!
//! [`Redis`] is a [`Backend`] over a Redis, version 6.2 or later,
//! alone, behind Sentinel, or as a Cluster: give it to the builder of a cache.
//!
//! ```
//! # fn main() -> Result<(), athena_cache_redis::Error> {
//! use athena_cache_redis::Redis;
//!
//! let redis = Redis::from_url("redis://cache.example:6379/0")?;
//! # let _ = redis;
//! # Ok(())
//! # }
//! ```
//!
//! * It does no I/O until it is used, and connects in the background: a process starts without its
//!   Redis, and finds it when it appears.
//! * While there is no connection every operation fails at once. A connection that is lost, or that
//!   stops answering, is replaced for as long as the backend lives.
//! * Nodes announce changes of what was read from them; see
//!   [`tracking`](RedisConfig::tracking).
//! * It needs a tokio runtime with I/O and time enabled.
//!
//! | feature | for |
//! |---|---|
//! | `tls` | `rediss://`, with rustls |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod changes;
mod config;
mod connections;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod link;
mod lock;
mod no_primary;
mod operate;
mod slot;
mod term;
mod tls;
mod topology;
mod url;

pub use self::config::{Credentials, MaintenanceNotices, RedisConfig};
pub use self::connections::Connections;
pub use self::error::Error;
pub use self::operate::{FailoverTrigger, SentinelMonitor};
pub use self::tls::TlsConfig;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::Backend;
use athena_cache_core::backend::operate::SentinelReport;

use self::config::{Login, Settings};
use self::operate::Operations;
use self::topology::Topology;

/// A Redis that stores the bytes of a cache; clones are the same.
///
/// A process has one cache for a namespace on it. Two of them on clones would not hear of each other:
/// Redis announces to a connection what others change, and both would use the same one. To play two
/// processes in one, connect twice.
///
/// Dropping the last of them closes its connections and ends its background tasks.
#[derive(Clone)]
pub struct Redis {
    topology: Arc<Topology>,
    operations: Operations,
    /// What kind of servers they are.
    kind: &'static str,
    login: Arc<Login>,
    allow_admin: bool,
    max_reply: u64,
}

impl Redis {
    /// Uses the Redis at a URL; connects when it is first used.
    ///
    /// | URL | is |
    /// |---|---|
    /// | `redis://[user[:password]@]host[:port][/db]` | one node |
    /// | `redis-sentinel://[…@]host[:port],host[:port][/db]#mymaster` | the primary that the sentinels name |
    /// | `redis-cluster://[…@]host[:port],host[:port]` | a cluster; one live node of these suffices |
    ///
    /// With `rediss` in place of `redis` the same over TLS.
    ///
    /// # Errors
    ///
    /// The URL cannot be used; the message says why, and never shows a password.
    pub fn from_url(url: impl Into<String>) -> Result<Self, Error> {
        Self::new(RedisConfig::new(url))
    }

    /// Uses the Redis that a configuration describes; connects when it is first used.
    ///
    /// # Errors
    ///
    /// A setting cannot be used, a certificate cannot be read, or the configuration asks to fail if
    /// there is no connection, which only [`Redis::open`] can do.
    pub fn new(config: RedisConfig) -> Result<Self, Error> {
        if config.aborts_on_connect_fail() {
            let message = "redis settings: `abort_on_connect_fail` needs `Redis::open`, which can \
                           wait for a connection";
            return Err(Error::settings(message));
        }
        Ok(Self::of(config.check()?))
    }

    fn of(settings: Settings) -> Self {
        let allow_admin = settings.allow_admin;
        let kind = settings.deployment.kind();
        let (login, max_reply) = (Arc::clone(&settings.access.login), settings.access.max_reply);
        let operations = Operations::prepare(&settings);
        let topology = Arc::new(Topology::new(settings));
        let operations = operations(&topology);
        Self { topology, operations, kind, login, allow_admin, max_reply }
    }

    /// Uses the Redis that a configuration describes, and connects if that must not fail.
    ///
    /// With `abort_on_connect_fail` it waits until it is connected, or until `connect_retry` attempts
    /// have failed; else for nothing.
    ///
    /// # Errors
    ///
    /// As for [`Redis::new`]; with `abort_on_connect_fail` also when there is no connection.
    pub async fn open(config: RedisConfig) -> Result<Self, Error> {
        let must_connect = config.aborts_on_connect_fail();
        let redis = Self::of(config.check()?);
        if must_connect {
            redis.connect().await?;
        }
        Ok(redis)
    }

    /// Starts connecting and waits for the outcome of the first attempt.
    ///
    /// Later calls tell the outcome of the latest attempt. Attempts go on whatever the outcome.
    ///
    /// # Errors
    ///
    /// There is no connection; the message says why.
    pub async fn connect(&self) -> Result<(), Error> {
        Ok(self.topology.connect().await?)
    }

    /// Replaces the connection to each node that serves by a new one, once that answers; waits for
    /// nothing.
    ///
    /// For operators who know better: a connection on which nothing comes back is replaced by itself.
    /// Operations under way end on the old connections.
    pub fn force_reconnect(&self) {
        self.topology.renew();
    }

    /// Logs in with other credentials from now on, at data nodes.
    ///
    /// Whoever was refused tries again at once. Connections that are open stay as they are, and servers leave
    /// them their user; [`force_reconnect`](Self::force_reconnect) replaces them. A provider that was set by
    /// [`credentials_from`](RedisConfig::credentials_from) is asked no more.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.login.replace(credentials);
    }

    /// Asks each sentinel what it knows of the service; `None` where there are none.
    ///
    /// Each has 1 s to answer, over a connection beside that of operations, and one that fails is an entry with
    /// its error.
    pub async fn sentinels(&self) -> Option<SentinelReport> {
        self.operations.sentinels().await
    }

    /// Asks the sentinels again and again, every `interval` but not more often than each 100 ms, and once a day at
    /// least; a minute is usual.
    ///
    /// What fails is told in the report, and logged once until it changes. It ends when it is dropped. While it
    /// lives the backend does. Where there are no sentinels it says nothing.
    ///
    /// # Errors
    ///
    /// It was called outside of a tokio runtime.
    pub fn monitor(&self, interval: Duration) -> Result<SentinelMonitor, Error> {
        Ok(self.operations.monitor(interval)?)
    }

    /// Sets a failover off, to see what becomes of a service.
    ///
    /// It has begun when this returns; what follows is seen by operations, and told to listeners.
    ///
    /// # Errors
    ///
    /// [`allow_admin`](RedisConfig::allow_admin) was not set, and nothing was sent; or nobody did it.
    pub async fn trigger(&self, trigger: FailoverTrigger) -> Result<(), Error> {
        if !self.allow_admin {
            return Err(Error::admin("trigger"));
        }
        Ok(self.operations.trigger(trigger).await?)
    }

    /// Asks every node that serves names to give unused memory back to its machine (`MEMORY PURGE`).
    ///
    /// # Errors
    ///
    /// [`allow_admin`](RedisConfig::allow_admin) was not set, and nothing was sent; or a node did not do
    /// it, and the nodes after it were not asked.
    pub async fn optimize(&self) -> Result<(), Error> {
        if !self.allow_admin {
            return Err(Error::admin("optimize"));
        }
        Ok(self.operations.purge().await?)
    }
}

/// Shows where it is, and nothing of how it works.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let nodes = self.topology.nodes();
        let shown: Vec<_> = nodes.iter().take(SHOWN).map(|node| self.endpoint(*node)).collect();
        let mut redis = f.debug_struct("Redis");
        redis.field("topology", &self.kind).field("nodes", &shown);
        match nodes.len().saturating_sub(SHOWN) {
            0 => redis.finish_non_exhaustive(),
            more => redis.field("more", &more).finish_non_exhaustive(),
        }
    }
}
