//! Three primaries and three replicas: every command, a failover, and what is wrong in one way at a time.

use super::athena::Athena;
use super::support::cluster::{Cluster, Options};
use super::{assert_fine, assert_found, every_command, good_with_copies, store};

#[test]
fn a_cluster_is_asked_by_every_command_and_each_fault_is_found() {
    let options = Options { settings: good_with_copies(), ..Options::default() };
    let mut cluster = Cluster::start_with(options);
    let athena = Athena::at(&cluster.url_of(&[0]));
    store(&cluster.url());
    every_command(&athena, "cluster", 6, 3);

    cluster.node(4).cli(&["CONFIG", "SET", "cluster-require-full-coverage", "yes"]);
    assert_found(&athena, "coverage", "warning", "CONFIG SET cluster-require-full-coverage no");
    cluster.node(4).cli(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    cluster.node(0).cli(&["CONFIG", "SET", "cluster-node-timeout", "15000"]);
    assert_found(&athena, "node-timeout", "warning", "CONFIG SET cluster-node-timeout 5000");
    cluster.node(0).cli(&["CONFIG", "SET", "cluster-node-timeout", "2000"]);

    let drilled = athena.json("drill --for 30s --trigger cluster --admin --confirm shop");
    assert_eq!(drilled.exit, 0, "{drilled:?}");
    assert_eq!(drilled.json["failovers"].as_array().map(Vec::len), Some(1), "{drilled:?}");
    cluster.wait_ok();
    assert_fine(&athena.run("doctor --strict"));

    let watched = athena.run("keys --timeout 1s");
    assert_eq!(watched.exit, 0, "{watched:?}");
    // Not the one that is asked first; whose replica took over is not said.
    let primary = cluster.primary_of_slot(8_000);
    cluster.node_mut(primary).freeze();
    let keys = athena.json("keys --timeout 300ms");
    assert_eq!((keys.exit, keys.json["isComplete"].as_bool()), (3, Some(false)), "{keys:?}");
    cluster.node_mut(primary).thaw();
}
