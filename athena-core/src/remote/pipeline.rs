//! What stands between the cache and a node of its backend.
//!
//! total deadline → retry with budget → breaker of the node → attempt timeout → backend, from outer to
//! inner: every attempt is recorded by the breaker, and the deadline ends retries.
//!
//! Invariant: no operation outlives its deadline, and every failed attempt is told once.

mod attempt;
mod operation;

use std::future::Future;

pub(super) use self::operation::Operation;
use super::Remote;
use crate::backend::{Class, Failure, Node};
use crate::clock::Tick;
use crate::contained::contained_future;
use crate::resilience::deadline::Deadline;
use crate::resilience::retry::{Chance, Decision, Tried};
use crate::telemetry::Event;

/// What the first attempt came to.
struct Failed {
    node: Node,
    failure: Failure,
}

impl Remote {
    /// One operation on the node that serves a name, attempted again where that is allowed.
    pub(super) fn ask<T, F>(
        &self,
        operation: Operation,
        name: &str,
        deadline: Deadline,
        work: impl Fn() -> F,
    ) -> impl Future<Output = Result<T, Failure>>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.ask_from(self.clock.now(), operation, name, deadline, move |_| work())
    }

    /// The same for who has looked at the clock, and looks at it once for each attempt: its work is told when that
    /// begins.
    pub(super) fn ask_from<T, F>(
        &self,
        now: Tick,
        operation: Operation,
        name: &str,
        deadline: Deadline,
        work: impl Fn(Tick) -> F,
    ) -> impl Future<Output = Result<T, Failure>>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        async move {
            self.budget.request(now);
            let node = self.backend.node(name);
            match self.attempt(now, &operation, node, deadline, &work).await {
                Ok(done) => {
                    self.note_answer(node);
                    Ok(done)
                }
                // Boxed: nobody should pay for the room that this takes but who has failed.
                Err(failure) => {
                    let failed = Failed { node, failure };
                    Box::pin(self.ask_again(operation, name, deadline, &work, failed)).await
                }
            }
        }
    }

    /// Goes on after the first attempt has failed.
    async fn ask_again<T, F>(
        &self,
        operation: Operation,
        name: &str,
        deadline: Deadline,
        work: &impl Fn(Tick) -> F,
        failed: Failed,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let Failed { mut node, mut failure } = failed;
        let mut tried = Tried::default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            self.tell_failure(operation, node, &failure);
            let settings = self.settings.load_full();
            let kind = operation.kind_under(&settings);
            // Another node may serve the name by now, of which nothing is known yet.
            let retry = if self.backend.node(name) == node {
                kind.retry(&failure)
            } else {
                kind.judge(failure.class()).retry
            };
            tried = tried.and(retry);
            let now = self.clock.now();
            let chance = Chance { left: deadline.left(now), random: self.random.share() };
            let spend = || self.budget.try_spend(now);
            let attempt = settings.retry.attempts(kind.wait);
            match attempt.decide(tried, retry, chance, spend) {
                Decision::GiveUp => return Err(failure.after(attempts)),
                Decision::Retry { after } => {
                    self.tell_retry(operation, node, attempts, &failure);
                    self.clock.sleep(after).await;
                }
            }
            // Asked each time: what failed may be served by another node by now.
            node = self.backend.node(name);
            match self.attempt(self.clock.now(), &operation, node, deadline, work).await {
                Ok(done) => return Ok(done),
                Err(again) => failure = again,
            }
        }
    }

    /// An operation; that it panics, as on a runtime without what the backend needs, is a failure of its
    /// node, which is logged once.
    pub(super) async fn contained<T>(
        &self,
        node: Node,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        contained_future(work).await.unwrap_or_else(|panic| Err(self.panicked(node, &panic)))
    }

    #[cold]
    fn panicked(&self, node: Node, panic: &str) -> Failure {
        let endpoint = self.endpoint(node);
        self.telemetry.backend_panicked(endpoint.as_str(), panic);
        Failure::new(Class::Unreachable, format!("the way to {endpoint} panicked: {panic}"))
    }

    fn tell_failure(&self, operation: Operation, node: Node, failure: &Failure) {
        let endpoint = self.endpoint(node);
        let endpoint = endpoint.as_str();
        self.telemetry.tell(&Event::BackendFailed { endpoint, operation: operation.name, failure });
    }

    fn tell_retry(&self, operation: Operation, node: Node, attempt: u32, failure: &Failure) {
        let (at, operation) = (self.endpoint(node), operation.name);
        let endpoint = at.as_str();
        let class = failure.class();
        self.telemetry.tell(&Event::Retrying { endpoint, operation, attempt, class });
    }
}
