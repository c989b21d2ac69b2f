//! One line of a log.
//!
//! Invariant: what cannot be read stays as it is, and stands for anything. A build that is newer may write what this
//! one does not know, and no invalidation is passed over.

use std::fmt;

/// What was invalidated.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogRecord {
    /// An entry, by what all of its names begin with: `shop:{k:product:42}`.
    Entry(String),
    /// All entries with a tag, by its text.
    Tag(String),
    /// All entries of the part of the log.
    Everything,
    /// What this build cannot read, as it is: any entry of the namespace may be meant.
    Unknown(Vec<u8>),
}

impl LogRecord {
    /// Any entry of the namespace.
    pub const ANY: Self = Self::Unknown(Vec::new());
}

/// No record is longer: what is would be no name of ours.
const LONGEST: usize = 16 << 10;

impl LogRecord {
    /// As it is written: `e` and an entry, `t` and a tag, or `*`.
    pub fn write(&self) -> Vec<u8> {
        match self {
            Self::Entry(name) => format!("e{name}").into_bytes(),
            Self::Tag(text) => format!("t{text}").into_bytes(),
            Self::Everything => b"*".to_vec(),
            Self::Unknown(bytes) => bytes.clone(),
        }
    }

    /// What bytes of a log say.
    pub fn read(bytes: &[u8]) -> Self {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST);
        match text.and_then(|text| text.split_at_checked(1)) {
            Some(("e", name)) if !name.is_empty() => Self::Entry(name.to_owned()),
            Some(("t", tag)) if !tag.is_empty() => Self::Tag(tag.to_owned()),
            Some(("*", "")) => Self::Everything,
            _ => Self::Unknown(bytes.to_vec()),
        }
    }
}

/// Shows what kind it is: names hold the arguments of calls.
impl fmt::Debug for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entry(_) => "Entry",
            Self::Tag(_) => "Tag",
            Self::Everything => "Everything",
            Self::Unknown(_) => "Unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_foreign_stays_as_it_is() {
        let entry = LogRecord::Entry("shop:{k:product:42}".into());
        let tag = LogRecord::Tag("category: books é".into());
        for (record, text) in [
            (&entry, "eshop:{k:product:42}"),
            (&tag, "tcategory: books é"),
            (&LogRecord::Everything, "*"),
        ] {
            assert_eq!(record.write(), text.as_bytes());
            assert!(LogRecord::read(text.as_bytes()) == *record);
        }
        let long = format!("e{}", "x".repeat(LONGEST));
        let foreign: [&[u8]; 8] =
            [b"", b"e", b"t", b"*more", b"zunknown", "é".as_bytes(), b"e\xff\xfe", long.as_bytes()];
        for bytes in foreign {
            let read = LogRecord::read(bytes);
            assert!(read == LogRecord::Unknown(bytes.to_vec()), "{bytes:?}");
            assert_eq!(read.write(), bytes);
        }
        assert_eq!(format!("{entry:?} {tag:?}"), "Entry Tag");
    }
}
