//! What is told of a call that was given a secret: the function, and the secret only where that is asked for.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{
    Builder, Cache, Event, Observer, Settings, Topic, athena_cache, athena_invalidate, of, tag,
};
use tracing_subscriber::filter::LevelFilter;

use crate::world::{Fault, Log, Remote};

const SECRET: &str = "tok3n";

#[athena_cache(ttl = "10s", grace = "10s", hard_timeout = "1s", cache = cache, skip(cache, hangs))]
async fn session(cache: &Cache, token: &str, hangs: bool) -> Result<u32, Fault> {
    if hangs {
        std::future::pending::<()>().await;
    }
    Ok(token.len() as u32)
}

#[athena_cache(
    ttl = "10s", key = "profile:{token}", tags = ["of:{token}"], fallback = FailFast,
    cache = cache, skip(cache)
)]
async fn profile(cache: &Cache, token: &str) -> Result<u32, Fault> {
    let _ = cache;
    Ok(token.len() as u32)
}

/// Cannot be written.
#[derive(Debug, Clone, serde::Deserialize)]
struct Mute;

impl serde::Serialize for Mute {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no\nword"))
    }
}

#[athena_cache(ttl = "10s", codec = Json, cache = cache, skip(cache))]
async fn mute(cache: &Cache, token: &str) -> Mute {
    let _ = token;
    Mute
}

#[athena_invalidate(keys = ["profile:{token}"], tags = ["of:{token}"], cache = cache)]
async fn log_out(cache: &Cache, token: &str) -> Result<(), Fault> {
    let _ = (cache, token);
    Ok(())
}

/// Notes what it hears: as it shows, and the keys.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl Observer for Heard {
    fn observe(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        heard.0.push(format!("{event:?} {event:#?}"));
        if let Some(topic) = topic(event) {
            heard.0.push(format!("{topic} {topic:#} {topic:?} {:?}", topic.function()));
            heard.1.push(topic.key().to_owned());
        }
    }

    fn wants_hits(&self) -> bool {
        true
    }
}

fn topic<'a>(event: &'a Event<'_>) -> Option<&'a Topic> {
    Some(match event {
        Event::Hit { key, .. }
        | Event::Miss { key, .. }
        | Event::Loaded { key, .. }
        | Event::Filled { key, .. }
        | Event::Degraded { key, .. }
        | Event::NotKept { key, .. }
        | Event::Unreadable { key, .. }
        | Event::Unwritable { key, .. }
        | Event::LoadTimedOut { key, .. }
        | Event::Bypassed { key, .. } => key,
        Event::Invalidated { what, .. } | Event::Journaled { what, .. } => what,
        _ => return None,
    })
}

/// Everything that is shown of calls with the secret, and the keys that a program hears.
async fn told(change: impl FnOnce(Builder) -> Builder) -> (Vec<String>, Vec<String>) {
    let (log, heard) = (Log::default(), Heard::default());
    let _guard = log.set_at(LevelFilter::TRACE);
    let observer = heard.clone();
    let remote = Remote::with(|builder| change(builder.observer(observer)));
    let cache = &remote.world.cache;
    let mut shown = Vec::new();
    let mut show = |it: &dyn Debug| shown.push(format!("{it:?} {it:#?}"));

    for _ in 0..2 {
        show(&session(cache, SECRET, false).await);
        show(&profile(cache, SECRET).await);
        mute(cache, SECRET).await;
        let by_hand = || cache.entry(format!("user:{SECRET}"));
        show(&by_hand());
        show(&cache.batch([format!("user:{SECRET}")]));
        show(&by_hand().get_or_load(|| async { Ok::<_, Fault>(1) }).await);
        show(&by_hand().insert(Mute).await.map_err(|error| error.to_string()));
        show(&cache.entry(SECRET).insert(Mute).await);
        cache.settle().await;
    }
    for name in remote.store.names() {
        remote.store.put(&name, b"no entry".to_vec(), Duration::from_secs(60));
    }
    show(&session(cache, SECRET, false).await);
    show(&of(session(cache, SECRET, false)).invalidate().await);
    show(&log_out(cache, SECRET).await);
    show(&cache.invalidate_tag(tag("of", SECRET)).await);
    let waits = async { show(&session(cache, SECRET, true).await) };
    let passes = async {
        tokio::task::yield_now().await;
        cache.settle().await;
        remote.world.advance(Duration::from_secs(2));
    };
    tokio::join!(waits, passes);
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    show(&profile(cache, SECRET).await);
    show(&of(session(cache, SECRET, false)).invalidate().await);
    show(&of(session(cache, SECRET, false)).expire().await);
    show(&cache.entry(format!("user:{SECRET}")).insert(1).await);
    show(cache);
    cache.close().await;
    show(&session(cache, SECRET, false).await);

    let (events, keys) = std::mem::take(&mut *heard.0.lock().unwrap());
    shown.extend(events);
    shown.extend(log.lines());
    (shown, keys)
}

#[tokio::test]
async fn arguments_and_values_in_names_are_not_shown() {
    let (shown, keys) = told(|builder| builder).await;
    for text in &shown {
        assert!(!text.contains(SECRET), "{text}");
    }
    for name in ["secrets::session", "secrets::profile", "secrets::mute", "`user:…`"] {
        assert!(shown.iter().any(|text| text.contains(name)), "{name}");
    }
    let late = "the load of `it::secrets::session` took longer than its hard timeout of 1s";
    assert!(shown.iter().any(|text| text.contains(late)), "{shown:#?}");
    let errors: Vec<_> = shown.iter().filter(|text| text.contains("ERROR")).collect();
    assert!(errors.iter().any(|text| text.contains(r"\nword")), "{errors:#?}");
    for beginning in ["f:it::secrets::session#", "k:profile:tok3n", "k:user:tok3n", "#of:tok3n"] {
        let key = keys.iter().find(|key| key.starts_with(beginning));
        assert!(key.is_some_and(|key| key.contains(SECRET)), "{beginning} in {keys:#?}");
    }
}

#[tokio::test]
async fn keys_are_shown_where_that_is_asked_for() {
    let mut settings = Settings::default();
    settings.show_keys = true;
    let (by_settings, _) = told(|builder| {
        settings.resilience.retry.enabled = false;
        builder.settings(settings)
    })
    .await;
    let (by_builder, _) = told(Builder::show_keys).await;
    for shown in [by_settings, by_builder] {
        for (level, part) in [
            ("ERROR", "f:it::secrets::mute#"),
            ("INFO", "f:it::secrets::session#"),
            ("the load of `f:it::secrets::session#", SECRET),
            ("a value of `k:user:", SECRET),
        ] {
            let is_it = |text: &&String| text.contains(level) && text.contains(part);
            let found = shown.iter().find(is_it).is_some_and(|text| text.contains(SECRET));
            assert!(found, "{level} {part}: {shown:#?}");
        }
    }
}
