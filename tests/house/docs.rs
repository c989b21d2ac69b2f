//! What the docs name exists.

use std::path::Path;

const DOCS: [&str; 9] = [
    "ARCHITECTURE.md",
    "SECURITY.md",
    "docs/protocol.md",
    "docs/words.md",
    "docs/coherence.md",
    "docs/high-availability.md",
    "docs/values.md",
    "docs/options.md",
    "docs/monitoring.md",
];

/// Where a path in the docs may begin.
const ROOTS: [&str; 7] = [
    "",
    "athena-core/src",
    "athena-redis/src",
    "athena-redis",
    "athena-macros/src",
    "tests",
    "docs",
];

#[test]
fn every_file_that_the_docs_name_exists() {
    let mut faults = Vec::new();
    for doc in DOCS {
        for quoted in quoted(&crate::read(doc)) {
            let is_file = [".rs", ".lua", ".md", ".toml"].iter().any(|end| quoted.ends_with(end));
            let is_path = quoted.chars().all(|it| it.is_alphanumeric() || "/._-{},".contains(it));
            if !(is_file && is_path) {
                continue;
            }
            for path in spread(&quoted) {
                let exists = |root: &&str| crate::root().join(root).join(Path::new(&path)).exists();
                if !ROOTS.iter().any(exists) {
                    faults.push(format!("{doc}: `{path}`"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "these are not there:\n{}", faults.join("\n"));
}

/// Rules name the items that keep them, each behind its file.
#[test]
fn every_item_that_keeps_a_rule_stands_in_its_file() {
    let (mut faults, mut met) = (Vec::new(), 0);
    for part in parts_after("**Kept in.**") {
        let mut code = String::new();
        for quoted in quoted(&part) {
            if [".rs", ".lua"].iter().any(|end| quoted.ends_with(end)) {
                code = spread(&quoted).iter().map(|path| source_of(path)).collect();
                continue;
            }
            let item = quoted.rsplit("::").next().unwrap_or(&quoted);
            for item in item.trim_matches(['{', '}']).split(',') {
                met += 1;
                let is_there = ["fn ", "struct ", "enum ", "const "].iter().any(|kind| {
                    let is_whole = |rest: &str| {
                        !rest.starts_with(|it: char| it.is_alphanumeric() || it == '_')
                    };
                    code.split(&format!("{kind}{item}")).skip(1).any(is_whole)
                });
                if !is_there {
                    faults.push(format!("`{item}` of `{quoted}`"));
                }
            }
        }
    }
    assert!(met > 60, "only {met} items are named: has the form of the page changed?");
    assert!(faults.is_empty(), "these stand elsewhere:\n{}", faults.join("\n"));
}

/// The text of a file of either crate.
fn source_of(path: &str) -> String {
    let roots = ["athena-core/src", "athena-redis/src", "athena-redis"];
    let paths = roots.iter().map(|root| crate::root().join(root).join(path));
    paths.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// Rules name the tests that show them; long names are cut off by `…`.
#[test]
fn every_test_that_the_protocol_names_exists() {
    let mut code = String::new();
    for folder in ["tests", "athena-core", "athena-redis"] {
        gather(&crate::root().join(folder), &mut code);
    }
    let (mut faults, mut met) = (Vec::new(), 0);
    for text in parts_after("**Shown by.**") {
        for word in text.split(|it: char| !it.is_alphanumeric() && it != '_' && it != '…') {
            let name = word.trim_end_matches('…');
            let end = if word.ends_with('…') { "" } else { "(" };
            if name.matches('_').count() >= 3 {
                met += 1;
                if !code.contains(&format!("fn {name}{end}")) {
                    faults.push(word.to_owned());
                }
            }
        }
    }
    assert!(met > 40, "only {met} tests are named: has the form of the page changed?");
    assert!(faults.is_empty(), "there are no such tests: {}", faults.join(", "));
}

/// What the protocol says behind each of its headings of that kind.
fn parts_after(heading: &str) -> Vec<String> {
    let protocol = crate::read("docs/protocol.md");
    let parts = protocol.split(heading).skip(1);
    let end = |part: &str| {
        let ends = ["\n#", "\n* **"].iter().filter_map(|end| part.find(end)).min();
        part[..ends.unwrap_or(part.len())].to_owned()
    };
    parts.map(end).collect()
}

fn gather(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// What stands in single backticks.
fn quoted(text: &str) -> Vec<String> {
    let mut is_fenced = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    });
    let prose: Vec<_> = prose.collect();
    let prose = prose.join(" ");
    assert!(prose.matches('`').count().is_multiple_of(2), "a backtick without its other");
    prose.split('`').skip(1).step_by(2).map(|part| part.replace(' ', "")).collect()
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn spread(path: &str) -> Vec<String> {
    match (path.split_once('{'), path.rsplit_once('}')) {
        (Some((before, _)), Some((_, after))) => {
            let inside = &path[before.len() + 1..path.len() - after.len() - 1];
            inside.split(',').map(|part| format!("{before}{part}{after}")).collect()
        }
        _ => vec![path.to_owned()],
    }
}
