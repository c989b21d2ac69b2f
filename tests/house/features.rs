//! Features: what the docs list is what the manifests have, and each is compiled alone.

use std::collections::BTreeSet;

/// Where the features of a crate are listed; those of others are reached through these.
const LISTS: [(&str, &str); 5] = [
    ("Cargo.toml", "README.md"),
    ("Cargo.toml", "src/lib.rs"),
    ("athena-axum/Cargo.toml", "athena-axum/src/lib.rs"),
    ("athena-observe/Cargo.toml", "athena-observe/src/lib.rs"),
    ("athena-redis/Cargo.toml", "athena-redis/src/lib.rs"),
];

/// Crates with features.
const MANIFESTS: [&str; 5] = [
    "Cargo.toml",
    "athena-axum/Cargo.toml",
    "athena-core/Cargo.toml",
    "athena-observe/Cargo.toml",
    "athena-redis/Cargo.toml",
];

/// For tests of this repository.
const OURS: &str = "fuzzing";

#[test]
fn a_list_of_features_has_those_of_the_manifest_and_no_other() {
    let mut faults = Vec::new();
    for (manifest, list) in LISTS {
        let toml = Manifest::read(manifest);
        let wanted = toml.features.iter().filter(|it| *it != OURS);
        let wanted: BTreeSet<_> =
            wanted.map(|it| (it.clone(), toml.defaults.contains(it))).collect();
        let listed = listed(list);
        for (feature, is_default) in wanted.difference(&listed) {
            faults.push(format!("{list} lacks `{feature}` (by default: {is_default})"));
        }
        for (feature, _) in listed.difference(&wanted) {
            faults.push(format!("{list} has `{feature}`, {manifest} says something else"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_feature_is_compiled_alone() {
    let script = crate::read("scripts/features");
    let mut faults = Vec::new();
    for manifest in MANIFESTS {
        let toml = Manifest::read(manifest);
        let line =
            script.lines().find_map(|line| line.strip_prefix(&format!("alone {} ", toml.name)));
        let alone: BTreeSet<_> = line.unwrap_or_default().split(' ').map(str::to_owned).collect();
        if alone != toml.features {
            faults.push(format!("{}: {alone:?}, in its manifest {:?}", toml.name, toml.features));
        }
    }
    assert!(faults.is_empty(), "scripts/features:\n{}", faults.join("\n"));
}

/// What a manifest says of features.
#[derive(Debug)]
struct Manifest {
    name: String,
    /// All but `default`.
    features: BTreeSet<String>,
    defaults: BTreeSet<String>,
}

impl Manifest {
    fn read(path: &str) -> Self {
        let toml: toml::Table = crate::read(path).parse().expect("a manifest");
        let features = toml["features"].as_table().expect("a table of features");
        let default = features.get("default").and_then(toml::Value::as_array);
        let defaults = default.into_iter().flatten().filter_map(toml::Value::as_str);
        Self {
            name: toml["package"]["name"].as_str().expect("a name").to_owned(),
            features: features.keys().filter(|it| *it != "default").cloned().collect(),
            defaults: defaults.map(str::to_owned).collect(),
        }
    }
}

/// The first column of a table of features, and whether it says that one is there by default.
fn listed(path: &str) -> BTreeSet<(String, bool)> {
    let text = crate::read(path);
    let lines = text.lines().map(|line| line.trim_start_matches("//!").trim());
    let rows = lines.skip_while(|line| !line.starts_with("| feature |")).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    assert!(!rows.is_empty(), "{path} has no table of features");
    let features = rows.iter().filter_map(|row| {
        let first = row.split('|').nth(1)?;
        Some((first.split('`').nth(1)?.to_owned(), first.contains("(default)")))
    });
    features.collect()
}
