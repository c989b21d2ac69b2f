//! `athena invalidate`: removes entries, whatever carries a tag, or all, and says what was reached.
//!
//! Invariant: what could not be told to the servers is said, and is not done later: nothing waits for it. In a
//! namespace that nobody uses nothing is written unless that is meant.

mod presence;
mod witness;

use athena_cache_core::backend::{Backend, Class, Node};
use athena_cache_core::inspect::{self, EntryNameSet};
use athena_cache_core::{Cache, Invalidated};
use athena_cache_redis::Redis;
use serde::Serialize;

use self::presence::Presence;
use self::witness::Witness;
use super::{Session, operator};
use crate::args::InvalidateArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::plain;

/// What became of one thing that was to be removed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Removal {
    /// A key, `tag …`, or `everything`.
    what: String,
    is_done: bool,
    /// Whether there was anything to remove; `null` if the servers did not say.
    was_there: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Whether the user may not do it.
    #[serde(skip)]
    is_refused: bool,
}

#[derive(Serialize)]
struct InvalidateDocument<'a> {
    removed: &'a [Removal],
}

pub(super) async fn run(session: &Session<'_>, args: &InvalidateArgs) -> Result<Exit, Fault> {
    let namespace = session.target.namespace.as_str();
    if args.all || args.confirm.is_some() {
        session.confirm("this", args.confirm.as_deref())?;
    }
    if args.tag.iter().any(String::is_empty) {
        return Err(Fault::usage("`--tag \"\"` labels nothing"));
    }
    let names = |key: &String| Ok((key.clone(), inspect::entry_names(namespace, key)?));
    let entries: Result<Vec<_>, _> = args.keys.iter().map(names).collect();
    let entries = entries.map_err(|error: athena_cache_core::Error| {
        Fault::usage("a key cannot be used").caused_by(error)
    })?;
    let Some(redis) = session.stop.or(session.target.connect()).await.transpose()? else {
        return Ok(Exit::Interrupted);
    };
    let operator = operator(&redis)?;
    let presence = Presence { redis: &redis, operator: &*operator, namespace };
    let Some(is_used) = session.stop.or(presence.of_namespace()).await else {
        return Ok(Exit::Interrupted);
    };
    if is_used == Some(false) && args.confirm.is_none() {
        return Err(Fault::usage(format!("no cache has stored anything in the namespace `{namespace}`"))
            .because("there is no generation of it on these servers, and nothing was sent")
            .help(format!(
                "is it what the service gives to `Cache::builder`? `--confirm {namespace}` invalidates all the same"
            )));
    }
    let invalidation = Invalidation::new(session, &redis)?;
    let mut removals = Vec::new();
    let mut note = |removal: Removal| -> Result<(), Fault> {
        session.out.line(line(&removal))?;
        removals.push(removal);
        Ok(())
    };
    for (key, names) in &entries {
        if session.stop.is_asked() {
            break;
        }
        let was_there = presence.of_entry(names).await;
        note(invalidation.of_entry(key, names, was_there).await)?;
    }
    for tag in &args.tag {
        if session.stop.is_asked() {
            break;
        }
        let was_there = presence.of_tag(tag).await;
        let outcome = invalidation.cache.invalidate_tag(tag).await;
        // No other node knows of it.
        let name = inspect::tag_name(namespace, tag);
        let nodes = name.map_or_else(|_| redis.nodes(), |name| vec![redis.node(&name)]);
        let what = format!("tag {tag}");
        note(invalidation.told(what, outcome, was_there, &nodes).await)?;
    }
    if args.all && !session.stop.is_asked() {
        let outcome = invalidation.cache.clear().await;
        let nodes = redis.nodes();
        note(invalidation.told("everything".to_owned(), outcome, is_used, &nodes).await)?;
    }
    session.out.json(&InvalidateDocument { removed: &removals })?;
    let wanted = entries.len() + args.tag.len() + usize::from(args.all);
    Ok(exit(&removals, wanted))
}

fn exit(removals: &[Removal], wanted: usize) -> Exit {
    let done = removals.iter().filter(|removal| removal.is_done).count();
    if removals.iter().any(|removal| removal.is_refused) {
        return Exit::Refused;
    }
    if done == wanted { Exit::Fine } else { Exit::Incomplete }
}

fn line(removal: &Removal) -> String {
    let what = match removal.what.strip_prefix("tag ") {
        Some(tag) => format!("tag {}", plain::word(tag)),
        None => plain::word(&removal.what),
    };
    match (&removal.error, removal.was_there) {
        (Some(error), _) => format!("NOT removed {what}: {error}"),
        (None, Some(false)) => format!("nothing to remove: nothing was there of {what}"),
        (None, Some(true) | None) => format!("removed {what}"),
    }
}

/// How things are removed.
struct Invalidation<'a> {
    redis: &'a Redis,
    cache: Cache,
    /// Hears why the cache failed.
    witness: Witness,
    session: &'a Session<'a>,
}

impl<'a> Invalidation<'a> {
    fn new(session: &'a Session<'a>, redis: &'a Redis) -> Result<Self, Fault> {
        let witness = Witness::default();
        let settings = session.target.settings();
        let cache = Cache::builder(session.target.namespace.as_str())
            .backend(redis.clone())
            .settings(settings)
            .observer(witness.clone())
            .build();
        let cache =
            cache.map_err(|error| Fault::usage("the cache cannot be used").caused_by(error))?;
        Ok(Self { redis, cache, witness, session })
    }

    /// Removes an entry by its names: every value and the lease, so that a load under way keeps nothing.
    async fn of_entry(&self, key: &str, names: &EntryNameSet, was_there: Option<bool>) -> Removal {
        let all: Vec<_> = names.values.iter().chain([&names.lease]).cloned().collect();
        let mut removal = removal(key.to_owned(), was_there);
        match self.redis.remove(&all).await {
            Err(failure) => {
                removal.is_refused = failure.class() == Class::Denied;
                removal.error = Some(failure.to_string());
            }
            Ok(()) => removal.error = self.doubt(&[self.redis.node(&names.entry)]).await,
        }
        removal.is_done = removal.error.is_none();
        removal
    }

    /// What became of what the cache was told to remove.
    async fn told(
        &self,
        what: String,
        outcome: Invalidated,
        was_there: Option<bool>,
        nodes: &[Node],
    ) -> Removal {
        let mut removal = removal(what, was_there);
        removal.error = match outcome {
            Invalidated::Done => self.doubt(nodes).await,
            Invalidated::Pending => {
                let failure = self.witness.last();
                removal.is_refused = failure.as_ref().is_some_and(|it| it.1 == Class::Denied);
                let why = failure.map_or_else(|| UNTOLD.to_owned(), |(said, _)| said);
                Some(format!("{why}; nothing waits for it: try again"))
            }
        };
        removal.is_done = removal.error.is_none();
        removal
    }

    /// Why it is not sure that those are the nodes that serve, if so.
    async fn doubt(&self, nodes: &[Node]) -> Option<String> {
        for node in nodes {
            let endpoint = self.redis.endpoint(*node);
            let limit = self.session.target.timeout;
            let doubt = match tokio::time::timeout(limit, self.redis.prove(*node)).await {
                Ok(Ok(proof)) if proof.lag <= self.cache.resilience().trust_window => continue,
                Ok(Ok(_)) => "nobody confirms that it is the primary".to_owned(),
                Ok(Err(failure)) => failure.to_string(),
                Err(_) => format!("it did not answer in {limit:?}"),
            };
            return Some(format!(
                "{endpoint} was told, and it is not sure that it serves: {doubt}; try again"
            ));
        }
        None
    }
}

fn removal(what: String, was_there: Option<bool>) -> Removal {
    Removal { what, is_done: false, was_there, error: None, is_refused: false }
}

const UNTOLD: &str = "not all nodes were reached, or nobody confirms that they serve";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(what: &str, was_there: Option<bool>, error: Option<&str>) -> Removal {
        let error = error.map(str::to_owned);
        Removal { is_done: error.is_none(), error, ..removal(what.to_owned(), was_there) }
    }

    #[test]
    fn what_was_not_there_is_not_called_removed_and_names_are_words_for_a_shell() {
        for (removal, said) in [
            (of("k:a$20b", Some(true), None), "removed 'k:a$20b'"),
            (of("a b", None, None), "removed 'a b'"),
            (of("a", Some(false), None), "nothing to remove: nothing was there of a"),
            (of("tag it's", Some(true), None), r"removed tag 'it'\''s'"),
            (of("a", Some(false), Some("OOM")), "NOT removed a: OOM"),
        ] {
            assert_eq!(line(&removal), said);
        }
    }

    #[test]
    fn it_ends_with_what_became_of_all_of_it() {
        let done = || of("a", Some(false), None);
        let failed = || of("b", None, Some("away"));
        let refused = || Removal { is_refused: true, ..failed() };
        assert_eq!(exit(&[done(), done()], 2), Exit::Fine);
        assert_eq!(exit(&[done()], 2), Exit::Incomplete, "it was interrupted");
        assert_eq!(exit(&[done(), failed()], 2), Exit::Incomplete);
        assert_eq!(exit(&[failed(), refused(), done()], 3), Exit::Refused);
    }
}
