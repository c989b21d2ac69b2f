//! Asks one node again and again, and hands over what it says.
//!
//! Invariant: a node that hangs holds up nobody but the one who asks it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use futures_util::future::select;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::notices::Notice;
use super::replies::{self, Lists, Silence, Testimony, Word};
use crate::config::Addresses;
use crate::link::{Backoff, Batch, Doubt, Growth, Least, Link, Role, Task, Turns};
use crate::url::Endpoint;

/// Between two questions while all is well; it bounds how old the word of the sentinels is.
const CALM: Duration = Duration::from_secs(1);
/// Between two questions to a sentinel for its lists.
const LISTS: Duration = Duration::from_secs(10);

/// What a node has said.
#[derive(Debug)]
pub(super) enum Report {
    /// The answer to a question that was sent at an instant.
    Word {
        sentinel: Endpoint,
        word: Word,
        asked: Instant,
    },
    Lists {
        sentinel: Endpoint,
        lists: Lists,
    },
    Notice(Notice),
    Role {
        node: Endpoint,
        role: Testimony,
    },
}

/// Where reports go.
pub(super) type Reports = mpsc::UnboundedSender<Report>;

/// How to ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// The pause between two questions, if the primary is in doubt.
    pub(super) pause: Option<Duration>,
    /// Grows when the lists may have changed.
    pub(super) edition: u64,
}

/// What every poller is given.
#[derive(Debug, Clone)]
pub(super) struct Briefing {
    pub(super) reports: Reports,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) addresses: Arc<Addresses>,
}

/// A node in the charge of a task of its own.
#[derive(Debug)]
pub(super) struct Poller {
    link: Arc<Link>,
    task: Task,
}

impl Poller {
    /// Asks a data node for its role.
    pub(super) fn of_node(link: Arc<Link>, briefing: Briefing) -> Self {
        let Briefing { reports, orders, addresses } = briefing;
        let rounds = Rounds { haste: Some(Haste::default()), ..Rounds::new(&link, orders) };
        let task = Task::spawn(ask_node(rounds, reports, addresses));
        Self { link, task }
    }

    /// Asks a sentinel for the primary, and for the others that it knows.
    pub(super) fn of_sentinel(link: Arc<Link>, service: Arc<str>, briefing: Briefing) -> Self {
        let Briefing { reports, orders, addresses } = briefing;
        let rounds = Rounds::new(&link, orders);
        let asking = ask_sentinel(rounds, Asked { service, addresses }, reports);
        let task = Task::spawn(asking);
        Self { link, task }
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Ends the task and closes the link; returns when both are gone.
    pub(super) async fn close(self) {
        self.task.end().await;
        self.link.close().await;
    }
}

async fn ask_node(mut rounds: Rounds, reports: Reports, addresses: Arc<Addresses>) {
    let node = rounds.link.endpoint().clone();
    loop {
        rounds.begin();
        let role = role(&rounds.link, &addresses).await.map_err(|failure| Silence::from(&failure));
        let is_denied = matches!(&role, Err(silence) if silence.class == Class::Denied);
        if reports.send(Report::Role { node: node.clone(), role }).is_err() {
            return;
        }
        rounds.rest(is_denied).await;
    }
}

async fn role(link: &Link, addresses: &Addresses) -> Result<Role<Option<Endpoint>>, Failure> {
    let mut batch = Batch::new();
    batch.command("ROLE");
    match link.send(&batch, |it| replies::read_role(it, addresses)).await {
        Err(failure) if failure.class() == Class::Denied && link.is_ready() => {
            let mut batch = Batch::new();
            batch.command("HELLO");
            link.send(&batch, replies::read_hello).await
        }
        answer => answer,
    }
}

/// Whom a sentinel is asked about, and how what it says is read.
struct Asked {
    service: Arc<str>,
    addresses: Arc<Addresses>,
}

async fn ask_sentinel(mut rounds: Rounds, subject: Asked, reports: Reports) {
    let sentinel = rounds.link.endpoint().clone();
    // When the lists were read, and their edition.
    let mut listed: Option<(Instant, u64)> = None;
    loop {
        let edition = rounds.begin().edition;
        let is_listed = listed.is_some_and(|(at, of)| of == edition && at.elapsed() < LISTS);
        let asked = Instant::now();
        let (word, lists) = consult(&rounds.link, &subject, !is_listed).await;
        let is_mute = matches!(word, Word::Mute(..));
        let is_denied = matches!(word, Word::Mute(Silence { class: Class::Denied, .. }));
        if lists.is_some() || is_mute {
            listed = lists.is_some().then(|| (Instant::now(), edition));
        }
        let word = Report::Word { sentinel: sentinel.clone(), word, asked };
        let told = reports.send(word).is_ok();
        let listed = lists.map(|lists| Report::Lists { sentinel: sentinel.clone(), lists });
        if !told || listed.is_some_and(|report| reports.send(report).is_err()) {
            return;
        }
        rounds.rest(is_denied).await;
    }
}

async fn consult(link: &Link, subject: &Asked, with_lists: bool) -> (Word, Option<Lists>) {
    let Asked { service, addresses } = subject;
    let mut batch = Batch::new();
    replies::ask_view(&mut batch, service);
    if with_lists {
        replies::ask_lists(&mut batch, service);
    }
    let outcome = match link.exchange(&batch).await {
        Ok(mut replies) => replies::read_view(&mut replies, addresses)
            .and_then(|word| {
                let is_known = with_lists && matches!(word, Word::Names(_));
                let lists = is_known.then(|| replies::read_lists(&mut replies, addresses));
                let lists = lists.transpose()?;
                Ok((word, lists))
            })
            .map_err(|malformed| link.malformed(&malformed)),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok((Word::Mute(Silence { class, why }), _)) => {
            let failure = link.failure(class, &format!("refused: {why}"));
            (Word::Mute(Silence::from(&failure)), None)
        }
        Ok(said) => said,
        Err(failure) => (Word::Mute(Silence::from(&failure)), None),
    }
}

/// The times at which a node is asked.
struct Rounds {
    link: Arc<Link>,
    orders: watch::Receiver<Order>,
    turns: Turns,
    /// How to dial a node that may be promoted, if it is one.
    haste: Option<Haste>,
}

/// When a node that is not connected is dialed apart from the pauses of its link: fast at first, since it
/// may be the one that is promoted, and ever less so while it refuses.
#[derive(Debug, Default)]
struct Haste {
    tries: Backoff,
    next: Option<Instant>,
}

impl Haste {
    /// Between two tries; instances that look for the same node must not dial it together.
    const DIALING: Growth = Growth {
        first: Duration::from_millis(20),
        longest: Duration::from_secs(1),
        step: 10,
        least: Least::Half,
    };

    /// Whether to dial now.
    fn is_due(&mut self, now: Instant, pause: Duration) -> bool {
        let is_due = self.next.is_none_or(|next| next <= now);
        if is_due {
            let pause = self.tries.pause_of(&Self::DIALING, pause, fastrand::f64());
            self.next = Some(now + pause);
        }
        is_due
    }
}

impl Rounds {
    fn new(link: &Arc<Link>, orders: watch::Receiver<Order>) -> Self {
        Self { link: Arc::clone(link), orders, turns: link.turns(), haste: None }
    }

    /// From here on changes of the link and of the order lead to another round.
    fn begin(&mut self) -> Order {
        self.turns = self.link.turns();
        *self.orders.borrow_and_update()
    }

    /// Waits until it is time for the next round.
    async fn rest(&mut self, is_denied: bool) {
        let order = *self.orders.borrow();
        if let Some(haste) = &mut self.haste {
            if self.link.doubt() != Some(Doubt::Lost) {
                *haste = Haste::default();
            } else if let Some(pause) = order.pause
                // One that serves takes its own time: all instances have lost it together.
                && self.link.is_standby()
                && !is_denied
                && haste.is_due(Instant::now(), pause)
            {
                self.link.hurry();
            }
        }
        let (turn, change) = (pin!(self.turns.next()), pin!(self.orders.changed()));
        let asleep = pin!(sleep(order.pause.unwrap_or(CALM)));
        select(asleep, select(turn, change)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_refuses_again_and_again_is_dialed_ever_less_often() {
        let mut haste = Haste::default();
        let (start, mut tries) = (Instant::now(), 0_u32);
        let count = |haste: &mut Haste, tries: &mut u32, from: u64, to: u64| {
            *tries = 0;
            for at in (from..to).step_by(5) {
                let now = start + Duration::from_millis(at);
                *tries += u32::from(haste.is_due(now, Duration::from_millis(20)));
            }
        };
        count(&mut haste, &mut tries, 0, 200);
        assert!((10..=20).contains(&tries), "{tries}");
        count(&mut haste, &mut tries, 200, 10_000);
        assert!((30..=60).contains(&tries), "{tries}");
        count(&mut haste, &mut tries, 10_000, 20_000);
        assert!((10..=20).contains(&tries), "{tries}");
    }
}
