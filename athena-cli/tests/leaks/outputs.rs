//! Everything that was said, who reads it, and what is found in it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use athena_cache::Cache;
use athena_cache_observe::prometheus::Exposition;
use serde::Serialize;

use super::needles::{Needles, Reader};

/// Characters of a text that are shown where it holds a needle.
const SHOWN: usize = 2_000;

/// What was said, each with the place where it was and who reads it there.
#[derive(Debug, Default)]
pub struct Outputs(Vec<(String, Reader, String)>);

impl Outputs {
    pub fn add(&mut self, place: impl Into<String>, reader: Reader, text: impl Into<String>) {
        self.0.push((place.into(), reader, text.into()));
    }

    /// As errors and `Debug` show it.
    pub fn show(&mut self, place: &str, reader: Reader, shown: &dyn Debug) {
        self.add(place, reader, format!("{shown:?} {shown:#?}"));
    }

    /// As JSON.
    pub fn write(&mut self, place: &str, reader: Reader, written: &impl Serialize) {
        self.add(place, reader, serde_json::to_string(written).expect("it can be written"));
    }

    /// That no reader finds in it what they may not know.
    pub fn assert_holds_none(&self, needles: &Needles, who: &dyn Debug) {
        let found = self.0.iter().filter_map(|(place, reader, text)| {
            let what = needles.found_in(text, *reader)?;
            let line = text.lines().find(|line| needles.found_in(line, *reader).is_some());
            let text: String = line.unwrap_or(text).chars().take(SHOWN).collect();
            Some(format!("{what} in {place}: {text}"))
        });
        let found: Vec<_> = found.take(5).collect();
        assert!(found.is_empty(), "{who:?}:\n{}", found.join("\n"));
    }

    /// That none of these places was forgotten, or silent.
    pub fn assert_said(&self, places: &[&str]) {
        let said = self.0.iter().filter(|(_, _, text)| !text.is_empty());
        let said: BTreeSet<_> = said.filter_map(|(place, _, _)| place.split(' ').next()).collect();
        for place in places {
            assert!(said.contains(place), "nothing was said in `{place}`, only in {said:?}");
        }
    }
}

/// What the cache says to the program that it is part of.
pub async fn of_the_cache(cache: &Cache, outputs: &mut Outputs) {
    use Reader::{Anyone, Operator};
    outputs.show("cache", Operator, cache);
    outputs.show("cache settings", Operator, &cache.sites());
    let report = cache.report();
    outputs.show("report", Operator, &report);
    outputs.write("report as JSON", Operator, &report);
    outputs.add(
        "metrics of Prometheus",
        Anyone,
        Exposition::new().render(std::slice::from_ref(&report)),
    );
    outputs.add("metrics of nodes", Operator, Exposition::new().endpoints(true).render(&[report]));
    let status = cache.status().await;
    outputs.show("status", Operator, &status);
    outputs.write("status as JSON", Operator, &status);
    outputs.write("status without details", Anyone, &status.without_details());
    let health = cache.health_checks().report().await;
    outputs.show("health", Operator, &health);
    outputs.write("health as JSON", Operator, &*health);
    outputs.write("health in neutral form", Operator, &health.neutral());
    let less = athena_cache::HealthReport::clone(&health).without_details();
    outputs.write("health without details", Anyone, &less);
    outputs.show("history", Anyone, &cache.history());
    outputs.write("history as JSON", Anyone, &cache.history());
    outputs.show("timeline", Operator, &cache.timeline());
    outputs.write("timeline as JSON", Operator, &cache.timeline());
    outputs.show("fleet", Operator, &cache.fleet().await);
}
