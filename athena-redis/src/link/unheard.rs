//! What a server may leave unannounced, as far as its numbers tell (coherence 4b).
//!
//! With `NOLOOP` a server tells a connection nothing of what it drops to make room for a command of that very
//! connection: neither of what it evicts, nor of what it forgets about who reads what when its table of that
//! is full (seen on 7.0.15 and 9.1). So both are watched, with each sign of life.
//!
//! Invariant: what nobody tells counts as if it happened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::batch::{Batch, Malformed, Replies};
use super::role::field;

/// The most bytes of one argument that a server takes unless it is told otherwise; it ends a connection that
/// brings more.
const DEFAULT_MAX_VALUE: u64 = 512 * 1024 * 1024;

/// Above half of its limit a table may be full before the next sign of life; it has to fall well below that
/// before it counts as roomy again.
const FILLS_FROM: f64 = 0.5;
const ROOMY_BELOW: f64 = 0.4;

pub(super) const TABLE_LIMIT: &str = "tracking-table-max-keys";
const MAX_VALUE: &str = "proto-max-bulk-len";

/// Why a server may not announce everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Omission {
    /// It does not say how much it evicts, nor how full its table is.
    Untold,
    /// It does not say how many names its table has room for.
    LimitUntold,
    /// It evicts.
    Evicts,
    /// Its table of who reads what fills.
    TableFills,
}

/// What a node says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct NodeStats {
    /// How much it has evicted so far.
    evicted: Option<u64>,
    /// How many names it remembers the readers of.
    tracked: Option<u64>,
    /// Whether it let us ask.
    answered: bool,
    /// How many it can; 0 is no limit, and `None` if it does not say.
    limit: Option<u64>,
    /// Whether it let us ask for that.
    answered_limit: bool,
    /// The most bytes of one argument; `None` if it does not say.
    max_value: Option<u64>,
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    /// How much was evicted when the server was last asked.
    evicted: AtomicU64,
    is_untold: AtomicBool,
    /// Whether it tells its limits.
    tells_limits: AtomicBool,
    evicts: AtomicBool,
    table_fills: AtomicBool,
    /// One more than the limit of its table; 0 if nobody has told.
    limit: AtomicU64,
    /// Whether it was asked for that, and let us.
    answered_limit: AtomicBool,
    /// The most bytes of one argument; 0 if the server does not say.
    max_value: AtomicU64,
}

impl NodeStats {
    /// Asks for it; for the limits only where those may be told.
    pub(super) fn ask(batch: &mut Batch, limits: bool) {
        batch.command("INFO").arg("stats");
        if limits {
            // Servers before 7.0 take one name at a time.
            for name in [TABLE_LIMIT, MAX_VALUE] {
                batch.command("CONFIG").args(["GET", name]);
            }
        }
    }

    /// Reads what [`ask`](Self::ask) asked for.
    pub(super) fn read(replies: &mut Replies, limits: bool) -> Result<Self, Malformed> {
        let mut told = Self::default();
        if replies.error().is_none() {
            let stats = replies.text()?;
            let number = |name| field(&stats, name).and_then(|count| count.parse().ok());
            told.answered = true;
            told.evicted = number("evicted_keys");
            told.tracked = number("tracking_total_keys");
        }
        if limits {
            told.answered_limit = replies.denial().is_none();
            told.limit = read_setting(replies, TABLE_LIMIT)?;
            told.max_value = read_setting(replies, MAX_VALUE)?;
        }
        Ok(told)
    }

    /// The same of a server whose table is known to have room for so many, unless it says itself.
    pub(super) fn with_limit(self, limit: Option<u64>) -> Self {
        Self { limit: self.limit.or(limit), ..self }
    }

    /// Whether it said anything of what it omits.
    pub(super) fn was_answered(self) -> bool {
        self.answered
    }

    /// The share of the table that is taken.
    fn fill(self, limit: u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
        let share = |tracked: u64| if limit == 0 { 0.0 } else { tracked as f64 / limit as f64 };
        self.tracked.map(share)
    }
}

fn read_setting(replies: &mut Replies, name: &str) -> Result<Option<u64>, Malformed> {
    if replies.error().is_some() {
        return Ok(None);
    }
    Ok(replies.fields()?.get(name).and_then(|setting| setting.parse().ok()))
}

impl Unheard {
    /// Takes in what the server says before anything is read.
    pub(super) fn begin_from(&self, told: NodeStats) {
        self.evicted.store(told.evicted.unwrap_or_default(), Ordering::Release);
        let tells = told.limit.or(told.max_value).is_some();
        self.tells_limits.store(tells, Ordering::Release);
        self.note(told);
    }

    /// Takes in what the server says now; a limit that it does not tell any more is what it was.
    pub(super) fn note(&self, told: NodeStats) {
        if let Some(limit) = told.limit {
            self.limit.store(limit.saturating_add(1), Ordering::Release);
        }
        self.answered_limit.fetch_or(told.answered_limit, Ordering::AcqRel);
        // Where the limit is not known the table may be full: that is said by itself.
        let fill = told.fill(self.limit().unwrap_or_default());
        let evicts =
            told.evicted.is_some_and(|count| self.evicted.swap(count, Ordering::AcqRel) != count);
        let above = if self.table_fills.load(Ordering::Acquire) { ROOMY_BELOW } else { FILLS_FROM };
        if let Some(most) = told.max_value {
            self.max_value.store(most, Ordering::Release);
        }
        self.evicts.store(evicts, Ordering::Release);
        self.table_fills.store(fill.is_some_and(|fill| fill >= above), Ordering::Release);
        self.is_untold.store(told.evicted.is_none() || fill.is_none(), Ordering::Release);
    }

    /// For how many names the table has room, if that is known.
    fn limit(&self) -> Option<u64> {
        self.limit.load(Ordering::Acquire).checked_sub(1)
    }

    pub(super) fn knows_limit(&self) -> bool {
        self.limit().is_some()
    }

    /// Whether it is worth asking for limits: a server that refuses would note that each time.
    pub(super) fn tells_limits(&self) -> bool {
        self.tells_limits.load(Ordering::Acquire)
    }

    /// The most bytes that the server takes as one argument, as far as is known.
    pub(super) fn max_value(&self) -> u64 {
        match self.max_value.load(Ordering::Acquire) {
            0 => DEFAULT_MAX_VALUE,
            told => told,
        }
    }

    /// Why something may be left unannounced, if it may.
    pub(super) fn omission(&self) -> Option<Omission> {
        let reasons = [
            (self.is_untold.load(Ordering::Acquire), Omission::Untold),
            (!self.knows_limit(), Omission::LimitUntold),
            (self.evicts.load(Ordering::Acquire), Omission::Evicts),
            (self.table_fills.load(Ordering::Acquire), Omission::TableFills),
        ];
        reasons.into_iter().find(|(holds, _)| *holds).map(|(_, it)| it)
    }

    /// The same where it is none that is told as a right which is lacking.
    pub(super) fn told_omission(&self) -> Option<Omission> {
        let is_right = !self.answered_limit.load(Ordering::Acquire);
        self.omission().filter(|it| *it != Omission::LimitUntold || !is_right)
    }
}

impl Omission {
    /// What is told of it, once per node.
    pub(super) fn notice(self) -> &'static str {
        match self {
            Self::Untold => {
                "redis does not tell us how much it evicts, nor how much it remembers of what is read: it may \
                 leave changes unannounced, so those by other processes are noticed late; let the user run \
                 `INFO`"
            }
            Self::LimitUntold => {
                "redis does not tell us for how many names it remembers who reads them: it may leave changes \
                 unannounced, so those by other processes are noticed late; give the number as \
                 `tracking_table_max_keys` (a million, unless it was configured otherwise)"
            }
            Self::Evicts => {
                "redis evicts entries, not all of which it announces to us: while that goes on, changes by \
                 other processes are noticed late; more `maxmemory`, or shorter ttls, would end it"
            }
            Self::TableFills => {
                "redis has half filled its table of what is read by whom, and announces not everything to us \
                 once that is full: until it empties, changes by other processes are noticed late; a higher \
                 `tracking-table-max-keys` would end it"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;
    use crate::link::origin::Origin;

    fn read(lines: &[&str]) -> NodeStats {
        let values: Vec<Value> =
            lines.iter().map(|it| redis::parse_redis_value(it.as_bytes()).unwrap()).collect();
        NodeStats::read(&mut Replies::new(values, Origin::Nowhere), true).unwrap()
    }

    fn text(text: &str) -> String {
        format!("${}\r\n{text}\r\n", text.len())
    }

    fn told(evicted: u64, tracked: u64, limit: u64) -> NodeStats {
        NodeStats {
            evicted: Some(evicted),
            tracked: Some(tracked),
            answered: true,
            limit: Some(limit),
            answered_limit: true,
            max_value: None,
        }
    }

    #[test]
    fn a_node_tells_how_much_it_has_evicted_and_how_full_its_table_is() {
        let stats =
            text("# Stats\r\nexpired_keys:3\r\nevicted_keys:17\r\ntracking_total_keys:5\r\n");
        let map = "%1\r\n$23\r\ntracking-table-max-keys\r\n$3\r\n100\r\n";
        let list = "*2\r\n$23\r\ntracking-table-max-keys\r\n$3\r\n100\r\n";
        let max_value = "%1\r\n$18\r\nproto-max-bulk-len\r\n$7\r\n1048576\r\n";
        for limit in [map, list] {
            let expected = NodeStats { max_value: Some(1 << 20), ..told(17, 5, 100) };
            assert_eq!(read(&[&stats, limit, max_value]), expected);
        }
        let denied = "-NOPERM no permissions\r\n";
        let all_denied = [&stats, denied, denied];
        let unlimited = NodeStats { limit: None, answered_limit: false, ..told(17, 5, 0) };
        assert_eq!(read(&all_denied), unlimited);
        let expected = NodeStats { limit: Some(100), answered_limit: true, ..NodeStats::default() };
        assert_eq!(read(&[denied, map, denied]), expected);
        assert_eq!(read(&[denied; 3]), NodeStats::default());
        let nothing = read(&[&text("evicted_keys:many\r\n"), "%0\r\n", "%0\r\n"]);
        let answered = NodeStats { answered: true, answered_limit: true, ..NodeStats::default() };
        assert_eq!(nothing, answered);
    }

    #[test]
    fn a_server_takes_as_large_values_as_it_says_or_as_servers_do() {
        let unheard = Unheard::default();
        let after = |max_value| {
            unheard.note(NodeStats { max_value, ..told(0, 0, 100) });
            unheard.max_value()
        };
        let told = [None, Some(1 << 20), None, Some(2 << 20)].map(after);
        assert_eq!(told, [DEFAULT_MAX_VALUE, 1 << 20, 1 << 20, 2 << 20]);
    }

    #[test]
    fn a_limit_that_is_not_told_any_more_is_what_it_was() {
        let unheard = Unheard::default();
        unheard.begin_from(told(0, 100, 1_000));
        assert_eq!(unheard.omission(), None);
        unheard.note(NodeStats { limit: None, ..told(0, 900, 1_000) });
        assert_eq!(unheard.omission(), Some(Omission::TableFills));
    }

    #[test]
    fn what_nobody_tells_counts_as_if_it_happened() {
        for told in [
            NodeStats::default(),
            NodeStats { tracked: None, ..told(0, 0, 100) },
            NodeStats { evicted: None, ..told(0, 0, 100) },
        ] {
            let unheard = Unheard::default();
            unheard.begin_from(told);
            assert_eq!(unheard.omission(), Some(Omission::Untold), "{told:?}");
        }
    }

    #[test]
    fn evictions_count_from_the_first_answer_on_and_only_while_they_go_on() {
        let unheard = Unheard::default();
        unheard.begin_from(told(17, 0, 100));
        unheard.note(told(17, 0, 100));
        assert_eq!(unheard.omission(), None);
        unheard.note(told(18, 0, 100));
        assert_eq!(unheard.omission(), Some(Omission::Evicts));
        unheard.note(told(18, 0, 100));
        assert_eq!(unheard.omission(), None);
    }

    #[test]
    fn a_table_fills_from_half_of_its_limit_on_until_it_has_room_again() {
        let unheard = Unheard::default();
        let after = |tracked, limit| {
            unheard.note(NodeStats { limit, ..told(0, tracked, 0) });
            unheard.omission() == Some(Omission::TableFills)
        };
        let a_hundred = Some(100);
        assert_eq!(
            [49, 50, 49, 40, 39, 49].map(|it| after(it, a_hundred)),
            [false, true, true, true, false, false]
        );
        assert!(!after(u64::MAX, Some(0)), "no limit");
    }

    #[test]
    fn a_table_of_which_nobody_says_how_large_it_is_may_be_full() {
        let denied = NodeStats { limit: None, answered_limit: false, ..told(0, 3, 0) };
        let unheard = Unheard::default();
        unheard.begin_from(denied);
        assert_eq!(unheard.omission(), Some(Omission::LimitUntold));
        assert_eq!(unheard.told_omission(), None, "a right is lacking, and told as such");
        unheard.note(NodeStats { answered_limit: true, ..denied });
        assert_eq!(unheard.told_omission(), Some(Omission::LimitUntold));
        unheard.note(told(0, 3, 100));
        assert_eq!(unheard.omission(), None);

        let unheard = Unheard::default();
        unheard.begin_from(denied.with_limit(Some(100)));
        assert_eq!(unheard.omission(), None, "the settings say it");
        unheard.note(NodeStats { tracked: Some(50), ..denied });
        assert_eq!(unheard.omission(), Some(Omission::TableFills));
    }
}
