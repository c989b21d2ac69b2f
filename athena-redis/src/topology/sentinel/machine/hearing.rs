//! What is noted of what sentinels and nodes say.

use tokio::time::Instant;

use super::{SentinelAction, SentinelMachine};
use crate::link::Role;
use crate::topology::sentinel::notices::Notice;
use crate::topology::sentinel::poller::Report;
use crate::topology::sentinel::replies::{Lists, Word};
use crate::topology::sentinel::suspicion::Sign;
use crate::url::Endpoint;

impl SentinelMachine {
    /// Notes what somebody said.
    pub(super) fn take(&mut self, report: Report, now: Instant) {
        match report {
            Report::Word { sentinel, word, asked } => {
                if !self.sentinels.contains(&sentinel) {
                    return;
                }
                let word = self.identify(&sentinel, word);
                if self.election.hear(&sentinel, word, now) {
                    self.stir(now);
                    if self.election.is_challenged() {
                        self.suspect(Sign::Found, now);
                    }
                }
                self.election.confirm(&sentinel, asked);
            }
            Report::Lists { sentinel, lists } => self.list(&sentinel, lists, now),
            Report::Notice(notice) => self.learn(&notice, now),
            Report::Role { node, role } => {
                if !self.nodes.contains(&node) {
                    return;
                }
                if matches!(role, Ok(Role::Replica(_))) {
                    // Were it promoted, its past would be another one.
                    self.actions.push(SentinelAction::ForgetHistory(node.clone()));
                }
                if self.election.testify(&node, role) {
                    self.stir(now);
                }
            }
        }
    }

    /// Notes whom a sentinel lists.
    fn list(&mut self, sentinel: &Endpoint, lists: Lists, now: Instant) {
        if !self.sentinels.contains(sentinel) {
            return;
        }
        if lists.all.is_excess() && !std::mem::replace(&mut self.is_exceeded, true) {
            let (sentinel, all) = (sentinel.clone(), lists.all);
            self.actions.push(SentinelAction::Exceed { sentinel, all });
        }
        self.members.note(sentinel, lists, now);
    }

    /// Notes who speaks; who does not tell is known by its address.
    fn identify(&mut self, sentinel: &Endpoint, mut word: Word) -> Word {
        let mut id = None;
        if let Word::Names(view) = &mut word {
            view.id = view.id.take().or_else(|| self.members.id_at(sentinel).map(str::to_owned));
            id = view.id.as_deref();
        }
        self.members.note_present(sentinel, id);
        word
    }

    fn learn(&mut self, notice: &Notice, now: Instant) {
        let is_seat = |primary| self.election.seat() == Some(primary);
        let sign = match notice {
            Notice::Down { primary } if is_seat(primary) => Some(Sign::Down),
            Notice::Underway { primary } | Notice::Chosen { primary, .. } if is_seat(primary) => {
                Some(Sign::Announced)
            }
            _ => None,
        };
        self.election.learn(notice, now);
        if let Some(sign) = sign {
            self.suspect(sign, now);
        }
        if matches!(notice, Notice::Changed) {
            self.order.edition += 1;
        }
        self.stir(now);
    }
}
