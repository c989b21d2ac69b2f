//! What a report counts, one figure by one, for facades that take figures.
//!
//! Invariant: names, labels and values are those of the text for Prometheus; histograms are not among them, since no
//! facade takes finished ones, and nothing tells of a single node by its address.

use athena_cache_core::Report;

use crate::families::{Detail, Sample, families};

/// One number of a report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// As in the text for Prometheus, without `athena_cache_`.
    pub(crate) name: &'static str,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: Value,
}

/// What kind of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// It only grows.
    Counter(u64),
    Gauge(f64),
}

/// All figures of a report.
pub(crate) fn figures(report: &Report) -> Vec<Figure> {
    let mut figures = Vec::new();
    for family in families() {
        family.tell(report, Detail::Together, &mut |labels, sample| {
            let value = match sample {
                Sample::Count(count) => Value::Counter(count),
                Sample::Level(level) => Value::Gauge(level),
                Sample::Distribution(_) => return,
            };
            let labels =
                labels.iter().map(|(label, value)| (*label, (*value).to_owned())).collect();
            figures.push(Figure { name: family.name, labels, value });
        });
    }
    figures
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use athena_cache_core::Cache;
    use athena_cache_core::backend::Class;
    use athena_cache_core::testing::{ChaosBackend, Fault, MemoryBackend};

    use super::*;
    use crate::prometheus::Exposition;

    #[tokio::test]
    async fn each_figure_is_what_prometheus_is_told_and_all_but_histograms_are_there() {
        let backend = ChaosBackend::new(MemoryBackend::new(), 1);
        let chaos = backend.chaos();
        let cache = Cache::builder("shop").backend(backend).build().unwrap();
        for number in 0..3 {
            cache.entry("a").get_or_load(async || Ok::<_, std::io::Error>(number)).await.unwrap();
            cache.settle().await;
        }
        chaos.always(Fault::Error(Class::Unreachable));
        let _ = cache.invalidate("a").await;
        cache.health_checks().report().await;
        let report = cache.report();
        let text = Exposition::new().render(std::slice::from_ref(&report));
        let figures = figures(&report);
        for Figure { name, labels, value } in &figures {
            let labels: Vec<_> =
                labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            let value = match value {
                Value::Counter(count) => count.to_string(),
                Value::Gauge(value) => value.to_string(),
            };
            let line = format!("athena_cache_{name}{{{}}} {value}\n", labels.join(","));
            assert!(text.contains(&line), "{line} in {text}");
        }
        let names: BTreeSet<_> = figures.iter().map(|figure| figure.name).collect();
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE athena_cache_"));
        let families = families.filter_map(|line| line.split_once(' '));
        let rest: BTreeSet<_> =
            families.filter(|(_, kind)| *kind != "histogram").map(|(name, _)| name).collect();
        assert_eq!(names, rest);
    }
}
