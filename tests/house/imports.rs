//! Which file imports from which, by the `use` lines, and the paths from the crate's root in the code.
//!
//! A name that is only handed on (`pub use`, and not used in the file itself) is no import; whoever takes
//! it from there imports from where it stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;
use crate::source::File;

/// One name that a file takes from somewhere.
#[derive(Debug, Clone)]
struct Import {
    /// From the crate's root on, the name last.
    path: Vec<String>,
    name: String,
    is_handed_on: bool,
}

/// The files of a crate, and who imports from whom.
pub(crate) fn graph(files: &[File]) -> Graph {
    let imports: Vec<_> = files.iter().map(imports_of).collect();
    let modules: BTreeMap<_, _> =
        files.iter().enumerate().map(|(place, file)| (file.module.clone(), place)).collect();
    let mut graph = Graph::new(files.iter().map(|file| file.path.clone()).collect());
    for (place, file) in files.iter().enumerate() {
        for import in &imports[place] {
            if import.is_handed_on && !is_used(file, &import.name) {
                continue;
            }
            if let Some(from) = home(&import.path, &modules, &imports, 0)
                && from != place
            {
                graph.add(place, from);
            }
        }
    }
    graph
}

/// The file in which a name stands.
fn home(
    path: &[String],
    modules: &BTreeMap<Vec<String>, usize>,
    imports: &[Vec<Import>],
    depth: usize,
) -> Option<usize> {
    let inside = (0..=path.len()).rev().find(|end| modules.contains_key(&path[..*end]))?;
    let place = modules[&path[..inside]];
    let Some(name) = path.get(inside).filter(|_| depth < 8) else { return Some(place) };
    match imports[place].iter().find(|import| import.name == *name && import.path != path) {
        Some(handed_on) => home(&handed_on.path, modules, imports, depth + 1),
        None => Some(place),
    }
}

fn is_used(file: &File, name: &str) -> bool {
    let code = file.lines.iter().filter(|line| !line.trim_start().starts_with("//"));
    let mut is_import = false;
    code.into_iter().any(|line| {
        is_import |= is_use(line);
        let found = !is_import && names(line, name);
        is_import &= !line.ends_with(';');
        found
    })
}

/// Whether a line has a name as a word of its own, and not as a part of a path.
fn names(line: &str, name: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        !before.ends_with(|it| is_part(it) || it == ':') && !after.starts_with(is_part)
    })
}

fn is_use(line: &str) -> bool {
    let line = line.split_once(") ").filter(|_| line.starts_with("pub(")).map_or(line, |it| it.1);
    line.strip_prefix("pub ").unwrap_or(line).starts_with("use ")
}

fn imports_of(file: &File) -> Vec<Import> {
    let mut all = Vec::new();
    let mut statement = String::new();
    for line in &file.lines {
        if statement.is_empty() && !is_use(line) {
            all.extend(paths_in(line));
            continue;
        }
        statement.push_str(line.trim());
        if line.ends_with(';') {
            let (head, tree) = statement.split_once("use ").expect("it is one");
            let mut paths = BTreeSet::new();
            spread(&[], tree.trim_end_matches(';'), &mut paths);
            for path in paths {
                let name = path.last().cloned().unwrap_or_default();
                if let Some(path) = absolute(&path, &file.module) {
                    all.push(Import { path, name, is_handed_on: head.starts_with("pub") });
                }
            }
            statement.clear();
        }
    }
    all
}

/// Paths in a line of code that begin at the crate's root.
fn paths_in(line: &str) -> impl Iterator<Item = Import> {
    let code = if line.trim_start().starts_with("//") { "" } else { line };
    code.split("crate::").skip(1).filter_map(|rest| {
        let is_path = |it: char| it.is_alphanumeric() || it == '_' || it == ':';
        let path = rest.split(|it| !is_path(it)).next()?;
        let path: Vec<_> =
            path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let name = path.last()?.clone();
        // A visibility names a module, and takes nothing from it.
        let is_visibility = code.contains("pub(in crate::");
        (!is_visibility).then_some(Import { path, name, is_handed_on: false })
    })
}

/// Takes `a::{b, c::d}` apart.
fn spread(before: &[String], tree: &str, paths: &mut BTreeSet<Vec<String>>) {
    let tree = tree.trim();
    if let Some((head, rest)) = tree.split_once('{') {
        let head = head.trim_end_matches("::");
        let before = [before, &head.split("::").map(str::to_owned).collect::<Vec<_>>()].concat();
        let (mut depth, mut part) = (0, String::new());
        for letter in rest.trim_end_matches('}').chars().chain([',']) {
            match letter {
                ',' if depth == 0 => spread(&before, &std::mem::take(&mut part), paths),
                '{' | '}' => {
                    depth += if letter == '{' { 1 } else { -1 };
                    part.push(letter);
                }
                _ => part.push(letter),
            }
        }
    } else if !tree.is_empty() {
        let tree = tree.split(" as ").next().unwrap_or(tree);
        let parts = tree
            .split("::")
            .filter(|part| !part.is_empty() && *part != "self" || tree.starts_with("self"));
        let path = [before, &parts.map(str::to_owned).collect::<Vec<_>>()].concat();
        paths.insert(path);
    }
}

/// The path from the crate's root; `None` for other crates.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let up = path.iter().take_while(|part| *part == "super").count();
            let above = module.len().checked_sub(up)?;
            Some([&module[..above], &path[up..]].concat())
        }
        first if first.chars().next().is_some_and(char::is_lowercase) => {
            // A child that is named without `self`.
            Some([module, path].concat())
        }
        _ => None,
    }
}
