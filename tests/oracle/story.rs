//! A violation, and what happened around it, to be read by people.

use std::fmt::Write;
use std::time::Duration;

use super::check::{Surplus, Violation};
use super::record::{Flags, History};
use super::sites;

/// How long before the read the story begins at the latest.
const BEFORE: Duration = Duration::from_millis(400);
/// So many lines at most.
const LINES: usize = 40;

/// The events about an item that was loaded too often, in their order.
pub(crate) fn tell_loads(history: &History, surplus: &Surplus) -> String {
    let loads = &history.loaded[surplus.item];
    let [Some(first), Some(last)] = [loads.first(), loads.last()] else { return String::new() };
    lines(events(history, surplus.item, [first.saturating_sub(BEFORE), *last + BEFORE]))
}

/// The events about the item of a violation, in their order.
pub(crate) fn tell(history: &History, violation: &Violation) -> String {
    let read = &violation.read;
    let mut story = format!(
        "{:?}: process {} read {} as of version {} ({:?}) from {} to {}, expected at least {}\n",
        violation.promise,
        read.process,
        sites::name(read.item),
        read.version,
        read.flags,
        stamp(read.begun),
        stamp(read.ended),
        violation.least,
    );
    if let Some(since) = &violation.since {
        let _ = writeln!(story, "  since {} {:?}", stamp(since.ended), since);
    }
    let from = violation.since.as_ref().map_or(read.begun, |it| it.begun).min(read.begun);
    story += &lines(events(history, read.item, [from.saturating_sub(BEFORE), read.ended]));
    story
}

/// What is told of events, in their order.
fn lines(mut lines: Vec<(Duration, String)>) -> String {
    lines.sort();
    // The beginning and the end tell the most.
    if lines.len() > LINES {
        let left_out = lines.len() - LINES;
        lines.drain(LINES / 2..LINES / 2 + left_out);
        lines.insert(LINES / 2, (Duration::ZERO, format!("  … {left_out} more")));
    }
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

/// What happened to an item between two moments; of the reads those that say something new.
fn events(history: &History, item: usize, [from, to]: [Duration; 2]) -> Vec<(Duration, String)> {
    let is_near = |at: Duration| from <= at && at <= to;
    let mut events = Vec::new();
    for (version, at) in history.written[item].iter().enumerate() {
        if is_near(*at) {
            events.push((*at, format!("  {} source: version {version}", stamp(*at))));
        }
    }
    let loads = history.loaded[item].iter().filter(|at| is_near(**at));
    events.extend(loads.map(|at| (*at, format!("  {} source: a load begins", stamp(*at)))));
    for it in history.invalidations.iter().filter(|it| is_near(it.begun) || is_near(it.ended)) {
        if let Some(version) = it.version_of(item) {
            let (process, what, ending) = (it.process, it.what, it.ending);
            let begin =
                format!("  {} p{process}: invalidates {what:?} of {version}", stamp(it.begun));
            events.push((it.begun, begin));
            let end =
                format!("  {} p{process}: {what:?} of {version}: {ending:?}", stamp(it.ended));
            events.push((it.ended, end));
        }
    }
    for phase in history.phases.iter().filter(|phase| is_near(phase.from)) {
        events.push((phase.from, format!("  {} == {}", stamp(phase.from), phase.name)));
    }
    let mut last = std::collections::HashMap::new();
    let mut reads: Vec<_> =
        history.reads.iter().filter(|it| it.item == item && is_near(it.begun)).collect();
    reads.sort_by_key(|read| read.begun);
    for read in reads {
        let said = (read.version, read.flags);
        if last.insert(read.process, said) != Some(said) {
            let how = match read.flags {
                Flags::Fresh { source, joined: true } => format!("{source:?}, joined"),
                Flags::Fresh { source, joined: false } => format!("{source:?}"),
                other => format!("{other:?}"),
            };
            let line = format!(
                "  {} p{}: reads {} ({how}) until {}",
                stamp(read.begun),
                read.process,
                read.version,
                stamp(read.ended)
            );
            events.push((read.begun, line));
        }
    }
    events
}

fn stamp(at: Duration) -> String {
    format!("{:9.3} ms", at.as_secs_f64() * 1e3)
}
