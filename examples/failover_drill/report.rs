//! What is printed: the timeline of a run, and tables.

use std::time::{Duration, Instant};

use crate::figures::{Fact, Figures};
use crate::support::role::Role;
use crate::watch::{Findings, Timeline, Watchers};

/// What happened, in order, in milliseconds from the fault.
pub(crate) fn print_timeline(
    timeline: &Timeline,
    watchers: &Watchers,
    names: &[(String, String)],
    findings: &Findings,
    started: Instant,
) {
    let mut entries = timeline.entries();
    let of_prober = watchers.changes().into_iter().map(|change| {
        let said = change.role.map_or_else(|| "nothing".to_owned(), said);
        (change.at, format!("   prober: node {} says {said}", change.node))
    });
    entries.extend(of_prober);
    entries.extend(findings.resumed.map(|at| (at, "   our first write there".to_owned())));
    let (begin, length) = findings.gap;
    entries.push((begin, format!("   the last write before the longest gap, {length:.0?}")));
    // Before the traffic only the first answers of the prober are heard.
    entries.retain(|(at, _)| *at > started);
    entries.sort_by_key(|(at, _)| *at);
    println!("\n  timeline, from the fault");
    for (at, text) in entries {
        let told = names.iter().fold(text, |text, (address, name)| text.replace(address, name));
        println!("  {:>10}  {told}", signed(at, findings.broken));
    }
}

/// The tables of one run, or of medians.
pub(crate) fn print(figures: &Figures) {
    let calls: u64 = figures.rows.iter().map(|row| row.calls).sum();
    println!("\n  calls {calls}, errors {}, wrong values {}", figures.errors, figures.wrong);
    println!("\n  time of a call, of which the function takes none:");
    println!(
        "  {:<46}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}",
        "", "calls", "p50", "p99", "p99.9", "worst"
    );
    for row in &figures.rows {
        let times = row.times.map_or_else(
            || ["-"; 4].map(str::to_owned),
            |times| times.map(|time| format!("{:.2} ms", time.as_secs_f64() * 1e3)),
        );
        let [p50, p99, p999, worst] = times;
        println!("  {:<46}  {:>7}  {p50:>9}  {p99:>9}  {p999:>9}  {worst:>9}", row.name, row.calls);
    }
    println!();
    for (name, fact) in &figures.facts {
        println!("  {name:<56}  {:>10}", text(*fact));
    }
}

fn text(fact: Fact) -> String {
    match fact {
        Fact::Count(count) => count.to_string(),
        Fact::Time(time) if time < Duration::from_millis(10) => {
            format!("{:.1} ms", time.as_secs_f64() * 1e3)
        }
        Fact::Time(time) => millis(time),
        Fact::Never => "never".to_owned(),
    }
}

fn said(role: Role) -> String {
    match role {
        Role::Primary => "role:master".to_owned(),
        Role::Replica { of, synced } => {
            let link = if synced { "in sync" } else { "not in sync" };
            format!("replica of 127.0.0.1:{of}, {link}")
        }
        Role::Sentinel => "sentinel".to_owned(),
    }
}

fn signed(at: Instant, zero: Instant) -> String {
    if at < zero { format!("-{}", millis(zero - at)) } else { format!("+{}", millis(at - zero)) }
}

fn millis(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
