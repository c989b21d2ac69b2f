//! What follows from what nodes did when they were checked: pure.

use std::time::Duration;

use super::words::few;
use crate::health::{Finding, Health};
use crate::remote::NodeCheck;
use crate::settings::HealthSettings;

/// Whether all primaries answer, and soon.
pub(super) fn reach(checked: &[NodeCheck], settings: &HealthSettings) -> Finding {
    let slow = checked.iter().filter_map(|node| {
        let took = node.done.as_ref()?.as_ref().ok().filter(|took| **took > settings.ping)?;
        Some(format!("{} took {} ms", node.endpoint, took.as_millis()))
    });
    let failed: Vec<_> = failed(checked, "is not reached").collect();
    let slow: Vec<_> = slow.collect();
    let (status, told) = match (failed.is_empty(), slow.is_empty()) {
        (false, _) => (Health::Unhealthy, failed),
        (true, false) => (Health::Degraded, slow),
        (true, true) if checked.is_empty() => {
            (Health::Unhealthy, vec!["no primary is known".to_owned()])
        }
        (true, true) => (Health::Healthy, Vec::new()),
    };
    let finding = about(checked, status, &told, "answers");
    match times(checked).max() {
        Some(longest) => finding.with("pingMs", millis(longest)),
        None => finding,
    }
}

/// Whether all primaries keep what they are given.
pub(super) fn storage(checked: &[NodeCheck]) -> Finding {
    let failed: Vec<_> = failed(checked, "does not keep and give back").collect();
    let status = match failed.len() {
        0 if !checked.is_empty() => Health::Healthy,
        count if count == checked.len() => Health::Unhealthy,
        _ => Health::Degraded,
    };
    let none = || vec!["no primary is known".to_owned()];
    let told = if checked.is_empty() { none() } else { failed };
    about(checked, status, &told, "keeps and gives back")
}

fn about(checked: &[NodeCheck], status: Health, told: &[String], does: &str) -> Finding {
    let (all, done) = (checked.len(), times(checked).count());
    let isolated = checked.iter().filter(|node| node.done.is_none()).count();
    let (status, text) = match told.len() {
        0 if isolated == all => (None, "no primary is asked, since all are isolated".to_owned()),
        0 if isolated > 0 => {
            (None, format!("{done} of {all} primaries {does}, the others are isolated"))
        }
        0 if all == 1 => (Some(status), format!("the primary {does}")),
        0 => (Some(status), format!("each of {all} primaries {does}")),
        _ => (Some(status), few(told)),
    };
    let mut finding = Finding::of(status, text).with("primaries", all).with("reached", done);
    finding.none_serves = done == 0 && isolated == 0;
    finding
}

fn failed(checked: &[NodeCheck], what: &str) -> impl Iterator<Item = String> {
    checked.iter().filter_map(move |node| {
        let failure = node.done.as_ref()?.as_ref().err()?;
        Some(format!("{} {what}: {failure}", node.endpoint))
    })
}

fn times(checked: &[NodeCheck]) -> impl Iterator<Item = Duration> {
    checked.iter().filter_map(|node| node.done.as_ref()?.as_ref().ok().copied())
}

/// Milliseconds, with what is below one to the microsecond.
fn millis(took: Duration) -> f64 {
    let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Class, Failure};
    use Health::{Degraded, Healthy, Unhealthy};

    fn node(number: u8, done: Option<Result<u64, Class>>) -> NodeCheck {
        let done = done.map(|done| {
            let took = done.map(Duration::from_millis);
            took.map_err(|class| Failure::new(class, format!("the {class} failure")))
        });
        NodeCheck { endpoint: format!("node-{number}"), done }
    }

    #[test]
    fn a53_a54_a_primary_that_is_slow_or_not_reached_is_named() {
        let settings = HealthSettings::default();
        for (nodes, status, says, none_serves) in [
            (vec![node(1, Some(Ok(100)))], Some(Healthy), "the primary answers", false),
            (vec![node(1, Some(Ok(150)))], Some(Degraded), "node-1 took 150 ms", false),
            (
                vec![node(1, Some(Ok(150))), node(2, Some(Err(Class::Unreachable)))],
                Some(Unhealthy),
                "node-2 is not reached: the unreachable failure",
                false,
            ),
            (
                vec![node(1, Some(Err(Class::Timeout)))],
                Some(Unhealthy),
                "node-1 is not reached: the timeout failure",
                true,
            ),
            (vec![], Some(Unhealthy), "no primary is known", true),
            (
                vec![node(1, None), node(2, Some(Ok(1)))],
                None,
                "1 of 2 primaries answers, the others are isolated",
                false,
            ),
            (vec![node(1, None)], None, "no primary is asked, since all are isolated", false),
            (
                vec![node(1, None), node(2, Some(Ok(150)))],
                Some(Degraded),
                "node-2 took 150 ms",
                false,
            ),
        ] {
            let finding = reach(&nodes, &settings);
            let report = crate::health::HealthEntry::new(finding.clone(), Duration::ZERO, vec![]);
            assert_eq!((report.status, report.description.as_deref()), (status, Some(says)));
            assert_eq!(finding.none_serves, none_serves, "{says}");
        }
    }

    #[test]
    fn a55_one_primary_that_does_not_keep_is_degraded_and_all_of_them_are_unhealthy() {
        let ok = || node(1, Some(Ok(1)));
        let failed = || node(2, Some(Err(Class::WriteRefused)));
        for (nodes, status) in [
            (vec![ok(), ok()], Healthy),
            (vec![ok(), failed()], Degraded),
            (vec![failed(), failed()], Unhealthy),
            (vec![], Unhealthy),
        ] {
            assert_eq!(storage(&nodes).status(), Some(status), "{nodes:?}");
        }
    }

    #[test]
    fn many_that_fail_are_named_by_a_few() {
        let nodes: Vec<_> = (0..200).map(|number| node(number, Some(Err(Class::Open)))).collect();
        let entry = crate::health::HealthEntry::new(storage(&nodes), Duration::ZERO, vec![]);
        let text = entry.description.unwrap();
        assert!(
            text.ends_with("node-4 does not keep and give back: the open failure; and 195 more"),
            "{text}"
        );
    }
}
