//! Times and sizes for people.

use std::time::Duration;

/// As `1.5 MiB`.
pub(crate) use athena_cache_core::size::shown as size;

/// What is not known.
pub(crate) const UNKNOWN: &str = "?";

/// Two units at most, as `3m 20s`.
pub(crate) fn time(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let seconds = time.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = parts[first..].iter().take(2).filter(|(count, _)| *count > 0);
    shown.map(|(count, unit)| format!("{count}{unit}")).collect::<Vec<_>>().join(" ")
}

/// Something, or that it is not known.
pub(crate) fn or_unknown<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (seconds, shown) in [
            (0.0, "0ms"),
            (0.25, "250ms"),
            (1.0, "1s"),
            (200.0, "3m 20s"),
            (3600.0, "1h"),
            (90_061.0, "1d 1h"),
        ] {
            assert_eq!(time(Duration::from_secs_f64(seconds)), shown);
        }
    }
}
