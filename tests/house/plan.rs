//! What ARCHITECTURE.md says about the borders of a crate.

/// The rows of a crate, and what is allowed besides.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// A module, as `engine` or `engine/job`, and its row; lower rows import from nothing above.
    rows: Vec<(String, u32)>,
    /// A file, and one that it may import from although it stands higher.
    pub(crate) climbs: Vec<(String, String)>,
    /// Files that may import from each other in a circle, sorted.
    pub(crate) circles: Vec<Vec<String>>,
}

impl Plan {
    /// Reads what stands below the heading of the crate in `## Borders`.
    pub(crate) fn of(krate: &str) -> Self {
        let text = crate::read("ARCHITECTURE.md");
        let borders = text.split("\n## ").find(|part| part.starts_with("Borders"));
        let borders = borders.expect("a section `## Borders` in ARCHITECTURE.md");
        let heading = format!("`{krate}`");
        let part = borders.split("\n### ").find(|part| part.starts_with(&heading));
        let part = part.unwrap_or_else(|| panic!("no heading `### {heading}` in `## Borders`"));
        let mut plan = Self::default();
        for line in part.lines() {
            let quoted = || line.split('`').skip(1).step_by(2).map(str::to_owned);
            if let Some(row) = line.strip_prefix("| ").and_then(|line| line.split(' ').next())
                && let Ok(row) = row.parse()
            {
                plan.rows.extend(quoted().map(|module| (module, row)));
            } else if line.starts_with("* climb: ") {
                let files: Vec<_> = quoted().take(2).collect();
                plan.climbs.push((files[0].clone(), files[1].clone()));
            } else if line.starts_with("* circle: ") {
                let mut files: Vec<_> = quoted().collect();
                files.sort();
                plan.circles.push(files);
            }
        }
        plan
    }

    /// Modules in the table to which none of these files belongs.
    pub(crate) fn gone<'a>(&'a self, files: &[&str]) -> impl Iterator<Item = &'a str> {
        let is_there = |module: &str| files.iter().any(|file| belongs(file, module));
        let gone: Vec<_> =
            self.rows.iter().map(|(it, _)| it.as_str()).filter(|it| !is_there(it)).collect();
        gone.into_iter()
    }

    /// The row of a file, by the longest module that it belongs to.
    pub(crate) fn row(&self, file: &str) -> Option<u32> {
        let rows = self.rows.iter().filter(|(module, _)| belongs(file, module));
        rows.max_by_key(|(module, _)| module.len()).map(|(_, row)| *row)
    }
}

fn belongs(file: &str, module: &str) -> bool {
    file.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}
