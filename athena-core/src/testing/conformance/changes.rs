//! The log of invalidations, for backends that keep one.

use super::probed_log::{CAP, probed, record};
use super::{Absent, Bump, Checked, LONG, bumps, generation};
use crate::backend::{LogBreak, LogRecord, LoggedInvalidation, log_name};

pub(super) async fn parts_of_a_log_are_there_and_names_belong_to_one(probe: &Checked) {
    let log = probed(probe).log;
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
    probe.promise(page.settled == 0, "what goes for want of room is not settled", page.settled);
}

pub(super) async fn what_is_settled_is_gone_and_numbers_go_on(probe: &Checked) {
    let log = probed(probe);
    let records: Vec<_> = (1..=5).map(record).collect();
    log.append_to(probe, &log.outbox, &records, CAP).await;
    probe.done(log.log.settle(&log.outbox, 3).await);
    let page = probe.done(log.log.read_log(&log.outbox, 0, 10).await);
    let numbers: Vec<_> = page.records.iter().map(|(number, _)| *number).collect();
    probe.promise(numbers == [4, 5], "the settled ones are gone", numbers);
    probe.promise(page.settled == 3, "up to where is noted", page.settled);
    probe.done(log.log.settle(&log.outbox, 2).await);
    let again = probe.done(log.log.read_log(&log.outbox, 0, 10).await);
    probe.promise(again == page, "who comes late settles nothing", &again);
    probe.done(log.log.settle(&log.outbox, 5).await);
    let length = probe.done(log.log.log_length(&log.outbox).await);
    probe.promise(length == 0, "nothing is left", length);
    let next = log.append_to(probe, &log.outbox, &[record(6)], CAP).await;
    let is_next = next.number == 6 && next.nonce == page.last.nonce;
    probe.promise(is_next, "the log that was emptied goes on", next);
    let other = log.read(probe, 0).await;
    probe.promise(other.last.nonce == 0, "the log beside it is another one", other);
}
