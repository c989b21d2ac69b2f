//! `athena doctor`: asks everybody, and says what is wrong.

use std::collections::BTreeSet;

use athena_cache_core::backend::operate::{Operator, Permission, Scan, StoreKind};
use athena_cache_core::inspect::{self, NameKind};
use serde::Serialize;

use super::{Session, operator};
use crate::args::DoctorArgs;
use crate::doctor::{self, Facts, Finding, Level, NameFacts};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::{Mark, Out};

/// How many names are looked at, how many at a time, and how often a node is asked for some: where others have
/// stored much beside the cache, few of those that it looks at are the cache's.
const NAMES: usize = 2_000;
const AT_A_TIME: usize = 500;
const PAGES: usize = 200;
/// How many functions are named.
const NAMED: usize = 5;

#[derive(Serialize)]
struct DoctorDocument<'a> {
    findings: &'a [Finding],
    unknown: &'a [String],
    faults: usize,
    warnings: usize,
    /// How many nodes answered, and how many names were looked at.
    nodes: usize,
    names: Option<usize>,
}

pub(super) async fn run(session: &Session<'_>, args: &DoctorArgs) -> Result<Exit, Fault> {
    let redis = session.target.redis()?;
    let operator = operator(&redis)?;
    let timeout = session.target.timeout;
    let asked = async {
        // Who is not reached is a finding.
        let reached = session.target.wait_for(&redis).await;
        let facts = Facts {
            survey: operator.survey(timeout).await.as_ref().clone(),
            examination: operator.examine(&session.prefix(), timeout).await,
            sentinels: operator.sentinels(timeout).await,
            names: names(&*operator, &session.target.namespace).await,
        };
        (reached, facts)
    };
    let Some((reached, facts)) = session.stop.or(asked).await else {
        return Ok(Exit::Interrupted);
    };
    let findings = doctor::examine(&facts);
    let unknown = unknown(&facts);
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
    session.out.json(&DoctorDocument {
        findings: &findings,
        unknown: &unknown,
        faults,
        warnings,
        nodes: facts.survey.connected_nodes(),
        names: facts.names.as_ref().map(|names| names.looked_at),
    })?;
    show(session.out, &findings, &unknown)?;
    if facts.survey.connected_nodes() == 0 {
        return Ok(reached.err().map_or(Exit::Incomplete, |fault| fault.exit));
    }
    let is_trouble = faults > 0 || args.strict && warnings > 0;
    Ok(if is_trouble { Exit::Trouble } else { Exit::Fine })
}

fn show(out: &Out, findings: &[Finding], unknown: &[String]) -> Result<(), Fault> {
    for finding in findings {
        let (word, mark) = match finding.level {
            Level::Fault => ("fault", Mark::Bad),
            Level::Warning => ("warning", Mark::Doubtful),
        };
        let on = match &finding.nodes[..] {
            [] => String::new(),
            nodes => format!("{}: ", nodes.join(", ")),
        };
        out.line(format!("{}: {on}{}", out.mark(word, mark), finding.found))?;
        out.line(format!("    why: {}", finding.why))?;
        out.line(format!("    fix: {}", finding.fix))?;
        out.line(format!("    see: {}", out.mark(finding.see, Mark::Faint)))?;
    }
    for unknown in unknown {
        out.line(format!("{}: {unknown}", out.mark("unknown", Mark::Faint)))?;
    }
    match (findings.is_empty(), unknown.is_empty()) {
        (false, _) => Ok(()),
        (true, true) => out.line(out.mark("fine", Mark::Good)),
        (true, false) => out.line("nothing is wrong with what is known"),
    }
}

/// What was not let us known.
fn unknown(facts: &Facts) -> Vec<String> {
    let mut unknown = Vec::new();
    for node in facts.survey.nodes.iter().filter(|node| node.is_connected) {
        if let Some(error) = &node.error {
            unknown.push(format!("{}: {error}", node.endpoint));
        }
    }
    for node in &facts.examination.nodes {
        if let Some(error) = node.error.as_ref().filter(|_| is_connected(facts, &node.endpoint)) {
            unknown.push(format!("{}: {error}", node.endpoint));
        } else if node.settings.is_none() && node.error.is_none() {
            unknown.push(format!(
                "{}: it does not let us ask for its settings (CONFIG GET)",
                node.endpoint
            ));
        }
    }
    for (node, examined) in facts.primaries() {
        let serves = facts.survey.kind != StoreKind::Cluster || !node.slots.is_empty();
        let is_unknown =
            examined.is_some_and(|it| it.error.is_none() && it.keeps == Permission::Unknown);
        if serves && is_unknown {
            unknown.push(format!("{}: whether it keeps what it is given", node.endpoint));
        }
    }
    if facts.names.is_none() && facts.survey.connected_nodes() > 0 {
        unknown.push("which names there are: no node let us list them (SCAN)".to_owned());
    }
    unknown
}

fn is_connected(facts: &Facts, endpoint: &str) -> bool {
    facts.survey.nodes.iter().any(|node| node.endpoint == endpoint && node.is_connected)
}

/// Looks at some names of the cache; `None` if nobody lists any.
async fn names(operator: &dyn Operator, namespace: &str) -> Option<NameFacts> {
    let prefix = format!("{namespace}:");
    let mut scan = Scan::new(operator, &prefix, AT_A_TIME);
    let (mut facts, mut is_told) = (NameFacts::default(), false);
    let mut digested = BTreeSet::new();
    for _ in 0..PAGES {
        let Some(page) = scan.next().await else { break };
        let Ok(names) = page else { continue };
        is_told = true;
        facts.looked_at += names.len();
        let mut values = Vec::new();
        for name in names {
            let Some(seen) = inspect::see(namespace, &name) else { continue };
            match seen.kind {
                NameKind::Value => {
                    facts.digests += usize::from(seen.is_digest);
                    digested.extend(seen.site.filter(|_| seen.is_digest));
                    values.push(name);
                }
                NameKind::Foreign => facts.foreign += 1,
                _ => {}
            }
        }
        let stored = operator.stored(&values, inspect::Summary::LENGTH).await.unwrap_or_default();
        let endless = stored.iter().flatten().filter(|value| value.remaining.is_none());
        facts.without_life += endless.count();
        if facts.looked_at >= NAMES {
            break;
        }
    }
    facts.digested = digested.into_iter().take(NAMED).collect();
    is_told.then_some(facts)
}
