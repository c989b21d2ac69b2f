//! Words of sentinels → findings.

use super::*;
use crate::backend::operate::SentinelSight;
use crate::health::HealthEntry;
use Health::{Degraded, Healthy, Unhealthy};

fn says(finding: Finding, status: impl Into<Option<Health>>, part: &str) {
    let (entry, status) =
        (HealthEntry::new(finding, std::time::Duration::ZERO, vec![]), status.into());
    let text = entry.description.unwrap();
    let is_said = entry.status == status && text.contains(part);
    assert!(is_said, "{:?}: {text}, expected {status:?}: {part}", entry.status);
}

/// Whom a sentinel names, and whether it has its quorum; `None` of one that does not answer.
type Heard<'a> = Option<(&'a str, Option<bool>)>;

fn hears(voices: &[Heard<'_>]) -> SentinelReport {
    let sentinels = voices.iter().zip(1..).map(|(voice, number)| SentinelVoice {
        endpoint: format!("sentinel-{number}"),
        sight: voice.map(|(primary, has_quorum)| SentinelSight {
            primary: primary.to_owned(),
            has_quorum,
            ..SentinelSight::default()
        }),
        error: voice.is_none().then(|| "refused".to_owned()),
        monitors: None,
    });
    SentinelReport { service: "mymaster".to_owned(), sentinels: sentinels.collect() }
}

#[test]
fn sentinels_answer_and_have_their_quorum() {
    let (yes, no) = (Some(("a", Some(true))), Some(("a", Some(false))));
    says(quorum(&hears(&[yes, yes, yes])), Healthy, "");
    says(quorum(&hears(&[yes, yes, None])), Degraded, "sentinel-3 does not answer");
    says(quorum(&hears(&[yes, yes, Some(("b", Some(true)))])), Degraded, "2 primaries");
    says(quorum(&hears(&[no, no])), Unhealthy, "there will be no failover");
    says(quorum(&hears(&[no, None])), Unhealthy, "the 1 of 2 sentinels that answer have no quorum");
    says(quorum(&hears(&[no, yes])), Degraded, "some sentinels");
    // What one process does not hear is nothing that they say.
    says(quorum(&hears(&[None, None])), None, "no sentinel tells this process of `mymaster`");
    let untold = Some(("a", None));
    says(quorum(&hears(&[yes, yes, untold])), None, "sentinel-3 does not let us ask");
    says(quorum(&hears(&[untold, None])), Degraded, "sentinel-2 does not answer");
    let mut nobody = Survey::default();
    says(no_sentinels(&nobody), Healthy, "there are no sentinels");
    nobody.kind = StoreKind::Sentinel;
    says(no_sentinels(&nobody), None, "no sentinel can be asked");
}

#[test]
fn a_process_that_does_not_reach_most_sentinels_is_told_apart_from_their_quorum() {
    let (yes, no) = (Some(("a", Some(true))), Some(("a", Some(false))));
    says(reached(&hears(&[yes, no, yes])), Healthy, "all sentinels answer");
    says(reached(&hears(&[yes, yes, None])), Healthy, "sentinel-3 does not answer this process");
    says(reached(&hears(&[yes, None, None])), Degraded, "1 of 3 sentinels answer this process");
    says(reached(&hears(&[yes, None])), Degraded, "too few to confirm who serves");
    says(reached(&hears(&[None, None])), Unhealthy, "sentinel-2 does not answer this process: ref");
    let mut stranger = hears(&[yes, yes, None]);
    stranger.sentinels[2].monitors = Some(vec!["other".to_owned()]);
    says(reached(&stranger), Healthy, "sentinel-3 does not know `mymaster`");
    says(quorum(&stranger), Degraded, "sentinel-3 does not know `mymaster`");
}
