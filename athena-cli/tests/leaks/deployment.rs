//! What a cache runs on, and what befalls it.

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{Chaos, ChaosBackend, Fault, MemoryBackend};
use athena_cache::{Builder, Cache, Percent, Redis, RedisConfig, Settings};
use athena_cache_observe::metrics::{MetricsObserver, Publisher};
use athena_cache_observe::otel::{OtelObserver, attach};

use super::heard::Heard;
use super::needles::{Needles, Reader};
use super::outputs::Outputs;
use super::support::server::RedisServer;

/// What befalls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A backend in memory fails now and then, in each way that there is.
    Chaos,
    /// The node dies.
    Dead,
    /// The node hangs.
    Frozen,
    /// The node asks for another password.
    WrongPassword,
    /// The user loses its rights.
    NoRights,
    /// The node does not know a command, and repeats what it was told with it.
    UnknownCommand,
    /// Somebody writes something else under the names of the cache.
    OtherBytes,
    /// Nobody is of that name.
    UnknownHost,
    /// No sentinel answers.
    NoSentinel,
    /// The sentinel asks for another password.
    WrongSentinelPassword,
    /// No node of a cluster answers.
    NoCluster,
    /// The node belongs to no cluster.
    OtherKind,
}

impl Trouble {
    pub const ALL: [Self; 12] = [
        Self::Chaos,
        Self::Dead,
        Self::Frozen,
        Self::WrongPassword,
        Self::NoRights,
        Self::UnknownCommand,
        Self::OtherBytes,
        Self::UnknownHost,
        Self::NoSentinel,
        Self::WrongSentinelPassword,
        Self::NoCluster,
        Self::OtherKind,
    ];

    pub fn has_servers(self) -> bool {
        self != Self::Chaos
    }

    /// How often it is played, with other needles: in memory once for each way to fail.
    pub fn rounds(self) -> u64 {
        if self == Self::Chaos { FAULTS.len() as u64 } else { 1 }
    }

    /// Whether health tells of it.
    pub fn shows(self) -> bool {
        !matches!(self, Self::Chaos | Self::OtherBytes)
    }
}

/// The ways in which a backend in memory fails.
const FAULTS: [Fault; 8] = [
    Fault::Error(Class::Unreachable),
    Fault::Error(Class::Denied),
    Fault::Error(Class::WriteRefused),
    Fault::Error(Class::Rejected),
    Fault::LostAck,
    Fault::Corrupt,
    Fault::Panic,
    Fault::Hang,
];

/// What a cache runs on.
#[derive(Debug)]
pub struct Deployment {
    trouble: Trouble,
    seed: u64,
    needles: Needles,
    chaos: Option<Chaos>,
    memory: Option<ChaosBackend<MemoryBackend>>,
    server: Option<RedisServer>,
    redis: Option<Redis>,
}

impl Deployment {
    pub fn start(trouble: Trouble, seed: u64, needles: &Needles, outputs: &mut Outputs) -> Self {
        let mut deployment = Self {
            trouble,
            seed,
            needles: needles.clone(),
            chaos: None,
            memory: None,
            server: None,
            redis: None,
        };
        if trouble.has_servers() {
            deployment.server = deployment.server();
            let config = deployment.config();
            outputs.show("config", Reader::Operator, &config);
            outputs.write("config as JSON", Reader::Operator, &config);
            deployment.redis = Some(Redis::new(config).expect("a good configuration"));
        } else {
            let backend = ChaosBackend::new(MemoryBackend::new(), seed);
            (deployment.chaos, deployment.memory) = (Some(backend.chaos()), Some(backend));
        }
        deployment
    }

    /// The server, where there is one: it listens at the address of the needles as well.
    fn server(&self) -> Option<RedisServer> {
        let Needles { address, user, password, .. } = &self.needles;
        let mut settings = vec!["--bind", "127.0.0.1", address];
        match self.trouble {
            Trouble::UnknownHost | Trouble::NoSentinel | Trouble::NoCluster => return None,
            Trouble::UnknownCommand => settings.extend(["--rename-command", "EVALSHA", ""]),
            _ => {}
        }
        let server = RedisServer::start_with(&settings);
        let password = format!(">{password}");
        match self.trouble {
            Trouble::WrongPassword => {
                server.cli(&["ACL", "SETUSER", user, "on", ">another-one", "~*", "&*", "+@all"]);
            }
            Trouble::WrongSentinelPassword => {
                server.cli(&["CONFIG", "SET", "requirepass", "another-one"]);
            }
            _ => {
                server.cli(&["ACL", "SETUSER", user, "on", &password, "~*", "&*", "+@all"]);
            }
        }
        Some(server)
    }

    /// As a service writes it, password and all.
    pub fn url(&self, needles: &Needles) -> Option<String> {
        let Needles { user, password, address, host, .. } = needles;
        let login = format!("{user}:{password}@");
        let at = self.server.as_ref().map(|server| format!("{address}:{}", server.port()));
        let at = at.unwrap_or_else(|| format!("{address}:1"));
        self.trouble.has_servers().then(|| match self.trouble {
            Trouble::UnknownHost => format!("redis://{login}{host}"),
            Trouble::NoSentinel => format!("redis-sentinel://{login}{at},{host}:1#primary"),
            Trouble::WrongSentinelPassword => format!("redis-sentinel://{login}{at}#primary"),
            Trouble::NoCluster => format!("redis-cluster://{login}{at},{host}:1"),
            Trouble::OtherKind => format!("redis-cluster://{login}{at}"),
            _ => format!("redis://{login}{at}"),
        })
    }

    fn config(&self) -> RedisConfig {
        let url = self.url(&self.needles).unwrap_or_default();
        let has_sentinels = url.starts_with("redis-sentinel:");
        let mut config = RedisConfig::new(url);
        if has_sentinels {
            config = config.sentinel_password(&*self.needles.sentinel_password);
        }
        config
            .connect_timeout(Duration::from_millis(300))
            .response_timeout(Duration::from_millis(300))
    }

    /// A cache on it, which everybody listens to.
    pub fn cache(&self, heard: &Heard, needles: &Needles) -> Cache {
        let mut settings = Settings::default();
        settings.fleet = Some(Duration::from_secs(5));
        settings.resilience.attempt_timeout = Duration::from_millis(100);
        settings.resilience.deadline = Duration::from_millis(150);
        settings.health.limit = Duration::from_millis(500);
        let meter = heard.meter();
        let builder =
            Cache::builder("leaks").settings(settings).secret_key(needles.password.repeat(2));
        let builder = builder.observer(heard.observer());
        let builder = builder.observer(MetricsObserver::new("leaks"));
        let builder = self.on(builder.observer(OtelObserver::new(&meter, "leaks")));
        let cache = builder.seed(self.seed).build().expect("good settings");
        attach(&meter, &cache);
        Publisher::new().publish(&cache.report());
        cache
    }

    fn on(&self, builder: Builder) -> Builder {
        match (&self.redis, &self.memory) {
            (Some(redis), _) => builder.backend(redis.clone()),
            (None, Some(memory)) => builder.backend(memory.clone()),
            (None, None) => builder,
        }
    }

    /// From now on things are bad, where they were not from the start.
    pub fn worsen(&mut self) {
        if let Some(chaos) = &self.chaos {
            let fault = FAULTS[usize::try_from(self.seed).unwrap_or_default() % FAULTS.len()];
            chaos.sometimes(fault, Percent::new(60));
        }
        let (Some(server), Needles { user, value, .. }) = (&mut self.server, &self.needles) else {
            return;
        };
        match self.trouble {
            Trouble::Dead => server.kill(),
            Trouble::Frozen => server.freeze(),
            Trouble::NoRights => {
                server.cli(&["ACL", "SETUSER", user, "resetkeys", "~other:*", "-@write"]);
            }
            Trouble::OtherBytes => {
                for name in server.cli(&["KEYS", "*"]).list() {
                    server.cli(&["SET", &name.text(), value, "EX", "60"]);
                }
            }
            _ => {}
        }
    }

    /// What the backend itself says, and what is found in it.
    pub async fn read(&self, outputs: &mut Outputs) {
        let Some(redis) = &self.redis else { return };
        outputs.show("redis", Reader::Operator, redis);
        let connected = tokio::time::timeout(Duration::from_secs(2), redis.connect()).await;
        let told = connected.map(|it| it.map_err(|error| (error.to_string(), error)));
        outputs.show("redis as it connects", Reader::Operator, &told);
        outputs.show("sentinels", Reader::Operator, &redis.sentinels().await);
        if let Some(Ok(names)) = self.server.as_ref().map(|server| server.ask(&["KEYS", "*"])) {
            outputs.show("redis and its names", Reader::Keyholder, &names);
        }
    }

    /// A node that hangs goes on: nobody has to wait for it.
    pub fn mend(&self) {
        if let Some(server) = self.server.as_ref().filter(|_| self.trouble == Trouble::Frozen) {
            server.thaw();
        }
    }
}
