//! The connections of operators: one to each node that is asked, for as long as it is.
//!
//! Invariant: one that nobody has used for a minute is closed, and so are all once their owner is gone.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use crate::config::Access;
use crate::link::{Client, Spare, SpareKind, Task};
use crate::lock::Lock;
use crate::url::Endpoint;

const KEEPING: Keeping =
    Keeping { unused: Duration::from_secs(60), round: Duration::from_secs(10) };

/// How servers list the connections.
const SUFFIX: &str = "-ops";

/// The connections to nodes of one kind.
#[derive(Debug)]
pub(super) struct Spares {
    access: Arc<Access>,
    client: Arc<Client>,
    kind: SpareKind,
    open: Arc<Lock<OpenSpares>>,
    keeping: Keeping,
}

/// How long an unused connection is kept, and how often it is looked for such.
#[derive(Debug, Clone, Copy)]
struct Keeping {
    unused: Duration,
    round: Duration,
}

#[derive(Debug, Default)]
struct OpenSpares {
    by_endpoint: HashMap<Endpoint, Arc<Spare>>,
    /// Looks for unused ones, while there are any.
    sweeper: Option<Task>,
}

impl Spares {
    /// For data nodes, members of a cluster or not.
    pub(super) fn of_nodes(access: &Access, is_cluster: bool) -> Self {
        let client = Client::new(access.response_timeout);
        let client = if is_cluster { client.of_cluster() } else { client };
        Self::new(access, client, SpareKind::Node)
    }

    /// For sentinels.
    pub(super) fn of_sentinels(access: &Access) -> Self {
        Self::new(access, Client::new(access.response_timeout), SpareKind::Sentinel)
    }

    fn new(access: &Access, client: Client, kind: SpareKind) -> Self {
        let name = &access.client_name;
        let client_name = if name.is_empty() { String::new() } else { format!("{name}{SUFFIX}") };
        let access = Access { client_name, tracking: false, ..access.clone() };
        Self {
            access: Arc::new(access),
            client: Arc::new(client),
            kind,
            open: Arc::default(),
            keeping: KEEPING,
        }
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// The connection to a node, which is made when it is used.
    pub(super) fn to(&self, endpoint: &Endpoint) -> Arc<Spare> {
        let mut open = self.open.lock();
        let spare = open.by_endpoint.entry(endpoint.clone()).or_insert_with(|| {
            let (access, client) = (Arc::clone(&self.access), Arc::clone(&self.client));
            Arc::new(Spare::new(endpoint.clone(), access, client, self.kind))
        });
        let spare = Arc::clone(spare);
        if open.sweeper.is_none() {
            let (watched, ended) = (Arc::downgrade(&self.open), Arc::downgrade(&self.open));
            open.sweeper =
                Some(Task::spawn_until(sweep(watched, self.keeping), move || forget(&ended)));
        }
        spare
    }

    /// Closes all connections.
    pub(super) fn close(&self) {
        let mut open = self.open.lock();
        let closed = std::mem::take(&mut open.by_endpoint);
        let sweeper = open.sweeper.take();
        drop(open);
        drop((closed, sweeper));
    }
}

async fn sweep(open: Weak<Lock<OpenSpares>>, keeping: Keeping) {
    loop {
        sleep(keeping.round).await;
        let Some(open) = open.upgrade() else { return };
        let mut unused = Vec::new();
        let mut all = open.lock();
        all.by_endpoint.retain(|_, spare| {
            let is_kept = Arc::strong_count(spare) > 1 || !spare.is_unused_for(keeping.unused);
            if !is_kept {
                unused.push(Arc::clone(spare));
            }
            is_kept
        });
        let is_over = all.by_endpoint.is_empty();
        drop(all);
        drop(unused);
        if is_over {
            return;
        }
    }
}

/// Lets the next connection begin to be watched anew.
fn forget(open: &Weak<Lock<OpenSpares>>) {
    if let Some(open) = open.upgrade() {
        let ended = open.lock().sweeper.take();
        drop(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RedisConfig;

    #[tokio::test]
    async fn one_that_nobody_uses_is_let_go_and_made_anew() {
        let settings = RedisConfig::new("redis://127.0.0.1:1").check().unwrap();
        let mut spares = Spares::of_nodes(&settings.access, false);
        assert_eq!(spares.access().client_name, "athena-cache-ops");
        let short = Duration::from_millis(1);
        spares.keeping = Keeping { unused: short, round: short };
        let endpoint = Endpoint { host: "127.0.0.1".into(), port: 1 };
        for _ in 0..2 {
            let used = spares.to(&endpoint);
            tokio::time::sleep(20 * short).await;
            assert_eq!(spares.open.lock().by_endpoint.len(), 1);
            drop(used);
            while spares.open.lock().sweeper.is_some() {
                tokio::time::sleep(short).await;
            }
            assert_eq!(spares.open.lock().by_endpoint.len(), 0);
        }
    }
}
