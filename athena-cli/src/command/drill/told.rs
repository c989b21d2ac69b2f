//! What a drill came to, for people.
//!
//! Invariant: whoever may not write is told that, and nothing of how the servers are.

use std::time::Duration;

use super::record::Summary;
use super::{Heard, Session};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::shown;

/// That the user may not write, which says nothing of how the servers are.
pub(super) fn refused(probes: &[Summary]) -> Option<Fault> {
    let probe = probes.iter().find(|probe| probe.is_refused)?;
    let why = probe.error.as_deref().unwrap_or_default();
    let fault = Fault::new(Exit::Refused, format!("{} does not let us write", probe.endpoint));
    Some(fault.because(why).help(
        "a drill writes as a cache does, to names of its own: `athena doctor` says which rights are missing, and what \
         gives them",
    ))
}

pub(super) fn report(
    session: &Session<'_>,
    probes: &[Summary],
    failovers: &[Heard],
) -> Result<(), Fault> {
    for Heard { from, to, cause, took_ms } in failovers {
        let took = shown::time(Duration::from_millis(*took_ms));
        session.out.line(format!("noticed: {from} → {to}, {cause}, usable after {took}"))?;
    }
    if failovers.is_empty() {
        session.out.line("noticed: no failover")?;
    }
    for probe in probes {
        let gap = shown::time(Duration::from_millis(probe.longest_gap_ms));
        let state = if probe.is_refused { "it refuses us" } else { "it fails still" };
        let down = probe.error.as_ref().map(|error| format!("; {state}: {error}"));
        let down = down.unwrap_or_default();
        session.out.line(format!(
            "{}: {} writes acknowledged, {} failed, longest gap {gap}, {} acknowledged writes lost{down}",
            probe.endpoint, probe.acknowledged, probe.failed, probe.lost
        ))?;
    }
    Ok(())
}
