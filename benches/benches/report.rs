//! Ratios of what criterion measured.

#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::path::PathBuf;

/// What is compared: group, ours, theirs, and what the ratio of their times means.
const RATIOS: &[(&str, &str, &str, &str)] = &[
    ("load", "athena", "moka", "a cold key takes this many times moka's `try_get_with`"),
    (
        "hit",
        "set",
        "plain",
        "a hit where settings of functions are in force, against one where there are none",
    ),
    (
        "hit",
        "counting alone",
        "plain",
        "what counting a hit takes, its place in the sample included, against the whole hit",
    ),
    ("hit", "grouped", "plain", "a hit of a function that is `grouped`, against one that is not"),
    ("hit", "blocking", "plain", "a hit of a function that is not `async`, against one that is"),
    (
        "encode",
        "product, watched",
        "product, plain",
        "a struct is written under watch in this times postcard alone",
    ),
    ("encode", "bytes, watched", "bytes, plain", "a `Vec<u8>`, likewise"),
    ("encode", "enums, watched", "enums, plain", "a list of small enums, likewise"),
    ("encode", "product in JSON, watched", "product in JSON, plain", "a struct in JSON, likewise"),
    (
        "encode",
        "left out in JSON, watched",
        "left out in JSON, plain",
        "a struct in JSON that leaves a field out, and is tried",
    ),
];

/// Prints every ratio whose two sides were measured.
pub(crate) fn print() {
    println!();
    for (group, ours, theirs, meaning) in RATIOS {
        if let (Some(ours), Some(theirs)) = (median(group, ours), median(group, theirs)) {
            println!("{:.2}  {meaning}", ours / theirs);
        }
    }
}

/// The median time that criterion wrote down.
fn median(group: &str, function: &str) -> Option<f64> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let estimates = workspace.join(target).join("criterion").join(group).join(function);
    let text = std::fs::read_to_string(estimates.join("new/estimates.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    json["median"]["point_estimate"].as_f64()
}
