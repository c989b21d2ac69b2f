//! What is broken, and what it takes to be whole again.

mod healing;

use athena_cache_core::backend::Ability;
use athena_cache_core::{BreakerState, Health, HealthEntry, ServerStatus, Status};

use super::said::MANY_FAIL;
use super::words::{count, percent, seconds};

/// Lines that are shown; the rest is counted.
const LINES: usize = 4;

/// Checks that say nothing which is not said of nodes already.
const TOLD_BY_NODES: [&str; 6] =
    ["redis_connectivity", "distributed_cache", "breakers", "trust", "replication", "maintenance"];
/// A check whose subject has its own line.
const JOURNAL: &str = "journal";

/// What is broken, worst first.
#[derive(Debug, Default)]
pub(super) struct Broken {
    /// Nodes in use that are not reached.
    away: Vec<String>,
    /// Nodes that nothing is sent to on purpose, and for how many seconds still, if that is known.
    isolated: Vec<(String, Option<f64>)>,
    /// Nodes that answer and do not do their work, with what they say.
    refusing: Vec<String>,
    /// Nodes that do not allow what is needed.
    lacking: Vec<String>,
    /// Nodes that nobody stands by yet of those who decide who serves.
    unconfirmed: Vec<String>,
    /// Nodes that are not in use, and do not answer.
    beside: Vec<String>,
    /// Checks that are about none of these.
    checks: Vec<String>,
    /// How bad it is, if credentials or rights are refused.
    denied: Option<Health>,
    journal: Option<String>,
    untrusted: bool,
    /// That functions fail, if many do.
    functions: Option<String>,
    /// How many nodes are in use.
    used: usize,
}

impl Broken {
    pub(super) fn of(status: &Status) -> Self {
        let mut broken = Self::default();
        status.nodes.iter().for_each(|node| broken.note_node(node));
        for (name, entry) in &status.overall_health.entries {
            broken.note_check(name, entry);
        }
        let journal = &status.journal;
        if journal.depth > 0 {
            let (waiting, age) =
                (count(journal.depth, "invalidation"), seconds(journal.oldest_seconds));
            let text = "for Redis: until then others may serve what was invalidated";
            let wait = if journal.depth == 1 { "waits" } else { "wait" };
            broken.journal = Some(format!("{waiting} {wait} {text} (oldest {age})"));
        }
        let failing = status.performance.load_error_rate;
        if failing >= MANY_FAIL {
            broken.functions = Some(format!("{} of the functions' runs fail", percent(failing)));
        }
        broken.untrusted = status.trust.trusted == Some(false) && !broken.is_any_away();
        broken
    }

    fn note_node(&mut self, node: &ServerStatus) {
        let name = &node.endpoint;
        if !node.is_in_use {
            if node.is_connected == Some(false) {
                self.beside.push(format!("{name} does not answer"));
            }
            return;
        }
        self.used += 1;
        let breakers = [node.breaker, node.write_breaker];
        let is = |state| breakers.contains(&Some(state));
        if is(BreakerState::Isolated) {
            self.isolated.push((name.clone(), node.retry_after_seconds));
        } else if let Some(text) = &node.refuses {
            self.refusing.push(format!("{name} refuses its work: {text}"));
        } else if node.ready == Some(false) {
            self.away.push(format!("{name} is not reached"));
        } else if is(BreakerState::Open) {
            self.away.push(format!("{name} does not answer in time, its breaker is open"));
        } else if is(BreakerState::HalfOpen) {
            self.away.push(format!("{name} is being tried again"));
        }
        let is_at_work = node.refuses.is_none() && node.ready != Some(false);
        if is_at_work {
            self.note_rights(node);
        }
    }

    /// What is no trouble to be without, as to be told of changes, is as somebody has set it up.
    fn note_rights(&mut self, node: &ServerStatus) {
        let is_unconfirmed = node.confirmed == Some(false);
        let is_right = |it: &&Ability| !is_unconfirmed || **it != Ability::Invalidate;
        let lacks = node.lacks.iter().filter(|it| it.is_essential()).filter(is_right);
        let (name, lacks) = (&node.endpoint, lacks.map(|it| it.name()).collect::<Vec<_>>());
        if !lacks.is_empty() {
            self.lacking.push(format!("{name} does not allow us to {}", lacks.join(", ")));
        }
        if is_unconfirmed {
            let text = "is not confirmed as the primary yet: what it acknowledges does not count";
            self.unconfirmed.push(format!("{name} {text}"));
        }
    }

    fn note_check(&mut self, name: &str, entry: &HealthEntry) {
        let Some(status) = entry.status.filter(|status| *status != Health::Healthy) else { return };
        if name == "access" {
            self.denied = Some(status);
        }
        let nodes_say =
            !(self.away.is_empty() && self.isolated.is_empty() && self.refusing.is_empty());
        if name == JOURNAL || nodes_say && TOLD_BY_NODES.contains(&name) {
            return;
        }
        let text = entry.description.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
        self.checks.push(format!("check {name} is {status}{text}"));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Whether none of the nodes that are needed does its work.
    pub(super) fn is_all_away(&self) -> bool {
        self.used > 0 && self.lost() >= self.used
    }

    pub(super) fn is_any_away(&self) -> bool {
        self.lost() > 0
    }

    /// Whether the backend lets nobody in.
    pub(super) fn is_shut_out(&self) -> bool {
        self.denied == Some(Health::Unhealthy)
    }

    fn lost(&self) -> usize {
        self.away.len() + self.isolated.len() + self.refusing.len()
    }

    /// What the sentence is about.
    pub(super) fn subject(&self, status: &Status) -> String {
        let (used, overall) = (self.used, status.overall_health.status);
        let is_unhealthy = overall == Health::Unhealthy;
        match () {
            () if is_unhealthy && self.denied.is_none() && !self.is_any_away() => {
                "The cache is unhealthy".into()
            }
            () if status.redis_cluster.kind.as_deref() == Some("none") => {
                "Memory alone serves".into()
            }
            () if used == 0 => "No node of Redis is known".into(),
            () if self.is_shut_out() => "Redis does not let us in".into(),
            () if self.isolated.len() == used => "Redis is left alone on purpose".into(),
            () if self.refusing.len() == used => "Redis refuses its work".into(),
            () if self.is_all_away() && self.has_successor(status) => {
                "Redis is away, a replica can take over".into()
            }
            () if self.is_all_away() => "Redis is away".into(),
            () if self.lost() == 1 => format!("One of {used} primaries is away"),
            () if self.lost() > 1 => format!("{} of {used} primaries are away", self.lost()),
            () if !self.lacking.is_empty() => {
                "Redis serves, and does not allow all that is needed".into()
            }
            () if !self.unconfirmed.is_empty() => "Redis serves, unconfirmed".into(),
            () if self.untrusted => "Redis serves, memory is not trusted".into(),
            () => "Redis serves".into(),
        }
    }

    fn all(&self) -> impl Iterator<Item = String> {
        let isolated = self
            .isolated
            .iter()
            .map(|(name, _)| format!("{name} is isolated: nothing is sent to it"));
        let untrusted = self
            .untrusted
            .then(|| "memory does not answer: changes may have gone unheard".to_owned());
        let lines = self.lacking.iter().chain(&self.refusing).chain(&self.away);
        let lines = lines.chain(&self.unconfirmed).cloned();
        let rest = self
            .functions
            .iter()
            .chain(&self.journal)
            .chain(&self.beside)
            .chain(&self.checks)
            .cloned();
        lines.chain(isolated).chain(untrusted).chain(rest)
    }

    /// The worst of them, in a sentence each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.all().take(LINES).collect();
        let more = self.all().count() - lines.len();
        if more > 0 {
            lines.push(format!("and {more} more, below"));
        }
        lines
    }
}
