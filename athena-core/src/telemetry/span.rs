//! Spans of calls that memory does not answer at once, for whoever follows a request through a service.
//!
//! `cache.call`, in it `cache.load` (what the function does is inside of it), `cache.backend` for each exchange and
//! `cache.wait` for another call's load, which links to that call. A load that leaves its caller, as a refresh does, is a
//! root of its own that links to the call that set it off.
//!
//! Invariant: at level DEBUG and below nothing is made where nobody listens; no span holds a key or a text from outside
//! but the address of a node.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tracing::field::Empty;
use tracing::span::EnteredSpan;
use tracing::{Instrument, Span, debug_span};

use super::outcome::Outcome;
use crate::backend::Class;

/// The spans of one call.
#[derive(Debug)]
pub(crate) struct CallSpans {
    call: Span,
    load: Option<Span>,
}

impl CallSpans {
    /// Those of a call of a function; `None` if nobody listens.
    pub(crate) fn begin(site: &'static str) -> Option<Box<Self>> {
        let call =
            debug_span!(target: "athena_cache", "cache.call", site, result = Empty, age_ms = Empty);
        (!call.is_disabled()).then(|| Box::new(Self { call, load: None }))
    }

    /// Inside of the call until this is dropped.
    pub(crate) fn enter(&self) -> EnteredSpan {
        self.call.clone().entered()
    }

    /// Inside of its load until this is dropped.
    pub(crate) fn enter_load(&mut self) -> EnteredSpan {
        let call = &self.call;
        let begin = || debug_span!(target: "athena_cache", parent: call, "cache.load");
        self.load.get_or_insert_with(begin).clone().entered()
    }

    /// Notes what came of it.
    pub(crate) fn end(&self, outcome: &Outcome) {
        self.call.record("result", outcome.label());
        self.call.record("age_ms", millis(outcome.age));
    }
}

/// The call that is under way here, for others who wait for it.
#[derive(Debug, Default)]
pub(crate) struct CallLink(Option<Span>);

impl CallLink {
    /// That of the call under way.
    pub(crate) fn here() -> Self {
        let current = Span::current();
        Self((!current.is_disabled()).then_some(current))
    }
}

/// Waits for the load of another call.
pub(crate) fn waiting<F: Future>(leader: &CallLink, work: F) -> impl Future<Output = F::Output> {
    let span = debug_span!(target: "athena_cache", "cache.wait");
    if let CallLink(Some(leader)) = leader {
        span.follows_from(leader);
    }
    work.instrument(span)
}

/// A load that has left its caller.
pub(crate) fn apart<F: Future>(load: F) -> impl Future<Output = F::Output> {
    let span = debug_span!(target: "athena_cache", parent: None, "cache.load");
    span.follows_from(Span::current());
    load.instrument(span)
}

/// An exchange with a node; nothing if nobody listens, since the future of each exchange holds it.
#[derive(Debug)]
pub(crate) struct ExchangeSpan(Option<Box<Span>>);

impl ExchangeSpan {
    /// `endpoint` is asked if somebody listens.
    pub(crate) fn begin(operation: &'static str, endpoint: impl FnOnce() -> String) -> Self {
        let span = debug_span!(
            target: "athena_cache",
            "cache.backend",
            "otel.kind" = "client",
            "db.system.name" = "redis",
            "db.operation.name" = operation,
            "server.address" = Empty,
            "error.type" = Empty,
        );
        if span.is_disabled() {
            return Self(None);
        }
        span.record("server.address", endpoint());
        Self(Some(Box::new(span)))
    }

    pub(crate) fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        Within { span: self.0.as_deref(), work }
    }

    /// Notes of what class its failure is.
    pub(crate) fn failed(&self, class: Class) {
        if let Some(span) = &self.0 {
            span.record("error.type", class.name());
        }
    }
}

pin_project! {
    /// Work that is polled inside of a span.
    struct Within<'s, F> {
        span: Option<&'s Span>,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Within<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.map(Span::enter);
        this.work.poll(context)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
