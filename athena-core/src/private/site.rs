//! Annotated functions.

use std::sync::{Once, OnceLock};
use std::time::Duration;

use crate::key::claims::{Claim, Claims, Ruling, Taken};
use crate::key::group::Group;
use crate::key::labels::{self, Labels, Template};
use crate::key::part::KeyPart;
use crate::key::site::{self, Grouping};
use crate::policy::{Fallback, Nature, Percent, Policy, SitePolicy};
use crate::runtime::Runtime;
use crate::sites::Called;
use crate::sites::on_hits::{HitPolicy, OnHits};
use crate::telemetry::log;

/// One annotated function.
#[derive(Debug)]
pub struct Site {
    here: fn() -> &'static str,
    given: Option<&'static str>,
    pub(super) policy: SitePolicy,
    key: &'static [KeyPart],
    shared: bool,
    tags: &'static [Template],
    path: OnceLock<&'static str>,
    /// The name of an instance that is the function itself, without type parameters.
    own: OnceLock<&'static str>,
    number: OnceLock<Option<u32>>,
    /// What its entries have in common, if it is `grouped`.
    group: OnceLock<Group>,
    grouping: Grouping,
    on_hits: OnHits,
    /// The first claims that were granted, for calls that do not wait for a lock.
    granted: [OnceLock<Granted>; 4],
    keyless: Once,
    in_task: Once,
    unasked: Once,
}

/// The number of a cache, and the instance that names its entries by hand.
type Granted = (u64, &'static str);

/// The options of one annotated function; what is `None` comes from the cache's settings.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the options of the attribute, documented there")]
pub struct SiteOptions {
    pub name: Option<&'static str>,
    /// What the text of `key` looks like; empty without.
    pub key: &'static [KeyPart],
    pub shared: bool,
    pub version: u32,
    pub ttl: Option<Duration>,
    pub grace: Option<Duration>,
    pub negative_ttl: Option<Duration>,
    pub soft_timeout: Option<Duration>,
    pub hard_timeout: Option<Duration>,
    pub jitter: Option<u8>,
    pub refresh: Option<u8>,
    pub memory_only: bool,
    pub fallback: Option<Fallback>,
    pub remember_errors: bool,
    pub grouping: Grouping,
    /// What the texts of `tags` look like.
    pub tags: &'static [Template],
}

impl SiteOptions {
    /// No option given.
    pub const NEW: Self = Self {
        name: None,
        key: &[],
        shared: false,
        version: 0,
        ttl: None,
        grace: None,
        negative_ttl: None,
        soft_timeout: None,
        hard_timeout: None,
        jitter: None,
        refresh: None,
        memory_only: false,
        fallback: None,
        remember_errors: false,
        grouping: Grouping::Single,
        tags: &[],
    };
}

impl Site {
    /// A function; `here` names an item inside it.
    pub const fn new(here: fn() -> &'static str, options: SiteOptions) -> Self {
        let policy = SitePolicy {
            ttl: options.ttl,
            grace: options.grace,
            jitter: share(options.jitter),
            refresh: share(options.refresh),
            soft_timeout: options.soft_timeout,
            hard_timeout: options.hard_timeout,
            negative_ttl: options.negative_ttl,
            fallback: options.fallback,
            memory_only: options.memory_only,
            version: options.version,
        };
        Self {
            here,
            given: options.name,
            policy,
            key: options.key,
            shared: options.shared,
            tags: options.tags,
            path: OnceLock::new(),
            own: OnceLock::new(),
            number: OnceLock::new(),
            group: OnceLock::new(),
            grouping: options.grouping,
            on_hits: OnHits::new(),
            granted: [const { OnceLock::new() }; 4],
            keyless: Once::new(),
            in_task: Once::new(),
            unasked: Once::new(),
        }
    }

    /// The name: as given, else the path of the function.
    pub(super) fn name(&self) -> &'static str {
        self.given.unwrap_or_else(|| self.path())
    }

    /// The path of the function.
    #[inline]
    pub(super) fn path(&self) -> &'static str {
        self.path.get_or_init(|| {
            let here = (self.here)();
            without_closures(here.rsplit_once("::").map_or(here, |(function, _)| function))
        })
    }

    /// Whether an instance has type parameters, by the name of a closure in it: without, that is the function's own.
    #[inline]
    pub(super) fn is_generic(&self, instance: &'static str) -> bool {
        self.own.get().is_none_or(|own| !std::ptr::eq(*own, instance)) && self.compare(instance)
    }

    #[cold]
    #[inline(never)]
    fn compare(&self, instance: &'static str) -> bool {
        let rest = instance.strip_prefix(self.path());
        if !rest.is_some_and(|rest| rest.starts_with("::{{closure}}")) {
            return true;
        }
        self.own.get_or_init(|| instance);
        false
    }

    #[inline]
    pub(super) fn number(&'static self) -> Option<u32> {
        *self.number.get_or_init(|| {
            let number = site::number(self.name(), std::ptr::from_ref(self).addr(), self.grouping);
            let (function, key, tags) = (self.name(), self.key, self.tags);
            match number {
                Some(_) => labels::register(Labels { function, key, tags }),
                None => log::name_taken(function),
            }
            number
        })
    }

    /// What its entries have in common, if it is `grouped`.
    pub(super) fn group(&self) -> Option<&Group> {
        let is_grouped = self.grouping == Grouping::Grouped;
        is_grouped.then(|| self.group.get_or_init(|| Group::of(self.name())))
    }

    /// What holds for a call that memory has not answered; `None` if settings switch the function off.
    pub(super) fn policy_on(&self, runtime: &Runtime, nature: Nature) -> Option<Policy> {
        let Runtime { sites, defaults, clock, .. } = runtime;
        sites.policy(self.called(nature), defaults, || clock.now())
    }

    /// How hits are judged on a cache.
    #[inline]
    pub(super) fn hits_on(&self, runtime: &Runtime) -> HitPolicy {
        if runtime.sites.edition() == 0 {
            return HitPolicy::Answers(self.policy.refresh);
        }
        let called = self.called(Nature::default());
        self.on_hits.policy(&runtime.sites, called, &runtime.defaults)
    }

    fn called(&self, nature: Nature) -> Called<'_> {
        Called { name: self.name(), written: &self.policy, nature }
    }

    /// Whether this instance of the function may name entries of a cache by its key.
    ///
    /// Not inlined: functions without `key`, which never get here, would pay for its size.
    #[inline(never)]
    pub(super) fn may_name(&'static self, instance: &'static str, claims: &Claims) -> bool {
        let instance = if self.shared { "" } else { instance };
        let mut granted = self.granted.iter().map_while(OnceLock::get);
        granted.any(|(cache, other)| *cache == claims.cache && is_same(other, instance))
            || self.claim(instance, claims)
    }

    #[cold]
    #[inline(never)]
    fn claim(&'static self, instance: &'static str, claims: &Claims) -> bool {
        let function = std::ptr::from_ref(self).addr();
        let (name, key, shared) = (self.name(), self.key, self.shared);
        match claims.decide(&Claim { function, name, key, shared, instance }) {
            Ruling::Granted => {
                let granted = (claims.cache, instance);
                let kept = |place: &&OnceLock<_>| *place.get_or_init(|| granted) == granted;
                let _ = self.granted.iter().find(kept);
                return true;
            }
            Ruling::RefusedNow(Taken::ByFunction(other)) => log::key_taken(name, other),
            Ruling::RefusedNow(Taken::ByInstance(other)) => {
                log::instance_taken(name, without_closures(instance), without_closures(other));
            }
            Ruling::Refused => {}
        }
        false
    }

    /// Says once that the arguments of a call make no key.
    pub(super) fn tell_keyless(&self, reason: &str) {
        self.keyless.call_once(|| log::no_key(self.name(), reason));
    }

    /// Says once that a function that is not `async` was called in a task.
    pub(super) fn tell_in_task(&self) {
        self.in_task.call_once(|| log::blocking_in_task(self.name()));
    }

    /// Says once that a load of many has returned what it was not asked for.
    pub(super) fn tell_unasked(&self) {
        self.unasked.call_once(|| log::unasked(self.name()));
    }
}

/// Whether two texts are equal, which those in one place are.
#[inline]
fn is_same(one: &'static str, other: &'static str) -> bool {
    std::ptr::eq(one, other) || one == other
}

/// The function that a closure or an async body belongs to.
pub(super) fn without_closures(mut path: &'static str) -> &'static str {
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    path
}

const fn share(percent: Option<u8>) -> Option<Percent> {
    match percent {
        Some(percent) => Some(Percent::new(percent)),
        None => None,
    }
}
