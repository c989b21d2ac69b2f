//! Imports point downwards, and no new circle is made.

use crate::CRATES;
use crate::imports;
use crate::plan::Plan;
use crate::source;

#[test]
fn no_file_imports_from_a_row_above_its_own() {
    let mut faults = Vec::new();
    for krate in CRATES {
        let (plan, files) = (Plan::of(krate), source::files(krate));
        let graph = imports::graph(&files);
        for file in &files {
            if plan.row(&file.path).is_none() {
                faults.push(format!("{krate}: {} is in no row", file.path));
            }
        }
        for (from, to) in graph.edges() {
            let is_allowed = plan.climbs.iter().any(|(low, high)| low == from && high == to);
            if plan.row(from) < plan.row(to) && !is_allowed {
                faults.push(format!("{krate}: {from} imports from {to}, which stands higher"));
            }
        }
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        faults.extend(plan.gone(&paths).map(|module| format!("{krate}: `{module}` is not there")));
        for (low, high) in &plan.climbs {
            if !graph.edges().any(|edge| edge == (low, high)) {
                faults.push(format!("{krate}: the climb {low} → {high} is not there any more"));
            }
        }
    }
    assert!(faults.is_empty(), "see `## Borders` in ARCHITECTURE.md:\n{}", faults.join("\n"));
}

#[test]
fn files_import_in_no_circle_but_those_that_are_declared() {
    for krate in CRATES {
        let (plan, files) = (Plan::of(krate), source::files(krate));
        let graph = imports::graph(&files);
        let circles = graph.circles();
        println!("{krate}: {} files, {} layers, circles: {circles:?}", files.len(), graph.layers());
        assert_eq!(circles, plan.circles, "{krate}: see `## Borders` in ARCHITECTURE.md");
    }
}
