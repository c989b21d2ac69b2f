//! Why bytes are no backup.

use std::fmt;
use std::io;

/// Why a file is no whole backup that this version reads.
#[derive(Debug)]
#[non_exhaustive]
pub enum Flaw {
    /// It could not be read.
    Io(io::Error),
    /// It begins as no backup does.
    Foreign,
    /// It is of a format that this version does not know.
    Newer(u8),
    /// It ends too early: so many bytes are there.
    Cut(u64),
    /// What stands behind so many bytes is not what was written.
    Damaged(u64),
    /// There is more behind its end.
    Trailing(u64),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Foreign => f.write_str("is no backup of a cache"),
            Self::Newer(format) => write!(
                f,
                "has format {format}, and this version reads {}: use the version that wrote it",
                super::FORMAT
            ),
            Self::Cut(at) => write!(f, "is cut off after {at} bytes: it was not finished"),
            Self::Damaged(at) => write!(f, "is damaged behind byte {at}"),
            Self::Trailing(at) => write!(f, "has something behind its end at byte {at}"),
        }
    }
}

impl std::error::Error for Flaw {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}
