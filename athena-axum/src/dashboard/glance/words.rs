//! Figures as people read them.

/// A share as percent; all and nothing are only said of all and nothing.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent <= 0.0 => "0 %".to_owned(),
        _ if percent >= 100.0 => "100 %".to_owned(),
        _ if percent < 0.1 => "under 0.1 %".to_owned(),
        _ if percent > 99.9 => "over 99.9 %".to_owned(),
        _ if !(10.0..=99.0).contains(&percent) => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// How many of something.
pub(super) fn count(number: u64, word: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {word}{end}", grouped(number))
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let comma = |place: usize| place > 0 && (digits.len() - place).is_multiple_of(3);
    let with_commas = digits
        .char_indices()
        .flat_map(|(place, digit)| comma(place).then_some(',').into_iter().chain([digit]));
    with_commas.collect()
}

/// How long, in seconds, as one figure.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds < 10.0 => format!("{seconds:.1} s"),
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ => format!("{:.0} min", seconds / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_people_read_them() {
        assert_eq!(
            (count(1, "call"), count(1_234_567, "call")),
            ("1 call".into(), "1,234,567 calls".into())
        );
        assert_eq!(
            [0.0, 0.0004, 0.025, 0.5, 0.995, 0.99999, 1.0].map(percent),
            ["0 %", "under 0.1 %", "2.5 %", "50 %", "99.5 %", "over 99.9 %", "100 %"]
        );
        assert_eq!([0.5, 59.7, 600.0].map(seconds), ["0.5 s", "60 s", "10 min"]);
    }
}
