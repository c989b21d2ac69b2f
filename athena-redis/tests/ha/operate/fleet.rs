//! The processes that share a prefix, and what somebody else may write in their place.

use std::time::Duration;

use athena_cache_core::backend::operate::Membership;

use super::super::support::server::RedisServer;
use super::super::{eventually, redis};
use super::{LIMIT, operator};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_knows_who_has_not_come_again() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let operator = operator(&redis);
    assert_eq!(operator.fleet("shop:").await.expect("it answers"), []);
    let join = async |id: &str, life: u64| {
        let membership = Membership::new(id, id.as_bytes(), Duration::from_millis(life));
        operator.join_fleet("shop:", &membership).await
    };
    join("web-2", 60_000).await.expect("it is taken");
    join("web-1", 20).await.expect("it is taken");
    operator.join_fleet("shop:eu:", &Membership::new("x", "", LIMIT)).await.expect("it is taken");
    eventually("the first one is missing", async || {
        let fleet = operator.fleet("shop:").await.expect("it answers");
        let [one, two] = &fleet[..] else { panic!("two of them: {fleet:?}") };
        assert_eq!((one.id.as_str(), two.id.as_str()), ("web-1", "web-2"));
        assert_eq!(two.document.as_deref(), Some(&b"web-2"[..]));
        one.document.is_none()
    })
    .await;
    // It is forgotten after twenty of its lives, when somebody comes.
    tokio::time::sleep(Duration::from_millis(450)).await;
    join("web-3", 20).await.expect("it is taken");
    operator.leave_fleet("shop:", "web-2").await.expect("it is done");
    let ids = operator.fleet("shop:").await.expect("it answers");
    assert_eq!(ids.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["web-3"]);

    let long = Membership::new("web-4", vec![0; Membership::LONGEST + 1], LIMIT);
    let refused = operator.join_fleet("shop:", &long).await.expect_err("it is too long");
    assert!(refused.to_string().contains("16384 bytes"), "{refused}");
    let named = Membership::new("web }", "", LIMIT);
    assert!(operator.join_fleet("shop:", &named).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_of_a_roster_is_read_than_processes_may_write() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let operator = operator(&redis);
    let script = "for n = 1, 2000 do redis.call('ZADD', 'shop:{@}', n, 'p' .. n) end
        redis.call('ZADD', 'shop:{@}', 9999, string.rep('x', 1000000))
        redis.call('ZADD', 'shop:{@}', 9998, 'two words')
        redis.call('SET', 'shop:{@}:p2000', string.rep('x', 16385))
        redis.call('SET', 'shop:{@}:p1999', string.rep('x', 16384))
        redis.call('RPUSH', 'shop:{@}:p1998', 'x')";
    server.cli(&["EVAL", script, "0"]);
    let fleet = operator.fleet("shop:").await.expect("the node answers");
    assert_eq!(fleet.len(), 1_022, "the last 1024, without the two that no process is named");
    let document = |id: &str| {
        let member = fleet.iter().find(|member| member.id == id);
        member.and_then(|member| member.document.as_ref().map(Vec::len))
    };
    assert_eq!([document("p2000"), document("p1999")], [Some(0), Some(16_384)]);
    assert_eq!([document("p1998"), document("p977")], [None, None]);
}
