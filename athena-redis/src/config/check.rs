//! What is wrong with settings, one check for each.
//!
//! Invariant: every fault is found at once; each names its setting, what was found and what is allowed,
//! and none shows a secret.

use std::time::Duration;

use athena_cache_core::backend::Excerpt;

use super::RedisConfig;
use crate::url::{self, Nodes, Scheme, Url};

/// A duration by its setting, the bounds of it, and these in words.
type Limit = (&'static str, Duration, Duration, Duration, &'static str);
/// The same of a number, whose bounds are its words.
type Count = (&'static str, u64, u64, u64);

impl RedisConfig {
    /// What is wrong whatever the URL is.
    pub(super) fn faults(&self) -> Vec<String> {
        let limits = self.limits().into_iter().filter_map(out_of_limits);
        let counts = self.counts().into_iter().filter_map(out_of_bounds);
        let faults = limits.chain(counts).chain(self.client_name_fault());
        faults.chain(self.addresses.faults()).collect()
    }

    /// What contradicts the URL, or lacks something that it leaves out.
    pub(super) fn faults_against(&self, url: &Url) -> Vec<String> {
        let given_twice = self.given_twice(url);
        let faults =
            given_twice.into_iter().chain(self.password_fault(url)).chain(self.tls_fault(url));
        let faults = faults.chain(self.provider_fault(url));
        match &url.nodes {
            Nodes::Sentinel { service, .. } => {
                let service = self.service_fault(service.as_deref());
                faults.chain(service).chain(self.sentinel_password_fault()).collect()
            }
            Nodes::Cluster { .. } => faults.chain(self.only_for_sentinels()).collect(),
            Nodes::Standalone(_) => {
                faults.chain(self.only_for_sentinels()).chain(self.addresses_fault()).collect()
            }
        }
    }

    fn limits(&self) -> [Limit; 4] {
        let millis = Duration::from_millis;
        let (minute, ten_minutes) = (Duration::from_secs(60), Duration::from_secs(600));
        [
            ("connect_timeout", self.connect_timeout, millis(1), ten_minutes, "1ms to 10min"),
            ("response_timeout", self.response_timeout, millis(1), ten_minutes, "1ms to 10min"),
            ("heartbeat", self.heartbeat, millis(10), minute, "10ms to 1min"),
            ("probe_interval", self.probe_interval, millis(10), ten_minutes, "10ms to 10min"),
        ]
    }

    fn counts(&self) -> [Count; 3] {
        let operations = u64::try_from(self.max_in_flight).unwrap_or(u64::MAX);
        [
            ("connect_retry", self.connect_retry.into(), 1, 1_000),
            ("max_in_flight", operations, 1, 65_536),
            ("max_reply", self.max_reply, 1 << 20, 1 << 40),
        ]
    }

    fn client_name_fault(&self) -> Option<String> {
        let name = &self.client_name;
        let is_good = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic());
        (!is_good).then(|| {
            format!(
                "`client_name` is {:?}, allowed are up to 64 printable ASCII characters \
                 without spaces",
                Excerpt::of(name)
            )
        })
    }

    fn given_twice(&self, url: &Url) -> Vec<String> {
        let both = [
            ("user name", "username", self.username.is_some() && url.username.is_some()),
            ("password", "password", self.password.is_some() && url.password.is_some()),
        ];
        let given = both.into_iter().filter(|(.., is_given)| *is_given);
        given
            .map(|(what, name, _)| format!("the {what} is in the url and in `{name}`, give one"))
            .collect()
    }

    fn password_fault(&self, url: &Url) -> Option<String> {
        let has_name = self.username.is_some() || url.username.is_some();
        let has_password = self.password.is_some() || url.password.is_some();
        let message = "there is a user name and no password, give both";
        (has_name && !has_password).then(|| message.to_owned())
    }

    fn provider_fault(&self, url: &Url) -> Option<String> {
        let has_others = self.username.is_some() || self.password.is_some();
        let is_in_url = url.username.is_some() || url.password.is_some();
        let message = "there are credentials, and `credentials_from` to ask for them, give one";
        (self.credentials.is_some() && (has_others || is_in_url)).then(|| message.to_owned())
    }

    fn tls_fault(&self, url: &Url) -> Option<String> {
        let no_tls = url.scheme == Scheme::Plain && self.sentinel_tls != Some(true);
        let message = "`tls` is set and the url begins with `redis`, use `rediss` in its place";
        (self.tls.is_some() && no_tls).then(|| message.to_owned())
    }

    fn service_fault(&self, in_url: Option<&str>) -> Option<String> {
        match (in_url, &self.service_name) {
            (Some(_), Some(_)) => {
                Some("the service is in the url and in `service_name`, give one".into())
            }
            (None, None) => Some(
                "the sentinels are not told which service to look up: end the url with \
                 `#mymaster`, or set `service_name`"
                    .into(),
            ),
            (None, Some(name)) if !url::is_service(name) => {
                let name = Excerpt::of(name);
                Some(format!("`service_name` is {name:?}, allowed are letters, digits and `.-_`"))
            }
            _ => None,
        }
    }

    fn sentinel_password_fault(&self) -> Option<String> {
        let message = "there is a `sentinel_username` and no `sentinel_password`";
        let is_missing = self.sentinel_username.is_some() && self.sentinel_password.is_none();
        is_missing.then(|| message.to_owned())
    }

    fn addresses_fault(&self) -> Option<String> {
        let is_set = !self.addresses.is_empty() || self.addresses_by.is_some();
        is_set.then(|| {
            "`addresses` is set and the url is that of one node, which announces no other: write into the \
             url where it is reached"
                .to_owned()
        })
    }

    fn only_for_sentinels(&self) -> Vec<String> {
        let settings = [
            ("service_name", self.service_name.is_some()),
            ("sentinel_username", self.sentinel_username.is_some()),
            ("sentinel_password", self.sentinel_password.is_some()),
            ("sentinel_tls", self.sentinel_tls.is_some()),
        ];
        let given = settings.into_iter().filter(|(_, is_given)| *is_given);
        let fault = |(name, _)| {
            format!(
                "`{name}` is set and the url does not begin with `redis-sentinel://` or \
                 `rediss-sentinel://`"
            )
        };
        given.map(fault).collect()
    }
}

fn out_of_limits((name, found, shortest, longest, allowed): Limit) -> Option<String> {
    let is_good = (shortest..=longest).contains(&found);
    (!is_good).then(|| format!("`{name}` is {found:?}, allowed are {allowed}"))
}

fn out_of_bounds((name, found, least, most): Count) -> Option<String> {
    let is_good = (least..=most).contains(&found);
    let found = if found == u64::MAX { "unlimited".to_owned() } else { found.to_string() };
    (!is_good).then(|| format!("`{name}` is {found}, allowed are {least} to {most}"))
}
