//! Which store each region has.
//!
//! Invariant: a region has one store, and no two have the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{RegionSettings, listed};
use crate::backend::Backend;
use crate::excerpt::Excerpt;

/// The stores of regions, by the names of these.
#[derive(Debug, Default)]
pub(crate) struct RegionStores {
    given: Vec<(String, Arc<dyn Backend>)>,
}

impl RegionStores {
    /// A region has this store.
    pub(crate) fn give(&mut self, region: impl Into<String>, store: Arc<dyn Backend>) {
        self.given.push((region.into(), store));
    }

    /// What is wrong if no settings name regions.
    pub(crate) fn without_settings(&self) -> Option<String> {
        let (region, _) = self.given.first()?;
        let region = Excerpt::of(region);
        Some(format!(
            "region `{region}` is given a store, and no `regions` are set: name them in `Settings::regions`"
        ))
    }

    /// The store of each region in the order of the settings; adds every fault where some have none, or one of
    /// somebody else.
    pub(crate) fn in_order(
        &self,
        settings: &RegionSettings,
        faults: &mut Vec<String>,
    ) -> Vec<Arc<dyn Backend>> {
        let mut by_name: BTreeMap<&str, &Arc<dyn Backend>> = BTreeMap::new();
        for (region, store) in &self.given {
            if by_name.insert(region, store).is_some() {
                faults.push(format!("region `{}` is given a store twice", Excerpt::of(region)));
            }
            if !settings.names().any(|name| name == region) {
                let (region, known) = (Excerpt::of(region), listed(settings.names()));
                faults.push(format!("region `{region}` is given a store, expected one of {known}"));
            }
        }
        let mut stores: Vec<(&str, Arc<dyn Backend>)> = Vec::new();
        for name in settings.names() {
            let Some(store) = by_name.get(name) else {
                let name = Excerpt::of(name);
                faults.push(format!(
                    "region `{name}` has no store: give it one with `Builder::region`"
                ));
                continue;
            };
            if store.changes().is_none() && settings.replication != super::RegionReplication::Off {
                let name = Excerpt::of(name);
                faults.push(format!(
                    "the store of region `{name}` keeps no log of invalidations, which `regions.replication` needs \
                     unless it is Off"
                ));
            }
            if let Some((other, _)) = stores.iter().find(|(_, other)| is_same(other, store)) {
                let (name, other) = (Excerpt::of(name), Excerpt::of(*other));
                faults.push(format!(
                    "regions `{other}` and `{name}` have the same store, {}",
                    place(store.as_ref())
                ));
            }
            stores.push((name, Arc::clone(store)));
        }
        stores.into_iter().map(|(_, store)| store).collect()
    }
}

/// Whether both are one store, as far as can be seen before anything is asked.
fn is_same(one: &Arc<dyn Backend>, other: &Arc<dyn Backend>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

fn place(store: &dyn Backend) -> String {
    let nodes =
        store.nodes().into_iter().take(3).map(|node| Excerpt::of(store.endpoint(node)).to_string());
    nodes.collect::<Vec<_>>().join(", ")
}
