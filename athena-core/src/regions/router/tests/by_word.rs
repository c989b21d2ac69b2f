//! Regions that are left or used because somebody says so.

use super::super::machine::{Switch, SwitchReason};
use super::super::standing::RegionStanding;
use super::{MINUTE, START, run, silent, well};
use crate::clock::Tick;

#[test]
fn b33_what_announces_that_it_will_be_away_is_left_before_and_returned_to_after_its_grace() {
    let run = run(0, &[well(), well()]).until(10_000);
    let mut run = run;
    run.router.hold(0, Tick::from_millis(START + 40_000));
    let mut run = run.until(20_000);
    assert_eq!(run.switches, [(10_200, 1, SwitchReason::Maintenance)]);
    assert_eq!(run.router.standings().next(), Some(RegionStanding::Maintenance));
    run.router.release(0, Tick::from_millis(START + 20_000));
    let run = run.until(25_000);
    assert_eq!(run.router.standings().next(), Some(RegionStanding::Probation));
    let run = run.until(3 * MINUTE);
    assert_eq!(run.switches()[1..], [(80_400, 0)]);
}

#[test]
fn b29_an_announcement_that_nobody_ends_ends_by_itself() {
    let mut run = run(0, &[well(), well()]).until(10_000);
    run.router.hold(0, Tick::from_millis(START + 40_000));
    run.router.hold(0, Tick::from_millis(START + 30_000));
    let run = run.until(3 * MINUTE);
    assert_eq!(run.switches(), [(10_200, 1), (100_400, 0)]);
}

#[test]
fn b33_nobody_leaves_for_a_region_that_is_not_well() {
    let mut run = run(0, &[well(), silent(&[(5_000, 30_000)])]).until(10_000);
    run.router.hold(0, Tick::from_millis(START + 25_000));
    assert_eq!(run.until(3 * MINUTE).switches(), []);
}

#[test]
fn a_word_by_hand_is_done_at_once_and_is_the_preference_from_then_on() {
    let mut run = run(0, &[well(), well()]).until(10_000);
    let switch = run.router.prefer(1);
    assert_eq!(switch, Some(Switch { from: 0, to: 1, reason: SwitchReason::ByHand }));
    assert_eq!((run.router.prefer(1), run.router.prefer(7)), (None, None));
    let mut run = run.until(10 * MINUTE);
    assert_eq!((run.switches(), run.router.active()), (vec![], 1));
    run.router.set_off(1, true);
    let mut run = run.until(11 * MINUTE);
    assert_eq!(run.router.active(), 0);
    assert_eq!(run.router.standings().nth(1), Some(RegionStanding::Off));
    run.router.set_off(1, false);
    let run = run.until(13 * MINUTE);
    assert_eq!(run.router.active(), 1, "preferred, and allowed again");
}
