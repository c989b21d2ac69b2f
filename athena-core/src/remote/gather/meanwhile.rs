//! Who comes while much is on its way: nobody waits for more than it takes, or fails for what others have waited for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::{JoinHandle, yield_now};

use super::model::numbered::{NumberedBackend, ReplyKind};
use super::model::runtime;
use super::names::ReadShare;
use super::{Gatherers, MOST_AT_FIRST, Wish};
use crate::backend::{Backend, Failure, Node};
use crate::clock::Clock;
use crate::coherence::guards::Guards;
use crate::tasks::Tasks;
use crate::testing::ManualClock;

const LIMIT: Duration = Duration::from_secs(1);
/// By so much two who come after each other are apart, and wait together all the same.
const APART: Duration = Duration::from_millis(40);

struct Way {
    backend: Arc<NumberedBackend>,
    clock: ManualClock,
    gatherers: Arc<Gatherers>,
}

impl Way {
    fn new() -> Self {
        let (backend, clock) = (Arc::new(NumberedBackend::new(8 << 10)), ManualClock::new());
        let as_backend: Arc<dyn Backend> = Arc::<NumberedBackend>::clone(&backend);
        let (tasks, guards) = (Tasks::new(), Guards::default());
        let gatherers = Gatherers::new(&as_backend, &Clock::from(clock.clone()), &tasks, guards);
        Self { backend, clock, gatherers: Arc::new(gatherers) }
    }

    /// Two tasks at work, each with two batches of one value on their way, and somebody who asks alone.
    async fn is_full(&self) {
        self.reads("a").await;
        self.goes_by(1);
        for pair in [["b", "c"], ["d", "e"]] {
            let _ = pair.map(|name| self.spawn(name));
            rest().await;
        }
        assert_eq!(self.backend.count(), 5);
    }

    /// So many values are a batch from now on.
    fn goes_by(&self, most: usize) {
        self.gatherers.nodes.read()[0].most.store(most, Ordering::Relaxed);
    }

    async fn reads(&self, name: &'static str) -> JoinHandle<Result<ReadShare, Failure>> {
        let reading = self.spawn(name);
        rest().await;
        reading
    }

    fn spawn(&self, name: &'static str) -> JoinHandle<Result<ReadShare, Failure>> {
        let gatherers = Arc::clone(&self.gatherers);
        tokio::spawn(async move {
            let since = gatherers.clock.now();
            let wish = Wish { value: &name.into(), generations: &[], since, limit: LIMIT };
            gatherers.read(Node::new(0), &wish).await
        })
    }
}

async fn rest() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[test]
fn who_comes_is_asked_for_once_any_batch_is_through() {
    runtime().block_on(async {
        let way = Way::new();
        way.is_full().await;
        way.reads("f").await;
        assert_eq!(way.backend.count(), 5, "all tasks are at work");
        way.backend.answer(1, ReplyKind::Found);
        rest().await;
        assert_eq!(way.backend.count(), 6, "the other batch of that task is still on its way");
    });
}

#[test]
fn who_came_last_has_its_whole_time_whatever_others_have_waited() {
    runtime().block_on(async {
        let way = Way::new();
        way.is_full().await;
        way.goes_by(MOST_AT_FIRST);
        let early = way.reads("f").await;
        way.clock.advance(APART);
        let late = way.reads("g").await;
        way.backend.answer(1, ReplyKind::Found);
        rest().await;
        assert_eq!(way.backend.asked(5).values, ["f", "g"]);
        way.clock.advance(LIMIT.saturating_sub(APART));
        rest().await;
        assert!(!late.is_finished(), "the time of the first is over");
        while way.backend.answer(0, ReplyKind::Found).is_some() {}
        rest().await;
        assert!(late.is_finished() && early.is_finished());
        assert!(late.await.is_ok_and(|told| told.is_ok()));
    });
}

#[test]
fn what_did_not_get_through_in_time_is_asked_for_by_fewer() {
    runtime().block_on(async {
        let way = Way::new();
        way.is_full().await;
        let most = || way.gatherers.nodes.read()[0].most.load(Ordering::Relaxed);
        way.goes_by(MOST_AT_FIRST);
        way.clock.advance(LIMIT);
        rest().await;
        assert_eq!(most(), MOST_AT_FIRST >> 4, "four batches were given up");
        assert!(way.gatherers.carries_large_values(Node::new(0)));
    });
}

#[test]
fn who_is_gone_is_not_asked_for() {
    runtime().block_on(async {
        let way = Way::new();
        way.is_full().await;
        way.reads("f").await.abort();
        rest().await;
        way.backend.answer(1, ReplyKind::Found);
        rest().await;
        assert_eq!(way.backend.count(), 5);
    });
}
