//! What the callers of a play do, and how often.

use std::time::Duration;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    /// Every process, which reads as well.
    All,
    /// The first process alone, which reads nothing: what it remembered would put right what it does wrong.
    First,
    /// The last process alone, all items at once; it reads little, so that the others do the loads.
    Last,
}

/// What one process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    ReadAndWrite,
    Read,
    Write,
    WriteAll,
}

impl Writers {
    /// What a process does among so many.
    pub(crate) fn part(self, process: usize, processes: usize) -> Part {
        match self {
            Self::All => Part::ReadAndWrite,
            Self::First if process == 0 => Part::Write,
            Self::Last if process + 1 == processes => Part::WriteAll,
            Self::First | Self::Last => Part::Read,
        }
    }
}

/// How the functions of a play are annotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Options {
    /// Each with what its site is about.
    Few,
    /// All with every option beside that; half of what is written is refreshed, not invalidated.
    Every,
}

/// What the callers of each process do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) writers: Writers,
    pub(crate) readers: usize,
    /// Between two reads of one reader.
    pub(crate) read_pause: [Duration; 2],
    /// Between two writes of the one writer.
    pub(crate) write_pause: [Duration; 2],
    pub(crate) load_time: [Duration; 2],
    /// The longest that decoding a value takes.
    pub(crate) decoding: Duration,
    /// When a reader gives up and drops the call.
    pub(crate) patience: Duration,
    /// How often a write of items is repeated, each time after as long as two loads take.
    pub(crate) echoes: usize,
    /// In a hundred invalidations so many are of a group, and so many of everything.
    pub(crate) of_groups: usize,
    pub(crate) of_everything: usize,
    pub(crate) options: Options,
}

const fn millis(least: u64, most: u64) -> [Duration; 2] {
    [Duration::from_millis(least), Duration::from_millis(most)]
}

/// Much is invalidated, in every way.
pub(crate) const BUSY: Workload = Workload {
    writers: Writers::All,
    readers: 6,
    read_pause: millis(1, 9),
    write_pause: millis(10, 90),
    load_time: millis(0, 80),
    decoding: Duration::from_millis(2),
    patience: Duration::from_secs(15),
    echoes: 0,
    of_groups: 25,
    of_everything: 2,
    options: Options::Few,
};

/// Little is invalidated, so that what goes wrong is not soon put right.
pub(crate) const QUIET: Workload =
    Workload { write_pause: millis(300, 1_100), load_time: millis(0, 40), ..BUSY };

/// Loads take long, and are overtaken by invalidations of their items, which then stay as they are.
pub(crate) const SLOW: Workload = Workload {
    readers: 8,
    write_pause: millis(600, 1_200),
    load_time: millis(80, 300),
    echoes: 2,
    of_groups: 10,
    of_everything: 0,
    ..BUSY
};

/// Loads take from less than the window of a play to three of them.
pub(crate) const SLUGGISH: Workload = Workload {
    write_pause: millis(150, 900),
    load_time: millis(200, 1_500),
    of_everything: 0,
    ..SLOW
};

/// Values take long to be decoded, and groups alone are invalidated.
pub(crate) const LENGTHY: Workload = Workload {
    readers: 8,
    write_pause: millis(20, 160),
    load_time: millis(0, 5),
    decoding: Duration::from_millis(40),
    of_groups: 100,
    of_everything: 0,
    ..BUSY
};

/// Values live shortly, are renewed before they end, and stand in for loads that take long.
pub(crate) const FURNISHED: Workload =
    Workload { write_pause: millis(40, 400), options: Options::Every, ..BUSY };
