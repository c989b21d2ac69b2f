//! The grammar of the text.
//!
//! Invariant: a family is announced once, before its samples, and left out without any; values of labels are escaped.

use std::fmt::{self, Display, Write as _};

use athena_cache_core::Distribution;

const PREFIX: &str = "athena_cache_";

/// Text under construction.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// What the samples of a family are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A family under construction.
pub(super) struct Family<'t> {
    text: &'t mut String,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    is_announced: bool,
}

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Text {
    /// Begins a family; `help` is one line.
    pub(super) fn family(
        &mut self,
        kind: Kind,
        name: &'static str,
        help: &'static str,
    ) -> Family<'_> {
        Family { text: &mut self.0, name, kind, help, is_announced: false }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl Family<'_> {
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.write("", labels, None, value);
    }

    pub(super) fn distribution(&mut self, labels: Labels<'_>, of: &Distribution) {
        let mut counted = 0;
        for (bound, count) in &of.buckets {
            counted += count;
            self.write("_bucket", labels, Some(&bound.to_string()), counted);
        }
        self.write("_bucket", labels, Some("+Inf"), of.count);
        self.write("_sum", labels, None, of.sum);
        self.write("_count", labels, None, of.count);
    }

    fn write(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        bound: Option<&str>,
        value: impl Display,
    ) {
        let name = self.name;
        if !self.is_announced {
            self.is_announced = true;
            let kind = match self.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            put(self.text, format_args!("# HELP {PREFIX}{name} {}\n", self.help));
            put(self.text, format_args!("# TYPE {PREFIX}{name} {kind}\n"));
        }
        put(self.text, format_args!("{PREFIX}{name}{suffix}{{"));
        let labels = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        for (place, (label, value)) in labels.enumerate() {
            let comma = if place == 0 { "" } else { "," };
            put(self.text, format_args!("{comma}{label}=\"{}\"", Escaped(value)));
        }
        put(self.text, format_args!("}} {value}\n"));
    }
}

fn put(text: &mut String, part: fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(part);
}

/// The value of a label.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_announced_once_and_not_at_all_without_samples() {
        let mut text = Text::default();
        text.family(Kind::Gauge, "nothing", "None.");
        let mut family = text.family(Kind::Counter, "calls_total", "Calls.");
        family.sample(&[("cache", "a\\b"), ("site", "say \"hi\"\nthere")], 3);
        family.sample(&[("cache", "b"), ("site", "x")], 0.5);
        let expected = "# HELP athena_cache_calls_total Calls.\n\
                        # TYPE athena_cache_calls_total counter\n\
                        athena_cache_calls_total{cache=\"a\\\\b\",site=\"say \\\"hi\\\"\\nthere\"} 3\n\
                        athena_cache_calls_total{cache=\"b\",site=\"x\"} 0.5\n";
        assert_eq!(text.into_string(), expected);
    }
}
