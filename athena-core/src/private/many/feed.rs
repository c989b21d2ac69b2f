//! How a body that borrows its caller's arguments runs as often as there is something to load.
//!
//! One future goes round and round instead of a closure that makes one for each run, since closures over borrowed
//! arguments keep futures from being `Send`.
//!
//! Invariant: the body runs only while the engine waits for it.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::fit::{EachKey, EachResult, ErrorOf, KeyOf, KeyedMap, ValueOf};
use crate::engine::{EntryPlace, LoadsMany};
use crate::lock::Mutex;
use crate::private::site::Site;

/// Where a load finds elements, and leaves what it has made of them.
pub struct Feed<T, R>(Arc<Mutex<Fed<T, R>>>);

struct Fed<T, R> {
    wanted: Option<Vec<T>>,
    given: Option<R>,
}

impl<T, R> Clone for Feed<T, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, R> fmt::Debug for Feed<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl<T, R> Feed<T, R> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Fed { wanted: None, given: None })))
    }

    /// The elements to load now; waits for them, and never ends.
    pub async fn next(&self) -> Option<Vec<T>> {
        // Nobody is to be woken: the load is polled when there are some.
        poll_fn(|_| match self.0.lock().wanted.take() {
            Some(wanted) => Poll::Ready(Some(wanted)),
            None => Poll::Pending,
        })
        .await
    }

    /// What the body has returned.
    pub fn give(&self, returned: R) {
        self.0.lock().given = Some(returned);
    }

    pub(super) fn ask(&mut self, wanted: Vec<T>) {
        self.0.lock().wanted = Some(wanted);
    }

    /// Goes on with a load.
    pub(super) fn poll<Load>(&mut self, load: Pin<&mut Load>, context: &mut Context<'_>) -> Poll<R>
    where
        Load: Future<Output = ()>,
    {
        let _ = load.poll(context);
        self.0.lock().given.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// A load that is fed with the elements of a list.
pub(super) struct FedLoad<'f, T, R, Load> {
    /// That of each entry.
    elements: Vec<&'f T>,
    feed: Feed<T, R>,
    load: Pin<&'f mut Load>,
    /// What it works on.
    asked: Option<Vec<EntryPlace>>,
    site: &'static Site,
}

impl<'f, T, R, Load> FedLoad<'f, T, R, Load> {
    pub(super) fn new(
        elements: Vec<&'f T>,
        feed: Feed<T, R>,
        load: Pin<&'f mut Load>,
        site: &'static Site,
    ) -> Self {
        Self { elements, feed, load, asked: None, site }
    }
}

impl<T, R, Load> LoadsMany<ValueOf<R>, ErrorOf<R>> for FedLoad<'_, T, R, Load>
where
    R: EachResult,
    T: EachKey<KeyOf<R>>,
    Load: Future<Output = ()>,
{
    fn poll(
        &mut self,
        places: &mut Vec<EntryPlace>,
        context: &mut Context<'_>,
    ) -> Poll<Result<HashMap<EntryPlace, ValueOf<R>>, ErrorOf<R>>> {
        let Self { elements, feed, load, asked, site } = self;
        let element = |place: EntryPlace| elements.get(place).copied();
        if asked.is_none() {
            let places = mem::take(places);
            feed.ask(places.iter().filter_map(|place| element(*place).cloned()).collect());
            *asked = Some(places);
        }
        let Poll::Ready(returned) = feed.poll(load.as_mut(), context) else {
            return Poll::Pending;
        };
        let asked = asked.take().unwrap_or_default();
        Poll::Ready(returned.split().map(|mut map| {
            let value = |place| Some((place, map.take(&element(place)?.key())?));
            let found = asked.into_iter().filter_map(value).collect();
            if !map.is_empty() {
                site.tell_unasked();
            }
            found
        }))
    }
}
