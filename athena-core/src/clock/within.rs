//! A future that is given up after a while.
//!
//! Written by hand: an `async fn` keeps its argument beside what it awaits, so that each limit on the way of a call
//! would double the room of all below it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A future, unless another one ends first.
    #[derive(Debug)]
    pub(super) struct Within<F, E> {
        #[pin]
        future: F,
        #[pin]
        end: E,
    }
}

impl<F, E> Within<F, E> {
    pub(super) fn new(future: F, end: E) -> Self {
        Self { future, end }
    }
}

impl<F: Future, E: Future<Output = ()>> Future for Within<F, E> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Some(output));
        }
        this.end.poll(context).map(|()| None)
    }
}
