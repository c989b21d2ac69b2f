//! Which cache a call uses, and what `of` wants of it.
//!
//! Invariant: a request is taken by the first annotated function that begins under it, so calls inside
//! that function's body do not see it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use futures_util::future::Either;

use crate::entered::{Visit, counted, is_entered};
use crate::error::Error;
use crate::key::Key;
use crate::lock::Mutex;
use crate::runtime::Runtime;
use crate::telemetry::{Outcome, log};

static INSTALLED: ArcSwapOption<Runtime> = ArcSwapOption::const_empty();
static TOLD_UNCACHED: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static SCOPE: Arc<Runtime>;
    static REQUEST: Arc<CallRequest>;
}

/// Makes a cache the default of the process.
pub(crate) fn install(runtime: Arc<Runtime>) {
    INSTALLED.store(Some(runtime));
}

/// Makes a cache the default inside a future.
pub(crate) fn scope<F: Future>(
    runtime: Arc<Runtime>,
    future: F,
) -> impl Future<Output = F::Output> {
    counted(SCOPE.scope(runtime, future))
}

/// Makes a cache the default while code runs that does not wait.
pub(crate) fn sync_scope<T>(runtime: Arc<Runtime>, code: impl FnOnce() -> T) -> T {
    let _visit = Visit::new();
    SCOPE.sync_scope(runtime, code)
}

/// The cache in scope, if the thread is inside of one.
fn scoped() -> Option<Arc<Runtime>> {
    is_entered().then(|| SCOPE.try_with(Arc::clone).ok()).flatten()
}

/// A future that sees the scope which it is made in, wherever it is polled.
pub(crate) fn in_this_scope<F: Future>(future: F) -> impl Future<Output = F::Output> {
    match scoped() {
        Some(runtime) => Either::Left(scope(runtime, future)),
        None => Either::Right(future),
    }
}

/// Code that sees the scope which it is made in, in whatever thread it runs.
pub(crate) fn code_in_this_scope<T>(code: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let runtime = scoped();
    move || match runtime {
        Some(runtime) => sync_scope(runtime, code),
        None => code(),
    }
}

/// Calls `with` with the cache in scope, else the installed one; that one costs no reference count.
pub(crate) fn with_current<T>(with: impl FnOnce(Option<&Arc<Runtime>>) -> T) -> T {
    if let Some(runtime) = scoped() {
        return with(Some(&runtime));
    }
    with(INSTALLED.load().as_ref())
}

/// Says once that functions run uncached since there is no cache.
pub(crate) fn tell_uncached(site: &str) {
    if !TOLD_UNCACHED.swap(true, Ordering::Relaxed) {
        log::uncached(site);
    }
}

/// The cache in scope, else the installed one.
pub(crate) fn current() -> Option<Arc<Runtime>> {
    with_current(|runtime| runtime.map(Arc::clone))
}

/// What `of` wants of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallMode {
    /// Its name, and nothing else.
    Name,
    /// A load now.
    Reload,
    /// What is there, without a load.
    Peek,
    /// The value, and how it came about.
    Observe,
    /// A value in place of a load.
    Insert,
}

/// What is wanted of a call, on its way there, and the call's reply on its way back.
pub(crate) struct CallRequest {
    pub(crate) mode: CallMode,
    taken: AtomicBool,
    /// What stands in place of a load, in the words of the function.
    given: Mutex<Option<GivenResult>>,
    reply: Mutex<Reply>,
}

/// What a function could have returned.
pub(crate) type GivenResult = Box<dyn Any + Send>;

/// What the call said.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) target: Option<Result<NamedEntry, Error>>,
    pub(crate) outcome: Option<Outcome>,
    /// Nothing is there, and nothing was loaded.
    pub(crate) nothing: bool,
    /// Whether what was given is an entry now.
    pub(crate) inserted: Option<Result<(), Error>>,
}

/// The entry that a call names.
#[derive(Debug, Clone)]
pub(crate) struct NamedEntry {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) key: Key,
}

impl fmt::Debug for CallRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRequest").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl CallRequest {
    pub(crate) fn new(mode: CallMode) -> Arc<Self> {
        let taken = AtomicBool::new(false);
        Arc::new(Self { mode, taken, given: Mutex::default(), reply: Mutex::default() })
    }

    /// Wants this kept as what the call returns.
    pub(crate) fn insert(given: GivenResult) -> Arc<Self> {
        let request = Self::new(CallMode::Insert);
        *request.given.lock() = Some(given);
        request
    }

    /// What is to be kept, for whoever comes first.
    pub(crate) fn take_given(&self) -> Option<GivenResult> {
        self.given.lock().take()
    }

    /// Nobody is to take it any more; tells whether somebody did.
    pub(crate) fn withdraw(&self) -> bool {
        self.taken.swap(true, Ordering::Relaxed)
    }

    /// The request for the current call, if nobody took it yet.
    #[inline]
    pub(crate) fn take() -> Option<Arc<Self>> {
        if is_entered() { Self::take_entered() } else { None }
    }

    fn take_entered() -> Option<Arc<Self>> {
        let untaken = |request: &Arc<Self>| {
            (!request.taken.swap(true, Ordering::Relaxed)).then(|| Arc::clone(request))
        };
        REQUEST.try_with(untaken).ok().flatten()
    }

    /// Runs a call under this request.
    pub(crate) fn scope<F: Future>(self: Arc<Self>, call: F) -> impl Future<Output = F::Output> {
        counted(REQUEST.scope(self, call))
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn reply<T>(&self, with: impl FnOnce(&mut Reply) -> T) -> T {
        with(&mut self.reply.lock())
    }
}
