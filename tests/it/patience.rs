//! How long a call waits at most where what it waits for brings nothing.

use std::time::Duration;

use athena_cache::backend::{Backend, LeaseRequest, Token};
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Fallback, Invalidated, Resilience, Source};
use tokio::task::JoinHandle;

use crate::world::{FORMS, Fault, Form, Gate, Origin, Remote, TTL, others_rest, until};

/// The name of the lease of `k`.
const LEASE: &str = "test:{k:plain:k}:l";
/// As long as a lease is waited for before it is looked at first.
const FIRST_LOOK: Duration = Duration::from_millis(20);

fn attempt() -> Duration {
    Resilience::default().attempt_timeout
}

fn window() -> Duration {
    Resilience::default().trust_window
}

type Observed = athena_cache::Observed<Result<u32, Fault>>;

fn calling(form: Form, remote: &Remote, origin: &Origin, value: u32) -> JoinHandle<Observed> {
    let (cache, load) = (remote.world.cache.clone(), origin.returns(Ok(value)));
    tokio::spawn(async move { form.plain(&cache, "k", load).await })
}

/// What a call comes to within an attempt from now on.
async fn answer(remote: &Remote, call: JoinHandle<Observed>) -> Observed {
    others_rest().await;
    assert!(!call.is_finished(), "it waits");
    remote.world.advance(attempt());
    others_rest().await;
    assert!(call.is_finished(), "it waits for another attempt");
    call.await.unwrap()
}

/// How often an operation was asked for.
fn count(remote: &Remote, operation: &str) -> usize {
    remote.chaos.operations().iter().filter(|it| **it == operation).count()
}

/// Another process, which takes the lease of `k` and gives it back as often as it is told.
struct Rival<'a>(&'a Remote, u64);

impl Rival<'_> {
    async fn take(&mut self) {
        self.1 += 1;
        let life = Duration::from_secs(60);
        let request = LeaseRequest { lease: LEASE, token: self.token(), life, generations: &[] };
        assert!(self.0.store.lease(request).await.unwrap().granted);
    }

    async fn give_back(&self) {
        self.0.store.release(LEASE, self.token()).await.unwrap();
    }

    fn token(&self) -> Token {
        Token::new(self.1)
    }
}

#[tokio::test]
async fn r8_a_call_whose_key_is_invalidated_meanwhile_does_not_ask_a_silent_backend_again() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        remote.chaos.on("read", Chaotic::Hang);
        let call = calling(form, &remote, &origin, 1);
        until("the attempt", || count(&remote, "read") == 1).await;
        assert_eq!(remote.world.cache.invalidate("plain:k").await, Invalidated::Done);
        let answer = answer(&remote, call).await;
        assert_eq!((answer.value, answer.outcome.source), (Ok(1), Source::Load));
        assert_eq!((count(&remote, "read"), origin.loads()), (1, 1));
    }
}

#[tokio::test]
async fn r8_who_waits_for_a_lease_does_not_ask_a_backend_for_it_that_went_silent() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        Rival(&remote, 0).take().await;
        let call = calling(form, &remote, &origin, 1);
        until("it waits for the lease", || count(&remote, "lease") == 1).await;
        others_rest().await;
        remote.chaos.always(Chaotic::Hang);
        remote.world.advance(FIRST_LOOK);
        until("it looks", || count(&remote, "read") == 2).await;
        let answer = answer(&remote, call).await;
        assert_eq!((answer.value, answer.outcome.source), (Ok(1), Source::Load));
        assert_eq!((count(&remote, "read"), count(&remote, "lease")), (2, 1));
    }
}

#[tokio::test]
async fn r8_who_comes_late_to_a_load_does_not_wait_for_all_attempts_of_its_fill() {
    for (fallback, expected) in
        [(Fallback::GracefulDegradation, (1, true)), (Fallback::OriginOnly, (2, false))]
    {
        let remote = Remote::with(|builder| builder.resilience(Resilience::default()));
        let (origin, gate) = (Origin::default(), Gate::closed());
        remote.connection.stop_tracking();
        let (cache, load) = (remote.world.cache.clone(), origin.waits(&gate, Ok(1)));
        let early = tokio::spawn(async move { Form::Entry.plain(&cache, "k", load).await.value });
        until("the load", || origin.loads() == 1).await;
        remote.chaos.on("fill", Chaotic::Hang);
        remote.world.advance(window());
        let (cache, load) = (remote.world.cache.clone(), origin.returns(Ok(2)));
        let late = tokio::spawn(async move {
            cache.entry("plain:k").ttl(TTL).fallback(fallback).observe(|| load).await
        });
        others_rest().await;
        // Whoever looks would find nothing, and not get the lease.
        remote.chaos.forget_operations();
        gate.open();
        assert_eq!(early.await.unwrap(), Ok(1));
        until("the fill", || count(&remote, "fill") == 1).await;
        let late = answer(&remote, late).await;
        assert_eq!((late.value, late.outcome.degraded), (Ok(expected.0), expected.1));
        assert_eq!(count(&remote, "read") + count(&remote, "lease"), 0);
    }
}

#[tokio::test]
async fn r8_who_asks_a_silent_backend_beside_a_refresh_does_not_wait_for_that_as_well() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::new(), Origin::default(), Gate::closed());
        let (cache, due) = (remote.world.cache.clone(), TTL * 8 / 10);
        form.background(&cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.world.advance(due);
        form.background(&cache, "k", origin.waits(&gate, Ok(2))).await;
        until("the refresh", || origin.loads() == 2).await;
        remote.chaos.always(Chaotic::Hang);
        let load = origin.returns(Ok(3));
        let call = tokio::spawn(async move { form.background(&cache, "k", load).await });
        let answer = answer(&remote, call).await;
        assert_eq!((answer.value, answer.outcome.source), (Ok(1), Source::Memory));
        assert!(answer.outcome.degraded && origin.loads() == 2, "{:?}", answer.outcome);
    }
}

#[tokio::test]
async fn who_waits_for_others_whose_loads_bring_nothing_loads_after_the_second_one() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let mut rival = Rival(&remote, 0);
        rival.take().await;
        let call = calling(form, &remote, &origin, 1);
        for holders in 1..=2 {
            until("it waits", || count(&remote, "lease") == holders).await;
            others_rest().await;
            assert!(!call.is_finished(), "so many loads are waited for");
            rival.give_back().await;
            rival.take().await;
            remote.world.advance(FIRST_LOOK * 2);
        }
        others_rest().await;
        assert!(call.is_finished(), "the third one holds it");
        let answer = call.await.unwrap();
        assert_eq!((answer.value, answer.outcome.source), (Ok(1), Source::Load));
        assert_eq!(remote.world.cache.stats().leases_held_elsewhere, 1);
    }
}

#[tokio::test]
async fn one_load_of_another_process_is_waited_for_however_often_it_is_looked_at() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let mut rival = Rival(&remote, 0);
        rival.take().await;
        let call = calling(form, &remote, &origin, 1);
        for looks in 1..=5 {
            until("it waits", || count(&remote, "lease") == looks).await;
            others_rest().await;
            remote.world.advance(Duration::from_millis(1_250));
        }
        others_rest().await;
        assert!(!call.is_finished());
        rival.give_back().await;
        remote.world.advance(Duration::from_millis(1_250));
        assert_eq!(call.await.unwrap().value, Ok(1));
        assert_eq!(remote.world.cache.stats().leases_held_elsewhere, 0, "it got the lease");
    }
}
