//! That somebody wants it to end: an interrupt, or a request to terminate.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::sync::watch;

/// Tells that it is to end; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on.
    pub(crate) fn listen() -> Self {
        let (tell, stop) = watch::channel(false);
        tokio::spawn(async move {
            asked().await;
            tell.send_replace(true);
            // Whoever asks twice does not want to wait for what was done so far.
            asked().await;
            std::process::exit(130);
        });
        Self(stop)
    }

    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody asks.
    pub(crate) async fn wait(&self) {
        let mut asked = self.0.clone();
        if asked.wait_for(|is_asked| *is_asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What a future brings; nothing if somebody asks to end first.
    pub(crate) async fn or<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        match select(pin!(future), pin!(self.wait())).await {
            Either::Left((value, _)) => Some(value),
            Either::Right(_) => None,
        }
    }
}

async fn asked() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return std::future::pending().await;
        };
        drop(select(pin!(tokio::signal::ctrl_c()), pin!(terminate.recv())).await);
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
}
