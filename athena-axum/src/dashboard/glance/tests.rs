//! What is said of a state, by a table of states.

use athena_cache_core::{BreakerState, Cache, ServerStatus, Status};

use super::*;

fn node(endpoint: &str, change: impl FnOnce(&mut ServerStatus)) -> ServerStatus {
    let mut node = ServerStatus::default();
    node.endpoint = endpoint.to_owned();
    (node.is_in_use, node.ready, node.is_connected) = (true, Some(true), Some(true));
    (node.breaker, node.write_breaker) = (Some(BreakerState::Closed), Some(BreakerState::Closed));
    (node.trusted, node.is_replica) = (Some(true), Some(false));
    change(&mut node);
    node
}

fn away(node: &mut ServerStatus) {
    (node.ready, node.breaker) = (Some(false), Some(BreakerState::Open));
    (node.is_connected, node.is_replica) = (Some(false), None);
}

fn replica(node: &mut ServerStatus) {
    (node.is_in_use, node.is_replica) = (false, Some(true));
}

fn lost_replica(node: &mut ServerStatus) {
    (node.is_in_use, node.is_replica, node.is_connected) = (false, None, Some(false));
}

/// A status of a service that answers nearly all calls from its cache.
async fn status(kind: &str, nodes: Vec<ServerStatus>) -> Status {
    let mut status = Cache::in_memory("shop").status().await;
    status.redis_cluster.kind = Some(kind.to_owned());
    status.nodes = nodes;
    let performance = &mut status.performance;
    (performance.requests, performance.hit_rate) = (1_200, 0.97);
    (performance.window_seconds, performance.average_response_time) = (60.0, 0.4);
    status
}

#[tokio::test]
async fn each_state_is_told_in_a_sentence_and_three_answers() {
    let one = |change: fn(&mut ServerStatus)| vec![node("a", change)];
    let with = |change: fn(&mut ServerStatus), other: fn(&mut ServerStatus)| {
        vec![node("a", change), node("b", other)]
    };
    let isolated = |node: &mut ServerStatus| {
        (node.breaker, node.retry_after_seconds) = (Some(BreakerState::Isolated), Some(40.0));
    };
    let full = |node: &mut ServerStatus| node.refuses = Some("OOM".to_owned());
    let (none, calm): (Vec<ServerStatus>, fn(&mut ServerStatus)) = (Vec::new(), |_| {});
    for (kind, nodes, level, sentence, heals) in [
        (
            "none",
            none,
            Level::Calm,
            "Memory alone serves, 97 % answered from the cache, nobody is hurt.",
            "nothing to heal",
        ),
        (
            "standalone",
            one(calm),
            Level::Calm,
            "Redis serves, 97 % answered from the cache, nobody is hurt.",
            "nothing to heal",
        ),
        ("standalone", one(away), Level::Notice, "Redis is away, 97 %", "Not without help"),
        (
            "sentinel",
            with(away, replica),
            Level::Notice,
            "Redis is away, a replica can take over",
            "Yes: a replica can take over",
        ),
        (
            "sentinel",
            with(away, lost_replica),
            Level::Notice,
            "Redis is away, 97 %",
            "Not without help",
        ),
        ("unknown", one(away), Level::Notice, "Redis is away", "is unknown"),
        (
            "cluster",
            with(calm, away),
            Level::Notice,
            "One of 2 primaries is away",
            "Not without help",
        ),
        ("standalone", one(isolated), Level::Notice, "Redis is left alone on purpose", "in 40 s"),
        ("standalone", one(full), Level::Notice, "Redis refuses its work", "refuses"),
    ] {
        let glance = Glance::of(&status(kind, nodes).await);
        assert_eq!(glance.level, level, "{glance:?}");
        assert!(
            glance.sentence.starts_with(sentence) && glance.heals.text.contains(heals),
            "{glance:?}"
        );
        assert_eq!(glance.broke.is_empty(), level == Level::Calm, "{glance:?}");
    }
}

#[tokio::test]
async fn callers_are_hurt_by_errors_and_by_nothing_else() {
    for (failing, hits, stale, level, part) in [
        (0.0, 0.97, 0.0, Level::Calm, "No. 1,200 calls in the last 60 s, 0.4 ms each"),
        (0.001, 0.97, 0.0, Level::Calm, "Hardly"),
        (0.5, 0.999, 0.0, Level::Notice, "50 % of the functions' runs fail"),
        (0.5, 0.5, 0.0, Level::Trouble, "Yes: up to 25 % get an error"),
        (0.0, 0.97, 0.2, Level::Notice, "20 % of the answers are older"),
    ] {
        let mut status = status("standalone", vec![node("a", |_| {})]).await;
        let performance = &mut status.performance;
        (performance.load_error_rate, performance.hit_rate, performance.stale_rate) =
            (failing, hits, stale);
        let glance = Glance::of(&status);
        assert_eq!((glance.callers.level, glance.level), (level, level), "{glance:?}");
        assert!(glance.callers.text.contains(part), "{glance:?}");
    }
}

#[tokio::test]
async fn much_that_broke_is_counted_and_the_worst_is_named() {
    let nodes = (0..200).map(|number| node(&format!("n{number}"), away)).collect();
    let glance = Glance::of(&status("cluster", nodes).await);
    assert_eq!(glance.broke.len(), 5);
    assert_eq!(glance.broke[4], "and 196 more, below");
    let mut waiting = status("standalone", vec![node("a", |_| {})]).await;
    (waiting.journal.depth, waiting.journal.oldest_seconds) = (3, 12.0);
    let glance = Glance::of(&waiting);
    assert!(glance.broke[0].starts_with("3 invalidations wait for Redis"), "{glance:?}");
    assert!(glance.heals.text.starts_with("Yes"), "{glance:?}");
}
