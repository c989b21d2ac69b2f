//! Calls of functions that are not `async`.
//!
//! Invariant: the function's own result comes back, whatever thread it is called in; one that runs tasks does not wait
//! for the cache.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use super::Ask;
use super::fit::CacheValue;
use crate::blocking::{at_once, is_in_task, wait};
use crate::context;
use crate::engine::{Caller, Detach, Detached, InPlace, Origin};
use crate::tasks;
use crate::telemetry::{Event, Topic};

const IN_A_TASK: &str = "the function is not async and was called in a task, which must not wait";

impl<R: 'static, V: CacheValue, E: 'static> Ask<R, V, E> {
    /// Answers, with `load` where no tier can; the thread stands still meanwhile.
    ///
    /// The load is a future that does not wait: its body is no `async` one.
    pub fn block<Load: Future<Output = R>>(self, load: Pin<&mut Load>) -> R {
        if is_in_task() { self.in_task(load) } else { self.block_on(InPlace(load)) }
    }

    /// The same with a load that can go on without its caller, which takes a runtime that is there.
    pub fn block_detached<Load>(mut self, detach: Detach<R>, load: Pin<&mut Load>) -> R
    where
        R: Send + 'static,
        Load: Future<Output = R>,
    {
        if is_in_task() {
            return self.in_task(load);
        }
        if tasks::is_outside() {
            return self.block_on(InPlace(load));
        }
        self.0.caller = Caller::detached();
        self.block_on(Detached::new(detach, load))
    }

    fn block_on(mut self, mut load: impl Origin<R, V, E>) -> R {
        let runtime = self.0.place().and_then(|(_, runtime)| runtime);
        self.0.home = runtime.and_then(|runtime| runtime.tasks.home_from_outside());
        let mut attending = self.0.attend();
        wait(poll_fn(|context| attending.poll(&mut load, context))).0
    }

    /// Answers by what needs no waiting: memory and the load.
    fn in_task<Load: Future<Output = R>>(self, mut load: Pin<&mut Load>) -> R {
        let Some((site, runtime)) = self.0.place() else { return wait(load) };
        let runtime = runtime.map(Arc::clone);
        let has_backend = runtime.as_ref().is_some_and(|runtime| runtime.remotes.is_some());
        let is_asked = has_backend && self.0.is_written() && !site.policy.memory_only;
        if !is_asked && let Some(value) = self.answer_at_once(load.as_mut()) {
            return value;
        }
        site.tell_in_task();
        if let Some(runtime) = runtime {
            let (key, reason) = (&Topic::of_keyless_call(site.name(), site.number()), IN_A_TASK);
            runtime.telemetry.tell(&Event::Bypassed { key, reason });
        }
        wait(load)
    }

    /// The answer, unless it has to be waited for before the load.
    fn answer_at_once<Load: Future<Output = R>>(mut self, load: Pin<&mut Load>) -> Option<R> {
        let mut load = InPlace(load);
        let mut attending = self.0.attend();
        let mut answering = pin!(poll_fn(|context| {
            let answer = attending.poll(&mut load, context);
            // What a load has returned is not lost, whatever is to be waited for then.
            if answer.is_pending() && !attending.has_loaded() {
                return Poll::Ready(None);
            }
            answer.map(|(value, _)| Some(value))
        }));
        match at_once(answering.as_mut()) {
            Poll::Ready(value) => value,
            Poll::Pending => wait(answering),
        }
    }
}

/// A load that has left its caller, in a thread where it may wait.
pub async fn in_background<R: Send + 'static>(load: impl FnOnce() -> R + Send + 'static) -> R {
    tasks::in_thread(context::code_in_this_scope(load)).await
}
