//! What the cache has left on the servers: names that end, none of them later than what it is for.
//!
//! Invariant: a name that nothing here explains is one too many.

use std::fmt;
use std::time::Duration;

use super::perform::FILLER;
use super::process::{NAMESPACE, Setup};
use super::sites::{self, GROUPS};
use super::stage::Stage;
use super::workload::Options;
use crate::support::role::Role;

/// A name, and how long it is there for still; `None` if it has no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) remaining: Option<Duration>,
}

/// A name that should have ended, or end earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leftover {
    name: Name,
    purpose: Option<Purpose>,
}

/// How long a name is there for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// As long as what it is for.
    Until(Duration),
    /// It has no end: there are few of it.
    Always,
}

/// Beyond the lives of an entry and its lease; twice all of that is given at once (coherence 7).
const SPARE: Duration = Duration::from_secs(60);

/// All names on the nodes that serve.
pub(crate) fn names(stage: &Stage) -> Vec<Name> {
    let serving = stage.nodes().iter().filter(|node| node.is_running());
    let serving = serving.filter(|node| node.role() == Some(Role::Primary));
    let mut names = Vec::new();
    for node in serving {
        for name in node.cli(&["KEYS", "*"]).list() {
            let remaining = node.cli(&[b"PTTL".to_vec(), name.bytes()]).number();
            let name = name.text();
            match u64::try_from(remaining) {
                Ok(millis) => {
                    let remaining = Some(Duration::from_millis(millis));
                    names.push(Name { name, remaining });
                }
                // Else it has ended meanwhile.
                Err(_) if remaining == -1 => names.push(Name { name, remaining: None }),
                Err(_) => {}
            }
        }
    }
    names
}

/// Those that nothing explains, or that are there for too long.
pub(crate) fn leftovers(names: &[Name], setup: &Setup, options: Options) -> Vec<Leftover> {
    // Once its tag has ended, an entry is there for nothing.
    let end_of_tag = |item: usize| {
        let group = (0..GROUPS).find(|group| sites::is_in(item, *group))?;
        let tag = format!("{NAMESPACE}:#{}", sites::tag(group));
        names.iter().find(|it| it.name == tag)?.remaining
    };
    let ends: Vec<_> = sites::all().map(end_of_tag).collect();
    let life = |item: usize| {
        let life = sites::life(item, options);
        ends[item].map_or(life, |end| end.min(life))
    };
    let judged = names.iter().filter(|it| !it.name.starts_with(FILLER)).map(|name| {
        let purpose = purpose(&name.name, setup, life);
        Leftover { name: name.clone(), purpose }
    });
    judged.filter(|it| !it.is_in_order()).collect()
}

/// What a name is for; `None` if for nothing.
fn purpose(name: &str, setup: &Setup, life: impl Fn(usize) -> Duration) -> Option<Purpose> {
    let name = name.strip_prefix(NAMESPACE)?.strip_prefix(':')?;
    let lease = setup.lease();
    if name == "#" || name == "*" || is_partition(name) {
        return Some(Purpose::Always);
    }
    if let Some(tag) = name.strip_prefix('#') {
        let longest = sites::all().map(&life).max()?;
        let is_known = (0..GROUPS).any(|group| sites::tag(group) == tag);
        return is_known.then_some(Purpose::Until((longest + lease + SPARE) * 2));
    }
    let of = |item: &usize| name.strip_prefix(&format!("{{k:{}}}:", sites::name(*item)));
    let (item, part) = sites::all().find_map(|item| Some((item, of(&item)?)))?;
    match part {
        "l" => Some(Purpose::Until(lease)),
        "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" => Some(Purpose::Until(life(item))),
        _ => None,
    }
}

/// Whether it is the generation of the namespace in a part of a cluster.
fn is_partition(name: &str) -> bool {
    let inner = name.strip_prefix('{').and_then(|name| name.strip_suffix("}*"));
    inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl Leftover {
    fn is_in_order(&self) -> bool {
        match (self.purpose, self.name.remaining) {
            (Some(Purpose::Always), None) => true,
            (Some(Purpose::Until(longest)), Some(remaining)) => remaining <= longest,
            _ => false,
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Name { name, remaining } = &self.name;
        match remaining {
            Some(remaining) => write!(f, "{name} is there for {remaining:?}")?,
            None => write!(f, "{name} has no end")?,
        }
        match self.purpose {
            Some(Purpose::Until(longest)) => write!(f, ", allowed are {longest:?}"),
            Some(Purpose::Always) => f.write_str(", and is to have none"),
            None => f.write_str(", and is for nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::fault::Fault;
    use crate::oracle::play::Play;
    use crate::support::topology::Topology;

    #[test]
    fn a_name_ends_with_what_it_is_for() {
        let setup = Play::new(Topology::Standalone, Fault::Partition, 1).setup;
        let hour = Duration::from_secs(60 * 60);
        let is_left = |name: &str, remaining: Option<Duration>| {
            let name = Name { name: format!("{NAMESPACE}:{name}"), remaining };
            !leftovers(&[name], &setup, Options::Few).is_empty()
        };
        let ends = [
            ("{k:item:plain:0}:0", hour),
            ("{k:item:renewed:3}:7", Duration::from_millis(1_500)),
            ("{k:item:by-hand:9}:l", setup.lease()),
            ("#group:1", (hour + setup.lease() + SPARE) * 2),
        ];
        for (name, longest) in ends {
            assert!(!is_left(name, Some(longest)), "{name}");
            assert!(is_left(name, Some(longest + Duration::from_millis(1))), "{name}");
            assert!(is_left(name, None), "{name}");
        }
        for name in ["#", "*", "{1a}*"] {
            assert!(!is_left(name, None), "{name}");
            assert!(is_left(name, Some(hour)), "{name}");
        }
        let moment = Some(Duration::from_millis(1));
        for name in ["#group:2", "{k:item:plain:0}:8", "{k:item:plain:1}:0", "{k:item:plain:0}"] {
            assert!(is_left(name, moment), "{name}");
        }
        let foreign = |name: &str| {
            let name = Name { name: name.to_owned(), remaining: moment };
            leftovers(&[name], &setup, Options::Few).len()
        };
        let [mut entry, mut tag] = ["{k:item:tagged:1}:0", "#group:0"]
            .map(|name| Name { name: format!("{NAMESPACE}:{name}"), remaining: Some(hour) });
        let of_both =
            |both: [&Name; 2]| leftovers(&both.map(Clone::clone), &setup, Options::Few).len();
        assert_eq!(of_both([&entry, &tag]), 0);
        tag.remaining = moment;
        assert_eq!(of_both([&entry, &tag]), 1, "its tag ends first");
        entry.name = format!("{NAMESPACE}:{{k:item:tagged:6}}:0");
        assert_eq!(of_both([&entry, &tag]), 0, "that is of another group");
        assert_eq!([foreign("name"), foreign(&format!("{FILLER}1"))], [1, 0]);
    }
}
