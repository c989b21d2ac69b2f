//! Reads of several callers that go to a node together.
//!
//! One command for what many wait for costs a fraction of one for each. Who finds nothing under way to a node
//! asks at once; who comes while something is leaves its names for a task, which asks for all that wait, in
//! batches that are no larger than one large value. Two tasks do so, so that some are put together while others are
//! answered; where answers come at once one does for few, since two would send twice as many batches. A task and
//! not one of the callers: what a caller awaits may stand still for as long as it likes, and the others with it.
//!
//! Invariant: nobody's names join what was given to the backend (coherence 23); each of those whose names go
//! together judges the answer by what it noted before it came (coherence 22).

#[cfg(all(test, feature = "testing"))]
mod meanwhile;
#[cfg(all(test, feature = "testing"))]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]
mod model;
pub(super) mod names;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use self::names::{BatchNames, ReadShare, Shared};
use super::given_up::given_up;
use smallvec::SmallVec;

use crate::backend::{Backend, Class, Failure, Node, Stored};
use crate::clock::{Clock, Tick};
use crate::coherence::guards::{Guard, Guards};
use crate::key::name::GenerationName;
use crate::lock::{Mutex, RwLock};
use crate::tasks::Tasks;

/// Tasks that ask one node at a time.
const TASKS: usize = 2;

/// Values of one batch at most, and at first: how large they are is not known then.
const MOST: usize = 256;
const MOST_AT_FIRST: usize = 32;

/// Bytes of one batch, as far as can be told from the one before: as much as one large value, since none of them
/// arrives before the last one does.
const BYTES: usize = 256 << 10;

/// Values of which no more go together are large: 16 KiB and more.
const FEW: usize = 16;

/// Where batches are through so soon, a second task asks only for more than so many: half as many batches cost about
/// half as much, and waiting for one costs next to nothing.
const SOON: Duration = Duration::from_millis(1);
const MANY: usize = 64;

/// Who has waited for so long without being asked for waits for a task that does not run, as on a runtime that
/// nobody drives; whoever comes then asks by itself.
const STUCK: Duration = Duration::from_millis(50);

/// Those of all nodes seen so far.
#[derive(Debug)]
pub(super) struct Gatherers {
    backend: Arc<dyn Backend>,
    clock: Clock,
    tasks: Tasks,
    guards: Guards,
    nodes: RwLock<Vec<Arc<Gatherer>>>,
}

/// What is read from one node.
#[derive(Debug)]
struct Gatherer {
    node: Node,
    backend: Arc<dyn Backend>,
    clock: Clock,
    guards: Guards,
    /// How many values are one batch, by the size of those that went last.
    most: AtomicUsize,
    /// Whether the last batch was through soon.
    is_soon: AtomicBool,
    queue: Mutex<GatherQueue>,
}

#[derive(Debug, Default)]
struct GatherQueue {
    /// How many ask by themselves.
    alone: usize,
    /// How many tasks ask for others.
    tasks: usize,
    waiting: Vec<WaitingRead>,
}

/// What somebody wants to read: a value, and generations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) value: &'a Arc<str>,
    pub(super) generations: &'a [GenerationName],
    /// When it was wished for.
    pub(super) since: Tick,
    /// How long its answer is waited for.
    pub(super) limit: Duration,
}

/// Somebody who waits for it.
#[derive(Debug)]
struct WaitingRead {
    value: Arc<str>,
    generations: SmallVec<[GenerationName; 2]>,
    since: Tick,
    limit: Duration,
    reply: oneshot::Sender<Result<ReadShare, Shared>>,
}

/// What somebody who comes has to do.
enum Admission {
    /// Ask, and hold this meanwhile.
    Ask(Alone),
    Wait(oneshot::Receiver<Result<ReadShare, Shared>>),
}

/// One that asks by itself.
struct Alone(Arc<Gatherer>);

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.queue.lock().alone -= 1;
    }
}

/// A task that asks for others.
struct Serving(Arc<Gatherer>);

impl Drop for Serving {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        queue.tasks -= 1;
        if queue.tasks == 0 {
            // It was ended with its runtime: whoever waits is told that nobody comes.
            let left = std::mem::take(&mut queue.waiting);
            drop(queue);
            drop(left);
        }
    }
}

impl Gatherers {
    pub(super) fn new(
        backend: &Arc<dyn Backend>,
        clock: &Clock,
        tasks: &Tasks,
        guards: Guards,
    ) -> Self {
        let (backend, clock, tasks) = (Arc::clone(backend), clock.clone(), tasks.clone());
        Self { backend, clock, tasks, guards, nodes: RwLock::default() }
    }

    /// Reads from the node that serves all that is wished for, with what others read at the same time.
    pub(super) fn read(
        &self,
        node: Node,
        wish: &Wish<'_>,
    ) -> impl Future<Output = Result<ReadShare, Failure>> {
        async move {
            let shared = match self.of(node).enter(*wish, &self.tasks) {
                Admission::Ask(_alone) => return wish.read(&*self.backend).await,
                Admission::Wait(reply) => reply.await,
            };
            match shared.map(told) {
                Ok(Some(told)) => told,
                // Boxed: it is rare, and would stand in the future of every call.
                Ok(None) | Err(_) => Box::pin(wish.read(&*self.backend)).await,
            }
        }
    }

    /// Whether the values of a node are so large that few of them go together.
    ///
    /// Who wants one that is on its way waits for that, then, by a flight: asked for by each, it would fill the way.
    pub(super) fn carries_large_values(&self, node: Node) -> bool {
        let number = usize::try_from(node.number()).unwrap_or(usize::MAX);
        let nodes = self.nodes.read();
        nodes.get(number).is_some_and(|node| node.most.load(Ordering::Relaxed) <= FEW)
    }

    fn of(&self, node: Node) -> Arc<Gatherer> {
        let number = usize::try_from(node.number()).unwrap_or(usize::MAX);
        if let Some(gatherer) = self.nodes.read().get(number) {
            return Arc::clone(gatherer);
        }
        let mut nodes = self.nodes.write();
        for next in nodes.len()..=number {
            let node = Node::new(u32::try_from(next).unwrap_or(u32::MAX));
            let (backend, clock) = (Arc::clone(&self.backend), self.clock.clone());
            let (guards, queue) = (self.guards, Mutex::default());
            let most = AtomicUsize::new(MOST_AT_FIRST);
            let is_soon = AtomicBool::new(false);
            nodes.push(Arc::new(Gatherer { node, backend, clock, guards, most, is_soon, queue }));
        }
        Arc::clone(&nodes[number])
    }
}

impl Gatherer {
    fn enter(self: Arc<Self>, wish: Wish<'_>, tasks: &Tasks) -> Admission {
        let now = wish.since;
        let mut queue = self.queue.lock();
        let is_idle = queue.alone + queue.tasks == 0;
        let is_stuck = queue.waiting.first().is_some_and(|first| now.since(first.since) > STUCK);
        let needs_task = match queue.tasks {
            0 => true,
            tasks => tasks < TASKS && !self.is_asked_soon(&queue.waiting, now),
        };
        let spawner = if needs_task && !is_idle { tasks.spawner() } else { None };
        if is_idle || is_stuck || needs_task && spawner.is_none() {
            queue.alone += 1;
            drop(queue);
            return Admission::Ask(Alone(self));
        }
        let (reader, reply) = WaitingRead::new(wish);
        queue.waiting.push(reader);
        if let Some(spawner) = spawner {
            queue.tasks += 1;
            drop(queue);
            spawner.spawn_aside(Self::serve(Serving(self)));
        }
        Admission::Wait(reply)
    }

    /// Whether those who wait are better asked for together with whoever comes next, once the batch that is under way
    /// is through.
    fn is_asked_soon(&self, waiting: &[WaitingRead], now: Tick) -> bool {
        let is_short = waiting.first().is_none_or(|first| now.since(first.since) <= SOON);
        is_short && waiting.len() < MANY && self.is_soon.load(Ordering::Relaxed)
    }

    /// Whether another task is at work that is soon there for those who wait.
    fn is_left_to_another(&self) -> bool {
        let now = self.clock.now();
        let queue = self.queue.lock();
        queue.tasks > 1 && self.is_asked_soon(&queue.waiting, now)
    }

    /// Asks for all that wait until nobody does.
    async fn serve(serving: Serving) {
        let gatherer = &*serving.0;
        // Side by side: nobody waits for another batch to be through, those who come meanwhile included. Values that
        // fill the way would else wait for all before them, and then for their own.
        let mut under_way = FuturesUnordered::new();
        loop {
            let mut readers = std::mem::take(&mut gatherer.queue.lock().waiting);
            let most = gatherer.most.load(Ordering::Relaxed);
            // Who is gone has given up.
            readers.retain(|reader| !reader.reply.is_closed());
            while readers.len() > most {
                let rest = readers.split_off(most);
                under_way.push(gatherer.ask_for(std::mem::replace(&mut readers, rest)));
            }
            if !readers.is_empty() {
                under_way.push(gatherer.ask_for(readers));
            }
            if under_way.next().await.is_none() {
                return;
            }
            // All that are through, so that what was taken has been asked for before more is.
            while under_way.next().now_or_never().flatten().is_some() {}
            // Those that were answered mostly ask for something else.
            yield_now().await;
            if under_way.is_empty() && gatherer.is_left_to_another() {
                return;
            }
        }
    }

    async fn ask_for(&self, mut readers: Vec<WaitingRead>) {
        let mut names = BatchNames::of(readers.len());
        for WaitingRead { value, generations, .. } in &readers {
            names.add(value, generations);
        }
        let begun = self.clock.now();
        let limit = limit(&readers, begun);
        let read = self.backend.read(&names.values, &names.generations);
        let found = self.clock.within(limit, read).await;
        let found = found.unwrap_or_else(|| {
            self.ask_for_fewer();
            Err(given_up(&*self.backend, self.node, limit))
        });
        let took = self.clock.now().since(begun);
        self.is_soon.store(found.is_ok() && took < SOON, Ordering::Relaxed);
        let late = self.who_came_late(&names);
        for WaitingRead { value, generations, .. } in &late {
            names.add(value, generations);
        }
        let shares = match found {
            Ok(found) => {
                self.most.store(most_of_size(&found.values), Ordering::Relaxed);
                names.shares(found)
            }
            Err(failure) => {
                let count = readers.len() + late.len();
                let shared = Shared { failure, by_several: count > 1 };
                (0..count).map(|_| Err(shared.clone())).collect()
            }
        };
        readers.extend(late);
        for (reader, share) in readers.into_iter().zip(shares) {
            // Who is gone has given up.
            let _ = reader.reply.send(share);
        }
    }

    /// What did not get through in time was too much: how large it is was not told.
    fn ask_for_fewer(&self) {
        // Others may say something else meanwhile, which is as true.
        self.most.store((self.most.load(Ordering::Relaxed) / 2).max(1), Ordering::Relaxed);
    }

    /// Those who wait for what the backend was asked for before they came: nobody, while that is guarded
    /// (coherence 23).
    fn who_came_late(&self, names: &BatchNames<'_>) -> Vec<WaitingRead> {
        if !self.guards.lacks(Guard::Closed) {
            return Vec::new();
        }
        let is_asked_for = |it: &mut WaitingRead| {
            let mut generations = it.generations.iter();
            names.value_places.contains_key(&*it.value)
                && generations.all(|name| names.generation_places.contains_key(&**name))
        };
        self.queue.lock().waiting.extract_if(.., is_asked_for).collect()
    }
}

/// As long as the last of them to come may wait: who came before gives up by itself, and what is on its way is
/// not lost for the others. A little less, since who gives up can tell of what is given up only afterwards.
fn limit(readers: &[WaitingRead], now: Tick) -> Duration {
    let left = |reader: &WaitingRead| reader.limit.saturating_sub(now.since(reader.since));
    let longest = readers.iter().map(left).max().unwrap_or_default();
    longest.saturating_sub(longest / 32)
}

/// How many values of about this size go together.
fn most_of_size(values: &[Option<Stored>]) -> usize {
    let bytes: usize = values.iter().flatten().map(|stored| stored.bytes.len()).sum();
    let each = bytes / values.len().max(1);
    (BYTES / each.max(1)).clamp(1, MOST)
}

impl WaitingRead {
    fn new(wish: Wish<'_>) -> (Self, oneshot::Receiver<Result<ReadShare, Shared>>) {
        let Wish { value, generations, since, limit } = wish;
        let (reply, receiver) = oneshot::channel();
        let (value, generations) = (Arc::clone(value), generations.iter().cloned().collect());
        (Self { value, generations, since, limit, reply }, receiver)
    }
}

impl Wish<'_> {
    /// Asks for it alone.
    pub(super) fn read(
        &self,
        backend: &dyn Backend,
    ) -> impl Future<Output = Result<ReadShare, Failure>> {
        async move {
            let names: SmallVec<[&str; 3]> = self.generations.iter().map(|name| &**name).collect();
            backend.read(&[self.value], &names).await.map(ReadShare::of_one)
        }
    }
}

/// What one of those was told who asked together; `None` if it has to ask by itself.
fn told(shared: Result<ReadShare, Shared>) -> Option<Result<ReadShare, Failure>> {
    match shared {
        Ok(share) => Some(Ok(share)),
        // What the node refuses may be what another one has asked for.
        Err(Shared { failure, by_several })
            if by_several && matches!(failure.class(), Class::Rejected | Class::Denied) =>
        {
            None
        }
        Err(Shared { failure, .. }) => Some(Err(failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_values_are_the_fewer_go_together() {
        let of = |count: usize, size: usize| {
            let stored = Stored { bytes: vec![0; size], remaining: Duration::ZERO };
            most_of_size(&vec![Some(stored); count])
        };
        assert_eq!([of(1, 200), of(200, 200)], [MOST; 2]);
        assert_eq!([of(1, 4 << 10), of(64, 4 << 10)], [64; 2]);
        assert_eq!([of(4, 64 << 10), of(1, 1 << 20)], [4, 1]);
        assert_eq!([most_of_size(&[None, None]), most_of_size(&[])], [MOST; 2], "nothing is there");
    }
}
