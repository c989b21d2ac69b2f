//! A caller who sees the engine through a call.
//!
//! Invariant: a load is polled here alone, and not again once it has returned.

use std::task::{Context, Poll};

use super::caller::{Caller, Engine, Loaded, OwnedLoad, Retention, Side};
use super::origin::{Mailbox, Origin};
use super::typed::TypedCall;
use crate::telemetry::Outcome;
use crate::telemetry::span::CallSpans;

/// A caller who sees the engine through a call.
#[derive(Debug)]
pub(crate) struct Attending<'c, R, V, E> {
    call: &'c TypedCall<R, V, E>,
    caller: &'c Caller,
    engine: Engine<'c>,
    /// The function.
    site: &'static str,
    spans: Option<Box<CallSpans>>,
    has_begun: bool,
    returned: Option<R>,
    mailbox: Option<Mailbox<R>>,
}

impl<'c, R, V, E> Attending<'c, R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(crate) fn new(
        call: &'c TypedCall<R, V, E>,
        caller: &'c Caller,
        engine: Engine<'c>,
        site: &'static str,
    ) -> Self {
        let (returned, mailbox) = (None, None);
        Self { call, caller, engine, site, spans: None, has_begun: false, returned, mailbox }
    }

    /// Whether the load has run.
    pub(crate) fn has_loaded(&self) -> bool {
        self.returned.is_some()
    }

    /// Goes on, with the load where the engine asks for it.
    ///
    /// The load is behind a `dyn` here and not where it is kept, so that the caller's future is `Send` if it is.
    pub(crate) fn poll(
        &mut self,
        load: &mut dyn Origin<R, V, E>,
        context: &mut Context<'_>,
    ) -> Poll<(R, Outcome)> {
        let Self { call, caller, engine, site, spans, has_begun, returned, mailbox } = self;
        if !std::mem::replace(has_begun, true) {
            *spans = CallSpans::begin(site);
        }
        let _entered = spans.as_ref().map(|spans| spans.enter());
        let mut side = AttendingSide { call, load, spans, returned, mailbox };
        let Poll::Ready(answer) = caller.poll(engine, &mut side, context) else {
            return Poll::Pending;
        };
        if let Some(spans) = spans {
            spans.end(&answer.outcome);
        }
        let own = || returned.take().or_else(|| mailbox.as_ref()?.lock().take());
        match self.call.value(answer.content).or_else(own) {
            Some(value) => Poll::Ready((value, answer.outcome)),
            // Not reached; were it, the function would run as without a cache.
            None => load.poll(context).map(|value| (value, answer.outcome)),
        }
    }
}

/// What the engine meets at one poll.
struct AttendingSide<'a, 'l, R, V, E> {
    call: &'a TypedCall<R, V, E>,
    load: &'a mut (dyn Origin<R, V, E> + 'l),
    spans: &'a mut Option<Box<CallSpans>>,
    returned: &'a mut Option<R>,
    mailbox: &'a mut Option<Mailbox<R>>,
}

impl<R, V, E> Side for AttendingSide<'_, '_, R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    fn load(&mut self, retention: Retention, context: &mut Context<'_>) -> Poll<Loaded> {
        if self.returned.is_some() {
            // Not reached: a load runs at most once per call.
            return Poll::Ready(Loaded::Untold);
        }
        let _entered = self.spans.as_mut().map(|spans| spans.enter_load());
        self.load.poll(context).map(|returned| {
            let (returned, loaded) = self.call.take_apart(returned, retention);
            *self.returned = Some(returned);
            loaded
        })
    }

    fn leave(&mut self) -> Option<OwnedLoad> {
        let (load, mailbox) = self.load.leave(self.call)?;
        *self.mailbox = Some(mailbox);
        Some(load)
    }
}
