//! Where people who act may have backups written, and read from.
//!
//! Invariant: a file is named by whoever asks, and its folder by whoever built the page: no name leads out of it, and
//! nothing that is there is overwritten.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Backups that are kept at most.
const MOST: usize = 32;
/// Characters of a name.
const LONGEST: usize = 64;
const ENDING: &str = "backup";

/// A folder of backups.
#[derive(Debug, Clone)]
pub(super) struct BackupFolder(PathBuf);

/// What a backup is called: the name of a file, without its folder and its ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BackupName(String);

impl BackupName {
    /// # Errors
    ///
    /// What a name is made of.
    pub(super) fn new(name: String) -> Result<Self, String> {
        let is_plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        };
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_plain) {
            return Err("`name` is no name of a backup, expected 1 to 64 of a-z, 0-9, `-` and `_`, and no path".into());
        }
        Ok(Self(name))
    }
}

impl BackupFolder {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where a backup is.
    pub(super) fn file(&self, name: &BackupName) -> PathBuf {
        self.0.join(&name.0).with_extension(ENDING)
    }

    /// Where one is to be written.
    ///
    /// # Errors
    ///
    /// Why it cannot be: there is one of that name, or there are too many, or no folder.
    pub(super) fn place(&self, name: &BackupName) -> Result<PathBuf, &'static str> {
        let count = self.count().map_err(|_| "the folder of backups cannot be read")?;
        if count >= MOST {
            return Err("there are 32 backups, and no more are kept: remove some from the folder");
        }
        let file = self.file(name);
        match fs::symlink_metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(file),
            _ => {
                Err("there is a backup of that name, and none is overwritten: choose another name")
            }
        }
    }

    fn count(&self) -> io::Result<usize> {
        let mut count = 0;
        for entry in fs::read_dir(&self.0)? {
            let ends = entry?.path().extension().is_some_and(|it| it == ENDING);
            count += usize::from(ends);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_no_other_folder() {
        for name in [
            "",
            ".",
            "..",
            "../shop",
            "a/b",
            "/etc/passwd",
            "a\\b",
            "a.b",
            "C:",
            "a b",
            "A",
            "\u{e9}",
            "a\0",
            "~",
            "%2e%2e",
        ] {
            assert!(BackupName::new(name.to_owned()).is_err(), "{name:?}");
        }
        assert!(BackupName::new("n".repeat(65)).is_err());
        let folder = BackupFolder::new(PathBuf::from("/kept"));
        let name = BackupName::new("before-2_0".to_owned()).unwrap();
        assert_eq!(folder.file(&name), PathBuf::from("/kept/before-2_0.backup"));
    }
}
