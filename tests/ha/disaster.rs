//! Everything that Redis holds is lost while a service is called, and put back from a backup or not: nobody gets an
//! error, and nothing that was invalidated counts as fresh.
//!
//! The play is that of the example `disaster`.

#[path = "../../examples/disaster/play.rs"]
mod play;
#[path = "../../examples/disaster/servers.rs"]
mod servers;
#[path = "../../examples/disaster/shop.rs"]
mod shop;

use play::{Figures, Loss, Play};
use shop::PRODUCTS;

use crate::support::topology::Topology;

async fn played(loss: Loss, topology: Topology, restores: bool) -> Figures {
    let figures = Play { loss, topology, restores, origin_waits: restores }
        .run()
        .await
        .expect("it goes to its end");
    assert!(figures.is_harmless(), "{figures:?}");
    assert!(figures.back.is_some(), "{figures:?}");
    figures
}

/// The store has forgotten what was invalidated between backup and loss: that comes back as well, and as stale.
async fn lost_and_restored(loss: Loss, topology: Topology) {
    let with = played(loss, topology, true).await;
    assert_eq!(with.restored, PRODUCTS, "{with:?}");
    assert!(with.stale > 0, "what came back answered, and said that it is old: {with:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a65_a_node_that_was_emptied_is_given_back_what_it_held_while_it_is_asked() {
    lost_and_restored(Loss::Flushed, Topology::Standalone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a65_a_node_that_was_replaced_is_given_back_what_the_former_one_held() {
    lost_and_restored(Loss::Replaced, Topology::Standalone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a65_a_cluster_that_was_emptied_is_given_back_what_it_held_while_it_is_asked() {
    lost_and_restored(Loss::Flushed, Topology::Cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_restore_every_value_is_loaded_once_more_and_nobody_gets_an_error() {
    let without = played(Loss::Flushed, Topology::Standalone, false).await;
    assert_eq!((without.restored, without.stale), (0, 0), "{without:?}");
    assert!(without.loads >= PRODUCTS * 9 / 10, "{without:?}");
}
