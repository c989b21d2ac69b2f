//! cached: a function with an attribute, in memory and in Redis.

#![expect(clippy::unused_async, reason = "what a service caches asks a database")]

use std::sync::OnceLock;

use ::cached::AsyncRedisCache;
use ::cached::macros::{cached, concurrent_cached};

use super::{Peer, Small, TTL, load, load_text};

#[cached(max_size = 2_000_000, ttl_secs = 3_600, key = "String", convert = { name.to_owned() })]
async fn product(name: &str) -> Small {
    load(name)
}

#[concurrent_cached(max_size = 2_000_000, ttl_secs = 3_600, key = "String", convert = { name.to_owned() })]
async fn sharded_product(name: &str) -> Small {
    load(name)
}

pub(crate) struct OneLock;

impl Peer for OneLock {
    type Value = Small;

    fn label(&self) -> &'static str {
        "cached, #[cached] with ttl"
    }

    async fn call(&self, name: &str) -> Small {
        product(name).await
    }
}

pub(crate) struct Sharded;

impl Peer for Sharded {
    type Value = Small;

    fn label(&self) -> &'static str {
        "cached, #[concurrent_cached] with ttl"
    }

    async fn call(&self, name: &str) -> Small {
        sharded_product(name).await
    }
}

/// Each function has one cache for as long as the process lives, so that each server needs its own.
macro_rules! in_redis {
    ($peer:ident, $function:ident, $url:ident, $prefix:literal) => {
        static $url: OnceLock<String> = OnceLock::new();

        #[concurrent_cached(
                            ty = "AsyncRedisCache<String, String>",
                            key = "String",
                            convert = { name.to_owned() },
                            map_error = |error| error.to_string(),
                            create = {
                                AsyncRedisCache::builder($prefix)
                                    .ttl(TTL)
                                    .connection_string($url.get().expect("it was connected"))
                                    .build()
                                    .await
                                    .expect("Redis answers")
                            }
                        )]
        async fn $function(name: &str) -> Result<String, String> {
            Ok(load_text(name))
        }

        pub(crate) struct $peer;

        impl $peer {
            /// To the same server whenever it is asked.
            pub(crate) fn connect(url: &str) -> Self {
                assert_eq!($url.get_or_init(|| url.to_owned()), url);
                Self
            }
        }

        impl Peer for $peer {
            type Value = String;

            fn label(&self) -> &'static str {
                "cached, #[concurrent_cached] in Redis"
            }

            async fn call(&self, name: &str) -> String {
                $function(name).await.expect("Redis answers")
            }
        }
    };
}

in_redis!(InRedis, shared_product, URL, "cached");
in_redis!(InFarRedis, far_product, FAR_URL, "cached-far");
