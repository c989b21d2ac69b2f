//! TLS for connections to `rediss://`, with certificates read once.
//!
//! The provider of the cryptography is the one that the process installed, else *ring*; none is
//! installed for the process, because that is for applications to decide.

#[cfg(not(feature = "tls"))]
pub(crate) use self::absent::Tls;
pub use self::config::TlsConfig;
#[cfg(feature = "tls")]
pub(crate) use self::present::Tls;

mod config;
#[cfg(feature = "tls")]
mod present;

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
