//! Reads that go together against a model that knows only who came when, and what was asked when.
//!
//! Every question has a number, and its answer tells it with every value and generation. So the model needs no
//! batches: what a caller is told has to be of a question that was asked after the caller came, with its names in
//! it. Callers are polled when they were woken and never else; who is left at the end of a play waits for ever.

pub(super) mod numbered;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use self::numbered::{NumberedBackend, ReplyKind, generation_of, number_in};
use super::names::ReadShare;
use super::{Gatherers, MOST_AT_FIRST, TASKS, Wish};
use crate::backend::{Backend, Class, Failure, Node};
use crate::clock::Clock;
use crate::coherence::guards::{Guard, Guards};
use crate::random::Random;
use crate::tasks::Tasks;
use crate::testing::ManualClock;

const PLAYS: u64 = 60;
const STEPS: usize = 250;
const NODES: usize = 2;
/// Few, so that callers want the same.
const NAMES: u64 = 90;
const LIMIT: Duration = Duration::from_secs(1);

/// What happened in all plays, so that none of it is left out by chance.
#[derive(Debug, Default)]
struct Tally {
    together: usize,
    refused_together: usize,
    panicked: usize,
    given_up: usize,
    without_tasks: usize,
    largest: usize,
}

struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Reading = Pin<Box<dyn Future<Output = Result<ReadShare, Failure>>>>;

/// A caller who waits.
struct Comer {
    node: Node,
    value: String,
    generations: Vec<String>,
    /// The next question's number when it came.
    came: u64,
    reading: Reading,
    awake: Arc<Awake>,
}

struct Scene {
    seed: u64,
    random: Random,
    clock: ManualClock,
    backend: Arc<NumberedBackend>,
    tasks: Tasks,
    gatherers: Arc<Gatherers>,
    /// Those whose tasks are dropped are replaced.
    runtimes: [Option<Runtime>; 2],
    comers: Vec<Comer>,
    /// Questions that were checked, and how large those of each node could be then.
    checked: u64,
    most: [usize; NODES],
    tally: Tally,
}

impl Scene {
    fn new(seed: u64, guards: Guards) -> Self {
        let random = Random::new(Some(seed));
        let clock = ManualClock::new();
        let sizes = [16, 16, 8 << 10, 100 << 10];
        let size = sizes[below(&random, sizes.len())];
        let backend = Arc::new(NumberedBackend::new(size));
        let tasks = Tasks::new();
        let as_backend: Arc<dyn Backend> = Arc::<NumberedBackend>::clone(&backend);
        let gatherers = Gatherers::new(&as_backend, &Clock::from(clock.clone()), &tasks, guards);
        let gatherers = Arc::new(gatherers);
        let runtimes = [(); 2].map(|()| Some(runtime()));
        Self {
            seed,
            random,
            clock,
            backend,
            tasks,
            gatherers,
            runtimes,
            comers: Vec::new(),
            checked: 0,
            most: [MOST_AT_FIRST; NODES],
            tally: Tally::default(),
        }
    }

    fn below(&self, count: usize) -> usize {
        below(&self.random, count)
    }

    fn step(&mut self) {
        match self.below(100) {
            0..30 => self.come(),
            30..32 => (0..100).for_each(|_| self.come()),
            32..52 => self.poll_one(),
            52..57 => self.leave(),
            57..77 => self.drive(),
            77..95 => self.answer_one(),
            95..98 => self.clock.advance(Duration::from_millis(40)),
            98 => self.clock.advance(LIMIT),
            _ => self.end_runtime(),
        }
        self.check();
    }

    fn come(&mut self) {
        let node = self.below(NODES);
        let value = format!("{node}:{}", self.random.number() % NAMES);
        let generations = (0..5).filter(|_| self.below(3) == 0);
        let generations: Vec<_> = generations.map(|name| format!("{node}:g{name}")).collect();
        let limit = LIMIT.saturating_sub(Duration::from_millis(self.random.number() % 300));
        let node = Node::new(u32::try_from(node).unwrap());
        let (gatherers, names) =
            (Arc::clone(&self.gatherers), (value.clone(), generations.clone()));
        let reading = Box::pin(async move {
            let generations: Vec<_> = names.1.iter().map(|name| Arc::from(name.as_str())).collect();
            let since = gatherers.clock.now();
            let wish = Wish { value: &names.0.into(), generations: &generations, since, limit };
            gatherers.read(node, &wish).await
        });
        let came = self.backend.count();
        let awake = Arc::new(Awake(AtomicBool::new(true)));
        self.comers.push(Comer { node, value, generations, came, reading, awake });
        self.poll(self.comers.len() - 1);
    }

    fn poll_one(&mut self) {
        if !self.comers.is_empty() {
            self.poll(self.below(self.comers.len()));
        }
    }

    /// Polls a caller if it was woken, on one of the runtimes or on none; says whether it was.
    fn poll(&mut self, place: usize) -> bool {
        if !self.comers[place].awake.0.swap(false, Ordering::SeqCst) {
            return false;
        }
        let on = [Some(0), Some(0), Some(1), None][self.below(4)];
        let polled = {
            let _entered = on.and_then(|on| self.runtimes[on].as_ref()).map(Runtime::enter);
            let Comer { awake, reading, .. } = &mut self.comers[place];
            let waker = Waker::from(Arc::clone(awake));
            let mut context = Context::from_waker(&waker);
            catch_unwind(AssertUnwindSafe(|| reading.as_mut().poll(&mut context)))
        };
        match polled {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(told)) => {
                let comer = self.comers.swap_remove(place);
                self.is_told(&comer, told);
            }
            Err(_) => {
                let comer = self.comers.swap_remove(place);
                // Its own question, not one of a task.
                self.tally.panicked += 1;
                drop(comer);
            }
        }
        true
    }

    fn leave(&mut self) {
        if !self.comers.is_empty() {
            let place = self.below(self.comers.len());
            drop(self.comers.swap_remove(place));
        }
    }

    /// Lets a runtime run for a moment.
    fn drive(&self) {
        if let Some(runtime) = &self.runtimes[self.below(2)] {
            runtime.block_on(yield_now());
        }
    }

    /// In any order.
    fn answer_one(&mut self) {
        let kind = match self.below(12) {
            0 => ReplyKind::Failure(Class::Denied),
            1 => ReplyKind::Failure(Class::Rejected),
            2 => ReplyKind::Failure(Class::Unready),
            3 => ReplyKind::Panic,
            _ => ReplyKind::Found,
        };
        if let Some(count) = self.backend.answer(self.below(1_000), kind) {
            let is_refusal = matches!(kind, ReplyKind::Failure(Class::Denied | Class::Rejected));
            self.tally.together += usize::from(count > 1);
            self.tally.refused_together += usize::from(count > 1 && is_refusal);
            self.tally.panicked += usize::from(matches!(kind, ReplyKind::Panic));
        }
    }

    /// Ends one with its tasks, while callers wait for them.
    fn end_runtime(&mut self) {
        let place = self.below(2);
        let ended = self.runtimes[place].replace(runtime());
        self.tally.without_tasks += usize::from(ended.as_ref().is_some_and(|it| alive(it) > 0));
        drop(ended);
    }

    /// What a caller was told is its own, and of after it came (coherence 23).
    fn is_told(&mut self, comer: &Comer, told: Result<ReadShare, Failure>) {
        let seed = self.seed;
        let found = match told {
            Ok(found) => found,
            Err(failure) if failure.class() == Class::Timeout => {
                self.tally.given_up += 1;
                return;
            }
            Err(failure) => {
                let number = number_in(failure.to_string().as_bytes());
                assert!(number >= comer.came, "seed {seed}: a failure of before");
                let asked = self.backend.asked(number);
                let is_own = asked.values == [&*comer.value];
                let is_of_all = !matches!(failure.class(), Class::Denied | Class::Rejected);
                assert!(is_of_all || is_own, "seed {seed}: refused for what others want");
                assert!(asked.values.contains(&comer.value), "seed {seed}: not asked for");
                return;
            }
        };
        let number = found.proof.expect("all answers have one").epoch;
        assert!(number >= comer.came, "seed {seed}: asked before it came: {number}");
        let expected = self.backend.stored(&comer.value, number);
        assert_eq!(found.value, expected, "seed {seed}: {}", comer.value);
        let asked = comer.generations.iter().map(|name| generation_of(name, number));
        assert_eq!(found.generations.to_vec(), asked.collect::<Vec<_>>(), "seed {seed}");
        let names = self.backend.asked(number);
        assert!(names.values.contains(&comer.value), "seed {seed}: {names:?}");
        assert!(comer.node == Node::new(0) || comer.value.starts_with('1'), "seed {seed}");
    }

    /// What holds after every step.
    fn check(&mut self) {
        let seed = self.seed;
        let mut tasks = 0;
        for (node, gatherer) in self.gatherers.nodes.read().iter().enumerate() {
            let queue = gatherer.queue.lock();
            assert!(queue.tasks <= TASKS, "seed {seed}: {queue:?}");
            assert!(queue.waiting.is_empty() || queue.tasks > 0, "seed {seed}: nobody asks");
            tasks += queue.tasks;
            // What was taken meanwhile was so by the figure of before, or by that of an answer.
            let fitting = self.backend.fitting();
            let now = gatherer.most.load(Ordering::Relaxed);
            let most = std::mem::replace(&mut self.most[node], now).max(fitting);
            // As it was told, and halved each time that something did not get through.
            let is_of = |told: usize| (0..9).any(|times| now == (told >> times).max(1));
            assert!(is_of(fitting) || is_of(MOST_AT_FIRST), "seed {seed}: {now}");
            for names in self.backend.asked_since(self.checked, node) {
                assert!(
                    names.values.len() <= most,
                    "seed {seed}: {} of {most}",
                    names.values.len()
                );
                assert!(names.are_once(), "seed {seed}: {names:?}");
                self.tally.largest = self.tally.largest.max(names.values.len());
            }
        }
        self.checked = self.backend.count();
        let alive: usize = self.runtimes.iter().flatten().map(alive).sum();
        assert_eq!(alive, tasks, "seed {seed}: tasks that run, and those that are counted");
    }

    /// All runtimes run, or all are gone, and all questions are answered: nobody is left.
    fn end(mut self) -> Tally {
        match self.below(3) {
            0 => self.runtimes = [None, None],
            1 => {
                let mut close = Box::pin(self.tasks.close());
                let mut context = Context::from_waker(Waker::noop());
                assert!(
                    close.as_mut().poll(&mut context) != Poll::Ready(false),
                    "seed {}",
                    self.seed
                );
            }
            _ => {}
        }
        let mut is_over = false;
        while !is_over {
            is_over = true;
            while self.backend.answer(self.below(1_000), ReplyKind::Found).is_some() {
                is_over = false;
            }
            for runtime in self.runtimes.iter().flatten() {
                (0..8).for_each(|_| runtime.block_on(yield_now()));
            }
            for place in (0..self.comers.len()).rev() {
                is_over &= !self.poll(place);
            }
            self.check();
        }
        assert_eq!(self.comers.len(), 0, "seed {}: somebody waits for ever", self.seed);
        for gatherer in &*self.gatherers.nodes.read() {
            let queue = gatherer.queue.lock();
            let left = (queue.alone, queue.tasks, queue.waiting.len());
            assert_eq!(left, (0, 0, 0), "seed {}: {queue:?}", self.seed);
        }
        self.tally
    }
}

/// One that runs one task at a time.
pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread().event_interval(1).build().unwrap()
}

fn alive(runtime: &Runtime) -> usize {
    runtime.metrics().num_alive_tasks()
}

fn below(random: &Random, count: usize) -> usize {
    usize::try_from(random.number() % count as u64).unwrap()
}

#[test]
fn whoever_comes_is_told_what_was_asked_for_it_after_it_came() {
    let mut all = Tally::default();
    for seed in 0..PLAYS {
        let mut scene = Scene::new(seed, Guards::default());
        (0..STEPS).for_each(|_| scene.step());
        let tally = scene.end();
        all.together += tally.together;
        all.refused_together += tally.refused_together;
        all.panicked += tally.panicked;
        all.given_up += tally.given_up;
        all.without_tasks += tally.without_tasks;
        all.largest = all.largest.max(tally.largest);
    }
    let Tally { together, refused_together, panicked, given_up, without_tasks, largest } = all;
    let seldom = [together, refused_together, panicked, given_up, without_tasks].into_iter().min();
    assert!(seldom > Some(0) && largest > MOST_AT_FIRST, "{all:?}");
}

#[test]
fn without_its_guard_somebody_is_told_what_was_asked_for_before_it_came() {
    let is_missed = |seed| {
        let play = || {
            let mut scene = Scene::new(seed, Guards::default().without(Guard::Closed));
            (0..STEPS).for_each(|_| scene.step());
        };
        catch_unwind(play).is_err()
    };
    assert!((0..PLAYS).any(is_missed));
}
