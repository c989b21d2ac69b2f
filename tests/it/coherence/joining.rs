//! Rule 1 of docs/protocol.md: a flight is joined as an entry would be served.

use athena_cache::Source;

use super::{loading, seen};
use crate::world::{FORMS, Form, Gate, Origin, Remote, labelled, until};

#[tokio::test]
async fn i2_nobody_joins_a_load_that_another_process_has_invalidated() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
        let early = loading(form, &cache, &origin, &gate).await;
        let _ = other.invalidate("plain:k").await;
        let late = form.plain(&cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(late.value, Ok(2));
        gate.open();
        assert_eq!(early.await.unwrap(), Ok(1), "it began before");
        cache.settle().await;
        assert_eq!(form.plain(&cache, "k", origin.returns(Ok(3))).await.value, Ok(2));
        assert_eq!(form.plain(&other, "k", origin.returns(Ok(3))).await.value, Ok(2));
    }
}

#[tokio::test]
async fn nobody_joins_a_load_of_which_it_might_not_be_heard_that_it_was_invalidated() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let cache = remote.world.cache.clone();
    let early = loading(Form::Entry, &cache, &origin, &gate).await;
    remote.chaos.reconnect();
    assert_eq!(seen(Form::Entry, &cache, &origin, 2).await, (Source::Load, 2));
    gate.open();
    assert_eq!(early.await.unwrap(), Ok(1));
}

#[tokio::test]
async fn nobody_joins_a_load_after_any_tag_has_changed_if_its_tags_are_not_known() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
    let early = tokio::spawn(labelled(cache.clone(), origin.waits(&gate, Ok(1))));
    until("the load", || origin.loads() == 1).await;
    let _ = other.invalidate_tag("V1").await;
    assert_eq!(labelled(cache, origin.returns(Ok(2))).await.value, Ok(2));
    gate.open();
    assert_eq!(early.await.unwrap().value, Ok(1));
}
