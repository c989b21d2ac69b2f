//! One name, one thing.

use std::collections::BTreeMap;

use crate::CRATES;
use crate::source::{self, File};

/// Names that are defined twice in a crate, and why that is right.
const ACCEPTED: &[(&str, &str, &str)] = &[
    ("athena-core", "Ask", "that of `private` is what expansions see of the engine's"),
    ("athena-redis", "Tls", "one for each state of the feature `tls`"),
];

#[test]
fn no_type_name_stands_for_two_things_in_a_crate() {
    let (mut faults, mut met) = (Vec::new(), 0);
    for krate in CRATES {
        let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in source::files(krate) {
            for name in types_in(&file) {
                defined.entry(name).or_default().push(file.path.clone());
            }
        }
        let types: usize = defined.values().map(Vec::len).sum();
        println!("{krate}: {types} types with {} names", defined.len());
        defined.retain(|_, files| files.len() > 1);
        for (name, files) in defined {
            match ACCEPTED.iter().find(|(of, accepted, _)| *of == krate && *accepted == name) {
                Some((.., reason)) => {
                    met += 1;
                    println!("  {name} twice, accepted: {reason}");
                }
                None => faults.push(format!("{krate}: `{name}` in {}", files.join(", "))),
            }
        }
    }
    assert_eq!(met, ACCEPTED.len(), "what is accepted is there");
    assert!(faults.is_empty(), "defined more than once:\n{}", faults.join("\n"));
}

/// The types that a file defines, those in modules of its own included.
fn types_in(file: &File) -> impl Iterator<Item = String> {
    file.lines.iter().filter_map(|line| {
        let is_inside = line.starts_with(' ');
        let line = line.trim_start();
        let is_public = line.starts_with("pub");
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let line =
            line.strip_prefix("pub(").and_then(|it| it.split_once(") ")).map_or(line, |it| it.1);
        let (kind, rest) = line.split_once(' ')?;
        let is_type = matches!(kind, "struct" | "enum" | "trait" | "union" | "type");
        let name = rest.split(|it: char| !it.is_alphanumeric() && it != '_').next()?;
        // What stands inside and is not public belongs to a function or an impl.
        let is_named = name.starts_with(char::is_uppercase) && (is_public || !is_inside);
        (is_type && is_named).then(|| name.to_owned())
    })
}
