//! Arguments that are in a key by their digest: nowhere to be read, and no two of them one.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use athena_cache::{Builder, Cache, Event, Observer, Source, athena_cache, of};
use tracing_subscriber::filter::LevelFilter;

use crate::world::{Fault, Log, Remote, World};

const SECRET: &str = "tok3n";
const KEY: [u8; 16] = [7; 16];

struct Shop {
    cache: Cache,
    pin: &'static str,
}

/// What a trait asks of a shop.
trait Opens {
    async fn opened(&self, token: &str) -> u32;
}

impl Shop {
    #[athena_cache(key = "till:{self.pin}:{id}", secret(self), cache = self.cache)]
    async fn till(&self, id: u32) -> u32 {
        id
    }
}

impl Opens for Shop {
    #[athena_cache(secret(token), cache = self.cache, skip(self))]
    async fn opened(&self, token: &str) -> u32 {
        token.len() as u32
    }
}

#[athena_cache(ttl = "10s", secret(token), cache = cache)]
async fn session(cache: &Cache, token: &str, device: u32) -> Result<u32, Fault> {
    let _ = cache;
    Ok(token.len() as u32 + device)
}

#[athena_cache(key = "profile:{token}", secret(token), cache = cache, fallback = FailFast)]
async fn profile(cache: &Cache, token: &str) -> Result<u32, Fault> {
    let _ = cache;
    Ok(token.len() as u32)
}

#[athena_cache(secret(first, second), cache = cache)]
async fn pair<T: serde::Serialize + Sync>(cache: &Cache, (first, second): (T, T)) -> u64 {
    let _ = (cache, first, second);
    1
}

#[athena_cache(secret(token), refresh = "80%")]
async fn somewhere(token: String) -> u32 {
    token.len() as u32
}

/// Says what it is when it is not written.
struct Chatty;

impl serde::Serialize for Chatty {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(SECRET))
    }
}

#[athena_cache(secret(token), cache = cache)]
async fn unwritten(cache: &Cache, token: &Chatty) -> u32 {
    let _ = (cache, token);
    1
}

/// Notes all that it hears, keys included.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Observer for Heard {
    fn observe(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        heard.push(format!("{event:?} {event:#?}"));
        if let Event::Miss { key, .. } | Event::Hit { key, .. } | Event::Filled { key, .. } = event
        {
            heard.push(format!("{key} {}", key.key()));
        }
    }

    fn wants_hits(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_secret_is_readable_nowhere() {
    for change in [|builder: Builder| builder, Builder::show_keys, |it: Builder| it.secret_key(KEY)]
    {
        let (log, heard) = (Log::default(), Heard::default());
        let _guard = log.set_at(LevelFilter::TRACE);
        let observer = heard.clone();
        let remote = Remote::with(|builder| change(builder.observer(observer).secret_key(KEY)));
        let cache = &remote.world.cache;
        let till = Shop { cache: cache.clone(), pin: SECRET };
        let mut shown = Vec::new();
        let mut show = |it: &dyn Debug| shown.push(format!("{it:?} {it:#?}"));
        for _ in 0..2 {
            show(&session(cache, SECRET, 1).await);
            show(&profile(cache, SECRET).await);
            show(&unwritten(cache, &Chatty).await);
            show(&(
                till.till(1).await,
                till.opened(SECRET).await,
                pair(cache, (SECRET, SECRET)).await,
            ));
            show(&of(session(cache, SECRET, 1)).key().await);
            show(&of(profile(cache, SECRET)).key().await);
            show(&of(unwritten(cache, &Chatty)).key().await);
            show(&of(till.till(1)).key().await);
            cache.settle().await;
        }
        let names = remote.store.names();
        show(&of(session(cache, SECRET, 1)).invalidate().await);
        show(&(cache, remote.store.names()));
        shown.extend(std::mem::take(&mut *heard.0.lock().unwrap()));
        shown.extend(log.lines());
        let escaped = "746f6b336e";
        for text in &shown {
            assert!(!text.contains(SECRET) && !text.contains(escaped), "{text}");
        }
        for function in ["digests::session", "digests::profile", "digests::unwritten"] {
            assert!(shown.iter().any(|text| text.contains(function)), "{function}");
        }
        for begin in ["test:{f:it::digests::session#", "test:{k:profile:", "test:{k:till:"] {
            assert!(names.iter().any(|name| name.starts_with(begin)), "{begin} in {names:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_names_its_entry_alone() {
    let world = World::in_memory();
    let (cache, shop) = (&world.cache, Shop { cache: world.cache.clone(), pin: "1" });
    let other = Shop { pin: "2", ..Shop { cache: cache.clone(), pin: "" } };
    let keys = [
        of(session(cache, "a", 1)).key().await.unwrap(),
        of(session(cache, "b", 1)).key().await.unwrap(),
        of(session(cache, "a", 2)).key().await.unwrap(),
        of(profile(cache, "a")).key().await.unwrap(),
        of(profile(cache, "b")).key().await.unwrap(),
        of(pair(cache, ("a", "b"))).key().await.unwrap(),
        of(pair(cache, ("ab", ""))).key().await.unwrap(),
        of(pair(cache, (1_u8, 2_u8))).key().await.unwrap(),
        of(shop.till(1)).key().await.unwrap(),
        of(other.till(1)).key().await.unwrap(),
        of(shop.opened("a")).key().await.unwrap(),
    ];
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[at + 1..].contains(key), "{key}");
    }
    for source in [Source::Load, Source::Memory] {
        let seen = of(session(cache, "a", 1)).observe().await.unwrap();
        assert_eq!((seen.value, seen.outcome.source), (Ok(2), source));
        let seen = of(profile(cache, "a")).observe().await.unwrap();
        assert_eq!((seen.value, seen.outcome.source), (Ok(1), source));
    }
}

/// The digest is that of the cache which the call is on, however that is found.
#[tokio::test]
async fn the_key_of_the_cache_makes_another_digest() {
    let key = async |change: fn(Builder) -> Builder| {
        let world = World::with(change);
        let found = world.cache.scope(async { of(somewhere("a".to_owned())).key().await.unwrap() });
        (found.await, of(profile(&world.cache, "a")).key().await.unwrap())
    };
    let without = key(|builder| builder).await;
    let with = key(|builder| builder.secret_key(KEY)).await;
    assert_eq!(key(|builder| builder.secret_key(KEY)).await, with);
    assert!(without.0 != with.0 && without.1 != with.1);
    assert_eq!(somewhere("abc".to_owned()).await, 3, "without a cache");
    let refused = Cache::builder("shop").secret_key("short").build().unwrap_err();
    assert!(refused.is_settings());
    assert!(
        refused.to_string().contains("`secret_key` has 5 bytes, expected at least 16"),
        "{refused}"
    );
    assert!(!format!("{:?}", Cache::builder("shop").secret_key([b'k'; 16])).contains("kkk"));
}
