//! Days on which something gives out half-way: a disk, a store, a file.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;
use crate::backup::file::{BackupReader, Flaw};

/// A disk with so much room, and what was written to it.
#[derive(Clone)]
struct Disk {
    room: usize,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Disk {
    fn with(room: usize) -> Self {
        Self { room, bytes: Arc::default() }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.bytes.lock().unwrap();
        let part = bytes.len().min(self.room - written.len());
        if part == 0 && !bytes.is_empty() {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        written.extend_from_slice(&bytes[..part]);
        Ok(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a64_a_disk_that_is_full_at_any_byte_leaves_nothing_that_looks_whole() {
    let (_clock, _store, cache) = shop();
    for number in 0..3 {
        put(&cache, &format!("product:{number}"), "products", number).await;
    }
    let enough = Disk::with(1 << 20);
    cache.backup().to_writer(enough.clone()).await.unwrap();
    let length = enough.bytes().len();
    for room in (0..length).step_by(5) {
        let disk = Disk::with(room);
        let error = cache.backup().to_writer(disk.clone()).await.unwrap_err();
        assert!(error.is_backup(), "{room}: {error}");
        let written = disk.bytes();
        let read = BackupReader::open(&written[..]).and_then(|it| it.read(|_| Ok::<_, Flaw>(())));
        assert!(read.is_err(), "{room} of {length} bytes are read as a whole");
    }
}

#[tokio::test]
async fn a65_each_byte_of_a_file_that_is_another_one_keeps_all_of_it_away() {
    let Kept { folder, bytes, other, empty } = Kept::new().await;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x80;
        std::fs::write(folder.file(), &flipped).unwrap();
        let error = empty.restore(folder.file()).run().await.unwrap_err();
        assert!(error.is_backup(), "{at}: {error}");
    }
    let mut newer = bytes.clone();
    newer[3] += 1;
    std::fs::write(folder.file(), &newer).unwrap();
    let error = empty.restore(folder.file()).run().await.unwrap_err().to_string();
    assert!(error.contains("use the version that wrote it"), "{error}");
    assert_eq!(other.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_ends_early_keeps_all_of_it_away() {
    let Kept { folder, bytes, other, empty } = Kept::new().await;
    for length in 0..bytes.len() {
        std::fs::write(folder.file(), &bytes[..length]).unwrap();
        assert!(empty.restore(folder.file()).run().await.unwrap_err().is_backup(), "{length}");
    }
    assert_eq!(other.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_backup_that_fails_leaves_the_one_before_as_it_was() {
    let (_clock, store, cache) = shop();
    put(&cache, "a", "odd", 1).await;
    let folder = Folder::new();
    cache.backup().to(folder.file()).await.unwrap();
    let before = std::fs::read(folder.file()).unwrap();
    // Given up while it waits for its turn: the place stays as it was.
    let again = cache.backup().rate(1).to(folder.file());
    assert!(tokio::time::timeout(Duration::from_millis(50), again).await.is_err());
    while folder.names() != ["shop.backup"] {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
    store.wipe();
    assert_eq!(cache.restore(folder.file()).run().await.unwrap().written, 1);
}
