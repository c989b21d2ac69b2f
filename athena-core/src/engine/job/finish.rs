//! What a load returned, as an answer and as an entry.

use std::sync::Arc;
use std::time::Duration;

use super::fill::Finished;
use super::{Job, Labelling, LeaseState, Purpose};
use crate::clock::Tick;
use crate::coherence::guards::Guard;
use crate::engine::caller::{FoundValue, Loaded};
use crate::engine::{Answer, Ask};
use crate::entry::{Meta, TypedEntry};
use crate::envelope::EntryKind;
use crate::flight::Landing;
use crate::policy::freshness::Life;
use crate::tag::Tags;
use crate::telemetry::Event;
use crate::telemetry::event::NotKept;

impl Job {
    pub(in crate::engine) fn finish(
        self,
        loaded: Loaded,
        leased: LeaseState,
        started: Tick,
    ) -> Finished {
        let took = self.now().since(started);
        match loaded {
            Loaded::Found(found) => {
                self.ask.tell(|key| Event::Loaded { key, took });
                self.found(found, leased)
            }
            Loaded::Absent => {
                self.ask.tell(|key| Event::Loaded { key, took });
                self.absent(leased)
            }
            Loaded::Failed(error) => {
                self.ask.tell(|key| Event::LoadFailed { key });
                self.failed(error, leased)
            }
            Loaded::Untold => {
                self.ask.tell(|key| Event::Loaded { key, took });
                self.unshared()
            }
        }
    }

    /// The caller has the only one there is.
    fn unshared(self) -> Finished {
        self.tell_miss();
        self.lead.land(Landing::Unshared);
        Finished { answer: Answer::own(), fill: None }
    }

    /// A caller whom no entry could answer, and who is not counted elsewhere.
    pub(super) fn tell_miss(&self) {
        if !matches!(self.purpose, Purpose::Background | Purpose::Refresh) {
            self.ask.tell(|key| Event::Miss { key });
        }
    }

    fn found(self, found: FoundValue, leased: LeaseState) -> Finished {
        let FoundValue { value, wanted, ttl } = found;
        let Some(value) = value else {
            self.not_kept(NotKept::Panicked);
            return self.unshared();
        };
        self.tell_miss();
        let ask = &self.ask;
        let mut tags = ask.tags.clone();
        let wanted = wanted.map(|late| late.into_iter().for_each(|tag| tags.add(tag)));
        let life = ask.policy.life(ttl);
        let life = life.jittered(ask.policy.jitter, ask.runtime.random.share());
        let meta = self.meta(EntryKind::Value, life, &tags, leased);
        let fill = self.keep(value.keep(meta), life, tags, wanted, leased);
        Finished { answer: Answer::own(), fill }
    }

    fn absent(self, leased: LeaseState) -> Finished {
        self.tell_miss();
        let policy = &self.ask.policy;
        let life = policy.life_of_absence();
        let life = life.jittered(policy.jitter, self.ask.runtime.random.share());
        let tags = self.ask.tags.clone();
        let meta = self.meta(EntryKind::Absent, life, &tags, leased);
        let fill = self.keep(Arc::new(TypedEntry::new(meta, ())), life, tags, Ok(()), leased);
        Finished { answer: Answer::own(), fill }
    }

    /// What an entry is that was loaded just now, and how far its lease lets it be trusted (coherence 6, 10).
    pub(super) fn meta(
        &self,
        kind: EntryKind,
        life: Life,
        tags: &Tags,
        leased: LeaseState,
    ) -> Meta {
        let Ask { runtime, .. } = &*self.ask;
        let since = self.lead.since();
        let dependencies = match self.ask.remote() {
            None => runtime.own_dependencies(tags, since),
            Some(remote) => remote.dependencies_of_load(self.ask.entry_name(), tags, since),
        };
        let keeping = leased.keeping(self.labelling(tags));
        let trust = keeping.trusted.trust(&self.lead.flight().joinable());
        let meta = Meta::new(&self.ask.key, kind, life, runtime.clock.now(), dependencies, &trust);
        let is_bounded = !runtime.guards.lacks(Guard::Keeping);
        let window = runtime.settings.resilience.trust_window;
        let window = if is_bounded { window } else { Duration::MAX };
        meta.of_load(self.lead.step(), window)
    }

    /// When the tags of a result were known.
    pub(super) fn labelling(&self, tags: &Tags) -> Labelling {
        let is_late = || tags.beyond(&self.ask.tags).next().is_some();
        match tags.check() {
            Err(_) => Labelling::Excessive,
            Ok(()) if is_late() => Labelling::Late,
            Ok(()) => Labelling::BeforeLoad,
        }
    }

    pub(super) fn not_kept(&self, reason: NotKept) {
        self.ask.tell(|key| Event::NotKept { key, reason });
    }
}
