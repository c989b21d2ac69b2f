//! The names of several readers as one question, and its answer as what each of them gets.
//!
//! Invariant: each name is asked for once, and each reader gets what is under its own names.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::backend::{Failure, Found, Generation, Proof, Stored};
use crate::key::name::GenerationName;

/// What of an answer is for one who has asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::remote) struct ReadShare {
    pub(in crate::remote) value: Option<Stored>,
    pub(in crate::remote) generations: SmallVec<[Option<Generation>; 2]>,
    pub(in crate::remote) proof: Option<Proof>,
}

/// What those were told who asked together.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) failure: Failure,
    /// Whether there were several.
    pub(super) by_several: bool,
}

impl ReadShare {
    /// All of an answer about one value.
    pub(super) fn of_one(Found { mut values, generations, proof }: Found) -> Self {
        Self { value: values.pop().flatten(), generations: generations.into(), proof }
    }
}

/// The names of a batch, each once.
#[derive(Default)]
pub(super) struct BatchNames<'n> {
    pub(super) values: Vec<&'n str>,
    pub(super) generations: Vec<&'n str>,
    pub(super) value_places: HashMap<&'n str, usize, foldhash::fast::RandomState>,
    pub(super) generation_places: HashMap<&'n str, usize, foldhash::fast::RandomState>,
    /// Where what each reader wants is, in the order of the readers.
    wanted: Vec<(usize, SmallVec<[usize; 3]>)>,
    /// How many readers want each value.
    wishes: Vec<usize>,
}

impl<'n> BatchNames<'n> {
    /// Room for those of so many readers.
    pub(super) fn of(readers: usize) -> Self {
        let (values, wanted) = (Vec::with_capacity(readers), Vec::with_capacity(readers));
        let value_places = HashMap::with_capacity_and_hasher(readers, <_>::default());
        Self { values, value_places, wanted, ..Self::default() }
    }

    pub(super) fn add(&mut self, value: &'n str, generations: &'n [GenerationName]) {
        let value = *self.value_places.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.wishes.push(0);
            self.values.len() - 1
        });
        self.wishes[value] += 1;
        let mut place = |name: &'n str| {
            // Mostly all want that of the namespace, and have it from one place.
            if self.generations.first().is_some_and(|first| std::ptr::eq(*first, name)) {
                return 0;
            }
            *self.generation_places.entry(name).or_insert_with(|| {
                self.generations.push(name);
                self.generations.len() - 1
            })
        };
        let generations = generations.iter().map(|name| place(name)).collect();
        self.wanted.push((value, generations));
    }

    /// What each reader gets of what was found, in their order.
    pub(super) fn shares(mut self, found: Found) -> Vec<Result<ReadShare, Shared>> {
        let Found { mut values, generations, proof } = found;
        let mut share = |(value, wanted): (usize, SmallVec<[usize; 3]>)| {
            self.wishes[value] -= 1;
            let stored = values.get_mut(value);
            let value = match self.wishes[value] {
                0 => stored.and_then(Option::take),
                _ => stored.and_then(|stored| stored.clone()),
            };
            let generations =
                wanted.into_iter().map(|place| generations.get(place).copied().flatten());
            Ok(ReadShare { value, generations: generations.collect(), proof })
        };
        std::mem::take(&mut self.wanted).into_iter().map(&mut share).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_value_is_asked_for_once_and_each_reader_gets_its_own() {
        let generation = Generation::new;
        let names: Vec<(&str, Vec<GenerationName>)> = vec![
            ("a", vec!["all".into()]),
            ("b", vec!["all".into(), "tag".into()]),
            ("a", vec!["tag".into()]),
        ];
        let mut batch = BatchNames::default();
        for (value, generations) in &names {
            batch.add(value, generations);
        }
        assert_eq!((&*batch.values, &*batch.generations), (&["a", "b"][..], &["all", "tag"][..]));
        let stored = |byte| Some(Stored { bytes: vec![byte], remaining: Duration::from_secs(1) });
        let found = Found {
            values: vec![stored(1), None],
            generations: vec![Some(generation(7)), None],
            proof: None,
        };
        let shares: Vec<_> = batch.shares(found).into_iter().map(Result::unwrap).collect();
        let expected = [
            (stored(1), vec![Some(generation(7))]),
            (None, vec![Some(generation(7)), None]),
            (stored(1), vec![None]),
        ];
        for (share, (value, generations)) in shares.into_iter().zip(expected) {
            let generations = generations.into();
            assert_eq!(share, ReadShare { value, generations, proof: None });
        }
    }
}
