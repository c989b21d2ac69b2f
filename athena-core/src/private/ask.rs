//! A call that memory did not answer at once.

mod asked;

use std::future::{Future, pending, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use self::asked::{AskedCall, mode_of};
use super::fit::CacheValue;
use super::wires::BytesProbe;
use super::{ErrorProbe, Site};
use crate::codec::{Coding, Wire};
use crate::contained::contained;
use crate::context::{self, CallMode, CallRequest};
use crate::engine::{
    self, AskNames, Attending, BypassReason, Caller, Destination, Detach, Detached, Engine,
    InPlace, Labelled, Loaded, TypedCall, Waited,
};
use crate::error::Error;
use crate::key::Key;
use crate::policy::Nature;
use crate::resilience::deadline::Manner;
use crate::runtime::Runtime;
use crate::shape::{Errors, Remember, Shape, Share, Typing};
use crate::tag::{Tag, Tags, Text};
use crate::tasks::Home;
use crate::telemetry::{Event, Topic, collect};

/// One call with everything it needs but its load; boxed, so that an annotated function is a small future.
pub struct Ask<R, V, E>(pub(super) Box<AskParts<R, V, E>>);

pub(super) struct AskParts<R, V, E> {
    call: TypedCall<R, V, E>,
    coding: Option<Coding>,
    untyped: Option<UntypedCall>,
    asked: Option<AskedCall>,
    pub(super) caller: Caller,
    pub(super) home: Option<Home>,
}

/// What of a call is the same whatever its types are.
pub(super) struct UntypedCall {
    pub(super) site: &'static Site,
    pub(super) key: Key,
    pub(super) runtime: Option<Arc<Runtime>>,
    pub(super) bypass: Option<&'static str>,
    pub(super) request: Option<Arc<CallRequest>>,
    pub(super) tags: Tags,
    pub(super) manner: Manner,
    /// What stands in place of a load, if anything.
    pub(super) given: Option<Box<Loaded>>,
}

impl<R, V, E> Ask<R, V, E> {
    pub(super) fn new(shape: Shape<R, V, E>, untyped: UntypedCall) -> Self {
        let call = TypedCall::new(shape, Errors::none());
        Self(Box::new(AskParts {
            call,
            coding: None,
            untyped: Some(untyped),
            asked: None,
            caller: Caller::in_place(),
            home: None,
        }))
    }

    /// A probe for the error type.
    pub fn errors(&self) -> ErrorProbe<E> {
        ErrorProbe(PhantomData)
    }

    /// A probe for how values are written.
    pub fn value_bytes(&self) -> BytesProbe<V> {
        BytesProbe(PhantomData)
    }

    /// A probe for how errors are written.
    pub fn error_bytes(&self) -> BytesProbe<E> {
        BytesProbe(PhantomData)
    }

    /// How errors reach several callers.
    #[must_use]
    pub fn share_errors(mut self, share: Option<Share<E>>) -> Self {
        self.0.call.errors.share = share;
        self
    }

    /// How values are written; without it they stay in this process.
    #[must_use]
    pub fn stored_as(mut self, wire: Option<Wire<V>>) -> Self {
        self.0.coding = wire.map(Wire::erased);
        self
    }

    /// Lets the cache's own errors reach the caller.
    #[must_use]
    pub fn carry_errors(mut self) -> Self
    where
        E: CarriesCacheError,
    {
        self.0.call.errors.carry = Some(E::carry);
        self
    }

    /// Remembers errors as well, in every tier or, without a wire, in this process.
    #[must_use]
    pub fn remember_errors(mut self, wire: Option<Wire<E>>) -> Self
    where
        E: CacheValue,
    {
        self.0.call.errors.remember = Some(Remember::new(wire));
        self
    }

    /// Labels the entry.
    #[must_use]
    pub fn tag(mut self, write: impl FnOnce(&mut Text)) -> Self {
        let mut text = Text::default();
        let written = contained(|| write(&mut text));
        if let Some(untyped) = &mut self.0.untyped {
            untyped.tag(written.is_ok().then_some(text));
        }
        self
    }

    /// Labels the entry with what only the value knows.
    #[must_use]
    pub fn tags_from<I>(mut self, label: impl Fn(&V) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.0.call.label_by(label);
        self
    }

    /// Keeps each value as long as it says itself.
    #[must_use]
    pub fn ttl_from(mut self, ttl: impl Fn(&V) -> Duration + Send + Sync + 'static) -> Self {
        self.0.call.ttl_from = Some(Arc::new(ttl));
        self
    }

    /// Values that are not kept.
    #[must_use]
    pub fn unless(mut self, unless: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.0.call.unless = Some(Arc::new(unless));
        self
    }

    /// Errors that no stale value may stand in for.
    #[must_use]
    pub fn grace_unless(mut self, excludes: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.0.call.errors.grace_unless = Some(Arc::new(excludes));
        self
    }
}

impl<R, V, E> Ask<R, V, E> {
    /// Answers, with `load` where no tier can.
    ///
    /// The load stays pinned in the caller's future: handed on by value it would stand in every
    /// future on the way, and each of them would be as large as all below it.
    pub async fn run<Load: Future<Output = R>>(mut self, load: Pin<&mut Load>) -> R
    where
        R: 'static,
        V: CacheValue,
        E: 'static,
    {
        let (mut attending, mut load) = (self.0.attend(), InPlace(load));
        poll_fn(|context| attending.poll(&mut load, context)).await.0
    }

    /// Answers, with a load that can go on without its caller.
    pub async fn run_detached<Load>(mut self, detach: Detach<R>, load: Pin<&mut Load>) -> R
    where
        R: Send + 'static,
        V: CacheValue,
        E: 'static,
        Load: Future<Output = R>,
    {
        self.0.caller = Caller::detached();
        let (mut attending, mut load) = (self.0.attend(), Detached::new(detach, load));
        poll_fn(|context| attending.poll(&mut load, context)).await.0
    }
}

impl<R, V, E> AskParts<R, V, E>
where
    R: 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(super) fn attend(&mut self) -> Attending<'_, R, V, E> {
        let Self { call, coding, untyped, asked, caller, home } = self;
        let has_late_tags = call.tags_from.is_some();
        let site = untyped.as_ref().map_or("", |call| call.site.name());
        *asked = untyped.take().map(|mut untyped| {
            let given = untyped.request.as_ref().and_then(|request| request.take_given());
            untyped.given = given.map(|given| Box::new(call.given(given)));
            untyped.asked(call.typing(), *coding, has_late_tags)
        });
        let engine = match asked {
            Some(asked) => Engine::new(asked.answer(caller)),
            // Not reached: it is asked once.
            None => Engine::new(pending()),
        };
        Attending::new(call, caller, engine.at(home.take()), site)
    }
}

impl<R, V, E> AskParts<R, V, E> {
    /// The function, and the runtime of its cache.
    pub(super) fn place(&self) -> Option<(&'static Site, Option<&Arc<Runtime>>)> {
        self.untyped.as_ref().map(|call| (call.site, call.runtime.as_ref()))
    }

    /// Whether its values go to other processes, if they can.
    pub(super) fn is_written(&self) -> bool {
        self.coding.is_some()
    }
}

impl UntypedCall {
    /// Adds a label; `None` is one that cannot be written, without which nothing could invalidate the entry.
    fn tag(&mut self, text: Option<Text>) {
        match text {
            Some(text) => self.tags.add(Tag::new(text.into_string())),
            None => self.bypass = Some("a tag cannot be displayed"),
        }
    }

    fn asked(mut self, typing: Typing, coding: Option<Coding>, has_late_tags: bool) -> AskedCall {
        let (request, given, function) = (self.request.take(), self.given.take(), self.site.name());
        let wants_name_only = mode_of(request.as_ref()) == Some(CallMode::Name);
        let ask = if wants_name_only {
            Err("nothing but its name is asked for")
        } else {
            self.ask(typing, coding, has_late_tags)
        };
        AskedCall { request, given, function, ask }
    }

    /// The same call about one of several entries.
    pub(super) fn of_element(&self, key: Key, tags: Tags) -> Self {
        let Self { site, runtime, bypass, manner, .. } = self;
        let runtime = runtime.clone();
        Self {
            site,
            key,
            runtime,
            bypass: *bypass,
            request: None,
            tags,
            manner: *manner,
            given: None,
        }
    }

    /// The call for the engine, or why it runs without, which is told.
    pub(super) fn ask(
        mut self,
        mut typing: Typing,
        coding: Option<Coding>,
        has_late_tags: bool,
    ) -> Result<engine::Ask, BypassReason> {
        let Some(runtime) = self.runtime else {
            context::tell_uncached(self.site.name());
            collect::bypassed();
            return Err("there is no cache");
        };
        let closed = runtime.is_closed().then_some("the cache is closed");
        if let Some(reason) = self.bypass.or(closed) {
            let key = &Topic::of_keyless_call(self.site.name(), self.site.number());
            runtime.telemetry.tell(&Event::Bypassed { key, reason });
            return Err(reason);
        }
        let nature = nature(&typing, self.manner);
        let Some(policy) = self.site.policy_on(&runtime, nature) else {
            let key = &Topic::of_keyless_call(self.site.name(), self.site.number());
            let reason = "its settings switch it off";
            runtime.telemetry.tell(&Event::Bypassed { key, reason });
            return Err(reason);
        };
        let group = self.site.group();
        if let Some(group) = group {
            self.tags.add(group.tag.clone());
        }
        let site = self.site.number();
        let value = typing.value.id;
        let call = Labelled { key: &self.key, site, policy: &policy, tags: &self.tags, value };
        let mut destination = Destination::of(coding, &runtime, call);
        if matches!(destination, Destination::Backend { .. })
            && let Some(remembered) = &mut typing.remembered
            && let Some(coding) = remembered.coding
        {
            let call = Labelled { value: remembered.ty.id, ..call };
            match call.fingerprint(&runtime, coding) {
                Ok(of_errors) => destination = destination.with_errors(of_errors),
                Err(_) => remembered.coding = None,
            }
        }
        if let Some(group) = group {
            destination = destination.in_group(group.brand);
        }
        Ok(engine::Ask {
            region: runtime.region(),
            runtime,
            key: self.key,
            site,
            policy,
            tags: self.tags,
            typing,
            destination,
            has_late_tags,
            manner: self.manner,
            names: AskNames::default(),
            waited: Waited::default(),
        })
    }
}

/// What a function leaves room for.
fn nature(typing: &Typing, manner: Manner) -> Nature {
    Nature {
        has_own_ttl: typing.has_own_ttl,
        may_be_negative: typing.has_absent || typing.remembered.is_some(),
        is_blocking: manner == Manner::Blocking,
    }
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
