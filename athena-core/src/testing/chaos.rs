//! A backend that fails on demand.

mod log;

use std::future::pending;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

use super::ManualClock;
use crate::backend::operate::Operator;
use crate::backend::{
    Ability, Backend, Bump, Change, ChangeLog, Class, Ensured, Failure, Fill, Filled, Found,
    LeaseRequest, Leased, Listener, Node, Proof, Proposal, Token,
};
use crate::clock::{Clock, Tick};
use crate::lock::Mutex;
use crate::policy::Percent;

/// What goes wrong with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It fails with this class and does nothing.
    Error(Class),
    /// It never ends.
    Hang,
    /// The same, and its values are on their way all the time: large ones, or over a slow way.
    Slow,
    /// It takes this much longer.
    Delay(Duration),
    /// It is done, but its answer is lost: a timeout.
    LostAck,
    /// It is done, but its answer takes this much longer.
    LateAck(Duration),
    /// Bytes that are read have one byte changed.
    Corrupt,
    /// It panics, as where a runtime has no timers.
    Panic,
}

/// Wraps a backend and makes its operations fail, repeatably.
///
/// Signs of life (`prove`) fail like everything else, but are not among its operations.
///
/// ```
/// use athena_cache_core::Percent;
/// use athena_cache_core::testing::{ChaosBackend, Fault, MemoryBackend};
///
/// let backend = ChaosBackend::new(MemoryBackend::new(), 7);
/// let chaos = backend.chaos();
/// chaos.always(Fault::Hang); // from now on
/// chaos.sometimes(Fault::LostAck, Percent::new(10)); // instead
/// chaos.heal();
/// ```
#[derive(Debug, Clone)]
pub struct ChaosBackend<B> {
    inner: B,
    chaos: Chaos,
}

/// The switch of a [`ChaosBackend`]; clones are the same switch.
#[derive(Debug, Clone)]
pub struct Chaos {
    state: Arc<Mutex<ChaosState>>,
    clock: Clock,
}

struct ChaosState {
    random: fastrand::Rng,
    regime: Regime,
    operations: Vec<&'static str>,
    epoch: u64,
    listeners: Vec<Listener>,
    lacks: Vec<Ability>,
    max_value: u64,
    /// How long ago nodes were confirmed to serve, in each sign of life.
    lag: Duration,
    /// Whether a slow answer was given up, and nobody has asked about it.
    is_late: bool,
}

/// An answer that comes too slowly, until it is dropped.
struct SlowAnswer<'a> {
    chaos: &'a Chaos,
    names: &'a [&'a str],
    began: Tick,
}

impl Drop for SlowAnswer<'_> {
    fn drop(&mut self) {
        let names: Vec<_> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let took = self.chaos.clock.now().since(self.began);
        let listeners = {
            let mut state = self.chaos.lock();
            state.is_late = true;
            state.listeners.clone()
        };
        for listener in listeners.iter().filter(|_| !names.is_empty()) {
            listener(&Change::Slow { names: names.clone(), bytes: SLOW_BYTES, took });
        }
    }
}

/// So much of a slow answer is there when it is given up.
const SLOW_BYTES: u64 = 1 << 20;

const PROVE: &str = "prove";

#[derive(Debug, Clone, Copy)]
enum Regime {
    Healthy,
    Sometimes(Fault, Percent),
    Next(Fault, usize),
    After(usize, Fault),
    On(&'static str, Fault),
}

impl<B: Backend> ChaosBackend<B> {
    /// A wrapper that does nothing yet; the seed makes its choices repeatable.
    pub fn new(inner: B, seed: u64) -> Self {
        Self::on_clock(inner, seed, Clock::system())
    }

    /// The same, with delays on a clock that the test moves.
    pub fn with_clock(inner: B, seed: u64, clock: &ManualClock) -> Self {
        Self::on_clock(inner, seed, Clock::from(clock.clone()))
    }

    fn on_clock(inner: B, seed: u64, clock: Clock) -> Self {
        let state = ChaosState {
            random: fastrand::Rng::with_seed(seed),
            regime: Regime::Healthy,
            operations: Vec::new(),
            epoch: 0,
            listeners: Vec::new(),
            lacks: Vec::new(),
            max_value: u64::MAX,
            lag: Duration::ZERO,
            is_late: false,
        };
        Self { inner, chaos: Chaos { state: Arc::new(Mutex::new(state)), clock } }
    }

    /// The switch.
    pub fn chaos(&self) -> Chaos {
        self.chaos.clone()
    }

    async fn run<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.run_with(operation, &[], work).await
    }

    /// The same of an operation that moves values.
    async fn run_with<T>(
        &self,
        operation: &'static str,
        names: &[&str],
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let fault = self.chaos.next_fault(operation);
        match fault {
            Some(Fault::Error(class)) => Err(Failure::new(class, format!("chaos: {class}"))),
            Some(Fault::Hang) => pending().await,
            Some(Fault::Slow) => {
                let (chaos, began) = (&self.chaos, self.chaos.clock.now());
                let _answer = SlowAnswer { chaos, names, began };
                pending().await
            }
            Some(Fault::Panic) => panic!("chaos: a panic"),
            Some(Fault::Delay(delay)) => {
                self.chaos.clock.sleep(delay).await;
                work.await
            }
            Some(Fault::LateAck(delay)) => {
                let done = work.await;
                self.chaos.clock.sleep(delay).await;
                done
            }
            Some(Fault::LostAck) => {
                work.await?;
                Err(Failure::new(Class::Timeout, "chaos: answer lost"))
            }
            Some(Fault::Corrupt) | None => work.await,
        }
    }
}

impl Chaos {
    /// Every operation fails like this from now on.
    pub fn always(&self, fault: Fault) {
        self.set(Regime::Sometimes(fault, Percent::new(100)));
    }

    /// This share of operations fails like this from now on.
    pub fn sometimes(&self, fault: Fault, share: Percent) {
        self.set(Regime::Sometimes(fault, share));
    }

    /// The next operations fail like this, those after them do not.
    pub fn next(&self, count: usize, fault: Fault) {
        self.set(Regime::Next(fault, count));
    }

    /// So many operations do not fail, those after them do.
    pub fn after(&self, count: usize, fault: Fault) {
        self.set(Regime::After(count, fault));
    }

    /// One kind of operation fails like this from now on: a method name of [`Backend`].
    pub fn on(&self, operation: &'static str, fault: Fault) {
        self.set(Regime::On(operation, fault));
    }

    /// The backend says that it does not let us do these things, until it is told otherwise.
    ///
    /// It does them all the same: that it is not asked is for the cache to see to.
    pub fn withhold(&self, abilities: &[Ability]) {
        self.lock().lacks = abilities.to_vec();
    }

    /// The backend says that it takes no larger values than this; it does all the same.
    pub fn take_at_most(&self, bytes: u64) {
        self.lock().max_value = bytes;
    }

    /// Whoever decides which node serves has confirmed it so long before each sign of life.
    pub fn confirm_late(&self, lag: Duration) {
        self.lock().lag = lag;
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.set(Regime::Healthy);
    }

    /// The connection counts as made anew.
    pub fn reconnect(&self) {
        let listeners = {
            let mut state = self.lock();
            state.epoch += 1;
            state.listeners.clone()
        };
        for listener in listeners {
            listener(&Change::Unheard { node: Node::ONLY });
        }
    }

    /// Every operation but signs of life that reached the backend so far, failed ones included.
    pub fn operations(&self) -> Vec<&'static str> {
        self.lock().operations.clone()
    }

    /// Forgets the operations so far.
    pub fn forget_operations(&self) {
        self.lock().operations.clear();
    }

    fn set(&self, regime: Regime) {
        self.lock().regime = regime;
    }

    fn next_fault(&self, operation: &'static str) -> Option<Fault> {
        let mut state = self.lock();
        if operation != PROVE {
            state.operations.push(operation);
        }
        match state.regime {
            Regime::Next(_, left) if operation == PROVE || left == 0 => None,
            Regime::Healthy => None,
            Regime::Sometimes(fault, share) => {
                (state.random.u8(0..100) < share.get()).then_some(fault)
            }
            Regime::Next(fault, left) => {
                state.regime = Regime::Next(fault, left - 1);
                Some(fault)
            }
            Regime::After(_, _) if operation == PROVE => None,
            Regime::After(0, fault) => Some(fault),
            Regime::After(left, fault) => {
                state.regime = Regime::After(left - 1, fault);
                None
            }
            Regime::On(affected, fault) => (affected == operation).then_some(fault),
        }
    }

    /// Whether an operation was slow that was just given up; what it left on the way is gone by the next time.
    fn was_slow(&self) -> bool {
        std::mem::take(&mut self.lock().is_late)
    }

    fn corrupts(&self) -> bool {
        let mut state = self.lock();
        match state.regime {
            Regime::Sometimes(Fault::Corrupt, share) => state.random.u8(0..100) < share.get(),
            Regime::Next(Fault::Corrupt, _)
            | Regime::After(0, Fault::Corrupt)
            | Regime::On("read", Fault::Corrupt) => true,
            _ => false,
        }
    }

    fn corrupt(&self, bytes: &mut [u8]) {
        let at = self.lock().random.usize(0..bytes.len().max(1));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = byte.wrapping_add(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, ChaosState> {
        self.state.lock()
    }
}

impl Chaos {
    /// A proof of the wrapped backend, on the connection as it counts here.
    fn proof(&self, proof: Proof) -> Proof {
        let state = self.lock();
        Proof { epoch: proof.epoch + state.epoch, lag: proof.lag.max(state.lag), ..proof }
    }
}

impl std::fmt::Debug for ChaosState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("regime", &self.regime).finish_non_exhaustive()
    }
}

#[async_trait]
impl<B: Backend> Backend for ChaosBackend<B> {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        let corrupts = self.chaos.corrupts();
        let read = self.inner.read(values, generations);
        let mut found = self.run_with("read", values, read).await?;
        found.proof = found.proof.map(|proof| self.chaos.proof(proof));
        if corrupts {
            for stored in found.values.iter_mut().flatten() {
                self.chaos.corrupt(&mut stored.bytes);
            }
        }
        Ok(found)
    }

    async fn ensure(&self, proposals: &[Proposal<'_>]) -> Result<Ensured, Failure> {
        let ensured = self.run("ensure", self.inner.ensure(proposals)).await?;
        Ok(Ensured { proof: ensured.proof.map(|proof| self.chaos.proof(proof)), ..ensured })
    }

    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure> {
        let leased = self.run("lease", self.inner.lease(request)).await?;
        Ok(Leased { proof: self.chaos.proof(leased.proof), ..leased })
    }

    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        let work = async {
            let made = self.chaos.lock().epoch;
            // Of an earlier connection: there is nothing that the store could be asked.
            let Some(epoch) = fill.epoch.checked_sub(made) else {
                return Ok(Filled::Refused);
            };
            self.inner.fill(Fill { epoch, ..fill }).await
        };
        self.run_with("fill", &[fill.item.value], work).await
    }

    async fn extend(&self, lease: &str, token: Token, life: Duration) -> Result<bool, Failure> {
        self.run("extend", self.inner.extend(lease, token, life)).await
    }

    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure> {
        self.run("release", self.inner.release(lease, token)).await
    }

    async fn oust(&self, lease: &str, longest: Duration) -> Result<bool, Failure> {
        self.run("oust", self.inner.oust(lease, longest)).await
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        self.run("remove", self.inner.remove(names)).await
    }

    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure> {
        self.run("shorten", self.inner.shorten(names, life)).await
    }

    async fn bump(&self, bumps: &[Bump<'_>]) -> Result<(), Failure> {
        self.run("bump", self.inner.bump(bumps)).await
    }

    async fn prove(&self, node: Node) -> Result<Proof, Failure> {
        let proof = self.run(PROVE, self.inner.prove(node)).await?;
        Ok(self.chaos.proof(proof))
    }

    fn node(&self, name: &str) -> Node {
        self.inner.node(name)
    }

    fn nodes(&self) -> Vec<Node> {
        self.inner.nodes()
    }

    fn partition(&self, name: &str) -> Option<&str> {
        self.inner.partition(name)
    }

    fn partitions(&self) -> &[String] {
        self.inner.partitions()
    }

    fn limit_attempts(&self, timeout: Duration) {
        self.inner.limit_attempts(timeout);
    }

    fn expect_names(&self, prefix: &str) {
        self.inner.expect_names(prefix);
    }

    fn lacks(&self, node: Node, ability: Ability) -> bool {
        self.inner.lacks(node, ability) || self.chaos.lock().lacks.contains(&ability)
    }

    fn is_confirmed(&self, node: Node) -> bool {
        self.inner.is_confirmed(node)
    }

    fn listen(&self, listener: Listener) {
        self.chaos.lock().listeners.push(Listener::clone(&listener));
        self.inner.listen(listener);
    }

    fn epoch(&self, node: Node) -> u64 {
        self.inner.epoch(node) + self.chaos.lock().epoch
    }

    fn revivals(&self, node: Node) -> u64 {
        self.inner.revivals(node) + self.chaos.lock().epoch
    }

    fn is_answering(&self, node: Node) -> bool {
        self.inner.is_answering(node) || self.chaos.was_slow()
    }

    fn max_value_setting(&self, node: Node) -> Option<&'static str> {
        self.inner.max_value_setting(node)
    }

    fn max_value(&self, node: Node) -> u64 {
        self.inner.max_value(node).min(self.chaos.lock().max_value)
    }

    fn is_ready(&self, node: Node) -> bool {
        self.inner.is_ready(node)
    }

    fn in_flight(&self, node: Node) -> usize {
        self.inner.in_flight(node)
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        self.inner.operator()
    }

    fn endpoint(&self, node: Node) -> String {
        format!("chaos+{}", self.inner.endpoint(node))
    }

    fn changes(&self) -> Option<&dyn ChangeLog> {
        self.inner.changes().map(|_| self as &dyn ChangeLog)
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
