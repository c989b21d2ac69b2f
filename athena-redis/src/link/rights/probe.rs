//! How it is found out which rights there are: each command is sent in a form that changes nothing.
//!
//! Servers check rights before anything else, so that whatever else a reply says, the right is there.

use std::time::Duration;

use tokio::time::Instant;

use super::{CLUSTER_INFO, INFO, LIMITS, Lacks, NodeKind, RIGHTS, Right, TIME, TRACKING};
use crate::config::Access;
use crate::link::batch::{Batch, Replies, Words};
use crate::link::unheard::TABLE_LIMIT;
use crate::lock::Lock;

/// Between two questions about rights that are lacking, or that something was refused for want of.
const AGAIN: Duration = Duration::from_secs(5);
/// What the name of a probe ends with: of no entry, lease, tag or generation.
const NAME: &str = "?";
/// A script that does nothing and fails, so that no statistics take it for a write that succeeded.
const SOURCE: &str = "return redis.error_reply('PROBE')";
/// The digest of no script.
const UNKNOWN: &str = "0000000000000000000000000000000000000000";

/// What is known of the rights on one connection.
#[derive(Debug, Default)]
pub(in crate::link) struct Rights(Lock<KnownRights>);

#[derive(Debug, Default)]
struct KnownRights {
    lacks: Lacks,
    /// How many prefixes of names were asked about.
    prefixes: usize,
    /// Whether those were that a log needs.
    keeps_log: bool,
    asked: Option<Instant>,
    /// Something was refused since.
    is_in_doubt: bool,
}

/// A question about rights, with names of certain prefixes.
#[derive(Debug)]
pub(in crate::link) struct Probe {
    terms: Terms,
    scope: Scope,
}

/// What a backend needs rights for.
#[derive(Debug, Clone)]
pub(in crate::link) struct Terms {
    /// What the names begin with that it uses.
    pub(in crate::link) prefixes: Vec<String>,
    /// What its nodes are.
    pub(in crate::link) place: NodeKind,
    /// Whether it keeps a log for other regions.
    pub(in crate::link) keeps_log: bool,
}

/// Which rights a probe asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All that the rest of a login does not tell.
    Login,
    /// All.
    Open,
    /// Those with names.
    Names,
}

impl Rights {
    pub(in crate::link) fn lacks(&self) -> Lacks {
        self.0.lock().lacks
    }

    /// Something was refused for want of a right.
    pub(in crate::link) fn doubt(&self) {
        self.0.lock().is_in_doubt = true;
    }

    /// The question about names that were not known when it was asked last, if there are such.
    pub(in crate::link) fn unprobed(&self, terms: Terms) -> Option<Probe> {
        let is_unprobed = {
            let known = self.0.lock();
            known.prefixes < terms.prefixes.len() || !known.keeps_log && terms.keeps_log
        };
        is_unprobed.then(|| Probe::new(terms, Scope::Names))
    }

    /// The question that it is time for, if it is for one.
    pub(in crate::link) fn due(&self, terms: Terms, now: Instant) -> Option<Probe> {
        let is_due = {
            let known = self.0.lock();
            let is_wanted = known.is_in_doubt || !known.lacks.is_empty();
            is_wanted && known.asked.is_none_or(|asked| now.duration_since(asked) >= AGAIN)
        };
        if is_due { Some(Probe::new(terms, Scope::Open)) } else { self.unprobed(terms) }
    }

    /// Notes the answer; tells what is lacking by all that is known.
    pub(in crate::link) fn note(&self, probe: &Probe, lacks: Lacks) -> Lacks {
        let mut known = self.0.lock();
        let kept = match probe.scope {
            Scope::Login | Scope::Open => Lacks::default(),
            Scope::Names => known.lacks,
        };
        known.lacks = kept.and(lacks);
        known.prefixes = probe.terms.prefixes.len();
        known.keeps_log = probe.terms.keeps_log;
        known.asked = Some(Instant::now());
        known.is_in_doubt = false;
        known.lacks
    }
}

impl Probe {
    /// The question of a login.
    pub(in crate::link) fn at_login(terms: Terms) -> Self {
        Self::new(terms, Scope::Login)
    }

    pub(super) fn new(terms: Terms, scope: Scope) -> Self {
        Self { terms, scope }
    }

    /// What the names begin with that it is about.
    pub(in crate::link) fn prefixes(&self) -> &[String] {
        &self.terms.prefixes
    }

    /// Adds the commands to a batch, one for each right and prefix.
    pub(in crate::link) fn ask(&self, batch: &mut Batch, access: &Access) {
        for (at, name) in self.questions(access) {
            ask(batch, RIGHTS[at].command, &name);
        }
    }

    /// Reads their replies.
    pub(in crate::link) fn read(&self, replies: &mut Replies, access: &Access) -> Lacks {
        let mut lacks = Lacks::default();
        for (at, _) in self.questions(access) {
            let denial = replies.denial();
            replies.skip(1);
            lacks.note(at, denial);
        }
        lacks
    }

    /// The places of the rights that are asked about, and the names.
    fn questions(&self, access: &Access) -> impl Iterator<Item = (usize, String)> {
        let Terms { prefixes, place, keeps_log } = &self.terms;
        let names: Vec<_> = prefixes.iter().map(|prefix| format!("{prefix}{NAME}")).collect();
        let (scope, tracking) = (self.scope, access.tracking);
        let knows_limit = access.tracking_table_max_keys.is_some();
        let is_asked = move |command: &str| match command {
            TRACKING => tracking && scope == Scope::Open,
            INFO => scope == Scope::Open,
            LIMITS => tracking && !knows_limit && scope != Scope::Names,
            _ => has_name(command) || scope != Scope::Names,
        };
        let (place, keeps_log) = (*place, *keeps_log);
        let is_here = move |right: &Right| match right.place {
            NodeKind::Everywhere => true,
            NodeKind::Cluster => place == NodeKind::Cluster,
            NodeKind::Region => keeps_log,
        };
        let rights = RIGHTS.iter().enumerate().filter(move |(_, right)| is_here(right));
        let commands = rights.map(|(at, right)| (at, right.command));
        commands.filter(move |(_, it)| is_asked(it)).flat_map(move |(at, command)| {
            let names = if has_name(command) { names.clone() } else { vec![String::new()] };
            names.into_iter().map(move |name| (at, name))
        })
    }
}

fn has_name(command: &str) -> bool {
    !matches!(command, TRACKING | INFO | LIMITS | CLUSTER_INFO | TIME | "ping" | "asking")
}

/// Adds a command in a form that changes nothing.
fn ask(batch: &mut Batch, command: &str, name: &str) {
    match command {
        TRACKING => ask_tracking(batch),
        INFO => batch.command("INFO").arg("server"),
        LIMITS => batch.command("CONFIG").args(["GET", TABLE_LIMIT]),
        CLUSTER_INFO => batch.command("CLUSTER").arg("INFO"),
        TIME | "ping" | "asking" => batch.command(&command.to_uppercase()),
        "set" => batch.command("SET").arg(name).args(["0", "XX", "PX", "1"]),
        "pexpire" => batch.command("PEXPIRE").arg(name).arg("1"),
        "eval" => batch.command("EVAL").arg(SOURCE).arg("1").arg(name),
        // Too few words, and a number that is none: both are found after the right.
        "hset" => batch.command("HSET").arg(name).args(["f", "v", "f"]),
        "hincrby" => batch.command("HINCRBY").arg(name).args(["f", "?"]),
        "hget" | "hmget" => batch.command(&command.to_uppercase()).arg(name).arg("f"),
        "xadd" => batch.command("XADD").arg(name).args(["?", "f", "v"]),
        "xrange" => batch.command("XRANGE").arg(name).args(["-", "+", "COUNT", "1"]),
        "xtrim" => batch.command("XTRIM").arg(name).args(["MAXLEN", "0"]),
        "evalsha" => batch.command("EVALSHA").arg(UNKNOWN).arg("1").arg(name),
        command => batch.command(&command.to_uppercase()).arg(name),
    };
}

/// Asks the server to announce what others change of what is read.
///
/// Coherence 3b: what this process changes is announced to others only.
pub(in crate::link) fn ask_tracking(batch: &mut Batch) -> Words<'_> {
    batch.command("CLIENT").args(["TRACKING", "ON", "NOLOOP"])
}
