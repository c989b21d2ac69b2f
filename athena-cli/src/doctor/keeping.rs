//! Whether anybody serves, and keeps what it is given.

use athena_cache_core::backend::operate::{Permission, StoreKind, SurveyedNode};

use super::facts::Facts;
use super::finding::{Finding, SERVERS};

/// Whether any of those that answer is a primary.
pub(super) fn primary(facts: &Facts, found: &mut Vec<Finding>) {
    let replicas: Vec<_> = facts.answering().map(|(node, _)| node).collect();
    if replicas.is_empty() || !replicas.iter().all(|node| node.is_replica == Some(true)) {
        return;
    }
    let said = match replicas[..] {
        [_] => "it is a replica, and no primary answers",
        _ => "they are replicas, and no primary answers",
    };
    let mut fault = Finding::fault("primary", said)
        .why("nothing is stored, and nothing is read: a replica hears of changes late")
        .fix(match (facts.survey.kind, followed(&replicas)) {
            (StoreKind::Standalone, Some(primary)) => {
                format!("url = \"redis://{primary}\"    (in the settings of the service: the primary that it follows)")
            }
            (StoreKind::Standalone, None) => {
                "url = \"redis://HOST-OF-THE-PRIMARY:6379\"    (in the settings of the service)".to_owned()
            }
            _ => "start the primary, or look why nobody takes over: the findings beside this one say".to_owned(),
        });
    fault.nodes = replicas.iter().map(|node| node.endpoint.clone()).collect();
    found.push(fault);
}

fn followed(replicas: &[&SurveyedNode]) -> Option<String> {
    replicas.iter().find_map(|node| node.replication_info.as_ref()?.primary.clone())
}

/// What is to be done, by the first word of what a node answered.
const REFUSALS: [(&str, &str); 4] = [
    (
        "OOM",
        "CONFIG SET maxmemory-policy volatile-lru    (and more memory for it: `maxmemory`; what else is stored there does not end)",
    ),
    (
        "NOREPLICAS",
        "start its replicas    (it takes writes again when as many as `min-replicas-to-write` have caught up)",
    ),
    (
        "READONLY",
        "url = \"redis://HOST-OF-THE-PRIMARY:6379\"    (in the settings of the service: this one is a replica)",
    ),
    (
        "MISCONF",
        "BGSAVE    (after its disk has room, and its folder can be written; its log says what failed)",
    ),
];

/// Whether each that is to serve keeps what it was given, and gave it back.
pub(super) fn kept(facts: &Facts, found: &mut Vec<Finding>) {
    for (node, examined) in facts.answering() {
        let Some(examined) = examined else { continue };
        let Permission::Refused(said) = &examined.keeps else { continue };
        let word = ["NOPERM", "LOADING", "CLUSTERDOWN"]
            .into_iter()
            .chain(REFUSALS.iter().map(|(word, _)| *word))
            .find(|word| said.contains(word));
        if word.is_some_and(|word| is_told(facts, node, word)) {
            continue;
        }
        let fix = REFUSALS.iter().find(|(refusal, _)| Some(*refusal) == word).map(|(_, fix)| *fix);
        found.push(
            Finding::fault("keeps", format!("it does not keep what it is given: {said}"))
                .on(&node.endpoint)
                .why("each process loads for itself, and what one of them invalidates the others may not hear of")
                .fix(fix.unwrap_or("what is said there; a server that holds back writes (CLIENT PAUSE) goes on by itself"))
                .see(SERVERS),
        );
    }
}

/// Whether another check says why.
fn is_told(facts: &Facts, node: &SurveyedNode, word: &str) -> bool {
    let persistence = node.persistence.as_ref();
    match word {
        "NOPERM" => facts.examined(node).is_some_and(|it| !it.lacking.is_empty()),
        "LOADING" => persistence.and_then(|it| it.is_loading) == Some(true),
        "CLUSTERDOWN" => node.cluster.as_ref().and_then(|it| it.is_ok) == Some(false),
        "READONLY" => node.is_replica == Some(true),
        "MISCONF" => persistence.is_some_and(|it| {
            it.last_save_ok == Some(false) || it.aof_last_write_ok == Some(false)
        }),
        _ => false,
    }
}
