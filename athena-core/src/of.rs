//! `of`: one call of an annotated function, looked at from outside.
//!
//! The call is polled in a mode that the runtime sees before the body starts.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use crate::context::{CallMode, CallRequest, GivenResult, NamedEntry};
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
pub fn of<F: AsyncCall>(call: F) -> Of<F> {
    Of { call }
}

/// A call that is not awaited yet: every future is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no future, and `of` takes the call of an `async` function",
    label = "this is what the function has returned already",
    note = "of an `async` function, leave out `.await`",
    note = "the entry of a function that is not `async` is reached by its `key`, as in `cache.entry(\"product:7\")`"
)]
pub trait AsyncCall: Future {}

#[diagnostic::do_not_recommend]
impl<F: Future> AsyncCall for F {}

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

/// Why an observed call has no outcome of a cache.
const NOT_REACHED: &str = "it reached no annotated function when it was polled first";
const GIVEN_UP: &str = "it gave up the annotated function that it reached first";

/// What a function returns, made of what a caller gives.
#[diagnostic::on_unimplemented(
    message = "`{V}` is not what a call is answered with, which returns `{Self}`",
    label = "expected `{Self}`, or what is in its `Some` or `Ok`"
)]
pub trait Holds<V> {
    #[doc(hidden)]
    fn of(value: V) -> Self;
}

impl<T> Holds<T> for T {
    fn of(value: T) -> Self {
        value
    }
}

impl<V> Holds<V> for Option<V> {
    fn of(value: V) -> Self {
        Some(value)
    }
}

impl<V, E> Holds<V> for Result<V, E> {
    fn of(value: V) -> Self {
        Ok(value)
    }
}

impl<V, E> Holds<V> for Result<Option<V>, E> {
    fn of(value: V) -> Self {
        Ok(Some(value))
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
    /// With several [regions](crate::Settings::regions) the entry is removed: no region has a grace of another.
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
        Self::reload(pin!(self.call)).await
    }

    /// Stores what the caller has just written, as if the function had returned it; the function does not run.
    ///
    /// It is given as what the function returns, or as what is in its `Some` or `Ok`. It has the tags, the ttl and
    /// all else that a loaded value has; one that `unless` or a ttl of zero does not keep ends what was there. Loads
    /// under way do not replace it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use athena_cache_core::{Cache, Error, of};
    /// # async fn rename(_: u64) -> Result<String, Error> { Ok(String::new()) }
    /// # async fn product(_: u64) -> Result<Option<String>, Error> { Ok(None) }
    /// # async fn example() -> Result<(), Error> {
    /// let product_now = rename(7).await?; // the row, as it was written
    /// of(product(7)).insert(product_now).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key); if it is an `Err`; if the function runs without the cache (`when`, a closed cache); and
    /// as of [`Entry::insert`](crate::Entry::insert), where the backend did not take it.
    pub async fn insert<V>(self, value: V) -> Result<(), Error>
    where
        F::Output: Holds<V> + Send + 'static,
    {
        Self::keep(pin!(self.call), Box::new(F::Output::of(value))).await
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
    /// A future that reaches no annotated function when it is polled first, since it waits for something before, or
    /// is no annotated function at all, goes on as it would alone: its outcome is `BYPASS`, with the
    /// [`reason`](Outcome::reason).
    ///
    /// # Errors
    ///
    /// None at present. The function's own error is in the value.
    pub async fn observe(self) -> Result<Observed<F::Output>, Error> {
        Ok(Self::watch(pin!(self.call)).await)
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

    async fn keep(call: Pin<&mut F>, given: GivenResult) -> Result<(), Error> {
        let request = CallRequest::insert(given);
        let mut call = pin!(Arc::clone(&request).scope(call));
        poll_fn(|context| {
            let ended = call.as_mut().poll(context).is_ready() || !request.is_taken();
            let over = ended || request.reply(|reply| reply.inserted.is_some() || reply.nothing);
            if over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let (target, inserted) =
            request.reply(|reply| (reply.target.take(), reply.inserted.take()));
        match (target, inserted) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(_)), Some(inserted)) => inserted,
            _ => Err(Error::not_annotated()),
        }
    }

    async fn reload(call: Pin<&mut F>) -> Result<F::Output, Error> {
        let request = CallRequest::new(CallMode::Reload);
        let mut call = pin!(Arc::clone(&request).scope(call));
        let value = poll_fn(|context| {
            let poll = call.as_mut().poll(context);
            if !request.is_taken() || request.reply(|reply| reply.nothing) {
                return Poll::Ready(None);
            }
            poll.map(Some)
        })
        .await;
        let (outcome, target) = request.reply(|reply| (reply.outcome, reply.target.take()));
        match (value, target) {
            (Some(value), _) if outcome.is_some() => Ok(value),
            (None, Some(Err(error))) => Err(error),
            _ => Err(Error::not_annotated()),
        }
    }

    async fn watch(call: Pin<&mut F>) -> Observed<F::Output> {
        let request = CallRequest::new(CallMode::Observe);
        let mut call = pin!(Arc::clone(&request).scope(call));
        let mut was_taken = None;
        let value = poll_fn(|context| {
            let poll = call.as_mut().poll(context);
            // Whoever comes later is not what was asked about.
            was_taken.get_or_insert(request.withdraw());
            poll
        })
        .await;
        let outcome = request.reply(|reply| reply.outcome).unwrap_or_else(|| {
            Outcome::bypass(if was_taken == Some(true) { GIVEN_UP } else { NOT_REACHED })
        });
        Observed { value, outcome }
    }
}
