//! Which certificates to trust and to show.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which certificates to trust and to show; used with `rediss://`.
///
/// Without a `ca_file` the certificate authorities of Mozilla's list are trusted. All files are in
/// PEM format and are read once, when the backend is built. Needs the feature `tls`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) server_name: Option<String>,
}

impl TlsConfig {
    /// Trusts these certificate authorities, and no others.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Expects certificates for this name, whatever the address of the server is.
    ///
    /// For sentinels and clusters that announce their nodes by addresses that no certificate names.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Shows this certificate chain to a server that asks for one.
    #[must_use]
    pub fn identity(mut self, cert_file: impl Into<PathBuf>, key_file: impl Into<PathBuf>) -> Self {
        self.cert_file = Some(cert_file.into());
        self.key_file = Some(key_file.into());
        self
    }
}
