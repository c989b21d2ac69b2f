//! Which caches are shown, and how much of them.

use athena_cache_core::Cache;

/// The caches that routes are about: `&cache`, `&[&cache, &other]`, or either with [`details`](Self::details).
///
/// ```
/// use athena_cache_axum::{Caches, health};
/// use athena_cache_core::Cache;
/// use axum::Router;
///
/// let (shop, mail) = (Cache::in_memory("shop"), Cache::in_memory("mail"));
/// let both: Router = health(&[&shop, &mail]);
/// let in_detail: Router = health(Caches::from(&shop).details(true));
/// # drop((both, in_detail));
/// ```
#[derive(Debug, Clone)]
#[must_use = "give them to routes"]
pub struct Caches {
    pub(crate) all: Vec<Cache>,
    pub(crate) details: bool,
}

impl Caches {
    /// Whether addresses of nodes, names of hosts, sentences and figures are shown as well. Default no.
    ///
    /// Keys, arguments, tags, values and credentials never are.
    pub fn details(self, details: bool) -> Self {
        Self { details, ..self }
    }

    /// The one with this namespace, or the first one where none is named.
    pub(crate) fn named(&self, namespace: Option<&str>) -> Option<(usize, &Cache)> {
        let is_meant = |cache: &Cache| namespace.is_none_or(|name| cache.namespace() == name);
        self.all.iter().enumerate().find(|(_, cache)| is_meant(cache))
    }

    /// The namespaces.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.all.iter().map(Cache::namespace).collect()
    }
}

impl From<&Cache> for Caches {
    fn from(cache: &Cache) -> Self {
        Self::from(vec![cache.clone()])
    }
}

impl From<Vec<Cache>> for Caches {
    fn from(all: Vec<Cache>) -> Self {
        Self { all, details: false }
    }
}

impl From<&[&Cache]> for Caches {
    fn from(all: &[&Cache]) -> Self {
        Self::from(all.iter().copied().cloned().collect::<Vec<_>>())
    }
}

impl<const N: usize> From<&[&Cache; N]> for Caches {
    fn from(all: &[&Cache; N]) -> Self {
        Self::from(&all[..])
    }
}
