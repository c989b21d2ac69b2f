//! A batch in its caller's types.
//!
//! Invariant: what the load returned reaches the caller as it is, beside what entries hold.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{LoadFailed, Many, ManyCaller, Replies};
use crate::backend::Failure;
use crate::engine::caller::FoundValue;
use crate::engine::typed::TypedCall;
use crate::engine::{AnswerContent, Ask};

type TypedMany<V, E> = TypedCall<Result<Option<V>, E>, V, E>;
type ManyEngine<'m> = Pin<Box<dyn Future<Output = Result<Replies, LoadFailed>> + Send + 'm>>;

/// The values that there are; one load answers all that are missing.
pub(crate) async fn answer_many<V, E, F, Fut>(
    asks: Vec<(String, Ask)>,
    call: &TypedMany<V, E>,
    load: F,
) -> Result<HashMap<String, V>, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
    F: Fn(Vec<String>) -> Fut,
    Fut: Future<Output = Result<HashMap<String, V>, E>>,
{
    let caller = ManyCaller::new();
    let mut engine: ManyEngine<'_> = Box::pin(Many::new(asks).answer(&caller));
    let mut loading = LoadingMany { call, running: None, values: HashMap::new(), error: None };
    let replies = poll_fn(|context| {
        loop {
            let waker = context.waker().clone();
            caller.serve(&waker, |names| loading.poll(names, &load, context));
            let replies = engine.as_mut().poll(context);
            if replies.is_ready() || !caller.is_unserved() {
                return replies;
            }
        }
    })
    .await;
    drop(engine);
    let LoadingMany { values, error, .. } = loading;
    match (replies, error) {
        (Ok(replies), _) => Ok(values_of(call, replies, values)),
        (Err(LoadFailed), Some(error)) => Err(error),
        (Err(LoadFailed), None) => Ok(values),
    }
}

/// The values that are there and fresh; loads nothing.
pub(crate) async fn peek_many<V, E>(
    asks: Vec<(String, Ask)>,
    call: &TypedMany<V, E>,
) -> Result<HashMap<String, V>, Failure>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    let peeking: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(Many::new(asks).peek());
    Ok(values_of(call, peeking.await?, HashMap::new()))
}

/// What a batch is answered with, in its types.
fn values_of<V, E>(
    call: &TypedMany<V, E>,
    replies: Replies,
    mut own: HashMap<String, V>,
) -> HashMap<String, V>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    let value = |(name, content): (String, AnswerContent)| {
        let value = match call.value(content) {
            Some(answered) => answered.ok().flatten(),
            None => own.remove(&name),
        };
        value.map(|value| (name, value))
    };
    replies.into_iter().filter_map(value).collect()
}

/// The load of a batch, and what it has returned so far.
struct LoadingMany<'c, V, E, Fut> {
    call: &'c TypedMany<V, E>,
    running: Option<Pin<Box<Fut>>>,
    values: HashMap<String, V>,
    error: Option<E>,
}

impl<V, E, Fut> LoadingMany<'_, V, E, Fut>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
    Fut: Future<Output = Result<HashMap<String, V>, E>>,
{
    /// Goes on with the load of these names, which begins with the first poll.
    fn poll(
        &mut self,
        names: &mut Vec<String>,
        load: &impl Fn(Vec<String>) -> Fut,
        context: &mut Context<'_>,
    ) -> Poll<Result<HashMap<String, FoundValue>, LoadFailed>> {
        let running = self.running.get_or_insert_with(|| Box::pin(load(std::mem::take(names))));
        let Poll::Ready(loaded) = running.as_mut().poll(context) else {
            return Poll::Pending;
        };
        self.running = None;
        Poll::Ready(match loaded {
            Ok(loaded) => Ok(loaded.into_iter().map(|one| self.take_apart(one)).collect()),
            Err(error) => {
                self.error = Some(error);
                Err(LoadFailed)
            }
        })
    }

    fn take_apart(&mut self, (name, value): (String, V)) -> (String, FoundValue) {
        let (found, value) = self.call.found(value);
        self.values.insert(name.clone(), value);
        (name, found)
    }
}
