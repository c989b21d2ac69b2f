//! Failovers of Redis, seen by the callers of a cached function.
//!
//! Fifty tasks call annotated functions while a real Redis, alone, behind Sentinel or as a Cluster, is
//! broken and repaired, and while another process changes what some of them return. Nobody gets an error
//! or a wrong value; the tables say what it cost, against what an independent prober saw of the nodes,
//! and how outdated the answers were.
//!
//! `cargo run --release --example failover_drill -- [topology [fault]] [--runs N]
//! [--memory tier|fallback]`; it starts servers of its own and ends them. Without a fault it plays all of
//! them, without a topology short. `-- regions` is about two of them: see `regions.rs`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

mod figures;
mod ledger;
mod regions;
mod report;
mod scenario;
mod script;
mod stage;
mod traffic;
mod watch;

#[path = "../../tests/oracle/mod.rs"]
mod oracle;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use athena_cache::{BreakerState, Cache, Redis};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use figures::Figures;
use ledger::Ledger;
use scenario::{Pace, Plan, Scenario};
use script::Script;
use stage::Stage;
use traffic::Traffic;
use watch::{Timeline, Watchers};

/// How often it says how things are.
const PROGRESS: Duration = Duration::from_millis(500);
/// How much longer it may go on when a breaker has not closed at the end.
const OVERTIME: Duration = Duration::from_secs(8);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let of_regions = arguments.next_if(|word| word == "regions").is_some();
    let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    if let Err(error) = version {
        return Err(format!("this needs redis-server on the PATH: {error}").into());
    }
    if of_regions {
        return regions::play(arguments);
    }
    let plan = Plan::parse(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut harmless = true;
    for scenario in &plan.scenarios {
        let mut runs = Vec::new();
        for run in 1..=plan.runs {
            println!("\n== {scenario}, run {run} of {}: {}", plan.runs, scenario.story());
            runs.push(play(&runtime, *scenario, &plan)?);
        }
        harmless &= runs.iter().all(Figures::are_harmless);
        if runs.len() > 1 {
            println!("\n== {scenario}, medians of {} runs", runs.len());
            report::print(&Figures::medians(&runs));
        }
    }
    if harmless { Ok(()) } else { Err("callers noticed".into()) }
}

/// Plays one scenario once and prints what came of it.
fn play(runtime: &Runtime, scenario: Scenario, plan: &Plan) -> Result<Figures, Box<dyn Error>> {
    let stage = Stage::start(scenario);
    println!("  {}", stage.cast());
    let timeline = Timeline::default();
    let figures = runtime.block_on(run(stage, scenario, plan, &timeline))?;
    report::print(&figures);
    Ok(figures)
}

async fn run(
    stage: Stage,
    scenario: Scenario,
    plan: &Plan,
    timeline: &Timeline,
) -> Result<Figures, Box<dyn Error>> {
    let pace = plan.pace;
    let process = async || {
        let redis = Redis::from_url(stage.url())?;
        redis.connect().await?;
        let builder = Cache::builder("drill").memory(plan.memory.clone());
        Ok::<_, Box<dyn Error>>(builder.backend(redis))
    };
    let cache = process().await?.observer(timeline.clone()).build()?;
    let other = process().await?.build()?;
    let (shards, names) = (stage.shards(), stage.names());
    let ledger = Ledger::new();
    traffic::warm_up(&cache, &ledger).await?;
    let watchers = Watchers::start(&stage);
    let bound = cache.resilience().trust_window + scenario.notice();
    let traffic =
        Traffic::start(cache.clone(), other.clone(), shards.clone(), ledger.clone(), bound);
    let script = Script { scenario, pace, begun: traffic.started(), timeline: timeline.clone() };
    // The harness waits by sleeping, so it gets a thread of its own.
    let script = std::thread::spawn(move || script.play(stage));
    let end = watch_until(&traffic, &cache, timeline, pace, || script.is_finished()).await;
    let (stage, marks) = script.join().map_err(|_| "the script of the drill panicked")?;
    let records = traffic.stop().await;
    let findings = watchers.findings(scenario, &marks, &timeline.fills(&shards), end);
    report::print_timeline(timeline, &watchers, &names, &findings, records.started());
    let figures = Figures::of(scenario, &records, timeline, &findings, &cache.stats(), &ledger);
    cache.close().await;
    other.close().await;
    drop(stage);
    Ok(figures)
}

/// Says twice a second how things are; returns when the time is over, the script, and the trouble.
async fn watch_until(
    traffic: &Traffic,
    cache: &Cache,
    timeline: &Timeline,
    pace: Pace,
    is_finished: impl Fn() -> bool,
) -> Instant {
    let begun = traffic.started();
    let mut earliest_end = begun + pace.whole;
    let mut calls = traffic.calls();
    loop {
        let step = Instant::now();
        sleep(PROGRESS).await;
        let now = Instant::now();
        let (before, after) = (calls, traffic.calls());
        calls = after;
        let rate = u128::from(after - before) * 1_000 / (now - step).as_millis().max(1);
        let breaker = cache.breaker().unwrap_or(BreakerState::Disabled);
        println!(
            "  {:5.1} s  {rate:>6} calls/s  {}, breaker {:<9}  {}",
            (now - begun).as_secs_f64(),
            cache.health(),
            breaker.name(),
            timeline.scene(),
        );
        if !is_finished() {
            earliest_end = earliest_end.max(now + pace.aftermath);
        }
        let in_trouble = breaker != BreakerState::Closed && now < earliest_end + OVERTIME;
        if now >= earliest_end && !in_trouble {
            return now;
        }
    }
}
