//! Events as `tracing` records.
//!
//! What an operator must see once is `warn` or `info`; what happens per call is `debug` or `trace`.

mod regions;

use tracing::field::{DisplayValue, display};

use super::event::{Event, Observer};
use super::recurrence::Recurrence;
use super::topic::Topic;
use crate::backend::{Class, Failover};
use crate::clock::Clock;
use crate::excerpt::Excerpt;
use crate::policy::Percent;
use crate::resilience::breaker::BreakerState;

/// No cache for annotated functions; said once per process.
pub(crate) fn uncached(site: &str) {
    tracing::warn!(
        target: "athena_cache",
        site,
        "no cache is installed or in scope; annotated functions run uncached"
    );
}

/// A call that nothing can be done for in the background; said once per cache.
pub(crate) fn outside_runtime(cache: &str) {
    tracing::warn!(
        target: "athena_cache",
        cache,
        "called outside of a tokio runtime, where no task can be started: what is loaded stays in this \
         process, and nothing is refreshed in the background; make such calls inside of a tokio runtime"
    );
}

/// Tasks that a closed cache leaves behind.
pub(crate) fn closed_late(cache: &str) {
    tracing::warn!(
        target: "athena_cache",
        cache,
        "closed, but the tokio runtime that its tasks or connections were started on stands still, and so \
         they have not ended; drive that runtime, or drop it"
    );
}

/// A share of the ttl at which there is nothing to refresh; said once per process.
pub(crate) fn refresh_left_out(share: Percent) {
    tracing::warn!(
        target: "athena_cache",
        %share,
        "`refresh` is left out, expected 1% to 99%: at 0% each hit would begin a load, and at 100% none would"
    );
}

/// Two functions of one name; said once per function.
pub(crate) fn name_taken(site: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        "two annotated functions have this name; the second runs uncached, give it a `name` of its own"
    );
}

/// Two functions whose keys may be one; said once per function and cache.
pub(crate) fn key_taken(site: &str, other: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        other,
        "two annotated functions may give one `key` to entries of one cache; this one runs uncached: \
         begin its `key` with another word, or write `shared` at both if they mean the same entries"
    );
}

/// Two instances of a generic function of one key; said once per instance and cache.
pub(crate) fn instance_taken(site: &str, instance: &str, other: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        instance,
        other,
        "two instances of a generic function give one `key` to entries of one cache; this one runs \
         uncached: remove `key`, since entries without it are told apart by type, or write `shared` if \
         they mean the same ones"
    );
}

/// A call whose arguments make no key; said once per function.
pub(crate) fn no_key(site: &str, reason: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        reason,
        "a call runs uncached, because its arguments make no key; this function is not told of again"
    );
}

/// A function that is not `async` was called where it must not wait; said once per function.
pub(crate) fn blocking_in_task(site: &str) {
    tracing::warn!(
        target: "athena_cache",
        site,
        "a call runs uncached: this function is not async and was called in a task, whose thread must not wait for \
         the cache; call it in tokio::task::spawn_blocking or block_in_place, or make it async; this function is \
         not told of again"
    );
}

/// A function with `each` returned more than it was asked for; said once per function.
pub(crate) fn unasked(site: &str) {
    tracing::warn!(
        target: "athena_cache",
        site,
        "a function with `each` returned values of elements that it was not given, which are left out of the result: it \
         is called with those that are not cached, under the name of its list, and returns values of these; this \
         function is not told of again"
    );
}

/// Settings of a function that have no effect; said once for each function and change of settings.
pub(crate) fn site_settings(cache: &str, site: &str, reason: &str) {
    tracing::warn!(
        target: "athena_cache",
        cache, site, reason,
        "not all of what is set for this function has an effect"
    );
}

/// Settings whose name no function has; said once for each name and change of settings.
pub(crate) fn site_unmatched(cache: &str, site: &str, nearest: Option<&str>) {
    let site = display(Excerpt::of(site));
    tracing::warn!(
        target: "athena_cache",
        cache, %site, nearest,
        "there are settings for a function that has not been called so far: write `[sites.\"…\"]` with its `name`, or \
         its path as in `shop::products`; `nearest` is a function of this process that may be meant"
    );
}

/// Entries of a function that were to be invalidated together, and cannot be; said once per function and cache.
pub(crate) fn not_grouped(cache: &str, site: &str) {
    tracing::error!(
        target: "athena_cache",
        cache, site,
        "`functions` names a function that lacks `grouped`, so its entries are not invalidated: add `grouped` to its \
         `#[athena_cache]`"
    );
}

/// A function whose entries are invalidated, and that nobody has called here; said once per name and cache.
pub(crate) fn function_unknown(cache: &str, site: &str, nearest: Option<&str>) {
    let Some(nearest) = nearest else {
        // What is no path may be anything, a key as well.
        let is_part =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        let is_path = site.contains("::") && site.split("::").all(is_part);
        let site = is_path.then(|| display(Excerpt::of(site)));
        tracing::info!(
            target: "athena_cache",
            cache, site,
            "all entries of a function are invalidated that was not called in this process: nobody here can say whether \
             there is one of that name"
        );
        return;
    };
    let site = display(Excerpt::of(site));
    tracing::warn!(
        target: "athena_cache",
        cache, %site, nearest,
        "all entries of a function are invalidated that was not called in this process; `nearest` is one that was, and \
         may be meant"
    );
}

/// Keys or tags that are invalidated, and that nothing has; said once per template of `#[athena_invalidate]`.
pub(crate) fn nothing_so_labelled(site: &str, template: &str, nearest: &str, label: &str) {
    tracing::warn!(
        target: "athena_cache",
        site, template, nearest, label,
        "keys or tags are invalidated that no function makes which was called in this process; `nearest` makes `label`, \
         which may be meant: an entry is found by exactly the text that it was given. If other processes make them, or \
         `cache.entry(…)` does, all is well"
    );
}

/// An observer that panics; said once per cache.
pub(crate) fn observer_panicked(panic: &str) {
    tracing::error!(target: "athena_cache", panic, "an observer panicked; it goes on to hear events");
}

/// A backend that panics; said once per cache.
pub(crate) fn backend_panicked(endpoint: &str, panic: &str) {
    tracing::error!(
        target: "athena_cache",
        endpoint,
        panic,
        "the backend panicked, which counts as a failure of its node; if it misses timers or sockets, build \
         the tokio runtime with `enable_all`"
    );
}

/// A type whose changes go unseen; said once per type.
pub(crate) fn untraced(name: &str) {
    tracing::info!(
        target: "athena_cache",
        r#type = name,
        "the fields of this type cannot all be seen; when it changes, change `version`"
    );
}

/// A value that is not written; said once per function and type.
pub(crate) fn unwritable(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::error!(
        target: "athena_cache",
        cache, function, entry, reason,
        "values of this function do not reach other processes; the next ones are only counted"
    );
}

/// A value that is too large to be sent; said once per function and type.
pub(crate) fn too_large(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::warn!(
        target: "athena_cache",
        cache, function, entry, reason,
        "a value is not sent to the backend, and each process loads it for itself; make it smaller, raise the \
         limit, or keep it in memory with `tier = memory`; the next ones are only counted"
    );
}

/// A value that does not get through in time; said once per function and type.
pub(crate) fn held_off(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::warn!(
        target: "athena_cache",
        cache, function, entry, reason,
        "a value does not get through to or from the backend in time: it is tried less and less often, and each \
         process loads it for itself meanwhile; make it smaller, keep it in memory with `tier = memory`, or \
         raise `attempt_timeout`; the next ones are only counted"
    );
}

/// Bytes that are no value; said once per function and type.
pub(crate) fn undecodable(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::warn!(
        target: "athena_cache",
        cache, function, entry, reason,
        "cannot read entry, loading it anew; the next ones are only counted"
    );
}

impl Topic {
    /// The fields of a record about it: the function, and the entry unless that shows as nothing else.
    fn fields(&self) -> (Option<&'static str>, Option<DisplayValue<&Self>>) {
        (self.function(), self.tells_more().then(|| display(self)))
    }
}

/// What can be done about a node that answers, and does not do its work.
fn advice(class: Class) -> &'static str {
    match class {
        Class::WriteRefused => {
            "the backend takes no writes: what is loaded stays in this process until it does; give it room, or mend \
             what it says"
        }
        Class::Moved => {
            "the backend says that another node serves, and none was found: check the address, which may be that of \
             a replica or of one node of a cluster"
        }
        Class::Unready => {
            "the backend does not serve at present; it is asked again from time to time"
        }
        _ => "the backend does not let us do what we ask of it: check the rights of its user",
    }
}

/// Writes events of one cache to the current `tracing` subscriber.
#[derive(Debug)]
pub(crate) struct Log {
    namespace: String,
    /// Entries that could not be read, by function: whoever can write into the backend could fill the log, and
    /// so does another build of the program that shares it.
    unreadable: Recurrence<Option<&'static str>>,
    /// Leases that nobody can hold, likewise.
    ousted: Recurrence<Option<&'static str>>,
}

impl Log {
    pub(crate) fn new(namespace: &str, clock: &Clock) -> Self {
        let [unreadable, ousted] = [Recurrence::new(clock), Recurrence::new(clock)];
        Self { namespace: namespace.to_owned(), unreadable, ousted }
    }

    fn unreadable(&self, key: &Topic, reason: &str) {
        let (cache, (function, entry)) = (self.namespace.as_str(), key.fields());
        if let Some(count) = self.unreadable.note(key.function()) {
            tracing::info!(
                target: "athena_cache",
                cache, function, entry, reason, count,
                "cannot read entry, loading it anew; `count` is how many of this function there were since the \
                 last such record, and the next one comes after a minute at the earliest"
            );
        } else {
            tracing::debug!(
                target: "athena_cache",
                cache, function, entry, reason,
                "cannot read entry, loading it anew"
            );
        }
    }
}

impl Log {
    fn ousted(&self, key: &Topic) {
        let (cache, (function, entry)) = (self.namespace.as_str(), key.fields());
        if let Some(count) = self.ousted.note(key.function()) {
            tracing::warn!(
                target: "athena_cache",
                cache, function, entry, count,
                "removed a lease that nobody can hold, and that every load of its entry would have waited for: who else \
                 writes under the names of this cache? `count` is how many of this function there were since the last such \
                 record, and the next one comes after a minute at the earliest"
            );
        }
    }
}

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let cache = self.namespace.as_str();
        match event {
            Event::Breaker { endpoint, traffic, from, to } => {
                let (of, from, to_name) = (traffic.name(), from.name(), to.name());
                if matches!(to, BreakerState::Open | BreakerState::Isolated) {
                    tracing::warn!(target: "athena_cache", cache, endpoint, of, from, to = to_name, "breaker changed");
                } else {
                    tracing::info!(target: "athena_cache", cache, endpoint, of, from, to = to_name, "breaker changed");
                }
            }
            Event::Refused { endpoint, traffic, failure } => {
                let (of, class) = (traffic.name(), failure.class());
                let advice = advice(class);
                tracing::warn!(target: "athena_cache", cache, endpoint, of, class = class.name(), %failure, "{advice}");
            }
            Event::Relented { endpoint } => {
                tracing::info!(target: "athena_cache", cache, endpoint, "the backend does its work again");
            }
            Event::Failover { failover } => {
                let Failover { from, to, cause, took } = failover;
                let cause = cause.name();
                tracing::warn!(target: "athena_cache", cache, from, to, cause, ?took, "failover");
            }
            Event::Reconnected { endpoint } => {
                tracing::info!(target: "athena_cache", cache, endpoint, "replaced a connection");
            }
            Event::Trust { endpoint, trusted: true } => {
                tracing::info!(target: "athena_cache", cache, endpoint, "memory answers for entries of this node again");
            }
            Event::Trust { endpoint, trusted: false } => {
                tracing::info!(
                    target: "athena_cache",
                    cache, endpoint,
                    "memory no longer answers for entries of this node, since not all changes of them are heard of"
                );
            }
            Event::Acted { what, actor } => {
                tracing::info!(target: "athena_cache", cache, what, actor, "done by hand");
            }
            Event::Retrying { endpoint, operation, attempt, class } => {
                let class = class.name();
                tracing::debug!(target: "athena_cache", cache, endpoint, operation, attempt, class, "trying again");
            }
            Event::BackendFailed { endpoint, operation, failure } => {
                let class = failure.class().name();
                tracing::debug!(target: "athena_cache", cache, endpoint, operation, class, %failure, "backend failed");
            }
            Event::RegionSwitched { .. }
            | Event::RegionHeard { .. }
            | Event::Resynced { .. }
            | Event::Parked { .. }
            | Event::NotFollowed { .. }
            | Event::RegionsAlike { .. }
            | Event::Maintenance { .. } => regions::write(cache, event),
            Event::Unreadable { key, reason } => self.unreadable(key, reason),
            Event::LeaseOusted { key } => self.ousted(key),
            Event::Unwritable { key, reason } => {
                tracing::debug!(target: "athena_cache", cache, entry = %key, reason, "cannot write entry, it stays in this process");
            }
            Event::HeldOff { key, reason } => {
                tracing::debug!(target: "athena_cache", cache, entry = %key, reason, "not asked for");
            }
            Event::Undecodable { key, reason } => {
                tracing::debug!(target: "athena_cache", cache, entry = %key, reason, "cannot read entry, loading it anew");
            }
            Event::Journaled { what } => {
                tracing::debug!(target: "athena_cache", cache, %what, "invalidation waits for the backend");
            }
            Event::Replayed { count, .. } => {
                tracing::info!(target: "athena_cache", cache, count, "waiting invalidations reached the backend");
            }
            Event::LoadTimedOut { key, limit } => {
                tracing::debug!(target: "athena_cache", cache, entry = %key, ?limit, "load took too long");
            }
            Event::NotKept { key, reason } => {
                tracing::debug!(target: "athena_cache", cache, entry = %key, reason = reason.name(), "value not kept");
            }
            event => tracing::trace!(target: "athena_cache", cache, ?event, "cache event"),
        }
    }

    fn wants_hits(&self) -> bool {
        tracing::enabled!(tracing::Level::TRACE)
    }

    fn wants_calls(&self) -> bool {
        self.wants_hits()
    }
}
