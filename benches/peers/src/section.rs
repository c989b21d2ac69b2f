//! The tables.

pub(crate) mod build;
pub(crate) mod entry;
pub(crate) mod hello;
pub(crate) mod memory;
pub(crate) mod miss;
pub(crate) mod redis;

use std::sync::Arc;

use crate::names::Names;
use crate::peer::{Subject, loads};
use crate::stage::{Counts, Meter, runtime_of_thread};

type Subjects = Vec<Arc<dyn Subject>>;

fn labels(subjects: &Subjects) -> Vec<&'static str> {
    subjects.iter().map(|subject| subject.label()).collect()
}

/// What each subject allocates for a call, and how many bytes.
///
/// All of it, whether the caller or something behind it: one thread does everything.
fn counts(
    meter: Meter,
    times: usize,
    subjects: impl AsyncFnOnce() -> Subjects,
    names: impl Fn() -> Names,
) -> Counts {
    let runtime = runtime_of_thread();
    let mut counts = vec![Vec::new(), Vec::new()];
    for subject in runtime.block_on(subjects()) {
        let names = names();
        runtime.block_on(Arc::clone(&subject).walk(names.clone(), 0, times));
        runtime.block_on(Arc::clone(&subject).settled());
        let calls = |times| {
            let (subject, names) = (&subject, &names);
            meter(&mut || {
                runtime.block_on(Arc::clone(subject).walk(names.clone(), times, times));
                runtime.block_on(Arc::clone(subject).settled());
            })
        };
        let (none, all) = (calls(0), calls(times));
        let each = |none: u64, all: u64| (all - none) as f64 / times as f64;
        counts[0].push(each(none.allocations, all.allocations));
        counts[1].push(each(none.bytes, all.bytes));
    }
    counts
}

/// Does what must not run a function, and panics if it does.
fn all_hits<T>(who: &str, work: impl FnOnce() -> T) -> T {
    let before = loads();
    let done = work();
    assert_eq!(loads() - before, 0, "calls of {who} were no hits");
    done
}
