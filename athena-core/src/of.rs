//! `of`: one call of an annotated function, looked at from outside.
//!
//! The call is polled in a mode that the runtime sees before the body starts.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use crate::context::{CallMode, CallRequest, NamedEntry};
use crate::error::Error;
use crate::runtime::{Invalidated, Scope};
use crate::telemetry::Outcome;

/// Takes a call of an annotated function, to ask about its entry instead of just awaiting it.
///
/// ```
/// # async fn example() -> Result<(), athena_cache_core::Error> {
/// # async fn products(_: &str) -> u8 { 0 }
/// use athena_cache_core::of;
/// # athena_cache_core::Cache::in_memory("shop").scope(async {
/// let problem = of(products("books")).invalidate().await;
/// assert!(problem.is_err_and(|error| error.is_not_annotated()));
/// # }).await;
/// # Ok(())
/// # }
/// ```
pub fn of<F: Future>(call: F) -> Of<F> {
    Of { call }
}

/// One call of an annotated function; see [`of`].
#[derive(Debug)]
#[must_use = "say what to do with the call"]
pub struct Of<F> {
    call: F,
}

/// A value, and how it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed<T> {
    /// What the call returned.
    pub value: T,
    /// Where it came from and how old it is.
    pub outcome: Outcome,
}

impl<T> Observed<T> {
    /// The same outcome of another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        Observed { value: change(self.value), outcome: self.outcome }
    }
}

impl<F: Future> Of<F> {
    /// The name of the entry, without the namespace.
    ///
    /// With `key = …` it is what [`Cache::entry`](crate::Cache::entry) and
    /// [`Cache::invalidate`](crate::Cache::invalidate) take.
    ///
    /// # Errors
    ///
    /// If the future reaches no annotated function, its arguments make no key, or there is no cache.
    pub async fn key(self) -> Result<String, Error> {
        Ok(Self::target(pin!(self.call)).await?.key.given())
    }

    /// Removes the entry everywhere; the function does not run.
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key). A backend that is away is no error, see [`Invalidated::Pending`].
    pub async fn invalidate(self) -> Result<Invalidated, Error> {
        let NamedEntry { runtime, mut key } = Self::target(pin!(self.call)).await?;
        key.shorten();
        Ok(runtime.invalidate(&[Scope::Entry(key)]).await)
    }

    /// Ends the entry's fresh time and keeps it for grace; the function does not run.
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key), and if the backend cannot be reached.
    pub async fn expire(self) -> Result<(), Error> {
        let NamedEntry { runtime, mut key } = Self::target(pin!(self.call)).await?;
        key.shorten();
        runtime.expire(&key).await
    }

    /// Runs the function now and replaces the entry with what it returns.
    ///
    /// # Errors
    ///
    /// If the future reaches no annotated function. The function's own error is in the output.
    pub async fn refresh(self) -> Result<F::Output, Error> {
        Self::complete(pin!(self.call), CallMode::Reload).await.map(|(value, _)| value)
    }

    /// The value if one is there and fresh; the function does not run.
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key).
    pub async fn peek(self) -> Result<Option<F::Output>, Error> {
        let request = CallRequest::new(CallMode::Peek);
        let mut call = pin!(Arc::clone(&request).scope(self.call));
        let seen = poll_fn(|context| {
            if let Poll::Ready(value) = call.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            let over = !request.is_taken() || request.reply(|reply| reply.nothing);
            if over { Poll::Ready(None) } else { Poll::Pending }
        })
        .await;
        match request.reply(|reply| reply.target.take()) {
            Some(Ok(_)) => Ok(seen),
            Some(Err(error)) => Err(error),
            None => Err(Error::not_annotated()),
        }
    }

    /// The value, with where it came from.
    ///
    /// # Errors
    ///
    /// If the future reaches no annotated function. The function's own error is in the value.
    pub async fn observe(self) -> Result<Observed<F::Output>, Error> {
        let (value, outcome) = Self::complete(pin!(self.call), CallMode::Observe).await?;
        Ok(Observed { value, outcome })
    }

    // The call stays where it is pinned: handed on by value it would stand in every future on the way.

    async fn target(call: Pin<&mut F>) -> Result<NamedEntry, Error> {
        let request = CallRequest::new(CallMode::Name);
        let mut call = pin!(Arc::clone(&request).scope(call));
        poll_fn(|context| {
            let _ = call.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        let target = request.reply(|reply| reply.target.take());
        target.unwrap_or_else(|| Err(Error::not_annotated()))
    }

    async fn complete(call: Pin<&mut F>, mode: CallMode) -> Result<(F::Output, Outcome), Error> {
        let request = CallRequest::new(mode);
        let mut call = pin!(Arc::clone(&request).scope(call));
        let value = poll_fn(|context| {
            let poll = call.as_mut().poll(context);
            if !request.is_taken() {
                return Poll::Ready(None);
            }
            poll.map(Some)
        })
        .await;
        let outcome = request.reply(|reply| reply.outcome);
        value.zip(outcome).ok_or_else(Error::not_annotated)
    }
}
