//! One attempt at an operation, between the breaker of its node and the backend.
//!
//! Invariant: an attempt that a breaker let through is recorded by it, or gives its place back.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::operation::Operation;
use crate::backend::{Class, Failure, Node};
use crate::clock::{Stopwatch, Tick};
use crate::contained::contained_future;
use crate::remote::Remote;
use crate::remote::breakers::NodeBreakers;
use crate::remote::given_up::given_up;
use crate::resilience::breaker::{Ending, Permit, Transition};
use crate::resilience::class::Traffic;
use crate::resilience::deadline::Deadline;
use crate::telemetry::Event;
use crate::telemetry::span::ExchangeSpan;

/// What an attempt came to: `None` if it was given up, an excerpt if it panicked.
type Done<T> = Option<Result<Result<T, Failure>, String>>;

/// One attempt that has begun.
struct BegunAttempt {
    breakers: Arc<NodeBreakers>,
    /// `None` for what passes beside a probe.
    permit: Option<Permit>,
    limit: Duration,
    watch: Stopwatch,
    span: ExchangeSpan,
}

impl Remote {
    pub(super) fn attempt<T, F>(
        &self,
        now: Tick,
        operation: &Operation,
        node: Node,
        deadline: Deadline,
        work: &impl Fn(Tick) -> F,
    ) -> impl Future<Output = Result<T, Failure>>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut begun = self.begin_attempt(now, *operation, node, deadline);
        async move {
            let begun = match &mut begun {
                Ok(begun) => begun,
                Err(failure) => return Err(failure.clone()),
            };
            // The work begins here: handed on by value it would stand in this future twice.
            let work = begun.span.within(contained_future(work(now)));
            let done = self.clock.within_of(&begun.watch, begun.limit, work).await;
            // The work is gone by now: what was given up is told of it.
            self.end_attempt(begun, *operation, node, (now, done))
        }
    }

    /// Begins an attempt, if the breaker and the deadline let it.
    fn begin_attempt(
        &self,
        now: Tick,
        operation: Operation,
        node: Node,
        deadline: Deadline,
    ) -> Result<BegunAttempt, Failure> {
        let endpoint = || self.endpoint(node).into();
        let unasked = |class| self.telemetry.unasked((node, operation.name), class, endpoint);
        let settings = self.settings.load();
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
        Ok(BegunAttempt { breakers, permit, limit, watch: self.clock.stopwatch(), span })
    }

    /// Tells the breaker and whoever watches what an attempt came to.
    fn end_attempt<T>(
        &self,
        begun: &mut BegunAttempt,
        operation: Operation,
        node: Node,
        (now, done): (Tick, Done<T>),
    ) -> Result<T, Failure> {
        let took = begun.watch.elapsed();
        let BegunAttempt { breakers, permit, limit, span, .. } = begun;
        let result = match done {
            Some(Ok(result)) => result,
            Some(Err(panic)) => Err(self.panicked(node, &panic)),
            None => Err(given_up(&*self.backend, node, *limit)),
        };
        let class = result.as_ref().err().map(Failure::class);
        if let Some(class) = class {
            span.failed(class);
        }
        let traffic = operation.kind.traffic;
        let endpoint = || self.endpoint(node).into();
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
        if let (Some(ending), Some(permit)) = (ending, permit.take()) {
            self.record(node, traffic, permit, (ending, now.after(took)));
        }
        result
    }

    fn record(&self, node: Node, traffic: Traffic, permit: Permit, (ending, now): (Ending, Tick)) {
        let random = if ending == Ending::Success { 0.0 } else { self.random.share() };
        let transition = permit.end(ending, now, random);
        self.tell_transition(node, traffic, transition);
    }

    pub(in crate::remote) fn tell_transition(
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
