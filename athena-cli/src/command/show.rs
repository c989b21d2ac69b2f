//! `athena show KEY`: everything that is stored for one entry, without its type.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use athena_cache_core::backend::operate::{Operator, RawValue, Survey};
use athena_cache_core::backend::{Backend, Failure, Generation, Token};
use athena_cache_core::inspect::{self, EntryNameSet, SeenStamp, SeenValue};
use athena_cache_redis::Redis;
use serde::Serialize;
use serde_json::Value;

use super::{Session, operator};
use crate::args::ShowArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::Out;
use crate::shown::{self, or_unknown};

/// How much of a payload is shown.
const SHOWN: usize = 256;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShowDocument {
    entry: String,
    endpoint: String,
    values: Vec<Shown>,
    lease: Option<Lease>,
}

/// What is under one name.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    bytes: Option<u64>,
    life_ms: Option<u64>,
    /// Why it is no value of ours, if it is none.
    unreadable: Option<String>,
    #[serde(flatten)]
    value: Option<Read>,
}

/// A value that was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    kind: &'static str,
    codec: &'static str,
    fingerprint: String,
    ttl_ms: u64,
    grace_ms: u64,
    age_ms: Option<u64>,
    /// Whether it was written for this name.
    is_own_name: bool,
    /// Whether it is of the present history of the node: `this`, `earlier`, `unknown`.
    history: &'static str,
    /// Whether the namespace is as then: `as then`, `changed`, `gone`.
    namespace: &'static str,
    tags: BTreeMap<String, &'static str>,
    /// What follows for whoever asks for it.
    answers: String,
    payload_bytes: usize,
    payload: Value,
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
    let all: Vec<_> = names.values.iter().chain([&names.lease]).cloned().collect();
    let mut stored = operator.stored(&all, usize::MAX).await?;
    let lease = stored.pop().flatten().as_ref().map(lease);
    let endpoint = redis.endpoint(redis.node(&names.entry));
    let survey = operator.survey(Duration::from_secs(1)).await;
    let seen = |(name, stored): (&String, Option<RawValue>)| {
        let stored = stored?;
        let bytes = stored.bytes.as_deref();
        let seen = match bytes {
            Some(bytes) => inspect::look(name, bytes, stored.remaining),
            None => Err("it is no text".to_owned()),
        };
        Some((name.clone(), stored, seen))
    };
    let found: Vec<_> = names.values.iter().zip(stored).filter_map(seen).collect();
    let whole = inspect::namespace_name(namespace, redis.partition(&names.entry));
    let whole = whole.unwrap_or_default();
    let tags = found.iter().filter_map(|(_, _, seen)| seen.as_ref().ok()).flat_map(|it| &it.tags);
    let tags: BTreeMap<_, _> = tags
        .filter_map(|tag| Some((inspect::tag_name(namespace, &tag.tag).ok()?, tag.tag.clone())))
        .collect();
    let depended: Vec<_> = tags.keys().cloned().chain([whole.clone()]).collect();
    let now = operator.stored(&depended, 32).await?;
    let now: BTreeMap<_, _> = depended.into_iter().zip(now).collect();
    let context = Context { redis, survey: &survey, now, namespace, whole, full: args.full };
    let values = found.into_iter().map(|(name, stored, seen)| context.shown(name, &stored, seen));
    Ok(ShowDocument { entry: names.entry.clone(), endpoint, values: values.collect(), lease })
}

fn lease(stored: &RawValue) -> Lease {
    let token = stored.bytes.as_deref().and_then(Token::parse);
    Lease { token: token.map(|token| token.to_string()), life_ms: stored.remaining.map(ms) }
}

/// What a value is judged by.
struct Context<'a> {
    redis: &'a Redis,
    survey: &'a Survey,
    /// Generations as they are now.
    now: BTreeMap<String, Option<RawValue>>,
    namespace: &'a str,
    whole: String,
    full: bool,
}

impl Context<'_> {
    fn shown(&self, name: String, stored: &RawValue, seen: Result<SeenValue, String>) -> Shown {
        let shown =
            Shown { bytes: stored.length, life_ms: stored.remaining.map(ms), ..Shown::default() };
        match seen {
            Ok(value) => {
                let value = Some(self.read(&name, &value));
                Shown { name, value, ..shown }
            }
            Err(unreadable) => Shown { name, unreadable: Some(unreadable), ..shown },
        }
    }

    fn read(&self, name: &str, seen: &SeenValue) -> Read {
        let history = match self.history_at(name) {
            None => "unknown",
            Some(history) if history == seen.history => "this",
            Some(_) => "earlier",
        };
        let namespace = self.state(&self.whole, seen.namespace);
        let tag = |tag: &inspect::SeenTag| {
            let name = inspect::tag_name(self.namespace, &tag.tag).unwrap_or_default();
            (tag.tag.clone(), self.state(&name, tag.stamp))
        };
        let tags: BTreeMap<_, _> = seen.tags.iter().map(tag).collect();
        let answers = answers(seen, history, namespace, tags.values());
        Read {
            kind: seen.kind,
            codec: seen.codec,
            fingerprint: format!("{:016x}", seen.fingerprint),
            ttl_ms: ms(seen.ttl),
            grace_ms: ms(seen.grace),
            age_ms: seen.age.map(ms),
            is_own_name: seen.is_own_name,
            history,
            namespace,
            tags,
            answers,
            payload_bytes: seen.payload.len(),
            payload: payload(seen, self.full),
        }
    }

    /// Whether a generation is as a value has it.
    fn state(&self, name: &str, stamp: SeenStamp) -> &'static str {
        let now = self.now.get(name).and_then(Option::as_ref);
        let now = now.and_then(|now| now.bytes.as_deref()).and_then(Generation::parse);
        match now {
            None => "gone",
            Some(now) if now.get() != stamp.generation => "changed",
            Some(_) => match self.history_at(name) {
                Some(history) if history != stamp.history => "of an earlier history",
                _ => "as then",
            },
        }
    }

    /// The past of the node that serves a name, as it says.
    fn history_at(&self, name: &str) -> Option<u64> {
        let endpoint = self.redis.endpoint(self.redis.node(name));
        let node = self.survey.nodes.iter().find(|node| node.endpoint == endpoint)?;
        u64::from_str_radix(node.history.as_deref()?, 16).ok()
    }
}

/// What follows for whoever asks for it.
fn answers<'a>(
    seen: &SeenValue,
    history: &str,
    namespace: &'static str,
    tags: impl Iterator<Item = &'a &'static str>,
) -> String {
    let states: Vec<_> = [namespace].into_iter().chain(tags.copied()).collect();
    let age = seen.age;
    let text = if !seen.is_own_name {
        "nobody: it was written for another entry"
    } else if states.iter().any(|state| matches!(*state, "changed" | "gone")) {
        "nobody: it was invalidated since"
    } else if history == "earlier" || states.contains(&"of an earlier history") {
        "in grace at best: it is of an earlier history, as before a failover"
    } else {
        match age {
            None => "nobody: it lives longer than it was given, so that its age is not known",
            Some(age) if age <= seen.ttl => "fresh",
            Some(_) => "stale: within grace",
        }
    };
    text.to_owned()
}

/// JSON as it is, anything else as hexadecimal digits.
fn payload(seen: &SeenValue, full: bool) -> Value {
    if seen.codec == "json"
        && let Ok(value) = serde_json::from_slice(&seen.payload)
    {
        return value;
    }
    let shown = if full { seen.payload.len() } else { seen.payload.len().min(SHOWN) };
    let mut text = String::with_capacity(2 * shown);
    for byte in &seen.payload[..shown] {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    if shown < seen.payload.len() {
        text.push('…');
    }
    Value::String(text)
}

fn show(out: &Out, document: &ShowDocument) -> Result<(), Fault> {
    out.line(format!("{} at {}", document.entry, document.endpoint))?;
    if document.values.is_empty() {
        out.line("no value")?;
    }
    let time = |ms: Option<u64>| or_unknown(ms.map(Duration::from_millis), shown::time);
    for shown in &document.values {
        let life = shown.life_ms.map_or_else(|| "no end".to_owned(), |ms| time(Some(ms)));
        let size = or_unknown(shown.bytes, crate::shown::size);
        out.line(format!("\n{}: {size}, {life} left", shown.name))?;
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
        for (tag, state) in &read.tags {
            out.line(format!("  {:<10} {tag}: {state}", "tag"))?;
        }
        let payload = match &read.payload {
            Value::String(text) if read.codec != "json" => text.clone(),
            value => value.to_string(),
        };
        out.line(format!("  {:<10} {} bytes: {payload}", "payload", read.payload_bytes))?;
    }
    match &document.lease {
        None => Ok(()),
        Some(Lease { token, life_ms }) => {
            let holder = token.as_deref().unwrap_or("nobody who is one of ours");
            out.line(format!("\nlease: held by {holder} for {}: somebody loads it", time(*life_ms)))
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
