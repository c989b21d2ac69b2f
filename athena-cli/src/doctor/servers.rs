//! How servers are set: memory, readers, clients, what outlives them.

use athena_cache_core::backend::operate::{StoreKind, SurveyedNode};

use super::facts::{Facts, number};
use super::finding::{Finding, SERVERS};
use crate::shown;

/// From this share on there is little room.
const FULL: f64 = 0.9;
const CROWDED: f64 = 0.8;
/// What servers have unless they are configured otherwise.
const READERS: u64 = 1_000_000;

/// Whether the table of who reads what has room for all names.
pub(super) fn readers(facts: &Facts, found: &mut Vec<Finding>) {
    if !facts.examination.own.tracking {
        return;
    }
    for (node, examined) in facts.primaries() {
        let own = facts.examination.own.tracking_table_max_keys;
        let limit = number(examined, "tracking-table-max-keys").or(own).filter(|limit| *limit > 0);
        let tracked = node.memory.as_ref().and_then(|memory| memory.tracked_names);
        let names = examined.and_then(|it| it.names);
        let Some((limit, names)) = limit.zip(names.max(tracked)) else { continue };
        if names.saturating_mul(2) < limit {
            continue;
        }
        let said = format!("it remembers the readers of {limit} names at most, and holds {names}");
        let advised = names.saturating_mul(4).max(READERS);
        found.push(
            Finding::warning("readers", said)
                .on(&node.endpoint)
                .why("from half of it on changes are noticed only after `trust_window`; what it forgets it announces as changed, so that loads are kept nowhere")
                .set("tracking-table-max-keys", &advised.to_string())
                .see(SERVERS),
        );
    }
}

/// Whether there is a limit to its memory, and room below it.
pub(super) fn memory(facts: &Facts, found: &mut Vec<Finding>) {
    for (node, _) in facts.answering() {
        let Some(memory) = &node.memory else { continue };
        let warning =
            |said: String| Finding::warning("memory", said).on(&node.endpoint).see(SERVERS);
        match (memory.used, memory.max) {
            (_, Some(0)) => found.push(
                warning("its memory has no limit (maxmemory 0)".to_owned())
                    .why("it grows until its machine ends it, with all that it holds")
                    .set("maxmemory", "SIZE")
                    .fix_size(),
            ),
            (Some(used), Some(max)) if share(used, max) >= FULL => found.push(
                warning(format!("its memory is full: {} of {}", shown::size(used), shown::size(max)))
                    .why("it evicts entries or refuses new ones; while it evicts, changes by others are noticed late")
                    .set("maxmemory", &max.saturating_mul(2).to_string()),
            ),
            _ => {}
        }
    }
}

impl Finding {
    /// Says what is put in place of a size.
    fn fix_size(mut self) -> Self {
        self.fix += "    SIZE: three quarters of the memory of its machine, as `6gb`";
        self
    }
}

/// What it does when its memory is full.
pub(super) fn policy(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |node, _| {
        let policy = node.memory.as_ref()?.policy.as_deref()?;
        let why = match policy {
            "noeviction" => {
                "when its memory is full it refuses to store: each process loads for itself, and invalidations may be refused"
            }
            _ if policy.starts_with("allkeys-") => {
                "it may evict the number that all entries of the namespace depend on, and with it all of them"
            }
            _ => return None,
        };
        let warning = Finding::warning("policy", format!("maxmemory-policy is {policy}"));
        Some(warning.why(why).set("maxmemory-policy", "volatile-lru").see(SERVERS))
    });
}

/// Whether it has room for more clients.
pub(super) fn clients(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |_, examined| {
        let (clients, max) = examined.and_then(|it| it.clients.zip(it.max_clients))?;
        (share(clients, max) >= CROWDED).then(|| {
            Finding::warning("clients", format!("it has {clients} clients of {max} that it takes"))
                .why("who comes beyond that is not let in, as processes that are deployed")
                .set("maxclients", &max.saturating_mul(2).to_string())
                .see(SERVERS)
        })
    });
}

/// Whether saves succeed, and whether a primary comes back with what it had.
pub(super) fn persistence(facts: &Facts, found: &mut Vec<Finding>) {
    for (node, _) in facts.answering() {
        let Some(persistence) = &node.persistence else { continue };
        let failed = [
            (persistence.last_save_ok, "its last save failed (rdb_last_bgsave_status)"),
            (persistence.aof_last_write_ok, "it could not write its log (aof_last_write_status)"),
        ];
        for (_, said) in failed.into_iter().filter(|(is_ok, _)| *is_ok == Some(false)) {
            found.push(
                Finding::fault("persistence", said)
                    .on(&node.endpoint)
                    .why("it refuses to store anything until that succeeds (MISCONF)")
                    .fix("BGSAVE    (after its disk has room, and its folder can be written; its log says what failed)")
                    .see(SERVERS),
            );
        }
        let is_kept = persistence.aof_enabled == Some(true)
            || persistence.save_points.as_deref().is_none_or(|points| !points.is_empty());
        let has_replicas = facts.survey.kind != StoreKind::Standalone;
        if !is_kept && has_replicas {
            found.push(
                Finding::warning("persistence", "it saves nothing (neither `save` nor `appendonly`)")
                    .on(&node.endpoint)
                    .why("a primary that is restarted before anybody takes over comes back empty, and its replicas empty themselves")
                    .set("save", "\"3600 1 300 100\"")
                    .see(SERVERS),
            );
        }
    }
}

/// Whether a failover may forget what was acknowledged, and whether copies keep up.
pub(super) fn copies(facts: &Facts, found: &mut Vec<Finding>) {
    /// A replica that is so many seconds behind would bring old values back.
    const BEHIND: u64 = 5;
    for (node, examined) in facts.answering() {
        let Some(replication) = &node.replication_info else { continue };
        let late =
            replication.replicas.iter().filter(|it| it.lag_seconds.is_some_and(|lag| lag > BEHIND));
        for replica in late {
            let lag = replica.lag_seconds.unwrap_or_default();
            found.push(
                Finding::warning("replication", format!("its replica {} is {lag} s behind", replica.endpoint))
                    .on(&node.endpoint)
                    .why("what it has not got is forgotten if it takes over: invalidations too")
                    .fix("look at the network and the load between the two; `client-output-buffer-limit replica` may be too small")
                    .see(SERVERS),
            );
        }
        if replication.link_up == Some(false) {
            found.push(
                Finding::warning("replication", "it follows a primary that it does not reach")
                    .on(&node.endpoint)
                    .why("it would take over with what it had when it lost it")
                    .fix("look whether the primary lets it in: `masterauth`, `masteruser`, the network")
                    .see(SERVERS),
            );
        }
        // With a single one, whoever takes over has none, and would refuse all writes until the other is back.
        if replicas_of(node) >= 2 && number(examined, "min-replicas-to-write") == Some(0) {
            found.push(
                Finding::warning("acknowledged", "it acknowledges writes that no replica has (min-replicas-to-write 0)")
                    .on(&node.endpoint)
                    .why("cut off from the others it goes on taking writes, and all of them are forgotten when another one has taken over")
                    .set("min-replicas-to-write", "1")
                    .see(SERVERS),
            );
        }
    }
}

/// How many replicas a primary has.
fn replicas_of(node: &SurveyedNode) -> usize {
    let replication = node.replication_info.as_ref().filter(|_| node.is_replica == Some(false));
    replication.map_or(0, |it| it.replicas.len())
}

/// A node that is known to have none.
pub(super) fn has_no_copy(node: &SurveyedNode) -> bool {
    let replication = node.replication_info.as_ref();
    node.is_replica == Some(false) && replication.is_some_and(|it| it.replicas.is_empty())
}

#[expect(clippy::cast_precision_loss, reason = "a share to two digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
