//! Backups of caches in memory, put back where they came from and elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bad_days;
mod isolated;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::file::BackupReader;
use super::{Defect, RestoreMode, Restored};
use crate::cache::Cache;
use crate::settings::{Memory, MemoryRole, RegionSettings, Settings};
use crate::testing::{ManualClock, MemoryBackend};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("athena-backup-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("shop.backup")
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const TTL: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(600);

fn cache_on(store: &MemoryBackend, clock: &ManualClock) -> Cache {
    let builder = Cache::builder("shop").clock(clock).backend(store.clone());
    let memory = Memory { role: MemoryRole::Off, ..Memory::default() };
    builder.memory(memory).build().unwrap()
}

/// A store, and a cache that keeps nothing in memory.
fn shop() -> (ManualClock, MemoryBackend, Cache) {
    let clock = ManualClock::new();
    let store = MemoryBackend::with_clock(&clock);
    let cache = cache_on(&store, &clock);
    (clock, store, cache)
}

fn values(store: &MemoryBackend) -> Vec<String> {
    let names = store.names().into_iter();
    names.filter(|name| name.starts_with("shop:{k:") && !name.ends_with(":l")).collect()
}

async fn put(cache: &Cache, key: &str, tag: &str, number: u32) {
    cache.entry(key).ttl(TTL).grace(GRACE).tags([tag]).insert(number).await.unwrap();
}

/// What a call gets, by a load that gives 0; and its outcome.
async fn ask(cache: &Cache, key: &str, tag: &str) -> (u32, &'static str) {
    let entry = cache.entry(key).ttl(TTL).grace(GRACE).tags([tag]);
    let seen = entry.observe(async || Err::<u32, _>(std::io::Error::other("down"))).await;
    (seen.value.unwrap_or(0), seen.outcome.label())
}

/// A backup of one value, its bytes, and a store with nothing in it.
struct Kept {
    folder: Folder,
    bytes: Vec<u8>,
    other: MemoryBackend,
    empty: Cache,
}

impl Kept {
    async fn new() -> Self {
        let (clock, _store, cache) = shop();
        put(&cache, "a", "odd", 1).await;
        let folder = Folder::new();
        cache.backup().to(folder.file()).await.unwrap();
        let bytes = std::fs::read(folder.file()).unwrap();
        let other = MemoryBackend::with_clock(&clock);
        let empty = cache_on(&other, &clock);
        Self { folder, bytes, other, empty }
    }
}

#[tokio::test]
async fn a65_an_empty_store_gets_back_what_it_had_as_stale() {
    let (clock, store, cache) = shop();
    for number in 1..=450 {
        put(&cache, &format!("product:{number}"), "products", number).await;
    }
    let folder = Folder::new();
    let kept = cache.backup().to(folder.file()).await.unwrap();
    assert_eq!((kept.values, kept.generations), (450, 2), "the namespace's and the tag's");
    assert_eq!(folder.names(), ["shop.backup"]);

    let other = MemoryBackend::with_clock(&clock);
    let empty = cache_on(&other, &clock);
    assert_eq!(ask(&empty, "product:7", "products").await, (0, "MISS"));
    empty.settle().await;
    let before = other.names();
    let dry = empty.restore(folder.file()).dry_run().run().await.unwrap();
    assert_eq!((dry.read, dry.written, other.names()), (450, 450, before));
    let done = empty.restore(folder.file()).run().await.unwrap();
    assert_eq!((done.read, done.written), (450, 450));
    assert_eq!(ask(&empty, "product:7", "products").await, (7, "STALE"));
    assert_eq!(ask(&empty, "product:450", "products").await, (450, "STALE"));
    assert_eq!(values(&other), values(&store));
    clock.advance(TTL + GRACE);
    assert_eq!(ask(&empty, "product:7", "products").await, (0, "MISS"));
    // An invalidation reaches what came back.
    let again = empty.restore(folder.file()).mode(RestoreMode::Replace).run().await.unwrap();
    assert_eq!(again.written, 450);
    let _ = empty.invalidate_tag("products").await;
    assert_eq!(ask(&empty, "product:8", "products").await, (0, "MISS"));
}

#[tokio::test]
async fn what_was_invalidated_since_does_not_come_back_to_its_store() {
    let (_clock, store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    put(&cache, "b", "even", 2).await;
    let folder = Folder::new();
    cache.backup().to(folder.file()).await.unwrap();
    let _ = cache.invalidate_tag("odd").await;
    let _ = cache.invalidate("b").await;
    let done = cache.restore(folder.file()).mode(RestoreMode::Replace).run().await.unwrap();
    assert_eq!((done.outdated, done.written), (1, 1));
    // The store does not know of an entry that it was invalidated: it is stale.
    assert_eq!(ask(&cache, "b", "even").await, (2, "STALE"));
    assert_eq!(ask(&cache, "a", "odd").await, (0, "MISS"));
    drop(store);
}

/// Whoever calls meanwhile has generations made anew, under the same history.
#[tokio::test]
async fn a65_a_store_that_was_emptied_while_it_was_asked_gives_back_what_somebody_says_was_lost() {
    let (_clock, store, cache) = shop();
    for (key, tag, number) in [("a", "odd", 1), ("b", "even", 2)] {
        put(&cache, key, tag, number).await;
    }
    let folder = Folder::new();
    cache.backup().to(folder.file()).await.unwrap();
    let _ = cache.invalidate_tag("odd").await;
    store.wipe();
    put(&cache, "c", "even", 3).await;
    let done = cache.restore(folder.file()).run().await.unwrap();
    assert_eq!((done.written, done.outdated), (0, 2), "it looks as after a clear");
    let dry = cache.restore(folder.file()).after_loss().dry_run().run().await.unwrap();
    let done = cache.restore(folder.file()).after_loss().run().await.unwrap();
    assert_eq!(((done.written, done.outdated), dry.written), ((2, 0), 2));
    assert_eq!(ask(&cache, "a", "odd").await, (1, "STALE"));
    assert_eq!(ask(&cache, "b", "even").await, (2, "STALE"));
    // What is stored since then is as it was, and an invalidation reaches all of it.
    assert_eq!(ask(&cache, "c", "even").await, (3, "HIT"));
    let _ = cache.invalidate_tag("even").await;
    assert_eq!(ask(&cache, "b", "even").await, (0, "MISS"));
    assert_eq!(ask(&cache, "c", "even").await, (0, "MISS"));
}

#[tokio::test]
async fn o3_the_same_store_emptied_has_nothing_fresh_afterwards() {
    let (_clock, store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    let folder = Folder::new();
    cache.backup().to(folder.file()).await.unwrap();
    let _ = cache.invalidate_tag("odd").await;
    store.wipe();
    let done = cache.restore(folder.file()).run().await.unwrap();
    assert_eq!(done.written, 1);
    assert_eq!(ask(&cache, "a", "odd").await, (1, "STALE"));
}

#[tokio::test]
async fn what_somebody_vouches_for_is_fresh() {
    let (clock, _store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    let folder = Folder::new();
    cache.backup().to(folder.file()).await.unwrap();
    let empty = cache_on(&MemoryBackend::with_clock(&clock), &clock);
    let _ = ask(&empty, "other", "odd").await;
    let done = empty.restore(folder.file()).vouched().run().await.unwrap();
    assert_eq!(done.written, 1);
    assert_eq!(ask(&empty, "a", "odd").await, (1, "HIT"));
}

#[tokio::test]
async fn what_was_outdated_when_it_was_kept_stays_away() {
    let (clock, _store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    put(&cache, "b", "even", 2).await;
    let _ = cache.invalidate_tag("odd").await;
    let folder = Folder::new();
    cache.backup().to(folder.file()).await.unwrap();
    let empty = cache_on(&MemoryBackend::with_clock(&clock), &clock);
    let done = empty.restore(folder.file()).run().await.unwrap();
    assert_eq!((done.written, done.outdated), (1, 1));
    assert_eq!(ask(&empty, "a", "odd").await, (0, "MISS"));
}

#[tokio::test]
async fn what_is_there_stays_unless_somebody_says_otherwise() {
    let (clock, _store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    let folder = Folder::new();
    cache.backup().to(folder.file()).await.unwrap();
    clock.advance(Duration::from_secs(1));
    put(&cache, "a", "odd", 2).await;
    let run = async |mode| cache.restore(folder.file()).mode(mode).run().await.unwrap();
    for mode in [RestoreMode::SkipExisting, RestoreMode::YoungerWins] {
        let Restored { existing, written, .. } = run(mode).await;
        assert_eq!((existing, written), (1, 0), "{mode:?}");
        assert_eq!(ask(&cache, "a", "odd").await, (2, "HIT"));
    }
    assert_eq!(run(RestoreMode::Replace).await.written, 1);
    assert_eq!(ask(&cache, "a", "odd").await, (1, "STALE"));
}

#[tokio::test]
async fn values_without_grace_and_those_that_have_ended_are_counted() {
    let (_clock, _store, cache) = shop();
    cache.entry("bare").ttl(TTL).insert(1_u32).await.unwrap();
    let short = cache.entry("short").ttl(Duration::from_millis(1)).grace(Duration::from_millis(1));
    short.insert(2_u32).await.unwrap();
    let folder = Folder::new();
    let kept = cache.backup().to(folder.file()).await.unwrap();
    assert_eq!(kept.values, 2);
    std::thread::sleep(Duration::from_millis(5));
    let empty = cache_on(&MemoryBackend::new(), &ManualClock::new());
    let done = empty.restore(folder.file()).run().await.unwrap();
    assert_eq!((done.read, done.written, done.without_grace, done.expired), (2, 0, 1, 1));
}

#[tokio::test]
async fn a65_a_file_that_is_not_whole_or_of_another_cache_writes_nothing() {
    let Kept { folder, bytes, other, empty } = Kept::new().await;
    for at in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        std::fs::write(folder.file(), &flipped).unwrap();
        let error = empty.restore(folder.file()).run().await.unwrap_err();
        assert!(error.is_backup(), "{at}: {error}");
    }
    std::fs::write(folder.file(), &bytes).unwrap();
    let stranger = Cache::builder("bank").backend(other.clone()).build().unwrap();
    let error = stranger.restore(folder.file()).run().await.unwrap_err().to_string();
    assert_eq!(error, "the backup is of the namespace `shop`, and this cache is `bank`");
    let missing = empty.restore(folder.0.join("none")).run().await.unwrap_err();
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
    assert_eq!(other.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a64_what_was_given_up_or_cannot_be_written_leaves_nothing() {
    let (_clock, _store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    let folder = Folder::new();
    let nowhere = folder.0.join("missing").join("file");
    let error = cache.backup().to(nowhere).await.unwrap_err();
    assert!(error.is_backup(), "{error}");
    // One name in a second: the second page waits for its turn.
    let given_up =
        tokio::time::timeout(Duration::from_millis(50), cache.backup().rate(1).to(folder.file()));
    assert!(given_up.await.is_err());
    while !folder.names().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_cache_without_a_backend_or_apart_from_it_says_so() {
    let cache = Cache::in_memory("shop");
    let error = cache.backup().to("anywhere").await.unwrap_err();
    assert!(error.to_string().contains("needs a backend"), "{error}");
    assert!(cache.restore("anywhere").run().await.is_err());
    let (_clock, _store, cache) = shop();
    cache.isolate(TTL);
    let error = cache.verify().run().await.unwrap_err();
    assert!(error.to_string().contains("`resume` first"), "{error}");
}

#[tokio::test]
async fn a_pipe_gets_the_same_bytes() {
    struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (_clock, _store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    let bytes = std::sync::Arc::default();
    cache.backup().to_writer(Shared(std::sync::Arc::clone(&bytes))).await.unwrap();
    let bytes = bytes.lock().unwrap();
    let reader = super::file::BackupReader::open(&bytes[..]).unwrap();
    assert_eq!(reader.head().namespace, "shop");
    let foot = reader.read(|_| Ok::<_, super::file::Flaw>(())).unwrap();
    assert_eq!(foot.values, 1);
}

#[tokio::test]
async fn a70_what_is_corrupt_or_foreign_is_found_and_removed_and_the_rest_stays() {
    let (_clock, store, cache) = shop();
    for number in 0..1_000 {
        put(&cache, &format!("product:{number}"), "products", number).await;
    }
    put(&cache, "dead", "odd", 1).await;
    let _ = cache.invalidate_tag("odd").await;
    let values: Vec<_> =
        store.names().into_iter().filter(|it| it.contains("{k:product:")).collect();
    let lane = |name: &str| name.rsplit(':').next().unwrap().to_owned();
    let hour = Duration::from_secs(3_600);
    let mut bytes = store.bytes(&values[0]).unwrap();
    let whole = bytes.clone();
    bytes[40] ^= 1;
    store.put(&values[0], bytes, hour);
    store.put(&values[1], &whole[..20], hour);
    store.put(&values[2], "not ours", hour);
    store.put(&values[3], whole.clone(), hour); // of another name
    let elsewhere =
        format!("shop:{{k:product:0}}:{}", (lane(&values[4]).parse::<u8>().unwrap() + 1) % 8);
    store.put(&elsewhere, whole, hour);
    store.put("shop:{odd form}:9", "of somebody else", hour);
    store.put("shop:#bad", "no number", hour);

    let before = store.names().len();
    let seen = cache.verify().run().await.unwrap();
    let count = |defect| seen.defects.get(&defect).copied().unwrap_or(0);
    assert_eq!((count(Defect::Corrupt), count(Defect::Misplaced)), (3, 2), "{seen:?}");
    assert_eq!((count(Defect::Dead), count(Defect::ForeignName)), (1, 1));
    assert_eq!((count(Defect::BadGeneration), count(Defect::Orphan)), (1, 0));
    assert_eq!((seen.repairable(), seen.removed, store.names().len()), (6, 0, before));

    let mended = cache.verify().repair().run().await.unwrap();
    assert_eq!((mended.removed, mended.changed), (6, 0));
    assert_eq!(store.names().len(), before - 6);
    let again = cache.verify().run().await.unwrap();
    assert_eq!((again.repairable(), again.defects.len()), (0, 2), "{again:?}");
    assert_eq!(ask(&cache, "product:999", "products").await, (999, "HIT"));
}

#[tokio::test]
async fn generations_that_nothing_carries_are_removed_on_request_alone() {
    let (_clock, store, cache) = shop();
    put(&cache, "a", "kept", 1).await;
    put(&cache, "b", "gone", 2).await;
    let _ = cache.invalidate("b").await;
    let orphan = |seen: &super::Verified| seen.defects.get(&Defect::Orphan).copied();
    let seen = cache.verify().repair().run().await.unwrap();
    assert_eq!((orphan(&seen), seen.removed), (Some(1), 0));
    let seen = cache.verify().repair_with_orphans().run().await.unwrap();
    assert_eq!((orphan(&seen), seen.removed), (Some(1), 1));
    assert!(!store.names().contains(&"shop:#gone".to_owned()));
    assert_eq!(ask(&cache, "a", "kept").await, (1, "HIT"));
}

#[tokio::test]
async fn a65_a_backup_is_of_the_region_that_is_used_and_goes_back_into_the_one_that_is_used_then() {
    let clock = ManualClock::new();
    let [west, east] = [(); 2].map(|()| MemoryBackend::with_clock(&clock));
    let process = |region: &str| {
        let mut regions = RegionSettings::new("west", ["east"]);
        regions.prefer = Some(region.to_owned());
        let mut settings = Settings::default();
        (settings.regions, settings.memory.role) = (Some(regions), MemoryRole::Off);
        let builder = Cache::builder("shop").clock(&clock).settings(settings);
        builder.region("west", west.clone()).region("east", east.clone()).build().unwrap()
    };
    let (folder, east_side) = (Folder::new(), process("east"));
    assert_eq!(ask(&east_side, "product:0", "products").await.0, 0);
    // A region is cleared when it is followed for the first time.
    for _ in 0..1_000 {
        clock.advance(Duration::from_millis(5));
        tokio::task::yield_now().await;
    }
    put(&east_side, "product:1", "products", 1).await;
    assert_eq!((values(&west).len(), values(&east).len()), (0, 1));
    process("west").backup().to(folder.file()).await.unwrap();
    let region = || {
        let file = std::fs::File::open(folder.file()).unwrap();
        BackupReader::open(file).unwrap().head().region.clone()
    };
    assert_eq!(region().as_deref(), Some("west"));
    let kept = east_side.backup().to(folder.file()).await.unwrap();
    assert_eq!((region().as_deref(), kept.values), (Some("east"), 1));
    let restored = process("west").restore(folder.file()).run().await.unwrap();
    assert_eq!(restored, Restored { read: 1, written: 1, ..Restored::default() });
    assert_eq!(values(&west).len(), 1);
    assert_eq!(ask(&process("west"), "product:1", "products").await.0, 1);
}
