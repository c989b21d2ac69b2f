//! Waiting in a thread that may stand still meanwhile.
//!
//! Invariant: a thread that runs tasks of tokio does not wait, as far as that can be told. Other executors, and tasks
//! that tokio does not ration (`unconstrained`), look like a thread of one's own.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tokio::task::coop;

/// More than any task of tokio may do before it has to yield: it counts in a byte.
const MORE_THAN_ANY_BUDGET: usize = 256;

/// The output; the thread stands still until it is there.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}

/// What a future comes to by one poll.
pub(crate) fn at_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Whether this is a task of tokio, which would hold up others if it waited.
///
/// Such a task has a budget, and a thread that may wait has none (`spawn_blocking`, `block_in_place`, any other).
/// Tokio tells of a budget only that it is used up. So it is used up, and then put back: what the task awaits next
/// would else never be ready for as long as the task is not left.
pub(crate) fn is_in_task() -> bool {
    if Handle::try_current().is_err() {
        return false;
    }
    // It has no progress to tell of, so that it puts back what there was.
    let Poll::Ready(_restores) = coop::poll_proceed(&mut Context::from_waker(Waker::noop())) else {
        return true;
    };
    for _ in 0..MORE_THAN_ANY_BUDGET {
        if !coop::has_budget_remaining() {
            return true;
        }
        let _ = at_once(pin!(coop::consume_budget()));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn a_task_has_its_budget_afterwards() {
        runtime().block_on(async {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            sender.send(1).unwrap();
            assert!(is_in_task() && is_in_task());
            assert!(coop::has_budget_remaining());
            assert_eq!(at_once(pin!(receiver.recv())), Poll::Ready(Some(1)));
        });
    }

    #[test]
    fn only_a_task_is_one() {
        assert!(!is_in_task(), "no runtime");
        let runtime = runtime();
        assert!(runtime.block_on(async { is_in_task() }), "what a runtime blocks on");
        assert!(runtime.block_on(async { tokio::spawn(async { is_in_task() }).await.unwrap() }));
        let blocking = async { tokio::task::spawn_blocking(is_in_task).await.unwrap() };
        assert!(!runtime.block_on(blocking));
        let _entered = runtime.enter();
        assert!(!is_in_task(), "it can start tasks, and is none");
    }
}
