//! Who the processes are to the servers.

use crate::support::rights::recommended;
use crate::support::topology::Topology;

/// What the processes say when they log in as anybody but the user that everybody is.
pub(crate) const USER: &str = "app";
pub(crate) const PASSWORD: &str = "pw";

/// What the processes are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Everything.
    Full,
    /// What the documentation recommends.
    Recommended,
    /// Everything but scripts, so that they take no leases.
    WithoutScripts,
    WithoutInfo,
    /// Everything but to be announced what changes.
    WithoutTracking,
    WithoutPing,
}

impl User {
    /// The settings of a server that has this user, for a namespace.
    pub(crate) fn settings(self, namespace: &str, topology: Topology) -> Vec<String> {
        let denied: &[&str] = match self {
            Self::Full => return Vec::new(),
            Self::Recommended => {
                return of(recommended(namespace, topology));
            }
            Self::WithoutScripts => &["-eval", "-evalsha"],
            Self::WithoutInfo => &["-info"],
            Self::WithoutTracking => &["-client|tracking"],
            Self::WithoutPing => &["-ping"],
        };
        let all = ["~*", "&*", "+@all"].iter().chain(denied);
        of(all.map(|&word| word.to_owned()).collect())
    }
}

fn of(rules: Vec<String>) -> Vec<String> {
    let login = ["--user", USER, "on"].map(str::to_owned).into_iter();
    login.chain([format!(">{PASSWORD}")]).chain(rules).collect()
}
