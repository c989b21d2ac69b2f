//! Rule 4 and 12b: how long memory answers before it reads again.

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Memory, Source};

use super::{WINDOW, seen, warm};
use crate::world::{FORMS, Form, Origin, Remote, TTL, others_rest};

#[tokio::test]
async fn t1_a_hit_in_memory_sends_nothing() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        warm(form, &remote.world.cache, &origin).await;
        remote.chaos.forget_operations();
        for _ in 0..3 {
            assert_eq!(seen(form, &remote.world.cache, &origin, 2).await, (Source::Memory, 1));
        }
        assert_eq!(remote.chaos.operations(), [""; 0]);
    }
}

#[tokio::test]
async fn t1_a_hit_in_the_backend_is_one_round_trip_and_is_promoted() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        warm(form, &remote.neighbour(), &origin).await;
        let cache = &remote.world.cache;
        remote.chaos.forget_operations();
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Backend, 1));
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
        assert_eq!(remote.chaos.operations(), ["read"]);
    }
}

#[tokio::test]
async fn t2_an_older_value_of_the_backend_never_replaces_a_newer_one_of_memory() {
    for form in FORMS {
        for remote in [Remote::tiered(), Remote::new()] {
            let (cache, origin) = (&remote.world.cache, Origin::default());
            warm(form, &remote.neighbour(), &origin).await;
            remote.world.advance(TTL / 2);
            remote.chaos.on("read", Chaotic::Error(Class::Unreachable));
            assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
            cache.settle().await;
            remote.chaos.heal();
            remote.world.advance(WINDOW);
            assert_eq!(seen(form, cache, &origin, 3).await, (Source::Load, 3));
            cache.settle().await;
            assert_eq!(seen(form, &remote.neighbour(), &origin, 4).await, (Source::Backend, 3));
        }
    }
}

#[tokio::test]
async fn t6_memory_is_trusted_for_the_window_after_the_last_proof_and_read_again_then() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let (cache, other) = (&remote.world.cache, remote.neighbour());
        warm(form, cache, &origin).await;
        // Neither announcements nor proofs arrive any more.
        remote.connection.hold_back();
        let _ = other.invalidate("plain:k").await;
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1), "nobody can know");
        remote.world.advance(WINDOW);
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
    }
}

#[tokio::test]
async fn t6_memory_is_trusted_for_as_long_as_proofs_arrive() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = &remote.world.cache;
    warm(Form::Entry, cache, &origin).await;
    for _ in 0..8 {
        remote.world.advance(WINDOW / 2);
        others_rest().await;
        assert_eq!(seen(Form::Entry, cache, &origin, 2).await, (Source::Memory, 1));
    }
}

#[tokio::test]
async fn t6_an_untrusted_copy_that_is_still_there_is_read_again_and_not_loaded() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        warm(form, cache, &origin).await;
        remote.chaos.reconnect();
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Backend, 1));
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
    }
}

#[tokio::test]
async fn t6_an_untrusted_copy_answers_flagged_while_the_backend_cannot() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        warm(form, cache, &origin).await;
        remote.chaos.always(Chaotic::Error(athena_cache::backend::Class::Unreachable));
        // Until the window is over nothing is known to be wrong.
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
        remote.world.advance(WINDOW);
        let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.degraded);
    }
}

#[tokio::test]
async fn where_nothing_is_tracked_memory_is_trusted_for_the_window_alone() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        remote.connection.stop_tracking();
        warm(form, cache, &origin).await;
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
        for _ in 0..4 {
            remote.world.advance(WINDOW / 4);
            others_rest().await;
        }
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Backend, 1));
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
    }
}

#[tokio::test]
async fn memory_can_be_kept_for_trouble_or_switched_off() {
    for (memory, expected) in [
        (Memory::default(), Source::Memory),
        (Memory::fallback_only(10), Source::Backend),
        (Memory::off(), Source::Backend),
    ] {
        let remote = Remote::with(|builder| builder.memory(memory));
        let origin = Origin::default();
        warm(Form::Entry, &remote.world.cache, &origin).await;
        assert_eq!(seen(Form::Entry, &remote.world.cache, &origin, 2).await, (expected, 1));
    }
}
