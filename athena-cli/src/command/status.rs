//! `athena status`: how the servers are, and who uses them.
//!
//! Invariant: what is told is true of the servers, and of processes only what they say of themselves: this one has
//! served nobody.

mod fleet;
mod found;
mod tables;

use std::collections::BTreeMap;

use athena_cache_core::backend::operate::{SentinelReport, Survey};
use athena_cache_core::{Cache, Fact, Fleet, Health, HealthChecks, HealthEntry};
use athena_cache_redis::Redis;
use serde::Serialize;

use self::found::Found;
use super::{Session, operator};
use crate::args::StatusArgs;
use crate::exit::Exit;
use crate::fault::Fault;

/// The health checks that are about servers; others are about the process that asks.
const CHECKS: [&str; 8] = [
    "access",
    "cluster_state",
    "distributed_cache",
    "memory",
    "persistence",
    "redis_connectivity",
    "replication",
    "sentinel_quorum",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusDocument<'a> {
    namespace: &'a str,
    /// The worst that a check has found.
    health: Health,
    survey: &'a Survey,
    checks: BTreeMap<&'a str, CheckRow<'a>>,
    sentinels: Option<&'a SentinelReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<&'a Fleet>,
}

/// What a health check has found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckRow<'a> {
    /// `None` if it found nothing out.
    status: Option<Health>,
    took_ms: u64,
    description: Option<&'a str>,
    data: &'a BTreeMap<String, Fact>,
}

pub(super) async fn run(session: &Session<'_>, args: &StatusArgs) -> Result<Exit, Fault> {
    let redis = session.target.redis()?;
    let operator = operator(&redis)?;
    let (_cache, checks) = checks(session, &redis)?;
    // Who is not reached is told by the status.
    let reached = session.stop.or(session.target.wait_for(&redis)).await;
    let Some(reached) = reached else { return Ok(Exit::Interrupted) };
    let asked = async {
        let timeout = session.target.timeout;
        let mut found = Found { checks: checks.report().await.entries.clone(), ..Found::default() };
        found.survey = operator.survey(timeout).await.as_ref().clone();
        found.sentinels = operator.sentinels(timeout).await;
        found.leave_out_what_is_not_known();
        let mut unread = None;
        if args.fleet {
            match super::fleet(&*operator, &session.prefix()).await {
                Ok(fleet) => found.fleet = Some(fleet),
                Err(fault) => unread = Some(fault),
            }
        }
        (found, unread)
    };
    let Some((found, unread)) = session.stop.or(asked).await else {
        return Ok(Exit::Interrupted);
    };
    session.out.json(&StatusDocument {
        namespace: &session.target.namespace,
        health: found.health(),
        survey: &found.survey,
        checks: found.checks.iter().map(|(name, entry)| (name.as_str(), row(entry))).collect(),
        sentinels: found.sentinels.as_ref(),
        fleet: found.fleet.as_ref(),
    })?;
    if !session.out.is_json() {
        tables::show(session.out, &session.target.namespace, &found)?;
        if let Some(fleet) = &found.fleet {
            fleet::show(session.out, fleet)?;
        }
    }
    if found.survey.connected_nodes() == 0 {
        let message = "no node answered";
        return Err(match reached {
            Err(reached) => Fault { message: message.to_owned(), ..reached },
            Ok(()) => Fault::new(Exit::Incomplete, message),
        });
    }
    unread.map_or(Ok(found.exit()), Err)
}

fn row(entry: &HealthEntry) -> CheckRow<'_> {
    CheckRow {
        status: entry.status,
        took_ms: u64::try_from(entry.took.as_millis()).unwrap_or(u64::MAX),
        description: entry.description.as_deref(),
        data: &entry.data,
    }
}

/// A cache whose health checks are those of the servers.
fn checks(session: &Session<'_>, redis: &Redis) -> Result<(Cache, HealthChecks), Fault> {
    let cache = Cache::builder(session.target.namespace.as_str())
        .backend(redis.clone())
        .settings(session.target.settings())
        .build();
    let cache = cache.map_err(|error| Fault::usage("the cache cannot be used").caused_by(error))?;
    let checks = cache.health_checks();
    for name in checks.names().iter().filter(|name| !CHECKS.contains(&name.as_str())) {
        checks.remove(name);
    }
    Ok((cache, checks))
}

#[cfg(test)]
mod tests;
