use athena_cache_core::backend::Backend;

use super::*;

fn refused(config: RedisConfig) -> String {
    let error = config.check().expect_err("the settings must be refused");
    assert!(error.is_settings());
    error.to_string()
}

#[test]
fn the_defaults_pass() {
    let settings = RedisConfig::default().check().unwrap();
    let Deployment::Standalone(endpoint) = settings.deployment else { panic!("one node") };
    assert_eq!(endpoint.to_string(), "127.0.0.1:6379");
    assert_eq!(settings.access.connect_timeout, Duration::from_secs(5));
    assert_eq!(settings.access.response_timeout, Duration::from_millis(500));
    assert_eq!(settings.access.max_in_flight, 512);
    assert_eq!(settings.access.attempts, None);
    assert!(!settings.allow_admin);
    assert!(settings.access.tracking);
}

#[test]
fn every_fault_is_reported_at_once_with_what_is_allowed() {
    let message = refused(
        RedisConfig::new("http://x")
            .connect_timeout(Duration::ZERO)
            .response_timeout(Duration::from_secs(601))
            .max_in_flight(0)
            .client_name("two words"),
    );
    for expected in [
        "`connect_timeout` is 0ns, allowed are 1ms to 10min",
        "`response_timeout` is 601s, allowed are 1ms to 10min",
        "`max_in_flight` is 0, allowed are 1 to 65536",
        "`client_name` is \"two words\", allowed are up to 64",
        "expected `redis://`, `redis-sentinel://` or `redis-cluster://`",
    ] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn settings_that_contradict_the_url_are_refused() {
    for (config, expected) in [
        (RedisConfig::new("redis://a:b@h").password("c"), "the password is in the url and in"),
        (RedisConfig::new("redis://a:b@h").username("c"), "the user name is in the url and in"),
        (RedisConfig::new("redis://h").username("c"), "a user name and no password"),
        (RedisConfig::new("redis://a@h"), "a user name and no password"),
        (RedisConfig::new("redis://h").tls(TlsConfig::default()), "use `rediss` in its place"),
    ] {
        let message = refused(config);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn credentials_may_stand_in_the_url_or_beside_it() {
    for config in [
        RedisConfig::new("redis://app:s3cret@h"),
        RedisConfig::new("redis://app@h").password("s3cret"),
        RedisConfig::new("redis://h").username("app").password("s3cret"),
    ] {
        let settings = config.check().unwrap();
        let credentials = settings.access.login.latest().unwrap();
        assert_eq!((credentials.username(), credentials.secret()), (Some("app"), "s3cret"));
    }
}

#[test]
fn a_password_is_never_shown() {
    for config in [
        RedisConfig::new("redis://app:s3cret@h"),
        RedisConfig::new("redis://app@h").password("s3cret"),
        RedisConfig::new("redis://app:s3cret@h").password("s3cret"),
        RedisConfig::new("redis://:s3cret/@h:x"),
    ] {
        let shown = format!("{config:?}\n{config:#?}\n{}", toml::to_string(&config).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
        let outcome = format!("{:?}", config.check());
        assert!(!outcome.contains("s3cret"), "{outcome}");
    }
}

#[test]
fn a_file_may_name_any_setting_and_need_name_none() {
    let config: RedisConfig = toml::from_str("").unwrap();
    assert_eq!(config, RedisConfig::default());

    let config: RedisConfig = toml::from_str(
        r#"
        url = "redis://h:7000/2"
        username = "app"
        password = "s3cret"
        connect_timeout = "1s 500ms"
        response_timeout = "250ms"
        abort_on_connect_fail = true
        client_name = "shop"
        max_in_flight = 64
        tracking = false
        "#,
    )
    .unwrap();
    let expected = RedisConfig::new("redis://h:7000/2")
        .username("app")
        .password("s3cret")
        .connect_timeout(Duration::from_millis(1500))
        .response_timeout(Duration::from_millis(250))
        .abort_on_connect_fail(true)
        .client_name("shop")
        .max_in_flight(64)
        .tracking(false);
    assert_eq!(config, expected);
}

#[test]
fn serializing_keeps_everything_but_the_credentials() {
    let config = RedisConfig::new("redis://:s3cret@h/1").connect_timeout(Duration::from_millis(42));
    let text = toml::to_string(&config).unwrap();
    let back: RedisConfig = toml::from_str(&text).unwrap();
    let expected = RedisConfig::new("redis://h/1").connect_timeout(Duration::from_millis(42));
    assert_eq!(back, expected);
}

#[test]
fn a_file_with_a_misspelt_setting_is_refused() {
    for (text, expected) in [
        ("urll = 'redis://h'", "unknown field `urll`, expected one of `url`"),
        ("connect_timeout = 5", "invalid type: integer"),
        ("connect_timeout = '5 parsecs'", "`5 parsecs` is not a duration such as `500ms`"),
        ("tls = { cafile = 'x' }", "unknown field `cafile`, expected one of `ca_file`"),
    ] {
        let error = toml::from_str::<RedisConfig>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

/// Every setting that is a number or a duration, by its name in a file.
fn measures() -> Vec<(String, toml::Value)> {
    let table = toml::Table::try_from(RedisConfig::default()).unwrap();
    let is_measure = |value: &toml::Value| match value {
        toml::Value::String(text) => humantime::parse_duration(text).is_ok(),
        value => value.is_integer(),
    };
    table.into_iter().filter(|(_, value)| is_measure(value)).collect()
}

#[tokio::test]
async fn every_setting_at_its_extremes_is_refused_by_name_or_works() {
    // Nobody listens there.
    let of = |name: &str, value: toml::Value| {
        let mut table = toml::Table::from_iter([(name.to_owned(), value)]);
        table.insert("url".into(), "redis://127.0.0.1:1".into());
        table.try_into::<RedisConfig>().unwrap()
    };
    let measures = measures();
    assert!(measures.len() >= 6, "{measures:?}");
    let (mut refused_ones, mut used) = (0, 0);
    for (name, default) in measures {
        let extremes: Vec<toml::Value> = match &default {
            toml::Value::Integer(_) => {
                let largest = i64::from(u32::MAX);
                [0, 1, 1_000, 65_536, largest].map(Into::into).into()
            }
            _ => ["0s", "1ns", "1ms", "10ms", "1m", "10m", "500000000000y"].map(Into::into).into(),
        };
        for value in extremes {
            let config = of(&name, value.clone());
            if let Ok(redis) = crate::Redis::new(config.clone()) {
                let failure = redis.read(&["{a}"], &[]).await.unwrap_err();
                assert!(!failure.to_string().is_empty());
                redis.close().await;
                used += 1;
            } else {
                let message = refused(config);
                let named = message.contains(&format!("`{name}` is "));
                assert!(named && message.contains(", allowed are "), "{value}: {message}");
                refused_ones += 1;
            }
        }
    }
    assert!(refused_ones >= 10 && used >= 10, "{refused_ones} refused, {used} used");
    let most =
        refused(RedisConfig::default().connect_timeout(Duration::MAX).max_in_flight(usize::MAX));
    for name in ["`connect_timeout`", "`max_in_flight`"] {
        assert!(most.contains(name), "{most}");
    }
}
