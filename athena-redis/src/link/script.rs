//! Scripts that run inside the server.

/// A Lua script and the digest that servers know it by.
#[derive(Debug)]
pub(crate) struct Script {
    source: &'static str,
    digest: String,
}

impl Script {
    /// Takes a source; its keys must share one slot.
    pub(crate) fn new(source: &'static str) -> Self {
        Self { source, digest: redis::Script::new(source).get_hash().to_owned() }
    }

    pub(super) fn source(&self) -> &'static str {
        self.source
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}
