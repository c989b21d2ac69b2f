//! What expansions of the attributes may name. Not for people: it changes without notice.
//!
//! Invariant: a fresh hit in memory is answered in [`Call::look`], without allocating or awaiting.

mod aim;
mod ask;
mod blocking;
mod fit;
mod grouped;
mod handle;
mod invalidate;
mod many;
mod own;
mod probe;
mod secret;
mod site;
pub mod times;
pub mod wires;

use std::fmt::{self, Display, Write};
use std::sync::Arc;

use crate::cache::Cache;
use crate::contained::contained;
use crate::context::{self, CallRequest, NamedEntry};
use crate::engine;
use crate::error::Error;
use crate::key::draft::KeyDraft;
use crate::key::encode::{self, Sink as _};
use crate::resilience::deadline::Manner;
use crate::runtime::Runtime;
use crate::shape::Shape;
use crate::sites::on_hits::HitPolicy;
use crate::tag::{EscapedTo, Tags};

pub use crate::engine::Detach;
pub use crate::key::labels::LabelKind;
pub use crate::key::part::KeyPart;
pub use crate::key::site::Grouping;
pub use crate::policy::Fallback;
pub use crate::tag::Text;
pub use aim::Aim;
pub use ask::Ask;
use ask::UntypedCall;
pub use blocking::in_background;
#[cfg(not(feature = "json"))]
pub use fit::JsonFeature;
pub use fit::{
    AnyFailure, CacheValue, Fallible, KeyArgument, MayBeAbsent, ReadFromBytes, SharedAsBytes,
    WrittenAsBytes, may_be_absent,
};
pub use grouped::{Grouped, ungrouped};
pub use handle::{Handle, handle};
pub use invalidate::Invalidation;
pub use many::{Each, EachKey, EachResult, ElementTags, Feed, KeyedMap, RunsAgain, again};
pub use own::{BackgroundSelf, own_receiver};
pub use probe::{ErrorProbe, ReturnProbe, errors, failures, shapes};
pub use site::{Site, SiteOptions};

/// One call of an annotated function, its key under construction.
#[derive(Debug)]
pub struct Call<'c> {
    site: &'static Site,
    cache: Option<&'c Cache>,
    key: KeyDraft,
    /// Which instance of a generic function names its entry by hand, if one does.
    instance: Option<&'static str>,
    /// Why the call runs without the cache, if it does.
    bypass: Option<Bypass>,
    /// Why the arguments make no key, if they make none.
    fault: Option<Box<str>>,
}

/// Why a call runs without the cache; a byte, since calls are moved on the way of every hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bypass {
    NameTaken,
    KeyTaken,
    Keyless,
    Unwanted,
    Untagged,
}

impl Bypass {
    fn reason(self) -> &'static str {
        match self {
            Self::NameTaken => "another function has taken the name of this one",
            Self::KeyTaken => {
                "another function, or another instance of this one, may give this key to its entries"
            }
            Self::Keyless => "its arguments make no key",
            Self::Unwanted => "the condition of `when` does not hold",
            Self::Untagged => "a tag cannot be displayed",
        }
    }
}

/// What a first look came to.
#[derive(Debug)]
pub enum Look<R, V, E> {
    /// The answer.
    Answer(R),
    /// More is needed.
    Ask(Ask<R, V, E>),
}

impl<'c> Call<'c> {
    /// A call on the cache in scope, or the installed one.
    #[inline]
    pub fn new(site: &'static Site) -> Self {
        let number = site.number();
        let bypass = number.is_none().then_some(Bypass::NameTaken);
        let key = KeyDraft::derived(number.unwrap_or_default(), site.policy.memory_only);
        Self { site, cache: None, key, instance: None, bypass, fault: None }
    }

    /// A call on this cache.
    pub fn on(site: &'static Site, cache: &'c Cache) -> Self {
        Self { cache: Some(cache), ..Self::new(site) }
    }

    /// Adds an argument to the key.
    #[inline]
    pub fn arg<T: KeyArgument + ?Sized>(&mut self, argument: &T) {
        match contained(|| encode::encode(argument, &mut self.key)) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => self.is_keyless(&reason),
            Err(panic) => self.is_keyless(&panic),
        }
    }

    #[cold]
    #[inline(never)]
    fn is_keyless(&mut self, reason: &dyn Display) {
        self.fault = Some(reason.to_string().into());
    }

    /// Adds the type parameters in effect to the key, if there are any.
    ///
    /// `instance` names a closure in the function. Without parameters its name is the function's own.
    #[inline]
    pub fn type_part(&mut self, instance: &'static str) {
        if self.site.is_generic(instance) {
            self.arg(site::without_closures(instance));
        }
    }

    /// Begins a key that is named by a template; `instance` is as for [`type_part`](Self::type_part).
    #[inline]
    pub fn key_of(&mut self, instance: &'static str) {
        self.instance = Some(instance);
        self.key.begin_name();
    }

    /// Adds a literal part of a key that is named by a template.
    #[inline]
    pub fn key_text(&mut self, literal: &str) {
        self.key.put(literal.as_bytes());
    }

    /// Adds an interpolated value to a key that is named by a template.
    pub fn key_hole<T: Display + ?Sized>(&mut self, value: &T) {
        let key = &mut EscapedTo(&mut self.key);
        if !matches!(contained(|| write!(key, "{value}")), Ok(Ok(()))) {
            self.is_keyless(&"a value in `key` cannot be displayed");
        }
    }

    /// Runs the function without the cache unless `condition` holds.
    pub fn when(&mut self, condition: bool) {
        if !condition {
            self.bypass = Some(Bypass::Unwanted);
        }
    }

    /// Looks in memory.
    #[inline]
    pub fn look<R, V, E>(&mut self, shape: Shape<R, V, E>) -> Look<R, V, E>
    where
        V: CacheValue,
        E: 'static,
    {
        if let Some(request) = CallRequest::take() {
            return Look::Ask(Ask::new(shape, self.untyped(Some(request), Manner::Async)));
        }
        self.look_as(Manner::Async, shape)
    }

    /// The same for a function that is not `async`: nothing is wanted of its calls but their value.
    #[inline]
    pub fn look_blocking<R, V, E>(&mut self, shape: Shape<R, V, E>) -> Look<R, V, E>
    where
        V: CacheValue,
        E: 'static,
    {
        self.look_as(Manner::Blocking, shape)
    }

    #[inline]
    fn look_as<R, V, E>(&mut self, manner: Manner, shape: Shape<R, V, E>) -> Look<R, V, E>
    where
        V: CacheValue,
        E: 'static,
    {
        self.key.shorten();
        let hit = match self.cache {
            Some(cache) => self.hit(cache.runtime()),
            None => context::with_current(|runtime| runtime.and_then(|runtime| self.hit(runtime))),
        };
        match hit {
            Some(value) => Look::Answer((shape.found)(value)),
            None => Look::Ask(Ask::new(shape, self.untyped(None, manner))),
        }
    }

    #[inline]
    fn hit<V: Clone + 'static>(&self, runtime: &Runtime) -> Option<V> {
        let is_usable = self.bypass.is_none() && self.fault.is_none() && self.may_name(runtime);
        if !is_usable {
            return None;
        }
        let HitPolicy::Answers(refresh) = self.site.hits_on(runtime) else { return None };
        let memory_only = self.site.policy.memory_only;
        let topic = || runtime.telemetry.topic(&self.key.whole(), self.site.number());
        let key = (self.key.bytes(), self.site.number());
        engine::hit(runtime, key, memory_only, refresh, topic)
    }

    /// Whether the entry is this function's to name, and this instance's.
    #[inline]
    fn may_name(&self, runtime: &Runtime) -> bool {
        self.instance.is_none_or(|instance| self.site.may_name(instance, &runtime.claims))
    }

    /// Why the entry is not this function's, if it is not.
    fn taken(&self, runtime: Option<&Runtime>) -> Option<Bypass> {
        match runtime {
            _ if self.site.number().is_none() => Some(Bypass::NameTaken),
            Some(runtime) if !self.may_name(runtime) => Some(Bypass::KeyTaken),
            _ => None,
        }
    }

    #[cold]
    fn untyped(&mut self, request: Option<Arc<CallRequest>>, manner: Manner) -> UntypedCall {
        let runtime = match self.cache {
            Some(cache) => Some(Arc::clone(cache.runtime())),
            None => context::current(),
        };
        let taken = self.taken(runtime.as_deref());
        let fault = self.fault.as_deref();
        if let Some(reason) = fault.filter(|_| self.bypass.is_none()) {
            self.site.tell_keyless(reason);
        }
        let bypass = self.bypass.or(taken).or(fault.map(|_| Bypass::Keyless));
        let bypass = bypass.map(Bypass::reason);
        let fault =
            taken.map(Bypass::reason).or(fault).map(|reason| Error::key(self.site.name(), reason));
        if let Some(request) = &request {
            let target = match (&runtime, &fault) {
                (_, Some(error)) => Err(error.clone()),
                (None, None) => Err(Error::no_cache()),
                (Some(runtime), None) => {
                    Ok(NamedEntry { runtime: Arc::clone(runtime), key: self.key.whole() })
                }
            };
            request.reply(|reply| reply.target = Some(target));
        }
        let (site, key, tags) = (self.site, self.key.sealed(), Tags::default());
        UntypedCall { site, key, runtime, bypass, request, tags, manner, given: None }
    }
}

impl<R, V, E> fmt::Debug for Ask<R, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").finish_non_exhaustive()
    }
}
