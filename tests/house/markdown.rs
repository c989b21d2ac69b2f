//! Pages as text: their links, headings and fences.

use std::collections::{BTreeMap, BTreeSet};

/// Files beside the pages of `docs` whose links are checked.
const BESIDE: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "athena-cli/README.md",
    "examples/README.md",
];

/// Every file that is written for people.
pub(crate) fn paths() -> impl Iterator<Item = String> {
    let docs = std::fs::read_dir(crate::root().join("docs")).expect("the folder of the pages");
    let docs = docs.map(|entry| entry.expect("an entry of it").file_name());
    let docs = docs.filter_map(|name| name.to_str()?.strip_suffix(".md").map(str::to_owned));
    let docs: BTreeSet<_> = docs.map(|name| format!("docs/{name}.md")).collect();
    BESIDE.map(str::to_owned).into_iter().chain(docs)
}

/// A path as seen from another file, from the root of the repository.
pub(crate) fn beside(path: &str, link: &str) -> String {
    let mut parts: Vec<_> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    pub(crate) fn read(path: &str) -> Self {
        Self { text: crate::read(path) }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// What stands behind the opening ticks of each block of code.
    pub(crate) fn fences(&self) -> impl Iterator<Item = &str> {
        let ticks = self.text.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
        ticks.step_by(2)
    }

    /// Where each link leads, by whatever form it is written in.
    pub(crate) fn links(&self) -> impl Iterator<Item = String> {
        self.inline().chain(self.definitions().into_values())
    }

    /// The targets of `[text](target)`.
    pub(crate) fn inline(&self) -> impl Iterator<Item = String> {
        let prose = self.prose();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        targets.map(|(target, _)| target.to_owned()).collect::<Vec<_>>().into_iter()
    }

    /// Where names lead: `[name]: target`.
    pub(crate) fn definitions(&self) -> BTreeMap<String, String> {
        let named = |line: &str| {
            let (label, target) = line.strip_prefix('[')?.split_once("]: ")?;
            let is_one = !target.contains(' ') && !label.contains(']');
            is_one.then(|| (label.to_owned(), target.to_owned()))
        };
        self.text.lines().filter_map(named).collect()
    }

    /// Names that are used as links, and that nothing defines.
    pub(crate) fn undefined(&self) -> impl Iterator<Item = String> {
        let (prose, defined) = (self.prose(), self.definitions());
        let pairs = prose.split("][").skip(1).filter_map(|rest| rest.split_once(']'));
        let alone = prose.match_indices('[').filter_map(|(at, _)| prose[at + 1..].split_once(']'));
        let alone =
            alone.filter(|(label, rest)| label.contains(".md") && !rest.starts_with(['(', '[']));
        let used: BTreeSet<_> = pairs.chain(alone).map(|(label, _)| label.to_owned()).collect();
        used.into_iter().filter(move |label| !defined.contains_key(label))
    }

    /// What links to headings may name.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let headings = self.unfenced().filter(|line| line.starts_with('#'));
        headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
    }

    pub(crate) fn has_heading(&self, heading: &str) -> bool {
        self.anchors().contains(&slug(heading))
    }

    fn unfenced(&self) -> impl Iterator<Item = &str> {
        let mut is_fenced = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.trim_start().starts_with("```");
            is_fenced ^= is_fence;
            !is_fenced && !is_fence
        })
    }

    /// The text without code.
    fn prose(&self) -> String {
        let text = self.unfenced().collect::<Vec<_>>().join("\n");
        text.split('`').step_by(2).collect::<Vec<_>>().join("`")
    }
}

/// A heading as an anchor.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
