//! The caller, as the engine knows it: who runs the load, or lets it leave.
//!
//! Invariant: the engine holds nothing of a type of users but behind a `dyn`, so it is compiled once, and its futures
//! are `Send` whatever the load is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Answer;
use super::rendezvous::Rendezvous;
use crate::entry::BoxedValue;
use crate::shape::SharedError;
use crate::tag::Tag;
use crate::tasks::Home;
use crate::telemetry::not_kept::NotKept;

/// What a load came to; the caller's side has what it returned.
pub(crate) enum Loaded {
    /// A value, to become an entry.
    Found(FoundValue),
    /// That there is none.
    Absent,
    /// The function's error.
    Failed(FailedLoad),
    /// Something of which nothing is to be kept.
    Untold,
}

impl Loaded {
    /// A value that no load returned.
    pub(crate) fn given(value: BoxedValue) -> Self {
        Self::Found(FoundValue { value: Some(value), wanted: Ok(Vec::new()), ttl: None })
    }
}

/// A value that was loaded.
pub(crate) struct FoundValue {
    /// A copy; none if that panicked.
    pub(super) value: Option<BoxedValue>,
    /// Tags that only the value knows, or why it is not kept.
    pub(super) wanted: Result<Vec<Tag>, NotKept>,
    /// How long it is fresh, if only the value knows.
    pub(super) ttl: Option<Duration>,
}

/// An error that a load returned.
pub(crate) struct FailedLoad {
    /// For other callers, if it can be cloned.
    pub(super) shared: Option<SharedError>,
    /// To become an entry, if errors are remembered.
    pub(super) remembered: Option<BoxedValue>,
    pub(super) allows_grace: bool,
}

/// Whether what a load returns may become an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retention {
    Kept,
    NotKept,
}

/// A load that goes on in a task.
pub(crate) type OwnedLoad = Pin<Box<dyn Future<Output = Loaded> + Send>>;

/// The caller, as the engine knows it.
pub(crate) struct Caller {
    loads: Rendezvous<Retention, Loaded>,
    leaves: Rendezvous<(), Option<OwnedLoad>>,
    detaches: bool,
}

/// A caller's side of a caller.
pub(super) trait Side {
    /// Goes on with the load.
    fn load(&mut self, retention: Retention, context: &mut Context<'_>) -> Poll<Loaded>;

    /// Lets the load leave, unless it has begun.
    fn leave(&mut self) -> Option<OwnedLoad>;
}

/// The engine at work for one call.
pub(crate) struct Engine<'m> {
    work: Pin<Box<dyn Future<Output = Answer> + Send + 'm>>,
    /// Where it starts tasks, if its thread is outside of any runtime; the load stays outside.
    home: Option<Home>,
}

impl<'m> Engine<'m> {
    pub(crate) fn new(work: impl Future<Output = Answer> + Send + 'm) -> Self {
        Self { work: Box::pin(work), home: None }
    }

    /// Has it start tasks on another runtime than that of its thread.
    pub(crate) fn at(self, home: Option<Home>) -> Self {
        Self { home, ..self }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Answer> {
        let _entered = self.home.as_ref().map(Home::enter);
        self.work.as_mut().poll(context)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("detaches", &self.detaches).finish_non_exhaustive()
    }
}

impl fmt::Debug for Engine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Caller {
    /// With a load that stays with its caller.
    pub(crate) fn in_place() -> Self {
        Self { loads: Rendezvous::new(), leaves: Rendezvous::new(), detaches: false }
    }

    /// With a load that can leave.
    pub(crate) fn detached() -> Self {
        Self { detaches: true, ..Self::in_place() }
    }

    /// Runs the load where its caller is.
    pub(crate) async fn load(&self, retention: Retention) -> Loaded {
        self.loads.ask(retention).await
    }

    /// The load, for a task; `None` if it cannot leave.
    pub(super) async fn leave(&self) -> Option<OwnedLoad> {
        if self.detaches { self.leaves.ask(()).await } else { None }
    }

    pub(super) fn detaches(&self) -> bool {
        self.detaches
    }

    /// Polls both sides.
    pub(super) fn poll(
        &self,
        engine: &mut Engine<'_>,
        side: &mut dyn Side,
        context: &mut Context<'_>,
    ) -> Poll<Answer> {
        loop {
            self.loads.serve(context, |retention, context| side.load(*retention, context));
            self.leaves.serve(context, |(), _| Poll::Ready(side.leave()));
            let answer = engine.poll(context);
            if answer.is_ready() || !(self.loads.is_unserved() || self.leaves.is_unserved()) {
                return answer;
            }
        }
    }
}
