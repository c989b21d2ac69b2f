//! redis-rs: commands on its multiplexed connection.

use redis::IntoConnectionInfo;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;

use super::{Peer, TTL, load_text};

/// A `GET`, and a `SET` where that finds nothing.
pub(crate) struct Bare {
    label: &'static str,
    connection: MultiplexedConnection,
}

impl Bare {
    /// As the library connects by itself.
    pub(crate) async fn connect(url: impl IntoConnectionInfo) -> Self {
        let client = redis::Client::open(url).expect("a valid URL");
        let connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
        Self { label: "redis, GET (and SET) on a multiplexed connection", connection }
    }

    /// With `TCP_NODELAY`, which it leaves off.
    pub(crate) async fn connect_without_delay(url: &str) -> Self {
        let tcp = TcpSettings::default().set_nodelay(true);
        let address = url.into_connection_info().expect("a valid URL").set_tcp_settings(tcp);
        let this = Self::connect(address).await;
        Self { label: "redis, the same with TCP_NODELAY", ..this }
    }
}

impl Peer for Bare {
    type Value = String;

    fn label(&self) -> &'static str {
        self.label
    }

    async fn call(&self, name: &str) -> String {
        let mut connection = self.connection.clone();
        let get = redis::cmd("GET").arg(name).to_owned();
        let found: Option<String> = get.query_async(&mut connection).await.expect("Redis answers");
        if let Some(value) = found {
            return value;
        }
        let value = load_text(name);
        let mut set = redis::cmd("SET");
        set.arg(name).arg(&value).arg("EX").arg(TTL.as_secs());
        let () = set.query_async(&mut connection).await.expect("Redis answers");
        value
    }
}
