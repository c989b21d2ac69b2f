//! TLS for connections to `rediss://`, with certificates read once.
//!
//! The provider of the cryptography is the one that the process installed, else *ring*; none is
//! installed for the process, because that is for applications to decide.

#[cfg(not(feature = "tls"))]
pub(crate) use self::absent::Tls;
#[cfg(feature = "tls")]
pub(crate) use self::present::Tls;

#[cfg(feature = "tls")]
mod present;

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

#[cfg(not(feature = "tls"))]
mod absent {
    use std::io;

    use tokio::net::TcpStream;

    use super::TlsConfig;
    use crate::error::Error;

    /// Cannot be made without the feature `tls`.
    #[derive(Debug)]
    pub(crate) enum Tls {}

    impl Tls {
        pub(crate) fn new(_config: &TlsConfig) -> Result<Self, Error> {
            Err(Error::settings(
                "redis settings: `rediss://` needs the feature `tls` of athena-cache-redis \
                 (`redis-tls` of athena-cache)",
            ))
        }

        // Async like its counterpart, so that callers need not know which one they have.
        #[expect(clippy::unused_async, reason = "the same signature as with the feature")]
        pub(crate) async fn wrap(&self, _: &str, _: TcpStream) -> io::Result<TcpStream> {
            match *self {}
        }
    }
}
