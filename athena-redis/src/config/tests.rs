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

/// Letters that need an escape in a URL, in a file or in a line of a log, and others.
const LETTERS: &[char] = &[
    'Q', '7', 'ß', 'π', '%', '@', ':', '/', '?', '#', '&', '=', ' ', '\n', '\t', '"', '\'', '\\',
    '\u{202e}', '[', ']', ',', '*', '~',
];

fn percent_encoded(text: &str) -> String {
    let encoded: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    encoded.concat()
}

/// Whether a text holds a secret, or six letters of it in a row, in any of the forms in which it is written.
fn tells(text: &str, secret: &str) -> bool {
    let letters: Vec<_> = secret.chars().collect();
    letters.windows(6).any(|part| {
        let part: String = part.iter().collect();
        let escaped = format!("{part:?}");
        let forms = [part.clone(), percent_encoded(&part), escaped.trim_matches('"').to_owned()];
        forms.iter().any(|form| text.contains(form))
    })
}

/// Configurations that hold a secret in one place each, be they of use or not.
fn holders(secret: &str) -> Vec<RedisConfig> {
    let encoded = percent_encoded(secret);
    let given = secret.to_owned();
    let provide = move || {
        let credentials = Credentials::user("app", given.clone());
        async move { Ok::<_, std::io::Error>(credentials) }
    };
    let mut holders: Vec<_> = ["redis", "redis-sentinel", "redis-cluster", "rediss", "http"]
        .iter()
        .flat_map(|scheme| {
            [
                format!("{scheme}://app:{encoded}@h/0"),
                format!("{scheme}://app:{secret}@h/0"),
                format!("{scheme}://:{encoded}@h,i:1/0#main"),
                format!("{scheme}://h/0?password={encoded}"),
                format!("{scheme}://h?password={secret}"),
                format!("{scheme}://h/0?user=app&password={secret}#main"),
                format!("{scheme}://h/{secret}"),
                format!("{scheme}://:{secret}"),
                format!("{scheme}://h:{secret}/0"),
            ]
        })
        .map(RedisConfig::new)
        .collect();
    let sentinel = || RedisConfig::new("redis-sentinel://h#main");
    holders.extend([
        RedisConfig::new(secret),
        RedisConfig::new("redis://h").password(secret),
        RedisConfig::new("redis://app:other@h").username("app").password(secret),
        RedisConfig::new("redis://h").client_name("two words").password(secret),
        RedisConfig::new("redis://h").credentials_from(provide),
        sentinel().sentinel_password(secret),
        sentinel().sentinel_username("app").sentinel_password(secret).password(secret),
        RedisConfig::new("redis://h").sentinel_password(secret),
        RedisConfig::new("redis-cluster://h").address(format!("redis://:{secret}@i:1"), "j"),
        RedisConfig::new("redis-cluster://h").address("i", format!("app:{secret}@j:1")),
    ]);
    holders
}

#[tokio::test]
async fn no_text_tells_a_secret_of_any_setting() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..40 {
        let secret: String =
            (0..random.usize(8..30)).map(|_| LETTERS[random.usize(..LETTERS.len())]).collect();
        for config in holders(&secret) {
            let mut texts =
                vec![format!("{config:?} {config:#?}"), toml::to_string(&config).unwrap()];
            match crate::Redis::new(config.clone()) {
                Ok(redis) => texts.push(format!("{redis:?} {redis:#?}")),
                Err(error) => texts.push(format!("{error} {error:?} {error:#?}")),
            }
            if let Ok(settings) = config.check() {
                texts.push(format!("{settings:?} {settings:#?}"));
                let credentials = settings.access.login.credentials().await;
                texts.push(format!("{credentials:?} {:?}", settings.access.login));
            }
            for text in texts {
                assert!(!tells(&text, &secret), "{secret:?} in {text}");
            }
        }
    }
}

#[test]
fn a_password_that_is_no_text_is_not_repeated_by_the_error() {
    #[derive(Debug, serde::Deserialize)]
    struct File {
        #[expect(dead_code, reason = "it is never read")]
        redis: RedisConfig,
    }
    for value in ["123456789", "-123456789", "123456789.5", "[123456789]", "{ a = 123456789 }"] {
        for name in ["password", "sentinel_password"] {
            // As a loader that shows no lines of the file.
            let table: toml::Table = toml::from_str(&format!("redis.{name} = {value}")).unwrap();
            let error = table.try_into::<File>().unwrap_err().to_string();
            assert!(!error.contains("123456789"), "{error}");
            assert!(error.contains("in quotes"), "{error}");
        }
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
        max_reply = "2 MiB"
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
        .max_reply(2 << 20)
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
        ("connect_timeout = '5 parsecs'", "invalid duration `5 parsecs`"),
        ("connect_timeout = 5", "did you mean `\"5s\"`?"),
        ("connect_timeout = '5M'", "were minutes meant? write `5m`"),
        ("connect_timeout = 'unlimited'", "it has to end"),
        ("max_reply = '64 megs'", "a text such as `64 MiB`"),
        ("max_in_flight = 'many'", "a whole number of at most 64 bits"),
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
    let unlimited = "max_reply = 'unlimited'\nmax_in_flight = 'unlimited'";
    let message = refused(toml::from_str(unlimited).unwrap());
    for said in [
        "`max_in_flight` is unlimited, allowed are 1 to 65536",
        "`max_reply` is unlimited, allowed are 1048576 to 1099511627776",
    ] {
        assert!(message.contains(said), "{message}");
    }
    assert!(refused_ones >= 10 && used >= 10, "{refused_ones} refused, {used} used");
    let most =
        refused(RedisConfig::default().connect_timeout(Duration::MAX).max_in_flight(usize::MAX));
    for name in ["`connect_timeout`", "`max_in_flight`"] {
        assert!(most.contains(name), "{most}");
    }
}
