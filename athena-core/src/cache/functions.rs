//! Annotated functions by their names: their settings, and all of their entries.

use std::collections::BTreeMap;

use super::Cache;
use crate::error::Error;
use crate::runtime::{Invalidated, Scope};
use crate::settings::{SiteSettings, check_sites};

impl Cache {
    /// Removes all entries of a function that is `grouped`, at the price of one small write, however many there are.
    ///
    /// The function goes by its `name`, else by its path. It need not have been called in this process. Then nobody
    /// can say whether there is one of that name, which is told once: with WARN if it is much like that of a function which
    /// was called, else with INFO.
    ///
    /// Entries that [`entry`](Self::entry) has inserted by hand, under a key of the function, are not among them.
    ///
    /// # Errors
    ///
    /// The function was called in this process, and its attribute lacks `grouped`: its entries have nothing in common
    /// that could change. [`Error::is_not_grouped`] tells.
    pub async fn invalidate_function(&self, name: impl AsRef<str>) -> Result<Invalidated, Error> {
        let name = name.as_ref();
        if self.0.sites.lacks_group(name) {
            return Err(Error::not_grouped(name));
        }
        Ok(self.0.invalidate(&[Scope::Function(name.into())]).await)
    }

    /// What is set for single functions, as it is now.
    pub fn sites(&self) -> BTreeMap<String, SiteSettings> {
        self.0.sites.get()
    }

    /// Replaces what is set for single functions, for calls that begin from now on.
    ///
    /// Values that are kept already have the life that they were stored with.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), athena_cache_core::Error> {
    /// # use athena_cache_core::Cache;
    /// let cache = Cache::builder("shop").build()?;
    /// let mut sites = cache.sites();
    /// sites.entry("shop::products".to_owned()).or_default().enabled = false;
    /// cache.set_sites(sites)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A setting cannot be used; the message lists every fault, and nothing changes.
    pub fn set_sites(&self, sites: BTreeMap<String, SiteSettings>) -> Result<(), Error> {
        let mut faults = Vec::new();
        check_sites(&sites, &mut faults);
        if !faults.is_empty() {
            return Err(Error::settings(faults.join("; ")));
        }
        self.0.sites.set(sites, self.0.clock.now());
        Ok(())
    }

    /// The names in [`sites`](Self::sites) that no function has which was called in this process so far.
    ///
    /// A function is known once it is called. So each such name is told with one WARN, which suggests the nearest one,
    /// with the first load that begins 10 min after the settings were made, or when the cache is closed. A test of a
    /// service that calls its functions can ask here.
    pub fn unmatched_sites(&self) -> Vec<String> {
        self.0.sites.unmatched()
    }
}
