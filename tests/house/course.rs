//! The examples are a course: each is in its list, and is run or says why not.

use std::collections::BTreeSet;

#[test]
fn every_example_is_in_the_course_and_is_run_or_says_what_it_needs() {
    let folder = std::fs::read_dir(crate::root().join("examples")).expect("the examples");
    let names = folder.map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned());
    let names: BTreeSet<_> = names
        .filter(|name| name != "README.md")
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect();
    let (course, script) = (crate::read("examples/README.md"), crate::read(".ci/run"));
    let rows = course.lines().filter_map(|line| line.split_once("| `")?.1.split_once('`'));
    let rows: Vec<_> = rows.collect();
    let listed: BTreeSet<_> = rows.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed, names, "examples/README.md lists what is there");
    let words: BTreeSet<_> = script.split([' ', ';', '\n']).collect();
    let idle = rows.iter().filter(|(name, row)| {
        let says_why = row.contains("needs") || row.contains("its tests run it");
        !words.contains(name) && !says_why
    });
    let idle: Vec<_> = idle.map(|(name, _)| name).collect();
    assert!(idle.is_empty(), ".ci/run runs none of these, and they do not say why: {idle:?}");
}
