//! A caller who sees the engine through a call.
//!
//! Invariant: a load is polled here alone, and not again once it has returned.

use std::task::{Context, Poll};

use super::caller::{Caller, Engine, Loaded, OwnedLoad, Retention, Side};
use super::origin::{Mailbox, Origin};
use super::typed::TypedCall;
use crate::telemetry::Outcome;

/// A caller who sees the engine through a call.
#[derive(Debug)]
pub(crate) struct Attending<'c, R, V, E> {
    call: &'c TypedCall<R, V, E>,
    caller: &'c Caller,
    engine: Engine<'c>,
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
    ) -> Self {
        Self { call, caller, engine, returned: None, mailbox: None }
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
        let Self { call, caller, engine, returned, mailbox } = self;
        let mut side = AttendingSide { call, load, returned, mailbox };
        let Poll::Ready(answer) = caller.poll(engine, &mut side, context) else {
            return Poll::Pending;
        };
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
