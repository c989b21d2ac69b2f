//! The one place of the crate that spawns.
//!
//! Invariant: a task ends with its owner.

use std::future::Future;

use tokio::task::JoinHandle;

/// A spawned task; dropping it ends the task.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    /// Runs a future in the background of the current runtime.
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// Asks the task to end; it does at its next await.
    pub(crate) fn abort(&self) {
        self.0.abort();
    }

    /// Waits until the task ends by itself.
    pub(crate) async fn finish(mut self) {
        // A panic has been reported by the runtime.
        let _ended = (&mut self.0).await;
    }

    /// Ends the task and waits until it has dropped everything.
    pub(crate) async fn end(mut self) {
        self.0.abort();
        // Cancelled is what was asked for, and a panic has been reported by the runtime.
        let _ended = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
