//! `athena invalidate`: removes entries, whatever carries a tag, or all, and says what was reached.
//!
//! Invariant: what could not be told to the servers is said, and is not done later: nothing waits for it.

use athena_cache_core::backend::{Ability, Backend};
use athena_cache_core::inspect::{self, EntryNameSet};
use athena_cache_core::{Cache, Invalidated};
use athena_cache_redis::Redis;
use serde::Serialize;

use super::Session;
use crate::args::InvalidateArgs;
use crate::exit::Exit;
use crate::fault::Fault;

/// What became of one thing that was to be removed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Removal {
    /// A key, `tag …`, or `everything`.
    what: String,
    is_done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct InvalidateDocument<'a> {
    removed: &'a [Removal],
}

pub(super) async fn run(session: &Session<'_>, args: &InvalidateArgs) -> Result<Exit, Fault> {
    let namespace = session.target.namespace.as_str();
    if args.all {
        session.confirm("`--all`", args.confirm.as_deref())?;
    }
    if let Some(empty) = args.tag.iter().find(|tag| tag.is_empty()) {
        return Err(Fault::usage(format!("`--tag {empty:?}` labels nothing")));
    }
    let names = |key: &String| Ok((key.clone(), inspect::entry_names(namespace, key)?));
    let entries: Result<Vec<_>, _> = args.keys.iter().map(names).collect();
    let entries = entries.map_err(|error: athena_cache_core::Error| {
        Fault::usage("a key cannot be used").caused_by(error)
    })?;
    let Some(redis) = session.stop.or(session.target.connect()).await.transpose()? else {
        return Ok(Exit::Interrupted);
    };
    let cache = Cache::builder(namespace).backend(redis.clone()).build();
    let cache = cache.map_err(|error| Fault::usage("the cache cannot be used").caused_by(error))?;
    let mut removals = Vec::new();
    let mut note = |removal: Removal| -> Result<(), Fault> {
        session.out.line(match &removal.error {
            None => format!("removed {}", removal.what),
            Some(error) => format!("NOT removed {}: {error}", removal.what),
        })?;
        removals.push(removal);
        Ok(())
    };
    for (key, names) in &entries {
        if session.stop.is_asked() {
            break;
        }
        note(remove(&redis, key, names).await)?;
    }
    for tag in &args.tag {
        if session.stop.is_asked() {
            break;
        }
        note(of(format!("tag {tag}"), cache.invalidate_tag(tag).await))?;
    }
    if args.all {
        note(of("everything".to_owned(), cache.clear().await))?;
    }
    session.out.json(&InvalidateDocument { removed: &removals })?;
    let wanted = entries.len() + args.tag.len() + usize::from(args.all);
    let done = removals.iter().filter(|removal| removal.is_done).count();
    Ok(if done == wanted { Exit::Fine } else { Exit::Incomplete })
}

/// Removes an entry by its names: every value and the lease, so that a load under way keeps nothing.
async fn remove(redis: &Redis, key: &str, names: &EntryNameSet) -> Removal {
    let all: Vec<_> = names.values.iter().chain([&names.lease]).cloned().collect();
    let outcome = redis.remove(&all).await;
    let unconfirmed = redis.lacks(redis.node(&names.entry), Ability::Invalidate);
    let error = match outcome {
        Err(failure) => Some(failure.to_string()),
        Ok(()) if unconfirmed => Some(UNCONFIRMED.to_owned()),
        Ok(()) => None,
    };
    Removal { what: key.to_owned(), is_done: error.is_none(), error }
}

const UNCONFIRMED: &str = "the node has removed it, and nobody confirms that it is the primary";

fn of(what: String, outcome: Invalidated) -> Removal {
    let is_done = outcome == Invalidated::Done;
    let error = (!is_done).then(|| {
        "not all nodes were reached, or nobody confirms that they serve; nothing waits for them: try again".to_owned()
    });
    Removal { what, is_done, error }
}
