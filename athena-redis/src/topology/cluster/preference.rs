//! Which addresses of its nodes a cluster wants to be used, by what they say. Decides, and does nothing else.
//!
//! Invariant: what one node says of it holds for its own words alone. Where most of several say the same, that
//! holds for those of all, and nobody is asked any more.

use std::collections::HashMap;

use super::nodes::Preferred;
use crate::url::Endpoint;

/// So many have to say the same, and more than half of those that told.
const SEVERAL: usize = 2;
/// How many are asked at most where they do not agree.
const MOST: usize = 64;

/// What nodes have said.
#[derive(Debug, Default)]
pub(super) struct Preference {
    told: HashMap<Endpoint, Preferred>,
}

impl Preference {
    /// Notes what a node said.
    pub(super) fn note(&mut self, node: &Endpoint, preferred: Preferred) {
        if self.told.len() < MOST || self.told.contains_key(node) {
            self.told.insert(node.clone(), preferred);
        }
    }

    /// How what a node says of others is read; nothing if it has to be asked.
    pub(super) fn of(&self, node: &Endpoint) -> Option<Preferred> {
        self.common().or_else(|| self.told.get(node).copied())
    }

    /// Forgets what was said: the cluster may be another one.
    pub(super) fn forget(&mut self) {
        self.told.clear();
    }

    /// What most of several say.
    fn common(&self) -> Option<Preferred> {
        let count = |wanted| self.told.values().filter(|told| **told == wanted).count();
        let is_common = |it: &Preferred| {
            let count = count(*it);
            count >= SEVERAL && 2 * count > self.told.len()
        };
        self.told.values().copied().find(is_common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_says_holds_for_itself_and_what_most_of_several_say_for_all() {
        use Preferred::{Asked, Ip, Name};
        let at = |port| Endpoint { host: "h".into(), port };
        for (name, told, of_1, of_2, of_9) in [
            ("nobody", &[][..], None, None, None),
            ("one", &[(1, Name)], Some(Name), None, None),
            ("two disagree", &[(1, Name), (2, Ip)], Some(Name), Some(Ip), None),
            ("two agree", &[(1, Ip), (2, Ip)], Some(Ip), Some(Ip), Some(Ip)),
            ("one lies first", &[(1, Asked), (2, Ip), (3, Ip)], Some(Ip), Some(Ip), Some(Ip)),
            (
                "two against two",
                &[(1, Asked), (2, Ip), (3, Ip), (4, Asked)],
                Some(Asked),
                Some(Ip),
                None,
            ),
            ("one says it again", &[(1, Asked), (2, Ip), (1, Asked)], Some(Asked), Some(Ip), None),
        ] {
            let mut preference = Preference::default();
            for (port, preferred) in told {
                preference.note(&at(*port), *preferred);
            }
            let found = [1, 2, 9].map(|port| preference.of(&at(port)));
            assert_eq!(found, [of_1, of_2, of_9], "{name}");
        }
    }
}
