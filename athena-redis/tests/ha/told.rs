//! What a backend told of.

use std::sync::{Arc, Mutex, PoisonError};

use athena_cache_core::backend::{Backend, Change, Listener, Node};
use athena_cache_redis::Redis;

use crate::eventually;

/// Changes in the order in which they were heard, each with the connection of a node at that moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<(Change, u64)>>>);

impl Told {
    /// Listens from now on.
    pub(crate) fn by(redis: &Arc<Redis>) -> Self {
        let told = Self::default();
        let (heard, weak) = (told.clone(), Arc::downgrade(redis));
        let listener: Listener = Arc::new(move |change: &Change| {
            let epoch = match change {
                Change::Connected { node, .. } | Change::Unheard { node } => {
                    weak.upgrade().map_or(0, |redis| redis.epoch(*node))
                }
                _ => 0,
            };
            heard.lock().push((without_history(change), epoch));
        });
        redis.listen(listener);
        told
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Change, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was told, and returns it.
    pub(crate) fn take(&self) -> Vec<Change> {
        self.lock().drain(..).map(|(change, _)| change).collect()
    }

    /// Everything that was told and not taken.
    pub(crate) fn all(&self) -> Vec<Change> {
        self.lock().iter().map(|(change, _)| change.clone()).collect()
    }

    /// What was told of connections to a node, with the one in use at that moment.
    pub(crate) fn of(&self, wanted: Node) -> Vec<(Change, u64)> {
        let is_of = |change: &Change| match change {
            Change::Connected { node, .. } | Change::Unheard { node } => *node == wanted,
            _ => false,
        };
        self.lock().iter().filter(|(change, _)| is_of(change)).cloned().collect()
    }

    /// How often a name was announced.
    pub(crate) fn count(&self, name: &str) -> usize {
        let is_of = |change: &Change| match change {
            Change::Announced { names } => names.iter().any(|it| it == name),
            _ => false,
        };
        self.lock().iter().filter(|(change, _)| is_of(change)).count()
    }

    /// Waits until exactly this was told, and forgets it.
    pub(crate) async fn names(&self, names: &[&str]) {
        let mut expected: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        expected.sort();
        eventually(&format!("{names:?} are announced"), async || {
            let mut told: Vec<_> = self.all().into_iter().flat_map(announced).collect();
            told.sort();
            told == expected
        })
        .await;
        self.take();
    }
}

/// A history is told here as 0: what it is, the backend's answers say.
fn without_history(change: &Change) -> Change {
    match change {
        Change::Connected { node, .. } => connected(*node),
        other => other.clone(),
    }
}

fn announced(change: Change) -> Vec<String> {
    match change {
        Change::Announced { names } => names,
        other => panic!("nothing else is expected: {other:?}"),
    }
}

pub(crate) fn connected(node: Node) -> Change {
    Change::Connected { node, history: 0 }
}

pub(crate) fn unheard(node: Node) -> Change {
    Change::Unheard { node }
}
