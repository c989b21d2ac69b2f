//! Connections by their names.
//!
//! Invariant: a name that is not there is told as it is looked for, beside those that are; no URL is shown.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use athena_cache_core::backend::Excerpt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::RedisConfig;
use crate::error::Error;

/// What the names of connections of regions begin with.
const PREFIX: &str = "Redis_";
/// What may stand in front of names in the environment.
const SECTION: &str = "ConnectionStrings__";

/// The connections that a process may use, each by a name: that of region `westeurope` is `Redis_westeurope`.
///
/// They come from the environment, or from a configuration, where each is a URL or a table of all settings:
///
/// ```
/// use athena_cache_redis::{Connections, Redis};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connections: Connections = toml::from_str(
///     r#"
///     Redis_westeurope = "redis://cache-we.example:6379"
///     Redis_northeurope = { url = "redis://cache-ne.example:6379", response_timeout = "400ms" }
///     "#,
/// )?;
/// let connections = connections.or(Connections::from_env());
/// let redis = Redis::new(connections.region("northeurope")?)?;
/// # let _ = redis;
/// let missing = connections.region("eastus").unwrap_err();
/// assert!(missing.to_string().contains("`Redis_eastus`"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Connections(BTreeMap<String, NamedConnection>);

/// A URL, or all settings.
#[derive(Clone, PartialEq, Eq)]
struct NamedConnection(RedisConfig);

impl Connections {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of the environment: all variables `Redis_…`, and `ConnectionStrings__Redis_…`, each a URL.
    ///
    /// What is not a text is left out.
    pub fn from_env() -> Self {
        Self::of_variables(std::env::vars_os())
    }

    fn of_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut connections = Self::new();
        for (name, url) in variables {
            let (Ok(name), Ok(url)) = (name.into_string(), url.into_string()) else { continue };
            let plain = name.strip_prefix(SECTION).unwrap_or(&name);
            // One without anything in front is more particular.
            if plain.starts_with(PREFIX) && (plain == name || !connections.0.contains_key(plain)) {
                connections = connections.with(plain, RedisConfig::new(url));
            }
        }
        connections
    }

    /// These, and one more, or another one in its place.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, config: RedisConfig) -> Self {
        self.0.insert(name.into(), NamedConnection(config));
        self
    }

    /// These, and of others those whose names are not among them.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        for (name, connection) in others.0 {
            self.0.entry(name).or_insert(connection);
        }
        self
    }

    /// How the store of a region is reached.
    ///
    /// # Errors
    ///
    /// There is no connection `Redis_{region}`; the message says which there are.
    pub fn region(&self, region: &str) -> Result<RedisConfig, Error> {
        let name = format!("{PREFIX}{region}");
        if let Some(NamedConnection(config)) = self.0.get(&name) {
            return Ok(config.clone());
        }
        let near = self.0.keys().find(|other| other.eq_ignore_ascii_case(&name));
        let there = match (near, self.0.len()) {
            (Some(near), _) => {
                format!("there is `{}`, whose letters differ in case", Excerpt::of(near))
            }
            (None, 0) => "there are none".to_owned(),
            (None, _) => format!("there are {}", self.listed()),
        };
        Err(Error::settings(format!(
            "redis settings: no connection `{}`, which region `{}` needs: set it in the configuration of connections, \
             or as a variable of the environment; {there}",
            Excerpt::of(&name),
            Excerpt::of(region),
        )))
    }

    fn listed(&self) -> String {
        const SHOWN: usize = 8;
        let shown = self.0.keys().take(SHOWN).map(|name| format!("`{}`", Excerpt::of(name)));
        let mut listed = shown.collect::<Vec<_>>().join(", ");
        if self.0.len() > SHOWN {
            listed.push_str(", …");
        }
        listed
    }
}

/// Shows names alone.
impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'de> Deserialize<'de> for NamedConnection {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NamedConnection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the URL of a redis, or a table of its settings")
            }

            fn visit_str<E>(self, url: &str) -> Result<Self::Value, E> {
                Ok(NamedConnection(RedisConfig::new(url)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                RedisConfig::deserialize(MapAccessDeserializer::new(map)).map(NamedConnection)
            }
        }
        from.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a27_connections_are_found_by_their_names_in_configuration_and_environment() {
        let variables = [
            ("ConnectionStrings__Redis_a", "redis://section-a"),
            ("Redis_a", "redis://a"),
            ("ConnectionStrings__Redis_b", "redis://b"),
            ("REDIS_URL", "redis://other"),
            ("PATH", "/bin"),
        ];
        let forwards = variables.map(|(name, url)| (name.into(), url.into()));
        let mut backwards = forwards.clone();
        backwards.reverse();
        for variables in [forwards, backwards] {
            let env = Connections::of_variables(variables);
            assert_eq!(format!("{env:?}"), r#"{"Redis_a", "Redis_b"}"#);
            assert_eq!(env.region("a").ok(), Some(RedisConfig::new("redis://a")));
            assert_eq!(env.region("b").ok(), Some(RedisConfig::new("redis://b")));
            let set: Connections =
                toml::from_str("Redis_a = \"redis://configured\"").expect("it is good");
            let both = set.or(env);
            assert_eq!(both.region("a").ok(), Some(RedisConfig::new("redis://configured")));
            assert_eq!(both.region("b").ok(), Some(RedisConfig::new("redis://b")));
        }
    }

    #[test]
    fn a27_a_missing_connection_is_told_by_its_name_and_no_url_is_shown() {
        let url = "redis://user:s3cret@host";
        let two = Connections::new()
            .with("Redis_west", RedisConfig::new(url))
            .with("Redis_north", RedisConfig::new(url));
        let error = |connections: &Connections, region| match connections.region(region) {
            Ok(_) => String::new(),
            Err(error) => {
                assert!(error.is_settings());
                error.to_string()
            }
        };
        let beginning = "redis settings: no connection `Redis_east`, which region `east` needs: set it in the \
                         configuration of connections, or as a variable of the environment; ";
        assert_eq!(
            error(&two, "east"),
            format!("{beginning}there are `Redis_north`, `Redis_west`")
        );
        assert_eq!(error(&Connections::new(), "east"), format!("{beginning}there are none"));
        assert!(
            error(&two, "WEST").ends_with("there is `Redis_west`, whose letters differ in case")
        );
        assert!(!format!("{two:?}").contains("s3cret"));
    }

    #[test]
    fn a_connection_is_a_url_or_a_table_and_what_is_neither_is_refused() {
        let text = "Redis_a = { url = \"redis://a\", username = \"shop\" }";
        let read: Connections = toml::from_str(text).expect("it is good");
        assert_eq!(read.region("a").ok(), Some(RedisConfig::new("redis://a").username("shop")));
        for (text, expected) in [
            ("Redis_a = 5", "the URL of a redis, or a table of its settings"),
            ("Redis_a = { uri = \"redis://a\" }", "unknown field `uri`"),
        ] {
            let error = toml::from_str::<Connections>(text).expect_err("it is refused").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
