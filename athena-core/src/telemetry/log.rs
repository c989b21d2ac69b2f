//! Events as `tracing` records.
//!
//! What an operator must see once is `warn` or `info`; what happens per call is `debug` or `trace`.

mod functions;
mod regions;
mod values;

use tracing::field::{DisplayValue, display};

pub(crate) use functions::{
    blocking_in_task, function_unknown, instance_taken, key_taken, name_taken, no_key, not_grouped,
    nothing_so_labelled, site_settings, site_unmatched, unasked,
};
pub(crate) use values::{held_off, too_large, undecodable, untraced, unwritable};

use super::event::Event;
use super::observer::Observer;
use super::recurrence::Recurrence;
use super::topic::Topic;
use crate::backend::{Class, Failover};
use crate::clock::Clock;
use crate::policy::Percent;
use crate::recovery::StepResult;
use crate::resilience::breaker::BreakerState;

/// No cache for annotated functions; said once per process.
pub(crate) fn uncached(site: &str) {
    tracing::warn!(
        target: "athena_cache",
        site,
        "no cache is installed or in scope; annotated functions run uncached"
    );
}

/// A look at how the cache fares that panicked; the next one comes all the same.
pub(crate) fn recovery_panicked(cache: &str, panic: &str) {
    tracing::error!(target: "athena_cache", cache, panic, "recovery panicked; it is tried again");
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
            Event::Recovery { step, result, text, details } => {
                let (step, outcome) = (step.name(), result.name());
                if *result == StepResult::Left {
                    tracing::debug!(target: "athena_cache", cache, step, outcome, text, details, "recovery is left to another process");
                } else {
                    tracing::warn!(target: "athena_cache", cache, step, outcome, text, details, "recovery");
                }
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
