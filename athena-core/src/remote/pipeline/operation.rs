//! The kinds of operations.

use crate::resilience::class::{OperationKind, Repeat, Traffic, Wait};
use crate::resilience::settings::Resilience;

/// A kind of operation, as far as the pipeline cares.
#[derive(Debug, Clone, Copy)]
pub(in crate::remote) struct Operation {
    pub(super) name: &'static str,
    pub(super) kind: OperationKind,
    pub(super) ends_lease: bool,
}

impl Operation {
    const fn of(name: &'static str, kind: OperationKind) -> Self {
        Self { name, kind, ends_lease: false }
    }

    /// The same, as the end of a lease that the node granted: it may pass beside a probe.
    ///
    /// There is one for each lease; refused, it would leave the key to be loaded by everybody for as
    /// long as the lease lives.
    pub(in crate::remote) const fn ending_a_lease(self) -> Self {
        Self { ends_lease: true, ..self }
    }

    /// A read that a caller waits for.
    pub(in crate::remote) const fn read() -> Self {
        let kind =
            OperationKind { traffic: Traffic::Serving, repeat: Repeat::Safe, wait: Wait::Caller };
        Self::of("read", kind)
    }

    /// A removal, which a store that takes no writes still does.
    pub(in crate::remote) const fn remove(name: &'static str) -> Self {
        let kind =
            OperationKind { traffic: Traffic::Serving, repeat: Repeat::Safe, wait: Wait::Nobody };
        Self::of(name, kind)
    }

    /// A write off the callers' path.
    pub(in crate::remote) const fn write(name: &'static str) -> Self {
        let kind =
            OperationKind { traffic: Traffic::Storing, repeat: Repeat::Safe, wait: Wait::Nobody };
        Self::of(name, kind)
    }

    /// The same of a value so large that it is sent once.
    pub(in crate::remote) const fn large_write(name: &'static str) -> Self {
        let Self { kind, .. } = Self::write(name);
        Self::of(name, OperationKind { repeat: Repeat::Unsafe, ..kind })
    }

    /// The request for a lease: a caller waits, and one token asks once (coherence 6).
    pub(in crate::remote) const fn lease() -> Self {
        let kind =
            OperationKind { traffic: Traffic::Storing, repeat: Repeat::Unsafe, wait: Wait::Caller };
        Self::of("lease", kind)
    }

    /// The completion of generations before a load.
    pub(in crate::remote) const fn ensure() -> Self {
        let kind =
            OperationKind { traffic: Traffic::Storing, repeat: Repeat::Safe, wait: Wait::Caller };
        Self::of("ensure", kind)
    }

    /// What kind it is where reads that had no answer in time may be attempted again.
    pub(super) fn kind_under(self, settings: &Resilience) -> OperationKind {
        if settings.retry.after_timeout {
            OperationKind { wait: Wait::Nobody, ..self.kind }
        } else {
            self.kind
        }
    }
}
