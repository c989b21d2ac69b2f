//! Calls of functions with `each`: an entry for each element of a list.
//!
//! Invariant: the body gets elements that no tier answers, each of them once, and what comes back is about elements of
//! the list alone.

mod feed;
mod fit;

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::ask::UntypedCall;
use super::fit::CacheValue;
use super::wires::BytesProbe;
use super::{Bypass, Call, ReturnProbe, Site};
use crate::codec::{Coding, Wire};
use crate::contained::contained;
use crate::context::{CallMode, CallRequest};
use crate::engine::{self, EntryPlace, TypedCall, TypedMany};
use crate::error::Error;
use crate::key::Key;
use crate::key::draft::KeyDraft;
use crate::resilience::deadline::Manner;
use crate::shape::{self, Errors};
use crate::tag::{Tag, Tags, Text};
use crate::telemetry::Outcome;

use feed::FedLoad;
use fit::{ErrorOf, KeyOf, ValueOf};

pub use feed::Feed;
pub use fit::{EachKey, EachResult, KeyedMap, RunsAgain, again};

/// Why `of` has nothing to say of such a call.
const MANY: &str = "it has an entry for each element of a list, and this is about one entry; ask for one by its \
                    name, as in `cache.entry(\"product:7\")`";
const NO_OUTCOME: &str = "it has an entry for each element of a list, and no outcome of its own";

/// One call with everything it needs but its load.
///
/// Its types are independent of each other, so that a result that does not fit is one error.
pub struct Each<'l, T, R, V, E>(Box<EachParts<'l, T, R, V, E>>);

struct EachParts<'l, T, R, V, E> {
    list: &'l [T],
    /// One per entry, in the order of the list.
    elements: Vec<NamedElement>,
    call: TypedMany<V, E>,
    coding: Option<Coding>,
    untyped: UntypedCall,
    request: Option<Arc<CallRequest>>,
    feed: Feed<T, R>,
}

/// What names the entry of an element.
struct NamedElement {
    key: Key,
    tags: Tags,
    /// Where it stands in the list first.
    first: usize,
    /// Where else it stands, or others do that share its entry.
    others: Vec<usize>,
}

/// The tags of one element.
#[derive(Debug, Default)]
pub struct ElementTags {
    tags: Tags,
    is_unwritable: bool,
}

impl ElementTags {
    /// Labels its entry.
    pub fn add(&mut self, write: impl FnOnce(&mut Text)) {
        let mut text = Text::default();
        match contained(|| write(&mut text)) {
            Ok(()) => self.tags.add(Tag::new(text.into_string())),
            Err(_) => self.is_unwritable = true,
        }
    }
}

impl Call<'_> {
    /// A call that has an entry for each element of a list; `name` says which.
    pub fn each<R, T, N>(
        mut self,
        _: ReturnProbe<R>,
        list: &[T],
        name: N,
    ) -> Each<'_, T, R, ValueOf<R>, ErrorOf<R>>
    where
        R: EachResult,
        ValueOf<R>: CacheValue,
        T: EachKey<KeyOf<R>>,
        N: Fn(&mut Self, &mut ElementTags, &T),
    {
        let request = CallRequest::take();
        let number = self.site.number().unwrap_or_default();
        let mut places: HashMap<Key, usize> = HashMap::with_capacity(list.len());
        let mut elements: Vec<NamedElement> = Vec::with_capacity(list.len());
        for (place, element) in list.iter().enumerate() {
            self.key = KeyDraft::derived(number, self.site.policy.memory_only);
            let mut labels = ElementTags::default();
            name(&mut self, &mut labels, element);
            if labels.is_unwritable {
                self.bypass = self.bypass.or(Some(Bypass::Untagged));
            }
            let (key, tags) = (self.key.sealed(), labels.tags);
            let known = places.get(&key).and_then(|known| elements.get_mut(*known));
            if let Some(NamedElement { others, .. }) = known {
                others.push(place);
                continue;
            }
            places.insert(key.clone(), elements.len());
            elements.push(NamedElement { key, tags, first: place, others: Vec::new() });
        }
        let call = TypedCall::new(shape::result_option(), Errors::none());
        let untyped = self.untyped(None, Manner::Async);
        let (coding, feed) = (None, Feed::new());
        Each(Box::new(EachParts { list, elements, call, coding, untyped, request, feed }))
    }
}

impl<T, R, V, E> Each<'_, T, R, V, E> {
    /// A probe for how values are written.
    pub fn value_bytes(&self) -> BytesProbe<V> {
        BytesProbe(PhantomData)
    }

    /// How values are written; without it they stay in this process.
    #[must_use]
    pub fn stored_as(mut self, wire: Option<Wire<V>>) -> Self {
        self.0.coding = wire.map(Wire::erased);
        self
    }

    /// Labels each entry with what only its value knows.
    #[must_use]
    pub fn tags_from<I>(mut self, label: impl Fn(&V) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.0.call.label_by(label);
        self
    }

    /// Keeps each value as long as it says itself.
    #[must_use]
    pub fn ttl_from(mut self, ttl: impl Fn(&V) -> Duration + Send + Sync + 'static) -> Self {
        self.0.call.ttl_from = Some(Arc::new(ttl));
        self
    }

    /// Values that are not kept.
    #[must_use]
    pub fn unless(mut self, unless: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.0.call.unless = Some(Arc::new(unless));
        self
    }

    /// Where the load finds the elements that it is to load.
    pub fn feed(&self) -> Feed<T, R> {
        self.0.feed.clone()
    }

    /// Answers, with the load where no tier can.
    ///
    /// The load is one that never ends: it works on what the feed has for it, as often as it has.
    pub async fn run<Load>(self, load: Pin<&mut Load>) -> R
    where
        R: EachResult<Error = E, Map: KeyedMap<Value = V>>,
        T: EachKey<KeyOf<R>>,
        V: CacheValue,
        E: 'static,
        Load: Future<Output = ()>,
    {
        let Self(parts) = self;
        let EachParts { list, elements, call, coding, untyped, request, mut feed } = *parts;
        if let Some(request) = request {
            if request.mode != CallMode::Observe {
                return refused(&request, untyped.site).await;
            }
            request.reply(|reply| reply.outcome = Some(Outcome::bypass(NO_OUTCOME)));
        }
        if elements.is_empty() {
            return R::join(Ok(KeyedMap::empty()));
        }
        let Some(asks) = asks(&elements, &untyped, &call, coding) else {
            let mut load = load;
            feed.ask(list.to_vec());
            return poll_fn(|context| feed.poll(load.as_mut(), context)).await;
        };
        let firsts = elements.iter().filter_map(|element| list.get(element.first)).collect();
        let load = FedLoad::new(firsts, feed, load, untyped.site);
        let found = engine::answer_many(asks, &call, load).await;
        R::join(found.map(|found| by_element(list, elements, found)))
    }
}

/// One call for the engine per entry; `None` where the function runs without the cache, which is told.
fn asks<V: CacheValue, E: 'static>(
    elements: &[NamedElement],
    untyped: &UntypedCall,
    call: &TypedMany<V, E>,
    coding: Option<Coding>,
) -> Option<Vec<engine::Ask>> {
    let (typing, has_late_tags) = (call.typing(), call.tags_from.is_some());
    let ask = |element: &NamedElement| {
        let (key, tags) = (element.key.clone(), element.tags.clone());
        untyped.of_element(key, tags).ask(typing, coding, has_late_tags).ok()
    };
    elements.iter().map(ask).collect()
}

/// What was found, by the elements of the list.
fn by_element<T, M>(
    list: &[T],
    elements: Vec<NamedElement>,
    mut found: HashMap<EntryPlace, M::Value>,
) -> M
where
    M: KeyedMap<Value: Clone>,
    T: EachKey<M::Key>,
{
    let mut map = M::empty();
    for (place, NamedElement { first, others, .. }) in elements.into_iter().enumerate() {
        let Some(value) = found.remove(&place) else { continue };
        for element in others.iter().filter_map(|other| list.get(*other)) {
            map.put(element.key(), value.clone());
        }
        if let Some(element) = list.get(first) {
            map.put(element.key(), value);
        }
    }
    map
}

/// Tells `of` that it cannot have what it asks for; it drops the call then.
async fn refused<T>(request: &CallRequest, site: &'static Site) -> T {
    request.reply(|reply| {
        reply.target = Some(Err(Error::key(site.name(), MANY)));
        reply.nothing = true;
    });
    pending().await
}

/// Shows how many entries there are, and none of them.
impl<T, R, V, E> fmt::Debug for Each<'_, T, R, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Each").field("entries", &self.0.elements.len()).finish_non_exhaustive()
    }
}
