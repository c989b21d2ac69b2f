//! Settings of one function, by its name: they take the place of what its attribute says.
//!
//! Invariant: what would contradict itself is refused; what the function has no way to do is left out, and told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::{Defaults, Fallback, Nature, Percent, SitePolicy};

/// What is set for one annotated function; what is `None` stays as its attribute says.
///
/// ```toml
/// [sites."shop::products"]
/// ttl = "10m"
/// grace = "1h"
/// refresh = "80%"
///
/// [sites."shop::Catalog::books"]
/// enabled = false
/// ```
///
/// A function goes by its `name`, else by its path: `shop::products`, for a method `shop::Catalog::books`, for one of a
/// trait `<shop::Catalog as shop::Books>::books`. Records of the log and names in Redis show it.
///
/// It holds for values that are stored from then on: what is kept has the life that it was stored with.
/// [`Cache::invalidate_function`](crate::Cache::invalidate_function) begins anew. What decides the names of entries,
/// where they are kept and how they are written (`key`, `skip`, `tags`, `tier`, `codec`, `version`) is part of the
/// program: processes that disagree on it would not hear of each other's invalidations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SiteSettings {
    /// Whether its calls use the cache. Default yes.
    ///
    /// Off, each call runs the function, with the outcome `BYPASS`. Invalidations go on, so that it can be switched on
    /// again at any time.
    pub enabled: bool,
    /// How long a value is fresh; zero keeps nothing.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
    /// How long past the ttl it may answer when the load fails or is slow.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub grace: Option<Duration>,
    /// The share by which a ttl is randomly shortened at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Percent>,
    /// How long it is remembered that there is no value, and, with `negative = err` in the attribute, an error.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub negative_ttl: Option<Duration>,
    /// Which share of the ttl passes before a load in the background, from 1 %; 100 % is never.
    ///
    /// Only for functions whose attribute has `refresh` or `soft_timeout`: others have no load that could go on
    /// without its caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Percent>,
    /// How long a call waits for the load where a stale value exists, from 1 ms.
    ///
    /// Only for functions whose attribute has `refresh` or `soft_timeout`.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub soft_timeout: Option<Duration>,
    /// How long a call waits for the function, from 1 ms.
    ///
    /// Only for functions whose attribute has `hard_timeout` or `fallback = FailFast`: others have no error to end in.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub hard_timeout: Option<Duration>,
    /// What answers while the backend cannot; `FailFast` as for `hard_timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            ttl: None,
            grace: None,
            jitter: None,
            negative_ttl: None,
            refresh: None,
            soft_timeout: None,
            hard_timeout: None,
            fallback: None,
        }
    }
}

/// Shortest that anything is waited for.
pub(super) const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A share that is reached when the ttl is over.
const NEVER: Percent = Percent::new(100);

impl SiteSettings {
    /// Adds what cannot be used, whatever the attribute of the function says.
    pub(crate) fn check(&self, site: &str, faults: &mut Vec<String>) {
        let mut fault = |text: String| faults.push(format!("`sites.\"{site}\"`: {text}"));
        not_whole([("ttl", self.ttl), ("grace", self.grace), ("negative_ttl", self.negative_ttl)])
            .for_each(&mut fault);
        if site.trim().is_empty() {
            fault("it names no function, expected a name such as `shop::products`".to_owned());
        }
        for (option, value) in
            [("soft_timeout", self.soft_timeout), ("hard_timeout", self.hard_timeout)]
        {
            if let Some(value) = value.filter(|value| *value < SHORTEST_WAIT) {
                fault(format!("`{option}` is {value:?}, expected at least {SHORTEST_WAIT:?}"));
            }
        }
        if self.refresh.is_some_and(|share| share.get() == 0) {
            fault("`refresh` is 0%, expected 1% to 99%, or 100% for never".to_owned());
        }
        let (soft, hard) = (self.soft_timeout, self.hard_timeout);
        let (soft, hard) = (soft.filter(is_limit), hard.filter(is_limit));
        contradictions(self.refresh_share(), self.ttl, soft, hard).for_each(fault);
    }

    /// This over what the attribute says, and what of it has no effect.
    pub(crate) fn over(
        &self,
        written: &SitePolicy,
        nature: Nature,
        defaults: &Defaults,
    ) -> (SitePolicy, Vec<String>) {
        let mut faults = Vec::new();
        let able = self.by_nature(written, nature, &mut faults).within(written, &mut faults);
        let policy = SitePolicy {
            ttl: able.ttl.or(written.ttl),
            grace: able.grace.or(written.grace),
            jitter: able.jitter.or(written.jitter),
            negative_ttl: able.negative_ttl.or(written.negative_ttl),
            refresh: able.refresh.map_or(written.refresh, |_| able.refresh_share()),
            soft_timeout: able.soft_timeout.or(written.soft_timeout).filter(is_limit),
            hard_timeout: able.hard_timeout.or(written.hard_timeout).filter(is_limit),
            fallback: able.fallback.or(written.fallback),
            ..*written
        };
        let ttl = Some(policy.ttl.unwrap_or(defaults.ttl)).filter(|_| !nature.has_own_ttl);
        let (soft, hard) = (policy.soft_timeout, policy.hard_timeout);
        faults.extend(contradictions(policy.refresh, ttl, soft, hard));
        (policy, faults)
    }

    /// These without what the function itself leaves no room for, which is added to the faults.
    fn by_nature(&self, written: &SitePolicy, nature: Nature, faults: &mut Vec<String>) -> Self {
        let mut able = self.clone();
        let mut fault = |text: &str| faults.push(text.to_owned());
        // Without a time of its own, that there is no value is remembered for as long as a value is.
        let needs_ttl =
            nature.may_be_negative && self.negative_ttl.or(written.negative_ttl).is_none();
        if nature.has_own_ttl && !needs_ttl && able.ttl.take().is_some() {
            fault(
                "`ttl` has no say where each value has its own by `ttl_from`: leave it out, or remove `ttl_from` from \
                 the attribute",
            );
        }
        if !nature.may_be_negative && able.negative_ttl.take().is_some() {
            fault(
                "`negative_ttl` is for what is not there, and this function always returns a value: have it return an \
                 `Option`, add `negative = err` to its attribute to remember errors, or leave it out",
            );
        }
        if nature.is_blocking && able.hard_timeout.take().is_some() {
            fault(
                "`hard_timeout` gives up a load that takes too long, and a function that is not `async` cannot be given \
                 up: make it `async`, or leave it out",
            );
        }
        able
    }

    /// These without what the attribute leaves no way for, which is added to the faults.
    fn within(&self, written: &SitePolicy, faults: &mut Vec<String>) -> Self {
        let mut able = self.clone();
        if !written.detaches() {
            let refresh = able.refresh.take().map(|_| "refresh");
            let soft_timeout = able.soft_timeout.take().map(|_| "soft_timeout");
            faults.extend(refresh.into_iter().chain(soft_timeout).map(|option| {
                format!(
                    "`{option}` needs a load that goes on without its caller, which the attribute makes if it has \
                     `refresh` or `soft_timeout`: add one of them there"
                )
            }));
        }
        if !written.carries_errors() {
            let hard_timeout = able.hard_timeout.take().map(|_| "hard_timeout");
            let fails = |fallback: &mut Fallback| *fallback == Fallback::FailFast;
            let fallback = able.fallback.take_if(fails).map(|_| "fallback");
            faults.extend(hard_timeout.into_iter().chain(fallback).map(|option| {
                format!(
                    "`{option}` may end in an error of the cache, which the function returns if its attribute has \
                     `hard_timeout` or `fallback = FailFast`: add one of them there"
                )
            }));
        }
        if written.memory_only && able.fallback.take_if(|it| *it != Fallback::FailFast).is_some() {
            let fault = "`fallback` is what answers while the backend cannot, and with `tier = memory` in the attribute \
                         no backend is asked: leave it out";
            faults.push(fault.to_owned());
        }
        able
    }

    /// Whether calls that memory can answer have to look at this.
    pub(crate) fn bears_on_hits(&self) -> bool {
        !self.enabled || self.refresh.is_some()
    }

    /// The share at which a load begins; `None` is never.
    fn refresh_share(&self) -> Option<Percent> {
        self.refresh.filter(|share| *share != NEVER)
    }
}

/// Whether it limits anything.
fn is_limit(limit: &Duration) -> bool {
    *limit != Duration::MAX
}

/// Lives of entries that are no whole milliseconds, which are what backends count.
pub(super) fn not_whole<const N: usize>(
    times: [(&'static str, Option<Duration>); N],
) -> impl Iterator<Item = String> {
    let fraction =
        |time: &Duration| is_limit(time) && !time.subsec_nanos().is_multiple_of(1_000_000);
    times.into_iter().filter_map(move |(option, time)| {
        let time = time.filter(fraction)?;
        Some(format!("`{option}` is {time:?}, expected whole milliseconds"))
    })
}

fn contradictions(
    refresh: Option<Percent>,
    ttl: Option<Duration>,
    soft: Option<Duration>,
    hard: Option<Duration>,
) -> impl Iterator<Item = String> {
    let nothing_to_refresh = refresh.filter(|_| ttl == Some(Duration::ZERO)).map(|share| {
        format!(
            "`refresh` is {share} of a `ttl` of 0s, which keeps nothing to refresh: give `ttl` a length, or have \
             `refresh` be 100% for never"
        )
    });
    let too_late = soft.zip(hard).filter(|(soft, hard)| soft >= hard).map(|(soft, hard)| {
        format!(
            "`soft_timeout` is {soft:?} and `hard_timeout` {hard:?}: it never acts unless it is shorter"
        )
    });
    nothing_to_refresh.into_iter().chain(too_late)
}
