//! Following the log of another store: turns, positions, what is parked.

use super::probed_log::{probed, record};
use super::{Checked, Class, LONG, SHORT, token};
use crate::backend::{Advance, LogPosition, LogTurn, Parked};

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
    let some = probe.done(log.log.parked(&log.name, 2).await);
    probe.promise(some == [parked(3), parked(9)], "so many are told", &some);
}
