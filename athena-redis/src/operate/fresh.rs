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
    latest: Lock<Option<FreshAnswer<T>>>,
}

struct FreshAnswer<T> {
    until: Instant,
    answer: Shared<BoxFuture<'static, Arc<T>>>,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self { latest: Lock::new(None) }
    }
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// The answer that there is now, or the one to a question that takes no longer than `limit`.
    pub(super) async fn get<F>(
        &self,
        now: Instant,
        limit: Duration,
        ask: impl FnOnce() -> F,
    ) -> Arc<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let answer = {
            let mut latest = self.latest.lock();
            match &*latest {
                Some(asked) if asked.until > now => asked.answer.clone(),
                _ => {
                    let answer = ask().map(Arc::new).boxed().shared();
                    let until = now + limit.max(GOOD);
                    *latest = Some(FreshAnswer { until, answer: answer.clone() });
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

    const LIMIT: Duration = Duration::from_millis(500);

    #[tokio::test]
    async fn a22_those_who_ask_within_a_second_are_given_one_answer() {
        let (fresh, asked, start) = (Fresh::default(), AtomicU32::new(0), Instant::now());
        let ask = || {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                number
            }
        };
        let at = |ms| start + Duration::from_millis(ms);
        let (one, other) = tokio::join!(fresh.get(start, LIMIT, ask), fresh.get(start, LIMIT, ask));
        assert_eq!((*one, *other), (0, 0));
        for (ms, number) in [(999, 0), (1_000, 1), (1_001, 1), (2_000, 2)] {
            assert_eq!(*fresh.get(at(ms), LIMIT, ask).await, number, "{ms}");
        }
        // One that may take longer is waited for longer.
        let long = Duration::from_secs(5);
        for (ms, number) in [(3_000, 3), (7_999, 3), (8_000, 4)] {
            assert_eq!(*fresh.get(at(ms), long, ask).await, number, "{ms}");
        }
    }

    #[tokio::test]
    async fn whoever_gives_up_asking_leaves_the_answer_to_the_others() {
        let (fresh, now) = (Fresh::default(), Instant::now());
        let (tell, told) = tokio::sync::oneshot::channel();
        let first = fresh.get(now, LIMIT, || async { told.await.unwrap_or(0) });
        assert_eq!(first.now_or_never(), None);
        tell.send(7).unwrap();
        assert_eq!(*fresh.get(now, LIMIT, || async { 8 }).await, 7);
    }
}
