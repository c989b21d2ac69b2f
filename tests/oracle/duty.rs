//! P6: where nothing is broken, or any more, the cache does its work.
//!
//! Memory answers, what Redis holds answers, invalidations are `Done`, and calls wait for no more than loads.
//! A cache that answers nothing is never stale; so staleness alone would not tell that it has given up.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use athena_cache::Source;

use super::record::{Ending, Flags, History, Invalidation, Read};
use super::sites::{self, Site};

/// What has to work in a stretch of a play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Duty {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) works: Vec<Work>,
    /// How long a call may take.
    pub(crate) patience: Duration,
}

/// A part of the cache that does its work, in each process that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Memory answers.
    Memory,
    /// It keeps what nobody has changed.
    Keeping,
    /// Nothing is flagged without a reason.
    Word,
    /// Redis answers somebody.
    Redis,
    /// Invalidations are `Done`.
    Invalidations,
}

/// Something that does not work, from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lapse {
    pub(crate) from: Duration,
    pub(crate) what: Idle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// None of so many calls of a process was answered fresh by its memory.
    Memory { process: usize, calls: usize },
    /// A process read what it had before so often from Redis.
    Keeping { process: usize, reads: usize, allowed: usize },
    /// So many calls of a process were answered as degraded, or stale, without a reason.
    Flagged { process: usize, calls: usize, of: usize },
    /// None of so many calls was answered fresh by Redis.
    Redis { calls: usize },
    /// None of so many invalidations of a process was done.
    Invalidations { process: usize, asked: usize },
    /// So many calls took longer than they may.
    Slow { calls: usize, of: usize, limit: Duration },
}

/// With fewer calls, or invalidations, in a stretch nothing is said.
const ENOUGH: usize = 50;
const ENOUGH_ASKED: usize = 3;
/// So often each item may be read for no reason: it was not there yet, or trust ended.
const SPARE_READS: usize = 2;
/// One in so many calls may be slow: a machine with much to do stops between two lines.
const SLOW: usize = 50;
/// One in so many may be flagged: those who confirm a node are late, too.
const DOUBTED: usize = 25;

/// What did not work where it has to, by the processes that lived to the end.
pub(crate) fn lapses(history: &History, duties: &[Duty], alive: &[usize]) -> Vec<Lapse> {
    let each = duties.iter().flat_map(|duty| {
        idle(history, duty, alive).into_iter().map(|what| Lapse { from: duty.from, what })
    });
    each.collect()
}

fn idle(history: &History, duty: &Duty, alive: &[usize]) -> Vec<Idle> {
    let works = |work| duty.works.contains(&work);
    let within = |at: Duration| duty.from <= at && at < duty.until;
    let told = |read: &&Read| within(read.begun) && read.flags != Flags::Unsaid;
    let reads: Vec<_> = history.reads.iter().filter(told).collect();
    let asked = |it: &&Invalidation| within(it.begun) && it.ending != Ending::Unsaid;
    let asked: Vec<_> = history.invalidations.iter().filter(asked).collect();
    let is_from =
        |read: &Read, tier| matches!(read.flags, Flags::Fresh { source, .. } if source == tier);
    let mut found = Vec::new();
    for &process in alive {
        let ours: Vec<_> = reads.iter().filter(|read| read.process == process).collect();
        let answers = ours.iter().any(|read| is_from(read, Source::Memory));
        if works(Work::Memory) && !answers && ours.len() >= ENOUGH {
            found.push(Idle::Memory { process, calls: ours.len() });
        }
        if works(Work::Keeping) {
            let reads = ours.iter().filter(|read| is_read_again(read)).count();
            let allowed = changes(history, duty) * 2 + history.written.len() * SPARE_READS;
            if reads > allowed {
                found.push(Idle::Keeping { process, reads, allowed });
            }
        }
        if works(Work::Word) {
            let calls = ours.iter().filter(|read| is_doubted(history, read)).count();
            if calls > ours.len() / DOUBTED {
                found.push(Idle::Flagged { process, calls, of: ours.len() });
            }
        }
        let asked: Vec<_> = asked.iter().filter(|it| it.process == process).collect();
        let is_done = asked.iter().any(|it| it.ending == Ending::Done);
        if works(Work::Invalidations) && !is_done && asked.len() >= ENOUGH_ASKED {
            found.push(Idle::Invalidations { process, asked: asked.len() });
        }
    }
    let (calls, limit) = (reads.len(), duty.patience);
    if works(Work::Redis) && calls >= ENOUGH && !reads.iter().any(|it| is_from(it, Source::Backend))
    {
        found.push(Idle::Redis { calls });
    }
    let slow = reads.iter().filter(|read| read.ended > read.begun + limit).count();
    if slow > calls / SLOW {
        found.push(Idle::Slow { calls: slow, of: calls, limit });
    }
    found
}

/// Whether it is told that Redis answered, and nobody else's question.
fn is_read_again(read: &Read) -> bool {
    let by_redis = Flags::Fresh { source: Source::Backend, joined: false };
    // What is renewed while it is fresh changes by itself.
    read.flags == by_redis && sites::site(read.item) != Site::Renewed
}

/// Whether a read of an item without tags was flagged although its process has told everybody what it knows of it.
fn is_doubted(history: &History, read: &Read) -> bool {
    let untold = |it: &&Invalidation| {
        it.process == read.process && it.begun < read.ended && it.ending != Ending::Done
    };
    let mut untold = history.invalidations.iter().filter(untold);
    read.flags == Flags::Flagged
        && sites::site(read.item) == Site::Plain
        && !untold.any(|it| it.version_of(read.item).is_some())
}

/// How many changes of items were asked for.
fn changes(history: &History, duty: &Duty) -> usize {
    let near = duty.from.saturating_sub(duty.patience)..duty.until;
    let asked = history.invalidations.iter().filter(|it| near.contains(&it.begun));
    // The tags of some items are not known before they are loaded: every change of a tag is one of theirs.
    asked.map(|it| if it.covers.len() > 1 { history.written.len() } else { 1 }).sum()
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P6: from {:.1} s on ", self.from.as_secs_f64())?;
        match self.what {
            Idle::Memory { process, calls } => {
                write!(f, "memory answered none of {calls} calls of process {process}")
            }
            Idle::Keeping { process, reads, allowed } => {
                write!(f, "process {process} read from Redis {reads} times, allowed are {allowed}")
            }
            Idle::Flagged { process, calls, of } => {
                write!(f, "{calls} of {of} calls of process {process} were flagged for no reason")
            }
            Idle::Redis { calls } => write!(f, "Redis answered none of {calls} calls"),
            Idle::Invalidations { process, asked } => {
                write!(f, "none of {asked} invalidations of process {process} was done")
            }
            Idle::Slow { calls, of, limit } => {
                write!(f, "{calls} of {of} calls took longer than {limit:?}")
            }
        }
    }
}
