//! Histories of counters, and what is made of them.
#![expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "exact where it is compared")]

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Tick {
    Tick::from_millis(1_000_000 + seconds * 1_000)
}

fn counted(seconds: u64, totals: Totals) -> CounterSample {
    CounterSample { at: at(seconds), totals, ..CounterSample::default() }
}

#[test]
fn a61_a_share_is_exact_over_a_window_that_began_with_the_process() {
    let window = RateWindow::new(at(0));
    let totals =
        Totals { memory: 50, backend: 20, stale: 5, misses: 20, joined: 5, ..Totals::default() };
    let rates = window.rates(&counted(10, totals), MINUTE);
    assert_eq!((rates.hit_rate, rates.requests_per_second), (0.75, 10.0));
    assert_eq!((rates.stale_rate, rates.requests, rates.seconds), (0.05, 100, 10.0));
}

#[test]
fn a61_without_calls_every_share_is_zero() {
    let window = RateWindow::new(at(0));
    for seconds in [0, 10] {
        let rates = window.rates(&counted(seconds, Totals::default()), MINUTE);
        for rate in [
            rates.hit_rate,
            rates.stale_rate,
            rates.requests_per_second,
            rates.average_response_time,
            rates.error_rate,
            rates.load_error_rate,
        ] {
            assert_eq!(rate, 0.0, "{rates:?}");
        }
        assert_eq!(rates.requests, 0);
    }
}

#[test]
fn a_window_begins_at_the_sample_before_it() {
    let mut window = RateWindow::new(at(0));
    for step in 1..=60 {
        window.note(counted(step * 5, Totals { misses: step * 10, ..Totals::default() }));
    }
    let now = counted(302, Totals { misses: 610, memory: 30, ..Totals::default() });
    let rates = window.rates(&now, MINUTE);
    // The sample of 240 s: the one of 245 s is younger than a minute.
    assert_eq!((rates.seconds, rates.requests, rates.memory), (62.0, 160, 30));
    let rates = window.rates(&now, Duration::MAX);
    assert_eq!((rates.seconds, rates.requests), (302.0, 640));
}

#[test]
fn means_weigh_hits_in_memory_as_their_sample_did() {
    let window = RateWindow::new(at(0));
    let totals = Totals {
        memory: 3_000,
        sampled: (2, 0.000_004),
        misses: 1_000,
        slow: (500, 5.0),
        ..Totals::default()
    };
    let rates = window.rates(&counted(10, totals), MINUTE);
    let expected = (3_000.0 * 0.000_002 + 1_000.0 * 0.01) * 1_000.0 / 4_000.0;
    assert!((rates.average_response_time - expected).abs() < 1e-9, "{rates:?}");
}

#[test]
fn samples_reach_back_ten_minutes_and_three_hours() {
    let mut window = RateWindow::new(at(0));
    for second in 1..=5 * 3_600 {
        if window.is_due(at(second)) {
            window.note(counted(second, Totals { misses: second, ..Totals::default() }));
        }
    }
    let History { fine, coarse } = window.history();
    assert_eq!((fine.len(), coarse.len()), (120, 180));
    for (steps, seconds) in [(&fine, 5.0), (&coarse, 60.0)] {
        assert!(steps.iter().all(|it| it.seconds == seconds && it.requests_per_second == 1.0));
    }
}

#[test]
fn functions_are_the_busiest_and_take_little_room() {
    let mut window = RateWindow::new(at(0));
    let names: Vec<&'static str> =
        (0..256).map(|number| &*Box::leak(format!("f{number}").into_boxed_str())).collect();
    for step in 1..=4_000_u64 {
        let sites = names.iter().zip(1..).map(|(site, calls): (_, u64)| SiteTotals {
            site,
            calls: calls * step,
            hits: calls * step / 2,
            failures: step,
        });
        window
            .note(CounterSample { sites: sites.collect(), ..counted(step * 5, Totals::default()) });
    }
    let History { fine, .. } = window.history();
    let last = fine.last().unwrap();
    assert_eq!((last.sites.len(), last.sites[0].site, last.sites[0].requests), (20, "f255", 256));
    assert_eq!((last.sites[0].hit_rate, last.sites[0].failures), (0.5, 1));
    let samples = window.fine.iter().chain(&window.coarse);
    let bytes: usize = samples
        .map(|it| size_of::<CounterSample>() + it.sites.capacity() * size_of::<SiteTotals>())
        .sum();
    assert!(bytes < 400 * 1_024, "{bytes}");
}

#[test]
fn counters_that_went_back_and_clocks_that_stand_still_are_no_trouble() {
    let mut random = fastrand::Rng::with_seed(9);
    let mut window = RateWindow::new(at(0));
    for _ in 0..5_000 {
        let mut number = || {
            let bits = random.u32(8..64);
            random.u64(..=u64::MAX >> bits)
        };
        let (slow, seconds) = (number(), number() as f64);
        let totals = Totals {
            memory: number(),
            backend: number(),
            stale: number(),
            joined: number(),
            misses: number(),
            bypassed: number(),
            failed: number(),
            slow: (slow, seconds),
            sampled: (number(), 1.0),
            loads: number(),
            load_failures: number(),
            exchanges: (number(), number()),
        };
        let counted = counted(random.u64(..20_000), totals);
        let rates = window.rates(&counted, MINUTE);
        for share in [rates.hit_rate, rates.stale_rate, rates.error_rate, rates.load_error_rate] {
            assert!((0.0..=1.0).contains(&share), "{rates:?}");
        }
        for rate in [rates.requests_per_second, rates.average_response_time] {
            assert!(rate.is_finite() && rate >= 0.0, "{rates:?}");
        }
        window.note(counted);
    }
}
