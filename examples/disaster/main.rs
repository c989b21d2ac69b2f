//! Everything that Redis holds is lost while a service is called, and put back from a backup.
//!
//! Callers ask all the while, and another process changes what they ask for, also between backup and loss. Nobody gets
//! an error, and what was invalidated never counts as fresh. The table shows what the loss costs with a restore, beside
//! the same without: how much the origin has to do, for how long callers wait, and when as many are answered from the
//! cache as before.
//!
//! `cargo run --release --example disaster -- [flush|replace] [node|cluster]`: all are removed (`FLUSHALL`), or new and
//! empty servers take the place of the old ones. It starts servers of its own and ends them.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

mod play;
mod servers;
mod shop;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::process::{Command, Stdio};

use play::{Figures, Loss, Play};
use support::topology::Topology;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    if let Err(error) = version {
        return Err(format!("this needs redis-server on the PATH: {error}").into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut is_harmless = true;
    for (loss, topology) in chosen(&words)? {
        println!("\n== {} {}", topology_name(topology), loss.story());
        let mut both = Vec::new();
        for restores in [true, false] {
            both.push(
                runtime.block_on(Play { loss, topology, restores, origin_waits: false }.run())?,
            );
        }
        let [with, without] = &both[..] else { continue };
        print(with, without);
        is_harmless &= both.iter().all(Figures::is_harmless);
    }
    if is_harmless { Ok(()) } else { Err("callers noticed".into()) }
}

/// What is to be played; all of it if nothing is said.
fn chosen(words: &[String]) -> Result<Vec<(Loss, Topology)>, String> {
    let (mut losses, mut topologies) = (Vec::new(), Vec::new());
    for word in words {
        match word.as_str() {
            "flush" => losses.push(Loss::Flushed),
            "replace" => losses.push(Loss::Replaced),
            "node" => topologies.push(Topology::Standalone),
            "cluster" => topologies.push(Topology::Cluster),
            other => {
                return Err(format!(
                    "unknown word `{other}`, expected `flush`, `replace`, `node` or `cluster`"
                ));
            }
        }
    }
    if losses.is_empty() {
        losses = vec![Loss::Flushed, Loss::Replaced];
    }
    if topologies.is_empty() {
        topologies = vec![Topology::Standalone, Topology::Cluster];
    }
    let pairs = losses.iter().flat_map(|loss| topologies.iter().map(|topology| (*loss, *topology)));
    Ok(pairs.collect())
}

fn topology_name(topology: Topology) -> &'static str {
    match topology {
        Topology::Cluster => "a cluster,",
        _ => "one node,",
    }
}

fn print(with: &Figures, without: &Figures) {
    let share = |figures: &Figures| format!("{:.0} %", 100.0 * figures.share_after);
    let millis = |time: std::time::Duration| format!("{} ms", time.as_millis());
    let back = |figures: &Figures| match figures.back {
        Some(back) => format!("{} calls", back.calls),
        None => "not in time".to_owned(),
    };
    println!("  {:44} {:>14} {:>14}", "", "with restore", "without");
    for (what, with, without) in [
        ("calls", with.calls.to_string(), without.calls.to_string()),
        ("errors", with.errors.to_string(), without.errors.to_string()),
        (
            "outdated answers that counted as fresh",
            with.outdated.to_string(),
            without.outdated.to_string(),
        ),
        ("stale answers, flagged", with.stale.to_string(), without.stale.to_string()),
        ("values put back", with.restored.to_string(), without.restored.to_string()),
        ("answered from the cache, after the loss", share(with), share(without)),
        ("as many as before after", back(with), back(without)),
        ("loads of the origin until then", with.loads.to_string(), without.loads.to_string()),
        ("at once, at most", with.most_at_once.to_string(), without.most_at_once.to_string()),
        ("longest wait of a caller", millis(with.longest), millis(without.longest)),
    ] {
        println!("  {what:44} {with:>14} {without:>14}");
    }
    if let (Some(with), Some(without)) = (with.back, without.back) {
        let ratio = with.took.as_secs_f64() / without.took.as_secs_f64().max(f64::EPSILON);
        println!("  time until as many as before, with restore to without: {ratio:.2}");
    }
}
