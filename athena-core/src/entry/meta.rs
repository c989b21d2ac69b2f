//! Everything by which an entry is judged, and what it is found and counted by.
//!
//! There may be millions: what only some entries need is in [`Ties`], and times are [`Span`]s.
//!
//! Invariant: what judges an entry is read with a few atomic loads.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use super::ties::Ties;
use crate::clock::Tick;
use crate::coherence::cell::Leases;
use crate::coherence::revision::{Dependencies, Revision, Revisions};
use crate::coherence::trust::Trust;
use crate::envelope::EntryKind;
use crate::key::Key;
use crate::key::compact::CompactKey;
use crate::policy::Percent;
use crate::policy::freshness::{CompactLife, Life, Verdict};
use crate::policy::span::Span;

/// How far the ages of one entry may differ that this process and the backend tell.
const TOLERANCE: Duration = Duration::from_millis(100);

/// What an entry is, apart from its value; there may be millions of them.
#[derive(Debug)]
pub(crate) struct Meta {
    key: CompactKey,
    /// When the value was loaded; entries from elsewhere are as old here as they were there.
    loaded: Tick,
    /// The order of invalidations at the time of the load.
    since: Revision,
    ties: Option<Box<Ties>>,
    life: CompactLife,
    /// How long its load took; endless if that was not here.
    took: Span,
    /// How long after `loaded` no load is tried; a [`Span`].
    pause: AtomicU32,
    /// What it takes, as memory counts it.
    units: AtomicU32,
    pub(crate) kind: EntryKind,
    leases: Leases,
    /// Those below.
    state: AtomicU8,
}

/// Invalidated: not to be served by anybody.
const DEAD: u8 = 1;
/// Expired by hand: past its ttl whatever its age.
const EXPIRED: u8 = 2;
/// Loaded here, and not in the backend as far as is known.
const OURS_ALONE: u8 = 4;
/// The backend has it, or there is none: every change is heard of.
const CONFIRMED: u8 = 8;
/// The backend has not taken it, or may not have.
const DOUBTED: u8 = 16;

impl Meta {
    pub(crate) fn new(
        key: &Key,
        kind: EntryKind,
        life: Life,
        loaded: Tick,
        dependencies: Dependencies,
        trust: &Trust,
    ) -> Self {
        let Dependencies { since, cells, leases } = dependencies;
        let state = if trust.until == Tick::FAR { CONFIRMED } else { 0 };
        Self {
            key: CompactKey::of(key),
            loaded,
            since,
            ties: Ties::of(cells, trust),
            life: life.into(),
            took: Span::ENDLESS,
            pause: AtomicU32::new(0),
            units: AtomicU32::new(0),
            kind,
            leases,
            state: AtomicU8::new(state),
        }
    }

    /// Of a load here that began at `began`: nothing that was invalidated before is in it, so it counts for
    /// the window even if the backend does not take it (coherence 17).
    pub(crate) fn of_load(mut self, began: Tick, window: Duration) -> Self {
        if let Some(ties) = &mut self.ties {
            ties.set_window(window);
        }
        Self { took: Span::at_least(self.loaded.millis_since(began)), ..self }
    }

    /// When its load began, if that was here.
    fn began(&self) -> Option<Tick> {
        (self.took != Span::ENDLESS).then(|| self.loaded.before(self.took.into()))
    }

    /// Whether another entry comes of a load that began later (coherence 2 and 19, T2).
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        let began = |meta: &Self| meta.began().unwrap_or(meta.loaded);
        let (ours, others) = (self.since, other.since);
        ours < others || ours == others && self.began().is_some_and(|it| it < began(other))
    }

    pub(crate) fn life(&self) -> Life {
        self.life.whole()
    }

    pub(crate) fn age(&self, now: Tick) -> Duration {
        now.since(self.loaded)
    }

    /// When it can be served no more.
    pub(crate) fn end(&self) -> Tick {
        self.loaded.after(self.life().total())
    }

    /// What the entry's age and the changes since its load decide.
    #[inline]
    pub(crate) fn judge(
        &self,
        now: Tick,
        refresh: Option<Percent>,
        revisions: &Revisions,
    ) -> Verdict {
        let is_fresh = self.life.is_fresh_at(now.millis_since(self.loaded));
        // What most hits are.
        if is_fresh && refresh.is_none() && !self.is(DEAD | EXPIRED) && self.holds(revisions) {
            return Verdict::Fresh;
        }
        self.judge_as(self.life(), now, refresh, revisions)
    }

    /// The same while the backend cannot answer: fresh for at most `longest`.
    pub(crate) fn judge_copy(
        &self,
        now: Tick,
        longest: Duration,
        revisions: &Revisions,
    ) -> Verdict {
        let life = self.life();
        let life = Life { ttl: life.ttl.min(longest), ..life };
        self.judge_as(life, now, None, revisions)
    }

    fn judge_as(
        &self,
        life: Life,
        now: Tick,
        refresh: Option<Percent>,
        revisions: &Revisions,
    ) -> Verdict {
        if self.is(DEAD) || !self.holds(revisions) {
            return Verdict::Expired;
        }
        let age = self.age(now);
        let age = if self.is(EXPIRED) { age.max(life.ttl) } else { age };
        life.judge(age, refresh)
    }

    /// Whether nothing that it depends on has changed since its load.
    #[inline]
    pub(crate) fn holds(&self, revisions: &Revisions) -> bool {
        let cells = self.ties.as_ref().map(|ties| &ties.cells);
        revisions.hold(cells, self.leases, self.since)
    }

    /// Whether the entry is, as far as that can be known, what the backend would answer (coherence 4).
    #[inline]
    pub(crate) fn is_trusted(&self, now: Tick) -> bool {
        let state = self.state.load(Ordering::SeqCst);
        let is_confirmed = state & CONFIRMED != 0;
        let Some(ties) = &self.ties else { return is_confirmed };
        let is_lasting = is_confirmed || state & DOUBTED == 0 && ties.lasts(now);
        is_lasting && ties.is_announced(now)
            || state & OURS_ALONE != 0
                && self.began().is_some_and(|began| ties.is_recent(began, now))
    }

    /// The backend has taken the entry: every change is announced from now on (coherence 6).
    pub(crate) fn confirm(&self) {
        self.set(CONFIRMED);
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.is(CONFIRMED)
    }

    /// The backend has not taken the entry, or may not have: changes of it need not be announced
    /// (coherence 6).
    pub(crate) fn doubt(&self) {
        let doubted = |state| Some(state & !CONFIRMED | DOUBTED);
        // It is never refused.
        let _ = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, doubted);
    }

    /// The backend did not take it, or nobody knows.
    pub(crate) fn keep_to_ourselves(&self) {
        self.set(OURS_ALONE);
    }

    /// Whether it is what somebody else has read who was told that age, as far as ages tell.
    pub(crate) fn is_of_same_load(&self, other: &Self) -> bool {
        let apart = self.loaded.since(other.loaded).max(other.loaded.since(self.loaded));
        self.kind == other.kind && self.life == other.life && apart <= TOLERANCE
    }

    /// Whether it was loaded after what the backend has, which did not take it (coherence 12b, T2).
    pub(crate) fn supersedes(&self, stored: &Self) -> bool {
        self.is(OURS_ALONE) && self.loaded.since(stored.loaded) > TOLERANCE
    }

    pub(crate) fn kill(&self) {
        self.set(DEAD);
    }

    pub(crate) fn expire(&self) {
        self.set(EXPIRED);
    }

    /// Notes that no load is tried before that.
    pub(crate) fn hold_off(&self, until: Tick) {
        let pause = Span::at_least(until.millis_since(self.loaded));
        self.pause.store(pause.number(), Ordering::SeqCst);
    }

    /// Takes over the pause of an earlier copy of the same entry.
    pub(crate) fn hold_off_like(&self, other: &Self) {
        let pause = Span::at_least(other.retry_at().millis_since(self.loaded));
        self.pause.fetch_max(pause.number(), Ordering::SeqCst);
    }

    pub(crate) fn may_retry(&self, now: Tick) -> bool {
        now >= self.retry_at()
    }

    fn retry_at(&self) -> Tick {
        self.loaded.after(Span::from_number(self.pause.load(Ordering::SeqCst)).into())
    }

    /// Notes how many bytes the value takes in the backend.
    pub(crate) fn note_encoded(&self, len: usize) {
        if let Some(ties) = &self.ties {
            ties.note_encoded(len);
        }
    }

    pub(crate) fn encoded_len(&self) -> u64 {
        self.ties.as_ref().map_or(0, |ties| ties.encoded_len())
    }

    pub(crate) fn key(&self) -> &CompactKey {
        &self.key
    }

    /// How many names it depends on; `None` if it is tied to nothing.
    pub(crate) fn ties(&self) -> Option<usize> {
        self.ties.as_ref().map(|ties| ties.cells.len())
    }

    /// What it takes, as it was counted last.
    pub(crate) fn units(&self) -> u32 {
        self.units.load(Ordering::Relaxed)
    }

    pub(crate) fn set_units(&self, units: u32) {
        self.units.store(units, Ordering::Relaxed);
    }

    /// Of an entry that stands for the pause of this one.
    pub(super) fn of_pause(&self) -> Self {
        let cells = self.ties.as_ref().map(|ties| ties.cells.clone()).unwrap_or_default();
        Self {
            key: self.key.clone(),
            ties: Ties::of(cells, &Trust::none()),
            took: Span::ENDLESS,
            pause: AtomicU32::new(self.pause.load(Ordering::SeqCst)),
            units: AtomicU32::new(0),
            state: AtomicU8::new(0),
            ..*self
        }
    }

    fn is(&self, any: u8) -> bool {
        self.state.load(Ordering::SeqCst) & any != 0
    }

    fn set(&self, state: u8) {
        self.state.fetch_or(state, Ordering::SeqCst);
    }
}
