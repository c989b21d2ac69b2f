//! What a user sees of settings that cannot be used.

use std::time::Duration;

use athena_cache_core::backend::{Backend, Node};
use athena_cache_redis::{Redis, RedisConfig};

#[test]
fn a07_a_service_that_is_not_named_is_asked_for() {
    let error = Redis::from_url("redis-sentinel://a,b/0").unwrap_err();
    assert!(error.is_settings());
    assert!(error.to_string().contains("end the url with `#mymaster`"), "{error}");
    assert!(Redis::from_url("redis-sentinel://a,b/0#mymaster").is_ok());
    let config = RedisConfig::new("redis-sentinel://a,b").service_name("mymaster");
    assert!(Redis::new(config).is_ok());
    let config = RedisConfig::new("redis-sentinel://a#one").service_name("two");
    let error = Redis::new(config).unwrap_err();
    assert!(error.to_string().contains("give one"), "{error}");
}

#[test]
fn settings_of_sentinels_need_sentinels() {
    let config = RedisConfig::new("redis-cluster://a,b")
        .service_name("mymaster")
        .sentinel_password("s3cret")
        .sentinel_tls(true);
    let message = Redis::new(config).unwrap_err().to_string();
    for name in ["`service_name`", "`sentinel_password`", "`sentinel_tls`"] {
        assert!(
            message.contains(&format!("{name} is set and the url does not begin")),
            "{message}"
        );
    }
    assert!(!message.contains("s3cret"), "{message}");
}

#[test]
fn addresses_that_name_no_place_are_refused_with_what_is_allowed() {
    let config = RedisConfig::new("redis-cluster://a,b")
        .address("10.0.0.1:6379", "localhost:7001")
        .address("10.0.0.2", "localhost")
        .address("*", "gateway");
    assert!(Redis::new(config.clone()).is_ok());
    for (announced, reached) in [
        ("10.0.0.1:", "a"),
        ("", "a"),
        ("a", ""),
        ("a", "b:0"),
        ("*:1", "a"),
        ("a", "*"),
        ("::1", "a"),
    ] {
        let error = Redis::new(config.clone().address(announced, reached)).unwrap_err();
        let expected =
            format!("`addresses` has {announced:?} = {reached:?}, allowed are `host:port`");
        assert!(error.is_settings() && error.to_string().contains(&expected), "{error}");
    }
    for config in [
        RedisConfig::new("redis://a").address("b", "c"),
        RedisConfig::new("redis://a").addresses_by(|host, port| (host.to_owned(), port)),
    ] {
        let message = Redis::new(config).unwrap_err().to_string();
        assert!(
            message.contains("`addresses` is set and the url is that of one node"),
            "{message}"
        );
    }
}

#[test]
fn a21_options_are_those_of_one_connection_profile_and_are_checked_together() {
    let profile = |attempts, timeout| {
        RedisConfig::new("redis-cluster://a,b,c")
            .connect_retry(attempts)
            .connect_timeout(timeout)
            .abort_on_connect_fail(false)
    };
    assert!(Redis::new(profile(5, Duration::from_secs(15))).is_ok());
    assert!(Redis::new(profile(10, Duration::from_secs(30))).is_ok());
    let config = profile(0, Duration::ZERO)
        .heartbeat(Duration::ZERO)
        .probe_interval(Duration::from_secs(601));
    let message = Redis::new(config).unwrap_err().to_string();
    for fault in [
        "`connect_retry` is 0, allowed are 1 to 1000",
        "`connect_timeout` is 0ns, allowed are 1ms to 10min",
        "`heartbeat` is 0ns, allowed are 10ms to 1min",
        "`probe_interval` is 601s, allowed are 10ms to 10min",
    ] {
        assert!(message.contains(fault), "{message}");
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
    for url in [
        "redis://:s3cret@host",
        "redis-sentinel://:s3cret@host#mymaster",
        "redis-cluster://:s3cret@host",
    ] {
        let redis = Redis::from_url(url).unwrap();
        assert!(!format!("{redis:?}").contains("s3cret"));
    }
}

#[test]
fn debug_tells_where_it_is_and_nothing_of_how_it_works() {
    let shown = |url: &str| format!("{:?}", Redis::from_url(url).unwrap());
    let expected = r#"Redis { topology: "standalone", nodes: ["host:6379"], .. }"#;
    assert_eq!(shown("redis://:s3cret@host"), expected);
    for url in ["redis-sentinel://host#mymaster", "redis-cluster://host"] {
        assert!(shown(url).len() < 200, "{}", shown(url));
    }
}

#[test]
fn a_limit_of_values_that_is_due_to_a_setting_here_is_told_by_its_name() {
    let config = RedisConfig::new("redis://host").max_reply(1 << 20);
    let redis = Redis::new(config).unwrap();
    assert_eq!(redis.max_value(Node::ONLY), (1 << 20) - (64 << 10));
    assert_eq!(redis.max_value_setting(Node::ONLY), Some("`RedisConfig::max_reply`"));
}
