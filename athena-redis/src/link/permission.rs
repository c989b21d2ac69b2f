//! What a link may do: found out when it is time to, and asked before it is needed.
//!
//! Invariant: what needs several rights is not begun where one of them is lacking.

use athena_cache_core::backend::{Ability, Class, Excerpt, Failure};
use tokio::time::{Instant, timeout_at};

use super::Link;
use super::batch::Batch;
use super::conn::Conn;
use super::dial::Call;
use super::rights::{Lacks, Probe, TIME, TRACKING};
use super::state::LinkState;
use crate::config::Credentials;

impl Link {
    /// Fails unless the node lets us do all that belongs to an ability, as far as is known.
    pub(super) async fn permit_use(
        &self,
        conn: &Conn,
        ability: Ability,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let shared = &self.shared;
        if let Some(probe) = conn.rights().unprobed(shared.call.client.terms()) {
            let lacks = shared.find_out(conn, &probe, deadline).await?;
            shared.note_rights(conn, &probe, lacks);
        }
        conn.rights().lacks().permits(ability).map_err(|lacking| {
            let what = format!("does not let us use what this needs: {lacking}");
            self.failure(Class::Denied, &what)
        })
    }

    /// Finds out which rights there are, if it is time to: some were lacking, something was refused, or there
    /// are names that were not asked about.
    pub(super) async fn look_into_rights(&self) {
        let shared = &self.shared;
        let Some(conn) = shared.up() else { return };
        let now = Instant::now();
        let Some(probe) = conn.rights().due(shared.call.client.terms(), now) else { return };
        let deadline = now + shared.call.client.limit();
        if let Ok(lacks) = shared.find_out(&conn, &probe, deadline).await {
            shared.note_rights(&conn, &probe, lacks);
        }
    }

    /// Names the clock of the node by its history, if the node tells the time; nothing while that is not known.
    pub(crate) fn clock(&self) -> Option<u64> {
        let conn = self.shared.up().filter(|conn| !conn.rights().lacks().has(TIME))?;
        Some(conn.history()).filter(|history| *history != 0)
    }

    /// Whether the node is known not to let us do something.
    pub(crate) fn lacks(&self, ability: Ability) -> bool {
        self.shared.up().is_some_and(|conn| conn.rights().lacks().permits(ability).is_err())
    }
}

impl LinkState {
    /// Asks at once.
    async fn find_out(
        &self,
        conn: &Conn,
        probe: &Probe,
        deadline: Instant,
    ) -> Result<Lacks, Failure> {
        let mut batch = Batch::new();
        probe.ask(&mut batch, &self.call.access);
        let Ok(answer) = timeout_at(deadline, conn.exchange(&batch)).await else {
            return Err(self.failure(Class::Timeout, "did not say in time what it lets us do"));
        };
        let mut replies = answer.map_err(|error| self.failure_of(&error))?;
        Ok(probe.read(&mut replies, &self.call.access))
    }

    /// Notes the answer, and tells if it is another one than before.
    fn note_rights(&self, conn: &Conn, probe: &Probe, lacks: Lacks) {
        self.call.note_rights(conn, probe, lacks);
        // Only a connection that has it from its beginning on is known to announce everything.
        let may_track = self.call.access.tracking && !conn.rights().lacks().has(TRACKING);
        if may_track && !conn.tracks() {
            self.signals.renewal.notify_one();
        }
    }
}

impl Call {
    /// Notes what a connection may be used for, and tells if that is news of its node.
    pub(super) fn note_rights(&self, conn: &Conn, probe: &Probe, lacks: Lacks) {
        let lacks = conn.rights().note(probe, lacks);
        if !self.client.note_lacks(self.node, lacks) {
            return;
        }
        let endpoint = &self.endpoint;
        if lacks.is_empty() {
            tracing::info!(%endpoint, "redis lets us do now all that is needed");
            return;
        }
        let credentials = self.access.login.latest();
        let user = credentials.as_ref().and_then(Credentials::username).unwrap_or("default");
        let user = Excerpt::of(user);
        let (lacking, costs) = (lacks.commands(), lacks.costs());
        let fix = lacks.fix(&user, probe.prefixes());
        tracing::warn!(
            %endpoint, %user, lacking, costs, fix,
            "redis does not let us do all that is needed"
        );
    }
}
