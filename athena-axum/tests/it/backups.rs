//! Backups that are made and put back on request.

use std::path::PathBuf;
use std::time::Duration;

use athena_cache::testing::MemoryBackend;
use athena_cache::{Cache, Memory, OccurrenceKind};
use athena_cache_axum::{Actor, dashboard};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::asked::{Answer, ask};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("athena-page-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("kept")).unwrap();
        Self(path)
    }

    /// All files in it, and in the folder for backups.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for folder in [self.0.clone(), self.0.join("kept")] {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let entries = entries.filter(|entry| entry.file_type().unwrap().is_file());
            files.extend(entries.map(|entry| entry.file_name().into_string().unwrap()));
        }
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn cache(store: &MemoryBackend) -> Cache {
    let builder = Cache::builder("shop").memory(Memory::off()).backend(store.clone());
    builder.build().unwrap()
}

fn page(cache: &Cache, folder: Option<&Folder>) -> Router {
    let page = dashboard(cache).actions(|_| Ok(Actor::new("ada")));
    let page = match folder {
        Some(folder) => page.backups_in(folder.0.join("kept")),
        None => page,
    };
    Router::new().nest("/athena", page.into_router())
}

async fn act(app: &Router, action: &str, body: &str) -> Answer {
    let request = Request::post(format!("/athena/actions/{action}"))
        .header("content-type", "application/json")
        .header("x-athena-action", action);
    ask(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn fill(cache: &Cache) {
    let hour = Duration::from_secs(3_600);
    for number in 0..5_u8 {
        let entry = cache.entry(format!("product:{number}")).ttl(hour).grace(hour);
        entry.insert(number).await.unwrap();
    }
}

fn told(cache: &Cache) -> Vec<String> {
    let acted = cache.timeline().into_iter().filter(|it| it.kind == OccurrenceKind::Action);
    acted.inspect(|it| assert_eq!(it.actor.as_deref(), Some("ada"))).map(|it| it.text).collect()
}

#[tokio::test]
async fn a_backup_is_made_under_a_name_and_put_back_from_it() {
    let (store, folder) = (MemoryBackend::new(), Folder::new("made"));
    let cache = cache(&store);
    let app = page(&cache, Some(&folder));
    fill(&cache).await;
    let made = act(&app, "backup", r#"{"cache":"shop","name":"before-2"}"#).await;
    assert_eq!(
        (made.status, &made.json()["done"]),
        (StatusCode::ACCEPTED, &true.into()),
        "{}",
        made.text
    );
    assert_eq!(folder.files(), ["before-2.backup"]);
    store.wipe();
    let restore = r#"{"cache":"shop","name":"before-2","confirm":"shop","dry_run":true}"#;
    let dry = act(&app, "restore", restore).await.json();
    assert_eq!(dry["text"], "5 of 5 values would come back, as stale");
    assert_eq!(cache.entry("product:1").get::<u8>().await.unwrap(), None);
    let done = act(&app, "restore", &restore.replace("true", "false")).await.json();
    assert_eq!(done["text"], "5 of 5 values came back, as stale");
    let hour = Duration::from_secs(3_600);
    let entry = cache.entry("product:1").ttl(hour).grace(hour);
    let seen = entry.observe(async || Err::<u8, _>(std::io::Error::other("down"))).await;
    assert_eq!((seen.value.unwrap(), seen.outcome.label()), (1, "STALE"));
    let told = told(&cache);
    assert_eq!(told.len(), 6, "each twice: that it begins, and what came of it: {told:?}");
    assert!(told[1].starts_with("5 values were kept"), "{told:?}");
    // None is overwritten.
    let again = act(&app, "backup", r#"{"cache":"shop","name":"before-2"}"#).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
    // Nor are there more than fit.
    for number in 0..31 {
        std::fs::write(folder.0.join(format!("kept/{number}.backup")), "").unwrap();
    }
    let full = act(&app, "backup", r#"{"cache":"shop","name":"one-more"}"#).await;
    assert!(full.status == StatusCode::CONFLICT && full.text.contains("32"), "{}", full.text);
}

#[tokio::test]
async fn no_request_names_a_place_outside_of_the_folder() {
    let (store, folder) = (MemoryBackend::new(), Folder::new("outside"));
    let cache = cache(&store);
    fill(&cache).await;
    let app = page(&cache, Some(&folder));
    let outside = folder.0.join("escaped");
    for name in ["../escaped", "..", "", "a/b", "a.b", outside.to_str().unwrap(), "..%2fescaped"] {
        for (action, rest) in [("backup", ""), ("restore", r#","confirm":"shop""#)] {
            let body = format!(r#"{{"cache":"shop","name":"{name}"{rest}}}"#);
            let answer = act(&app, action, &body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {}", answer.text);
        }
    }
    for (action, body) in [
        ("backup", r#"{"cache":"shop","path":"/tmp/x"}"#),
        ("restore", r#"{"cache":"shop","name":"a"}"#),
        ("restore", r#"{"cache":"shop","name":"a","confirm":"Shop"}"#),
        ("repair", r#"{"cache":"shop"}"#),
        ("repair", r#"{"cache":"shop","confirm":""}"#),
    ] {
        let answer = act(&app, action, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
    }
    assert_eq!((folder.files(), told(&cache)), (vec![], vec![]));
    // One that is not there: it was asked for, and is told as not done, without the path.
    let missing = act(&app, "restore", r#"{"cache":"shop","name":"none","confirm":"shop"}"#).await;
    assert_eq!(missing.json()["done"], false);
    assert!(!missing.text.contains("kept/"), "{}", missing.text);
}

#[tokio::test]
async fn without_a_folder_there_is_no_such_action_and_what_is_stored_can_be_verified() {
    let store = MemoryBackend::new();
    let cache = cache(&store);
    fill(&cache).await;
    let app = page(&cache, None);
    for action in ["backup", "restore"] {
        let answer = act(&app, action, r#"{"cache":"shop","name":"a","confirm":"shop"}"#).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    let is_value = |name: &String| name.contains("{k:product:3}:") && !name.ends_with(":l");
    let name = store.names().into_iter().find(is_value).unwrap();
    store.put(&name, "not ours", Duration::from_secs(60));
    let seen = act(&app, "verify", r#"{"cache":"shop"}"#).await.json();
    assert!(seen["text"].as_str().unwrap().starts_with("1 of "), "{seen}");
    assert!(seen["text"].as_str().unwrap().ends_with(" 0 were removed"), "{seen}");
    let mended = act(&app, "repair", r#"{"cache":"shop","confirm":"shop"}"#).await.json();
    assert!(mended["text"].as_str().unwrap().ends_with(" 1 were removed"), "{mended}");
    assert!(!store.names().contains(&name));
}
