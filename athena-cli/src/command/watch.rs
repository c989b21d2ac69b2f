//! `athena watch`: a line at each interval, and what happens in between.

use std::collections::BTreeMap;
use std::time::Duration;

use athena_cache_core::Fleet;
use athena_cache_core::backend::operate::{Operator, Survey, SurveyedNode};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{Session, operator};
use crate::args::WatchArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::shown::{self, or_unknown};

/// How many lines there are under each head.
const HEADED: u64 = 20;
const SHORTEST: Duration = Duration::from_millis(100);

/// What is seen at one time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    /// In seconds since 1970.
    at: u64,
    nodes: usize,
    connected: usize,
    /// The nodes that serve, each with its past.
    primaries: BTreeMap<String, String>,
    /// Those that do not answer.
    lost: Vec<String>,
    memory: Option<u64>,
    /// In all, of the primaries that tell it.
    evicted: Option<u64>,
    /// The same for each: what one that comes back has evicted was not evicted just now.
    #[serde(skip)]
    evicted_by: BTreeMap<String, u64>,
    /// How many processes say that they use the namespace, and what they say; `None` where none does.
    processes: Option<usize>,
    missing: Vec<String>,
    calls_per_second: Option<f64>,
    hit_share: Option<f64>,
    stale_share: Option<f64>,
    journal: Option<f64>,
    breakers_open: Option<usize>,
    /// What has happened since the sample before.
    events: Vec<String>,
}

pub(super) async fn run(session: &Session<'_>, args: &WatchArgs) -> Result<Exit, Fault> {
    if args.every < SHORTEST {
        return Err(Fault::usage("`--every` is below 100ms, the shortest interval"));
    }
    let redis = session.target.redis()?;
    let operator = operator(&redis)?;
    // Who is not reached yet is watched until it is.
    if session.stop.or(session.target.wait_for(&redis)).await.is_none() {
        return Ok(Exit::Interrupted);
    }
    let (mut before, mut next, mut has_answered) = (None, Instant::now(), false);
    for number in 0.. {
        if args.count.is_some_and(|count| number >= count) {
            break;
        }
        let limit = session.target.timeout.min(args.every.max(Duration::from_millis(500)));
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
    Ok(if has_answered { Exit::Fine } else { Exit::Incomplete })
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

fn of_survey(survey: &Survey) -> Sample {
    let evicted =
        |node: &SurveyedNode| Some((node.endpoint.clone(), node.memory.as_ref()?.evicted?));
    let evicted_by: BTreeMap<_, _> = survey.primaries().filter_map(evicted).collect();
    let lost = survey.nodes.iter().filter(|node| !node.is_connected);
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Sample {
        at: at.unwrap_or_default().as_secs(),
        nodes: survey.total_nodes(),
        connected: survey.connected_nodes(),
        primaries: survey
            .primaries()
            .map(|node| (node.endpoint.clone(), node.history.clone().unwrap_or_default()))
            .collect(),
        lost: lost.map(|node| node.endpoint.clone()).collect(),
        memory: survey.memory_usage(),
        evicted: (!evicted_by.is_empty()).then(|| evicted_by.values().sum()),
        evicted_by,
        ..Sample::default()
    }
}

fn add_fleet(sample: &mut Sample, fleet: &Fleet) {
    let present: Vec<_> = fleet.processes.iter().filter(|process| !process.is_missing).collect();
    let missing = fleet.processes.iter().filter(|process| process.is_missing);
    sample.missing = missing.map(|process| process.id.clone()).collect();
    if fleet.processes.is_empty() {
        return;
    }
    sample.processes = Some(present.len());
    let numbers = |pointer: &str| -> Vec<f64> {
        present.iter().filter_map(|process| process.number(pointer)).collect()
    };
    let sum = |numbers: &[f64]| (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>());
    let calls = numbers("/performance/requestsPerSecond");
    // A process with more calls weighs more.
    let share = |pointer: &str| {
        let weighed = present.iter().filter_map(|process| {
            let calls = process.number("/performance/requestsPerSecond")?;
            Some((calls, calls * process.number(pointer)?))
        });
        let (all, part) =
            weighed.fold((0.0, 0.0), |(all, part), (calls, it)| (all + calls, part + it));
        (all > 0.0).then(|| part / all)
    };
    sample.hit_share = share("/performance/hitRate");
    sample.stale_share = share("/performance/staleRate");
    sample.calls_per_second = sum(&calls);
    sample.journal = sum(&numbers("/journal/depth"));
    let states = present.iter().filter_map(|it| it.text("/failover/circuitBreakerState"));
    sample.breakers_open = Some(states.filter(|state| *state != "Closed").count());
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
