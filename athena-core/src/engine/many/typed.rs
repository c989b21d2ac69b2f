//! A batch in its caller's types.
//!
//! Invariant: what the load returned reaches the caller as it is, beside what entries hold.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{EntryPlace, LoadFailed, Many, ManyCaller, Replies};
use crate::backend::Failure;
use crate::engine::caller::FoundValue;
use crate::engine::typed::TypedCall;
use crate::engine::{AnswerContent, Ask};

/// What a batch does with each of its values: one that the load left out is `None`.
pub(crate) type TypedMany<V, E> = TypedCall<Result<Option<V>, E>, V, E>;
type ManyEngine<'m> = Pin<Box<dyn Future<Output = Result<Replies, LoadFailed>> + Send + 'm>>;

/// The load of a batch, which may have to run again for other entries.
pub(crate) trait LoadsMany<V, E> {
    /// Goes on with the load of these entries, which begins with the first poll; that takes them.
    fn poll(
        &mut self,
        places: &mut Vec<EntryPlace>,
        context: &mut Context<'_>,
    ) -> Poll<Result<HashMap<EntryPlace, V>, E>>;
}

/// The values that there are; one load answers all that are missing.
pub(crate) async fn answer_many<V, E>(
    asks: Vec<Ask>,
    call: &TypedMany<V, E>,
    load: impl LoadsMany<V, E>,
) -> Result<HashMap<EntryPlace, V>, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    let caller = ManyCaller::new();
    let mut engine: ManyEngine<'_> = Box::pin(Many::new(asks).answer(&caller));
    let mut loading = LoadingMany { call, load, values: HashMap::new(), error: None };
    let replies = poll_fn(|context| {
        loop {
            caller.serve(context, |places, context| loading.poll(places, context));
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
    asks: Vec<Ask>,
    call: &TypedMany<V, E>,
) -> Result<HashMap<EntryPlace, V>, Failure>
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
    mut own: HashMap<EntryPlace, V>,
) -> HashMap<EntryPlace, V>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    let value = |(place, content): (EntryPlace, AnswerContent)| {
        let value = match call.value(content) {
            Some(answered) => answered.ok().flatten(),
            None => own.remove(&place),
        };
        value.map(|value| (place, value))
    };
    replies.into_iter().filter_map(value).collect()
}

/// The load of a batch, and what it has returned so far.
struct LoadingMany<'c, V, E, Load> {
    call: &'c TypedMany<V, E>,
    load: Load,
    values: HashMap<EntryPlace, V>,
    error: Option<E>,
}

impl<V, E, Load: LoadsMany<V, E>> LoadingMany<'_, V, E, Load>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    fn poll(
        &mut self,
        places: &mut Vec<EntryPlace>,
        context: &mut Context<'_>,
    ) -> Poll<Result<HashMap<EntryPlace, FoundValue>, LoadFailed>> {
        let Poll::Ready(loaded) = self.load.poll(places, context) else {
            return Poll::Pending;
        };
        Poll::Ready(match loaded {
            Ok(loaded) => Ok(loaded.into_iter().map(|one| self.take_apart(one)).collect()),
            Err(error) => {
                self.error = Some(error);
                Err(LoadFailed)
            }
        })
    }

    fn take_apart(&mut self, (place, value): (EntryPlace, V)) -> (EntryPlace, FoundValue) {
        let (found, value) = self.call.found(value);
        self.values.insert(place, value);
        (place, found)
    }
}
