//! Has servers give back memory that they hold and do not use.
//!
//! Invariant: it is for administrators, and nothing is sent unless they are allowed to act.

use athena_cache_core::backend::{Class, Failure};

use super::state::OperationsState;
use crate::link::{Batch, inside_runtime};

impl OperationsState {
    /// Asks every node that serves names, one after another.
    pub(super) async fn purge_memory(&self) -> Result<(), Failure> {
        if !self.allow_admin {
            let message = "`MEMORY PURGE` is for administrators: allow it with `allow_admin` in the redis settings";
            return Err(Failure::new(Class::Denied, message));
        }
        inside_runtime()?;
        for node in self.topology.nodes() {
            let mut batch = Batch::new();
            batch.command("MEMORY").arg("PURGE");
            self.topology.send_to(node, &batch, |_| Ok(())).await?;
        }
        Ok(())
    }
}
