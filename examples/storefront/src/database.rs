//! SQLite behind a small pool: async callers wait for a connection, threads do the work.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::Error;

const CONNECTIONS: usize = 4;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS products (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        category TEXT NOT NULL,
        price INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS products_by_category ON products (category);
";

/// A database; clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Database(Arc<Pool>);

struct Pool {
    path: PathBuf,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens a database file, which is made if it is not there.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let pool = Pool {
            path: path.to_owned(),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            idle: Mutex::default(),
        };
        pool.with(|connection| connection.execute_batch(SCHEMA))?;
        Ok(Self(Arc::new(pool)))
    }

    /// Does `work` on a thread that may block, as soon as a connection is free.
    ///
    /// What has begun goes on if the caller is dropped.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let pool = Arc::clone(&self.0);
        // Never closed, so never an error.
        let place = Arc::clone(&pool.places).acquire_owned().await;
        let done = spawn_blocking(move || {
            let _place = place;
            pool.with(work)
        });
        Ok(done.await??)
    }

    /// Does `work` on this thread, before the service starts.
    pub(crate) fn run_here<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.0.with(work)
    }
}

impl Pool {
    /// A connection whose work panics is dropped; the next caller opens another.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(&self.path)?,
        };
        let done = work(&mut connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        done
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("path", &self.path).finish_non_exhaustive()
    }
}
