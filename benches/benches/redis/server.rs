//! What the server says of itself.

use crate::support::server::RedisServer;

/// A number that `INFO` tells; zero if it does not.
pub(crate) fn info(server: &RedisServer, field: &str) -> f64 {
    let text = server.cli(&["INFO"]).text();
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}

/// The processor time that the server has used so far, in seconds.
pub(crate) fn used(server: &RedisServer) -> f64 {
    info(server, "used_cpu_user") + info(server, "used_cpu_sys")
}
