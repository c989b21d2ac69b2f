//! One multiplexed connection to one node, made again for as long as the link lives.
//!
//! Invariant: an operation never waits for more than the response timeout, and while there is no
//! connection it does not wait at all. This folder alone names the `redis` crate; what lies above
//! speaks [`Batch`] and [`Replies`].

mod backoff;
mod batch;
mod class;
mod conn;
mod dial;
mod script;
mod supervise;
mod task;
mod tls;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use self::batch::{Batch, Malformed, Replies};
pub(crate) use self::script::Script;
pub(crate) use self::tls::Tls;

use self::conn::{Conn, Health};
use self::dial::Refusal;
use self::task::Task;
use crate::config::Settings;

/// A node, and the connection to it if there is one.
///
/// Dropping it ends its tasks and closes its socket.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    places: Semaphore,
    /// Milliseconds that one operation may take.
    limit: AtomicU64,
    supervisor: Mutex<Option<Task>>,
}

/// What the link and its supervisor both see.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    state: watch::Sender<State>,
    epoch: AtomicU64,
}

/// Where the link stands.
#[derive(Debug, Clone)]
enum State {
    /// No supervisor runs: nobody has asked yet, or the runtime that it ran in is gone.
    Idle,
    /// The first attempt to connect is under way.
    Dialing,
    Up(Arc<Conn>),
    /// The last attempt failed; the next one follows.
    Down(Arc<Refusal>),
    Closed,
}

impl Link {
    pub(crate) fn new(settings: Settings) -> Self {
        let places = Semaphore::new(settings.max_in_flight);
        let limit = AtomicU64::new(millis(settings.response_timeout));
        let (state, _) = watch::channel(State::Idle);
        let shared = Arc::new(Shared { settings, state, epoch: AtomicU64::new(0) });
        Self { shared, places, limit, supervisor: Mutex::new(None) }
    }

    /// Sends a batch in one write and reads the replies with `read`.
    ///
    /// An error among the replies fails the whole batch.
    pub(crate) async fn send<T>(
        &self,
        batch: &Batch,
        read: impl FnOnce(&mut Replies) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let shared = &self.shared;
        let limit = self.limit();
        let deadline = Instant::now() + limit;
        let _place = self.place(limit / 2).await?;
        let conn = self.connection(deadline).await?;
        let watch = conn.watch(limit / 2);
        let Ok(outcome) = timeout_at(deadline, conn.exchange(batch)).await else {
            return Err(shared.failure(Class::Timeout, format!("did not answer in {limit:?}")));
        };
        watch.answered();
        let mut replies = outcome.map_err(|error| shared.failure_of(&error))?;
        if let Some(error) = replies.server_error() {
            return Err(shared.failure_of(&error));
        }
        read(&mut replies).map_err(|malformed| {
            shared.failure(Class::Rejected, format!("sent a malformed reply: {malformed}"))
        })
    }

    /// A place among the operations in flight; waits for one no longer than `patience`.
    async fn place(&self, patience: Duration) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        if let Ok(Ok(place)) = timeout(patience, self.places.acquire()).await {
            return Ok(place);
        }
        let most = self.shared.settings.max_in_flight;
        let message = format!("had {most} operations in flight for {patience:?}");
        Err(self.shared.failure(Class::Overloaded, &message))
    }

    /// Changes how long one operation may take.
    pub(crate) fn limit_attempts(&self, timeout: Duration) {
        self.limit.store(millis(timeout), Ordering::Relaxed);
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.limit.load(Ordering::Relaxed))
    }

    /// Waits for the outcome of the first attempt to connect, or tells that of the latest one.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        // The attempt itself is bounded by the connect timeout; this only has to outlast it.
        let deadline = Instant::now() + 2 * self.shared.settings.connect_timeout;
        self.connection(deadline).await.map(drop)
    }

    /// A failure that names the node.
    pub(crate) fn failure(&self, class: Class, what: &str) -> Failure {
        self.shared.failure(class, what)
    }

    /// Counts the connections made so far.
    pub(crate) fn epoch(&self) -> u64 {
        self.shared.epoch.load(Ordering::Acquire)
    }

    pub(crate) fn is_ready(&self) -> bool {
        match &*self.shared.state.borrow() {
            State::Up(conn) => conn.health() == Health::Sound,
            _ => false,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.shared.settings.endpoint.to_string()
    }

    /// Ends the tasks and closes the socket; returns when both are gone.
    ///
    /// Waits no longer than the response timeout: the runtime of the tasks may stand still.
    pub(crate) async fn close(&self) {
        let before = self.shared.state.send_replace(State::Closed);
        let supervisor = self.lock_supervisor().take();
        let ended = async {
            if let Some(supervisor) = &supervisor {
                supervisor.abort();
            }
            if let State::Up(conn) = before {
                conn.end().await;
            }
            if let Some(supervisor) = supervisor {
                supervisor.end().await;
            }
        };
        // Both are told to end at once: what is late ends as soon as its runtime runs again.
        drop(timeout(self.limit(), ended).await);
    }

    /// The connection to use now; only the outcome of a first attempt is waited for.
    async fn connection(&self, deadline: Instant) -> Result<Arc<Conn>, Failure> {
        let shared = &self.shared;
        let mut state = shared.state.borrow().clone();
        if matches!(state, State::Idle | State::Dialing) {
            state = self.first_attempt(deadline).await?;
        }
        match state {
            State::Up(conn) if conn.health() != Health::Lost => Ok(conn),
            State::Up(_) => Err(shared.failure(Class::Unreachable, "was disconnected")),
            State::Down(refusal) => {
                let what = format!("is not connected: {}", refusal.reason);
                Err(shared.failure(refusal.class, what))
            }
            State::Idle | State::Dialing => {
                Err(shared.failure(Class::Unreachable, "is not connected yet"))
            }
            State::Closed => Err(shared.failure(Class::Closed, "was closed")),
        }
    }

    /// Starts connecting, unless another operation has, and waits for the outcome.
    async fn first_attempt(&self, deadline: Instant) -> Result<State, Failure> {
        self.start()?;
        let mut state = self.shared.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Dialing));
        // Settled or out of time: the state says which.
        drop(timeout_at(deadline, settled).await);
        Ok(self.shared.state.borrow().clone())
    }

    fn start(&self) -> Result<(), Failure> {
        let mut supervisor = self.lock_supervisor();
        if !matches!(*self.shared.state.borrow(), State::Idle) {
            return Ok(());
        }
        if Handle::try_current().is_err() {
            let message = "cannot be reached from outside of a tokio runtime";
            return Err(self.shared.failure(Class::Unreachable, message));
        }
        self.shared.enter(State::Dialing);
        *supervisor = Some(Task::spawn(supervise::supervise(Arc::clone(&self.shared))));
        Ok(())
    }

    fn lock_supervisor(&self) -> std::sync::MutexGuard<'_, Option<Task>> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl Drop for Link {
    fn drop(&mut self) {
        // The supervisor holds the rest; it lets go when its task, dropped with this link, ends.
        self.shared.enter(State::Closed);
    }
}

impl Shared {
    /// Changes the state, unless the link was closed; tells whether it did.
    fn enter(&self, state: State) -> bool {
        self.state.send_if_modified(|current| {
            let open = !matches!(current, State::Closed);
            if open {
                *current = state;
            }
            open
        })
    }

    /// Counts a new connection and lets operations use it.
    fn enter_up(&self, conn: &Arc<Conn>) -> u64 {
        // In this order a lease taken in between counts as one of the old connection: it is given up.
        self.enter(State::Up(Arc::clone(conn)));
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn failure(&self, class: Class, what: impl AsRef<str>) -> Failure {
        Failure::new(class, format!("redis at {} {}", self.settings.endpoint, what.as_ref()))
    }

    fn failure_of(&self, error: &redis::RedisError) -> Failure {
        let class = class::of(error);
        let verb = if class == Class::Disconnected { "was lost" } else { "refused" };
        self.failure(class, format!("{verb}: {}", class::text(error))).with_source(error.clone())
    }
}
