//! A store that never ends to save, and an isolation meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use super::*;
use crate::remote::breakers::Breakers;
use crate::testing::ManualClock;

#[derive(Debug)]
struct Endless;

#[async_trait]
impl Operator for Endless {
    async fn survey(&self, _limit: Duration) -> Arc<Survey> {
        Arc::default()
    }

    async fn examine(&self, _prefix: &str, _limit: Duration) -> Examination {
        Examination::default()
    }

    fn scanned_nodes(&self) -> Vec<ScannedNode> {
        vec![ScannedNode::new(Node::new(0), "a:1", 0)]
    }

    async fn scan(
        &self,
        _node: Node,
        _from: ScanCursor,
        _prefix: &str,
        _count: usize,
    ) -> Result<ScanPage, Failure> {
        Ok(ScanPage::default())
    }

    async fn stored(
        &self,
        _names: &[String],
        _most: usize,
    ) -> Result<Vec<Option<RawValue>>, Failure> {
        Ok(Vec::new())
    }

    async fn save(&self, _limit: Duration) -> Vec<SavedNode> {
        std::future::pending().await
    }

    async fn join_fleet(&self, _prefix: &str, _membership: &Membership) -> Result<(), Failure> {
        Ok(())
    }

    async fn leave_fleet(&self, _prefix: &str, _id: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn fleet(&self, _prefix: &str) -> Result<Vec<FleetMember>, Failure> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn nobody_is_asked_once_an_isolation_has_begun_and_no_save_is_waited_for() {
    let (manual, minute) = (ManualClock::new(), Duration::from_secs(60));
    let clock = Clock::from(manual.clone());
    let breakers = Breakers::new(&clock);
    let overseen = Overseen {
        inner: Arc::new(Endless),
        isolation: Arc::clone(breakers.isolation()),
        clock: clock.clone(),
    };
    let names = ["shop:#".to_owned()];
    assert!(overseen.stored(&names, 1).await.is_ok());
    let saving = overseen.save(minute);
    let isolating = async {
        while manual.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        breakers.isolate_newcomers(Some(clock.now().after(minute)));
        manual.advance(STEP);
    };
    let (saved, ()) = futures_util::future::join(saving, isolating).await;
    let [saved] = &saved[..] else { panic!("{saved:?}") };
    let is_told = matches!(&saved.saving, Saving::Failed(why) if why.contains("is isolated"));
    assert!(is_told && saved.endpoint == "a:1", "{saved:?}");

    let refused = overseen.stored(&names, 1).await.unwrap_err();
    assert_eq!(refused.class(), Class::Open);
    assert!(overseen.survey(minute).await.error.is_some());
    breakers.isolate_newcomers(None);
    assert!(overseen.stored(&names, 1).await.is_ok());
}
