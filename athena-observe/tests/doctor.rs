//! Whom the doctor asks, and for how long.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use athena_cache_core::Cache;
use athena_cache_core::backend::operate::{
    Examination, FleetMember, Membership, Operator, RawValue, ScanCursor, ScanPage, ScannedNode,
    Survey,
};
use athena_cache_core::backend::{Class, Failure, Node};
use athena_cache_core::testing::MemoryBackend;
use athena_cache_observe::doctor::{Diagnosis, Facts};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_stored_is_looked_at_and_a_good_store_is_fine() {
    let cache = Cache::builder("shop").backend(MemoryBackend::new()).build().unwrap();
    let operator = cache.operator().unwrap();
    cache.entry("a").ttl(LIMIT).insert(1_u8).await.unwrap();
    cache.settle().await;
    let facts = Facts::ask(&*operator, "shop", LIMIT).await;
    let diagnosis = Diagnosis::of(&facts);
    assert_eq!((diagnosis.findings, diagnosis.nodes), (vec![], 1));
    assert!(diagnosis.names.unwrap() > 0);
    cache.entry("n".repeat(200)).ttl(LIMIT).insert(1_u8).await.unwrap();
    cache.settle().await;
    let facts = Facts::ask(&*operator, "shop", LIMIT).await;
    let names = facts.names.as_ref().unwrap();
    assert_eq!((names.digests, names.without_life, names.foreign), (1, 0, 0));
    let diagnosis = Diagnosis::of(&facts);
    assert_eq!((diagnosis.findings[0].check, diagnosis.warnings), ("digests", 1));
}

/// A store that never comes to the end of its names.
#[derive(Debug, Default)]
struct Endless {
    /// So many of a page are of the namespace, and none of them of a cache.
    foreign: usize,
    pages: AtomicUsize,
}

#[async_trait]
impl Operator for Endless {
    async fn survey(&self, _: Duration) -> Arc<Survey> {
        Arc::default()
    }

    async fn examine(&self, _: &str, _: Duration) -> Examination {
        Examination::default()
    }

    fn scanned_nodes(&self) -> Vec<ScannedNode> {
        vec![ScannedNode::new(Node::ONLY, "endless", 0)]
    }

    async fn scan(&self, _: Node, _: ScanCursor, _: &str, _: usize) -> Result<ScanPage, Failure> {
        self.pages.fetch_add(1, Ordering::SeqCst);
        let names = (0..self.foreign).map(|number| format!("shop:{{{number}}}")).collect();
        Ok(ScanPage::new(names, ScanCursor::at(1)))
    }

    async fn stored(&self, _: &[String], _: usize) -> Result<Vec<Option<RawValue>>, Failure> {
        Ok(Vec::new())
    }

    async fn join_fleet(&self, _: &str, _: &Membership) -> Result<(), Failure> {
        Err(Failure::new(Class::Rejected, "there is no fleet"))
    }

    async fn leave_fleet(&self, _: &str, _: &str) -> Result<(), Failure> {
        Err(Failure::new(Class::Rejected, "there is no fleet"))
    }

    async fn fleet(&self, _: &str) -> Result<Vec<FleetMember>, Failure> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn names_are_looked_at_for_so_long_and_so_often_only() {
    let endless = Endless::default();
    let facts = Facts::ask(&endless, "shop", LIMIT).await;
    assert_eq!(endless.pages.swap(0, Ordering::SeqCst), 200);
    assert_eq!(facts.names.map(|names| names.looked_at), Some(0));
    Facts::ask(&endless, "shop", Duration::ZERO).await;
    assert_eq!(
        endless.pages.load(Ordering::SeqCst),
        1,
        "what is over its limit ends with its page"
    );
    let full = Endless { foreign: 500, ..Endless::default() };
    let names = Facts::ask(&full, "shop", LIMIT).await.names.unwrap();
    assert_eq!((names.looked_at, names.foreign, full.pages.into_inner()), (2_000, 2_000, 4));
}
