//! What is seen of servers and processes at one time.
//!
//! Invariant: what nobody said is `None`.

use std::collections::BTreeMap;

use athena_cache_core::Fleet;
use athena_cache_core::backend::operate::{Survey, SurveyedNode};
use serde::{Serialize, Serializer};

/// What is seen at one time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sample {
    /// In seconds since 1970.
    pub(super) at: u64,
    pub(super) nodes: usize,
    pub(super) connected: usize,
    /// The nodes that serve, each with its past, by where they are.
    #[serde(serialize_with = "listed")]
    pub(super) primaries: BTreeMap<String, String>,
    /// Those that do not answer.
    pub(super) lost: Vec<String>,
    pub(super) memory: Option<u64>,
    /// In all, of the primaries that tell it.
    pub(super) evicted: Option<u64>,
    /// The same for each: what one that comes back has evicted was not evicted just now.
    #[serde(skip)]
    pub(super) evicted_by: BTreeMap<String, u64>,
    /// How many processes say that they use the namespace, and what they say; `None` where none does.
    pub(super) processes: Option<usize>,
    pub(super) missing: Vec<String>,
    pub(super) calls_per_second: Option<f64>,
    pub(super) hit_share: Option<f64>,
    pub(super) stale_share: Option<f64>,
    pub(super) journal: Option<f64>,
    pub(super) breakers_open: Option<usize>,
    /// What has happened since the sample before.
    pub(super) events: Vec<String>,
}

/// As a list: where a node is may be anything, and names of fields are ours.
fn listed<S: Serializer>(primaries: &BTreeMap<String, String>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(primaries.iter().map(|(endpoint, history)| Primary { endpoint, history }))
}

#[derive(Serialize)]
struct Primary<'a> {
    endpoint: &'a str,
    history: &'a str,
}

pub(super) fn of_survey(survey: &Survey) -> Sample {
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

pub(super) fn add_fleet(sample: &mut Sample, fleet: &Fleet) {
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
