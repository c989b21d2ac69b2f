//! An isolation that begins while all that is stored is gone through.

use super::{Folder, TTL, put, shop};

#[tokio::test]
async fn what_is_under_way_ends_with_an_isolation_and_leaves_nothing() {
    let (_clock, store, cache) = shop();
    for number in 1..=600 {
        put(&cache, &format!("product:{number}"), "products", number).await;
    }
    let folder = Folder::new();
    let isolating = cache.clone();
    let backup = cache.backup().rate(1_000_000).on_progress(move |_| isolating.isolate(TTL));
    let error = backup.to(folder.file()).await.unwrap_err();
    assert!(error.to_string().contains("isolated"), "{error}");
    assert_eq!(folder.names(), Vec::<String>::new());
    cache.resume();
    cache.backup().rate(1_000_000).to(folder.file()).await.unwrap();

    let isolating = cache.clone();
    let verifying = cache.verify().rate(1_000_000).on_progress(move |_| isolating.isolate(TTL));
    let error = verifying.run().await.unwrap_err();
    assert!(error.to_string().contains("isolated"), "{error}");
    cache.resume();

    let before = store.names().len();
    let _pending = cache.clear().await;
    let isolating = cache.clone();
    let restoring = cache.restore(folder.file()).mode(super::RestoreMode::Replace);
    let restoring = restoring.rate(1_000_000).on_progress(move |_| isolating.isolate(TTL));
    let error = restoring.run().await.unwrap_err();
    assert!(error.to_string().contains("restored in part"), "{error}");
    assert_eq!(store.names().len(), before);
}
