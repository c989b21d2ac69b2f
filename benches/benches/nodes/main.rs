//! What a cluster of many nodes costs: `cargo bench -p athena-benches --bench nodes`.
//!
//! The nodes are played by a second process, so that what this one uses is what a service pays. Costs per
//! node are to stay as they are when there are more nodes; the last lines are ratios of them. It needs Linux
//! and takes some minutes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]
#![allow(clippy::print_stdout, reason = "it talks to its reader")]

mod fake;
mod play;
mod used;

use play::{Cost, Phases};

/// How many nodes there are, half of them replicas.
const SIZES: [usize; 3] = [250, 500, 1_000];

fn main() {
    if let Some(nodes) = fake::wanted() {
        return fake::run(nodes);
    }
    println!(
        "nodes | start: CPU, sent | calm, per minute: CPU, sent | failover: CPU, sent, noticed after"
    );
    let phases: Vec<_> = SIZES.iter().map(|&nodes| (nodes, play::measure(nodes))).collect();
    for (nodes, Phases { start, calm, failover, noticed }) in &phases {
        println!("{nodes:5} | {start} | {calm} | {failover}, {noticed:?}");
    }
    let (fewest, least) = &phases[0];
    for (nodes, most) in &phases[1..] {
        println!("{nodes} nodes against {fewest}, per node:");
        for (name, pick) in NAMES {
            let (cpu, sent) = pick(most).against(pick(least), *nodes, *fewest);
            println!("{cpu:5.2}  CPU, {sent:5.2}  bytes about the cluster: {name}");
        }
    }
}

/// A part of what is measured.
type Pick = fn(&Phases) -> &Cost;

const NAMES: [(&str, Pick); 3] =
    [("start", |it| &it.start), ("calm", |it| &it.calm), ("failover", |it| &it.failover)];
