//! One answer for all who ask about the same at about the same time.
//!
//! Invariant: two questions are never under way side by side, and no answer is given out after its time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;

use crate::lock::Lock;

/// How long an answer is good for, from the question on.
const GOOD: Duration = Duration::from_secs(1);

/// The latest answer, or the question for it.
pub(super) struct Fresh<T> {
    latest: Lock<Option<Asked<T>>>,
}

struct Asked<T> {
    until: Instant,
    answer: Shared<BoxFuture<'static, Arc<T>>>,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self { latest: Lock::new(None) }
    }
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// The answer that there is, or the one to a question that takes no longer than `limit`.
    pub(super) async fn get<F>(&self, limit: Duration, ask: impl FnOnce() -> F) -> Arc<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let answer = {
            let mut latest = self.latest.lock();
            match &*latest {
                Some(asked) if asked.until > Instant::now() => asked.answer.clone(),
                _ => {
                    let answer = ask().map(Arc::new).boxed().shared();
                    let until = Instant::now() + limit.max(GOOD);
                    *latest = Some(Asked { until, answer: answer.clone() });
                    answer
                }
            }
        };
        answer.await
    }
}

impl<T> fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a22_those_who_ask_within_a_second_are_given_one_answer() {
        let (fresh, asked) = (Fresh::default(), AtomicU32::new(0));
        let ask = || {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                number
            }
        };
        let limit = Duration::from_millis(500);
        let (one, other) = tokio::join!(fresh.get(limit, ask), fresh.get(limit, ask));
        assert_eq!((*one, *other), (0, 0));
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(*fresh.get(limit, ask).await, 0);
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(*fresh.get(limit, ask).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_asking_leaves_the_answer_to_the_others() {
        let fresh = Fresh::default();
        let limit = Duration::from_secs(5);
        let ask = || async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            7
        };
        let given_up = tokio::time::timeout(Duration::from_millis(10), fresh.get(limit, ask)).await;
        assert!(given_up.is_err());
        assert_eq!(*fresh.get(limit, || async { 8 }).await, 7);
    }
}
