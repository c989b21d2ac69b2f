//! The document that an operator asks for.

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{Fault as Chaotic, MemoryBackend};
use athena_cache::{Cache, Moment, athena_cache};
use serde_json::{Value, json};

use crate::world::{Fault, Remote, World, until};

#[athena_cache(ttl = "1h", name = "status::price", cache = cache)]
async fn price(cache: &Cache, id: u64) -> Result<u64, Fault> {
    if id == 99 { Err(Fault::Down) } else { Ok(id) }
}

async fn shown(cache: &Cache) -> Value {
    let text = serde_json::to_string(&cache.status().await).expect("it is JSON");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// All texts under names that are times.
fn times(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_time =
                    ["timestamp", "at", "startedAt", "lastFailoverTime", "since", "until"];
                if is_time.contains(&&**name) && !value.is_null() {
                    found.push(value.as_str().expect("a text").to_owned());
                }
                times(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| times(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn a61_75_hits_of_100_calls_in_10_s_are_exactly_that() {
    let world = World::in_memory();
    let cache = &world.cache;
    for id in 0..25 {
        for _ in 0..4 {
            price(cache, id).await.unwrap();
        }
    }
    world.advance(Duration::from_secs(10));
    let performance = &shown(cache).await["performance"];
    assert_eq!(performance["hitRate"], json!(0.75));
    assert_eq!(performance["requestsPerSecond"], json!(10.0));
    assert_eq!(
        (&performance["requests"], &performance["windowSeconds"]),
        (&json!(100), &json!(10.0))
    );
    assert_eq!(performance["memoryEntries"], json!(25));
}

#[tokio::test]
async fn a61_without_traffic_there_are_zeros() {
    for advance in [0, 10] {
        let world = World::in_memory();
        world.advance(Duration::from_secs(advance));
        let performance = &shown(&world.cache).await["performance"];
        for rate in [
            "hitRate",
            "requestsPerSecond",
            "averageResponseTime",
            "errorRate",
            "staleRate",
            "failedRate",
            "loadErrorRate",
        ] {
            assert_eq!(performance[rate], json!(0.0), "{rate}");
        }
        assert_eq!(performance["requests"], json!(0));
    }
}

#[tokio::test]
async fn a61_errors_of_the_cache_and_of_functions_are_told_apart() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    cache.settle().await;
    let _ = price(cache, 99).await;
    price(cache, 1).await.unwrap();
    cache.settle().await;
    remote.world.advance(Duration::from_secs(1));
    let calm = shown(cache).await;
    assert_eq!(calm["performance"]["errorRate"], json!(0.0));
    assert_eq!(calm["performance"]["loadErrorRate"], json!(0.5));
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    price(cache, 2).await.unwrap();
    let away = shown(cache).await;
    let rate = away["performance"]["errorRate"].as_f64().unwrap();
    assert!(rate > 0.0 && rate < 1.0, "{rate}");
}

#[tokio::test]
async fn a58_a59_every_name_is_there_and_every_time_is_rfc_3339_in_utc() {
    let world = World::with(|builder| builder.backend(MemoryBackend::new()));
    let cache = &world.cache;
    until("memory is trusted", || cache.nodes()[0].trusted).await;
    cache.acted("reconnect", "ann");
    let mut shown = shown(cache).await;
    let mut found = Vec::new();
    times(&shown, &mut found);
    assert!(found.len() >= 3, "{found:?}");
    for time in found {
        let read: Moment = serde_json::from_value(json!(time)).expect("RFC 3339");
        assert_eq!(read.to_string(), time);
        assert!(time.ends_with('Z'));
    }
    // What is of this moment and this machine.
    for (object, field) in [
        ("overallHealth", "totalDuration"),
        ("process", "id"),
        ("process", "host"),
        ("process", "startedAt"),
        ("process", "settings"),
    ] {
        assert!(shown[object].as_object_mut().unwrap().remove(field).is_some(), "{object}.{field}");
    }
    assert!(shown.as_object_mut().unwrap().remove("timestamp").is_some());
    let entries = shown["overallHealth"]["entries"].as_object_mut().unwrap();
    let names: Vec<_> = entries.keys().cloned().collect();
    assert_eq!(
        names,
        [
            "access",
            "breakers",
            "cluster_state",
            "distributed_cache",
            "journal",
            "maintenance",
            "memory",
            "persistence",
            "redis_connectivity",
            "replication",
            "sentinel_quorum",
            "trust",
        ]
    );
    entries.clear();
    assert_eq!(shown["timeline"].as_array().unwrap().len(), 1);
    shown["timeline"][0].as_object_mut().unwrap().remove("at");
    shown["nodes"][0]["history"].take();
    assert_eq!(
        shown,
        json!({
            "overallHealth": {"status": "Healthy", "entries": {}},
            "redisCluster": {
                "totalNodes": 1, "connectedNodes": 1, "masterNodes": 1, "kind": "other",
                "slotsOk": null, "sentinels": null,
            },
            "performance": {
                "hitRate": 0.0, "requestsPerSecond": 0.0, "averageResponseTime": 0.0, "errorRate": 0.0,
                "memoryUsage": null, "requests": 0, "windowSeconds": 0.0, "memoryEntries": 0,
                "staleRate": 0.0, "failedRate": 0.0, "loadErrorRate": 0.0,
            },
            "failover": {
                "failoverCount": 0, "lastFailoverTime": null, "recoveryTime": null,
                "circuitBreakerState": "Closed",
            },
            "process": {"version": env!("CARGO_PKG_VERSION"), "namespace": "test"},
            "nodes": [{
                "endpoint": "memory", "isInUse": true, "ready": true, "inFlight": 0, "breaker": "closed",
                "writeBreaker": "closed", "retryAfterSeconds": null, "trusted": true, "lacks": [], "confirmed": true,
                "refuses": null, "isConnected": true, "isReplica": false, "serverType": null,
                "version": null, "availabilityZone": null, "history": null, "usedMemory": null,
                "maxMemory": null, "replicas": null, "lagBytes": null, "lagSeconds": null, "slots": null, "error": null,
            }],
            "journal": {"depth": 0, "oldestSeconds": 0.0},
            "trust": {"trusted": true, "windowSeconds": 2.0},
            "maintenance": {
                "state": "none", "source": null, "node": null, "isReplica": null, "since": null,
                "startsAt": null, "until": null, "buffered": 0, "raw": null,
            },
            "timeline": [{
                "kind": "action", "endpoint": null, "from": null, "actor": "ann", "text": "reconnect",
            }],
        })
    );
}

#[tokio::test]
async fn without_a_backend_nothing_is_invented() {
    let world = World::in_memory();
    let shown = shown(&world.cache).await;
    assert_eq!(
        shown["redisCluster"],
        json!({
            "totalNodes": 0, "connectedNodes": 0, "masterNodes": 0, "kind": "none", "slotsOk": null,
            "sentinels": null,
        })
    );
    assert_eq!(shown["trust"], json!({"trusted": null, "windowSeconds": null}));
    assert_eq!(
        (&shown["nodes"], &shown["failover"]["circuitBreakerState"]),
        (&json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn without_details_no_address_host_actor_or_sentence_is_left() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    cache.acted("cleared", "ann-the-actor");
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    for id in 0..40 {
        price(cache, id).await.unwrap();
    }
    let status = cache.status().await;
    let host = status.process.host.clone();
    let full = serde_json::to_string(&status).unwrap();
    assert!(full.contains("\"chaos+memory\"") && full.contains("ann-the-actor"), "{full}");
    let hidden = serde_json::to_string(&status.without_details()).unwrap();
    assert!(!hidden.contains("chaos+") && !hidden.contains("ann-the-actor"), "{hidden}");
    assert!(!hidden.contains("description"), "{hidden}");
    assert!(host.is_none_or(|host| !hidden.contains(&host)), "{hidden}");
    assert!(hidden.contains("\"node 1\""), "{hidden}");
}

#[tokio::test]
async fn without_details_a_node_that_refuses_is_still_one() {
    let mut status = Remote::tiered().world.cache.status().await;
    for (said, shown) in [(None, false), (Some("OOM on host-a".to_owned()), true)] {
        status.nodes[0].refuses = said;
        let hidden = status.clone().without_details().nodes.remove(0).refuses;
        assert_eq!(hidden.is_some(), shown);
        assert!(hidden.is_none_or(|hidden| !hidden.contains("host-a")));
    }
}
