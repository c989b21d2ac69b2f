//! Whether sentinels can do what they are for.

use athena_cache_core::backend::operate::SentinelReport;

use super::facts::Facts;
use super::finding::{Finding, SERVERS};

/// With fewer none may be lost.
const ENOUGH: usize = 3;
/// A primary that is silent for longer than this is missed for too long.
const SILENT_MS: u64 = 5_000;

/// Whether each answers, and whether they agree.
pub(super) fn answers(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(report) = &facts.sentinels else { return };
    for voice in &report.sentinels {
        if let Some(error) = &voice.error {
            found.push(
                Finding::fault("sentinel", format!("a sentinel does not say what it knows: {error}"))
                    .on(&voice.endpoint)
                    .why("most of the sentinels have to agree that a primary is dead, and who takes over; those that are gone count")
                    .fix(format!("start it; one that is gone for good is forgotten by: SENTINEL RESET {}    (on each of the others, 30 s apart)", report.service))
                    .see(SERVERS),
            );
        }
        let Some(sight) = &voice.sight else { continue };
        if sight.has_quorum == Some(false) {
            let says = sight.quorum_says.as_deref().unwrap_or("no quorum");
            found.push(
                Finding::fault("quorum", format!("it cannot have the primary replaced: {says}"))
                    .on(&voice.endpoint)
                    .why("when the primary dies nobody takes over")
                    .fix(quorum_fix(report, sight.quorum))
                    .see(SERVERS),
            );
        }
        if sight.is_in_tilt == Some(true) {
            found.push(
                Finding::fault("tilt", "it does not trust its clock, and does nothing (tilt)")
                    .on(&voice.endpoint)
                    .why("until it does it replaces no primary; it was stopped, or its clock was set")
                    .fix("chronyc tracking    (on its machine; it ends by itself after 30 s of calm)")
                    .see(SERVERS),
            );
        }
        if let Some(after) = sight.down_after_ms.filter(|after| *after > SILENT_MS) {
            found.push(
                Finding::warning("down-after", format!("a dead primary is missed after {after} ms at the earliest (down-after-milliseconds)"))
                    .on(&voice.endpoint)
                    .why("so long nobody stores anything")
                    .fix(format!("SENTINEL SET {} down-after-milliseconds 1000", report.service))
                    .see(SERVERS),
            );
        }
        for replica in &sight.replicas_down {
            found.push(
                Finding::warning("replicas", format!("it does not reach the replica {replica}"))
                    .on(&voice.endpoint)
                    .why("it can take over from nobody")
                    .fix(format!(
                        "start it; one that is gone for good is forgotten by: SENTINEL RESET {}",
                        report.service
                    ))
                    .see(SERVERS),
            );
        }
    }
    let primaries = report.primaries();
    if primaries.len() > 1 {
        found.push(
            Finding::fault("agreement", format!("sentinels name different primaries: {}", primaries.join(", ")))
                .why("two nodes may take writes, and those of one of them will be forgotten")
                .fix("look at the network between the sentinels: the one with the lower `config-epoch` hears of it late")
                .see(SERVERS),
        );
    }
}

/// What gives sentinels their quorum: most of them have to be up whatever it is set to.
fn quorum_fix(report: &SentinelReport, quorum: Option<u32>) -> String {
    let (all, service) = (report.sentinels.len(), &report.service);
    let most = all / 2 + 1;
    if quorum.is_some_and(|quorum| quorum as usize > most) && report.answered() >= most {
        return format!(
            "SENTINEL SET {service} quorum {most}    (on each: more are asked for than most of the {all})"
        );
    }
    format!(
        "start the sentinels that are gone: {most} of the {all} have to be up; those that are gone for good are \
         forgotten by: SENTINEL RESET {service}    (on each of the others, 30 s apart)"
    )
}

/// Whether one may be lost.
pub(super) fn count(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(report) = &facts.sentinels else { return };
    let count = report.sentinels.len();
    let (said, why) = match count {
        0..ENOUGH => (
            format!(
                "there {} sentinel{}",
                if count == 1 { "is 1".to_owned() } else { format!("are {count}") },
                if count == 1 { "" } else { "s" }
            ),
            "most of all have to agree: of so few none may be lost, or no primary is replaced any more",
        ),
        _ if count % 2 == 0 => (
            format!("there are {count} sentinels, an even number"),
            "one less may lose as many: where they are cut in halves, neither replaces a primary",
        ),
        _ => return,
    };
    let next = if count < ENOUGH { ENOUGH } else { count + 1 };
    let primary = report.primaries().first().cloned().unwrap_or_else(|| "HOST:PORT".to_owned());
    let quorum = next / 2 + 1;
    found.push(
        Finding::warning("sentinels", said)
            .why(why)
            .fix(format!("sentinel monitor {} {} {quorum}    (in the sentinel.conf of one more, on a machine of its own: {next} in all)", report.service, primary.replacen(':', " ", 1)))
            .see(SERVERS),
    );
}
