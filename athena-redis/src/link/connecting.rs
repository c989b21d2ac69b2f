//! How a link begins and ends its connections.
//!
//! Invariant: one supervisor runs at a time, and after `retire` or `close` none does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use tokio::time::{Instant, timeout_at};

use super::conn::{Conn, Health};
use super::state::Phase;
use super::task::{ended_within, inside_runtime};
use super::{Link, backoff, supervise};
use crate::config::Access;

impl Link {
    /// Waits for the outcome of the first attempt to connect, or tells that of the latest one.
    ///
    /// With a limited number of attempts, waits until one has succeeded or all have failed.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        let access = &self.shared.call.access;
        let deadline = Instant::now() + time_for(access, access.attempts.unwrap_or(1));
        let first = self.connection(deadline).await;
        let Some(attempts) = access.attempts.filter(|_| first.is_err()) else {
            return first.map(drop);
        };
        let mut state = self.shared.phase.subscribe();
        let settled = state.wait_for(|state| match state {
            Phase::Down(_) => self.shared.counts.attempts.load(Ordering::Acquire) >= attempts,
            Phase::Idle | Phase::Dialing | Phase::Lost => false,
            Phase::Up(_) | Phase::Retired | Phase::Closed => true,
        });
        drop(timeout_at(deadline, settled).await);
        self.connection(deadline).await.map(drop)
    }

    /// Starts connecting, if that has not begun; waits for nothing.
    pub(crate) fn wake(&self) {
        // Outside of a runtime the first operation will try again and say so.
        drop(self.start());
    }

    /// Ends everything at once, because another node serves in this one's place.
    ///
    /// What is in flight fails as [`Class::Disconnected`], and nothing more is sent.
    pub(crate) fn retire(&self) {
        let before = self.shared.phase.send_replace(Phase::Retired);
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.abort();
        }
        if let Phase::Up(conn) = before {
            conn.abort();
            conn.stop_trusting();
        }
    }

    /// Ends the tasks and closes the socket; returns when both are gone.
    ///
    /// Waits no longer than the response timeout: the runtime of the tasks may stand still.
    pub(crate) async fn close(&self) {
        let before = self.shared.phase.send_replace(Phase::Closed);
        let supervisor = self.supervisor.take();
        let ended = async {
            if let Some(supervisor) = &supervisor {
                supervisor.abort();
            }
            if let Phase::Up(conn) = before {
                conn.stop_trusting();
                conn.end().await;
            }
            if let Some(supervisor) = supervisor {
                supervisor.end().await;
            }
        };
        ended_within(self.shared.call.client.limit(), ended).await;
    }

    /// The connection to use now; only the outcome of a first attempt is waited for.
    pub(super) async fn connection(&self, deadline: Instant) -> Result<Arc<Conn>, Failure> {
        let shared = &self.shared;
        self.supervisor.give_up_standstill(longest_rest(&shared.call.access));
        let mut state = shared.phase.borrow().clone();
        if matches!(state, Phase::Idle | Phase::Dialing) {
            // Boxed: it is rare, and would stand in the future of every operation.
            state = Box::pin(self.first_attempt(deadline)).await?;
        }
        match state {
            Phase::Up(conn) if conn.health() != Health::Lost => Ok(conn),
            Phase::Up(_) | Phase::Lost => {
                Err(shared.failure(Class::Unreachable, "closed the connection"))
            }
            Phase::Down(refusal) => {
                let what = format!("is not connected: {}", refusal.reason);
                Err(shared.failure(refusal.class, what).known_beforehand())
            }
            Phase::Idle | Phase::Dialing => {
                Err(shared.failure(Class::Unreachable, "is not connected yet"))
            }
            // Nothing was sent: the caller may try again, and will be led to the new node.
            Phase::Retired => Err(shared.failure(Class::Unreachable, "was replaced")),
            Phase::Closed => Err(shared.failure(Class::Closed, "was closed")),
        }
    }

    /// Starts connecting, unless another operation has, and waits for the outcome.
    async fn first_attempt(&self, deadline: Instant) -> Result<Phase, Failure> {
        self.start()?;
        let mut state = self.shared.phase.subscribe();
        let settled = state.wait_for(|state| !matches!(state, Phase::Dialing));
        // Settled or out of time: the state says which.
        drop(timeout_at(deadline, settled).await);
        Ok(self.shared.phase.borrow().clone())
    }

    fn start(&self) -> Result<(), Failure> {
        let (running, ending) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        self.supervisor.start(
            || self.begin(),
            || supervise::supervise(running),
            move || ending.enter(Phase::Idle),
        )
    }

    /// Whether to start connecting now.
    fn begin(&self) -> Result<bool, Failure> {
        if !matches!(*self.shared.phase.borrow(), Phase::Idle) {
            return Ok(false);
        }
        inside_runtime()?;
        self.shared.enter(Phase::Dialing);
        Ok(true)
    }
}

/// How long so many attempts to connect may take, with the pauses between them.
///
/// Each is bounded by the connect timeout; this only has to outlast them.
pub(crate) fn time_for(access: &Access, attempts: u32) -> Duration {
    (2 * access.connect_timeout + backoff::LONGEST_OF_ALL).saturating_mul(attempts)
}

/// After so long without running the supervisor's runtime stands still.
fn longest_rest(access: &Access) -> Duration {
    backoff::LONGEST_OF_ALL.saturating_add(access.heartbeat).saturating_add(access.connect_timeout)
}

impl Drop for Link {
    fn drop(&mut self) {
        // The supervisor holds the rest; it lets go when its task, dropped with this link, ends.
        self.shared.enter(Phase::Closed);
    }
}
