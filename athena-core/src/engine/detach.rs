//! How a load leaves its caller's future.
//!
//! The caller's future holds arguments that it may only borrow. Asked through an open door, it makes a
//! load that owns them, hands it out, and is dropped.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Waker};

use crate::lock::Mutex;

type Load<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// The door between a caller's future and the background; clones are the same door.
pub struct Detach<R>(Arc<Mutex<Door<R>>>);

enum Door<R> {
    Closed,
    Open,
    Left(Load<R>),
}

impl<R> Detach<R> {
    /// A closed door.
    #[expect(clippy::new_without_default, reason = "named by expansions alone")]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Door::Closed)))
    }

    /// Whether the load is wanted outside.
    pub fn is_open(&self) -> bool {
        matches!(*self.door(), Door::Open)
    }

    /// Hands the load out; what is left of the caller's future never ends.
    pub async fn leave(self, load: Load<R>) -> R {
        *self.door() = Door::Left(load);
        drop(self);
        pending().await
    }

    /// Opens the door and lets a future that has not begun hand out its load.
    pub(super) fn take_from<F: Future<Output = R>>(&self, caller: Pin<&mut F>) -> Option<Load<R>> {
        *self.door() = Door::Open;
        let _ = caller.poll(&mut Context::from_waker(Waker::noop()));
        match std::mem::replace(&mut *self.door(), Door::Closed) {
            Door::Left(load) => Some(load),
            Door::Closed | Door::Open => None,
        }
    }

    fn door(&self) -> MutexGuard<'_, Door<R>> {
        self.0.lock()
    }
}

impl<R> Clone for Detach<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> fmt::Debug for Detach<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detach").finish_non_exhaustive()
    }
}
