//! `athena show KEY`: everything that is stored for one entry, without its type.
//!
//! Invariant: values are read one at a time, and of each no more than is said, whoever wrote it.

mod judged;

use std::collections::BTreeMap;
use std::time::Duration;

use athena_cache_core::backend::operate::{Operator, RawValue};
use athena_cache_core::backend::{Backend, Failure, Token};
use athena_cache_core::inspect::{self, EntryNameSet};
use athena_cache_redis::Redis;
use serde::Serialize;
use serde_json::Value;

use self::judged::{Context, SeenTagState, Shown, Stored, ms};
use super::{Session, operator};
use crate::args::ShowArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::Out;
use crate::plain;
use crate::shown::{self, or_unknown};

/// How many bytes of a value are read: twice what a cache stores unless it is told otherwise.
const MOST: usize = 32 << 20;
/// How many of a lease and of a generation.
const LEASE: usize = 64;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShowDocument {
    entry: String,
    endpoint: String,
    values: Vec<Shown>,
    lease: Option<Lease>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lease {
    /// The token, if it is one.
    token: Option<String>,
    life_ms: Option<u64>,
}

pub(super) async fn run(session: &Session<'_>, args: &ShowArgs) -> Result<Exit, Fault> {
    let namespace = session.target.namespace.as_str();
    let names = inspect::entry_names(namespace, &args.key)
        .map_err(|error| Fault::usage("the key cannot be used").caused_by(error))?;
    let look = async {
        let redis = session.target.connect().await?;
        let operator = operator(&redis)?;
        let what = format!("cannot read `{}`", args.key);
        let document = document(&redis, &*operator, namespace, &names, args).await;
        document.map_err(|failure| Fault::of(what, &failure))
    };
    let Some(document) = session.stop.or(look).await.transpose()? else {
        return Ok(Exit::Interrupted);
    };
    session.out.json(&document)?;
    show(session.out, &document)?;
    let is_there = !document.values.is_empty() || document.lease.is_some();
    Ok(if is_there { Exit::Fine } else { Exit::Trouble })
}

async fn document(
    redis: &Redis,
    operator: &dyn Operator,
    namespace: &str,
    names: &EntryNameSet,
    args: &ShowArgs,
) -> Result<ShowDocument, Failure> {
    let lease = operator.stored(std::slice::from_ref(&names.lease), LEASE).await?;
    let lease = lease.into_iter().flatten().next().as_ref().map(lease_of);
    let endpoint = redis.endpoint(redis.node(&names.entry));
    let survey = operator.survey(Duration::from_secs(1)).await;
    let mut found = Vec::new();
    for name in &names.values {
        let stored = operator.stored(std::slice::from_ref(name), MOST).await?;
        let stored = stored.into_iter().flatten();
        found.extend(stored.map(|raw| Stored::new(name, raw, MOST, args.full)));
    }
    let whole = inspect::namespace_name(namespace, redis.partition(&names.entry));
    let whole = whole.unwrap_or_default();
    let tags = found.iter().filter_map(|it| it.seen.as_ref().ok()).flat_map(|it| &it.tags);
    let tags: BTreeMap<_, _> = tags
        .filter_map(|tag| Some((inspect::tag_name(namespace, &tag.tag).ok()?, tag.tag.clone())))
        .collect();
    let depended: Vec<_> = tags.keys().cloned().chain([whole.clone()]).collect();
    let now = operator.stored(&depended, LEASE).await?;
    let now: BTreeMap<_, _> = depended.into_iter().zip(now).collect();
    let context = Context { redis, survey: &survey, now, namespace, whole };
    let values = found.into_iter().map(|stored| context.shown(stored));
    Ok(ShowDocument { entry: names.entry.clone(), endpoint, values: values.collect(), lease })
}

fn lease_of(stored: &RawValue) -> Lease {
    let token = stored.bytes.as_deref().and_then(Token::parse);
    Lease { token: token.map(|token| token.to_string()), life_ms: stored.remaining.map(ms) }
}

fn show(out: &Out, document: &ShowDocument) -> Result<(), Fault> {
    out.line(format!("{} at {}", plain::word(&document.entry), document.endpoint))?;
    if document.values.is_empty() {
        out.line("no value")?;
    }
    let time = |ms: Option<u64>| or_unknown(ms.map(Duration::from_millis), shown::time);
    for shown in &document.values {
        let life = shown.life_ms.map_or_else(|| "no end".to_owned(), |ms| time(Some(ms)));
        let size = or_unknown(shown.bytes, crate::shown::size);
        out.line(format!("\n{}: {size}, {life} left", plain::word(&shown.name)))?;
        if let Some(unreadable) = &shown.unreadable {
            out.line(format!("  unreadable: {unreadable}"))?;
        }
        let Some(read) = &shown.value else { continue };
        let fields = [
            ("answers", read.answers.clone()),
            ("kind", format!("{}, {}, type {}", read.kind, read.codec, read.fingerprint)),
            (
                "age",
                format!(
                    "{} of ttl {} and grace {}",
                    time(read.age_ms),
                    time(Some(read.ttl_ms)),
                    time(Some(read.grace_ms))
                ),
            ),
            ("history", read.history.to_owned()),
            ("namespace", read.namespace.to_owned()),
        ];
        for (name, text) in fields {
            out.line(format!("  {name:<10} {text}"))?;
        }
        for SeenTagState { tag, state } in &read.tags {
            out.line(format!("  {:<10} {}: {state}", "tag", plain::word(tag)))?;
        }
        let payload = match &read.payload {
            Value::String(text) if read.codec != "json" || read.is_cut => plain::line(text),
            value => value.to_string(),
        };
        let rest = if read.is_cut { "…    (`--full` shows all of it)" } else { "" };
        out.line(format!("  {:<10} {} bytes: {payload}{rest}", "payload", read.payload_bytes))?;
    }
    match &document.lease {
        None => Ok(()),
        Some(Lease { token, life_ms }) => {
            let holder = token.as_deref().unwrap_or("nobody who is one of ours");
            out.line(format!("\nlease: held by {holder} for {}: somebody loads it", time(*life_ms)))
        }
    }
}
