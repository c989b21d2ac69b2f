//! A task with something that is held for as long as it runs.
//!
//! Written by hand: an `async` block keeps a future that it was given beside the one that it awaits, so that a task
//! would take its room twice.
//!
//! Invariant: the task is gone before what is held for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A task, dropped before what is held for it: fields are dropped in their order.
    pub(super) struct HeldTask<F, H> {
        #[pin]
        task: F,
        held: H,
    }
}

impl<F, H> HeldTask<F, H> {
    pub(super) fn new(task: F, held: H) -> Self {
        Self { task, held }
    }
}

/// Whoever has polled it to its end drops it before the output is handed on, as runtimes do.
impl<F: Future, H> Future for HeldTask<F, H> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().task.poll(context)
    }
}
