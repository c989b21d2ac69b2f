//! What an annotated function costs in a user's build, and what a first build costs.

mod package;
mod workshop;

use std::path::Path;
use std::time::Instant;

use object::{Object, ObjectSection};
use package::Package;
use workshop::Workshop;

use crate::effort;
use crate::rounds::medians;
use crate::stage::Stage;
use crate::table::Table;

const MANY: u32 = 200;
const ROUNDS: usize = 3;
/// What is measured of a build: its head, its place in [`Cost`], and how large its unit is.
const COLUMNS: [(&str, usize, f64); 4] = [
    ("processor, ms", 0, 1e-3),
    ("time, ms", 1, 1e-3),
    ("code, kB", 2, 1e3),
    ("program, kB", 3, 1e3),
];

/// Seconds of processor time, seconds, bytes of code, and bytes of the program.
type Cost = [f64; COLUMNS.len()];

/// An annotated function: what many have more than one has, beyond the same without annotations.
pub(crate) fn print_functions(_: &Stage) {
    let kinds = [package::plain, package::cached, package::athena];
    let packages: Vec<_> = kinds.iter().flat_map(|make| [make(1), make(MANY)]).collect();
    let workshop = Workshop::open(&packages);
    for package in &packages {
        workshop.build(package);
    }
    let measure = |_, place: usize| cost(&workshop, &packages[place]);
    let costs = medians(ROUNDS, packages.len(), measure);
    let each = |kind: usize, what: usize| {
        (costs[2 * kind + 1][what] - costs[2 * kind][what]) / f64::from(MANY - 1)
    };
    let title =
        format!("One of {MANY} functions in a debug build, beyond the same without an attribute");
    let labels = packages.iter().skip(2).step_by(2).map(|package| package.label);
    let mut table = Table::new(&title, labels);
    for (head, what, unit) in COLUMNS {
        let beyond = |kind| (each(kind, what) - each(0, what)) / unit;
        table.tenths(head, &(1..kinds.len()).map(beyond).collect::<Vec<_>>());
    }
    table.print();
}

/// A service with memory and Redis, built with all that it depends on.
pub(crate) fn print_hello(_: &Stage) {
    let packages = [package::hello_by_hand(), package::hello_athena()];
    let workshop = Workshop::open(&packages);
    let measure = |_, place: usize| {
        workshop.forget_all();
        cost(&workshop, &packages[place])
    };
    let costs = medians(ROUNDS, packages.len(), measure);
    let title = "First debug build of a hello world with memory and Redis, against one by hand";
    let mut table = Table::new(title, packages.iter().map(|package| package.label));
    for (head, what, _) in COLUMNS {
        let (head, _) = head.split_once(',').expect("a unit");
        let ratio = |cost: &Cost| cost[what] / costs[0][what];
        table.ratios(head, &costs.iter().map(ratio).collect::<Vec<_>>());
    }
    table.print();
}

/// What it costs to build a package anew.
fn cost(workshop: &Workshop, package: &Package) -> Cost {
    workshop.forget(package);
    let (before, begun) = (effort::of_children(), Instant::now());
    let program = workshop.build(package);
    let (effort, took) = (effort::of_children() - before, begun.elapsed().as_secs_f64());
    let [code, file] = sizes(&program);
    [effort, took, code, file]
}

/// Bytes of code, and of all.
fn sizes(program: &Path) -> [f64; 2] {
    let bytes = std::fs::read(program).expect("the program was built");
    let file = object::File::parse(&*bytes).expect("a program");
    let code = file.section_by_name(".text").expect("it has code");
    [code.size() as f64, bytes.len() as f64]
}
