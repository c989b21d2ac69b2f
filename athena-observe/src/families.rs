//! What is told of a report: each family with its name, its unit, what it is, and its values, in this one place.
//!
//! Prometheus is told all of them; facades, which take no finished histograms, the others. Invariant: whoever writes them
//! adds nothing of their own, so that what one system is told the others are told as well.

mod backend;
mod calls;
mod entries;
mod nodes;
mod regions;

use athena_cache_core::{Distribution, Report};

/// All that is told of one thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    /// Without `athena_cache_`.
    pub(crate) name: &'static str,
    /// Of OpenTelemetry: what is counted in things is annotated and not `1`, which exporters take for a ratio.
    #[cfg_attr(not(feature = "opentelemetry"), allow(dead_code, reason = "for instruments"))]
    pub(crate) unit: &'static str,
    /// One line.
    pub(crate) help: &'static str,
    pub(crate) values: Values,
}

/// Where values stand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values {
    /// A number that only grows.
    Count(fn(&Report) -> u64),
    /// Several of them.
    Counts(fn(&Report, Detail, &mut Samples<'_, u64>)),
    /// A number that goes up and down, if it is known.
    Level(fn(&Report) -> Option<f64>),
    /// Several of them.
    Levels(fn(&Report, Detail, &mut Samples<'_, f64>)),
    /// How often something was how large.
    Distributions(fn(&Report, Detail, &mut Samples<'_, Distribution>)),
}

/// How much is told of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Nothing of single ones.
    Together,
    /// Each by its address.
    Endpoints,
}

/// One of its values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sample<'a> {
    Count(u64),
    Level(f64),
    Distribution(&'a Distribution),
}

/// Names and values of labels.
pub(crate) type Labels<'a> = &'a [(&'static str, &'a str)];

/// Where values go, each with its labels, of which the first is the cache.
pub(crate) struct Samples<'w, V> {
    cache: &'w str,
    write: &'w mut dyn FnMut(Labels<'_>, &V),
}

impl<V> Samples<'_, V> {
    pub(crate) fn add(&mut self, labels: Labels<'_>, value: &V) {
        let all: Vec<_> =
            [("cache", self.cache)].into_iter().chain(labels.iter().copied()).collect();
        (self.write)(&all, value);
    }
}

impl Family {
    /// Hands over what a report has of it.
    pub(crate) fn tell(
        &self,
        report: &Report,
        detail: Detail,
        write: &mut dyn FnMut(Labels<'_>, Sample<'_>),
    ) {
        let cache = report.cache.as_str();
        match self.values {
            Values::Count(of) => write(&[("cache", cache)], Sample::Count(of(report))),
            Values::Level(of) => {
                if let Some(level) = of(report) {
                    write(&[("cache", cache)], Sample::Level(level));
                }
            }
            Values::Counts(of) => {
                let write: &mut dyn FnMut(Labels<'_>, &u64) =
                    &mut |labels, count| write(labels, Sample::Count(*count));
                of(report, detail, &mut Samples { cache, write });
            }
            Values::Levels(of) => {
                let write: &mut dyn FnMut(Labels<'_>, &f64) =
                    &mut |labels, level| write(labels, Sample::Level(*level));
                of(report, detail, &mut Samples { cache, write });
            }
            Values::Distributions(of) => {
                let write: &mut dyn FnMut(Labels<'_>, &Distribution) =
                    &mut |labels, of| write(labels, Sample::Distribution(of));
                of(report, detail, &mut Samples { cache, write });
            }
        }
    }
}

/// All of them, in the order in which they are written.
pub(crate) fn families() -> impl Iterator<Item = &'static Family> {
    [calls::FAMILIES, entries::FAMILIES, backend::FAMILIES, nodes::FAMILIES, regions::FAMILIES]
        .into_iter()
        .flatten()
}

/// These systems count in floating point.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is beyond 53 bits is no longer counted one by one"
)]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_family_is_told_once() {
        let names: Vec<_> = families().map(|family| family.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    }
}
