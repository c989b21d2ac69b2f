//! What a load returned, as an answer and as an entry.

use std::sync::Arc;
use std::time::Duration;

use super::fill::Finished;
use super::{Job, Labelling, LeaseState, Purpose};
use crate::clock::Tick;
use crate::coherence::guards::Guard;
use crate::contained::contained;
use crate::engine::{Answer, Ask};
use crate::entry::{Meta, TypedEntry};
use crate::envelope::EntryKind;
use crate::flight::Landing;
use crate::policy::freshness::Life;
use crate::shape::Loaded;
use crate::tag::Tags;
use crate::telemetry::event::NotKept;
use crate::telemetry::{Event, Outcome, Source};

impl<R, V, E> Job<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(in crate::engine) fn finish(
        self,
        returned: R,
        leased: LeaseState,
        started: Tick,
    ) -> Finished<R, V, E> {
        let took = self.ask.runtime.clock.now().since(started);
        match (self.ask.shape.split)(returned) {
            Loaded::Found(value) => {
                self.ask.tell(|key| Event::Loaded { key, took });
                self.found(value, leased)
            }
            Loaded::Absent(value) => {
                self.ask.tell(|key| Event::Loaded { key, took });
                self.absent(value, leased)
            }
            Loaded::Failed(error) => {
                self.ask.tell(|key| Event::LoadFailed { key });
                self.failed(error, leased)
            }
        }
    }

    /// A caller whom no entry could answer, and who is not counted elsewhere.
    pub(super) fn tell_miss(&self) {
        if !matches!(self.purpose, Purpose::Background | Purpose::Refresh) {
            self.ask.tell(|key| Event::Miss { key });
        }
    }

    fn found(self, value: V, leased: LeaseState) -> Finished<R, V, E> {
        self.tell_miss();
        let ask = &self.ask;
        let (wanted, tags) = self.judge(&value);
        let life = Life { ttl: ask.policy.ttl, grace: ask.policy.grace };
        let life = life.jittered(ask.policy.jitter, ask.runtime.random.share());
        let Ok(copy) = contained(|| value.clone()) else {
            self.not_kept(NotKept::Panicked);
            let answer = Answer::new((self.ask.shape.found)(value), Outcome::new(Source::Load));
            self.lead.land(Landing::Unshared);
            return Finished { answer, fill: None };
        };
        let answer = (ask.shape.found)(copy);
        let meta = self.meta(EntryKind::Value, life, &tags, leased);
        let fill = self.keep(Arc::new(TypedEntry::new(meta, value)), life, tags, wanted, leased);
        Finished { answer: Answer::new(answer, Outcome::new(Source::Load)), fill }
    }

    /// What the function's own options say of a value: whether it is kept, and with which tags.
    fn judge(&self, value: &V) -> (Result<(), NotKept>, Tags) {
        let ask = &self.ask;
        let mut tags = ask.tags.clone();
        let judged = contained(|| {
            let is_wanted = !ask.unless.as_ref().is_some_and(|unless| unless(value));
            let late = ask.tags_from.as_ref().map(|tags_from| tags_from(value));
            (is_wanted, late.unwrap_or_default())
        });
        let Ok((is_wanted, late)) = judged else {
            return (Err(NotKept::Panicked), tags);
        };
        for tag in late {
            tags.add(tag);
        }
        (if is_wanted { Ok(()) } else { Err(NotKept::Unwanted) }, tags)
    }

    fn absent(self, value: R, leased: LeaseState) -> Finished<R, V, E> {
        self.tell_miss();
        let policy = &self.ask.policy;
        // A value like others, unless it has a ttl of its own.
        let life = match policy.negative_ttl {
            Some(ttl) => Life { ttl, grace: Duration::ZERO },
            None => Life { ttl: policy.ttl, grace: policy.grace },
        };
        let life = life.jittered(policy.jitter, self.ask.runtime.random.share());
        let tags = self.ask.tags.clone();
        let meta = self.meta(EntryKind::Absent, life, &tags, leased);
        let fill = self.keep(Arc::new(TypedEntry::new(meta, ())), life, tags, Ok(()), leased);
        Finished { answer: Answer::new(value, Outcome::new(Source::Load)), fill }
    }

    /// What an entry is that was loaded just now, and how far its lease lets it be trusted (coherence 6, 10).
    pub(super) fn meta(
        &self,
        kind: EntryKind,
        life: Life,
        tags: &Tags,
        leased: LeaseState,
    ) -> Meta {
        let Ask { runtime, .. } = &self.ask;
        let since = self.lead.since();
        let dependencies = match self.ask.remote() {
            None => runtime.own_dependencies(tags, since),
            Some(remote) => remote.dependencies_of_load(self.ask.entry_name(), tags, since),
        };
        let keeping = leased.keeping(self.labelling(tags));
        let trust = keeping.trusted.trust(&self.lead.flight().joinable());
        let meta = Meta::new(kind, life, runtime.clock.now(), dependencies, &trust);
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
