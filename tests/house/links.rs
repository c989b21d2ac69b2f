//! Links lead somewhere: between the pages, to headings, and in rustdoc, where the same pages are modules.

use std::collections::{BTreeMap, BTreeSet};

use crate::markdown::{self, Page};

/// Most lines of a page.
const LONGEST: usize = 250;

#[test]
fn a76_every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let (mut faults, mut met) = (Vec::new(), 0);
    for path in markdown::paths() {
        let page = Page::read(&path);
        for link in page.links().filter(|link| !link.contains("://")) {
            met += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let file = if file.is_empty() { path.clone() } else { markdown::beside(&path, file) };
            if !crate::root().join(&file).exists() {
                faults.push(format!("{path}: `{link}`: there is no file {file}"));
            } else if !anchor.is_empty() && !Page::read(&file).anchors().contains(anchor) {
                faults.push(format!("{path}: `{link}`: {file} has no such heading"));
            }
        }
        faults.extend(
            page.undefined().map(|label| format!("{path}: nobody says where [{label}] is")),
        );
    }
    assert!(met > 60, "only {met} links are met: has their form changed?");
    assert!(faults.is_empty(), "dead links:\n{}", faults.join("\n"));
}

/// A relative link would lead nowhere from a module, so pages name their links, and `links.md` says where the names lead
/// in rustdoc, which checks that.
#[test]
fn a76_what_pages_link_to_is_a_module_of_the_guide() {
    let modules = modules();
    let here = Page::read("src/guide/links.md");
    let (here, mut wanted, mut faults) = (here.definitions(), BTreeMap::new(), Vec::new());
    for path in modules.values() {
        let page = Page::read(path);
        for link in page.inline().filter(|link| !link.starts_with('#') && !link.contains("://")) {
            faults.push(format!("{path}: `({link})` leads nowhere in rustdoc: write [text][name] and define the name"));
        }
        for (label, link) in page.definitions() {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let file = markdown::beside(path, file);
            let Some(module) = modules.iter().find(|(_, path)| **path == file).map(|it| it.0)
            else {
                if !here.contains_key(&label) {
                    faults.push(format!("{path}: [{label}] is no page of src/guide.rs"));
                }
                continue;
            };
            let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
            let name = format!("{}{anchor}", file.trim_start_matches("docs/"));
            if label != name {
                faults.push(format!("{path}: [{label}] leads to {link}: call it [{name}]"));
            }
            wanted.insert(label, format!("crate::guide::{module}{anchor}"));
        }
    }
    for (label, target) in &wanted {
        if here.get(label) != Some(target) {
            faults.push(format!("src/guide/links.md: lacks `[{label}]: {target}`"));
        }
    }
    for label in here.keys().filter(|label| label.contains(".md") && !wanted.contains_key(*label)) {
        faults.push(format!("src/guide/links.md: no page uses [{label}]"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a76_every_page_is_in_the_guide_and_can_be_read_at_one_sitting() {
    let shown: BTreeSet<_> = modules().into_values().collect();
    let mut faults = Vec::new();
    for path in markdown::paths().filter(|path| path.starts_with("docs/")) {
        let page = Page::read(&path);
        if !shown.contains(&path) {
            faults.push(format!("{path} is no page of src/guide.rs"));
        }
        if page.lines().count() > LONGEST {
            faults.push(format!("{path} has {} lines, {LONGEST} at most", page.lines().count()));
        }
        let skipped = page.fences().filter(|fence| fence.contains("ignore"));
        faults.extend(
            skipped.map(|fence| format!("{path}: a sample is `{fence}`: it has to compile")),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The modules of the guide, each with its page.
fn modules() -> BTreeMap<String, String> {
    let code = crate::read("src/guide.rs");
    let list = code.split_once("\npages! {\n").and_then(|(_, rest)| rest.split_once("\n}"));
    let list = list.expect("a list of pages in src/guide.rs").0;
    let pages = list.lines().map(|line| {
        let (module, file) = line.trim().split_once(": ").expect("a module and its page");
        (module.to_owned(), file.trim_matches(['"', ',']).to_owned())
    });
    pages.collect()
}
