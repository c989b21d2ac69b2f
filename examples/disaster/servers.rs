//! The servers that lose everything, and the folder that does not.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use athena_cache::{Cache, Memory, Redis};

use super::play::Loss;
use crate::support::cluster::Cluster;
use crate::support::server::RedisServer;
use crate::support::topology::Topology;

/// Servers of one kind.
#[derive(Debug)]
pub(super) enum Servers {
    One(RedisServer),
    Cluster(Cluster),
}

impl Servers {
    pub(super) fn start(topology: Topology) -> Self {
        match topology {
            Topology::Cluster => Self::Cluster(Cluster::start()),
            _ => Self::One(RedisServer::start()),
        }
    }

    /// A process of the service, which asks the servers each time: what is lost there is lost.
    pub(super) fn process(&self) -> Result<Cache, Box<dyn Error>> {
        let url = match self {
            Self::One(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
        };
        let builder = Cache::builder("shop").memory(Memory::off());
        Ok(builder.backend(Redis::from_url(url)?).build()?)
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        match (self, loss) {
            (Self::One(server), Loss::Replaced) => server.restart(),
            (Self::One(server), Loss::Flushed) => drop(server.cli(&["FLUSHALL"])),
            (Self::Cluster(cluster), Loss::Flushed) => {
                for node in &cluster.nodes()[..3] {
                    node.cli(&["FLUSHALL"]);
                }
            }
            (Self::Cluster(cluster), Loss::Replaced) => {
                // They keep their places in the cluster, and nothing else.
                for node in 0..cluster.nodes().len() {
                    cluster.node_mut(node).kill();
                }
                for node in 0..cluster.nodes().len() {
                    cluster.node_mut(node).restart();
                }
            }
        }
    }
}

/// Where the backup is; gone with the play.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Result<Self, std::io::Error> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let path =
            std::env::temp_dir().join(format!("athena-disaster-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("shop.backup")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
