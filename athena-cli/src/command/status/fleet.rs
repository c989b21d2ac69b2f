//! The processes that use a namespace, as a table for people.
//!
//! Invariant: what processes say of themselves, or somebody in their place, is shown in a line of bounded length.

use std::time::Duration;

use athena_cache_core::Fleet;
use athena_cache_core::backend::{Excerpt, Line, Message};

use crate::fault::Fault;
use crate::out::{Mark, Out};
use crate::shown::{self, or_unknown};
use crate::table::Table;

/// How many disagreements are told.
const TOLD: usize = 20;

/// A name of a host, or of a version: none of ours is longer.
type Name = Line<64>;

pub(super) fn show(out: &Out, fleet: &Fleet) -> Result<(), Fault> {
    out.line("")?;
    if fleet.processes.is_empty() {
        return out.line(
            "no process says that it uses the namespace: set `fleet = \"5s\"` in their settings",
        );
    }
    let mut table =
        Table::new(&["PROCESS", "HOST", "VERSION", "CAME", "STATUS", "CALLS/S", "HITS"]);
    for process in &fleet.processes {
        let text = |pointer: &str| {
            or_unknown(process.text(pointer), |text| Name::of(text).as_str().to_owned())
        };
        let came = shown::time(Duration::from_millis(process.since_ms));
        let status = if process.is_missing {
            out.mark("missing", Mark::Bad)
        } else {
            text("/overallHealth/status")
        };
        let number = |pointer: &str| process.number(pointer).filter(|it| it.is_finite());
        let calls = or_unknown(number("/performance/requestsPerSecond"), |it| format!("{it:.1}"));
        let hits = or_unknown(number("/performance/hitRate"), |it| format!("{:.1} %", it * 100.0));
        table.row([
            Excerpt::of(&process.id).as_str().to_owned(),
            text("/process/host"),
            text("/process/version"),
            format!("{came} ago"),
            status,
            calls,
            hits,
        ]);
    }
    out.line(table)?;
    for disagreement in fleet.disagreements.iter().take(TOLD) {
        let said = Message::of(disagreement);
        out.line(format!("{} {said}", out.mark("they disagree:", Mark::Bad)))?;
    }
    match fleet.disagreements.len().saturating_sub(TOLD) {
        0 => Ok(()),
        more => out.line(format!("and about {more} things more (`--json` has all)")),
    }
}
