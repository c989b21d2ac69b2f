//! Who answers, as what, how fast, and at what time.

use super::facts::Facts;
use super::finding::{Finding, SERVERS, SYNC};

/// What is taken for a wrong clock.
const CLOCK_MS: f64 = 2_000.0;
/// What is taken for a slow way, for an answer in the middle.
const SLOW_MS: u128 = 50;

/// Whether it is known who serves.
pub(super) fn known(facts: &Facts, found: &mut Vec<Finding>) {
    if let Some(error) = &facts.survey.error {
        let fault = Finding::fault("known", format!("it is not known who serves: {error}"));
        found.push(
            fault
                .why("until somebody serves, every call runs its function")
                .fix("what is said there; the address is `url` in the settings of the service"),
        );
    }
}

/// Whether each node answers.
pub(super) fn reached(facts: &Facts, found: &mut Vec<Finding>) {
    for node in facts.survey.nodes.iter().filter(|node| !node.is_connected) {
        let error = node.error.as_deref().unwrap_or("it did not answer");
        let fault = Finding::fault("reached", format!("a node does not answer: {error}"));
        found.push(fault.on(&node.endpoint).why(match node.is_replica {
            Some(true) => "it can take over from nobody",
            Some(false) | None => "what it serves is loaded by each process for itself",
        }).fix("start it, let us through, or mend the credentials; where nodes are reached elsewhere than they say, `[addresses]` in the settings of the service"));
    }
    facts.each(found, |_, examined| {
        let median = examined?.timing.median.filter(|it| it.as_millis() >= SLOW_MS)?;
        let said = format!("an answer takes {} ms from here", median.as_millis());
        Some(Finding::warning("latency", said)
            .why("each call that memory does not answer waits for it, and is given up after `attempt_timeout` (500 ms)")
            .fix("run this where the service runs; if it is the same there, bring them nearer to each other"))
    });
}

/// Whether nodes read their files still.
pub(super) fn loading(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |node, _| {
        node.persistence.as_ref()?.is_loading?.then(|| {
            Finding::fault("loading", "it reads its data from its disk, and serves nothing (LOADING)")
                .why("until it has read all, what it serves is loaded by each process for itself; it is used again with its first answer")
                .fix("nothing: INFO persistence tells how far it is (`loading_eta_seconds`)")
        })
    });
}

/// Whether the servers are of a version that is supported.
pub(super) fn version(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |node, _| {
        let version = node.version.as_ref()?;
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        let is_valkey = node.product.as_deref() == Some("valkey");
        (!is_valkey && (major, minor) < (6, 2)).then(|| {
            let said = format!("it is Redis {version}; 6.2 is the oldest that is used");
            let fault = Finding::fault("version", said);
            fault
                .why("it lacks commands that keep caches in step")
                .fix("install Redis 7, or Valkey")
        })
    });
}

/// Whether anybody stands between us and the servers.
pub(super) fn direct(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |_, examined| {
        (!examined?.is_direct?).then(|| {
            Finding::fault("direct", "something stands in between: two questions on one connection came to the server on two")
                .why("changes are announced to a connection that is not ours, and a lease may be given up on another one: memory is out of date for as long as it is trusted")
                .fix("url = \"redis://HOST-OF-THE-SERVER:6379\"    (in the settings of the service: the server itself, and no proxy that shares connections)")
                .see(SYNC)
        })
    });
}

/// Whether clocks agree, with ours and with each other.
pub(super) fn clocks(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |_, examined| {
        let ahead = examined?.clock_ahead_ms?;
        let uncertain = examined?.clock_uncertain_ms.unwrap_or(0.0);
        (ahead.abs() - uncertain >= CLOCK_MS).then(|| {
            let side = if ahead > 0.0 { "ahead of" } else { "behind" };
            let off = (ahead.abs() / 1e3).round();
            Finding::warning("clock", format!("its clock is about {off} s {side} the one of this machine"))
                .why("replicas are told when entries end as a time of day: where clocks differ, a failover ends them early or late, and so does setting the clock")
                .fix("chronyc makestep    (on that machine or on this one, whichever is wrong)")
                .see(SERVERS)
        })
    });
}
