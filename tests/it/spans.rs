//! Spans of calls that memory does not answer at once.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Memory, athena_cache};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::world::{Fault, Gate, Remote, World, never_alone, until};

#[athena_cache(ttl = "1h", name = "spans::price", skip(fails), cache = cache)]
async fn price(cache: &Cache, id: u64, fails: bool) -> Result<u64, Fault> {
    let _inside = info_span!("of the function").entered();
    if fails { Err(Fault::Down) } else { Ok(id) }
}

#[athena_cache(ttl = "10s", refresh = "50%", name = "spans::rate", cache = cache)]
async fn rate(cache: Cache, secret: String) -> u8 {
    info_span!("of the function").in_scope(|| 1)
}

#[athena_cache(ttl = "1h", name = "spans::waits", skip(gate), cache = cache)]
async fn waits(cache: &Cache, gate: &Gate) -> u8 {
    gate.pass().await;
    1
}

/// Spans: name, name of the parent, what they follow from, and fields.
#[derive(Debug, Clone, Default)]
struct Seen {
    name: &'static str,
    parent: Option<&'static str>,
    follows: Vec<&'static str>,
    fields: String,
}

#[derive(Debug, Clone, Default)]
struct Spans(Arc<Mutex<Vec<(u64, Seen)>>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("a text takes it");
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("it is there");
        let parent = span.parent().map(|parent| parent.name());
        let mut seen = Seen { name: span.name(), parent, ..Seen::default() };
        attributes.record(&mut Fields(&mut seen.fields));
        self.0.lock().unwrap().push((id.into_u64(), seen));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.change(id, |seen| values.record(&mut Fields(&mut seen.fields)));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let name = context.span(follows).map(|span| span.name());
        self.change(id, |seen| seen.follows.extend(name));
    }
}

impl Spans {
    fn listen(&self) -> DefaultGuard {
        never_alone();
        tracing_subscriber::registry().with(self.clone()).set_default()
    }

    fn change(&self, id: &Id, change: impl FnOnce(&mut Seen)) {
        let mut spans = self.0.lock().unwrap();
        // Numbers are used again.
        let found = spans.iter_mut().rev().find(|(number, _)| *number == id.into_u64());
        change(&mut found.expect("it is there").1);
    }

    fn take(&self) -> Vec<Seen> {
        self.0.lock().unwrap().drain(..).map(|(_, seen)| seen).collect()
    }
}

fn of<'s>(spans: &'s [Seen], name: &str) -> Vec<&'s Seen> {
    spans.iter().filter(|seen| seen.name == name).collect()
}

#[tokio::test]
async fn a_call_has_its_load_and_exchanges_inside_and_a_fresh_hit_has_none() {
    let spans = Spans::default();
    let _listening = spans.listen();
    let remote = Remote::with(|builder| builder.memory(Memory::default()));
    let cache = &remote.world.cache;
    cache.settle().await;
    spans.take();
    price(cache, 4711, false).await.unwrap();
    cache.settle().await;
    let seen = spans.take();
    let [call] = of(&seen, "cache.call")[..] else { panic!("{seen:#?}") };
    assert!(call.fields.contains("site=\"spans::price\""), "{call:?}");
    assert!(call.fields.contains("result=\"MISS\""), "{call:?}");
    let [load] = of(&seen, "cache.load")[..] else { panic!("{seen:#?}") };
    assert_eq!(load.parent, Some("cache.call"));
    assert_eq!(of(&seen, "of the function")[0].parent, Some("cache.load"));
    let exchanges = of(&seen, "cache.backend");
    let look = exchanges.iter().find(|it| it.fields.contains("db.operation.name=\"read\""));
    let look = look.expect("it looked");
    assert_eq!(look.parent, Some("cache.call"));
    assert!(look.fields.contains("otel.kind=\"client\"") && look.fields.contains("chaos+memory"));
    assert!(!format!("{seen:?}").contains("4711"), "no key: {seen:#?}");

    price(cache, 4711, false).await.unwrap();
    let seen = spans.take();
    assert!(of(&seen, "cache.call").is_empty() && of(&seen, "cache.load").is_empty(), "{seen:#?}");

    remote.chaos.on("read", Chaotic::Error(Class::Timeout));
    let _ = price(cache, 1, true).await;
    let seen = spans.take();
    assert!(
        of(&seen, "cache.backend").iter().any(|it| it.fields.contains("error.type=\"timeout\"")),
        "{seen:#?}"
    );
}

#[tokio::test]
async fn c05_a_refresh_is_a_root_that_links_to_the_call_that_set_it_off() {
    let spans = Spans::default();
    let _listening = spans.listen();
    let world = World::in_memory();
    let cache = &world.cache;
    rate(cache.clone(), "tok3n".to_owned()).await;
    world.advance(Duration::from_secs(6));
    spans.take();
    rate(cache.clone(), "tok3n".to_owned()).await;
    cache.settle().await;
    let seen = spans.take();
    let [load] = of(&seen, "cache.load")[..] else { panic!("{seen:#?}") };
    assert_eq!((load.parent, &*load.follows), (None, &["cache.call"][..]));
    assert_eq!(of(&seen, "of the function")[0].parent, Some("cache.load"));
    assert!(!format!("{seen:?}").contains("tok3n"), "{seen:#?}");
}

#[tokio::test]
async fn who_waits_for_another_call_links_to_it() {
    let spans = Spans::default();
    let _listening = spans.listen();
    let world = World::in_memory();
    let (cache, gate) = (&world.cache, Gate::closed());
    let leader = waits(cache, &gate);
    let follower = async {
        let has_begun = || spans.0.lock().unwrap().iter().any(|(_, it)| it.name == "cache.load");
        until("it is loaded", has_begun).await;
        let follower = waits(cache, &gate);
        let opens = async {
            until("it waits", || world.clock.sleepers() > 0).await;
            gate.open();
        };
        futures_util::future::join(follower, opens).await
    };
    futures_util::future::join(leader, follower).await;
    let seen = spans.take();
    let [wait] = of(&seen, "cache.wait")[..] else { panic!("{seen:#?}") };
    assert_eq!((wait.parent, &*wait.follows), (Some("cache.call"), &["cache.call"][..]));
    assert_eq!((of(&seen, "cache.call").len(), of(&seen, "cache.load").len()), (2, 1));
}
