//! The processes of a namespace, and what they disagree about.
//!
//! Invariant: what a process writes of itself is read as far as it is known; what is not there disagrees with
//! nobody.

use std::collections::{BTreeMap, BTreeSet};

use athena_cache_core::backend::operate::{FleetMember, Operator};
use serde::Serialize;
use serde_json::Value;

use crate::fault::Fault;
use crate::shown;

/// A process.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Process {
    pub(super) id: String,
    /// Since it came last.
    pub(super) since_ms: u64,
    /// Whether what it said last has ended: it has not come for its time.
    pub(super) is_missing: bool,
    /// What it says of itself, as it wrote it.
    pub(super) status: Option<Value>,
}

/// The processes of a fleet, and what they disagree about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Fleet {
    pub(super) processes: Vec<Process>,
    pub(super) disagreements: Vec<String>,
}

impl Fleet {
    pub(super) async fn read(operator: &dyn Operator, prefix: &str) -> Result<Self, Fault> {
        let members = operator.fleet(prefix).await;
        let members =
            members.map_err(|failure| Fault::of("cannot read who uses the namespace", &failure))?;
        Ok(Self::of(members))
    }

    fn of(members: Vec<FleetMember>) -> Self {
        let process = |member: FleetMember| Process {
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

impl Process {
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.status.as_ref()?.pointer(pointer)?.as_str()
    }

    pub(super) fn number(&self, pointer: &str) -> Option<f64> {
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
fn disagreements(processes: &[Process]) -> Vec<String> {
    let mut said = Vec::new();
    let mut compare = |what: &str, of: &dyn Fn(&Process) -> Option<String>| {
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
    compare("the primary", &Process::primaries);
    compare("the version", &|it| it.text("/process/version").map(str::to_owned));
    compare("the settings", &|it| it.text("/process/settings").map(str::to_owned));
    compare("the schema", &|it| it.text("/process/schema").map(str::to_owned));
    for process in processes.iter().filter(|process| process.is_missing) {
        let since = shown::time(std::time::Duration::from_millis(process.since_ms));
        said.push(format!("{} has not come for {since}", process.id));
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
