use super::*;

const PRIMARY: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\
    # Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
    slave0:ip=10.0.0.2,port=6379,state=online,offset=140,lag=1\r\n\
    slave1:ip=::1,port=6380,state=wait_bgsave,offset=0,lag=0\r\nmin_slaves_good_slaves:1\r\n\
    master_replid:00ff00000000000a2d3b0f50c7a3c9d5c0d0e0f0\r\nmaster_repl_offset:150\r\n\
    # Persistence\r\nloading:0\r\nrdb_last_bgsave_status:err\r\nrdb_last_save_time:1700000000\r\n\
    aof_enabled:1\r\naof_last_write_status:ok\r\n\
    # Memory\r\nused_memory:1048576\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n\
    mem_fragmentation_ratio:nan\r\n# Stats\r\nevicted_keys:3\r\ntracking_total_keys:7\r\n";

#[test]
fn a22_a_primary_is_read_as_it_says() {
    let info = Info::parse(PRIMARY);
    assert_eq!(info.version().as_deref(), Some("7.0.15"));
    assert_eq!(
        (info.product().as_deref(), info.mode().as_deref()),
        (Some("redis"), Some("standalone"))
    );
    assert_eq!(info.history().as_deref(), Some("00ff00000000000a"));
    let replication = info.replication().unwrap();
    assert_eq!((replication.offset, replication.good_replicas), (Some(150), Some(1)));
    let [one, other] = &replication.replicas[..] else { panic!("two replicas") };
    assert_eq!(
        (one.endpoint.as_str(), one.lag_seconds, one.offset),
        ("10.0.0.2:6379", Some(1), Some(140))
    );
    assert_eq!((other.endpoint.as_str(), other.state.as_str()), ("[::1]:6380", "wait_bgsave"));
    let persistence = info.persistence(Some(String::new())).unwrap();
    assert_eq!((persistence.last_save_ok, persistence.aof_enabled), (Some(false), Some(true)));
    assert_eq!(persistence.save_points.as_deref(), Some(""));
    let memory = info.memory().unwrap();
    assert_eq!((memory.used, memory.max, memory.fragmentation), (Some(1 << 20), Some(0), None));
    assert_eq!((memory.evicted, memory.tracked_names), (Some(3), Some(7)));
}

#[test]
fn a22_a_replica_tells_whom_it_follows_and_how_closely() {
    let info = Info::parse(
        "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:down\r\n\
         master_last_io_seconds_ago:9\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:120\r\n\
         master_repl_offset:130\r\n",
    );
    let replication = info.replication().unwrap();
    assert_eq!(replication.primary.as_deref(), Some("10.0.0.1:6379"));
    assert_eq!((replication.link_up, replication.last_heard_seconds), (Some(false), Some(9)));
    assert_eq!((replication.offset, replication.is_synchronizing), (Some(120), Some(false)));
}

#[test]
fn what_is_not_said_is_not_known() {
    let nothing = Info::parse("");
    assert_eq!((nothing.replication(), nothing.memory(), nothing.cluster()), (None, None, None));
    assert_eq!(
        (nothing.persistence(None), nothing.product(), nothing.version()),
        (None, None, None)
    );
    let odd = Info::parse("used_memory:many\r\nloading:\r\nmaster_replid:short\r\nrole:\r\n");
    assert_eq!(odd.memory().unwrap().used, None);
    assert_eq!((odd.history(), odd.is_replica()), (None, Some(false)));
}

#[test]
fn valkey_is_called_as_it_calls_itself() {
    let info = Info::parse(
        "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nserver_mode:cluster\r\n\
         availability_zone:eu-1a\r\n",
    );
    assert_eq!(
        (info.product().as_deref(), info.version().as_deref()),
        (Some("valkey"), Some("8.1.0"))
    );
    assert_eq!(info.mode().as_deref(), Some("cluster"));
    assert_eq!(info.text("availability_zone").as_deref(), Some("eu-1a"));
}

#[test]
fn a_member_tells_how_its_cluster_is() {
    let info =
        Info::parse("cluster_state:fail\r\ncluster_slots_ok:10923\r\ncluster_slots_pfail:0\r\n");
    let sight = info.cluster().unwrap();
    assert_eq!((sight.is_ok, sight.slots_ok, sight.slots_fail), (Some(false), Some(10923), None));
}
