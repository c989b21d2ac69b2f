//! The connector that verifies servers and shows our own certificate.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use athena_cache_core::backend::Excerpt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::TlsConfig;
use crate::error::Error;

/// Wraps TCP streams into TLS.
pub(crate) struct Tls {
    connector: TlsConnector,
    /// Whom certificates must be for, if not for the host that was dialled.
    name: Option<ServerName<'static>>,
}

impl Tls {
    /// Reads the files named.
    pub(crate) fn new(config: &TlsConfig) -> Result<Self, Error> {
        let provider = CryptoProvider::get_default()
            .map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
        let roots = match &config.ca_file {
            Some(path) => roots_in(path)?,
            None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        };
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                fault(format_args!("no version of TLS can be used: {}", Excerpt::of(error)))
            })?
            .with_root_certificates(roots);
        let client = match (&config.cert_file, &config.key_file) {
            (None, None) => client.with_no_client_auth(),
            (Some(cert_file), Some(key_file)) => client
                .with_client_auth_cert(certificates_in(cert_file)?, key_in(key_file)?)
                .map_err(|error| {
                    fault(format_args!(
                        "the client certificate is unusable: {}",
                        Excerpt::of(error)
                    ))
                })?,
            _ => {
                return Err(fault("`cert_file` and `key_file` go together, give both or none"));
            }
        };
        let name = config.server_name.clone().map(ServerName::try_from).transpose();
        let name = name.map_err(|_| fault("`server_name` is no name of a host"))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(client)), name })
    }

    /// Encrypts a stream; the server must show a certificate for the host.
    pub(crate) async fn wrap(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?
                .to_owned(),
        };
        self.connector.connect(name, stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn roots_in(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(path)? {
        roots.add(certificate).map_err(|error| unreadable(path, error))?;
    }
    Ok(roots)
}

fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(path, error))?;
    if certificates.is_empty() {
        return Err(unreadable(path, "it holds no PEM certificate"));
    }
    Ok(certificates)
}

fn key_in(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: impl fmt::Display) -> Error {
    let (path, error) = (Excerpt::of(path.display()), Excerpt::of(error));
    fault(format_args!("cannot use `{path}`: {error}"))
}

fn fault(message: impl fmt::Display) -> Error {
    Error::settings(format_args!("redis settings: {message}"))
}
