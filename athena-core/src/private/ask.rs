//! A call that memory did not answer at once.

use std::future::{Future, pending};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ErrorProbe, Site};
use crate::codec::Wire;
use crate::contained::contained;
use crate::context::{self, CallMode, CallRequest};
use crate::engine::{
    self, Answer, AskNames, Destination, Detach, Detached, InPlace, Labelled, Origin, Waited,
};
use crate::error::Error;
use crate::key::Key;
use crate::runtime::Runtime;
use crate::shape::{Errors, Judge, Remember, Shape, Share};
use crate::tag::{Tag, Tags, Text};
use crate::telemetry::{Event, Topic};

/// One call with everything it needs but its load.
pub struct Ask<R, V, E> {
    site: &'static Site,
    key: Key,
    runtime: Option<Arc<Runtime>>,
    shape: Shape<R, V, E>,
    bypass: Option<&'static str>,
    request: Option<Arc<CallRequest>>,
    errors: Errors<E>,
    wire: Option<Wire<V>>,
    tags: Tags,
    unless: Option<Arc<Judge<V>>>,
    tags_from: Option<Arc<engine::Label<V>>>,
}

impl<R, V, E> Ask<R, V, E> {
    pub(super) fn new(
        site: &'static Site,
        key: Key,
        runtime: Option<Arc<Runtime>>,
        shape: Shape<R, V, E>,
        bypass: Option<&'static str>,
        request: Option<Arc<CallRequest>>,
    ) -> Self {
        Self {
            site,
            key,
            runtime,
            shape,
            bypass,
            request,
            errors: Errors::none(),
            wire: None,
            tags: Tags::default(),
            unless: None,
            tags_from: None,
        }
    }

    /// A probe for the error type.
    pub fn errors(&self) -> ErrorProbe<E> {
        ErrorProbe(PhantomData)
    }

    /// How errors reach several callers.
    #[must_use]
    pub fn share_errors(mut self, share: Option<Share<E>>) -> Self {
        self.errors.share = share;
        self
    }

    /// How values are written; without it they stay in this process.
    #[must_use]
    pub fn stored_as(mut self, wire: Wire<V>) -> Self {
        self.wire = Some(wire);
        self
    }

    /// Lets the cache's own errors reach the caller.
    #[must_use]
    pub fn carry_errors(mut self) -> Self
    where
        E: CarriesCacheError,
    {
        self.errors.carry = Some(E::carry);
        self
    }

    /// Remembers errors as well, in every tier.
    #[must_use]
    pub fn remember_errors(mut self, wire: Wire<E>) -> Self
    where
        E: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
    {
        self.errors.remember = Some(Remember::new(Some(wire)));
        self
    }

    /// Remembers errors as well, in this process.
    #[must_use]
    pub fn remember_errors_here(mut self) -> Self
    where
        E: Clone + Send + Sync + 'static,
    {
        self.errors.remember = Some(Remember::new(None));
        self
    }

    /// Labels the entry.
    #[must_use]
    pub fn tag(mut self, write: impl FnOnce(&mut Text)) -> Self {
        let mut text = Text::default();
        match contained(|| write(&mut text)) {
            Ok(()) => self.tags.add(Tag::new(text.into_string())),
            // Without its label nothing could invalidate the entry.
            Err(_) => self.bypass = Some("a tag cannot be displayed"),
        }
        self
    }

    /// Labels the entry with what only the value knows.
    #[must_use]
    pub fn tags_from<I>(mut self, label: impl Fn(&V) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let tags = move |value: &V| {
            label(value).into_iter().map(|tag| Tag::new(tag.into())).collect::<Vec<_>>()
        };
        self.tags_from = Some(Arc::new(tags));
        self
    }

    /// Values that are not kept.
    #[must_use]
    pub fn unless(mut self, unless: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.unless = Some(Arc::new(unless));
        self
    }

    /// Errors that no stale value may stand in for.
    #[must_use]
    pub fn grace_unless(mut self, excludes: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.errors.grace_unless = Some(Arc::new(excludes));
        self
    }
}

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// Answers, with `load` where no tier can.
    ///
    /// The load stays pinned in the caller's future: handed on by value it would stand in every
    /// future on the way, and each of them would be as large as all below it. The way itself is
    /// boxed, so that an annotated function is a small future.
    pub async fn run<Load: Future<Output = R>>(self, load: Pin<&mut Load>) -> R {
        Box::pin(self.resolve(InPlace(load))).await
    }

    /// Answers, with a load that can go on without its caller.
    pub async fn run_detached<Load>(self, detach: Detach<R>, load: Pin<&mut Load>) -> R
    where
        R: Send + 'static,
        Load: Future<Output = R>,
    {
        Box::pin(self.resolve(Detached::new(detach, load))).await
    }

    async fn resolve<O: Origin<R, V, E>>(mut self, origin: O) -> R {
        if wants_name_only(self.request.as_ref()) {
            return pending().await;
        }
        let request = self.request.take();
        let mode = request.as_ref().map(|request| request.mode);
        let answer = match self.engine_ask() {
            Err(_) if mode == Some(CallMode::Peek) => return nothing(request).await,
            Err(_) => Answer::bypass(origin.load().await),
            Ok(ask) => match mode {
                Some(CallMode::Reload) => Box::pin(ask.reload(origin)).await,
                Some(CallMode::Peek) => match Box::pin(ask.peek()).await {
                    Ok(Some(answer)) => answer,
                    Ok(None) | Err(_) => return nothing(request).await,
                },
                _ => ask.answer(origin).await,
            },
        };
        if let Some(request) = request {
            request.reply(|reply| reply.outcome = Some(answer.outcome));
        }
        answer.value
    }

    /// The call for the engine, or why it runs without.
    fn engine_ask(self) -> Result<engine::Ask<R, V, E>, &'static str> {
        let Some(runtime) = self.runtime else {
            context::tell_uncached(self.site.name());
            return Err("there is no cache");
        };
        let closed = runtime.is_closed().then_some("the cache is closed");
        if let Some(reason) = self.bypass.or(closed) {
            let key = &Topic::of_function(self.site.name());
            runtime.telemetry.tell(&Event::Bypassed { key, reason });
            return Err(reason);
        }
        let policy = self.site.policy.over(&runtime.defaults);
        let site = self.site.number();
        let call = Labelled { key: &self.key, site, policy: &policy, tags: &self.tags };
        let mut destination = Destination::of(self.wire, &runtime, call);
        let mut errors = self.errors;
        if matches!(destination, Destination::Backend { .. })
            && let Some(remember) = &mut errors.remember
            && let Some(wire) = remember.wire
        {
            match runtime.fingerprint(wire, &self.key, site, policy.version) {
                Ok(of_errors) => destination = destination.with_errors(of_errors),
                Err(_) => remember.wire = None,
            }
        }
        Ok(engine::Ask {
            runtime,
            key: self.key,
            site,
            policy,
            tags: self.tags,
            shape: self.shape,
            errors,
            destination,
            unless: self.unless,
            tags_from: self.tags_from,
            names: AskNames::default(),
            waited: Waited::default(),
        })
    }
}

/// Whether a call was asked only for its name.
fn wants_name_only(request: Option<&Arc<CallRequest>>) -> bool {
    request.is_some_and(|request| request.mode == CallMode::Name)
}

/// Tells a peeking `of` that it has seen all there is; it drops the call then.
async fn nothing<R>(request: Option<Arc<CallRequest>>) -> R {
    if let Some(request) = request {
        request.reply(|reply| reply.nothing = true);
    }
    pending().await
}

/// Error types that the cache's own errors turn into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry an error of the cache",
    label = "`hard_timeout` and `fallback = FailFast` may return one",
    note = "implement `From<athena_cache::Error>` for `{Self}`, or drop the option"
)]
pub trait CarriesCacheError: Sized {
    /// Turns an error of the cache into one of the function.
    fn carry(error: Error) -> Self;
}

impl<E: From<Error>> CarriesCacheError for E {
    fn carry(error: Error) -> Self {
        Self::from(error)
    }
}

/// Receivers that a background load can have a copy of.
#[diagnostic::on_unimplemented(
    message = "`refresh` and `soft_timeout` load in the background, which needs a copy of `self`",
    label = "`{Self}` is not `Clone + Send + Sync + 'static`",
    note = "derive `Clone` (cheap if the fields are shared by `Arc`), or take `self: Arc<Self>`"
)]
pub trait BackgroundSelf: Sized {
    /// A copy for the background.
    #[must_use]
    fn own(&self) -> Self;
}

impl<T: Clone + Send + Sync + 'static> BackgroundSelf for T {
    fn own(&self) -> Self {
        self.clone()
    }
}

/// A copy of a receiver for a background load.
pub fn own_receiver<T: BackgroundSelf>(receiver: &T) -> T {
    receiver.own()
}
