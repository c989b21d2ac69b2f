//! Where the engine, which knows no types of users, meets the caller, who knows them.
//!
//! Both are polled by one task, in turn: the engine puts a question, the caller's side works on it where its future
//! is, and the engine goes on with the answer. So the engine needs no future of users inside its own.
//!
//! Invariant: a question that the engine does not wait for any more is not worked on any more.

use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll, Waker};

use crate::flight::Leading;
use crate::lock::Mutex;

/// A place for one question and its answer.
#[derive(Debug)]
pub(super) struct Rendezvous<Q, A>(Mutex<Stage<Q, A>>);

#[derive(Debug)]
enum Stage<Q, A> {
    Idle,
    Asked(Posed<Q>),
    Answered(A),
}

#[derive(Debug)]
struct Posed<Q> {
    question: Q,
    /// The loads that the question is part of.
    leading: Option<Leading>,
    asker: Waker,
    /// Nobody has worked on it yet.
    is_new: bool,
}

impl<Q, A> Rendezvous<Q, A> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Stage::Idle))
    }

    /// The answer of the caller's side; it works on the question as part of those loads that this is part of.
    pub(super) async fn ask(&self, question: Q) -> A {
        let _asking = Asking(self);
        let mut question = Some(question);
        poll_fn(|context| {
            let mut stage = self.0.lock();
            if let Some(question) = question.take() {
                let (leading, asker) = (Leading::here(), context.waker().clone());
                *stage = Stage::Asked(Posed { question, leading, asker, is_new: true });
                return Poll::Pending;
            }
            match mem::replace(&mut *stage, Stage::Idle) {
                Stage::Answered(answer) => Poll::Ready(answer),
                mut other => {
                    if let Stage::Asked(asked) = &mut other {
                        asked.asker.clone_from(context.waker());
                    }
                    *stage = other;
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Works on the question, if there is one.
    pub(super) fn serve(
        &self,
        context: &mut Context<'_>,
        serve: impl FnOnce(&mut Q, &mut Context<'_>) -> Poll<A>,
    ) {
        let Some(mut asked) = self.take() else { return };
        asked.is_new = false;
        let Posed { question, leading, .. } = &mut asked;
        let answer = match leading {
            Some(leading) => leading.enter(|| serve(question, context)),
            None => serve(question, context),
        };
        *self.0.lock() = match answer {
            Poll::Ready(answer) => {
                // Who asks may be polled by its own waker alone.
                if !asked.asker.will_wake(context.waker()) {
                    asked.asker.wake();
                }
                Stage::Answered(answer)
            }
            Poll::Pending => Stage::Asked(asked),
        };
    }

    /// The question, which is worked on outside of the lock: code of users runs.
    fn take(&self) -> Option<Posed<Q>> {
        let mut stage = self.0.lock();
        // Looked at first: mostly there is none, and what may be there is large to be moved.
        if !matches!(&*stage, Stage::Asked(_)) {
            return None;
        }
        match mem::replace(&mut *stage, Stage::Idle) {
            Stage::Asked(asked) => Some(asked),
            Stage::Idle | Stage::Answered(_) => None,
        }
    }

    /// Whether there is a question that nobody has worked on yet.
    pub(super) fn is_unserved(&self) -> bool {
        matches!(&*self.0.lock(), Stage::Asked(asked) if asked.is_new)
    }
}

/// Takes the question back when nobody waits for its answer any more.
struct Asking<'a, Q, A>(&'a Rendezvous<Q, A>);

impl<Q, A> Drop for Asking<'_, Q, A> {
    fn drop(&mut self) {
        let left = mem::replace(&mut *self.0.0.lock(), Stage::Idle);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;

    use super::*;

    #[test]
    fn a_question_is_worked_on_until_it_is_answered() {
        let caller: Rendezvous<u32, u32> = Rendezvous::new();
        let mut context = Context::from_waker(Waker::noop());
        let mut asking = pin!(caller.ask(3));
        caller.serve(&mut context, |_, _| panic!("nothing was asked"));
        assert!(asking.as_mut().poll(&mut context).is_pending());
        assert!(caller.is_unserved());
        for _ in 0..2 {
            caller.serve(&mut context, |_, _| Poll::Pending);
            assert!(!caller.is_unserved());
            assert!(asking.as_mut().poll(&mut context).is_pending());
        }
        caller.serve(&mut context, |question, _| Poll::Ready(*question + 1));
        caller.serve(&mut context, |_, _| panic!("it is answered"));
        assert_eq!(asking.as_mut().poll(&mut context), Poll::Ready(4));
    }

    #[test]
    fn a_question_that_was_given_up_is_not_worked_on() {
        let caller: Rendezvous<u32, u32> = Rendezvous::new();
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut asking = pin!(caller.ask(3));
            assert!(asking.as_mut().poll(&mut context).is_pending());
            caller.serve(&mut context, |_, _| Poll::Pending);
        }
        caller.serve(&mut context, |_, _| panic!("it was given up"));
    }
}
