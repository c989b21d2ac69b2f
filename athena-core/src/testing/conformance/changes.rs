//! The log of invalidations, for backends that keep one.

use super::{Absent, Bump, Checked, Class, LONG, SHORT, Token, bumps, generation, token};
use crate::backend::{
    Advance, ChangeLog, Failure, LogBreak, LogPage, LogPosition, LogRecord, LogTurn,
    LoggedInvalidation, Parked, log_name, outbox_name,
};

/// More than any check writes.
const CAP: u64 = 1_000;

/// A log of a name that nothing has used before.
struct ProbedLog<'a> {
    log: &'a dyn ChangeLog,
    name: String,
    outbox: String,
}

fn probed(probe: &Checked) -> ProbedLog<'_> {
    let log = probe.backend.changes();
    probe.promise(log.is_some(), "a backend that keeps a log keeps it", ());
    let log = log.unwrap_or_else(|| unreachable!("it was looked at"));
    let part = log.log_parts().first().cloned().unwrap_or_default();
    let (name, outbox) = (log_name(&probe.namespace, &part), outbox_name(&probe.namespace, &part));
    ProbedLog { log, name, outbox }
}

fn record(number: u64) -> LogRecord {
    LogRecord::Entry(format!("entry {number}"))
}

impl ProbedLog<'_> {
    async fn append(&self, probe: &Checked, records: &[LogRecord]) -> LogPosition {
        self.append_to(probe, &self.name, records, CAP).await
    }

    async fn append_to(
        &self,
        probe: &Checked,
        log: &str,
        records: &[LogRecord],
        cap: u64,
    ) -> LogPosition {
        let nonce = generation().get();
        let change = LoggedInvalidation { bumps: &[], names: &[], log, records, nonce, cap };
        probe.done(self.log.execute(change).await)
    }

    async fn read(&self, probe: &Checked, after: u64) -> LogPage {
        probe.done(self.log.read_log(&self.name, after, 1_000).await)
    }

    /// The turn of the only one who follows it.
    async fn turn(&self, probe: &Checked) -> LogTurn {
        let turn = probe.done(self.log.take_turn(&self.name, Token::new(7), LONG).await);
        probe.promise(turn.is_some(), "who has the turn keeps it", turn);
        turn.unwrap_or(LogTurn { epoch: 0, history: 0, asked: 0, position: None })
    }
}

pub(super) async fn parts_of_a_log_are_there_and_names_belong_to_one(probe: &Checked) {
    let ProbedLog { log, .. } = probed(probe);
    let parts = log.log_parts();
    probe.promise(!parts.is_empty(), "a log has a part", parts);
    for number in 0..64 {
        let name = probe.entry(&number.to_string()).lease;
        let part = log.log_part(&name);
        probe.promise(
            part < parts.len(),
            "each name belongs to a part that there is",
            (part, name),
        );
    }
    for (number, part) in parts.iter().enumerate() {
        let name = log_name(&probe.namespace, part);
        let found = log.log_part(&name);
        probe.promise(found == number, "the log itself lies in its part", (number, found));
    }
}

pub(super) async fn a_log_that_nobody_has_begun_is_empty(probe: &Checked) {
    let log = probed(probe);
    let page = log.read(probe, 0).await;
    let is_none = page.last.nonce == 0 && page.last.number == 0 && page.records.is_empty();
    probe.promise(is_none, "there is no log", &page);
    let length = probe.done(log.log.log_length(&log.name).await);
    probe.promise(length == 0, "it holds nothing", length);
    let begun = log.append(probe, &[]).await;
    probe.promise(begun.nonce != 0 && begun.number == 0, "nothing appended begins it", begun);
    let page = log.read(probe, 0).await;
    probe.promise(page.last == begun && page.records.is_empty(), "it has begun", &page);
    let after = log.append(probe, &[record(1)]).await;
    probe.promise(after.nonce == begun.nonce && after.number == 1, "it is the same log", after);
}

pub(super) async fn records_have_numbers_without_gaps_in_the_order_of_their_execution(
    probe: &Checked,
) {
    let log = probed(probe);
    let mut last = log.append(probe, &[record(1)]).await;
    for number in 1..=6 {
        let records = [record(2 * number), record(2 * number + 1)];
        let next = log.append(probe, &records).await;
        probe.promise(next.number == 2 * number + 1, "numbers go on", next);
        probe.promise(next.is_in(&last), "it is the same log", (next, last));
        last = next;
    }
    let page = log.read(probe, 0).await;
    let expected: Vec<_> = (1..=13).map(|number| (number, record(number))).collect();
    probe.promise(page.records == expected, "each record stands under its number", &page);
    probe.promise(page.last == last, "the last number is the last one's", (page.last, last));
    let part = probe.done(log.log.read_log(&log.name, 4, 3).await);
    let expected = &expected[4..7];
    probe.promise(part.records == expected, "so many are read after a number", &part);
    probe.promise(part.last == last, "the last number is that of the log", part.last);
    let length = probe.done(log.log.log_length(&log.name).await);
    probe.promise(length == 13, "the length is that of the log", length);
}

pub(super) async fn any_record_is_read_as_it_was_written(probe: &Checked) {
    let log = probed(probe);
    let records = [
        LogRecord::Entry("ns:{f:app::books#$11}".into()),
        LogRecord::Tag("catégorie: \"a b\"\n\0".into()),
        LogRecord::Everything,
    ];
    log.append(probe, &records).await;
    let page = log.read(probe, 0).await;
    let read: Vec<_> = page.records.iter().map(|(_, record)| record.clone()).collect();
    probe.promise(read == records, "records are kept whole", &page);
}

pub(super) async fn what_is_executed_is_changed_before_it_is_logged(probe: &Checked) {
    let log = probed(probe);
    let (entry, tag, another) = (probe.entry("a"), probe.tag("t"), generation());
    probe.insert(&entry, b"value", LONG).await;
    probe.hold_generation(&tag, generation()).await;
    let names = [entry.value.clone(), entry.lease.clone()];
    let changed = [(tag.clone(), another)];
    let bumps: Vec<Bump<'_>> = bumps(&changed, Absent::Stays);
    let records = [LogRecord::Tag("t".into()), record(1)];
    let nonce = generation().get();
    let change = LoggedInvalidation {
        bumps: &bumps,
        names: &names,
        log: &log.name,
        records: &records,
        nonce,
        cap: CAP,
    };
    let position = probe.done(log.log.execute(change).await);
    probe.promise(position.number == 2, "the position is that of the last record", position);
    let value = probe.value(&entry).await;
    probe.promise(value.is_none(), "what was named is gone", &value);
    let generations = probe.generations(&[tag]).await;
    probe.promise(generations == [Some(another)], "generations are changed", &generations);
}

pub(super) async fn a_log_keeps_as_much_as_it_is_told_and_a_reader_sees_what_is_missing(
    probe: &Checked,
) {
    let log = probed(probe);
    let first = log.append(probe, &[record(1)]).await;
    // Servers may keep some more than they are told.
    let (cap, count) = (10, 600);
    for number in (2..=count).step_by(20) {
        let records: Vec<_> = (number..number + 20).map(record).collect();
        log.append_to(probe, &log.name, &records, cap).await;
    }
    let length = probe.done(log.log.log_length(&log.name).await);
    probe.promise((cap..count / 2).contains(&length), "the oldest go", length);
    let page = log.read(probe, first.number).await;
    let follows = page.follows(Some(&first));
    probe.promise(follows == Err(LogBreak::Gap), "a gap is seen", (follows, page.records.len()));
}

pub(super) async fn what_is_settled_is_gone_and_numbers_go_on(probe: &Checked) {
    let log = probed(probe);
    let records: Vec<_> = (1..=5).map(record).collect();
    log.append_to(probe, &log.outbox, &records, CAP).await;
    probe.done(log.log.settle(&log.outbox, 3).await);
    let page = probe.done(log.log.read_log(&log.outbox, 0, 10).await);
    let numbers: Vec<_> = page.records.iter().map(|(number, _)| *number).collect();
    probe.promise(numbers == [4, 5], "the settled ones are gone", numbers);
    probe.done(log.log.settle(&log.outbox, 5).await);
    let length = probe.done(log.log.log_length(&log.outbox).await);
    probe.promise(length == 0, "nothing is left", length);
    let next = log.append_to(probe, &log.outbox, &[record(6)], CAP).await;
    let is_next = next.number == 6 && next.nonce == page.last.nonce;
    probe.promise(is_next, "the log that was emptied goes on", next);
    let other = log.read(probe, 0).await;
    probe.promise(other.last.nonce == 0, "the log beside it is another one", other);
}

pub(super) async fn a_turn_is_one_at_a_time_counts_the_question_and_ends_by_itself(
    probe: &Checked,
) {
    let log = probed(probe);
    let (mine, other) = (token(), token());
    let first = probe.done(log.log.take_turn(&log.name, mine, LONG).await);
    probe.promise(first.is_some_and(|turn| turn.asked == 1), "the first comes first", first);
    let none = probe.done(log.log.take_turn(&log.name, other, LONG).await);
    probe.promise(none.is_none(), "nobody else has a turn", none);
    let pulse = probe.done(log.log.pulse(&log.name).await);
    probe.promise(pulse.asked == 1, "who has no turn asks nothing", pulse);
    let again = probe.done(log.log.take_turn(&log.name, mine, SHORT).await);
    probe.promise(again.is_some_and(|turn| turn.asked == 2), "who has it keeps it", again);
    probe
        .until("a turn ends by itself", async || {
            probe.done(log.log.take_turn(&log.name, other, SHORT).await).is_some()
        })
        .await;
}

pub(super) async fn a_position_never_goes_back_within_a_log(probe: &Checked) {
    let log = probed(probe);
    let at = |nonce, number| LogPosition { history: u64::MAX, nonce, number };
    let turn = log.turn(probe).await;
    probe.promise(turn.position.is_none(), "nothing is known of it at first", turn);
    for (position, is_last, expected) in [
        (at(7, 5), false, at(7, 5)),
        (at(7, 3), false, at(7, 5)),
        (at(7, 9), false, at(7, 9)),
        (at(8, 2), false, at(8, 2)),
        (at(8, 2), true, at(8, 2)),
    ] {
        let advance = Advance { turn: &turn, position, is_last };
        let done = probe.done(log.log.advance(&log.name, advance).await);
        let pulse = probe.done(log.log.pulse(&log.name).await);
        probe.promise(done, "the connection is that of the turn", pulse);
        probe.promise(pulse.position == Some(expected), "a position goes on", (pulse, position));
        let answered = if is_last { turn.asked } else { 0 };
        probe.promise(pulse.answered == answered, "only the last one answers", pulse);
    }
    let next = log.turn(probe).await;
    probe.promise(next.position == Some(at(8, 2)), "a turn tells where it stands", next);
    let old = Advance { turn: &turn, position: at(8, 4), is_last: true };
    probe.done(log.log.advance(&log.name, old).await);
    let pulse = probe.done(log.log.pulse(&log.name).await);
    let is_kept = pulse.answered == turn.asked && pulse.asked == next.asked;
    probe.promise(is_kept, "who comes late answers its own question alone", pulse);
}

pub(super) async fn nothing_advances_over_another_connection_or_past_a_question_that_is_forgotten(
    probe: &Checked,
) {
    let log = probed(probe);
    let turn = log.turn(probe).await;
    let position = LogPosition { history: 1, nonce: 7, number: 5 };
    for turn in [
        LogTurn { epoch: turn.epoch.wrapping_sub(1), ..turn },
        LogTurn { asked: turn.asked + 1, ..turn },
    ] {
        let advance = Advance { turn: &turn, position, is_last: true };
        let outcome = log.log.advance(&log.name, advance).await;
        let is_refused = match &outcome {
            Ok(done) => !done,
            Err(failure) => failure.class() != Class::Rejected,
        };
        probe.promise(is_refused, "it is refused", outcome.map_err(|failure| failure.class()));
    }
    let pulse = probe.done(log.log.pulse(&log.name).await);
    let is_as_before = pulse.position.is_none() && pulse.answered == 0;
    probe.promise(is_as_before, "nothing has advanced", pulse);
}

pub(super) async fn what_is_parked_is_kept_in_order(probe: &Checked) {
    let log = probed(probe);
    let parked =
        |number| Parked { number, record: record(number), reason: "it says \"no\"".into() };
    for number in [3, 9, 4] {
        probe.done(log.log.park(&log.name, &parked(number)).await);
    }
    let all = probe.done(log.log.parked(&log.name, 10).await);
    probe.promise(all == [parked(3), parked(9), parked(4)], "all are there", &all);
    let some: Result<Vec<Parked>, Failure> = log.log.parked(&log.name, 2).await;
    let some = probe.done(some);
    probe.promise(some == [parked(3), parked(9)], "so many are told", &some);
}
