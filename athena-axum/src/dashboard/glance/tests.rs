//! What is said of a state, by a table of states.

use athena_cache_core::backend::Ability;
use athena_cache_core::{BreakerState, Cache, Finding, Need, ServerStatus, Status};

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
    with_quorum(kind, nodes, Finding::healthy("all answer")).await
}

/// The same, by what is found of sentinels.
async fn with_quorum(kind: &str, nodes: Vec<ServerStatus>, quorum: Finding) -> Status {
    let cache = Cache::in_memory("shop");
    if kind == "sentinel" {
        let quorum = move || std::future::ready(quorum.clone());
        cache.health_checks().add("sentinel_quorum", Need::Quality, quorum);
    }
    let mut status = cache.status().await;
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
    let lacking = |node: &mut ServerStatus| node.lacks = vec![Ability::Lease];
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
        (
            "standalone",
            one(lacking),
            Level::Notice,
            "Redis serves, and does not allow all that is needed, 97 % answered from the cache, no caller gets an \
             error.",
            "Somebody has to give the Redis user its rights",
        ),
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

#[tokio::test]
async fn whether_a_replica_takes_over_is_for_those_to_say_who_make_it_the_primary() {
    let (ready, other) = (|| vec![node("a", away), node("b", replica)], "is unknown");
    for (quorum, heals) in [
        (Finding::healthy("all answer"), "Yes: a replica can take over"),
        (Finding::degraded("one does not answer"), "Yes: a replica can take over"),
        (Finding::unhealthy("there is no quorum"), "Not without help: a replica answers, and too"),
        (Finding::unknown("nobody lets us ask"), other),
    ] {
        let glance = Glance::of(&with_quorum("sentinel", ready(), quorum).await);
        assert!(glance.heals.text.contains(heals), "{glance:?}");
        let says = glance.sentence.contains("a replica can take over");
        assert_eq!(says, heals.starts_with("Yes"), "{glance:?}");
    }
    // Of a cluster most primaries have to vote, and a replica of another one is no successor.
    let calm = |name: &str| node(name, |node| node.history = Some(node.endpoint.clone()));
    let of = |name: &'static str| {
        move |node: &mut ServerStatus| {
            replica(node);
            node.history = Some(name.to_owned());
        }
    };
    for (nodes, heals) in [
        (vec![calm("a"), calm("b"), node("c", away), node("d", of("c"))], "Yes: a replica"),
        (vec![calm("a"), node("b", away), node("c", away), node("d", of("c"))], "too few are left"),
        (vec![calm("a"), calm("b"), node("c", away), node("d", of("a"))], "no replica answers"),
    ] {
        let glance = Glance::of(&status("cluster", nodes).await);
        assert!(glance.heals.text.contains(heals), "{glance:?}");
    }
}

#[tokio::test]
async fn what_a_node_lacks_is_told_as_what_it_is() {
    let lacks = |abilities: &'static [Ability], confirmed| {
        vec![node("a", |node| {
            (node.lacks, node.confirmed) = (abilities.to_vec(), Some(confirmed));
        })]
    };
    for (nodes, level, sentence, heals) in [
        // As it was set up: nothing is broken.
        (lacks(&[Ability::Announce], true), Level::Calm, "Redis serves, 97 %", "nothing to heal"),
        (lacks(&[Ability::Lease], true), Level::Notice, "Redis serves", "give the Redis user"),
        (lacks(&[Ability::Invalidate], true), Level::Notice, "Redis", "give the Redis user"),
        (
            lacks(&[Ability::Invalidate], false),
            Level::Notice,
            "Redis serves, unconfirmed",
            "Yes: as soon as those who decide",
        ),
    ] {
        let glance = Glance::of(&status("sentinel", nodes).await);
        assert_eq!(glance.level, level, "{glance:?}");
        assert!(
            glance.sentence.starts_with(sentence) && glance.heals.text.contains(heals),
            "{glance:?}"
        );
    }
    let gone = Finding::unhealthy("there is no quorum");
    let status = with_quorum("sentinel", lacks(&[Ability::Invalidate], false), gone).await;
    assert!(Glance::of(&status).heals.text.starts_with("Not without help"));
}

#[tokio::test]
async fn callers_who_got_an_error_since_redis_cannot_answer_are_hurt() {
    for (failed, level, part) in [
        (0.0, Level::Notice, "None got an error of Redis"),
        (0.004, Level::Notice, "Hardly: 0.4 % get an error, since Redis cannot answer"),
        (0.4, Level::Trouble, "Yes: 40 % get an error, since Redis cannot answer"),
    ] {
        let mut status = status("standalone", vec![node("a", away)]).await;
        status.performance.failed_rate = failed;
        let glance = Glance::of(&status);
        assert_eq!((glance.callers.level, glance.level), (level, level), "{glance:?}");
        assert!(glance.callers.text.contains(part), "{glance:?}");
    }
}
