//! The load of a batch, which knows its entries by their names.

use std::collections::HashMap;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::engine::{EntryPlace, LoadsMany};

/// A load of entries by name, and its run that is under way.
pub(super) struct NamedLoad<'n, L, Fut> {
    names: &'n [String],
    load: L,
    running: Option<(Vec<EntryPlace>, Pin<Box<Fut>>)>,
}

impl<'n, L, Fut> NamedLoad<'n, L, Fut> {
    pub(super) fn new(names: &'n [String], load: L) -> Self {
        Self { names, load, running: None }
    }
}

impl<V, E, L, Fut> LoadsMany<V, E> for NamedLoad<'_, L, Fut>
where
    L: Fn(Vec<String>) -> Fut,
    Fut: Future<Output = Result<HashMap<String, V>, E>>,
{
    fn poll(
        &mut self,
        places: &mut Vec<EntryPlace>,
        context: &mut Context<'_>,
    ) -> Poll<Result<HashMap<EntryPlace, V>, E>> {
        let Self { names, load, running } = self;
        let name = |place: &EntryPlace| names.get(*place).cloned();
        let (_, run) = running.get_or_insert_with(|| {
            let places = mem::take(places);
            let wanted = places.iter().filter_map(name).collect();
            (places, Box::pin(load(wanted)))
        });
        let Poll::Ready(loaded) = run.as_mut().poll(context) else {
            return Poll::Pending;
        };
        let places = running.take().map(|(places, _)| places).unwrap_or_default();
        Poll::Ready(loaded.map(|mut loaded| {
            let value = |place| Some((place, loaded.remove(names.get(place)?)?));
            places.into_iter().filter_map(value).collect()
        }))
    }
}
