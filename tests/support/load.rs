//! Callers that never stop calling, and a record of every call.

mod records;

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use records::{Record, Records, Verdict};
use tokio::task::JoinHandle;

use super::PATIENCE;

/// How long a task waits between two calls unless told otherwise.
const PAUSE: Duration = Duration::from_millis(2);

/// How often it is looked whether the machine stands still.
const NAP: Duration = Duration::from_millis(10);

/// Tasks that call until they are stopped; dropping it stops them without a record.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: Vec<(Arc<Log>, JoinHandle<()>)>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    pause: Duration,
    stop: AtomicBool,
    calls: AtomicU64,
    /// In nanoseconds: how long the machine stood still at most.
    stall: AtomicU64,
}

/// What one task has done.
#[derive(Debug, Default)]
struct Log(Mutex<(Vec<Record>, Option<Instant>)>);

impl Load {
    /// Starts tasks that call with their own number and that of the round, both from 0.
    pub(crate) fn start<C, F>(tasks: u64, call: C) -> Self
    where
        C: Fn(u64, u64) -> F + Send + Sync + 'static,
        F: Future<Output = (Verdict, &'static str)> + Send,
    {
        Self::start_paced(tasks, PAUSE, call)
    }

    /// Starts tasks that wait for `pause` after every call; without a pause they only yield.
    pub(crate) fn start_paced<C, F>(tasks: u64, pause: Duration, call: C) -> Self
    where
        C: Fn(u64, u64) -> F + Send + Sync + 'static,
        F: Future<Output = (Verdict, &'static str)> + Send,
    {
        let call = Arc::new(call);
        let shared = Arc::new(Shared {
            start: Instant::now(),
            pause,
            stop: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            stall: AtomicU64::new(0),
        });
        let watched = Arc::clone(&shared);
        std::thread::spawn(move || watched.watch_machine());
        let tasks = (0..tasks).map(|task| {
            let (shared, call) = (Arc::clone(&shared), Arc::clone(&call));
            let log = Arc::new(Log::default());
            let written = Arc::clone(&log);
            let run = async move { shared.run(&written, |round| call(task, round)).await };
            (log, tokio::spawn(run))
        });
        let tasks = tasks.collect();
        Self { shared, tasks }
    }

    /// When it began; the times of records count from here.
    pub(crate) fn started(&self) -> Instant {
        self.shared.start
    }

    /// How many calls have ended.
    pub(crate) fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Waits for the calls that are under way and hands over the records of all.
    ///
    /// A call that does not end soon is given up; it counts as an error with the label
    /// `"unfinished"`.
    pub(crate) async fn stop(mut self) -> Records {
        self.shared.stop.store(true, Ordering::SeqCst);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut records = Vec::new();
        for (log, task) in &mut self.tasks {
            match tokio::time::timeout_at(deadline, &mut *task).await {
                Ok(ended) => ended.expect("a caller panicked"),
                Err(_) => task.abort(),
            }
            let (written, begun) = std::mem::take(&mut *log.lock());
            records.extend(written);
            records.extend(
                begun.map(|at| Record::new(self.shared.start, at, (Verdict::Error, "unfinished"))),
            );
        }
        let stall = Duration::from_nanos(self.shared.stall.load(Ordering::SeqCst));
        Records::new(self.shared.start, stall, records)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.tasks.iter().for_each(|(_, task)| task.abort());
    }
}

impl Shared {
    /// Takes a nap again and again: what it oversleeps it was not the callers who held it up.
    fn watch_machine(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            let begun = Instant::now();
            std::thread::sleep(NAP);
            let late = begun.elapsed().saturating_sub(NAP);
            let late = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            self.stall.fetch_max(late, Ordering::SeqCst);
        }
    }

    async fn run<F>(&self, log: &Log, call: impl Fn(u64) -> F)
    where
        F: Future<Output = (Verdict, &'static str)>,
    {
        let mut round = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let begun = Instant::now();
            log.lock().1 = Some(begun);
            let outcome = call(round).await;
            let record = Record::new(self.start, begun, outcome);
            {
                let mut log = log.lock();
                log.0.push(record);
                log.1 = None;
            }
            self.calls.fetch_add(1, Ordering::Relaxed);
            round += 1;
            if self.pause.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(self.pause).await;
            }
        }
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, (Vec<Record>, Option<Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
