//! One process among those that share a namespace: what it writes of itself, and what all of them say.
//!
//! Invariant: what is written holds no key, argument, tag or value, and ends by itself when the process does.

use std::sync::Arc;
use std::time::Duration;

use super::{Cache, Status};
use crate::backend::operate::Membership;
use crate::backend::{Class, Failure};
use crate::error::Error;
use crate::fleet::Fleet;

/// A process is missing when it has not come for so many of its times.
const TIMES: u32 = 3;

/// How much is written: so many rare events and nodes; less, where these are too large.
const EXTENTS: [(usize, usize); 4] = [(20, 64), (5, 32), (0, 8), (0, 0)];

impl Cache {
    /// The processes that share this namespace and say so, and what they disagree about.
    ///
    /// A process says so if [`fleet`](crate::Settings::fleet) is set, and asks for the others only then: without it,
    /// without a backend, and with one that keeps no roster, there is nobody.
    ///
    /// # Errors
    ///
    /// If the node that keeps the roster cannot be asked, as while the backend is isolated, or refuses.
    pub async fn fleet(&self) -> Result<Fleet, Error> {
        self.join_fleet();
        let asks = self.runtime().settings.fleet.is_some();
        let remote = self.runtime().remote().filter(|_| asks);
        if remote.is_some_and(|remote| remote.is_left_alone()) {
            let failure =
                Failure::new(Class::Open, "nobody is asked, since the backend is isolated");
            return Err(Error::backend(failure));
        }
        let Some(operator) = remote.and_then(|remote| remote.operator()) else {
            return Ok(Fleet::default());
        };
        let members = operator.fleet(&self.runtime().namespace.prefix()).await;
        Ok(Fleet::of(members.map_err(Error::backend)?))
    }

    /// Has this process say that it is there, from now on, unless it does so already or nobody wants it to.
    ///
    /// Where there is no tokio runtime to do it in, the next call begins it.
    pub(super) fn join_fleet(&self) {
        let runtime = self.runtime();
        let Some(interval) = runtime.settings.fleet else { return };
        if runtime.remote().and_then(|remote| remote.operator()).is_none() {
            return;
        }
        let patience = interval.saturating_mul(TIMES);
        if runtime.fleet.is_running(patience) {
            return;
        }
        let Some(spawner) = runtime.tasks.spawner() else { return };
        let (there, clock) = (Arc::downgrade(runtime), runtime.clock.clone());
        runtime.fleet.start(spawner, patience, |sole| async move {
            let _sole = sole;
            loop {
                let Some(runtime) = there.upgrade() else { return };
                Self(runtime).say_of_itself(patience).await;
                clock.sleep(interval).await;
            }
        });
    }

    async fn say_of_itself(&self, life: Duration) {
        let runtime = self.runtime();
        let Some(operator) = runtime.remote().and_then(|it| it.operator()) else { return };
        let document = document(self.status().await);
        let membership = Membership::new(runtime.identity.id.as_str(), document, life);
        // It is tried again soon; that nodes are away is told by others.
        let _ = operator.join_fleet(&runtime.namespace.prefix(), &membership).await;
    }

    /// Takes this process out of the roster; else it is missing for a while.
    pub(super) async fn leave_fleet(&self) {
        let runtime = self.runtime();
        if runtime.settings.fleet.is_none() {
            return;
        }
        let Some(operator) = runtime.remote().and_then(|it| it.operator()) else { return };
        let prefix = runtime.namespace.prefix();
        let leaves = operator.leave_fleet(&prefix, &runtime.identity.id);
        let _ = runtime.clock.within(runtime.settings.health.limit, leaves).await;
    }
}

/// As much of a status as there is room for.
fn document(mut status: Status) -> Vec<u8> {
    status.nodes.sort_by_key(|node| !node.is_in_use);
    for (events, nodes) in EXTENTS {
        let old = status.timeline.len().saturating_sub(events);
        status.timeline.drain(..old);
        status.nodes.truncate(nodes);
        let document = serde_json::to_vec(&status).unwrap_or_default();
        if document.len() <= Membership::LONGEST {
            return document;
        }
    }
    Vec::new()
}
