//! Has primaries save what they hold to their disks, and sees that they have.
//!
//! Invariant: a save counts only if it was begun after we asked, has ended, and the server says that it ended well:
//! the count of saves is of those that were begun, and the status is that of the last one to end.

use std::time::Duration;

use athena_cache_core::backend::operate::{SavedNode, Saving};
use athena_cache_core::backend::{Class, Failure, Node};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout_at};

use super::info::Info;
use super::state::OperationsState;
use crate::link::{Batch, Spare, inside_runtime};

/// How often a server is asked whether it has ended.
const PAUSE: Duration = Duration::from_millis(250);

impl OperationsState {
    /// Has every primary save, side by side, and waits no longer than `limit`.
    pub(super) async fn save(&self, limit: Duration) -> Vec<SavedNode> {
        if inside_runtime().is_err() {
            return Vec::new();
        }
        let began = Instant::now();
        // A limit that no clock reaches is none.
        let deadline = began.checked_add(limit).unwrap_or(began + LONGEST);
        let saves = self.topology.nodes().into_iter().map(|node| self.save_node(node, deadline));
        join_all(saves).await
    }

    async fn save_node(&self, node: Node, deadline: Instant) -> SavedNode {
        let (endpoint, began) = (self.topology.endpoint(node), Instant::now());
        let saved = timeout_at(deadline, self.have_saved(node)).await;
        let saving = match saved {
            Ok(Ok(at)) => Saving::Done { at },
            Ok(Err(Unsaved::Unsupported(why))) => Saving::Unsupported(why),
            Ok(Err(Unsaved::Failed(why))) => Saving::Failed(why),
            Err(_) => Saving::Failed("it was not done in time".to_owned()),
        };
        SavedNode::new(endpoint, saving, Some(began.elapsed()))
    }

    /// When it was done, by the clock of the server, in seconds since 1970.
    async fn have_saved(&self, node: Node) -> Result<u64, Unsaved> {
        let spare = self.spare_to(node)?;
        let before = loop {
            let saves = self.saves(&spare).await?;
            // The time of a save is told in seconds: one that ended in this second could be taken for ours.
            if !saves.is_under_way && saves.last_at < saves.now {
                break saves;
            }
            sleep(PAUSE).await;
        };
        let mut is_under_way = self.begin(&spare).await?;
        loop {
            let saves = self.saves(&spare).await?;
            if saves.is_under_way {
                is_under_way = true;
            } else if saves.last_at > before.last_at && saves.ended_well {
                return Ok(saves.last_at);
            } else if is_under_way && !saves.ended_well {
                return Err(Unsaved::Failed(
                    "the server says that its save failed: its log says why".into(),
                ));
            }
            sleep(PAUSE).await;
        }
    }

    /// Asks for a save; whether it has begun, else it will when something else has ended.
    async fn begin(&self, spare: &Spare) -> Result<bool, Unsaved> {
        let mut batch = Batch::new();
        // While a log is rewritten, it is begun after that.
        batch.command("BGSAVE").arg("SCHEDULE");
        let mut replies = spare.exchange(&batch, Instant::now() + self.limit()).await?;
        if let Some((class, why)) = replies.error() {
            let why = why.to_string();
            // Somebody else has begun one since we looked: what it saves is no older than what ours would have.
            if why.contains("in progress") {
                return Ok(true);
            }
            let is_unsupported = class == Class::Denied || why.contains("unknown command");
            let unsaved = if is_unsupported { Unsaved::Unsupported } else { Unsaved::Failed };
            return Err(unsaved(why));
        }
        let said = replies.text().unwrap_or_default();
        Ok(said.contains("started"))
    }

    async fn saves(&self, spare: &Spare) -> Result<Saves, Unsaved> {
        let mut batch = Batch::new();
        batch.command("INFO").arg("persistence");
        batch.command("TIME");
        let mut replies = spare.ask(&batch, Instant::now() + self.limit()).await?;
        if let Some((_, why)) = replies.error() {
            return Err(Unsaved::Unsupported(format!(
                "it cannot be seen whether it is done: {why}"
            )));
        }
        let info = Info::parse(&replies.text().unwrap_or_default());
        let now = replies.time().ok().flatten().map(|millis| millis / 1_000);
        Saves::read(&info, now).ok_or_else(|| {
            Unsaved::Unsupported("it does not say whether it has saved anything".to_owned())
        })
    }
}

/// The longest that a save is waited for, a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What a server says of its saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Saves {
    is_under_way: bool,
    ended_well: bool,
    /// When the last one ended that ended well, in seconds of its clock.
    last_at: u64,
    now: u64,
}

impl Saves {
    fn read(info: &Info, now: Option<u64>) -> Option<Self> {
        Some(Self {
            is_under_way: info.number::<u8>("rdb_bgsave_in_progress")? != 0,
            ended_well: info.text("rdb_last_bgsave_status")? == "ok",
            last_at: info.number("rdb_last_save_time")?,
            now: now?,
        })
    }
}

/// Why nothing was saved.
enum Unsaved {
    Unsupported(String),
    Failed(String),
}

impl From<Failure> for Unsaved {
    fn from(failure: Failure) -> Self {
        match failure.class() {
            Class::Denied => Self::Unsupported(failure.to_string()),
            _ => Self::Failed(failure.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saves(text: &str) -> Option<Saves> {
        Saves::read(&Info::parse(text), Some(9))
    }

    #[test]
    fn a63_what_a_server_says_of_its_saves_is_read() {
        let said =
            "rdb_bgsave_in_progress:0\r\nrdb_last_save_time:7\r\nrdb_last_bgsave_status:err\r\n";
        let read = Saves { is_under_way: false, ended_well: false, last_at: 7, now: 9 };
        assert_eq!(saves(said), Some(read));
        let busy = said.replace("in_progress:0", "in_progress:1").replace("err", "ok");
        assert_eq!(saves(&busy), Some(Saves { is_under_way: true, ended_well: true, ..read }));
        assert_eq!(saves("loading:0\r\n"), None);
    }
}
