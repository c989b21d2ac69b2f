//! `athena watch`: a line at each interval, and what happens in between.

mod sample;

use std::time::Duration;

use athena_cache_core::backend::operate::Operator;
use tokio::time::{Instant, sleep_until};

use self::sample::{Sample, add_fleet, of_survey};
use super::{Session, operator};
use crate::args::WatchArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::shown::{self, or_unknown};

/// How many lines there are under each head.
const HEADED: u64 = 20;
/// A node has so long to answer, if lines follow each other faster.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) async fn run(session: &Session<'_>, args: &WatchArgs) -> Result<Exit, Fault> {
    let redis = session.target.redis()?;
    let operator = operator(&redis)?;
    let Some(reached) = session.stop.or(session.target.wait_for(&redis)).await else {
        return Ok(Exit::Interrupted);
    };
    if let Err(fault) = &reached {
        // Who is not reached yet is watched until it is.
        session.out.note(format!("not reached yet: {}", fault.causes.join(": ")));
    }
    let (mut before, mut next, mut has_answered) = (None, Instant::now(), false);
    for number in 0.. {
        if args.count.is_some_and(|count| number >= count) {
            break;
        }
        let limit = session.target.timeout.min(args.every.max(PATIENCE));
        let Some(mut sample) = session.stop.or(take(&*operator, &session.prefix(), limit)).await
        else {
            break;
        };
        has_answered |= sample.connected > 0;
        sample.events = before.as_ref().map(|before| events(before, &sample)).unwrap_or_default();
        session.out.json(&sample)?;
        for event in &sample.events {
            session.out.line(format!("-- {event}"))?;
        }
        if number % HEADED == 0 {
            session.out.line(HEAD)?;
        }
        session.out.line(line(&sample))?;
        before = Some(sample);
        next += args.every;
        if session.stop.or(sleep_until(next)).await.is_none() {
            break;
        }
    }
    match reached {
        Err(fault) if !has_answered => Err(fault),
        _ => Ok(if has_answered { Exit::Fine } else { Exit::Incomplete }),
    }
}

async fn take(operator: &dyn Operator, prefix: &str, limit: Duration) -> Sample {
    let survey = operator.survey(limit).await;
    let mut sample = of_survey(&survey);
    // A fleet that cannot be read is not known; that the nodes are away is said above.
    let fleet = tokio::time::timeout(limit, super::fleet(operator, prefix)).await;
    if let Ok(Ok(fleet)) = fleet {
        add_fleet(&mut sample, &fleet);
    }
    sample
}

/// What has happened between two samples.
fn events(before: &Sample, now: &Sample) -> Vec<String> {
    let mut events = Vec::new();
    for (endpoint, history) in &now.primaries {
        match before.primaries.get(endpoint) {
            None => events.push(format!("{endpoint} serves now")),
            Some(former) if former != history => {
                events.push(format!("{endpoint} has another history: what it held may be older"));
            }
            Some(_) => {}
        }
    }
    let gone = before.primaries.keys().filter(|it| !now.primaries.contains_key(*it));
    events.extend(gone.map(|endpoint| format!("{endpoint} serves no more")));
    let lost = now.lost.iter().filter(|it| !before.lost.contains(it));
    events.extend(lost.map(|endpoint| format!("{endpoint} does not answer")));
    let back = before.lost.iter().filter(|it| !now.lost.contains(it));
    events.extend(back.map(|endpoint| format!("{endpoint} answers again, or is known no more")));
    let missing = now.missing.iter().filter(|it| !before.missing.contains(it));
    events.extend(missing.map(|id| format!("process {id} does not come any more")));
    let more = now
        .evicted_by
        .iter()
        .filter_map(|(node, evicted)| evicted.checked_sub(*before.evicted_by.get(node)?));
    let evicted: u64 = more.sum();
    if evicted > 0 {
        events.push(format!("{evicted} entries were evicted"));
    }
    events
}

const HEAD: &str = "  NODES   MEMORY  PROCESSES  CALLS/S   HITS  STALE  BREAKERS  JOURNAL  PRIMARY";

fn line(sample: &Sample) -> String {
    let share = |share: Option<f64>| or_unknown(share, |share| format!("{:.1}%", share * 100.0));
    let number = |number: Option<f64>| or_unknown(number, |number| format!("{number:.0}"));
    let primaries = match sample.primaries.len() {
        0 => "none".to_owned(),
        1..=3 => sample.primaries.keys().cloned().collect::<Vec<_>>().join(" "),
        many => format!("{many} of them"),
    };
    format!(
        "{:>7} {:>8} {:>10} {:>8} {:>6} {:>6} {:>9} {:>8}  {primaries}",
        format!("{}/{}", sample.connected, sample.nodes),
        or_unknown(sample.memory, shown::size).replace(' ', ""),
        or_unknown(sample.processes, |count| count.to_string()),
        number(sample.calls_per_second),
        share(sample.hit_share),
        share(sample.stale_share),
        or_unknown(sample.breakers_open, |open| if open == 0 {
            "closed".to_owned()
        } else {
            format!("{open} open")
        }),
        number(sample.journal),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(primaries: &[(&str, &str)], lost: &[&str]) -> Sample {
        let primaries = primaries.iter().map(|&(at, past)| (at.to_owned(), past.to_owned()));
        let lost = lost.iter().map(|&at| at.to_owned()).collect();
        Sample { primaries: primaries.collect(), lost, ..Sample::default() }
    }

    #[test]
    fn what_has_happened_is_the_difference_of_two_samples() {
        let calm = sample(&[("a:1", "x")], &[]);
        assert_eq!(events(&calm, &calm), Vec::<String>::new());
        let over = sample(&[("b:1", "y")], &["a:1"]);
        let said = events(&calm, &over);
        assert_eq!(said, ["b:1 serves now", "a:1 serves no more", "a:1 does not answer"]);
        assert_eq!(
            events(&over, &sample(&[("b:1", "y")], &[])),
            ["a:1 answers again, or is known no more"]
        );
        let restarted = sample(&[("a:1", "z")], &[]);
        assert_eq!(
            events(&calm, &restarted),
            ["a:1 has another history: what it held may be older"]
        );
        let evicting = |by: &[(&str, u64)]| {
            let evicted_by = by.iter().map(|&(node, evicted)| (node.to_owned(), evicted)).collect();
            Sample { evicted_by, ..Sample::default() }
        };
        let (one, more) = (evicting(&[("a:1", 1)]), evicting(&[("a:1", 4), ("b:1", 7)]));
        assert_eq!(
            events(&one, &more),
            ["3 entries were evicted"],
            "one that came is not compared"
        );
        assert_eq!(events(&evicting(&[]), &more), Vec::<String>::new());
        assert_eq!(events(&more, &one), Vec::<String>::new(), "it was reset");
    }
}
