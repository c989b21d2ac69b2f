//! Rules 8 and 9b: what a node that took over may not know.

use std::time::Duration;

use athena_cache::{Invalidated, Source};

use super::{seen, warm};
use crate::world::{FORMS, Fault, Form, GRACE, Origin, Remote, TTL, others_rest};

#[tokio::test]
async fn what_another_history_wrote_is_not_fresh_and_may_answer_in_grace() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        form.graceful(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.store.fail_over();
        let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.stale);
        remote.world.advance(TTL);
        let answer = form.graceful(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(2));
        cache.settle().await;
        let late = remote.neighbour();
        assert_eq!(form.graceful(&late, "k", origin.returns(Ok(3))).await.value, Ok(2));
        remote.world.advance(TTL + GRACE);
    }
}

#[tokio::test]
async fn i3_an_invalidation_that_a_lost_node_acknowledged_is_sent_to_its_successor() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    let _ = cache.invalidate("plain:k").await;
    remote.store.fail_over();
    // Somebody who has not heard of the invalidation stores the old value on the new node.
    warm(Form::Entry, &other, &origin).await;
    assert_eq!(seen(Form::Entry, cache, &origin, 2).await, (Source::Load, 2));
    cache.settle().await;
    assert_eq!(seen(Form::Entry, &other, &origin, 3).await, (Source::Backend, 2));
}

#[tokio::test]
async fn i3_p3_nothing_is_read_from_a_node_before_it_is_told_what_its_predecessor_acknowledged() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        warm(form, cache, &origin).await;
        assert_eq!(cache.invalidate("plain:k").await, Invalidated::Done);
        remote.store.fail_over_unnoticed();
        // The new node has never heard of that, and another process stores what it loaded before.
        warm(form, &remote.neighbour(), &origin).await;
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
        cache.settle().await;
        assert_eq!(seen(form, &remote.neighbour(), &origin, 3).await, (Source::Backend, 2));
    }
}

#[tokio::test]
async fn i3_a_process_that_only_invalidates_tells_the_next_node_as_well() {
    let remote = Remote::tiered();
    let (other, origin) = (remote.neighbour(), Origin::default());
    warm(Form::Entry, &other, &origin).await;
    // Made where no task can be started yet.
    let cache =
        std::thread::scope(|scope| scope.spawn(|| remote.tiered_neighbour()).join()).unwrap();
    assert_eq!(cache.invalidate("plain:k").await, Invalidated::Done);
    remote.store.fail_over();
    warm(Form::Entry, &remote.neighbour(), &origin).await;
    for _ in 0..10 {
        others_rest().await;
        remote.world.advance(Duration::from_millis(200));
    }
    others_rest().await;
    assert!(!remote.store.names().iter().any(|name| name.contains("plain")), "it is told");
}
