//! A load that has not begun, in its caller's types, and the ways in which it may go on without its caller.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::caller::{OwnedLoad, Retention};
use super::detach::Detach;
use super::typed::TypedCall;
use crate::context;
use crate::lock::Mutex;
use crate::telemetry::span::apart;

/// A load that has not begun.
pub(crate) trait Origin<R, V, E> {
    /// Goes on with the load in the caller's own future.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<R>;

    /// The load for a task, if it can leave and has not begun; and where what it returns will be, for its caller.
    fn leave(&mut self, call: &TypedCall<R, V, E>) -> Option<(OwnedLoad, Mailbox<R>)>;
}

/// Where a load that has left its caller puts what it returned.
pub(crate) type Mailbox<R> = Arc<Mutex<Option<R>>>;

/// A load in the caller's own future.
pub(crate) struct InPlace<'f, Load>(pub(crate) Pin<&'f mut Load>);

impl<R, V, E, Load: Future<Output = R>> Origin<R, V, E> for InPlace<'_, Load> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<R> {
        self.0.as_mut().poll(context)
    }

    fn leave(&mut self, _: &TypedCall<R, V, E>) -> Option<(OwnedLoad, Mailbox<R>)> {
        None
    }
}

/// A load that leaves its caller's future if the door is opened before it begins.
pub(crate) struct Detached<'f, R, Load> {
    detach: Detach<R>,
    load: Pin<&'f mut Load>,
}

impl<'f, R, Load> Detached<'f, R, Load> {
    pub(crate) fn new(detach: Detach<R>, load: Pin<&'f mut Load>) -> Self {
        Self { detach, load }
    }
}

impl<R, V, E, Load> Origin<R, V, E> for Detached<'_, R, Load>
where
    R: Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
    Load: Future<Output = R>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<R> {
        self.load.as_mut().poll(context)
    }

    fn leave(&mut self, call: &TypedCall<R, V, E>) -> Option<(OwnedLoad, Mailbox<R>)> {
        self.detach.take_from(self.load.as_mut()).map(|load| owned(load, call.clone()))
    }
}

/// A load that owns what it uses.
pub(crate) type Loading<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// A load that owns what it uses, from the start; nothing once it has left.
pub(crate) struct DetachedLoading<R>(pub(crate) Option<Loading<R>>);

impl<R, V, E> Origin<R, V, E> for DetachedLoading<R>
where
    R: Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<R> {
        // One that has left returns to its mailbox.
        self.0.as_mut().map_or(Poll::Pending, |load| load.as_mut().poll(context))
    }

    fn leave(&mut self, call: &TypedCall<R, V, E>) -> Option<(OwnedLoad, Mailbox<R>)> {
        self.0.take().map(|load| owned(load, call.clone()))
    }
}

/// A load of a task, as the engine knows it.
fn owned<R, V, E>(load: Loading<R>, call: TypedCall<R, V, E>) -> (OwnedLoad, Mailbox<R>)
where
    R: Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    let mailbox = Mailbox::default();
    let returns = Arc::clone(&mailbox);
    // The caches that its functions find are those that its caller would find.
    let load = context::in_this_scope(load);
    let load = async move {
        let (returned, loaded) = call.take_apart(load.await, Retention::Kept);
        *returns.lock() = Some(returned);
        loaded
    };
    (Box::pin(apart(load)), mailbox)
}
