//! X6: what users of the primary region notice of what happens elsewhere.

use super::super::check::{self, Rules};
use super::super::play::SLACK;
use super::super::record::{Ending, Flags, History};
use super::play::RegionPlay;

/// What those who are `home` noticed and should not have.
pub(super) fn by_home(
    play: &RegionPlay,
    history: &History,
    rules: &Rules,
    home: impl Fn(usize) -> bool,
) -> Vec<String> {
    if !play.fault.spares_primary() {
        return Vec::new();
    }
    let mut own = history.clone();
    own.reads.retain(|read| home(read.process));
    own.last_reads.clear();
    // What they are served is bounded as with one region.
    let rules = Rules { bound: play.setup.window + SLACK, ..rules.clone() };
    let mut told = Vec::new();
    for outdated in check::check(&own, &rules) {
        told.push(format!("outdated: {outdated:?}"));
    }
    for flagged in own.reads.iter().filter(|read| read.flags == Flags::Flagged) {
        told.push(format!("flagged: {flagged:?}"));
    }
    let invalidations = history.invalidations.iter().filter(|it| home(it.process));
    for pending in invalidations.filter(|it| it.ending == Ending::Pending) {
        told.push(format!("pending: {pending:?}"));
    }
    told
}
