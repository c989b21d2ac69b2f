//! The Redis backend of athena-cache.
//!
//! [`Redis`] is a [`Backend`](athena_cache_core::backend::Backend) over one Redis, version 6.0 or
//! later: give it to the builder of a cache.
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
//! * It needs a tokio runtime with I/O and time enabled.
//!
//! | feature | for |
//! |---|---|
//! | `tls` | `rediss://`, with rustls |

mod commands;
mod config;
mod error;
mod link;
mod topology;
mod url;

pub use self::config::{RedisConfig, TlsConfig};
pub use self::error::Error;

use self::topology::Topology;

/// A Redis that stores the bytes of a cache.
///
/// Dropping it closes its connection and ends its background tasks.
#[derive(Debug)]
pub struct Redis {
    topology: Topology,
}

impl Redis {
    /// Uses the Redis at `redis://[user[:password]@]host[:port][/db]`.
    ///
    /// `rediss://` is the same over TLS. Connects when it is first used.
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
        Ok(Self { topology: Topology::new(config.check()?) })
    }

    /// Uses the Redis that a configuration describes, and connects if that must not fail.
    ///
    /// Waits for the first attempt to connect if `abort_on_connect_fail` is set, else for nothing.
    ///
    /// # Errors
    ///
    /// As for [`Redis::new`]; with `abort_on_connect_fail` also when there is no connection.
    pub async fn open(config: RedisConfig) -> Result<Self, Error> {
        let must_connect = config.aborts_on_connect_fail();
        let redis = Self::new(config.abort_on_connect_fail(false))?;
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
}
