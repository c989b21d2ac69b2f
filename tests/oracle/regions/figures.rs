//! What a play cost its callers.

use std::time::Duration;

use athena_cache::Source;

use super::super::record::{Ending, Flags, History};
use super::super::staleness;
use super::play::NAMES;
use super::switches::Switched;

/// What a play cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// From the beginning of the fault until the secondary answered somebody who prefers the primary, if it did.
    pub(crate) first_answer: Option<Duration>,
    /// How outdated the most outdated answer was that nobody flagged, of users of either region.
    pub(crate) stalest: [Duration; 2],
    pub(crate) longest: Duration,
    pub(crate) reads: usize,
    pub(crate) flagged: usize,
    pub(crate) invalidations: usize,
    pub(crate) pending: usize,
    pub(crate) switches: usize,
}

impl Figures {
    pub(super) fn of(
        history: &History,
        switches: &[Switched],
        broken_at: Duration,
        home: impl Fn(usize) -> bool,
    ) -> Self {
        let stalest = [true, false].map(|is_home| {
            let mut own = history.clone();
            own.reads.retain(|read| home(read.process) == is_home);
            staleness::ages(&own).flat_map(|(_, ages)| ages).max().unwrap_or_default()
        });
        let left = |it: &&Switched| it.to == NAMES[1] && it.at >= broken_at && home(it.process);
        let answered = |switch: &Switched| {
            let own = history.reads.iter().filter(|read| read.process == switch.process);
            let is_answer = |flags| {
                matches!(flags, Flags::Fresh { source: Source::Backend | Source::Load, .. })
            };
            let after = own.filter(|read| read.begun >= switch.at && is_answer(read.flags));
            after.map(|read| read.ended.saturating_sub(broken_at)).min()
        };
        let took = |read: &super::super::record::Read| read.ended.saturating_sub(read.begun);
        Self {
            first_answer: switches.iter().filter(left).filter_map(answered).min(),
            stalest,
            longest: history.reads.iter().map(took).max().unwrap_or_default(),
            reads: history.reads.len(),
            flagged: history.reads.iter().filter(|it| it.flags == Flags::Flagged).count(),
            invalidations: history.invalidations.len(),
            pending: history.invalidations.iter().filter(|it| it.ending == Ending::Pending).count(),
            switches: switches.len(),
        }
    }
}
