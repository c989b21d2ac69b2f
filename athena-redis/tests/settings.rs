//! What a user sees of settings that cannot be used.

use athena_cache_redis::Redis;

#[test]
fn topologies_that_are_not_supported_yet_say_what_is() {
    for url in ["redis-sentinel://a,b/0#main", "redis-cluster://a,b"] {
        let error = Redis::from_url(url).unwrap_err();
        assert!(error.is_settings());
        let message = error.to_string();
        assert!(message.contains("is not supported yet"), "{message}");
        assert!(message.contains("expected `redis://` or `rediss://`"), "{message}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_without_its_feature_names_the_feature() {
    let error = Redis::from_url("rediss://localhost").unwrap_err();
    assert!(error.to_string().contains("needs the feature `tls`"), "{error}");
}

#[test]
fn neither_errors_nor_debug_show_a_password() {
    for url in ["redis://:s3cret@host:x", "redis://:s3cret@host/0/1", "redis://:s3cret/x@host"] {
        let error = Redis::from_url(url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
    let redis = Redis::from_url("redis://:s3cret@host").unwrap();
    assert!(!format!("{redis:?}").contains("s3cret"));
}
