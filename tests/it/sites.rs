//! Settings of single functions: by code, by TOML, and while the process runs.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::time::Duration;

use athena_cache::{Cache, Error, Fallback, Percent, Settings, Source, athena_cache, of};

use crate::world::{Fault, Gate, Log, Origin, World, until};

const SECOND: Duration = Duration::from_secs(1);

#[athena_cache(ttl = "10s", skip(cache, origin), cache = cache)]
async fn plain(cache: &Cache, origin: &Origin, id: u32) -> Option<u32> {
    origin.returns(Some(id).filter(|id| *id > 0)).await
}

#[athena_cache(ttl = "10s", refresh = "80%", hard_timeout = "5s", skip(cache, origin), cache = cache)]
async fn eager(cache: &Cache, origin: &Origin, id: u32) -> Result<u32, Fault> {
    Ok(origin.returns(id).await)
}

#[athena_cache(ttl = "10s", hard_timeout = "5s", skip(cache, load), cache = cache)]
async fn slow(
    cache: &Cache,
    id: u32,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

#[athena_cache(ttl = "10s", tier = memory, cache = cache)]
async fn local(cache: &Cache, id: u32) -> u32 {
    id
}

#[athena_cache(ttl_from = |_| Duration::from_secs(10), cache = cache)]
async fn dated(cache: &Cache, id: u32) -> u32 {
    id
}

#[athena_cache(ttl_from = |_| Duration::from_secs(10), cache = cache)]
async fn dated_or_absent(cache: &Cache, id: u32) -> Option<u32> {
    Some(id).filter(|id| *id > 0)
}

#[athena_cache(ttl = "10s", fallback = FailFast, cache = cache)]
fn blocking(cache: &Cache, id: u32) -> Result<u32, Fault> {
    Ok(id)
}

#[athena_cache(each = ids, cache = cache)]
async fn each_of(cache: &Cache, ids: &[u32]) -> HashMap<u32, u32> {
    ids.iter().map(|id| (*id, *id)).collect()
}

const PLAIN: &str = "it::sites::plain";
const EAGER: &str = "it::sites::eager";
const SLOW: &str = "it::sites::slow";

async fn source(cache: &Cache, origin: &Origin, id: u32) -> Source {
    of(plain(cache, origin, id)).observe().await.unwrap().outcome.source
}

async fn source_of_eager(cache: &Cache, origin: &Origin) -> Source {
    of(eager(cache, origin, 1)).observe().await.unwrap().outcome.source
}

fn change(cache: &Cache, site: &str, change: impl FnOnce(&mut athena_cache::SiteSettings)) {
    let mut sites = cache.sites();
    change(sites.entry(site.to_owned()).or_default());
    cache.set_sites(sites).unwrap();
}

/// How long an entry of `plain` is fresh, in seconds.
async fn fresh_for(world: &World, id: u32) -> u64 {
    let origin = Origin::default();
    let _ = of(plain(&world.cache, &origin, id)).invalidate().await;
    source(&world.cache, &origin, id).await;
    for seconds in 1..100 {
        world.advance(SECOND);
        if source(&world.cache, &origin, id).await == Source::Load {
            return seconds;
        }
    }
    0
}

#[tokio::test]
async fn what_is_set_takes_the_place_of_what_the_attribute_says() {
    let by_code = World::with(|builder| builder.site(PLAIN, |site| site.ttl = Some(SECOND * 3)));
    let toml = "[sites.\"it::sites::plain\"]\nttl = '3s'\nnegative_ttl = '1s'";
    let by_file = World::with(|builder| builder.settings(toml::from_str(toml).unwrap()));
    assert_eq!(fresh_for(&World::in_memory(), 1).await, 10);
    assert_eq!((fresh_for(&by_code, 1).await, fresh_for(&by_file, 1).await), (3, 3));
    assert_eq!((fresh_for(&by_code, 0).await, fresh_for(&by_file, 0).await), (3, 1));
}

#[tokio::test]
async fn it_changes_while_the_process_runs_for_what_is_stored_from_then_on() {
    let (world, origin) = (World::in_memory(), Origin::default());
    source(&world.cache, &origin, 1).await;
    change(&world.cache, PLAIN, |site| site.ttl = Some(SECOND * 3));
    world.advance(SECOND * 9);
    assert_eq!(source(&world.cache, &origin, 1).await, Source::Memory, "it keeps its life");
    assert_eq!(fresh_for(&world, 1).await, 3);
    world.cache.set_sites(BTreeMap::new()).unwrap();
    assert_eq!(fresh_for(&world, 1).await, 10);
}

#[tokio::test]
async fn a_function_that_is_switched_off_runs_for_every_call_and_its_entries_wait() {
    let (world, origin) = (World::in_memory(), Origin::default());
    assert_eq!(source(&world.cache, &origin, 1).await, Source::Load);
    change(&world.cache, PLAIN, |site| site.enabled = false);
    for _ in 0..2 {
        assert_eq!(source(&world.cache, &origin, 1).await, Source::Bypass);
        plain(&world.cache, &origin, 1).await;
    }
    assert_eq!(origin.loads(), 5);
    let _ = of(plain(&world.cache, &origin, 2)).invalidate().await.unwrap();
    assert_eq!(of(plain(&world.cache, &origin, 1)).peek().await.unwrap(), None);
    change(&world.cache, PLAIN, |site| site.enabled = true);
    assert_eq!(source(&world.cache, &origin, 1).await, Source::Memory);
    let _ = of(plain(&world.cache, &origin, 1)).invalidate().await.unwrap();
    assert_eq!(source(&world.cache, &origin, 1).await, Source::Load);
}

#[tokio::test]
async fn when_a_refresh_begins_changes_for_what_is_kept_already() {
    let (world, origin) = (World::in_memory(), Origin::default());
    let cache = &world.cache;
    let call = async || {
        eager(cache, &origin, 1).await.unwrap();
        cache.settle().await;
        origin.loads()
    };
    assert_eq!(call().await, 1);
    world.advance(SECOND * 5);
    assert_eq!(call().await, 1);
    change(cache, EAGER, |site| site.refresh = Some(Percent::new(50)));
    assert_eq!(call().await, 2, "half of the ttl has passed");
    world.advance(SECOND * 9);
    change(cache, EAGER, |site| site.refresh = Some(Percent::new(100)));
    assert_eq!(call().await, 2, "never");
    cache.set_sites(BTreeMap::new()).unwrap();
    assert_eq!(call().await, 3, "as the attribute says");
}

#[tokio::test]
async fn two_caches_have_settings_of_their_own_for_one_function() {
    let off = World::with(|builder| builder.site(EAGER, |site| site.enabled = false));
    let late =
        World::with(|builder| builder.site(EAGER, |site| site.refresh = Some(Percent::new(100))));
    let (plain, origin) = (World::in_memory(), Origin::default());
    for round in 0..3 {
        assert_eq!(source_of_eager(&off.cache, &origin).await, Source::Bypass);
        for world in [&late, &plain] {
            let expected = if round == 0 { Source::Load } else { Source::Memory };
            assert_eq!(source_of_eager(&world.cache, &origin).await, expected);
        }
    }
}

#[tokio::test]
async fn a_hard_timeout_that_is_set_ends_a_call_that_the_attribute_lets_wait() {
    let world = World::with(|builder| builder.site(SLOW, |site| site.hard_timeout = Some(SECOND)));
    let (origin, gate, cache) = (Origin::default(), Gate::closed(), world.cache.clone());
    let load = origin.waits(&gate, Ok(1));
    let call = tokio::spawn(async move { slow(&cache, 1, load).await });
    until("the load", || origin.loads() == 1).await;
    world.advance(SECOND);
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(&error, Fault::Cache(error) if error.contains("1s")), "{error:?}");
}

fn refusal(toml: &str) -> String {
    let settings: Settings =
        toml::from_str(&format!("[sites.\"shop::products\"]\n{toml}")).unwrap();
    let refused = Cache::builder("test").settings(settings.clone()).build().unwrap_err();
    assert!(refused.is_settings());
    let at_run_time = World::in_memory().cache.set_sites(settings.sites).unwrap_err();
    assert_eq!(refused.to_string(), at_run_time.to_string());
    refused.to_string()
}

#[test]
fn what_cannot_be_used_is_refused_with_what_is_allowed() {
    let cases = [
        ("refresh = '0%'", "`refresh` is 0%, expected 1% to 99%, or 100% for never"),
        ("soft_timeout = '0s'", "`soft_timeout` is 0ns, expected at least 1ms"),
        ("hard_timeout = '0s'", "`hard_timeout` is 0ns, expected at least 1ms"),
        ("ttl = '1us'", "`ttl` is 1µs, expected whole milliseconds"),
        ("grace = '1s 5ns'", "`grace` is 1.000000005s, expected whole milliseconds"),
        ("ttl = '0s'\nrefresh = '80%'", "`refresh` is 80% of a `ttl` of 0s, which keeps nothing"),
        ("soft_timeout = '2s'\nhard_timeout = '1s'", "`soft_timeout` is 2s and `hard_timeout` 1s"),
    ];
    for (toml, expected) in cases {
        let shown = refusal(toml);
        assert!(shown.contains("`sites.\"shop::products\"`: "), "{shown}");
        assert!(shown.contains(expected), "{shown}");
    }
    let all = refusal("soft_timeout = '0s'\nrefresh = '0%'");
    assert!(all.contains("soft_timeout") && all.contains("refresh"), "{all}");
    for (toml, expected) in [
        ("[sites.x]\nttl = 10", "it has no unit"),
        (
            "[sites.x]\nttl = '10'",
            "expected something like `250ms`, `5s` or `1h 30m`, or `unlimited`",
        ),
        (
            "[sites.x]\ntier = 'memory'",
            "unknown field `tier`, expected one of `enabled`, `ttl`, `grace`",
        ),
    ] {
        let error = toml::from_str::<Settings>(toml).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let unnamed = Cache::builder("test").site(" ", |_| {}).build().unwrap_err().to_string();
    assert!(unnamed.contains("names no function"), "{unnamed}");
}

#[test]
fn what_is_set_is_written_as_it_is_read() -> Result<(), Error> {
    let mut settings = Settings::default();
    let cache = Cache::builder("test")
        .site(PLAIN, |site| {
            (site.ttl, site.hard_timeout) = (Some(SECOND), Some(Duration::MAX));
            (site.jitter, site.fallback) = (Some(Percent::new(5)), Some(Fallback::ServeStale));
        })
        .build()?;
    settings.sites = cache.sites();
    let toml = toml::to_string(&settings).unwrap();
    assert!(toml.contains("hard_timeout = \"unlimited\""), "{toml}");
    assert_eq!(toml::from_str::<Settings>(&toml).unwrap(), settings);
    assert!(!toml::to_string(&Settings::default()).unwrap().contains("sites"));
    Ok(())
}

fn told(log: &Log, what: &str) -> Vec<String> {
    log.lines().into_iter().filter(|line| line.contains(what)).collect()
}

#[tokio::test]
async fn what_has_no_effect_on_a_function_is_told_once() {
    let log = Log::default();
    let _log = log.set();
    let world = World::with(|builder| {
        let builder = builder.site(PLAIN, |site| {
            (site.refresh, site.hard_timeout) = (Some(Percent::new(50)), Some(SECOND));
        });
        let builder = builder.site(EAGER, |site| site.soft_timeout = Some(SECOND * 9));
        builder.site("it::sites::local", |site| site.fallback = Some(Fallback::OriginOnly))
    });
    let origin = Origin::default();
    for id in 1..3 {
        source(&world.cache, &origin, id).await;
        eager(&world.cache, &origin, id).await.unwrap();
        local(&world.cache, id).await;
    }
    let told = told(&log, "not all of what is set");
    assert_eq!(told.len(), 3, "{told:#?}");
    for expected in [
        "`refresh` needs a load that goes on without its caller",
        "`hard_timeout` may end in an error of the cache",
    ] {
        assert!(told[0].contains(expected), "{told:#?}");
    }
    assert!(told[1].contains("`soft_timeout` is 9s and `hard_timeout` 5s"), "{told:#?}");
    assert!(
        told[2].contains("with `tier = memory` in the attribute no backend is asked"),
        "{told:#?}"
    );
    world.advance(SECOND * 6);
    assert_eq!(source(&world.cache, &origin, 1).await, Source::Memory, "nothing is refreshed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_function_itself_leaves_no_room_for_is_told_and_what_it_does_is_not() {
    let log = Log::default();
    let _log = log.set();
    let world = World::with(|builder| {
        let both = |site: &mut athena_cache::SiteSettings| {
            (site.ttl, site.negative_ttl) = (Some(SECOND), Some(SECOND));
        };
        let builder = builder.site("it::sites::dated", both).site(PLAIN, both);
        let builder = builder.site("it::sites::dated_or_absent", |site| site.ttl = Some(SECOND));
        let builder = builder.site("it::sites::each_of", both);
        builder.site("it::sites::blocking", |site| site.hard_timeout = Some(SECOND))
    });
    let (cache, origin) = (&world.cache, Origin::default());
    dated(cache, 1).await;
    dated_or_absent(cache, 1).await;
    each_of(cache, &[1, 2]).await;
    source(cache, &origin, 1).await;
    assert_eq!(tokio::task::block_in_place(|| blocking(cache, 1)), Ok(1));
    let told = told(&log, "not all of what is set");
    assert_eq!(told.len(), 2, "{told:#?}");
    for part in
        ["site=\"it::sites::dated\"", "`ttl` has no say", "`negative_ttl` is for what is not there"]
    {
        assert!(told[0].contains(part), "{part}: {told:#?}");
    }
    assert!(told[1].contains("`hard_timeout` gives up a load"), "{told:#?}");
    assert!(told[1].contains("site=\"it::sites::blocking\""), "{told:#?}");
}

#[tokio::test]
async fn a_name_that_no_function_has_is_told_after_a_while_or_at_the_end() {
    let (log, origin) = (Log::default(), Origin::default());
    let _log = log.set();
    let names = ["it::sites::plaine", "warehouse::shelves", PLAIN];
    let world =
        World::with(|builder| names.iter().fold(builder, |it, name| it.site(*name, |_| {})));
    let unmatched = ["it::sites::plaine", "warehouse::shelves"];
    source(&world.cache, &origin, 1).await;
    assert_eq!(world.cache.unmatched_sites(), unmatched);
    assert_eq!(told(&log, "has not been called so far").len(), 0);
    world.advance(SECOND * 600);
    source(&world.cache, &origin, 2).await;
    source(&world.cache, &origin, 3).await;
    let lines = told(&log, "has not been called so far");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("site=it::sites::plaine nearest=\"it::sites::plain\""), "{lines:#?}");
    assert!(!lines[1].contains("nearest=\""), "{lines:#?}");
    change(&world.cache, "another", |_| {});
    world.cache.close().await;
    assert_eq!(told(&log, "site=another").len(), 1);
}
