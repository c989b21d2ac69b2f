//! Times, sizes and shares for people.

use std::time::Duration;

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

/// As `1.5 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut shown = bytes as f64;
    while shown >= 1024.0 && unit + 1 < UNITS.len() {
        shown /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && shown < 100.0);
    format!("{shown:.digits$} {}", UNITS[unit])
}

/// Something, or that it is not known.
pub(crate) fn or_unknown<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_short() {
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
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (500 << 20, "500 MiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
