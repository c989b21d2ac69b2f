//! The files of a crate, without their tests.

use std::path::Path;

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// From `src` on, as `engine/job.rs`.
    pub(crate) path: String,
    /// What it is called in the code: `engine`, `job`.
    pub(crate) module: Vec<String>,
    /// Its lines, but for those of tests.
    pub(crate) lines: Vec<String>,
}

/// Every file of a crate that is no test.
pub(crate) fn files(krate: &str) -> Vec<File> {
    let src = crate::root().join(krate).join("src");
    let mut paths = Vec::new();
    collect(&src, &mut paths);
    let mut files: Vec<_> = paths.iter().map(|path| File::read(&src, path)).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let tests: Vec<_> = files.iter().flat_map(File::test_modules).collect();
    files.retain(|file| !tests.iter().any(|test| file.module.starts_with(test)));
    files
}

fn collect(folder: &Path, paths: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the crate") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

impl File {
    fn read(src: &Path, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a source file");
        let path = path.strip_prefix(src).expect("below src").to_string_lossy().into_owned();
        let module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        let module = if path == "lib.rs" { Vec::new() } else { module };
        let mut lines = Vec::new();
        let mut is_test = false;
        for (number, line) in text.lines().enumerate() {
            let before = number.checked_sub(1).and_then(|before| text.lines().nth(before));
            is_test |= line.ends_with("mod tests {") && before.is_some_and(is_for_tests);
            if !is_test {
                lines.push(line.to_owned());
            }
            is_test &= line != "}";
        }
        Self { path, module, lines }
    }

    /// The modules that it declares for tests alone.
    fn test_modules(&self) -> Vec<Vec<String>> {
        let pairs = self.lines.iter().zip(self.lines.iter().skip(1));
        let declared = pairs.filter(|(before, _)| is_for_tests(before)).filter_map(|(_, line)| {
            let name = line.strip_suffix(';')?.rsplit_once("mod ")?.1;
            Some([&self.module[..], &[name.to_owned()]].concat())
        });
        declared.collect()
    }
}

fn is_for_tests(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("#[cfg(test") || line.starts_with("#[cfg(all(test")
}
