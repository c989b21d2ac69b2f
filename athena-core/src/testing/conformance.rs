//! What every backend must do, as a suite that any author of one can run.
//!
//! ```
//! # use std::sync::Arc;
//! # use athena_cache_core::backend::Backend;
//! # use athena_cache_core::testing::conformance;
//! # async fn my_tests(mine: Arc<dyn Backend>) {
//! conformance::check(mine.clone()).await;
//! conformance::check_closing(mine).await;
//! # }
//! ```
//!
//! Invariant: a run uses names of its own, removes nothing else, and waits for conditions only, so it
//! may be run against a store that others use.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{
    Absent, Backend, Bump, Class, Failure, Fill, Filled, Found, Generation, Item, Lasting,
    LeaseRequest, Leased, Node, Proposal, Stored, Token,
};

mod changes;
mod closing;
mod following;
mod generations;
mod leases;
mod probed_log;
mod races;
mod values;

/// Longer than any run: what lives this long is still there at the end.
const LONG: Duration = Duration::from_secs(600);
/// Short enough to wait for its end.
const SHORT: Duration = Duration::from_millis(40);
/// How much time may pass until something happens that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs every check but those of closing, those of the log where the backend keeps one; needs a tokio runtime with time.
///
/// # Panics
///
/// The backend breaks a promise; the message names the check, the promise and what was found.
pub async fn check(backend: Arc<dyn Backend>) {
    run(Checked::new(backend, PassingTime::Real)).await;
}

/// As [`check`], for a backend whose time moves only when `advance` is called.
///
/// # Panics
///
/// As [`check`].
pub async fn check_on_clock(
    backend: Arc<dyn Backend>,
    advance: impl Fn(Duration) + Send + Sync + 'static,
) {
    run(Checked::new(backend, PassingTime::Manual(Box::new(advance)))).await;
}

/// Closes the backend and checks that it stays closed.
///
/// # Panics
///
/// As [`check`].
pub async fn check_closing(backend: Arc<dyn Backend>) {
    let mut probe = Checked::new(backend, PassingTime::Real);
    probe.check = "a_closed_backend_refuses_every_operation";
    closing::a_closed_backend_refuses_every_operation(&probe).await;
}

macro_rules! each {
    ($probe:ident: $($group:ident { $($check:ident)* })*) => {
        $($(
            $probe.begin(stringify!($check));
            $group::$check(&$probe).await;
        )*)*
    };
}

async fn run(mut probe: Checked) {
    each!(probe:
        values {
            a_backend_answers_and_tells_where_it_is
            a_read_of_nothing_finds_nothing
            an_absent_value_reads_as_absent
            an_inserted_value_is_read_back_with_its_remaining_life
            an_insert_replaces_value_and_life
            a_value_ends_with_its_life
            a_life_of_one_millisecond_is_a_life
            any_bytes_are_kept
            any_legal_name_is_kept_apart
            one_read_finds_many_values_in_order
            removing_takes_any_number_of_names_present_or_not
            each_of_many_values_has_its_own_life
            shortening_shortens
            the_shortest_of_several_lives_holds
            what_was_shortened_has_a_whole_life_once_it_is_stored_again
            shortening_never_lengthens
            shortening_to_nothing_ends_a_value
            shortening_skips_what_is_absent
        }
        leases {
            a_lease_is_granted_once
            leases_of_different_entries_are_independent
            a_lease_ends_by_itself
            a_removed_lease_is_granted_again
            a_fill_under_the_lease_is_stored_and_ends_it
            a_fill_replaces_value_and_life
            a_fill_without_a_lease_is_refused
            a_fill_with_another_token_is_refused_and_harms_nobody
            a_fill_after_a_removal_is_refused
            a_fill_after_the_end_of_the_lease_is_refused
            a_fill_after_an_insert_is_refused
            an_insert_ends_the_lease
            a_released_lease_is_granted_again
            releasing_with_another_token_ends_nothing
        }
        generations {
            a_missing_generation_is_created_with_the_proposal
            a_generation_that_holds_is_kept_by_ensure
            generations_are_answered_in_the_order_of_the_request
            ensuring_creates_what_is_missing_and_takes_no_lease
            generations_are_completed_even_if_the_lease_is_not_granted
            bumping_overwrites_what_is_there
            bumping_what_is_absent_makes_no_name_unless_it_is_to_be_created
            a_removed_generation_is_missing
            what_is_no_generation_reads_as_missing_and_is_overwritten
            a_generation_does_not_end_with_its_entry
            a_generation_ends_by_itself_but_not_before_its_life
            a_generation_that_would_end_too_soon_lives_on
            a_generation_that_has_its_life_before_it_is_given_no_more
            a_generation_without_an_end_is_given_one_where_it_needs_none
            bumping_leaves_the_life_of_a_generation
        }
        races {
            of_many_that_ask_at_once_one_gets_the_lease
            of_many_that_create_a_generation_at_once_all_ensure_the_same
            of_many_that_fill_at_once_one_is_stored_whole
            a_cancelled_operation_disturbs_no_other
        }
    );
    if probe.backend.changes().is_none() {
        return;
    }
    each!(probe:
        changes {
            parts_of_a_log_are_there_and_names_belong_to_one
            a_log_that_nobody_has_begun_is_empty
            records_have_numbers_without_gaps_in_the_order_of_their_execution
            any_record_is_read_as_it_was_written
            what_is_executed_is_changed_before_it_is_logged
            a_log_keeps_as_much_as_it_is_told_and_a_reader_sees_what_is_missing
            what_is_settled_is_gone_and_numbers_go_on
        }
        following {
            a_turn_is_one_at_a_time_counts_the_question_and_ends_by_itself
            a_position_never_goes_back_within_a_log
            nothing_advances_over_another_connection_or_past_a_question_that_is_forgotten
            what_is_parked_is_kept_in_order
        }
    );
}

/// A backend under test, and the check that is running.
struct Checked {
    backend: Arc<dyn Backend>,
    clock: PassingTime,
    namespace: String,
    check: &'static str,
}

enum PassingTime {
    Real,
    Manual(Box<dyn Fn(Duration) + Send + Sync>),
}

/// The names of one entry, as the cache forms them.
struct EntryNames {
    value: String,
    lease: String,
}

impl Checked {
    fn new(backend: Arc<dyn Backend>, clock: PassingTime) -> Self {
        Self { backend, clock, namespace: String::new(), check: "" }
    }

    /// Starts a check with names that nothing has used before.
    fn begin(&mut self, check: &'static str) {
        self.check = check;
        self.namespace = format!("conformance-{:016x}", fastrand::u64(..));
    }

    /// Panics unless a promise was kept.
    fn promise(&self, kept: bool, promise: &str, found: impl fmt::Debug) {
        assert!(
            kept,
            "backend at `{}` does not conform: {}: {promise}, found {found:?}",
            self.endpoint(),
            self.check,
        );
    }

    /// Takes the result of an operation that has no reason to fail.
    fn done<T>(&self, result: Result<T, Failure>) -> T {
        result.unwrap_or_else(|failure| {
            panic!(
                "backend at `{}` does not conform: {}: an operation failed as {}: {failure}",
                self.endpoint(),
                self.check,
                failure.class(),
            )
        })
    }

    /// Lets time pass until a condition holds.
    async fn until(&self, promise: &str, condition: impl AsyncFn() -> bool) {
        let mut passed = Duration::ZERO;
        let mut step = Duration::from_millis(1);
        while !condition().await {
            self.promise(passed < PATIENCE, promise, "it did not happen");
            self.pass(step).await;
            passed += step;
            step = (step * 2).min(Duration::from_millis(50));
        }
    }

    /// Lets some time pass.
    async fn pass(&self, time: Duration) {
        match &self.clock {
            PassingTime::Real => tokio::time::sleep(time).await,
            PassingTime::Manual(advance) => {
                advance(time);
                tokio::task::yield_now().await;
            }
        }
    }

    fn endpoint(&self) -> String {
        let nodes = self.backend.nodes().into_iter();
        nodes.map(|node| self.backend.endpoint(node)).collect::<Vec<_>>().join(",")
    }

    /// The node that serves the names of the running check.
    fn node(&self) -> Node {
        self.backend.node(&self.entry("a").lease)
    }

    fn entry(&self, key: &str) -> EntryNames {
        let stem = format!("{}:{{k:{key}}}", self.namespace);
        EntryNames { value: format!("{stem}:3"), lease: format!("{stem}:l") }
    }

    fn tag(&self, name: &str) -> String {
        format!("{}:#{name}", self.namespace)
    }

    async fn read(&self, values: &[&str], generations: &[&str]) -> Found {
        let found = self.done(self.backend.read(values, generations).await);
        let counts = (found.values.len(), found.generations.len());
        let asked = (values.len(), generations.len());
        self.promise(counts == asked, "each name that is read has one answer", counts);
        found
    }

    async fn value(&self, entry: &EntryNames) -> Option<Stored> {
        self.read(&[&entry.value], &[]).await.values.pop().flatten()
    }

    async fn generations(&self, names: &[String]) -> Vec<Option<Generation>> {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        self.read(&[], &names).await.generations
    }

    async fn bytes(&self, entry: &EntryNames) -> Option<Vec<u8>> {
        self.value(entry).await.map(|stored| stored.bytes)
    }

    async fn insert(&self, entry: &EntryNames, bytes: &[u8], life: Duration) {
        self.remove(&[&entry.value, &entry.lease]).await;
        let token = self.hold(entry, LONG).await;
        let filled = self.fill(entry, token, bytes, life).await;
        self.promise(filled == Filled::Stored, "a fill under its lease is stored", filled);
    }

    async fn remove(&self, names: &[&str]) {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        self.done(self.backend.remove(&names).await);
    }

    async fn shorten(&self, entry: &EntryNames, life: Duration) {
        let names = std::slice::from_ref(&entry.value);
        self.done(self.backend.shorten(names, life).await);
    }

    async fn lease(&self, entry: &EntryNames, life: Duration) -> (Token, bool) {
        let token = token();
        let request = LeaseRequest { lease: &entry.lease, token, life, generations: &[] };
        (token, self.done(self.backend.lease(request).await).granted)
    }

    /// Takes a lease that has to be free.
    async fn hold(&self, entry: &EntryNames, life: Duration) -> Token {
        let (token, granted) = self.lease(entry, life).await;
        self.promise(granted, "a lease that nobody holds is granted", granted);
        token
    }

    async fn complete(&self, entry: &EntryNames, generations: &[(String, Generation)]) -> Leased {
        let generations = &without_end(generations);
        let request = LeaseRequest { lease: &entry.lease, token: token(), life: LONG, generations };
        self.done(self.backend.lease(request).await)
    }

    /// Completes one generation that has to last; tells what holds now.
    async fn last(&self, name: &str, generation: Generation, life: Duration) -> Lasting {
        let proposal = Proposal { name, generation, life: Some(life) };
        let ensured = self.done(self.backend.ensure(&[proposal]).await);
        let lasting = ensured.generations.first().copied();
        self.promise(lasting.is_some(), "each proposal has an answer", &ensured.generations);
        lasting.unwrap_or(Lasting { generation, remaining: None })
    }

    /// Changes generations that are there.
    async fn bump(&self, generations: &[(String, Generation)]) {
        self.done(self.backend.bump(&bumps(generations, Absent::Stays)).await);
    }

    /// Has a generation be there, as others have made it.
    async fn hold_generation(&self, name: &str, generation: Generation) {
        self.remove(&[name]).await;
        let name = name.to_owned();
        let ensured = self.backend.ensure(&without_end(&[(name, generation)])).await;
        self.done(ensured);
    }

    async fn fill(&self, entry: &EntryNames, token: Token, bytes: &[u8], life: Duration) -> Filled {
        let item = Item { value: &entry.value, bytes, life };
        let epoch = self.backend.epoch(self.backend.node(&entry.lease));
        self.done(self.backend.fill(Fill { item, lease: &entry.lease, token, epoch }).await)
    }
}

fn without_end(generations: &[(String, Generation)]) -> Vec<Proposal<'_>> {
    let generations = generations.iter();
    generations
        .map(|(name, generation)| Proposal { name, generation: *generation, life: None })
        .collect()
}

fn bumps(generations: &[(String, Generation)], absent: Absent) -> Vec<Bump<'_>> {
    generations
        .iter()
        .map(|(name, generation)| Bump { name, generation: *generation, absent })
        .collect()
}

/// The numbers of what was answered.
fn numbers(generations: &[Lasting]) -> Vec<Generation> {
    generations.iter().map(|lasting| lasting.generation).collect()
}

fn token() -> Token {
    Token::new(fastrand::u64(..))
}

fn generation() -> Generation {
    Generation::new(fastrand::u64(..))
}
