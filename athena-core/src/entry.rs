//! An entry in memory: a typed value and everything needed to judge it.
//!
//! Invariant: whoever holds an entry can tell, with a few atomic loads, whether it may be served.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::revision::{Dependencies, Revision, Revisions};
use crate::coherence::trust::{Backing, Trust};
use crate::envelope::EntryKind;
use crate::policy::Percent;
use crate::policy::freshness::{Life, Verdict};
use crate::undisturbed::UserValue;

/// How far the ages of one entry may differ that this process and the backend tell.
const TOLERANCE: Duration = Duration::from_millis(100);

/// What an entry is, apart from its value.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) kind: EntryKind,
    pub(crate) life: Life,
    /// When the value was loaded; entries from elsewhere are as old here as they were there.
    pub(crate) loaded: Tick,
    dependencies: Dependencies,
    backing: Backing,
    /// Trusted no longer than this by the sessions.
    trusted_until: AtomicU64,
    /// When its load began, if that was here.
    began: Option<Tick>,
    /// Trusted until then if the backend has not taken it: its load began less than the window before
    /// (coherence 17 and 18).
    recent_until: Tick,
    /// Invalidated: not to be served by anybody.
    dead: AtomicBool,
    /// Loaded here, and not in the backend as far as is known.
    ours_alone: AtomicBool,
    /// Expired by hand: past its ttl whatever its age.
    expired: AtomicBool,
    /// No load is tried before this.
    retry_at: AtomicU64,
    /// Bytes of the value in the backend; 0 as long as that is not known.
    encoded_len: AtomicU64,
}

impl Meta {
    pub(crate) fn new(
        kind: EntryKind,
        life: Life,
        loaded: Tick,
        dependencies: Dependencies,
        trust: &Trust,
    ) -> Self {
        Self {
            kind,
            life,
            loaded,
            dependencies,
            backing: trust.backing().clone(),
            trusted_until: AtomicU64::new(trust.until.as_millis()),
            began: None,
            recent_until: Tick::default(),
            dead: AtomicBool::new(false),
            ours_alone: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            retry_at: AtomicU64::new(0),
            encoded_len: AtomicU64::new(0),
        }
    }

    /// Of a load here that began at `began`: nothing that was invalidated before is in it, so it counts for
    /// the window even if the backend does not take it (coherence 17).
    pub(crate) fn of_load(self, began: Tick, window: Duration) -> Self {
        Self { began: Some(began), recent_until: began.after(window), ..self }
    }

    /// Whether another entry comes of a load that began later (coherence 2 and 19, T2).
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        let began = |meta: &Self| meta.began.unwrap_or(meta.loaded);
        let (ours, others) = (self.since(), other.since());
        ours < others || ours == others && self.began.is_some_and(|it| it < began(other))
    }

    pub(crate) fn age(&self, now: Tick) -> Duration {
        now.since(self.loaded)
    }

    /// When it can be served no more.
    pub(crate) fn end(&self) -> Tick {
        self.loaded.after(self.life.total())
    }

    /// What the entry's age and the changes since its load decide.
    #[inline]
    pub(crate) fn judge(
        &self,
        now: Tick,
        refresh: Option<Percent>,
        revisions: &Revisions,
    ) -> Verdict {
        self.judge_as(self.life, now, refresh, revisions)
    }

    /// The same while the backend cannot answer: fresh for at most `longest`.
    pub(crate) fn judge_copy(
        &self,
        now: Tick,
        longest: Duration,
        revisions: &Revisions,
    ) -> Verdict {
        let life = Life { ttl: self.life.ttl.min(longest), ..self.life };
        self.judge_as(life, now, None, revisions)
    }

    #[inline]
    fn judge_as(
        &self,
        life: Life,
        now: Tick,
        refresh: Option<Percent>,
        revisions: &Revisions,
    ) -> Verdict {
        if self.dead.load(Ordering::SeqCst) || !revisions.holds(&self.dependencies) {
            return Verdict::Expired;
        }
        let age = self.age(now);
        let age = if self.expired.load(Ordering::SeqCst) { age.max(life.ttl) } else { age };
        life.judge(age, refresh)
    }

    /// Whether the entry is, as far as that can be known, what the backend would answer (coherence 4).
    #[inline]
    pub(crate) fn is_trusted(&self, now: Tick) -> bool {
        now.as_millis() < self.trusted_until.load(Ordering::SeqCst) && self.backing.is_trusted(now)
            || now < self.recent_until && self.ours_alone.load(Ordering::SeqCst)
    }

    /// The backend has taken the entry: every change is announced from now on (coherence 6).
    pub(crate) fn confirm(&self) {
        self.trusted_until.store(Tick::FAR.as_millis(), Ordering::SeqCst);
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.trusted_until.load(Ordering::SeqCst) == Tick::FAR.as_millis()
    }

    /// The backend has not taken the entry, or may not have: changes of it need not be announced
    /// (coherence 6).
    pub(crate) fn doubt(&self) {
        self.trusted_until.store(0, Ordering::SeqCst);
    }

    /// The backend did not take it, or nobody knows.
    pub(crate) fn keep_to_ourselves(&self) {
        self.ours_alone.store(true, Ordering::SeqCst);
    }

    /// Whether it is what somebody else has read who was told that age, as far as ages tell.
    pub(crate) fn is_of_same_load(&self, other: &Self) -> bool {
        let apart = self.loaded.since(other.loaded).max(other.loaded.since(self.loaded));
        self.kind == other.kind && self.life == other.life && apart <= TOLERANCE
    }

    /// Whether it was loaded after what the backend has, which did not take it (coherence 12b, T2).
    pub(crate) fn supersedes(&self, stored: &Self) -> bool {
        self.ours_alone.load(Ordering::SeqCst) && self.loaded.since(stored.loaded) > TOLERANCE
    }

    pub(crate) fn dependencies(&self) -> &Dependencies {
        &self.dependencies
    }

    /// The order of invalidations at the time of the load.
    pub(crate) fn since(&self) -> Revision {
        self.dependencies.since()
    }

    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    pub(crate) fn expire(&self) {
        self.expired.store(true, Ordering::SeqCst);
    }

    pub(crate) fn hold_off(&self, until: Tick) {
        self.retry_at.store(until.as_millis(), Ordering::SeqCst);
    }

    /// Notes how many bytes the value takes in the backend.
    pub(crate) fn note_encoded(&self, len: usize) {
        self.encoded_len.store(len as u64, Ordering::Relaxed);
    }

    pub(crate) fn encoded_len(&self) -> u64 {
        self.encoded_len.load(Ordering::Relaxed)
    }

    /// Takes over the pause of an earlier copy of the same entry.
    pub(crate) fn hold_off_like(&self, other: &Self) {
        self.retry_at.fetch_max(other.retry_at.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// An entry without a value that stands for the pause of this one, where values are not kept.
    pub(crate) fn pause(&self) -> Slot {
        let Self { kind, life, loaded, .. } = *self;
        let meta = Self::new(kind, life, loaded, self.dependencies.clone(), &Trust::none());
        meta.hold_off_like(self);
        Arc::new(TypedEntry::new(meta, Pause))
    }

    pub(crate) fn may_retry(&self, now: Tick) -> bool {
        now.as_millis() >= self.retry_at.load(Ordering::SeqCst)
    }
}

/// An entry of one type, or of any: what judges it stands in it, and is read without a detour.
pub(crate) struct TypedEntry<V: ?Sized> {
    meta: Meta,
    value: V,
}

/// A shared entry of any type.
pub(crate) type Slot = Arc<TypedEntry<dyn AnyValue>>;

impl<T: 'static> TypedEntry<UserValue<T>> {
    pub(crate) fn new(meta: Meta, value: T) -> Self {
        Self { meta, value: UserValue::new(value) }
    }
}

impl<V: ?Sized> TypedEntry<V> {
    #[inline]
    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl TypedEntry<dyn AnyValue> {
    /// The value, with its size where it is.
    pub(crate) fn value(&self) -> (&dyn Any, usize) {
        self.value.held()
    }

    /// Whether its value is of this type.
    pub(crate) fn holds(&self, ty: TypeId) -> bool {
        self.value.held().0.type_id() == ty
    }
}

/// In place of a value that is not kept.
struct Pause;

/// A value of users, of any type.
pub(crate) trait AnyValue: Any + Send + Sync {
    /// The value, with its size where it is.
    fn held(&self) -> (&dyn Any, usize);

    /// An entry of it.
    fn keep(self: Box<Self>, meta: Meta) -> Slot;
}

/// A value that no entry has yet.
pub(crate) type BoxedValue = Box<dyn AnyValue>;

impl<T: Send + Sync + 'static> AnyValue for UserValue<T> {
    fn held(&self) -> (&dyn Any, usize) {
        (self.get().map_or(&() as &dyn Any, |value| value), size_of::<T>())
    }

    fn keep(self: Box<Self>, meta: Meta) -> Slot {
        Arc::new(TypedEntry { meta, value: *self })
    }
}

/// The value, if the entry is of this kind and type.
#[inline]
pub(crate) fn value<T: 'static>(slot: &Slot, kind: EntryKind) -> Option<&T> {
    let value = (&slot.value as &dyn Any).downcast_ref::<UserValue<T>>()?;
    value.get().filter(|_| slot.meta.kind == kind)
}

impl<V: ?Sized> std::fmt::Debug for TypedEntry<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.meta.fmt(f)
    }
}
