//! Which Redis is meant, and who logs in.
//!
//! Invariant: every password that is read here is known to the writer before anything can fail.

use std::fs;
use std::path::Path;
use std::time::Duration;

use athena_cache_core::{MemoryRole, Settings};
use athena_cache_redis::{Redis, RedisConfig};

use crate::args::TargetArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::secrets::Secrets;

/// A Redis and the namespace of a cache on it.
#[derive(Debug)]
pub(crate) struct Target {
    config: RedisConfig,
    pub(crate) namespace: String,
    /// How long each node may take.
    pub(crate) timeout: Duration,
    pub(crate) is_admin: bool,
    /// What to say before anything else.
    pub(crate) note: Option<String>,
}

/// The shortest time that a health check can be given.
const SHORTEST_CHECK: Duration = Duration::from_millis(10);

impl Target {
    pub(crate) fn of(args: &TargetArgs, secrets: &mut Secrets) -> Result<Self, Fault> {
        let (config, note) = config(args, secrets)?;
        let namespace = args.namespace.clone().or_else(|| variable("ATHENA_NAMESPACE"));
        let namespace = namespace.ok_or_else(|| {
            Fault::usage("it is not said of which cache").help(
                "give `--namespace NS` or set ATHENA_NAMESPACE: what the service gives to `Cache::builder`",
            )
        })?;
        // Checked as a cache checks it.
        athena_cache_core::inspect::entry_names(&namespace, "")
            .map_err(|error| Fault::usage("the namespace cannot be used").caused_by(error))?;
        let config = config.allow_admin(args.admin).response_timeout(args.timeout);
        let is_admin = args.admin;
        Ok(Self { config, namespace, timeout: args.timeout, is_admin, note })
    }

    /// Settings of a cache that asks for no longer than is wanted here.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.memory.role = MemoryRole::Off;
        // Whether what is stored is to outlive the servers is known to the service; `doctor` asks where it matters.
        settings.health.expect_persistence = false;
        settings.health.limit = self.timeout.max(SHORTEST_CHECK);
        settings.resilience.attempt_timeout = self.timeout;
        settings.resilience.deadline = self.timeout.saturating_mul(2);
        settings.resilience.write_deadline = self.timeout.saturating_mul(2);
        settings
    }

    /// The Redis; connects to nobody.
    pub(crate) fn redis(&self) -> Result<Redis, Fault> {
        self.redis_with(|config| config)
    }

    /// The same with other settings.
    pub(crate) fn redis_with(
        &self,
        change: impl FnOnce(RedisConfig) -> RedisConfig,
    ) -> Result<Redis, Fault> {
        Redis::new(change(self.config.clone()))
            .map_err(|error| Fault::usage("the Redis cannot be used").caused_by(error))
    }

    /// The Redis, connected.
    pub(crate) async fn connect(&self) -> Result<Redis, Fault> {
        let redis = self.redis()?;
        self.wait_for(&redis).await?;
        Ok(redis)
    }

    /// Waits until a Redis is connected to.
    pub(crate) async fn wait_for(&self, redis: &Redis) -> Result<(), Fault> {
        let limit = self.timeout.saturating_mul(2);
        let connected = tokio::time::timeout(limit, redis.connect()).await;
        let message = "cannot connect to the Redis";
        match connected {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                let is_denied = error.class() == Some(athena_cache_core::backend::Class::Denied);
                let exit = if is_denied { Exit::Refused } else { Exit::Incomplete };
                Err(Fault::new(exit, message).caused_by(error))
            }
            Err(_) => Err(Fault::new(Exit::Incomplete, message)
                .because(format!("nobody answered in {}", humantime::format_duration(limit)))
                .help("is the address right, and let through by the network? `--timeout` waits longer")),
        }
    }
}

fn config(
    args: &TargetArgs,
    secrets: &mut Secrets,
) -> Result<(RedisConfig, Option<String>), Fault> {
    if let Some(file) = &args.config {
        return Ok((with_environment(read(file, secrets)?), None));
    }
    let (url, note) = match (&args.url, variable("ATHENA_URL")) {
        (Some(url), _) => {
            let has_password = url.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
            let note = "note: what stands in `--url` is seen by everybody who can list processes (`ps`); \
                        ATHENA_URL, ATHENA_PASSWORD and `--config` are not";
            (url.clone(), has_password.then(|| note.to_owned()))
        }
        (None, Some(url)) => (url, None),
        (None, None) => {
            return Err(Fault::usage("it is not said which Redis").help(
                "give `--url redis://host:6379`, `--config FILE`, or set ATHENA_URL; \
                 `redis-sentinel://…#mymaster` and `redis-cluster://…` for these",
            ));
        }
    };
    Ok((with_environment(RedisConfig::new(url)), note))
}

/// Passwords of the environment count where the URL or the file has none of its own.
fn with_environment(mut config: RedisConfig) -> RedisConfig {
    if let Some(username) = variable("ATHENA_USERNAME") {
        config = config.username(username);
    }
    if let Some(password) = variable("ATHENA_PASSWORD") {
        config = config.password(password);
    }
    if let Some(password) = variable("ATHENA_SENTINEL_PASSWORD") {
        config = config.sentinel_password(password);
    }
    config
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn read(file: &Path, secrets: &mut Secrets) -> Result<RedisConfig, Fault> {
    let what = || format!("cannot use `{}`", file.display());
    let text = fs::read_to_string(file).map_err(|error| Fault::usage(what()).caused_by(error))?;
    secrets.add_file(&text);
    // What a message of the parser repeats may be anything: the line is said in its place.
    let fault = |error: &toml::de::Error| {
        let at = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count());
        Fault::usage(what()).because(format!("line {}: {}", at.max(1), error.message()))
    };
    let table: toml::Table = text.parse().map_err(|error| fault(&error))?;
    add_secrets(&toml::Value::Table(table.clone()), secrets);
    match table.get("redis") {
        Some(redis @ toml::Value::Table(_)) => {
            redis.clone().try_into().map_err(|error: toml::de::Error| {
                Fault::usage(what()).because(format!("table `redis`: {}", error.message()))
            })
        }
        _ => toml::from_str(&text).map_err(|error| fault(&error)),
    }
}

/// The passwords as they are meant: a file may write them with escapes.
fn add_secrets(value: &toml::Value, secrets: &mut Secrets) {
    let toml::Value::Table(table) = value else { return };
    for (name, value) in table {
        match value {
            toml::Value::String(text) if name.contains("password") => secrets.add(text),
            toml::Value::String(text) => secrets.add_url(text),
            table => add_secrets(table, secrets),
        }
    }
}
