//! `athena keys`: what is stored, node by node.
//!
//! Invariant: what is remembered is bounded by `--limit`, and what is read at one time by a page, however much is
//! stored.

use std::collections::BTreeSet;
use std::time::Duration;

use athena_cache_core::backend::operate::{Operator, RawValue, Scan};
use athena_cache_core::backend::{Class, Excerpt, Failure};
use athena_cache_core::inspect::{self, NameKind, SeenName, Summary};
use serde::Serialize;

use super::{Session, operator};
use crate::args::KeysArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::plain;
use crate::shown::{self, or_unknown};

const AT_A_TIME: usize = 200;
/// How much of a value is read for its tags; of those that have more, one by one, so much.
const WITH_TAGS: usize = 4 * 1024;
const WITH_MANY_TAGS: usize = 16 << 20;

/// A value of an entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    site: Option<String>,
    key: String,
    /// `value`, `absent` or `failed`; `unreadable` if it is none of ours.
    kind: String,
    lane: Option<u8>,
    age_ms: Option<u64>,
    life_ms: Option<u64>,
    is_stale: Option<bool>,
    bytes: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeysDocument {
    keys: Vec<Row>,
    /// Whether all nodes were gone through, and not more was found than was asked for.
    is_complete: bool,
    errors: Vec<String>,
}

pub(super) async fn run(session: &Session<'_>, args: &KeysArgs) -> Result<Exit, Fault> {
    let Some(redis) = session.stop.or(session.target.connect()).await.transpose()? else {
        return Ok(Exit::Interrupted);
    };
    let operator = operator(&redis)?;
    let (namespace, prefix) = (&session.target.namespace, session.prefix());
    let mut scan = Scan::new(&*operator, &prefix, AT_A_TIME);
    // A name may come more than once.
    let (mut listed, mut found) = (BTreeSet::new(), Vec::new());
    let (mut errors, mut is_complete, mut is_refused) = (Vec::new(), false, false);
    let mut note = |failure: Failure| {
        is_refused |= failure.class() == Class::Denied;
        errors.push(failure.to_string());
    };
    let head =
        format!("{:<8} {:>8} {:>8} {:>10}  {:<32} KEY", "KIND", "AGE", "LEFT", "SIZE", "SITE");
    session.out.line(head)?;
    loop {
        if found.len() >= args.limit {
            break;
        }
        let Some(page) = session.stop.or(scan.next()).await else { break };
        let names = match page {
            None => {
                is_complete = true;
                break;
            }
            Some(Err(failure)) => {
                note(failure);
                continue;
            }
            Some(Ok(names)) => names,
        };
        let wanted = names.into_iter().filter_map(|name| wanted(namespace, name, args)).collect();
        match read(&*operator, wanted, args).await {
            Ok(rows) => {
                for (name, row) in rows {
                    if found.len() < args.limit && listed.insert(name) {
                        session.out.line(line(&row))?;
                        found.push(row);
                    }
                }
            }
            Err(failure) => note(failure),
        }
    }
    is_complete &= errors.is_empty() && !scan.is_incomplete();
    if scan.is_incomplete() {
        errors.push("names went on moving between nodes: some may not be listed".to_owned());
    }
    for error in &errors {
        session.out.note(format!("not complete: {error}"));
    }
    let is_failed = !errors.is_empty();
    if !is_complete && !is_failed && !session.stop.is_asked() {
        session.out.note(format!("there may be more: these are {} (`--limit`)", found.len()));
    }
    session.out.json(&KeysDocument { keys: found, is_complete, errors })?;
    Ok(match (is_refused, is_failed) {
        (true, _) => Exit::Refused,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::Fine,
    })
}

/// A name that is asked for, by what it says.
fn wanted(namespace: &str, name: String, args: &KeysArgs) -> Option<(String, SeenName)> {
    let seen = inspect::see(namespace, &name).filter(|seen| seen.kind == NameKind::Value)?;
    let is_of_site = args.site.is_none() || args.site == seen.site;
    is_of_site.then_some((name, seen))
}

/// What is under names, as far as it is asked for.
async fn read(
    operator: &dyn Operator,
    wanted: Vec<(String, SeenName)>,
    args: &KeysArgs,
) -> Result<Vec<(String, Row)>, Failure> {
    let names: Vec<_> = wanted.iter().map(|(name, _)| name.clone()).collect();
    let most = if args.tag.is_some() { WITH_TAGS } else { Summary::LENGTH };
    let stored = operator.stored(&names, most).await?;
    let mut rows = Vec::new();
    for ((name, seen), value) in wanted.into_iter().zip(stored) {
        let Some(mut value) = value else { continue };
        let mut summary = summary(&value);
        if let (Some(_), Some(Summary { tags: None, .. })) = (&args.tag, &summary) {
            // It has more tags than were read.
            let whole = operator.stored(std::slice::from_ref(&name), WITH_MANY_TAGS).await?;
            let Some(whole) = whole.into_iter().flatten().next() else { continue };
            value = whole;
            summary = self::summary(&value);
        }
        let tags = summary.as_ref().and_then(|it| it.tags.as_deref()).unwrap_or_default();
        if args.tag.as_ref().is_some_and(|tag| !tags.contains(tag)) {
            continue;
        }
        let row = row(seen, &value, summary.as_ref());
        if !args.stale || row.is_stale == Some(true) {
            rows.push((name, row));
        }
    }
    Ok(rows)
}

fn summary(value: &RawValue) -> Option<Summary> {
    inspect::summary(value.bytes.as_deref()?, value.remaining).ok()
}

fn row(seen: SeenName, value: &RawValue, summary: Option<&Summary>) -> Row {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let age = summary.and_then(|summary| summary.age);
    Row {
        site: seen.site,
        key: seen.key.unwrap_or_default(),
        kind: summary.map_or("unreadable", |summary| summary.kind).to_owned(),
        lane: seen.lane,
        age_ms: age.map(ms),
        life_ms: value.remaining.map(ms),
        is_stale: summary.zip(age).map(|(summary, age)| age > summary.ttl),
        bytes: value.length,
    }
}

fn line(row: &Row) -> String {
    let time = |ms: Option<u64>| or_unknown(ms.map(Duration::from_millis), shown::time);
    let life = row
        .life_ms
        .map_or_else(|| "no end".to_owned(), |ms| shown::time(Duration::from_millis(ms)));
    let (age, size) = (time(row.age_ms), or_unknown(row.bytes, shown::size));
    let kind = if row.is_stale == Some(true) { "stale" } else { &row.kind };
    let function = Excerpt::of(row.site.as_deref().unwrap_or("by hand"));
    let (function, key) = (function.as_str(), plain::word(&row.key));
    format!("{kind:<8} {age:>8} {life:>8} {size:>10}  {function:<32} {key}")
}
