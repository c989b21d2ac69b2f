//! What a node says that it is.

use std::io;

use super::resp::{Client, Reply};

/// The answer to `ROLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It takes writes.
    Primary,
    /// It follows the node on a port; `synced` when the link is up and the first copy is done.
    Replica {
        /// The port of its primary.
        of: u16,
        /// Whether it hears what its primary writes.
        synced: bool,
    },
    /// It is a sentinel.
    Sentinel,
}

impl Role {
    /// Asks over a connection.
    pub(crate) fn ask(client: &mut Client) -> io::Result<Self> {
        let reply = client.call(&["ROLE"])?;
        Self::parse(&reply).ok_or_else(|| io::Error::other(format!("no role: {reply:?}")))
    }

    /// Whether it takes writes.
    pub(crate) fn is_primary(self) -> bool {
        self == Self::Primary
    }

    fn parse(reply: &Reply) -> Option<Self> {
        let Reply::List(parts) = reply else {
            return None;
        };
        match parts.first()?.text().as_str() {
            "master" => Some(Self::Primary),
            "slave" => {
                let of = u16::try_from(parts.get(2)?.number()).ok()?;
                Some(Self::Replica { of, synced: parts.get(3)?.text() == "connected" })
            }
            "sentinel" => Some(Self::Sentinel),
            _ => None,
        }
    }
}
