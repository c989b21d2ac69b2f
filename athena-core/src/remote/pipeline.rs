//! What stands between the cache and a node of its backend.
//!
//! total deadline → retry with budget → breaker of the node → attempt timeout → backend, from outer to
//! inner: every attempt is recorded by the breaker, and the deadline ends retries.
//!
//! Invariant: no operation outlives its deadline, and every failed attempt is told once.

use std::future::Future;

use super::Remote;
use super::given_up::given_up;
use crate::backend::{Class, Failure, Node};
use crate::clock::Tick;
use crate::contained::contained_future;
use crate::resilience::breaker::{Ending, Permit, Transition};
use crate::resilience::class::{OperationKind, Repeat, Traffic, Wait};
use crate::resilience::deadline::Deadline;
use crate::resilience::retry::{Chance, Decision, Tried};
use crate::resilience::settings::Resilience;
use crate::telemetry::Event;
use crate::telemetry::span::ExchangeSpan;

/// A kind of operation, as far as the pipeline cares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    name: &'static str,
    kind: OperationKind,
    ends_lease: bool,
}

impl Operation {
    const fn of(name: &'static str, kind: OperationKind) -> Self {
        Self { name, kind, ends_lease: false }
    }

    /// The same, as the end of a lease that the node granted: it may pass beside a probe.
    ///
    /// There is one for each lease; refused, it would leave the key to be loaded by everybody for as
    /// long as the lease lives.
    pub(super) const fn ending_a_lease(self) -> Self {
        Self { ends_lease: true, ..self }
    }

    /// A read that a caller waits for.
    pub(super) const fn read() -> Self {
        let kind =
            OperationKind { traffic: Traffic::Serving, repeat: Repeat::Safe, wait: Wait::Caller };
        Self::of("read", kind)
    }

    /// A removal, which a store that takes no writes still does.
    pub(super) const fn remove(name: &'static str) -> Self {
        let kind =
            OperationKind { traffic: Traffic::Serving, repeat: Repeat::Safe, wait: Wait::Nobody };
        Self::of(name, kind)
    }

    /// A write off the callers' path.
    pub(super) const fn write(name: &'static str) -> Self {
        let kind =
            OperationKind { traffic: Traffic::Storing, repeat: Repeat::Safe, wait: Wait::Nobody };
        Self::of(name, kind)
    }

    /// The same of a value so large that it is sent once.
    pub(super) const fn large_write(name: &'static str) -> Self {
        let Self { kind, .. } = Self::write(name);
        Self::of(name, OperationKind { repeat: Repeat::Unsafe, ..kind })
    }

    /// The request for a lease: a caller waits, and one token asks once (coherence 6).
    pub(super) const fn lease() -> Self {
        let kind =
            OperationKind { traffic: Traffic::Storing, repeat: Repeat::Unsafe, wait: Wait::Caller };
        Self::of("lease", kind)
    }

    /// The completion of generations before a load.
    pub(super) const fn ensure() -> Self {
        let kind =
            OperationKind { traffic: Traffic::Storing, repeat: Repeat::Safe, wait: Wait::Caller };
        Self::of("ensure", kind)
    }
}

impl Operation {
    /// What kind it is where reads that had no answer in time may be attempted again.
    fn kind_under(self, settings: &Resilience) -> OperationKind {
        if settings.retry.after_timeout {
            OperationKind { wait: Wait::Nobody, ..self.kind }
        } else {
            self.kind
        }
    }
}

impl Remote {
    /// One operation on the node that serves a name, attempted again where that is allowed.
    pub(super) async fn ask<T, F>(
        &self,
        operation: Operation,
        name: &str,
        deadline: Deadline,
        work: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.ask_from(self.clock.now(), operation, name, deadline, |_| work()).await
    }

    /// The same for who has looked at the clock, and looks at it once for each attempt: its work is told when that
    /// begins.
    pub(super) async fn ask_from<T, F>(
        &self,
        mut now: Tick,
        operation: Operation,
        name: &str,
        deadline: Deadline,
        work: impl Fn(Tick) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.budget.request(now);
        let mut tried = Tried::default();
        let mut attempts = 0;
        loop {
            // Asked each time: what failed may be served by another node by now.
            let node = self.backend.node(name);
            let settings = self.settings.load_full();
            let failure = match self.attempt(now, operation, node, deadline, &settings, &work).await
            {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            attempts += 1;
            self.tell_failure(operation, node, &failure);
            let kind = operation.kind_under(&settings);
            // Another node may serve the name by now, of which nothing is known yet.
            let retry = if self.backend.node(name) == node {
                kind.retry(&failure)
            } else {
                kind.judge(failure.class()).retry
            };
            tried = tried.and(retry);
            now = self.clock.now();
            let chance = Chance { left: deadline.left(now), random: self.random.share() };
            let spend = || self.budget.try_spend(now);
            let attempt = settings.retry.attempts(kind.wait);
            match attempt.decide(tried, retry, chance, spend) {
                Decision::GiveUp => return Err(failure.after(attempts)),
                Decision::Retry { after } => {
                    self.tell_retry(operation, node, attempts, &failure);
                    self.clock.sleep(after).await;
                    now = self.clock.now();
                }
            }
        }
    }

    /// The work begins here: handed on by value it would stand in this future twice.
    async fn attempt<T, F>(
        &self,
        now: Tick,
        operation: Operation,
        node: Node,
        deadline: Deadline,
        settings: &Resilience,
        work: impl Fn(Tick) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let endpoint = || self.endpoint(node).into();
        let unasked = |class| self.telemetry.unasked((node, operation.name), class, endpoint);
        let Some(limit) = deadline.attempt(now, settings.attempt_timeout) else {
            unasked(Class::TooLate);
            return Err(Failure::new(Class::TooLate, "the deadline of the call has passed"));
        };
        let breakers = self.breakers.of(node, &settings.breaker);
        let traffic = operation.kind.traffic;
        let (permit, transition) = breakers.acquire(traffic, now, self.backend.revivals(node));
        self.tell_transition(node, traffic, transition);
        if permit.is_none() && !(operation.ends_lease && breakers.may_answer()) {
            unasked(Class::Open);
            let message = format!("the breaker of {} is open", self.endpoint(node));
            return Err(Failure::new(Class::Open, message));
        }
        let span = ExchangeSpan::begin(operation.name, endpoint);
        let watch = self.clock.stopwatch();
        let done = self.clock.within(limit, span.within(contained_future(work(now)))).await;
        let took = watch.elapsed();
        // The work is gone by now: what was given up is told of it.
        let result = match done {
            Some(Ok(result)) => result,
            Some(Err(panic)) => Err(self.panicked(node, &panic)),
            None => Err(given_up(&*self.backend, node, limit)),
        };
        let class = result.as_ref().err().map(Failure::class);
        if let Some(class) = class {
            span.failed(class);
        }
        self.telemetry.asked((node, operation.name), took, class, endpoint);
        let ending = match &result {
            Ok(_) => Some(Ending::Success),
            Err(failure) => operation.kind.judge(failure.class()).ending,
        };
        match &result {
            Ok(_) if breakers.note_done(traffic) => {
                let endpoint = self.endpoint(node);
                self.telemetry.tell(&Event::Relented { endpoint: endpoint.as_str() });
            }
            // Who lets us not in is not ready, and is well as soon as it does.
            Err(failure)
                if self.backend.is_ready(node)
                    && breakers.note_refusal(traffic, failure, self.clock.now()) =>
            {
                let endpoint = self.endpoint(node);
                let endpoint = endpoint.as_str();
                self.telemetry.tell(&Event::Refused { endpoint, traffic, failure });
            }
            _ => {}
        }
        if let (Some(ending), Some(permit)) = (ending, permit) {
            self.record(node, traffic, permit, ending);
        }
        result
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

    fn record(&self, node: Node, traffic: Traffic, permit: Permit, ending: Ending) {
        let random = if ending == Ending::Success { 0.0 } else { self.random.share() };
        let transition = permit.end(ending, self.clock.now(), random);
        self.tell_transition(node, traffic, transition);
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

    pub(super) fn tell_transition(
        &self,
        node: Node,
        traffic: Traffic,
        transition: Option<Transition>,
    ) {
        if let Some(Transition { from, to }) = transition {
            let endpoint = self.endpoint(node);
            let endpoint = endpoint.as_str();
            self.telemetry.tell(&Event::Breaker { endpoint, traffic, from, to });
        }
    }
}
