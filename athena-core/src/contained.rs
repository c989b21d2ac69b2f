//! Code of users that runs for the cache's sake, not for its caller's.
//!
//! Invariant: a panic in it never reaches the caller, who would not have met it without a cache.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::excerpt::Excerpt;

/// Runs code of users; its panic as an excerpt.
///
/// Whatever it was given is dropped or read as it is afterwards, never changed half-way by it: it gets
/// shared references and what it makes itself.
#[inline]
pub(crate) fn contained<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(told)
}

/// The same for a future; it is not polled again after it panicked.
pub(crate) fn contained_future<F: Future>(future: F) -> ContainedFuture<F> {
    ContainedFuture { future }
}

pin_project! {
    /// A future whose panic is its output; by hand, so that it takes no more room than what it contains.
    #[derive(Debug)]
    pub(crate) struct ContainedFuture<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for ContainedFuture<F> {
    type Output = Result<F::Output, String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match contained(|| future.poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

/// What a panic says; it is dropped.
#[cold]
fn told(panic: Box<dyn Any + Send>) -> String {
    let told = text(&*panic);
    // It may panic as well when it is dropped; what that panics with is left alone.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic))).map_err(std::mem::forget);
    told
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Excerpt::of(text.unwrap_or("no text")).into()
}

#[cfg(test)]
mod tests {
    use super::contained;

    #[test]
    fn a_panic_becomes_its_text() {
        assert_eq!(contained(|| 1), Ok(1));
        assert_eq!(contained(|| panic!("no {}", "way")), Err::<(), _>("no way".to_owned()));
        let endless = "x".repeat(1_000);
        let cut = contained(|| std::panic::panic_any(endless)).map_err(|text| text.chars().count());
        assert_eq!(cut, Err::<(), _>(200));
        assert_eq!(contained(|| std::panic::panic_any(7)), Err::<(), _>("no text".to_owned()));
        assert_eq!(contained(|| panic!("a\nb")), Err::<(), _>(r"a\nb".to_owned()));
    }
}
