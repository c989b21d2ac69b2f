//! The processes that share a namespace, and what they disagree about.
//!
//! Invariant: what a process writes of itself is read as far as it is known; what is not there disagrees with
//! nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::backend::operate::FleetMember;
use crate::duration;

/// The processes that share a namespace; from [`Cache::fleet`](crate::Cache::fleet).
///
/// Those that say so: it takes `fleet = "5s"` in the settings of each.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fleet {
    /// By their names.
    pub processes: Vec<FleetProcess>,
    /// Sentences about what they say differently, and about who is missing.
    pub disagreements: Vec<String>,
}

/// A process, as it was heard of last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FleetProcess {
    /// A name that no other one has.
    pub id: String,
    /// How long ago it came, in milliseconds, by the clock of the node that keeps the roster.
    pub since_ms: u64,
    /// Whether what it said last has ended, as it does when it does not come three times.
    pub is_missing: bool,
    /// What it says of itself: the beginning of its [`Status`](crate::Status); `None` if that is not to be read.
    pub status: Option<Value>,
}

impl Fleet {
    /// What the members of a roster say.
    pub fn of(members: Vec<FleetMember>) -> Self {
        let process = |member: FleetMember| FleetProcess {
            since_ms: u64::try_from(member.since.as_millis()).unwrap_or(u64::MAX),
            is_missing: member.document.is_none(),
            status: member.document.and_then(|document| serde_json::from_slice(&document).ok()),
            id: member.id,
        };
        let processes: Vec<_> = members.into_iter().map(process).collect();
        let disagreements = disagreements(&processes);
        Self { processes, disagreements }
    }
}

impl FleetProcess {
    /// A text of what it says, by a JSON pointer such as `/process/host`.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.status.as_ref()?.pointer(pointer)?.as_str()
    }

    /// A number of what it says, by a JSON pointer such as `/performance/hitRate`.
    pub fn number(&self, pointer: &str) -> Option<f64> {
        self.status.as_ref()?.pointer(pointer)?.as_f64()
    }

    /// Those that it takes for the primaries, each with its past.
    fn primaries(&self) -> Option<String> {
        let nodes = self.status.as_ref()?.get("nodes")?.as_array()?;
        let text = |node: &Value, name: &str| node.get(name)?.as_str().map(str::to_owned);
        let primary = |node: &Value| {
            let serves = node.get("isInUse").and_then(Value::as_bool) == Some(true);
            serves.then(|| {
                Some(format!("{} ({})", text(node, "endpoint")?, text(node, "history")?))
            })?
        };
        let primaries: BTreeSet<_> = nodes.iter().filter_map(primary).collect();
        (!primaries.is_empty()).then(|| primaries.into_iter().collect::<Vec<_>>().join(", "))
    }
}

/// What processes say different things about, each as a sentence.
fn disagreements(processes: &[FleetProcess]) -> Vec<String> {
    let mut said = Vec::new();
    let mut compare = |what: &str, of: &dyn Fn(&FleetProcess) -> Option<String>| {
        let mut by_value: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for process in processes {
            if let Some(value) = of(process) {
                by_value.entry(value).or_default().push(&process.id);
            }
        }
        if by_value.len() > 1 {
            let parts: Vec<_> = by_value
                .iter()
                .map(|(value, ids)| format!("{value} by {}", ids.join(", ")))
                .collect();
            said.push(format!("{what}: {}", parts.join("; ")));
        }
    };
    compare("the primary", &FleetProcess::primaries);
    compare("the version", &|it| it.text("/process/version").map(str::to_owned));
    compare("the settings", &|it| it.text("/process/settings").map(str::to_owned));
    for process in processes.iter().filter(|process| process.is_missing) {
        let since = std::time::Duration::from_secs(process.since_ms / 1_000);
        said.push(format!("{} has not come for {}", process.id, duration::shown(since)));
    }
    said
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn member(id: &str, document: Option<Value>) -> FleetMember {
        let document = document.map(|document| document.to_string().into_bytes());
        FleetMember::new(id, Duration::from_secs(3), document)
    }

    fn status(version: &str, history: &str) -> Value {
        json!({
            "process": { "version": version },
            "nodes": [
                { "endpoint": "a:1", "isInUse": true, "history": history },
                { "endpoint": "a:2", "isInUse": false, "history": "other" },
            ],
        })
    }

    #[test]
    fn processes_disagree_about_what_they_say_differently() {
        let fleet = Fleet::of(vec![
            member("one", Some(status("1", "aa"))),
            member("two", Some(status("1", "aa"))),
        ]);
        assert_eq!(fleet.disagreements, Vec::<String>::new());
        let fleet = Fleet::of(vec![
            member("one", Some(status("1", "aa"))),
            member("two", Some(status("2", "bb"))),
            member("three", None),
            member("four", Some(json!({ "unknown": [] }))),
        ]);
        assert_eq!(
            fleet.disagreements,
            [
                "the primary: a:1 (aa) by one; a:1 (bb) by two",
                "the version: 1 by one; 2 by two",
                "three has not come for 3s",
            ]
        );
        assert!(fleet.processes[2].is_missing && !fleet.processes[3].is_missing);
    }

    #[test]
    fn what_is_no_document_is_a_process_that_says_nothing() {
        let odd = FleetMember::new("odd", Duration::ZERO, Some(b"\xff{".to_vec()));
        let fleet = Fleet::of(vec![odd, member("one", Some(status("1", "aa")))]);
        assert_eq!((fleet.processes[0].status.as_ref(), fleet.disagreements.len()), (None, 0));
    }
}
