//! A file that is there as a whole or not at all.
//!
//! Invariant: under its own name it appears when it is complete and on the disk; what was begun and not ended is
//! removed, unless the process is killed, and is never taken for a backup then.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::random::Random;

/// A file that is being written beside the place where it belongs.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    place: PathBuf,
    is_in_place: bool,
}

impl PartialFile {
    /// Creates it, for nobody else to read.
    pub(super) fn create(place: &Path) -> io::Result<(Self, File)> {
        let mut name = place.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
        // Two at a time, in whatever containers, do not write to one file.
        let number = Random::new(None).number();
        name.push(format!(".partial-{}-{number:016x}", std::process::id()));
        let path = place.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        Ok((Self { path, place: place.to_owned(), is_in_place: false }, file))
    }

    /// Puts it in its place, once all of it is on the disk.
    pub(super) fn put_in_place(mut self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        std::fs::rename(&self.path, &self.place)?;
        self.is_in_place = true;
        sync_folder(&self.place)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.is_in_place {
            // It may be gone with its folder.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// That a file has another name is kept with its folder.
fn sync_folder(place: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
