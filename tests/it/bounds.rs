//! What is bounded, whatever a process is asked for: tasks, leases on their way back, entries.

use std::pin::pin;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Resilience, athena_invalidate};
use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::world::{FORMS, Fault, Form, Gate, Origin, Remote, once, others_rest, until};

/// More than any bound in the library.
const MANY: usize = 10_000;
/// More tasks than a cache needs for itself.
const FEW_TASKS: usize = 40;

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

fn with_resilience(change: impl FnOnce(&mut Resilience)) -> Remote {
    let mut resilience = once(Resilience::default());
    change(&mut resilience);
    Remote::with(|builder| builder.resilience(resilience))
}

/// Begins a load of a key and drops it half-way.
async fn drop_a_load(form: Form, cache: &Cache, name: &str, origin: &Origin, gate: &Gate) {
    let loads = origin.loads();
    let call = pin!(form.plain(cache, name, origin.waits(gate, Ok(1))));
    tokio::select! {
        _ = call => panic!("nobody opened the gate"),
        () = until("the load", || origin.loads() > loads) => {}
    }
}

#[tokio::test]
async fn s7_a_few_tasks_give_leases_back_however_many_loads_are_dropped() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::new(), Origin::default(), Gate::closed());
        let cache = &remote.world.cache;
        remote.chaos.on("release", Chaotic::Hang);
        for number in 0..MANY {
            drop_a_load(form, cache, &number.to_string(), &origin, &gate).await;
            assert!(tasks() < FEW_TASKS, "after {number} loads");
        }
        let left = cache.stats().leases_left;
        assert!(left > MANY as u64 / 2 && left < MANY as u64, "{left} were left");
    }
}

#[tokio::test]
async fn s7_what_waited_for_a_node_is_given_back_once_it_answers() {
    let remote = with_resilience(|resilience| resilience.breaker.enabled = false);
    let (origin, gate) = (Origin::default(), Gate::closed());
    let (cache, clock) = (&remote.world.cache, &remote.world.clock);
    remote.chaos.on("release", Chaotic::Error(Class::Unreachable));
    for number in 0..100 {
        drop_a_load(Form::Entry, cache, &number.to_string(), &origin, &gate).await;
    }
    cache.settle().await;
    remote.chaos.heal();
    let leases = || remote.store.names().iter().filter(|name| name.ends_with(":l")).count();
    assert_eq!(leases(), 100, "given back before");
    // Their lives are longer than this.
    for _ in 0..4 {
        clock.advance(Duration::from_millis(500));
        others_rest().await;
    }
    assert_eq!(leases(), 0);
    assert!(tasks() < FEW_TASKS);
}

#[tokio::test]
async fn loads_that_writes_cannot_follow_leave_no_tasks_behind() {
    for form in FORMS {
        let remote = with_resilience(|resilience| resilience.max_pending_writes = 1);
        let (cache, origin) = (&remote.world.cache, Origin::default());
        let clock = &remote.world.clock;
        remote.chaos.on("fill", Chaotic::Hang);
        let names: Vec<_> = (0..MANY).map(|number| number.to_string()).collect();
        let calls =
            join_all(names.iter().map(|name| form.plain(cache, name, origin.returns(Ok(1)))));
        let most = std::cell::Cell::new(0);
        let time = async {
            loop {
                most.set(most.get().max(tasks()));
                clock.advance(Duration::from_millis(100));
                others_rest().await;
            }
        };
        tokio::select! {
            answers = calls => assert!(answers.iter().all(|it| it.value == Ok(1))),
            () = time => {}
        }
        assert!(cache.stats().dropped_writes > MANY as u64 / 2);
        assert!(most.get() < FEW_TASKS, "{} tasks", most.get());
    }
}

#[tokio::test]
async fn changes_whose_callers_are_gone_invalidate_in_a_bounded_number_of_tasks() {
    #[athena_invalidate(keys = ["plain:{name}"], on = always, cache = cache)]
    async fn change(cache: &Cache, name: &str) -> Result<(), Fault> {
        std::future::pending().await
    }

    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    Form::Entry.plain(cache, "9999", origin.returns(Ok(1))).await;
    cache.settle().await;
    remote.chaos.on("remove", Chaotic::Hang);
    for number in 0..MANY {
        let name = number.to_string();
        assert!(change(cache, &name).now_or_never().is_none());
    }
    assert!(tasks() < MANY / 2, "{} tasks", tasks());
    remote.chaos.heal();
    let seen = cache.entry("plain:9999").get::<u32>().await;
    assert_eq!(
        seen.unwrap(),
        None,
        "what found no task is in the journal, before anything is read"
    );
}
