//! A call that the engine is asked about.
//!
//! Invariant: whoever wants something else than a value, which nothing can tell it as an answer, is told by its
//! request, and drops the call then.

use std::future::{Future, pending};
use std::sync::Arc;

use futures_util::future::OptionFuture;

use crate::context::{CallMode, CallRequest};
use crate::engine::{self, Answer, BypassReason, Caller, Loaded};
use crate::error::Error;

/// A call that the engine is asked about.
pub(super) struct AskedCall {
    pub(super) request: Option<Arc<CallRequest>>,
    /// What stands in place of a load, if anything.
    pub(super) given: Option<Box<Loaded>>,
    pub(super) function: &'static str,
    pub(super) ask: Result<engine::Ask, BypassReason>,
}

impl AskedCall {
    /// What the engine does for a call.
    pub(super) fn answer(&mut self, caller: &Caller) -> impl Future<Output = Answer> + Send {
        async move {
            let answer = match mode_of(self.request.as_ref()) {
                None | Some(CallMode::Observe) => engine::answer(&mut self.ask, caller).await,
                // Boxed: whoever does none of it should not pay for the room that it takes.
                Some(mode) => Box::pin(self.answer_otherwise(mode, caller)).await,
            };
            if let Some(request) = &self.request {
                request.reply(|reply| reply.outcome = Some(answer.outcome));
            }
            answer
        }
    }

    /// What is answered who wants something else than a value that is there or loaded.
    async fn answer_otherwise(&mut self, mode: CallMode, caller: &Caller) -> Answer {
        let Self { request, given, function, ask } = self;
        match (mode, engine::taken(ask)) {
            (CallMode::Name, _) => pending().await,
            (CallMode::Peek, ask) => {
                match OptionFuture::from(ask.ok().map(engine::Ask::peek)).await {
                    Some(Ok(Some(answer))) => answer,
                    _ => nothing(request.take()).await,
                }
            }
            (CallMode::Insert, ask) => {
                let given = given.take().map_or(Loaded::Untold, |given| *given);
                let end = match ask {
                    Ok(ask) => ask.put(given).await,
                    Err(reason) => Err(Error::bypassed(function, reason)),
                };
                inserted(request.take(), end).await
            }
            (CallMode::Reload | CallMode::Observe, Ok(ask)) => ask.reload(caller).await,
            (CallMode::Reload | CallMode::Observe, Err(reason)) => {
                engine::answer(&mut Err(reason), caller).await
            }
        }
    }
}

pub(super) fn mode_of(request: Option<&Arc<CallRequest>>) -> Option<CallMode> {
    request.map(|request| request.mode)
}

/// Tells a peeking `of` that it has seen all there is; it drops the call then.
async fn nothing<T>(request: Option<Arc<CallRequest>>) -> T {
    if let Some(request) = request {
        request.reply(|reply| reply.nothing = true);
    }
    pending().await
}

/// Tells an inserting `of` what came of it; it drops the call then.
async fn inserted<T>(request: Option<Arc<CallRequest>>, end: Result<(), Error>) -> T {
    if let Some(request) = request {
        request.reply(|reply| reply.inserted = Some(end));
    }
    pending().await
}

#[cfg(test)]
mod tests {
    use super::{AskedCall, Caller};

    #[test]
    fn the_engine_of_a_call_is_small_until_it_has_more_to_do_than_a_look() {
        let (caller, ask) = (Caller::in_place(), Err("there is no cache"));
        let mut asked = AskedCall { request: None, given: None, function: "test", ask };
        let size = size_of_val(&asked.answer(&caller));
        assert!(size <= 1_032, "{size} bytes");
    }
}
