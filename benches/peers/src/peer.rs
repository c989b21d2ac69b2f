//! What is compared: each library as its users call it.
//!
//! Invariant: a call that was not answered by a cache runs [`load`], which is counted.

pub(crate) mod amalgam;
pub(crate) mod athena;
pub(crate) mod bare;
pub(crate) mod cached;
pub(crate) mod hitbox;
pub(crate) mod moka;
pub(crate) mod quick;
pub(crate) mod service;

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::names::{Names, name};

/// 64 bytes.
pub(crate) type Small = [u64; 8];
/// How long all values are fresh.
pub(crate) const TTL: Duration = Duration::from_hours(1);
/// How many bytes a [`text`] has.
pub(crate) const TEXT: usize = 200;
static LOADS: AtomicU64 = AtomicU64::new(0);

/// What a function computes, or asks a database for.
pub(crate) fn load(name: &str) -> Small {
    LOADS.fetch_add(1, Ordering::Relaxed);
    small(name)
}

/// The same as a text.
pub(crate) fn load_text(name: &str) -> String {
    LOADS.fetch_add(1, Ordering::Relaxed);
    text(name)
}

pub(crate) fn loads() -> u64 {
    LOADS.load(Ordering::Relaxed)
}

pub(crate) fn small(name: &str) -> Small {
    name.bytes().fold([name.len() as u64; 8], |sum, byte| {
        sum.map(|it| it.wrapping_mul(31).wrapping_add(byte.into()))
    })
}

pub(crate) fn text(name: &str) -> String {
    let mut text = name.repeat(TEXT.div_ceil(name.len()));
    text.truncate(TEXT);
    text
}

/// A function behind a cache.
pub(crate) trait Peer: Send + Sync + 'static {
    type Value: PartialEq + std::fmt::Debug + Send;

    /// What it is called in the table.
    fn label(&self) -> &'static str;

    fn call(&self, name: &str) -> impl Future<Output = Self::Value> + Send;

    /// Waits for what goes on behind the calls.
    fn settle(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Which names a task calls.
#[derive(Debug, Clone)]
pub(crate) enum Calls {
    /// One again and again.
    Of(Arc<str>),
    /// Each once, and by nobody else.
    Fresh(Arc<AtomicU64>),
}

/// A peer whatever its type; a whole walk is one virtual call.
pub(crate) trait Subject: Send + Sync {
    fn label(&self) -> &'static str;

    /// Calls so many names, one after another.
    fn walk(self: Arc<Self>, names: Names, first: usize, times: usize) -> Done<()>;

    /// Calls until then, and says how often.
    fn repeat(self: Arc<Self>, calls: Calls, end: Instant) -> Done<u64>;

    fn settled(self: Arc<Self>) -> Done<()>;
}

pub(crate) type Done<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<P: Peer> Subject for P {
    fn label(&self) -> &'static str {
        Peer::label(self)
    }

    fn walk(self: Arc<Self>, names: Names, first: usize, times: usize) -> Done<()> {
        Box::pin(async move {
            for place in first..first + times {
                black_box(self.call(black_box(names.at(place))).await);
            }
        })
    }

    fn repeat(self: Arc<Self>, calls: Calls, end: Instant) -> Done<u64> {
        Box::pin(async move {
            let mut count = 0;
            while Instant::now() < end {
                match &calls {
                    Calls::Of(name) => black_box(self.call(black_box(name)).await),
                    Calls::Fresh(next) => {
                        self.call(&name(next.fetch_add(1, Ordering::Relaxed))).await
                    }
                };
                count += 1;
            }
            count
        })
    }

    fn settled(self: Arc<Self>) -> Done<()> {
        Box::pin(async move { self.settle().await })
    }
}
