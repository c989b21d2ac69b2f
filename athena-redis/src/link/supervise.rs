//! The task that keeps a link connected.
//!
//! Invariant: it runs as long as its link, and a connection that still answers is given up only for
//! one that is ready.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::conn::{Conn, Health};
use super::dial::{Refusal, dial};
use super::{Shared, State};
use athena_cache_core::backend::Class;

/// A connection that lived this long was no false start: dial at once when it is lost.
const STEADY: Duration = Duration::from_secs(1);

/// Connects, attends to the connection, and connects again when it is lost.
pub(super) async fn supervise(shared: Arc<Shared>) {
    let _idle = IdleAtEnd(Arc::clone(&shared));
    let mut backoff = Backoff::default();
    let mut reported = None;
    loop {
        match dial(&shared.settings).await {
            Ok(conn) => {
                reported = None;
                let since = Instant::now();
                let epoch = shared.enter_up(&conn);
                let endpoint = &shared.settings.endpoint;
                tracing::info!(%endpoint, epoch, "connected to redis");
                attend(&shared, conn).await;
                if since.elapsed() >= STEADY {
                    backoff.reset();
                    continue;
                }
                sleep(backoff.pause(Class::Disconnected)).await;
            }
            Err(refusal) => {
                report(&shared, &refusal, &mut reported);
                let class = refusal.class;
                shared.enter(State::Down(Arc::new(refusal)));
                sleep(backoff.pause(class)).await;
            }
        }
    }
}

/// Returns when the connection, or the last one that replaced it, is lost.
async fn attend(shared: &Shared, mut conn: Arc<Conn>) {
    let mut backoff = Backoff::default();
    loop {
        match conn.health() {
            Health::Sound => conn.changed().await,
            Health::Lost => return lose(shared),
            Health::Wedged => match dial(&shared.settings).await {
                // It may have recovered meanwhile; then the new one is let go.
                Ok(fresh) if conn.health() != Health::Sound => {
                    let epoch = shared.enter_up(&fresh);
                    let endpoint = &shared.settings.endpoint;
                    tracing::warn!(%endpoint, epoch, "replaced a connection that did not answer");
                    conn = fresh;
                    backoff.reset();
                }
                Ok(_) => backoff.reset(),
                Err(refusal) => sleep(backoff.pause(refusal.class)).await,
            },
        }
    }
}

fn lose(shared: &Shared) {
    let reason = "the connection was closed by the server or the network".into();
    shared.enter(State::Down(Arc::new(Refusal { class: Class::Unreachable, reason })));
    tracing::warn!(endpoint = %shared.settings.endpoint, "lost the connection to redis");
}

/// Tells of the first failed attempt, and again only when the kind of trouble changes.
fn report(shared: &Shared, refusal: &Refusal, reported: &mut Option<Class>) {
    let endpoint = &shared.settings.endpoint;
    let (class, reason) = (refusal.class, &refusal.reason);
    if reported.replace(class) == Some(class) {
        tracing::debug!(%endpoint, %class, reason, "still cannot connect to redis");
    } else {
        tracing::warn!(%endpoint, %class, reason, "cannot connect to redis, going on trying");
    }
}

/// Lets the next operation start a supervisor when the runtime of this one has ended.
struct IdleAtEnd(Arc<Shared>);

impl Drop for IdleAtEnd {
    fn drop(&mut self) {
        self.0.enter(State::Idle);
    }
}
