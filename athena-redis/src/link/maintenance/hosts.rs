//! Which hosts announce their maintenance, by what their names end with (B31).
//!
//! Elsewhere nobody is asked to: most services need not listen.

/// Those that publish on a channel.
const AZURE: [&str; 5] = [
    ".redis.cache.windows.net",
    ".redis.cache.chinacloudapi.cn",
    ".redis.cache.usgovcloudapi.net",
    ".redis.cache.sovcloud-api.de",
    ".redis.cache.sovcloud-api.fr",
];

/// Those that push on connections which ask for it.
const PUSHING: [&str; 5] = [
    ".cloud.redislabs.com",
    ".cloud.redis.io",
    ".redislabs.com",
    ".redis.azure.net",
    ".redisenterprise.cache.azure.net",
];

/// Whether a host publishes on the channel of Azure.
pub(super) fn publishes(host: &str) -> bool {
    ends_with_any(host, &AZURE)
}

/// Whether a host pushes its notices if it is asked to.
pub(super) fn pushes(host: &str) -> bool {
    ends_with_any(host, &PUSHING)
}

fn ends_with_any(host: &str, ends: &[&str]) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let has_end = |end: &&str| {
        let start = host.len().checked_sub(end.len()).filter(|start| *start > 0);
        start.and_then(|start| host.get(start..)).is_some_and(|it| it.eq_ignore_ascii_case(end))
    };
    ends.iter().any(has_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b31_hosts_are_known_by_their_ends_alone() {
        for (host, on_channel, on_connections) in [
            ("shop.redis.cache.windows.net", true, false),
            ("Shop.Redis.Cache.Windows.NET.", true, false),
            ("shop.redis.cache.chinacloudapi.cn", true, false),
            ("shop.redis.cache.usgovcloudapi.net", true, false),
            ("shop.westeurope.redis.azure.net", false, true),
            ("redis-1.c1.eu.cloud.redislabs.com", false, true),
            ("shop.redisenterprise.cache.azure.net", false, true),
            ("cache.example", false, false),
            ("redis.cache.windows.net.example", false, false),
            ("notredis.cache.windows.net", false, false),
            (".redis.cache.windows.net", false, false),
            ("é.redislabs.com", false, true),
            ("", false, false),
        ] {
            assert_eq!((publishes(host), pushes(host)), (on_channel, on_connections), "{host}");
        }
    }
}
