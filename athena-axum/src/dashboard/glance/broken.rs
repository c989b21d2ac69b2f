//! What is broken, and what it takes to be whole again.

use athena_cache_core::{BreakerState, Health, HealthEntry, ServerStatus, Status};

use super::said::{Level, MANY_FAIL, Said};
use super::words::{count, percent, seconds};

/// Lines that are shown; the rest is counted.
const LINES: usize = 4;

/// Checks that say nothing which is not said of nodes already.
const TOLD_BY_NODES: [&str; 5] =
    ["redis_connectivity", "distributed_cache", "breakers", "trust", "replication"];
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
        if is_at_work && !node.lacks.is_empty() {
            let lacks: Vec<_> = node.lacks.iter().map(|it| it.name()).collect();
            self.lacking.push(format!("{name} does not allow us to {}", lacks.join(", ")));
        }
    }

    fn note_check(&mut self, name: &str, entry: &HealthEntry) {
        if entry.status == Health::Healthy {
            return;
        }
        if name == "access" {
            // Who is not reached has not said what it allows.
            if entry.status != Health::Unhealthy && self.is_any_away() {
                return;
            }
            self.denied = Some(entry.status);
        }
        let nodes_say =
            !(self.away.is_empty() && self.isolated.is_empty() && self.refusing.is_empty());
        if name == JOURNAL || nodes_say && TOLD_BY_NODES.contains(&name) {
            return;
        }
        let text = entry.description.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
        self.checks.push(format!("check {name} is {}{text}", entry.status));
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
            () if self.denied == Some(Health::Unhealthy) => "Redis does not let us in".into(),
            () if self.isolated.len() == used => "Redis is left alone on purpose".into(),
            () if self.refusing.len() == used => "Redis refuses its work".into(),
            () if self.is_all_away() && can_take_over(status) == Some(true) => {
                "Redis is away, a replica can take over".into()
            }
            () if self.is_all_away() => "Redis is away".into(),
            () if self.lost() == 1 => format!("One of {used} primaries is away"),
            () if self.lost() > 1 => format!("{} of {used} primaries are away", self.lost()),
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
        let lines = self.lacking.iter().chain(&self.refusing).chain(&self.away).cloned();
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

    /// Whether it heals by itself.
    pub(super) fn heals(&self, status: &Status) -> Said {
        if self.denied.is_some() {
            let text =
                "No. Somebody has to give the Redis user its rights, or us the right credentials.";
            return Said::new(Level::Trouble, text);
        }
        if !self.refusing.is_empty() {
            return Said::new(
                Level::Notice,
                "Not by the cache: the server answers and refuses. What it says is beside.",
            );
        }
        if !self.away.is_empty() {
            return self.comes_back(status);
        }
        if let Some((_, left)) = self.isolated.first() {
            let end = left.map(|left| format!(" in {}", seconds(left))).unwrap_or_default();
            return Said::new(
                Level::Notice,
                format!("Yes, when the isolation ends{end}, or when somebody resumes."),
            );
        }
        if !self.lacking.is_empty() {
            let text = "Yes: what nobody confirms yet is confirmed as soon as those who decide agree on the node.";
            return Said::new(Level::Notice, text);
        }
        if self.untrusted {
            return Said::new(
                Level::Notice,
                "Yes: memory answers again as soon as Redis announces changes again.",
            );
        }
        if self.journal.is_some() {
            return Said::new(Level::Notice, "Yes: they are sent before the node is read again.");
        }
        if self.functions.is_some() {
            return Said::new(
                Level::Notice,
                "Not by the cache: what the functions ask has to recover.",
            );
        }
        if !self.is_empty() {
            return Said::new(
                Level::Notice,
                "Not by itself: it is about the servers, see the checks.",
            );
        }
        Said::new(Level::Calm, "There is nothing to heal.")
    }

    fn comes_back(&self, status: &Status) -> Said {
        match can_take_over(status) {
            Some(true) => {
                let text = "Yes: a replica can take over, and the cache follows it by itself.";
                Said::new(Level::Notice, text)
            }
            Some(false) => {
                let text = "Not without help: no replica answers that could take over. The cache comes back by itself \
                            as soon as the server does.";
                Said::new(Level::Trouble, text)
            }
            None => {
                let text = "The cache comes back by itself as soon as the server does. Whether anybody takes over for \
                            it is unknown.";
                Said::new(Level::Notice, text)
            }
        }
    }
}

/// Whether a replica answers that others would make the primary; `None` if that is not known.
fn can_take_over(status: &Status) -> Option<bool> {
    match status.redis_cluster.kind.as_deref() {
        Some("sentinel" | "cluster") => {}
        Some("standalone") => return Some(false),
        _ => return None,
    }
    let answers = |node: &&ServerStatus| node.is_connected != Some(false);
    let mut possible = status.nodes.iter().filter(|node| !node.is_in_use).filter(answers);
    let is_ready = |node: &ServerStatus| node.is_connected?.then_some(node.is_replica?);
    // One that answered decides; of one that nobody has asked yet nothing is known.
    possible.try_fold(false, |any, node| Some(any || is_ready(node)?))
}
