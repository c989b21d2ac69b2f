//! Which functions name entries of a cache by hand.
//!
//! Invariant: two functions whose keys may meet, or two instances of a generic one, both name entries
//! of one cache only if all of them say `shared`. Whoever comes first stays.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::part::{KeyPart, may_meet};
use crate::lock::RwLock;

/// A function, or one instance of a generic one, that names its entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// What tells functions apart, such as the address of a static.
    pub(crate) function: usize,
    pub(crate) name: &'static str,
    pub(crate) key: &'static [KeyPart],
    pub(crate) shared: bool,
    /// What tells the instances of a function apart.
    pub(crate) instance: &'static str,
}

/// What has a claim already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// By the function of this name.
    ByFunction(&'static str),
    /// By this instance of the same function.
    ByInstance(&'static str),
}

/// What a claim came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    Granted,
    Refused,
    /// Refused for the first time.
    RefusedNow(Taken),
}

/// The claims on the entries of one cache.
#[derive(Debug)]
pub(crate) struct Claims {
    /// The number of the cache, never used twice.
    pub(crate) cache: u64,
    decided: RwLock<Rulings>,
}

#[derive(Debug, Default)]
struct Rulings {
    granted: Vec<Claim>,
    /// Whether a function and its instance got what they claimed.
    known: HashMap<(usize, &'static str), bool>,
}

impl Claims {
    pub(crate) fn new() -> Self {
        static CACHES: AtomicU64 = AtomicU64::new(0);
        let cache = CACHES.fetch_add(1, Ordering::Relaxed);
        Self { cache, decided: RwLock::default() }
    }

    /// Decides once; later answers are the same.
    pub(crate) fn decide(&self, claim: &Claim) -> Ruling {
        let who = (claim.function, claim.instance);
        if let Some(granted) = self.decided.read().known.get(&who) {
            return Ruling::again(*granted);
        }
        let mut decided = self.decided.write();
        if let Some(granted) = decided.known.get(&who) {
            return Ruling::again(*granted);
        }
        let taken = decided.granted.iter().find_map(|other| claim.taken_by(other));
        decided.known.insert(who, taken.is_none());
        if let Some(taken) = taken {
            return Ruling::RefusedNow(taken);
        }
        decided.granted.push(*claim);
        Ruling::Granted
    }
}

impl Ruling {
    fn again(granted: bool) -> Self {
        if granted { Self::Granted } else { Self::Refused }
    }
}

impl Claim {
    fn taken_by(&self, other: &Self) -> Option<Taken> {
        if (self.shared && other.shared) || !may_meet(self.key, other.key) {
            return None;
        }
        Some(if self.function == other.function {
            Taken::ByInstance(other.instance)
        } else {
            Taken::ByFunction(other.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[KeyPart] = &[KeyPart::Text("same:"), KeyPart::Value];
    const OTHER: &[KeyPart] = &[KeyPart::Text("other:"), KeyPart::Value];

    fn claim(function: usize, instance: &'static str) -> Claim {
        Claim { function, name: ["a", "b", "c"][function], key: KEY, shared: false, instance }
    }

    fn shared(function: usize) -> Claim {
        Claim { shared: true, ..claim(function, "") }
    }

    #[test]
    fn the_second_function_of_a_key_is_refused_and_told_once() {
        let claims = Claims::new();
        assert_eq!(claims.decide(&claim(0, "")), Ruling::Granted);
        assert_eq!(claims.decide(&claim(1, "")), Ruling::RefusedNow(Taken::ByFunction("a")));
        assert_eq!(claims.decide(&claim(1, "")), Ruling::Refused);
        assert_eq!(claims.decide(&claim(0, "")), Ruling::Granted);
        let elsewhere = Claim { key: OTHER, ..claim(2, "") };
        assert_eq!(claims.decide(&elsewhere), Ruling::Granted);
    }

    #[test]
    fn the_second_instance_of_a_function_is_refused() {
        let claims = Claims::new();
        assert_eq!(claims.decide(&claim(0, "f<A>")), Ruling::Granted);
        let taken = Taken::ByInstance("f<A>");
        assert_eq!(claims.decide(&claim(0, "f<B>")), Ruling::RefusedNow(taken));
    }

    #[test]
    fn all_have_to_say_that_they_share() {
        let claims = Claims::new();
        assert_eq!(claims.decide(&shared(0)), Ruling::Granted);
        assert_eq!(claims.decide(&shared(1)), Ruling::Granted);
        let taken = Taken::ByFunction("a");
        assert_eq!(claims.decide(&claim(2, "")), Ruling::RefusedNow(taken));
    }

    #[test]
    fn every_cache_decides_for_itself() {
        let (one, other) = (Claims::new(), Claims::new());
        assert_ne!(one.cache, other.cache);
        assert_eq!(one.decide(&claim(0, "")), Ruling::Granted);
        assert_eq!(other.decide(&claim(1, "")), Ruling::Granted);
    }
}
