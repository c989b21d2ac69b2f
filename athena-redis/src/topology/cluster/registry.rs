//! The links to the nodes of a cluster, and the map made of them.
//!
//! Invariant: an endpoint has one link at a time, and after `close` there is none. The lock is never
//! held across an await, and operations take it only when they are redirected.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use athena_cache_core::backend::Change;
use tokio::time::Instant;

use super::layout::Layout;
use super::map::Map;
use super::moves::{Fate, Moves, Step};
use crate::config::Access;
use crate::link::{Client, Link};
use crate::lock::Lock;
use crate::url::Endpoint;

/// How many nodes of a map are dialed, before an operation needs them, that one other alone says are there.
pub(super) const MOST_UNATTESTED: usize = 16;

#[derive(Debug)]
pub(super) struct Registry {
    access: Arc<Access>,
    client: Arc<Client>,
    map: ArcSwapOption<Map>,
    links: Lock<Links>,
}

#[derive(Debug, Default)]
struct Links {
    open: HashMap<Endpoint, Arc<Link>>,
    /// Other addresses of nodes, as redirects may give them.
    aliases: HashMap<Endpoint, Endpoint>,
    /// When a redirect changed the map for the first time since it was made.
    patched_since: Option<Instant>,
    is_closed: bool,
}

impl Registry {
    pub(super) fn new(access: &Access, client: Arc<Client>) -> Self {
        // The search for a map counts attempts; a link to a node that is down must never give up,
        // because its address may be all that is left of a cluster that returns.
        let access = Arc::new(Access { attempts: None, ..access.clone() });
        let (map, links) = (ArcSwapOption::empty(), Lock::default());
        Self { access, client, map, links }
    }

    pub(super) fn map(&self) -> Guard<Option<Arc<Map>>> {
        self.map.load()
    }

    /// The link to an endpoint, made if there is none; `None` after `close`.
    pub(super) fn link(&self, endpoint: &Endpoint) -> Option<Arc<Link>> {
        self.links.lock().link(endpoint, || self.make(endpoint))
    }

    /// The link to an endpoint that is only asked about others: what happens to it is of no interest.
    pub(super) fn standby_link(&self, endpoint: &Endpoint) -> Option<Arc<Link>> {
        self.links.lock().link(endpoint, || self.make(endpoint).on_standby())
    }

    /// How often an endpoint was dialed in vain.
    pub(super) fn attempts(&self, endpoint: &Endpoint) -> u32 {
        self.links.lock().find(endpoint).map_or(0, |link| link.attempts())
    }

    /// Has another node serve a slot from now on; answers its link.
    pub(super) fn patch(&self, slot: u16, to: &Endpoint) -> Option<Arc<Link>> {
        let mut links = self.links.lock();
        let link = links.link(to, || self.make(to))?;
        let former = self.map.load_full();
        if let Some(former) = former
            && let Some(map) = former.with(slot, Arc::clone(&link))
        {
            tracing::debug!(slot, %to, "a slot of the redis cluster has moved");
            link.end_standby();
            links.patched_since.get_or_insert_with(Instant::now);
            let mut moves = Moves::default();
            moves.note(former.owner(slot), Some(&link));
            self.follow(map, &moves.steps(Some(&former)));
        }
        Some(link)
    }

    /// Since when the map has not been what the last layout says, if it is not.
    pub(super) fn patched_since(&self) -> Option<Instant> {
        self.links.lock().patched_since
    }

    /// Makes the map that a layout describes; links that it shares with the former map are kept.
    pub(super) fn publish(&self, layout: &Layout) {
        let mut links = self.links.lock();
        links.patched_since = None;
        links.aliases = layout.aliases().map(|(it, used)| (it.clone(), used.clone())).collect();
        let endpoints: Vec<_> = layout.endpoints().collect();
        let mut made = vec![None; endpoints.len()];
        let mut link_to = |place: usize| {
            let link = made.get_mut(place)?;
            if link.is_none() {
                let endpoint = endpoints[place];
                *link = links.link(endpoint, || self.make(endpoint));
            }
            link.clone()
        };
        let map = Map::new(layout.places().map(|place| link_to(place?)));
        let mut unattested = 0;
        for (place, link) in made.iter().enumerate().filter_map(|(at, it)| Some((at, it.as_ref()?)))
        {
            link.end_standby();
            unattested += usize::from(!layout.is_attested(place));
            // Operations dial the others that ask for what they serve.
            if layout.is_attested(place) || unattested <= MOST_UNATTESTED {
                link.wake();
            }
        }
        if !links.is_closed {
            let former = self.map.load_full();
            let moves = Moves::between(former.as_deref(), &map);
            self.follow(map, &moves.steps(former.as_deref()));
        }
    }

    /// Has operations follow a map from now on.
    fn follow(&self, map: Map, steps: &[Step]) {
        let map = Arc::new(map);
        for step in steps {
            match step {
                Step::ForgetHistory(link) => link.forget_history(),
                Step::Connected(link) => {
                    let (node, history) = (link.node(), link.history());
                    self.client.tell(&Change::Connected { node, history });
                }
                Step::Swap => self.map.store(Some(Arc::clone(&map))),
                Step::Unheard(link) => {
                    self.client.tell(&Change::Unheard { node: link.node() });
                    // Coherence 12: what happens to one that serves nothing any more concerns nobody.
                    if !map.has(link) {
                        link.begin_standby();
                    }
                }
            }
        }
    }

    /// Lets go of all links but those in the map and those to be kept.
    pub(super) fn keep_only(&self, keep: &HashSet<Endpoint>) {
        let mut links = self.links.lock();
        let map = self.map.load();
        let mapped = map.as_ref().map(|map| map.links()).unwrap_or_default();
        let serving: HashSet<_> = mapped.iter().map(Arc::as_ptr).collect();
        links.open.retain(|endpoint, link| {
            let stays = serving.contains(&Arc::as_ptr(link)) || keep.contains(endpoint);
            if !stays && Fate::of(link.doubt()) == Fate::Retire {
                link.retire();
            }
            stays
        });
    }

    /// Ends what is in flight to a node that does not answer and serves nothing any more.
    pub(super) fn retire_silent(&self, endpoint: &Endpoint) {
        let mut links = self.links.lock();
        let map = self.map.load();
        let mapped = map.as_ref().map(|map| map.links()).unwrap_or_default();
        let serves = mapped.iter().any(|link| link.endpoint() == endpoint);
        let known = links.open.get(endpoint).filter(|_| !serves);
        if known.is_some_and(|link| Fate::of(link.doubt()) == Fate::Retire)
            && let Some(link) = links.open.remove(endpoint)
        {
            link.retire();
        }
    }

    /// Closes every link, for ever.
    ///
    /// From the call on nothing new begins; the future waits for what is under way.
    pub(super) fn close(&self) -> impl Future<Output = ()> + '_ {
        let open = {
            let mut links = self.links.lock();
            links.is_closed = true;
            std::mem::take(&mut links.open)
        };
        async move {
            futures_util::future::join_all(open.values().map(|link| link.close())).await;
            self.map.store(None);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.links.lock().is_closed
    }

    fn make(&self, endpoint: &Endpoint) -> Link {
        Link::new(endpoint.clone(), Arc::clone(&self.access), Arc::clone(&self.client))
    }
}

impl Links {
    fn link(&mut self, endpoint: &Endpoint, make: impl FnOnce() -> Link) -> Option<Arc<Link>> {
        if self.is_closed {
            return None;
        }
        if let Some(link) = self.find(endpoint) {
            return Some(Arc::clone(link));
        }
        let link = Arc::new(make());
        self.open.insert(self.name(endpoint).clone(), Arc::clone(&link));
        Some(link)
    }

    fn find(&self, endpoint: &Endpoint) -> Option<&Arc<Link>> {
        self.open.get(self.name(endpoint))
    }

    /// The address that a node is known by here.
    fn name<'a>(&'a self, endpoint: &'a Endpoint) -> &'a Endpoint {
        self.aliases.get(endpoint).unwrap_or(endpoint)
    }
}
