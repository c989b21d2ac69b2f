//! The processes that use one prefix, as each writes of itself.

use std::time::Duration;

/// What a process writes of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Membership {
    /// Names the process; printable ASCII without braces, at most 64 characters.
    pub id: String,
    /// What it says of itself, at most [`LONGEST`](Self::LONGEST) bytes.
    pub document: Vec<u8>,
    /// For how long it is one of the fleet without coming again.
    pub life: Duration,
}

impl Membership {
    /// The most characters of a name.
    pub const LONGEST_ID: usize = 64;
    /// The most bytes of a document.
    pub const LONGEST: usize = 16 * 1024;

    /// For how many of its lives a process that does not come again is in the roster: so long it is missing, and
    /// forgotten after that.
    pub const LIVES: u32 = 20;

    /// A membership; whether it can be used is found out by whoever is given it.
    pub fn new(id: impl Into<String>, document: impl Into<Vec<u8>>, life: Duration) -> Self {
        Self { id: id.into(), document: document.into(), life }
    }

    /// Why nobody may join with it, if so.
    pub fn fault(&self) -> Option<String> {
        let is_plain = |id: &str| {
            id.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'*'))
        };
        if self.id.is_empty() || self.id.len() > Self::LONGEST_ID || !is_plain(&self.id) {
            let found = crate::excerpt::Excerpt::of(&self.id);
            return Some(format!(
                "a process is named by 1 to 64 printable ASCII characters without `{{`, `}}` and `*`, not by `{found}`"
            ));
        }
        let (length, most) = (self.document.len(), Self::LONGEST);
        (length > most).then(|| {
            format!("a process may say {most} bytes of itself, and this is {length}: say less of each site or node")
        })
    }
}

/// One process of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetMember {
    /// Names the process.
    pub id: String,
    /// How long ago it came, by the clock of the node that keeps the roster.
    pub since: Duration,
    /// What it said of itself; `None` if that has ended, as it does when it has not come for its life.
    pub document: Option<Vec<u8>>,
}

impl FleetMember {
    /// A process as it is found in the roster.
    pub fn new(id: impl Into<String>, since: Duration, document: Option<Vec<u8>>) -> Self {
        Self { id: id.into(), since, document }
    }
}
