//! `#[athena_invalidate]`: what a function makes outdated.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::oneshot::{self, Receiver};

use super::{Aim, Grouped};
use crate::blocking::{is_in_task, wait};
use crate::cache::Cache;
use crate::context;
use crate::key::Key;
use crate::runtime::{Runtime, Scope};
use crate::shape::{Returned, Shape};
use crate::tag::{Tag, Text};
use crate::tasks::Home;

/// The invalidations of one call.
pub struct Invalidation {
    runtime: Option<Arc<Runtime>>,
    scopes: Vec<Scope>,
    always: bool,
}

impl fmt::Debug for Invalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidation").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl Invalidation {
    /// Invalidations on the cache in scope, or the installed one.
    #[expect(clippy::new_without_default, reason = "named by expansions alone")]
    pub fn new() -> Self {
        let runtime = context::current();
        Self { runtime, scopes: Vec::new(), always: false }
    }

    /// Invalidations on this cache.
    pub fn on(cache: &Cache) -> Self {
        Self { runtime: Some(Arc::clone(cache.runtime())), scopes: Vec::new(), always: false }
    }

    /// Also when the function fails or is dropped half-way.
    pub fn always(&mut self) {
        self.always = true;
    }

    /// Looks whether a function makes the keys or tags that come next.
    pub fn aim(&self, aim: &Aim) {
        if let Some(runtime) = &self.runtime {
            aim.check(runtime);
        }
    }

    /// Everything with a tag.
    pub fn tag(&mut self, write: impl FnOnce(&mut Text)) {
        let mut text = Text::default();
        write(&mut text);
        self.add_tag(text.into_string());
    }

    /// An entry named by a template or by hand.
    pub fn key(&mut self, write: impl FnOnce(&mut Text)) {
        let mut text = Text::default();
        write(&mut text);
        self.scopes.push(Scope::Entry(Key::named(&text.into_string())));
    }

    /// All entries of a function that is named by its path.
    pub fn function<F: Grouped>(&mut self) {
        self.scopes.push(Scope::Function(F::name().into()));
    }

    /// All entries of a function that is named by its name.
    pub fn function_named(&mut self, name: &'static str) {
        if let Some(runtime) = &self.runtime {
            runtime.sites.expect_group(name);
        }
        self.scopes.push(Scope::Function(name.into()));
    }

    /// Runs the function, then invalidates if it succeeded (coherence 12, I6).
    pub async fn run<R, V, E>(self, shape: Shape<R, V, E>, body: impl Future<Output = R>) -> R {
        self.run_with(shape, |_| [] as [String; 0], body).await
    }

    /// The same, with tags that only the result knows.
    pub async fn run_with<R, V, E, I>(
        mut self,
        shape: Shape<R, V, E>,
        label: impl FnOnce(&V) -> I,
        body: impl Future<Output = R>,
    ) -> R
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let mut unfinished = self.unfinished();
        let returned = body.await;
        unfinished.0 = None;
        let (is_due, returned) = self.learn(shape, label, returned);
        if is_due {
            self.invalidate().await;
        }
        returned
    }

    /// The same in a thread that stands still meanwhile, for a body that does not wait.
    pub fn block<R, V, E>(self, shape: Shape<R, V, E>, body: impl Future<Output = R>) -> R {
        self.block_with(shape, |_| [] as [String; 0], body)
    }

    /// The same, with tags that only the result knows.
    ///
    /// In a task the backend is told by another task, before it is read again from here, and not waited for.
    pub fn block_with<R, V, E, I>(
        mut self,
        shape: Shape<R, V, E>,
        label: impl FnOnce(&V) -> I,
        body: impl Future<Output = R>,
    ) -> R
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let mut unfinished = self.unfinished();
        let returned = wait(body);
        unfinished.0 = None;
        let (is_due, returned) = self.learn(shape, label, returned);
        if !is_due {
            return returned;
        }
        let Some(pending) = self.pending() else { return returned };
        if is_in_task() {
            // The next one who reads here finds the backend told, whoever tells it.
            pending.journal();
        } else {
            // Not by a task: nobody else may drive its runtime, and this thread is not given up half-way.
            let home = pending.runtime.tasks.home_from_outside();
            let _entered = home.as_ref().map(Home::enter);
            let _ = wait(pending.runtime.invalidate(&pending.scopes));
        }
        returned
    }

    fn unfinished(&self) -> Unfinished {
        Unfinished(self.always.then(|| self.pending()).flatten())
    }

    /// Whether what was returned makes anything outdated.
    fn learn<R, V, E, I>(
        &mut self,
        shape: Shape<R, V, E>,
        label: impl FnOnce(&V) -> I,
        returned: R,
    ) -> (bool, R)
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let (succeeded, returned) = match (shape.split)(returned) {
            Returned::Found(value) => {
                label(&value).into_iter().for_each(|tag| self.add_tag(tag.into()));
                (true, (shape.found)(value))
            }
            Returned::Absent(returned) => (true, returned),
            Returned::Failed(error) => (false, (shape.failed)(error)),
        };
        (succeeded || self.always, returned)
    }

    fn add_tag(&mut self, tag: String) {
        if !tag.is_empty() {
            self.scopes.push(Scope::Tag(Tag::new(tag)));
        }
    }

    /// Invalidates; what has begun goes on in a task if the caller is dropped meanwhile.
    async fn invalidate(&self) {
        let Some(pending) = self.pending() else { return };
        match pending.begin() {
            Ok(done) => {
                let _ = done.await;
            }
            Err(pending) => pending.end_here().await,
        }
    }

    fn pending(&self) -> Option<DueInvalidation> {
        let runtime = self.runtime.as_ref().filter(|_| !self.scopes.is_empty())?;
        Some(DueInvalidation { runtime: Arc::clone(runtime), scopes: self.scopes.clone() })
    }
}

/// Invalidations that are due.
struct DueInvalidation {
    runtime: Arc<Runtime>,
    scopes: Vec<Scope>,
}

impl DueInvalidation {
    /// Marks this process at once and tells the backend in a task; the receiver hears of its end.
    ///
    /// Gives the invalidations back if no task can be started, or as many run as may.
    fn begin(self) -> Result<Receiver<()>, Self> {
        self.runtime.mark(&self.scopes);
        let Some(spawner) = self.runtime.spawner_for_call() else {
            return Err(self);
        };
        let (ended, done) = oneshot::channel();
        spawner.spawn(async move {
            let _ = self.runtime.invalidate(&self.scopes).await;
            let _ = ended.send(());
        });
        Ok(done)
    }

    /// Tells the backend in the caller's future; dropped half-way, it leaves the rest to the journal.
    async fn end_here(self) {
        if self.runtime.tasks.spawner().is_some() {
            let _ = self.runtime.invalidate(&self.scopes).await;
        } else {
            self.journal();
        }
    }

    /// Has the backend told by the journal, before it is read again.
    fn journal(self) {
        self.runtime.journal(&self.scopes);
    }
}

/// Invalidations of a function that is still running, for the case that it is dropped.
struct Unfinished(Option<DueInvalidation>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(Err(pending)) = self.0.take().map(DueInvalidation::begin) {
            pending.journal();
        }
    }
}
